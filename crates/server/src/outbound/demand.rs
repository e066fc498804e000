//! What a connection to a host must prove, by what its domain says of itself.
//!
//! Signed names go first (DANE), then a policy over HTTPS (MTA-STS), then nothing is known and
//! encryption is taken where it is offered. What cannot be looked up for now is never taken for
//! "nothing is known".
//!
//! Start at [`Demands::of`].
//!
//! Standards: RFC 7672 §2.2 (when DANE applies), RFC 8461 §2 (which goes first), §5 (modes), RFC
//! 8689 §4.2.1 (letters that demand it themselves).

use super::dane::usable;
use super::names::{Names, NamesError};
use super::settings::Encryption;
use super::sts::{Mode, Policy};
use super::tls::Proof;
use engine::queue::{Reason, Status};
use std::sync::Arc;

/// What a connection must prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// Whether to encrypt.
    pub encryption: Encryption,
    /// What the certificate must prove.
    pub proof: Proof,
    /// Who demands it, in words for the log; empty when nobody does.
    pub by: &'static str,
    /// A failure of the proof is only reported: the letter goes all the same.
    pub testing: bool,
}

impl Demand {
    /// What the configuration says.
    pub fn configured(encryption: Encryption) -> Self {
        Self {
            encryption,
            proof: match encryption {
                Encryption::Never | Encryption::Offered => Proof::None,
                Encryption::Verified | Encryption::Immediate => Proof::Authority,
            },
            by: "",
            testing: false,
        }
    }

    /// What will do when this failed: in testing, whatever is offered; then none.
    pub fn weaker(&self) -> Option<Self> {
        match self.encryption {
            _ if self.testing => Some(Self::configured(Encryption::Offered)),
            Encryption::Offered => Some(Self::configured(Encryption::Never)),
            _ => None,
        }
    }
}

/// What a domain demands of all its hosts.
pub struct Demands {
    /// The policy over HTTPS.
    pub policy: Option<Arc<Policy>>,
    /// The names of its mail servers are signed.
    pub signed: bool,
    /// The letter demands proof by itself.
    pub strict: bool,
}

impl Demands {
    /// What one host must prove.
    ///
    /// Errors: the host must not be used, for now or for this letter.
    pub async fn of(&self, names: &dyn Names, host: &str, port: u16) -> Result<Demand, Reason> {
        let demand = |proof, by, testing| Demand {
            encryption: Encryption::Verified,
            proof,
            by,
            testing,
        };
        if self.signed {
            match names.keys(port, host).await {
                Ok(records) => {
                    let records = usable(records);
                    return Ok(if records.is_empty() {
                        demand(Proof::None, "DANE without a usable record", false)
                    } else {
                        demand(Proof::Keys(Arc::from(records)), "DANE", false)
                    });
                }
                // An attacker who suppresses the answer must not win (RFC 7672 §2.1.2).
                Err(NamesError::Unavailable(_)) => return Err(Reason::ours(Status::NO_NAMES)),
                Err(NamesError::NoSuchName | NamesError::Nothing) => {}
            }
        }
        match &self.policy {
            Some(policy) if policy.mode == Mode::Enforce => {
                if policy.allows(host) {
                    Ok(demand(Proof::Authority, "MTA-STS", false))
                } else {
                    Err(Reason {
                        status: Status::new(4, 7, 5),
                        reply: Some("not a mail server by the domain's MTA-STS policy".to_owned()),
                    })
                }
            }
            Some(policy) if policy.mode == Mode::Testing && policy.allows(host) && !self.strict => {
                Ok(Demand {
                    encryption: Encryption::Offered,
                    ..demand(Proof::Authority, "MTA-STS in testing", true)
                })
            }
            _ if self.strict => Err(Reason::ours(Status::new(5, 7, 10))),
            _ => Ok(Demand::configured(Encryption::Offered)),
        }
    }
}
