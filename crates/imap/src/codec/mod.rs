//! IMAP's grammar: bytes ⇄ typed values.
//!
//! Pure, and knows no mailbox: it imports `formats` only. Every parser has a budget, keeps its own
//! stack instead of recursing, and answers what it can't read with a [`Fault`].
//!
//! Start at [`frame::Framer`], which cuts received bytes into commands, then [`parse::command`];
//! what is sent is written by [`write`].
//!
//! Standards: RFC 9051 §9 and RFC 3501 §9 (grammar), RFC 7888 (literals), RFC 3516 (literal8).

pub mod access;
pub mod annotation;
pub mod append;
pub mod command;
pub mod cursor;
pub mod envelope;
pub mod fetch;
pub mod frame;
pub mod mailbox;
pub mod metadata;
pub mod moment;
pub mod notify;
pub mod parse;
pub mod pattern;
pub mod quota;
pub mod scope;
pub mod search;
pub mod sequence;
pub mod sort;
pub mod structure;
pub mod url;
pub mod window;
pub mod write;

/// Why bytes are not a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// They do not follow the grammar; answered `BAD` with these words.
    Syntax(&'static str),
    /// They do, but ask for more than this server takes at once; answered `NO [LIMIT]`.
    Limit(&'static str),
    /// A search's charset is not one of ours; answered `NO [BADCHARSET]`.
    Charset,
    /// The name of a mailbox can't be one; answered `NO [CANNOT]`.
    Name(&'static str),
    /// Data with NUL outside a literal8, or a `BINARY` part that is none; answered `NO
    /// [UNKNOWN-CTE]`.
    UnknownEncoding,
}

/// The system flags of RFC 9051 §2.3.2, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SystemFlags(pub u8);

impl SystemFlags {
    /// `\Seen`
    pub const SEEN: Self = Self(1);
    /// `\Answered`
    pub const ANSWERED: Self = Self(2);
    /// `\Flagged`
    pub const FLAGGED: Self = Self(4);
    /// `\Deleted`
    pub const DELETED: Self = Self(8);
    /// `\Draft`
    pub const DRAFT: Self = Self(16);

    /// Every flag with its name on the wire, in the order in which they are told.
    pub const NAMES: [(Self, &'static str); 5] = [
        (Self::ANSWERED, "\\Answered"),
        (Self::FLAGGED, "\\Flagged"),
        (Self::DELETED, "\\Deleted"),
        (Self::SEEN, "\\Seen"),
        (Self::DRAFT, "\\Draft"),
    ];

    /// The flag that `name` (with its backslash, in any case) stands for.
    pub fn named(name: &[u8]) -> Option<Self> {
        let found = Self::NAMES
            .iter()
            .find(|(_, n)| n.as_bytes().eq_ignore_ascii_case(name));
        found.map(|(flag, _)| *flag)
    }

    /// True if all of `other` are set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These and `other`.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Flags as a command names them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlagList {
    /// Those with a backslash.
    pub system: SystemFlags,
    /// Keywords as the client wrote them, each once (compared without case).
    pub keywords: Vec<String>,
}
