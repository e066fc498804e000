//! `[examination]` of the configuration file: what is asked of letters from others.

use serde::Deserialize;

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
