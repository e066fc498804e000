//! Annotations of mailboxes and of the server: their names, and what is asked of them.
//!
//! Standards: RFC 5464 §3.2.1 (names), §5.

use super::Fault;
use super::cursor::Parsed;
use super::mailbox::MailboxName;

/// Who sees an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// `/shared`: everyone who may use the mailbox.
    Shared,
    /// `/private`: who set it.
    Private,
}

impl Scope {
    /// The first level of its entries.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Shared => "/shared",
            Self::Private => "/private",
        }
    }
}

/// The name of an annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Who sees it.
    pub scope: Scope,
    /// What stands behind the scope, with its slash; empty for the top of a scope.
    pub name: String,
}

impl Entry {
    /// Reads a name; without `*` and `%`, empty levels and anything but visible ASCII.
    pub fn read(text: &str) -> Parsed<Self> {
        const BAD: Fault = Fault::Syntax("Name of entry is not valid");
        let strip = |scope: Scope| {
            let (head, rest) = text.split_at_checked(scope.prefix().len())?;
            let fits = head.eq_ignore_ascii_case(scope.prefix());
            (fits && (rest.is_empty() || rest.starts_with('/'))).then_some((scope, rest))
        };
        let found = strip(Scope::Shared).or_else(|| strip(Scope::Private));
        let (scope, name) = found.ok_or(BAD)?;
        let levels_are_named = !name.ends_with('/') && !name.contains("//");
        let bytes_fit = name
            .bytes()
            .all(|b| (b' '..0x7f).contains(&b) && !matches!(b, b'*' | b'%'));
        if !levels_are_named || !bytes_fit {
            return Err(BAD);
        }
        Ok(Self {
            scope,
            name: name.to_owned(),
        })
    }

    /// True if both mean the same annotation.
    pub fn is(&self, other: &Self) -> bool {
        self.scope == other.scope && self.name.eq_ignore_ascii_case(&other.name)
    }

    /// How many levels `other` lies below this one; `None` if it does not.
    pub fn depth_of(&self, other: &Self) -> Option<usize> {
        let (head, rest) = other.name.split_at_checked(self.name.len())?;
        let below = self.scope == other.scope
            && head.eq_ignore_ascii_case(&self.name)
            && rest.starts_with('/');
        below.then(|| rest.matches('/').count())
    }
}

/// How far below the named entries others are told too. Source: RFC 5464 §4.2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// Only those named.
    #[default]
    Zero,
    /// One level more.
    One,
    /// Everything below.
    Infinity,
}

/// Arguments of GETMETADATA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetMetadata {
    /// `None` for the server.
    pub mailbox: Option<MailboxName>,
    /// Longer values are not told.
    pub size_bytes_max: Option<u64>,
    /// Which others are told.
    pub depth: Depth,
    /// The entries; at least one.
    pub entries: Vec<Entry>,
}

/// GETMETADATA or SETMETADATA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataRequest {
    /// What they say.
    Get(GetMetadata),
    /// What they are to say; without a value they go. The mailbox is `None` for the server.
    Set(Option<MailboxName>, Vec<(Entry, Option<Vec<u8>>)>),
}
