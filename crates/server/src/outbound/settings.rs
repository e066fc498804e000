//! `[delivery]` and `[dns]` of the configuration file: which way letters to others go.
//!
//! Start at [`Delivery`].

use engine::queue::Pace;
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// `[delivery]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Delivery {
    /// The server that takes all mail for others: a name or address, with a port if it is not 25.
    pub relay_host: Option<String>,
    /// The name to sign in with there.
    pub relay_user: Option<String>,
    /// Its password.
    pub relay_password: Option<String>,
    /// Whether the way there must be encrypted.
    pub relay_tls: Encryption,
    /// Ways for single domains and senders; the first that fits is taken.
    pub route: Vec<Route>,
    /// Addresses of this machine to send from, at most one of each family is used.
    pub source_addresses: Vec<IpAddr>,
    /// Domains whose mail is taken from anyone and passed on to their first servers.
    pub backup_for: Vec<String>,
    /// Letters that are sent at the same time.
    pub sendings: usize,
    /// Connections to one destination at the same time.
    pub connections_per_destination: usize,
    /// Seconds before the second attempt.
    pub retry_first_seconds: u32,
    /// Most seconds between two attempts.
    pub retry_most_seconds: u32,
    /// Days after which a letter is given up.
    pub give_up_days: u32,
    /// Hours after which the sender is told that it takes longer.
    pub warn_hours: u32,
    /// The port on which other servers take mail; another one is of use in a laboratory only.
    pub port: u16,
    /// Likewise the port from which MTA-STS policies are fetched.
    pub https_port: u16,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            relay_host: None,
            relay_user: None,
            relay_password: None,
            relay_tls: Encryption::Offered,
            route: Vec::new(),
            source_addresses: Vec::new(),
            backup_for: Vec::new(),
            sendings: 256,
            connections_per_destination: 20,
            retry_first_seconds: 300,
            retry_most_seconds: 3_600,
            give_up_days: 5,
            warn_hours: 4,
            port: 25,
            https_port: 443,
        }
    }
}

impl Delivery {
    /// How much is sent at a time.
    pub fn pace(&self) -> Pace {
        Pace {
            sendings_max: self.sendings.max(1),
            connections_max: self.connections_per_destination.max(1),
            rest_first_seconds: self.retry_first_seconds.min(60),
            rest_most_seconds: self.retry_most_seconds,
            ..Pace::default()
        }
    }
}

/// Whether a way must be encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// If the other server offers it; its certificate is not looked at.
    #[default]
    Offered,
    /// Always, with a certificate that is valid for its name.
    Verified,
    /// Likewise, from the first byte (RFC 8314 §3.3).
    Immediate,
    /// Never: within one machine or one cable.
    Never,
}

/// `[[delivery.route]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// For this domain; `.example.org` is for everything below it.
    #[serde(default)]
    pub domain: Option<String>,
    /// For this sender; `@example.org` is for all of a domain.
    #[serde(default)]
    pub sender: Option<String>,
    /// `mx`, `smtp:HOST[:PORT]`, `lmtp:HOST:PORT` or `lmtp:/path/of/socket`.
    pub via: String,
    /// Whether the way must be encrypted.
    #[serde(default)]
    pub tls: Encryption,
    /// The name to sign in with.
    #[serde(default)]
    pub user: Option<String>,
    /// Its password.
    #[serde(default)]
    pub password: Option<String>,
}

/// `[dns]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dns {
    /// The servers to ask; those of `/etc/resolv.conf` when there are none.
    pub servers: Vec<SocketAddr>,
    /// Whether signatures are checked, which DANE needs.
    pub dnssec: Dnssec,
    /// A file with the keys to trust in place of the root's.
    pub trust_anchor: Option<PathBuf>,
}

/// Whether the signatures of names are checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dnssec {
    /// If they come through the servers that are asked.
    #[default]
    Auto,
    /// Always; a signed name without them is forged.
    On,
    /// Never.
    Off,
}
