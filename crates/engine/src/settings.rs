//! What the administrator decided, as plain values; `server` reads them from its configuration.

use crate::authentication::password::Cost;
use crate::spam;
use crate::traffic::Allowance;

/// Whether passwords may be sent over a connection without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cleartext {
    /// Never.
    #[default]
    Never,
    /// From this machine only: for tests and for proxies that end TLS.
    Loopback,
}

/// Sizes and counts that users run into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest letter in bytes, as SIZE and APPENDLIMIT announce it.
    pub message_bytes_max: u64,
    /// Folders of one account.
    pub folders_max: usize,
    /// Folders above one another.
    pub folder_depth_max: usize,
    /// A folder's name in bytes, without the names above it.
    pub folder_name_bytes_max: usize,
    /// Different keywords in one account.
    pub keywords_max: usize,
    /// Received lines in a letter before it is taken for a loop (RFC 5321 §6.3 demands at least 100
    /// be considered; letters in practice never pass 25 hosts, so the number is lower on purpose).
    pub hops_max: u32,
    /// Items that one commit moves or changes; protocols split larger sets where their rules allow
    /// it.
    pub items_per_commit_max: usize,
    /// Items that one request copies or adds, which happens whole or not at all.
    pub items_per_request_max: u32,
    /// Whether that bounds every request, also those that only look.
    pub limits_all_requests: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes_max: 150 * 1024 * 1024,
            folders_max: 10_000,
            folder_depth_max: 32,
            folder_name_bytes_max: 255,
            keywords_max: 1_000,
            hops_max: 50,
            items_per_commit_max: 1_000,
            items_per_request_max: 100_000,
            limits_all_requests: false,
        }
    }
}

/// How long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Days during which removed items can be brought back.
    pub recoverable_days: u32,
    /// Days during which a letter to another server is tried.
    pub queue_days: u32,
    /// Days of the change log.
    pub log_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            recoverable_days: 30,
            queue_days: 5,
            log_days: 366,
        }
    }
}

/// How letters to other servers are tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// Seconds before the second attempt.
    pub retry_first_seconds: u32,
    /// Most seconds between two attempts.
    pub retry_most_seconds: u32,
    /// Seconds after which the sender is told that it takes longer.
    pub warn_after_seconds: u32,
    /// Domains elsewhere for which anyone may leave mail here, because this server is named as one
    /// of theirs.
    pub backup_for: Vec<String>,
}

impl Default for Sending {
    fn default() -> Self {
        Self {
            retry_first_seconds: 300,
            retry_most_seconds: 3_600,
            warn_after_seconds: 4 * 3_600,
            backup_for: Vec::new(),
        }
    }
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The name of this server in greetings and trace lines.
    pub hostname: String,
    /// Where programs manage scripts: a host, with its port where that is not the usual one; `None`
    /// where nobody can.
    pub scripts_at: Option<String>,
    /// Passwords without TLS.
    pub cleartext: Cleartext,
    /// Whether someone may sign out without ending the connection, so that another can sign in.
    pub sign_out: bool,
    /// Whether clients must understand UTF-8 in the names of folders.
    pub utf8_only: bool,
    /// Cost of a password's hash.
    pub password_cost: Cost,
    /// Sizes and counts.
    pub limits: Limits,
    /// Times.
    pub retention: Retention,
    /// Letters to other servers.
    pub sending: Sending,
    /// What is done with letters that nobody wants.
    pub spam: spam::Settings,
    /// How much may come and go.
    pub traffic: Allowance,
    /// What separates a local part from its tag; `None` turns sub-addresses off.
    pub tag_separator: Option<char>,
    /// Quota of new accounts in bytes; `None` is without limit.
    pub quota_bytes: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hostname: "localhost".to_owned(),
            scripts_at: None,
            cleartext: Cleartext::default(),
            sign_out: true,
            utf8_only: false,
            password_cost: Cost::default(),
            limits: Limits::default(),
            retention: Retention::default(),
            sending: Sending::default(),
            spam: spam::Settings::default(),
            traffic: Allowance::default(),
            tag_separator: Some('+'),
            quota_bytes: None,
        }
    }
}
