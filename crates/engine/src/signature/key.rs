//! A domain's key, and its life: it is made and published, then used, then retired, then gone.
//!
//! A first key is used at once, since an unsigned letter is no better than one whose key nobody
//! finds. A later one is used only when the world can see it ([`Step::Use`] is taken by who has
//! looked), so that nothing breaks while an administrator has not yet changed the zone.
//!
//! Start at [`plan`].

use crate::record::{Reader, Writer, corrupt};
use std::fmt;
use store::StoreError;
use store::id::Timestamp;

const SECONDS_PER_DAY: i64 = 24 * 3600;
/// Days for which a retired key stays published: letters signed with it may be under way as long as
/// a queue keeps them, and are looked at again by who moves a mailbox.
pub const RETIRED_DAYS: u32 = 14;

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSA with 2048 bits: everyone understands it (RFC 8301 §3.2).
    Rsa,
    /// Ed25519: short and quick; not yet understood by everyone (RFC 8463).
    Ed25519,
}

impl Algorithm {
    /// All that a domain has keys for.
    pub const ALL: [Self; 2] = [Self::Rsa, Self::Ed25519];

    /// Its name in signatures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rsa => "rsa-sha256",
            Self::Ed25519 => "ed25519-sha256",
        }
    }

    /// Its name in published keys (RFC 6376 §3.6.1, RFC 8463 §4).
    pub fn kind(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::Ed25519 => "ed25519",
        }
    }
}

/// Where a key stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Made, and to be published; not yet used.
    Waiting,
    /// Letters are signed with it.
    InUse,
    /// No longer used since then, but still to be published.
    Retired(Timestamp),
}

/// A key of a domain.
#[derive(Clone, PartialEq, Eq)]
pub struct DomainKey {
    /// Its name below `_domainkey`.
    pub selector: String,
    /// How it signs.
    pub algorithm: Algorithm,
    /// The private key, PKCS #8. Never shown.
    pub secret: Vec<u8>,
    /// The public key as it is published: before base64.
    pub public: Vec<u8>,
    /// When it was made.
    pub made: Timestamp,
    /// Where it stands.
    pub stage: Stage,
}

/// Without the secret, so that no log can have it.
impl fmt::Debug for DomainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DomainKey")
            .field("selector", &self.selector)
            .field("algorithm", &self.algorithm)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

impl DomainKey {
    /// True when letters are signed with it.
    pub fn is_in_use(&self) -> bool {
        self.stage == Stage::InUse
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.text(&self.selector);
        out.number(match self.algorithm {
            Algorithm::Rsa => 0,
            Algorithm::Ed25519 => 1,
        });
        out.bytes(&self.secret).bytes(&self.public);
        out.signed(self.made.0);
        match self.stage {
            Stage::Waiting => out.number(0),
            Stage::InUse => out.number(1),
            Stage::Retired(at) => out.number(2).signed(at.0),
        };
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            selector: input.text()?,
            algorithm: match input.number()? {
                0 => Algorithm::Rsa,
                1 => Algorithm::Ed25519,
                _ => return Err(corrupt()),
            },
            secret: input.bytes()?.to_vec(),
            public: input.bytes()?.to_vec(),
            made: Timestamp(input.signed()?),
            stage: match input.number()? {
                0 => Stage::Waiting,
                1 => Stage::InUse,
                2 => Stage::Retired(Timestamp(input.signed()?)),
                _ => return Err(corrupt()),
            },
        })
    }
}

/// What is to be done with the keys of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make a key; it is used at once where there is none.
    Make(Algorithm, Stage),
    /// Use this key from now on, once it is seen to be published; the one before retires.
    Use(String),
    /// Forget this key.
    Drop(String),
}

/// What is to be done now; `days` is how long a key is used before the next one is made, 0 for ever.
pub fn plan(keys: &[DomainKey], days: u32, now: Timestamp) -> Vec<Step> {
    let is_older = |at: Timestamp, days: u32| {
        now.seconds().saturating_sub(at.seconds()) >= i64::from(days) * SECONDS_PER_DAY
    };
    let mut steps = Vec::new();
    for algorithm in Algorithm::ALL {
        let of_kind = || keys.iter().filter(move |key| key.algorithm == algorithm);
        let used = of_kind().find(|key| key.is_in_use());
        let waiting = of_kind().find(|key| key.stage == Stage::Waiting);
        match (used, waiting) {
            (None, None) => steps.push(Step::Make(algorithm, Stage::InUse)),
            (_, Some(next)) => steps.push(Step::Use(next.selector.clone())),
            (Some(used), None) if days > 0 && is_older(used.made, days) => {
                steps.push(Step::Make(algorithm, Stage::Waiting));
            }
            (Some(_), None) => {}
        }
    }
    let gone = keys
        .iter()
        .filter(|key| matches!(key.stage, Stage::Retired(since) if is_older(since, RETIRED_DAYS)));
    steps.extend(gone.map(|key| Step::Drop(key.selector.clone())));
    steps
}

/// Takes a waiting key into use; the one before retires.
pub fn take_into_use(keys: &mut [DomainKey], selector: &str, now: Timestamp) {
    let found = keys.iter().find(|key| key.selector == selector);
    let Some(algorithm) = found.map(|key| key.algorithm) else {
        return;
    };
    for key in keys.iter_mut().filter(|key| key.algorithm == algorithm) {
        if key.selector == selector {
            key.stage = Stage::InUse;
        } else if key.is_in_use() {
            key.stage = Stage::Retired(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(selector: &str, algorithm: Algorithm, days: i64, stage: Stage) -> DomainKey {
        DomainKey {
            selector: selector.to_owned(),
            algorithm,
            secret: b"secret".to_vec(),
            public: Vec::new(),
            made: day(days),
            stage,
        }
    }

    fn day(days: i64) -> Timestamp {
        Timestamp::from_seconds(days * SECONDS_PER_DAY)
    }

    #[test]
    fn a_domain_without_keys_gets_one_of_each_kind_and_uses_it_at_once() {
        let steps = plan(&[], 180, day(0));
        let wanted = Algorithm::ALL.map(|kind| Step::Make(kind, Stage::InUse));
        assert_eq!(steps, wanted);
    }

    #[test]
    fn a_key_is_followed_by_another_that_waits_until_it_is_seen() {
        let mut keys = vec![
            key("a", Algorithm::Rsa, 0, Stage::InUse),
            key("e", Algorithm::Ed25519, 100, Stage::InUse),
        ];
        assert_eq!(plan(&keys, 180, day(179)), []);
        let made = Step::Make(Algorithm::Rsa, Stage::Waiting);
        assert_eq!(plan(&keys, 180, day(180)), [made]);
        assert_eq!(plan(&keys, 0, day(10_000)), [], "rotation is off");
        keys.push(key("b", Algorithm::Rsa, 180, Stage::Waiting));
        assert_eq!(plan(&keys, 180, day(181)), [Step::Use("b".to_owned())]);
        take_into_use(&mut keys, "b", day(185));
        let stages: Vec<Stage> = keys.iter().map(|key| key.stage).collect();
        assert_eq!(
            stages,
            [Stage::Retired(day(185)), Stage::InUse, Stage::InUse]
        );
        assert_eq!(plan(&keys, 180, day(198)), []);
        assert_eq!(plan(&keys, 180, day(199)), [Step::Drop("a".to_owned())]);
    }

    #[test]
    fn a_key_that_is_written_down_for_people_has_no_secret() {
        let text = format!("{:?}", key("a", Algorithm::Rsa, 0, Stage::InUse));
        assert!(text.contains("\"a\"") && !text.contains("115"), "{text}");
    }
}
