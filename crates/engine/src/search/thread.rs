//! Conversations: which letter answers which.
//!
//! A search fills [`Conversations`] with what threads are made from (ids, base subjects, dates),
//! out of summaries alone; [`Conversations::finish`] makes a [`Forest`] of it. Nothing here is
//! recursive, and each letter is looked at a bounded number of times, whatever strangers wrote into
//! their References.
//!
//! Standards: RFC 5256 §2.2 (sent date), §3 (ORDEREDSUBJECT, REFERENCES).

mod forest;
mod links;
mod subjects;

pub use forest::Forest;

use super::Comparator;
use super::order::{KEY_BYTES_MAX, sent_or_received};
use super::run::{Found, Harvest};
use crate::EngineError;
use forest::{Builder, by_arrival};
use formats::message::base_subject::BaseSubject;
use formats::message::{SummaryRef, header};
use std::collections::HashMap;
use std::ops::Range;
use store::id::Uid;

/// How conversations are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threading {
    /// Letters of one base subject, in one level below the first.
    Subject,
    /// By what letters refer to, then by base subject.
    ReferencesAndSubject,
    /// By what letters refer to; those whose newest letter arrived last stand last.
    References,
}

/// A message id, hashed: nobody can make two that collide, and a long one takes no more room.
pub type IdHash = u128;

/// The hash of a message id without its angle brackets.
///
/// Quotes that an id does not need make no difference. Source: RFC 5256 §3 (REFERENCES).
pub fn id_hash(id: &[u8]) -> IdHash {
    let hash = if id.contains(&b'"') || id.contains(&b'\\') {
        let plain: Vec<u8> = unquoted(id).collect();
        blake3::hash(&plain)
    } else {
        blake3::hash(id)
    };
    let mut short = [0; 16];
    for (to, from) in short.iter_mut().zip(hash.as_bytes()) {
        *to = *from;
    }
    IdHash::from_be_bytes(short)
}

fn unquoted(id: &[u8]) -> impl Iterator<Item = u8> {
    let mut escaped = false;
    id.iter().copied().filter(move |&byte| {
        let is_mark = !escaped && matches!(byte, b'"' | b'\\');
        escaped = is_mark && byte == b'\\';
        !is_mark
    })
}

/// What a letter refers to, the nearest last: References, or the first id of In-Reply-To.
pub fn references<'a>(summary: &SummaryRef<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let listed = summary.references();
    let answered = summary.envelope().in_reply_to.unwrap_or_default();
    let fallback = header::message_ids(answered)
        .take(1)
        .take_while(move |_| listed.is_empty());
    listed.chain(fallback)
}

/// References by which a letter's conversation is looked for, the nearest and the first: of a long
/// list the middle says nothing more.
const REFERENCES_LOOKED_UP: usize = 12;

/// The names by which a letter is found to belong to a conversation, the surest first: its own id
/// (another copy of it may be there), then what it answers, what began it all, and what lies
/// between.
///
/// Names are of ids together with the base subject, so that who changes the subject begins a
/// conversation of his own. Source: RFC 8621 §3.
pub fn conversation_names(summary: &[u8]) -> Vec<u64> {
    let Ok(summary) = SummaryRef::new(summary) else {
        return Vec::new();
    };
    let subject = summary.envelope().subject.unwrap_or_default();
    let subject = Comparator::Unicode
        .fold(&BaseSubject::of(subject).text)
        .into_owned();
    let references: Vec<&[u8]> = references(&summary).collect();
    let (first, others) = references.split_first().unzip();
    let mut nearest = others
        .unwrap_or_default()
        .iter()
        .rev()
        .take(REFERENCES_LOOKED_UP);
    let ids = message_id(&summary)
        .into_iter()
        .chain(nearest.next().copied())
        .chain(first.copied())
        .chain(nearest.copied());
    let mut names = Vec::new();
    for id in ids {
        let name = conversation_name(id, &subject);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn conversation_name(id: &[u8], subject: &str) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&id_hash(id).to_be_bytes());
    hasher.update(subject.as_bytes());
    let mut short = [0; 8];
    hasher.finalize_xof().fill(&mut short);
    u64::from_be_bytes(short)
}

/// The id that a letter gives itself, without brackets.
pub fn message_id<'a>(summary: &SummaryRef<'a>) -> Option<&'a [u8]> {
    header::message_ids(summary.envelope().message_id?).next()
}

/// A letter as far as threads are concerned.
#[derive(Debug)]
struct Member {
    uid: Uid,
    /// Seconds.
    sent: i64,
    /// Seconds.
    received: i64,
    /// Which of the subjects; [`NO_SUBJECT`] if it is empty.
    subject: u32,
    is_reply: bool,
    id: Option<u32>,
    /// Where in the list of all references its own stand.
    references: Range<usize>,
}

/// The number of the empty subject.
const NO_SUBJECT: u32 = 0;

/// Letters whose conversations are being looked for.
#[derive(Debug)]
pub struct Conversations {
    threading: Threading,
    comparator: Comparator,
    members: Vec<Member>,
    ids: HashMap<IdHash, u32>,
    references: Vec<u32>,
    subjects: HashMap<String, u32>,
    bytes: usize,
}

impl Conversations {
    /// No letters yet.
    pub fn new(threading: Threading, comparator: Comparator) -> Self {
        Self {
            threading,
            comparator,
            members: Vec::new(),
            ids: HashMap::new(),
            references: Vec::new(),
            subjects: HashMap::from([(String::new(), NO_SUBJECT)]),
            bytes: 0,
        }
    }

    /// The conversations, each in the order of its dates, in the order of their first letters.
    pub fn finish(self) -> Forest {
        let Self {
            threading,
            members,
            ids,
            references,
            subjects,
            ..
        } = self;
        let mut builder = Builder::new(&members);
        if threading == Threading::Subject {
            subjects::group(&mut builder, &members);
            return builder.finish();
        }
        links::link(&mut builder, &members, &references, ids.len());
        if threading == Threading::References {
            return by_arrival(builder, &members);
        }
        subjects::join(&mut builder, &members, subjects.len());
        builder.finish()
    }

    fn subject(&mut self, summary: Option<&SummaryRef<'_>>) -> (u32, bool) {
        let subject = summary.and_then(|summary| summary.envelope().subject);
        let base = BaseSubject::of(subject.unwrap_or_default());
        let folded = self.comparator.fold(&base.text);
        if let Some(&number) = self.subjects.get(&*folded) {
            return (number, base.is_reply);
        }
        let number = u32::try_from(self.subjects.len()).unwrap_or(u32::MAX);
        self.bytes = self.bytes.saturating_add(folded.len());
        self.subjects.insert(folded.into_owned(), number);
        (number, base.is_reply)
    }

    fn id(&mut self, id: &[u8]) -> u32 {
        let next = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        *self.ids.entry(id_hash(id)).or_insert(next)
    }

    /// About what it all takes in memory.
    fn bytes(&self) -> usize {
        let ids = self.ids.len().saturating_mul(2 * size_of::<IdHash>());
        let members = self.members.len().saturating_mul(size_of::<Member>());
        let references = self.references.len().saturating_mul(size_of::<u32>());
        self.bytes + ids + members + references
    }
}

impl Harvest for Conversations {
    fn reads_fields(&self) -> bool {
        true
    }

    /// Errors: [`EngineError::TooMany`] if it takes more memory than a sort may.
    fn take(&mut self, found: &Found<'_>) -> Result<(), EngineError> {
        let summary = SummaryRef::new(found.summary).ok();
        let (subject, is_reply) = match self.threading {
            Threading::References => (NO_SUBJECT, false),
            _ => self.subject(summary.as_ref()),
        };
        let start = self.references.len();
        let mut id = None;
        if let Some(summary) = summary.filter(|_| self.threading != Threading::Subject) {
            id = message_id(&summary).map(|id| self.id(id));
            for reference in references(&summary) {
                let reference = self.id(reference);
                self.references.push(reference);
            }
        }
        self.members.push(Member {
            uid: found.uid,
            sent: sent_or_received(found, summary.as_ref()),
            received: found.row.received.seconds(),
            subject,
            is_reply,
            id,
            references: start..self.references.len(),
        });
        if self.bytes() > KEY_BYTES_MAX {
            return Err(EngineError::TooMany("letters in conversations"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
