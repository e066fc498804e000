//! `[signing]` of the configuration file.

use serde::Deserialize;

/// `[signing]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Signing {
    /// Days for which a domain's key is used before the next one is made; 0 is for ever.
    pub rotate_days: u32,
}

impl Default for Signing {
    fn default() -> Self {
        Self { rotate_days: 180 }
    }
}
