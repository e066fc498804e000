//! Quota roots and their resources.
//!
//! Standards: RFC 9208 §7.

use super::mailbox::MailboxName;

/// What is counted and may have a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// `STORAGE`: in units of 1024 bytes.
    Storage,
    /// `MESSAGE`: letters.
    Message,
    /// `MAILBOX`: mailboxes that can be selected.
    Mailbox,
    /// `ANNOTATION-STORAGE`: what is noted of letters, in units of 1024 bytes.
    AnnotationStorage,
    /// Any other, which has no limit here.
    Other,
}

impl Resource {
    /// The resource of this name, in any case.
    pub fn named(name: &str) -> Self {
        match name.to_ascii_uppercase().as_str() {
            "STORAGE" => Self::Storage,
            "MESSAGE" => Self::Message,
            "MAILBOX" => Self::Mailbox,
            "ANNOTATION-STORAGE" => Self::AnnotationStorage,
            _ => Self::Other,
        }
    }
}

/// A question about limits, or a change of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuotaRequest {
    /// `GETQUOTA` of a root.
    Root(String),
    /// `GETQUOTAROOT` of a mailbox, which need not exist.
    Mailbox(MailboxName),
    /// `SETQUOTA` of a root: limits that are not named go.
    Set(String, Vec<(Resource, u64)>),
}
