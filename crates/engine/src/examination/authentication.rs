//! Who wrote a letter, as far as its domain can prove it, and what follows from that.
//!
//! Start at [`Authentication::decision`].
//!
//! Standards: RFC 7208 §2.6 (SPF), RFC 6376 §3.9 (DKIM), RFC 7489 §6.6 (DMARC), RFC 8617 (ARC).

use super::{Decision, Refusal};

/// How a check ended; the words are those of RFC 8601 §2.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outcome {
    /// There was nothing to check.
    #[default]
    None,
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// It does not, but the domain is not sure of itself.
    SoftFail,
    /// The domain says nothing, or what is there can't be checked.
    Neutral,
    /// The policy of this server does not let it count.
    Policy,
    /// It can't be checked now.
    TemporaryError,
    /// It can never be checked.
    PermanentError,
}

impl Outcome {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::SoftFail => "softfail",
            Self::Neutral => "neutral",
            Self::Policy => "policy",
            Self::TemporaryError => "temperror",
            Self::PermanentError => "permerror",
        }
    }
}

/// One signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Whether it holds.
    pub outcome: Outcome,
    /// Who signed.
    pub domain: String,
    /// With which key.
    pub selector: String,
}

/// What the author's domain wants done with letters that are not its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// Nothing.
    #[default]
    None,
    /// They are to be kept apart.
    Quarantine,
    /// They are to be refused.
    Reject,
}

/// The author's address, as far as there is one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Author {
    /// Nobody looked.
    #[default]
    Unknown,
    /// One From field with addresses of this one domain.
    Domain(String),
    /// No From field, several of them, one without an address, or with several domains: nobody can
    /// say whose letter it is.
    Unclear,
}

/// All that was found out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Authentication {
    /// The author.
    pub author: Author,
    /// May the peer send for the sender of the envelope?
    pub spf: Outcome,
    /// The signatures, in the order of the header.
    pub signatures: Vec<Signature>,
    /// Does one of these two speak for the author's domain?
    pub dmarc: Outcome,
    /// What the author's domain wants done if not.
    pub policy: Policy,
    /// Are the seals of those who passed it on whole?
    pub arc: Outcome,
    /// Have address and name of the peer been found to belong together?
    pub reverse: Outcome,
}

impl Authentication {
    /// What is to be done because of it.
    ///
    /// A letter without a clear author is refused: nobody but a forger sends it, and each program
    /// shows another of its authors (RFC 7489 §6.6.1). When names could not be found a letter
    /// is not refused for it, since it may be the domain's own.
    pub fn decision(&self) -> Decision {
        let Author::Domain(domain) = &self.author else {
            return match self.author {
                Author::Unclear => {
                    let text = "The letter needs one From field with an address of one domain";
                    Decision::Refuse(Refusal::new("6.0", text))
                }
                _ => Decision::Accept,
            };
        };
        match (self.dmarc, self.policy) {
            (Outcome::Fail, Policy::Reject) => {
                let text = format!("{domain} wants letters refused that it has not authenticated");
                Decision::Refuse(Refusal::new("7.26", &text))
            }
            (Outcome::Fail, Policy::Quarantine) => Decision::Quarantine,
            _ => Decision::Accept,
        }
    }

    /// `spf=pass dkim=pass dmarc=pass`, for the log.
    pub fn summary(&self) -> String {
        let dkim = self.signatures.iter().map(|one| one.outcome);
        let dkim = dkim
            .reduce(|best, one| if best == Outcome::Pass { best } else { one })
            .unwrap_or_default();
        format!(
            "spf={} dkim={} dmarc={}",
            self.spf.word(),
            dkim.word(),
            self.dmarc.word()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(policy: Policy) -> Authentication {
        Authentication {
            author: Author::Domain("bank.test".to_owned()),
            dmarc: Outcome::Fail,
            policy,
            ..Authentication::default()
        }
    }

    #[test]
    fn what_is_not_the_domains_own_goes_where_the_domain_wants_it() {
        assert_eq!(failing(Policy::None).decision(), Decision::Accept);
        assert_eq!(failing(Policy::Quarantine).decision(), Decision::Quarantine);
        assert!(matches!(
            failing(Policy::Reject).decision(),
            Decision::Refuse(Refusal { status, .. }) if status == "7.26"
        ));
    }

    #[test]
    fn what_cannot_be_found_out_is_no_reason_to_refuse() {
        for dmarc in [
            Outcome::TemporaryError,
            Outcome::PermanentError,
            Outcome::None,
        ] {
            let found = Authentication {
                dmarc,
                ..failing(Policy::Reject)
            };
            assert_eq!(found.decision(), Decision::Accept, "{dmarc:?}");
        }
    }

    #[test]
    fn a_letter_without_a_clear_author_never_passes() {
        let unclear = Authentication {
            author: Author::Unclear,
            dmarc: Outcome::Pass,
            ..Authentication::default()
        };
        assert!(matches!(unclear.decision(), Decision::Refuse(_)));
    }

    #[test]
    fn one_good_signature_is_enough_for_the_summary() {
        let signature = |outcome| Signature {
            outcome,
            domain: "a.test".to_owned(),
            selector: "s".to_owned(),
        };
        let found = Authentication {
            spf: Outcome::SoftFail,
            signatures: [Outcome::Fail, Outcome::Pass, Outcome::Neutral]
                .map(signature)
                .to_vec(),
            dmarc: Outcome::Pass,
            ..Authentication::default()
        };
        assert_eq!(found.summary(), "spf=softfail dkim=pass dmarc=pass");
    }
}
