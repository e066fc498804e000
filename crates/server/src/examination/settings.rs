//! `[examination]` and `[spam]` of the configuration file: what is asked of letters from others, and
//! what is done with those that nobody wants.

use crate::configuration::Endpoint;
use engine::spam::{self, Points};
use serde::Deserialize;

/// Servers that try again wait some minutes first, and some hours at most.
const GREYLIST_SECONDS_MAX: u32 = 4 * 3_600;

/// `[examination]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Whether it is looked up who wrote a letter: SPF, DKIM, DMARC, ARC.
    pub authentication: bool,
    /// Whether letters that are not their domain's own go where the domain wants them.
    pub dmarc: DmarcUse,
    /// Whether letters from this machine are looked at, too.
    pub loopback: bool,
    /// Seconds that looking names up for one letter may take.
    pub seconds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            authentication: true,
            dmarc: DmarcUse::Obey,
            loopback: false,
            seconds: 20,
        }
    }
}

/// What follows from a letter that is not its domain's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DmarcUse {
    /// What the domain wants.
    #[default]
    Obey,
    /// It is only noted in the letter.
    Note,
}

/// `[spam]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spam {
    /// Whether it is counted what speaks for and against a letter.
    pub enabled: bool,
    /// From this many points on a letter goes to the Junk folder.
    pub junk_score: f64,
    /// From this many on it is refused; 0 for never.
    pub refuse_score: f64,
    /// Whether what one learns from their letters is used for others' letters, too.
    pub learn_for_all: bool,
    /// Endings of attached files that are refused: `["exe", "scr"]`.
    pub refuse_attachments: Vec<String>,
    /// Largest attached file in bytes; 0 for as large as a letter may be.
    pub attachment_bytes: u64,
    /// Seconds after which strangers may come again; 0 lets them in at once.
    pub greylist_seconds: u32,
    /// Lists that are asked.
    pub blocklist: Vec<Blocklist>,
    /// The daemon of `ClamAV`.
    pub clamav: Option<ClamAv>,
    /// Rspamd.
    pub rspamd: Option<Rspamd>,
    /// Milters, in their order.
    pub milter: Vec<MilterSettings>,
}

/// `[[spam.blocklist]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blocklist {
    /// The list's domain.
    pub zone: String,
    /// What is looked up there.
    pub of: Listed,
    /// How much it counts to stand there.
    pub score: f64,
}

/// What a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Listed {
    /// The address that the letter comes from.
    Address,
    /// The domains of sender and author.
    Sender,
    /// The hosts that links lead to.
    Link,
}

/// `[spam.clamav]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClamAv {
    /// An address with a port, or the path of a socket.
    pub address: Endpoint,
    /// Seconds that it may take.
    #[serde(default = "patience")]
    pub seconds: u64,
    /// What becomes of letters in which it finds something.
    #[serde(default)]
    pub infected: Infected,
}

/// What becomes of an infected letter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Infected {
    /// It is not accepted.
    #[default]
    Refuse,
    /// It goes to the Junk folder.
    Junk,
}

/// `[[spam.milter]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MilterSettings {
    /// An address with a port, or the path of a socket.
    pub address: Endpoint,
    /// Seconds that it may take for a letter.
    #[serde(default = "patience")]
    pub seconds: u64,
    /// What becomes of letters when it fails.
    #[serde(default)]
    pub failure: Failure,
    /// Whether it hears of what users submit, too.
    #[serde(default)]
    pub submissions: bool,
}

/// What becomes of a letter when a milter fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Failure {
    /// It goes on.
    #[default]
    Accept,
    /// The other server is to try again later.
    Defer,
}

/// `[spam.rspamd]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rspamd {
    /// An address with a port, or the path of a socket; plain HTTP.
    pub address: Endpoint,
    /// Seconds that it may take.
    #[serde(default = "patience")]
    pub seconds: u64,
    /// The password that it wants, if any.
    pub password: Option<String>,
}

fn patience() -> u64 {
    30
}

impl Default for Spam {
    fn default() -> Self {
        Self {
            enabled: true,
            junk_score: 5.0,
            refuse_score: 15.0,
            learn_for_all: true,
            refuse_attachments: Vec::new(),
            attachment_bytes: 0,
            greylist_seconds: 0,
            blocklist: Vec::new(),
            clamav: None,
            rspamd: None,
            milter: Vec::new(),
        }
    }
}

impl Spam {
    /// As the engine takes it.
    pub fn decided(&self) -> spam::Settings {
        let ending = |one: &String| one.trim_start_matches('.').to_lowercase();
        spam::Settings {
            junk: Points::of(self.junk_score),
            refuse: Some(Points::of(self.refuse_score)).filter(|limit| limit.0 > 0),
            learn_for_all: self.learn_for_all,
            refused_endings: self.refuse_attachments.iter().map(ending).collect(),
            attachment_bytes_max: Some(self.attachment_bytes).filter(|&bytes| bytes > 0),
        }
    }

    /// What the types alone don't refuse.
    pub fn validate(&self) -> Result<(), String> {
        let scores = [self.junk_score, self.refuse_score];
        if scores.iter().any(|score| !(0.0..=1000.0).contains(score)) || self.junk_score < 0.1 {
            return Err("[spam] scores must be above 0 and at most 1000".into());
        }
        if self.greylist_seconds > GREYLIST_SECONDS_MAX {
            return Err("[spam] greylist_seconds must be at most 14400".into());
        }
        Ok(())
    }
}
