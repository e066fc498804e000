//! `[reports]` of the configuration file.

use serde::Deserialize;

/// `[reports]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Whether domains that ask for it are told daily of letters in their name (DMARC).
    pub dmarc: bool,
    /// Whether domains that ask for it are told daily whether connections to them could be
    /// encrypted (TLS-RPT).
    pub tls: bool,
    /// The author of these reports, an address of a domain of this server; postmaster of its first
    /// domain if not set.
    pub from: Option<String>,
    /// Whether reports of others to the addresses that the domains name are kept.
    pub keep: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dmarc: true,
            tls: true,
            from: None,
            keep: true,
        }
    }
}
