//! What an administrator decides about Outlook.

use serde::Deserialize;

/// `[mapi]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Whether Outlook is served. Off until it was tried with Outlook itself.
    pub enabled: bool,
    /// Minutes after which a session ends of which nothing is heard.
    pub session_minutes: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: false,
            session_minutes: 15,
        }
    }
}

/// A day: longer than any client is silent that still lives.
const SESSION_MINUTES_MAX: u32 = 24 * 60;

impl Settings {
    /// What the types alone don't refuse.
    pub fn validate(&self) -> Result<(), String> {
        if (1..=SESSION_MINUTES_MAX).contains(&self.session_minutes) {
            return Ok(());
        }
        Err(format!(
            "[mapi] session_minutes must be from 1 to {SESSION_MINUTES_MAX}"
        ))
    }

    /// The same in seconds.
    pub fn session_seconds(&self) -> u32 {
        self.session_minutes.saturating_mul(60)
    }
}
