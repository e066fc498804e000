//! The mailbox that a session has open, as its client sees it.
//!
//! The picture is what was told, not what is: message numbers mean places in it until the client is
//! told otherwise. It keeps no rows, only UIDs as runs and one change number, so that an idle
//! session stays small.
//!
//! Start at [`Selected`]; what changes the picture is in [`crate::sync`].

use crate::codec::command::{Access, Numbering};
use crate::codec::sequence::{NumberSet, SequenceSet};
use crate::codec::write;
use crate::command::context::{Contexts, Held};
use bytes::{BufMut, BytesMut};
use engine::{AccessKeyMark, Account, ChangeSeq, FolderId, Uid, UidSet};
use std::collections::VecDeque;

/// An open mailbox.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)] // Each changes for itself.
pub(crate) struct Selected {
    /// The account that it is in, as this user may use it.
    pub(crate) account: Account,
    /// Its folder.
    pub(crate) folder: FolderId,
    /// Opened by EXAMINE, or by someone who may not write.
    pub(crate) read_only: bool,
    /// How it was opened.
    pub(crate) access: Access,
    /// Opened so that changed annotations are told. Source: RFC 5257 §4.2.
    pub(crate) tells_annotations: bool,
    /// The UIDs that the client was told of, in the order of message numbers.
    pub(crate) told: UidSet,
    /// Everything up to this change was told, what [`Selected::departed`] says excepted.
    pub(crate) seen: ChangeSeq,
    /// Some told messages may have left, which could not be told yet.
    pub(crate) departed: bool,
    /// Where the told messages that have left can be looked up in the log: everything before was
    /// told.
    pub(crate) departed_since: ChangeSeq,
    /// What the last `SEARCH RETURN (SAVE)` found. Source: RFC 5182 §2.1.
    pub(crate) saved: UidSet,
    /// Results that are kept up to date.
    pub(crate) contexts: Contexts,
    /// Changes of them that are told once their new messages were fetched.
    pub(crate) held: VecDeque<Held>,
    /// HIGHESTMODSEQ was told to a client that has shown that it knows CONDSTORE.
    pub(crate) told_highest: bool,
    /// By which key the user authorized URLs of its messages when this was last looked at.
    pub(crate) key: Option<AccessKeyMark>,
    /// Of how many keywords the client was told.
    pub(crate) told_keywords: usize,
    /// UIDONLY is enabled: answers name messages by their UIDs.
    pub(crate) uid_only: bool,
}

impl Selected {
    /// True if it is this folder of this account.
    pub(crate) fn is(&self, account: &Account, folder: FolderId) -> bool {
        self.account.id() == account.id() && self.folder == folder
    }

    /// The UIDs that a set means.
    ///
    /// Numbers beyond the last message mean nothing; `*` is the last message there is.
    pub(crate) fn resolve(&self, set: &SequenceSet, numbering: Numbering) -> UidSet {
        match numbering {
            Numbering::Uid => {
                let largest = self.told.last().map_or(0, |uid| uid.0);
                match set.resolve(largest) {
                    Some(wanted) => self.told.intersection(&uid_set(&wanted)),
                    None => self.told.intersection(&self.saved),
                }
            }
            Numbering::Sequence => match set.resolve(self.told.len()) {
                Some(wanted) => self.numbered(&wanted),
                None => self.told.intersection(&self.saved),
            },
        }
    }

    /// The UIDs that a set names, whether or not they are (still) there; `None` for `$`.
    pub(crate) fn named_uids(&self, set: &SequenceSet) -> Option<NumberSet> {
        set.resolve(self.told.last().map_or(0, |uid| uid.0))
    }

    fn numbered(&self, numbers: &NumberSet) -> UidSet {
        let count = self.told.len();
        let ranges = numbers.ranges().iter().filter_map(|(first, last)| {
            let first = self.told.nth(first.checked_sub(1)?)?;
            let last = self.told.nth((*last).min(count).checked_sub(1)?)?;
            Some(first.0..=last.0)
        });
        self.told.intersection(&UidSet::from_ranges(ranges))
    }

    /// True if a set names a message number that was never told. Source: RFC 9051 §9, `seq-number`.
    pub(crate) fn exceeds(&self, set: &SequenceSet) -> bool {
        let count = self.told.len();
        let largest = set.resolve(count).and_then(|numbers| numbers.last());
        largest.is_some_and(|largest| largest > count)
    }

    /// How answers name a message that was told.
    pub(crate) fn label(&self, uid: Uid) -> Option<Label> {
        let number = self.number(uid)?;
        Some(if self.uid_only {
            Label::Uid(uid)
        } else {
            Label::Number(number)
        })
    }

    /// The message number of a UID that was told.
    pub(crate) fn number(&self, uid: Uid) -> Option<u32> {
        self.told.rank(uid).map(|rank| rank + 1)
    }
}

/// What stands for a message in answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    /// Its number: `* 3 FETCH (…)`.
    Number(u32),
    /// Its UID: `* 25996 UIDFETCH (…)`. Source: RFC 9586 §3.3.
    Uid(Uid),
}

impl Label {
    /// Writes the answer up to its bracket.
    pub(crate) fn begin(self, out: &mut BytesMut) {
        out.put_slice(b"* ");
        match self {
            Self::Number(number) => write::number(out, u64::from(number)),
            Self::Uid(uid) => write::number(out, u64::from(uid.0)),
        }
        out.put_slice(match self {
            Self::Number(_) => b" FETCH (".as_slice(),
            Self::Uid(_) => b" UIDFETCH (",
        });
    }

    /// The UID, where it is told besides.
    pub(crate) fn besides(self, uid: Option<Uid>) -> Option<Uid> {
        uid.filter(|_| matches!(self, Self::Number(_)))
    }
}

/// The same numbers as the store's set.
pub(crate) fn uid_set(numbers: &NumberSet) -> UidSet {
    UidSet::from_ranges(numbers.ranges().iter().map(|(first, last)| *first..=*last))
}

/// The store's set as one that can be written.
pub(crate) fn number_set(uids: &UidSet) -> NumberSet {
    NumberSet::from_ranges(
        uids.ranges()
            .map(|run| (*run.start(), *run.end()))
            .collect(),
    )
}
