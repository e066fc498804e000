//! May this peer send in the name of that domain?
//!
//! An evaluator of our own: that of mail-auth 0.13 fails 54 of the 203 tests of the public suite. It
//! never asks more than the standard allows, and passes no words of the domain on. Its caller
//! bounds the time. Start at [`check`]; the grammar is in [`record`] and [`template`].
//!
//! Standards: RFC 7208 (SPF), RFC 8616 §4 (domains in other scripts).

mod lookups;
mod record;
mod template;

use self::lookups::Lookups;
use self::record::{Directive, Faulty, Mechanism, Policy, Qualifier, Widths, is_policy};
use self::template::{Known, Template};
use engine::directory::address::canonical_domain;
use engine::examination::authentication::Outcome;
use mail_auth::hickory_resolver::TokioResolver;
use std::net::IpAddr;
use std::pin::Pin;

/// Mechanisms and modifiers of one evaluation that ask for names (RFC 7208 §4.6.4).
const TERMS_MAX: usize = 10;
/// Mail servers and names of a peer whose addresses are looked up for one mechanism, likewise.
const HOSTS_MAX: usize = 10;
const LABEL_MAX: usize = 63;
const NAME_MAX: usize = 255;

/// Who asks to send for whom.
pub struct Question<'a> {
    pub peer: IpAddr,
    /// What the peer calls itself.
    pub greeting: &'a str,
    /// The sender of the envelope; empty for notices, which are sent in the name of `greeting`.
    pub sender: &'a str,
}

/// The outcome, and the domain that was asked.
///
/// Source: RFC 7208 §2.4, §4.
pub async fn check(asker: &TokioResolver, question: &Question<'_>) -> (Outcome, String) {
    let (local, domain) = match question.sender.rsplit_once('@') {
        Some((local, domain)) => (local, domain),
        None => ("", question.greeting),
    };
    let domain = ascii(domain);
    if !is_checkable(&domain) {
        return (Outcome::None, domain);
    }
    let mut evaluation = Evaluation {
        lookups: Lookups::new(asker),
        peer: question.peer.to_canonical(),
        greeting: question.greeting,
        local: if local.is_empty() {
            "postmaster"
        } else {
            local
        },
        sender_domain: &domain,
        terms: 0,
        validated_name: None,
    };
    let found = evaluation.outcome_of(domain.clone()).await;
    let outcome = found.unwrap_or_else(|stop| stop);
    drop(evaluation);
    (outcome, domain)
}

/// A domain as it is asked for; what has no such form is left as it is.
fn ascii(domain: &str) -> String {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    canonical_domain(domain).unwrap_or_else(|_| domain.to_lowercase())
}

/// RFC 7208 §4.3: a name of several labels, none of them empty or too long, and no literal.
fn is_checkable(domain: &str) -> bool {
    let is_label = |label: &str| (1..=LABEL_MAX).contains(&label.len());
    domain.len() < NAME_MAX
        && domain.contains('.')
        && domain.split('.').all(is_label)
        && !domain.starts_with('[')
}

/// An outcome that ends the whole evaluation.
type Ended<T> = Result<T, Outcome>;

/// One evaluation with what it has used up.
struct Evaluation<'a> {
    lookups: Lookups<'a>,
    peer: IpAddr,
    greeting: &'a str,
    local: &'a str,
    sender_domain: &'a str,
    terms: usize,
    validated_name: Option<String>,
}

impl From<Faulty> for Outcome {
    fn from(_: Faulty) -> Self {
        Self::PermanentError
    }
}

impl Evaluation<'_> {
    /// What a domain says of the peer; `None` where it says nothing at all.
    ///
    /// Calls itself for what is included or redirected to: [`TERMS_MAX`] times in all at most.
    fn outcome_of(
        &mut self,
        domain: String,
    ) -> Pin<Box<dyn Future<Output = Ended<Outcome>> + Send + '_>> {
        Box::pin(async move {
            let Some(policy) = self.policy(&domain).await? else {
                return Ok(Outcome::None);
            };
            for Directive {
                qualifier,
                mechanism,
            } in &policy.directives
            {
                if self.is_meant(mechanism, &domain).await? {
                    return Ok(match qualifier {
                        Qualifier::Pass => Outcome::Pass,
                        Qualifier::Fail => Outcome::Fail,
                        Qualifier::SoftFail => Outcome::SoftFail,
                        Qualifier::Neutral => Outcome::Neutral,
                    });
                }
            }
            match &policy.redirect {
                Some(target) => self.outcome_elsewhere(target, &domain).await,
                None => Ok(Outcome::Neutral),
            }
        })
    }

    /// RFC 7208 §5.2, §6.1: there must be a policy where one refers to.
    async fn outcome_elsewhere(&mut self, target: &Template, domain: &str) -> Ended<Outcome> {
        self.count_term()?;
        let target = self.fill(target, domain).await?;
        match self.outcome_of(target).await? {
            Outcome::None => Err(Outcome::PermanentError),
            outcome => Ok(outcome),
        }
    }

    /// RFC 7208 §4.4, §4.5.
    async fn policy(&mut self, domain: &str) -> Ended<Option<Policy>> {
        let texts = self.lookups.texts(domain).await?;
        let mut policies = texts.iter().filter(|text| is_policy(text));
        match (policies.next(), policies.next()) {
            (None, _) => Ok(None),
            (Some(text), None) => Ok(Some(Policy::parse(text)?)),
            (Some(_), Some(_)) => Err(Outcome::PermanentError),
        }
    }

    async fn is_meant(&mut self, mechanism: &Mechanism, domain: &str) -> Ended<bool> {
        match mechanism {
            Mechanism::All => Ok(true),
            Mechanism::Ip4(network, width) => Ok(are_near(self.peer, (*network).into(), *width)),
            Mechanism::Ip6(network, width) => Ok(are_near(self.peer, (*network).into(), *width)),
            Mechanism::Include(target) => {
                let outcome = self.outcome_elsewhere(target, domain).await?;
                Ok(outcome == Outcome::Pass)
            }
            Mechanism::A(target, widths) => {
                let host = self.target(target.as_ref(), domain).await?;
                self.is_address_of(&host, *widths).await
            }
            Mechanism::Mx(target, widths) => {
                let host = self.target(target.as_ref(), domain).await?;
                self.is_mail_server_of(&host, *widths).await
            }
            Mechanism::Ptr(target) => {
                let host = self.target(target.as_ref(), domain).await?;
                let names = self.validated_names().await;
                Ok(names.iter().any(|name| is_within(name, &host)))
            }
            Mechanism::Exists(target) => {
                let host = self.target(Some(target), domain).await?;
                let four = IpAddr::from([0; 4]);
                Ok(!self.lookups.addresses(&host, four).await?.is_empty())
            }
        }
    }

    /// The name that a mechanism is about; counts it as one that asks.
    async fn target(&mut self, target: Option<&Template>, domain: &str) -> Ended<String> {
        self.count_term()?;
        match target {
            Some(target) => self.fill(target, domain).await,
            None => Ok(domain.to_owned()),
        }
    }

    fn count_term(&mut self) -> Ended<()> {
        self.terms += 1;
        if self.terms > TERMS_MAX {
            return Err(Outcome::PermanentError);
        }
        Ok(())
    }

    async fn fill(&mut self, template: &Template, domain: &str) -> Ended<String> {
        if template.needs_name() && self.validated_name.is_none() {
            let names = self.validated_names().await;
            let best = names
                .iter()
                .find(|name| name.eq_ignore_ascii_case(domain))
                .or_else(|| names.iter().find(|name| is_within(name, domain)))
                .or_else(|| names.first());
            self.validated_name = Some(best.map_or("unknown", String::as_str).to_owned());
        }
        Ok(template.filled(&Known {
            local: self.local,
            sender_domain: self.sender_domain,
            domain,
            peer: self.peer,
            greeting: self.greeting,
            validated_name: self.validated_name.as_deref().unwrap_or("unknown"),
        }))
    }

    async fn is_address_of(&mut self, host: &str, widths: Widths) -> Ended<bool> {
        let peer = self.peer;
        let width = if peer.is_ipv4() {
            widths.four
        } else {
            widths.six
        };
        let addresses = self.lookups.addresses(host, peer).await?;
        Ok(addresses
            .iter()
            .any(|address| are_near(peer, *address, width)))
    }

    /// RFC 7208 §5.4, §4.6.4: with too many mail servers there is no answer but an error.
    async fn is_mail_server_of(&mut self, host: &str, widths: Widths) -> Ended<bool> {
        let servers = self.lookups.mail_servers(host).await?;
        for (count, server) in servers.iter().enumerate() {
            if count >= HOSTS_MAX {
                return Err(Outcome::PermanentError);
            }
            if self.is_address_of(server, widths).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The peer's names that lead back to it (RFC 7208 §5.5); what can't be looked up is none.
    async fn validated_names(&mut self) -> Vec<String> {
        let peer = self.peer;
        let names = self.lookups.names_of(peer).await.unwrap_or_default();
        let mut validated = Vec::new();
        for name in names.into_iter().take(HOSTS_MAX) {
            let addresses = self
                .lookups
                .addresses(&name, peer)
                .await
                .unwrap_or_default();
            if addresses.contains(&peer) {
                validated.push(name);
            }
        }
        validated
    }
}

/// True if a name is a domain's own or lies below it.
fn is_within(name: &str, domain: &str) -> bool {
    let (name, domain) = (name.to_ascii_lowercase(), domain.to_ascii_lowercase());
    let above = name.strip_suffix(&domain);
    above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

/// True if two addresses of one family have so many leading bits in common.
fn are_near(one: IpAddr, other: IpAddr, width: u8) -> bool {
    let (differing, bits) = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (u128::from(one.to_bits() ^ other.to_bits()), 32),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits(), 128),
        _ => return false,
    };
    let ignored = bits - u32::from(width);
    differing.checked_shr(ignored).unwrap_or(0) == 0
}

/// Reads any bytes as a record, and fills all of its blanks: nothing fails, and names stay names.
#[cfg(any(test, feature = "fuzzed"))]
pub fn read_any(record: &[u8]) {
    let Ok(policy) = Policy::parse(record) else {
        return;
    };
    let known = Known {
        local: "a.b-c",
        sender_domain: "example.test",
        domain: "sub.example.test",
        peer: IpAddr::from([192, 0, 2, 25]),
        greeting: "out.test",
        validated_name: "out.test",
    };
    let filled = policy.directives.iter().filter_map(|directive| {
        let template = match &directive.mechanism {
            Mechanism::Include(target) | Mechanism::Exists(target) => Some(target),
            Mechanism::A(target, _) | Mechanism::Mx(target, _) | Mechanism::Ptr(target) => {
                target.as_ref()
            }
            Mechanism::All | Mechanism::Ip4(..) | Mechanism::Ip6(..) => None,
        };
        template.map(|template| template.filled(&known))
    });
    for name in filled.chain(policy.redirect.map(|template| template.filled(&known))) {
        assert!(name.len() <= NAME_MAX || !name.contains('.'), "{name}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_leading_bits_count_and_families_are_never_mixed() {
        let near = |one: &str, other: &str, width| {
            are_near(one.parse().unwrap(), other.parse().unwrap(), width)
        };
        assert!(near("192.0.2.3", "192.0.2.200", 24));
        assert!(!near("192.0.2.3", "192.0.3.3", 24));
        assert!(near("192.0.2.3", "10.0.0.1", 0) && !near("192.0.2.3", "192.0.2.2", 32));
        assert!(near("1::1", "2::1", 0) && near("1:2::1", "1:2::2", 32));
        assert!(!near("1::1", "1::2", 128) && !near("::", "0.0.0.0", 0));
    }
}
