//! Letters in an order that someone wants: by date, size, subject, people.
//!
//! What an order needs of a letter is taken once, from its row and summary, as bytes whose order is
//! the order wanted. So sorting compares nothing but bytes, and the letters themselves are not
//! looked at again.
//!
//! Start at [`Sorting`], which a search fills. Standards: RFC 5256 §3 (which field, and the first
//! address of it), §2.2 (the sent date), RFC 5957 (names as shown).

use super::Comparator;
use super::plan::RELEVANCE_MAX;
use super::run::{Found, Harvest};
use crate::EngineError;
use crate::account::annotations::Audience;
use formats::message::base_subject::BaseSubject;
use formats::message::{Addresses, EntryRef, SummaryRef, encoded_word};
use std::cmp::Ordering;
use store::id::Uid;

/// Bytes that the keys of one sort may take: 1,000,000 letters with a subject of 200 characters
/// each.
pub const KEY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// What letters are ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortBy {
    /// When it was received.
    Received,
    /// The date that the sender gave; when it was received, if there is none.
    Sent,
    /// Its bytes.
    Size,
    /// Its base subject.
    Subject,
    /// The local part of the first sender.
    From,
    /// The local part of the first recipient.
    To,
    /// The local part of the first who gets a copy.
    Cc,
    /// The name of the first sender as it is shown; the address, if there is none.
    FromShown,
    /// The name of the first recipient as it is shown; the address, if there is none.
    ToShown,
    /// How well it matches the question, the best first.
    Relevance,
    /// The number of its place in the folder: what decides among equals, too.
    Place,
    /// What the annotation of this name says; those without one stand first.
    Annotation(Audience, String),
}

/// One level of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortLevel {
    /// By what.
    pub by: SortBy,
    /// Largest first.
    pub descending: bool,
}

/// An order: its levels, the first decides first; among equals the lower UID stands before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The levels.
    pub levels: Vec<SortLevel>,
    /// How texts are compared.
    pub comparator: Comparator,
}

impl Order {
    /// True if it follows from the letters alone: not from the question, nor from what is noted of
    /// them.
    pub fn is_of_letters_alone(&self) -> bool {
        let is_other = |by: &SortBy| matches!(by, SortBy::Relevance | SortBy::Annotation(..));
        !self.levels.iter().any(|level| is_other(&level.by))
    }

    /// True if rows and annotations don't tell.
    pub fn reads_fields(&self) -> bool {
        let of_row = |level: &SortLevel| {
            matches!(
                level.by,
                SortBy::Received
                    | SortBy::Size
                    | SortBy::Place
                    | SortBy::Relevance
                    | SortBy::Annotation(..)
            )
        };
        !self.levels.iter().all(of_row)
    }

    /// True if what was noted of letters counts.
    pub fn reads_annotations(&self) -> bool {
        let mut levels = self.levels.iter();
        levels.any(|level| matches!(level.by, SortBy::Annotation(..)))
    }

    /// Appends bytes that compare as this order does.
    pub fn write_key(&self, found: &Found<'_>, key: &mut Vec<u8>) {
        let summary = SummaryRef::new(found.summary).ok();
        for level in &self.levels {
            let start = key.len();
            self.write_level(&level.by, found, summary.as_ref(), key);
            if level.descending {
                let written = key.iter_mut().skip(start);
                written.for_each(|byte| *byte = !*byte);
            }
        }
    }

    fn write_level(
        &self,
        by: &SortBy,
        found: &Found<'_>,
        summary: Option<&SummaryRef<'_>>,
        key: &mut Vec<u8>,
    ) {
        let envelope = || summary.map(SummaryRef::envelope).unwrap_or_default();
        match by {
            SortBy::Received => write_number(key, found.row.received.seconds()),
            SortBy::Sent => write_number(key, sent_or_received(found, summary)),
            SortBy::Size => write_number(key, i64::try_from(found.row.size).unwrap_or(i64::MAX)),
            SortBy::Relevance => key.push(RELEVANCE_MAX.saturating_sub(found.relevance)),
            SortBy::Place => write_number(key, i64::from(found.uid.0)),
            SortBy::Subject => {
                let subject = BaseSubject::of(envelope().subject.unwrap_or_default());
                self.write_text(key, &subject.text);
            }
            SortBy::From => self.write_text(key, &local_part(envelope().from())),
            SortBy::To => self.write_text(key, &local_part(envelope().to())),
            SortBy::Cc => self.write_text(key, &local_part(envelope().cc())),
            SortBy::FromShown => self.write_text(key, &shown(envelope().from())),
            SortBy::ToShown => self.write_text(key, &shown(envelope().to())),
            SortBy::Annotation(audience, name) => {
                let mut all = found.annotations.iter();
                let said = all.find(|each| each.audience == *audience && each.name == *name);
                let value = said.map(|said| said.value.as_ref()).unwrap_or_default();
                self.write_text(key, &String::from_utf8_lossy(value));
            }
        }
    }

    /// A text ends with a byte that is below all others, so that a shorter one stands before.
    fn write_text(&self, key: &mut Vec<u8>, text: &str) {
        let mut add = |text: &str, change: fn(&u8) -> u8| {
            let bytes = text.as_bytes().iter().filter(|byte| **byte != 0);
            key.extend(bytes.map(change));
        };
        if self.comparator.folds_case() && text.is_ascii() {
            add(text, u8::to_ascii_uppercase); // As folded, and no string is made of it.
        } else {
            add(&self.comparator.fold(text), u8::clone);
        }
        key.push(0);
    }
}

/// The sent date in seconds. Source: RFC 5256 §2.2.
pub(super) fn sent_or_received(found: &Found<'_>, summary: Option<&SummaryRef<'_>>) -> i64 {
    let sent = summary.and_then(SummaryRef::sent);
    sent.map_or(found.row.received.seconds(), |date| date.seconds)
}

/// Flipping the sign bit makes byte order the order of signed numbers.
fn write_number(key: &mut Vec<u8>, number: i64) {
    key.extend_from_slice(&(number.cast_unsigned() ^ (1 << 63)).to_be_bytes());
}

/// Of a group its name, as in an envelope. Source: RFC 5256 §3 (FROM, TO, CC).
fn local_part(mut addresses: Addresses<'_>) -> String {
    match addresses.next() {
        Some(EntryRef::Mailbox { local, .. }) => String::from_utf8_lossy(local).into_owned(),
        Some(EntryRef::GroupStart(name)) => encoded_word::decode(name),
        Some(EntryRef::GroupEnd) | None => String::new(),
    }
}

/// Source: RFC 5957 §3.
fn shown(mut addresses: Addresses<'_>) -> String {
    let (name, local, domain) = match addresses.next() {
        Some(EntryRef::Mailbox {
            name,
            local,
            domain,
        }) => (name, local, domain),
        Some(EntryRef::GroupStart(name)) => return encoded_word::decode(name),
        Some(EntryRef::GroupEnd) | None => return String::new(),
    };
    let name = name.map(encoded_word::decode).unwrap_or_default();
    if !name.is_empty() {
        return name;
    }
    let text = |raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
    if domain.is_empty() {
        text(local)
    } else {
        format!("{}@{}", text(local), text(domain))
    }
}

/// Letters that are being sorted: first filled by a search, then told in order.
#[derive(Debug)]
pub struct Sorting(Ranking);

impl Sorting {
    /// Nothing to sort yet.
    pub fn new(order: Order) -> Self {
        Self(Ranking {
            order,
            keys: Vec::new(),
            entries: Vec::new(),
        })
    }

    /// True if there is nothing to sort.
    pub fn is_empty(&self) -> bool {
        self.0.entries.is_empty()
    }

    /// The letters in order.
    pub fn finish(self) -> Ranking {
        let mut ranking = self.0;
        let mut entries = std::mem::take(&mut ranking.entries);
        entries.sort_unstable_by(|a, b| ranking.compare(a, b));
        ranking.entries = entries;
        ranking
    }
}

impl Harvest for Sorting {
    fn reads_fields(&self) -> bool {
        self.0.reads_fields()
    }

    fn reads_annotations(&self) -> bool {
        self.0.reads_annotations()
    }

    /// Errors: [`EngineError::TooMany`] if the keys are more than [`KEY_BYTES_MAX`].
    fn take(&mut self, found: &Found<'_>) -> Result<(), EngineError> {
        let entry = self.0.entry(found)?;
        self.0.entries.push(entry);
        Ok(())
    }
}

/// Letters in order, with what orders them, so that others can be put between.
#[derive(Debug)]
pub struct Ranking {
    order: Order,
    keys: Vec<u8>,
    entries: Vec<Entry>,
}

/// Where a letter's key lies, with its first bytes: most comparisons need no more.
#[derive(Debug, Clone, Copy)]
struct Entry {
    first: u64,
    start: u32,
    len: u32,
    uid: Uid,
}

impl Ranking {
    /// The letters, the first first.
    pub fn uids(&self) -> impl Iterator<Item = Uid> + '_ {
        self.entries.iter().map(|entry| entry.uid)
    }

    /// About how much memory it takes, in bytes.
    pub fn bytes(&self) -> usize {
        let entries = self.entries.len().saturating_mul(size_of::<Entry>());
        self.keys.len().saturating_add(entries)
    }

    /// True if rows alone don't tell where a letter belongs.
    pub fn reads_fields(&self) -> bool {
        self.order.reads_fields()
    }

    /// True if what was noted of letters counts.
    pub fn reads_annotations(&self) -> bool {
        self.order.reads_annotations()
    }

    /// Puts a letter where it belongs; its rank from 0.
    ///
    /// Errors: [`EngineError::TooMany`] if the keys are more than [`KEY_BYTES_MAX`].
    pub fn insert(&mut self, found: &Found<'_>) -> Result<usize, EngineError> {
        let entry = self.entry(found)?;
        let is_before = |other: &Entry| self.compare(other, &entry).is_lt();
        let rank = self.entries.partition_point(is_before);
        self.entries.insert(rank, entry);
        Ok(rank)
    }

    /// Takes a letter out; the rank that it had, from 0. Its key stays, which is small.
    pub fn remove(&mut self, uid: Uid) -> Option<usize> {
        let rank = self.entries.iter().position(|entry| entry.uid == uid)?;
        self.entries.remove(rank);
        Some(rank)
    }

    fn key(&self, entry: &Entry) -> &[u8] {
        let start = usize::try_from(entry.start).unwrap_or(usize::MAX);
        let len = usize::try_from(entry.len).unwrap_or(0);
        let key = self.keys.get(start..start.saturating_add(len));
        key.unwrap_or_default()
    }

    fn compare(&self, a: &Entry, b: &Entry) -> Ordering {
        let by_first = a.first.cmp(&b.first);
        let by_key = by_first.then_with(|| self.key(a).cmp(self.key(b)));
        by_key.then_with(|| a.uid.cmp(&b.uid))
    }

    fn entry(&mut self, found: &Found<'_>) -> Result<Entry, EngineError> {
        const TOO_MANY: EngineError = EngineError::TooMany("letters to sort");
        let start = self.keys.len();
        self.order.write_key(found, &mut self.keys);
        if self.keys.len() > KEY_BYTES_MAX {
            return Err(TOO_MANY);
        }
        let key = self.keys.get(start..).unwrap_or_default();
        let mut first = [0; 8];
        for (to, from) in first.iter_mut().zip(key) {
            *to = *from;
        }
        let number = |value: usize| u32::try_from(value).map_err(|_| TOO_MANY);
        Ok(Entry {
            first: u64::from_be_bytes(first),
            start: number(start)?,
            len: number(key.len())?,
            uid: found.uid,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::rehearsed_row;
    use formats::message::Summary;

    const LETTERS: [&str; 5] = [
        "From: \"Zoe\" <anna@x>\r\nTo: team: b@x, c@x;\r\nSubject: Re: apple\r\n\
         Date: 3 Jan 2020 00:00:00 +0000\r\n\r\n",
        "From: <bert@x>\r\nTo: Carl <d@x>\r\nSubject: Banana\r\n\
         Date: 2 Jan 2020 23:00:00 -0300\r\n\r\n",
        "From: =?utf-8?Q?=C3=84gid?= <Anna@y>\r\nSubject: [l] Apple\r\nDate: nonsense\r\n\r\n",
        "To: c@x\r\n\r\n",
        "From: mike@x\r\nCc: <a@x>\r\nSubject: \r\nDate: 1 Jan 2019 00:00:00 +0000\r\n\r\n",
    ];

    fn sorted(levels: &[(SortBy, bool)]) -> Vec<u32> {
        let levels = levels.iter().map(|(by, descending)| SortLevel {
            by: by.clone(),
            descending: *descending,
        });
        let mut sorting = Sorting::new(Order {
            levels: levels.collect(),
            comparator: Comparator::Unicode,
        });
        for (uid, letter) in (1_u32..).zip(LETTERS) {
            let summary = Summary::of(letter.as_bytes()).encode();
            let mut row = rehearsed_row(u64::from(10 - uid));
            row.size = u64::from(uid % 3);
            let (uid, row, summary) = (Uid(uid), &row, &summary[..]);
            let found = Found {
                uid,
                row,
                summary,
                annotations: &[],
                relevance: 0,
            };
            sorting.take(&found).unwrap();
        }
        sorting.finish().uids().map(|uid| uid.0).collect()
    }

    #[test]
    fn each_field_orders_in_its_own_way() {
        for (by, wanted) in [
            (SortBy::Received, [5, 4, 3, 2, 1]),
            // The third and fourth letter have no date: when they were received counts.
            (SortBy::Sent, [4, 3, 5, 1, 2]),
            (SortBy::Size, [3, 1, 4, 2, 5]),
            (SortBy::Subject, [4, 5, 1, 3, 2]),
            (SortBy::From, [4, 1, 3, 2, 5]),
            (SortBy::To, [3, 5, 4, 2, 1]),
            (SortBy::Cc, [1, 2, 3, 4, 5]),
            (SortBy::FromShown, [4, 3, 2, 5, 1]),
            (SortBy::ToShown, [3, 5, 4, 2, 1]),
            (SortBy::Place, [1, 2, 3, 4, 5]),
        ] {
            assert_eq!(sorted(&[(by.clone(), false)]), wanted, "{by:?}");
        }
    }

    #[test]
    fn turning_an_order_round_leaves_equals_in_their_places() {
        assert_eq!(sorted(&[(SortBy::Size, true)]), [2, 5, 1, 4, 3]);
        assert_eq!(sorted(&[(SortBy::Subject, true)]), [2, 1, 3, 4, 5]);
        let both = [(SortBy::Size, false), (SortBy::Received, false)];
        assert_eq!(sorted(&both), [3, 4, 1, 5, 2]);
    }
}
