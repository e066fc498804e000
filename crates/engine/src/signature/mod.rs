//! What a domain signs its letters with, and what exactly is signed.
//!
//! Keys are kept in the domain's record of the directory and never shown; making them and signing
//! is left to `server`, which has the cryptography. Here stand the forms: the canonical bytes
//! ([`canonical`]), the field ([`field`]), the life of a key ([`key`]).
//!
//! Standards: RFC 6376 (DKIM), RFC 8463 (Ed25519), RFC 8301 (SHA-256 and long keys only).

pub mod canonical;
pub mod field;
pub mod key;
pub mod seal;
pub mod tags;

use crate::directory::record::DomainRecord;
use crate::directory::{Address, address, domain_key};
use crate::engine::Engine;
use crate::error::EngineError;
use key::{Algorithm, DomainKey};
use std::ops::ControlFlow;
use std::sync::Arc;
use store::StoreError;
use store::backend::Pending;
use store::model::{DirectoryKind, Reads};

/// Labels of a name that are taken away, one by one, in the search for the domain that signs.
const PARENTS_MAX: usize = 4;

/// A domain that signs, with the keys that it signs with now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    /// The domain.
    pub domain: String,
    /// Its keys in use, at most one of each algorithm.
    pub keys: Vec<DomainKey>,
}

impl Engine {
    /// The keys with which a letter is signed whose author has this address: those of its domain,
    /// or of the nearest domain above it, which speaks for it just as well (RFC 7489 §3.1.1).
    ///
    /// Read once after each change of the directory.
    pub fn signing(&self, author: &str) -> Result<Option<Arc<Signing>>, EngineError> {
        let Ok(author) = Address::parse(author) else {
            return Ok(None);
        };
        let domain = author.domain();
        self.directory()
            .signing(domain, || self.read_signing(domain))
    }

    fn read_signing(&self, domain: &str) -> Result<Option<Signing>, EngineError> {
        let view = self.directory().view()?;
        let found = names_from(domain).try_for_each(|name| match read(&view, name) {
            Ok(None) => ControlFlow::Continue(()),
            Ok(Some(record)) => ControlFlow::Break(Ok(record)),
            Err(error) => ControlFlow::Break(Err(error)),
        });
        let record = match found {
            ControlFlow::Continue(()) => return Ok(None),
            ControlFlow::Break(found) => found?,
        };
        let keys = record.keys.into_iter().filter(DomainKey::is_in_use);
        Ok(Some(Signing {
            domain: record.name,
            keys: keys.collect(),
        }))
    }

    /// The RSA key with which a domain of ours seals what it passes on; everyone can check it.
    pub fn sealing(&self, domain: &str) -> Result<Option<Signing>, EngineError> {
        let found = self.signing(&format!("postmaster@{domain}"))?;
        Ok(found.map(|signing| {
            let mut signing = Signing::clone(&signing);
            signing.keys.retain(|key| key.algorithm == Algorithm::Rsa);
            signing
        }))
    }

    /// Changes the keys of a domain.
    ///
    /// `change` may be called again after a conflict.
    pub fn change_domain_keys(
        &self,
        domain: &str,
        change: impl Fn(&mut Vec<DomainKey>),
    ) -> Result<Pending<()>, EngineError> {
        let name = address::canonical_domain(domain)?;
        self.change_domain(&name, |record| change(&mut record.keys))
    }
}

/// A name and the names above it that can be a domain of mail.
fn names_from(domain: &str) -> impl Iterator<Item = &str> {
    fn above<'a>(name: &&'a str) -> Option<&'a str> {
        name.split_once('.').map(|(_, rest)| rest)
    }
    std::iter::successors(Some(domain), above)
        .take(PARENTS_MAX)
        .filter(|name| name.contains('.'))
}

fn read(view: &impl Reads, name: &str) -> Result<Option<DomainRecord>, StoreError> {
    let Some(target) = view.address(&domain_key(name))? else {
        return Ok(None);
    };
    let row = view.directory_record(DirectoryKind::Domain, target.number)?;
    row.map(|row| DomainRecord::decode(&row.payload))
        .transpose()
}
