//! What an administrator decides about Outlook.

use serde::Deserialize;

/// `[mapi]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Whether Outlook is served. Off until it was tried with Outlook itself.
    pub enabled: bool,
    /// Where clients come to, if that is another name or port than the server's own: behind a proxy
    /// or a port mapping. `https://`, a name, and a port if it is not 443.
    pub address: Option<String>,
    /// Minutes after which a session ends of which nothing is heard.
    pub session_minutes: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: false,
            address: None,
            session_minutes: 15,
        }
    }
}

/// A day: longer than any client is silent that still lives.
const SESSION_MINUTES_MAX: u32 = 24 * 60;

impl Settings {
    /// What the types alone don't refuse.
    pub fn validate(&self) -> Result<(), String> {
        if !(1..=SESSION_MINUTES_MAX).contains(&self.session_minutes) {
            return Err(format!(
                "[mapi] session_minutes must be from 1 to {SESSION_MINUTES_MAX}"
            ));
        }
        match &self.address {
            Some(address) if !is_origin(address) => Err(format!(
                "[mapi] address must be https://NAME or https://NAME:PORT, not {address}"
            )),
            _ => Ok(()),
        }
    }

    /// The same in seconds.
    pub fn session_seconds(&self) -> u32 {
        self.session_minutes.saturating_mul(60)
    }
}

/// Whether this is `https://`, a name and perhaps a port, and nothing behind it.
fn is_origin(address: &str) -> bool {
    let Some(authority) = address.strip_prefix("https://") else {
        return false;
    };
    let (name, port) = match authority.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (authority, None),
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    !name.is_empty() && name.bytes().all(is_of_name) && port.is_none_or(is_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_name_and_a_port() {
        for address in ["https://mail.example.org", "https://m.example:8443"] {
            assert!(is_origin(address), "{address}");
        }
        for address in [
            "http://m.example",
            "https://",
            "https://m.example/",
            "https://m.example:0",
            "https://m.example:x",
            "https://a@m.example",
            "m.example",
        ] {
            assert!(!is_origin(address), "{address}");
        }
    }
}
