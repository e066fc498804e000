//! Conversations: which letter answers which.
//!
//! A search fills [`Conversations`] with what threads are made from (ids, base subjects, dates),
//! out of summaries alone; [`Conversations::forest`] makes a [`Forest`] of it. Nothing here is
//! recursive, and each letter is looked at a bounded number of times, whatever strangers wrote into
//! their References.
//!
//! Standards: RFC 5256 §2.2 (sent date), §3 (ORDEREDSUBJECT, REFERENCES).

mod forest;
mod links;
mod numbering;
mod subjects;

pub use forest::Forest;

use super::Comparator;
use super::order::sent_or_received;
use super::run::{Found, Harvest};
use crate::EngineError;
use forest::{Builder, by_arrival};
use formats::message::base_subject::BaseSubject;
use formats::message::{SummaryRef, header};
use std::hash::{BuildHasher, RandomState};
use store::id::Uid;
use store::model::UidSet;

/// Bytes that letters may take while their conversations are looked for: 3,000,000 of them with two
/// references each.
const BYTES_MAX: usize = 192 * 1024 * 1024;

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
    let hash = if needs_unquoting(id) {
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

fn needs_unquoting(id: &[u8]) -> bool {
    id.contains(&b'"') || id.contains(&b'\\')
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
#[derive(Debug, Clone, Copy)]
struct Member {
    uid: Uid,
    /// Where in the list of all references its own end; they begin where those before end.
    references_end: u32,
    /// Seconds.
    sent: i64,
    /// Seconds.
    received: i64,
    /// Its base subject, hashed; [`NOTHING`] if that is empty.
    subject: u64,
    /// Its own id, hashed; [`NOTHING`] if it has none.
    id: u64,
    is_reply: bool,
}

/// What no text is hashed to.
const NOTHING: u64 = 0;

/// Letters whose conversations are being looked for, ascending by their UIDs.
///
/// Ids and subjects are kept as hashes of 64 bits under a key that nobody knows: of 1,000,000
/// letters with three ids each two are the same by chance once in millions of folders.
#[derive(Debug, Clone)]
pub struct Conversations {
    comparator: Comparator,
    hasher: RandomState,
    members: Vec<Member>,
    references: Vec<u64>,
}

impl Conversations {
    /// No letters yet, but room for so many.
    pub fn new(comparator: Comparator, letters: usize) -> Self {
        Self {
            comparator,
            hasher: RandomState::new(),
            members: Vec::with_capacity(letters.min(BYTES_MAX / size_of::<Member>())),
            references: Vec::new(),
        }
    }

    /// The conversations, each in the order of its dates, in the order of their first letters.
    pub fn forest(&self, threading: Threading) -> Forest {
        let members = self.members.as_slice();
        let mut builder = Builder::new(members);
        if threading == Threading::Subject {
            subjects::group(&mut builder, members);
            return builder.finish();
        }
        links::link(&mut builder, members, &self.references);
        if threading == Threading::References {
            return by_arrival(builder);
        }
        subjects::join(&mut builder, members);
        builder.finish()
    }

    /// How many letters there are.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// The UIDs of the letters.
    pub(super) fn uids(&self) -> UidSet {
        self.members.iter().map(|member| member.uid).collect()
    }

    /// Some of these letters.
    pub(super) fn only(&self, wanted: &UidSet) -> Self {
        let mut only = Self {
            comparator: self.comparator,
            hasher: self.hasher.clone(),
            members: Vec::new(),
            references: Vec::new(),
        };
        let mut start = 0;
        for member in &self.members {
            let end = place(member.references_end);
            if wanted.contains(member.uid) {
                let own = self.references.get(start..end);
                only.push(*member, own.unwrap_or_default());
            }
            start = end;
        }
        only
    }

    /// The same letters and these, whose UIDs may be lower.
    pub(super) fn with(&self, others: &Self) -> Self {
        let mut all = Self {
            comparator: self.comparator,
            hasher: self.hasher.clone(),
            members: Vec::with_capacity(self.len() + others.len()),
            references: Vec::with_capacity(self.references.len() + others.references.len()),
        };
        let mut later = others.each().peekable();
        for (member, references) in self.each() {
            while let Some((other, own)) = later.next_if(|(other, _)| other.uid < member.uid) {
                all.push(*other, own);
            }
            all.push(*member, references);
        }
        later.for_each(|(other, own)| all.push(*other, own));
        all
    }

    /// Nothing, with the same hashes.
    pub(super) fn alike(&self) -> Self {
        self.only(&UidSet::default())
    }

    fn each(&self) -> impl Iterator<Item = (&Member, &[u64])> {
        let mut start = 0;
        self.members.iter().map(move |member| {
            let end = place(member.references_end);
            let own = self.references.get(start..end).unwrap_or_default();
            start = end;
            (member, own)
        })
    }

    fn push(&mut self, member: Member, references: &[u64]) {
        self.references.extend_from_slice(references);
        self.members.push(Member {
            references_end: u32::try_from(self.references.len()).unwrap_or(u32::MAX),
            ..member
        });
    }

    fn hash(&self, text: &[u8]) -> u64 {
        self.hasher.hash_one(text).max(NOTHING + 1)
    }

    fn id(&self, id: &[u8]) -> u64 {
        if needs_unquoting(id) {
            let plain: Vec<u8> = unquoted(id).collect();
            return self.hash(&plain);
        }
        self.hash(id)
    }

    fn subject(&self, summary: Option<&SummaryRef<'_>>) -> (u64, bool) {
        let subject = summary.and_then(|summary| summary.envelope().subject);
        let base = BaseSubject::of(subject.unwrap_or_default());
        let folded = self.comparator.fold(&base.text);
        let hash = if folded.is_empty() {
            NOTHING
        } else {
            self.hash(folded.as_bytes())
        };
        (hash, base.is_reply)
    }

    /// About what it all takes in memory.
    pub(super) fn bytes(&self) -> usize {
        let members = self.members.len().saturating_mul(size_of::<Member>());
        members.saturating_add(self.references.len().saturating_mul(size_of::<u64>()))
    }
}

fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Harvest for Conversations {
    fn reads_fields(&self) -> bool {
        true
    }

    /// Errors: [`EngineError::TooMany`] if it takes more memory than it may.
    fn take(&mut self, found: &Found<'_>) -> Result<(), EngineError> {
        let summary = SummaryRef::new(found.summary).ok();
        let (subject, is_reply) = self.subject(summary.as_ref());
        let mut id = NOTHING;
        if let Some(summary) = &summary {
            id = message_id(summary).map_or(NOTHING, |id| self.id(id));
            for reference in references(summary) {
                let reference = self.id(reference);
                self.references.push(reference);
            }
        }
        let member = Member {
            uid: found.uid,
            references_end: 0,
            sent: sent_or_received(found, summary.as_ref()),
            received: found.row.received.seconds(),
            subject,
            id,
            is_reply,
        };
        self.push(member, &[]);
        if self.bytes() > BYTES_MAX {
            return Err(EngineError::TooMany("letters in conversations"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
