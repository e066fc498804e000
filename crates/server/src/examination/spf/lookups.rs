//! The names that one evaluation asks for, counted.
//!
//! What does not exist is an empty answer; what can't be known now ends the evaluation.
//!
//! Standards: RFC 7208 §4.6.4 (limits), §5.

use crate::outbound::names::{NamesError, read};
use engine::examination::authentication::Outcome;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use mail_auth::hickory_resolver::TokioResolver;
use std::net::IpAddr;

/// Questions without an answer that one evaluation may put (RFC 7208 §4.6.4).
const VOID_MAX: usize = 2;
/// Records of one answer that are looked at.
const RECORDS_MAX: usize = 100;

/// Asks, and counts what leads to nothing.
pub struct Lookups<'a> {
    asker: &'a TokioResolver,
    void: usize,
}

impl<'a> Lookups<'a> {
    pub fn new(asker: &'a TokioResolver) -> Self {
        Self { asker, void: 0 }
    }

    /// The texts of a name, each with its pieces joined. That there are none is not counted.
    pub async fn texts(&self, name: &str) -> Result<Vec<Vec<u8>>, Outcome> {
        let text = |data: &RData| match data {
            RData::TXT(text) => Some(text.txt_data.concat()),
            _ => None,
        };
        self.ask(written(name), RecordType::TXT, text).await
    }

    /// Addresses of a host, of the family of `like`.
    pub async fn addresses(&mut self, host: &str, like: IpAddr) -> Result<Vec<IpAddr>, Outcome> {
        let kind = if like.is_ipv4() {
            RecordType::A
        } else {
            RecordType::AAAA
        };
        let address = |data: &RData| match data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        };
        let found = self.ask(written(host), kind, address).await?;
        self.count(found)
    }

    /// Hosts that take a domain's mail, whatever their order.
    pub async fn mail_servers(&mut self, domain: &str) -> Result<Vec<String>, Outcome> {
        let server = |data: &RData| match data {
            RData::MX(mx) => Some(spelled(&mx.exchange)),
            _ => None,
        };
        let found = self.ask(written(domain), RecordType::MX, server).await?;
        self.count(found)
    }

    /// Names that an address has been given.
    pub async fn names_of(&mut self, peer: IpAddr) -> Result<Vec<String>, Outcome> {
        let name = |data: &RData| match data {
            RData::PTR(name) => Some(spelled(name)),
            _ => None,
        };
        let found = self
            .ask(Some(Name::from(peer)), RecordType::PTR, name)
            .await?;
        self.count(found)
    }

    fn count<T>(&mut self, found: Vec<T>) -> Result<Vec<T>, Outcome> {
        self.void += usize::from(found.is_empty());
        if self.void > VOID_MAX {
            return Err(Outcome::PermanentError);
        }
        Ok(found)
    }

    async fn ask<T>(
        &self,
        name: Option<Name>,
        kind: RecordType,
        value: impl Fn(&RData) -> Option<T>,
    ) -> Result<Vec<T>, Outcome> {
        let Some(name) = name else {
            return Ok(Vec::new()); // Nobody can have such a name.
        };
        match self.asker.lookup(name, kind).await {
            Ok(found) => {
                let values = found.answers().iter();
                let values = values.filter_map(|record| value(&record.data));
                Ok(values.take(RECORDS_MAX).collect())
            }
            Err(error) => match read(&error) {
                NamesError::NoSuchName | NamesError::Nothing => Ok(Vec::new()),
                NamesError::Unavailable(_) => Err(Outcome::TemporaryError),
            },
        }
    }
}

/// A name for a question; `None` if it can't be one.
fn written(name: &str) -> Option<Name> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() {
        return None;
    }
    let mut name = Name::from_labels(name.split('.').map(str::as_bytes)).ok()?;
    name.set_fqdn(true);
    Some(name)
}

fn spelled(name: &Name) -> String {
    let labels = name.iter().map(String::from_utf8_lossy);
    labels.collect::<Vec<_>>().join(".").to_ascii_lowercase()
}
