//! What a script wants done.

use super::letter::Version;
use crate::queue::{Notify, Return};
use bytes::Bytes;

/// What is to become of a letter.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// What is to be done, in order. Without any the letter vanishes.
    pub actions: Vec<Action>,
    /// Why the script did not come to its end; then the only action is to keep the letter.
    pub failure: Option<String>,
    /// What the log should know besides.
    pub notes: Vec<String>,
    /// Steps that were taken.
    pub steps: u64,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Put the letter where letters go.
    Keep {
        /// Flags and keywords; `None` for the usual ones.
        flags: Option<Vec<String>>,
        /// Its bytes.
        version: Version,
    },
    /// Put it into a mailbox.
    FileInto {
        /// Which.
        filing: Filing,
        /// Its bytes.
        version: Version,
    },
    /// Send it on.
    Redirect {
        /// To whom.
        address: String,
        /// What is asked of the servers after us.
        submission: Submission,
        /// Its bytes.
        version: Version,
    },
    /// Send it back.
    Reject {
        /// Why, in the owner's words.
        reason: String,
        /// A refusal during the dialogue is wanted, even if it cannot say all (ereject).
        in_dialogue: bool,
    },
    /// Send a reply or notification, and remember it.
    Send(Box<Reply>),
    /// Remember that this was seen.
    Remember {
        /// What.
        mark: Mark,
        /// For how long.
        seconds: u64,
    },
}

/// A mailbox as a script names it, by the first of these that exists: id, special use, name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filing {
    /// Its name.
    pub mailbox: String,
    /// Its id (RFC 9042).
    pub id: Option<String>,
    /// Its special use (RFC 8579).
    pub special_use: Option<String>,
    /// It is made if it does not exist.
    pub create: bool,
    /// Flags and keywords; `None` for none.
    pub flags: Option<Vec<String>>,
}

/// What is asked of the servers after us (RFC 6009).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Submission {
    /// What is to be told, and to whom it is: the sender.
    pub notify: Option<Notify>,
    /// How much of the letter is returned.
    pub returning: Option<Return>,
    /// Seconds by which it is to be delivered, from now.
    pub deliver_by_seconds: Option<i64>,
    /// It is to be returned, rather than reported, when that is not kept.
    pub return_when_late: bool,
    /// Each server that passes it on is to be reported.
    pub traces: bool,
}

/// A letter that the script writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Whom it goes to; its envelope has no sender, so that nothing comes back.
    pub recipients: Vec<String>,
    /// The whole letter.
    pub letter: Bytes,
    /// Where a copy of it is kept (RFC 8580).
    pub copy: Option<Filing>,
    /// Not sent again while this is remembered, and for how many seconds it is.
    pub once: Option<(Mark, u64)>,
}

/// Something that is remembered for a while: a hash, so that nobody reads there whom was written
/// to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark(pub [u8; 12]);

impl Mark {
    /// The mark of these words; `kind` keeps those of different uses apart.
    pub fn of(kind: &str, words: &[&str]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("facteur filter mark");
        for word in std::iter::once(&kind).chain(words) {
            hasher.update(&(word.len() as u64).to_le_bytes());
            hasher.update(word.as_bytes());
        }
        let mut mark = [0; 12];
        hasher.finalize_xof().fill(&mut mark);
        Self(mark)
    }
}
