//! The rows of a table in its order: a list in pieces, so that one of a hundred thousand rows is
//! changed at one place without touching the others, and copies share what they have in common.
//!
//! Start at [`List`].

use super::key::Key;
use engine::{FolderId, Location};
use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

/// Entries of a piece when a list is made, and those at which it is cut in two: small enough that
/// copying one costs little, large enough that there are few.
const PIECE_ENTRIES: usize = 512;
const PIECE_ENTRIES_MAX: usize = 2 * PIECE_ENTRIES;

/// What a row shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowId {
    /// A message.
    Message(Location),
    /// A folder.
    Folder(FolderId),
    /// One of those that never change, by its number.
    Fixed(usize),
}

impl RowId {
    /// The order of what no key tells apart: the latest messages first.
    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Message(left), Self::Message(right)) => {
                let place = |at: &Location| (at.shelf, Reverse(at.uid), at.folder);
                place(left).cmp(&place(right))
            }
            (Self::Folder(left), Self::Folder(right)) => left.cmp(right),
            (Self::Fixed(left), Self::Fixed(right)) => left.cmp(right),
            // No table has rows of two kinds.
            _ => Ordering::Equal,
        }
    }
}

/// A row at its place.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it shows.
    pub row: RowId,
    /// Which of several values it stands for, where each has a row of its own.
    pub instance: u32,
    /// It was read; headings count those that were not.
    pub is_read: bool,
    /// Bytes whose order is that of the rows.
    pub key: Key,
}

impl Entry {
    fn order(&self, other: &Self) -> Ordering {
        let by_key = self.key.bytes().cmp(other.key.bytes());
        let by_row = by_key.then_with(|| self.row.order(&other.row));
        by_row.then_with(|| self.instance.cmp(&other.instance))
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.key.more_bytes()
    }
}

/// Entries in their order. Clones share the pieces that are not changed.
#[derive(Debug, Clone, Default)]
pub struct List {
    pieces: Vec<Arc<Vec<Entry>>>,
    len: usize,
}

impl List {
    /// These entries, put in order.
    pub fn sorted(mut all: Vec<Entry>) -> Self {
        all.sort_unstable_by(Entry::order);
        let len = all.len();
        let mut all = all.into_iter();
        let mut pieces = Vec::new();
        loop {
            let piece: Vec<_> = all.by_ref().take(PIECE_ENTRIES).collect();
            if piece.is_empty() {
                return Self { pieces, len };
            }
            pieces.push(Arc::new(piece));
        }
    }

    /// Leaves only so many of the first.
    pub fn truncate(&mut self, most: usize) {
        if self.len > most {
            *self = Self::sorted(self.range(0, most).cloned().collect());
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes that they take, those shared with other lists counted too.
    pub fn bytes(&self) -> usize {
        self.iter().map(Entry::bytes).sum()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.pieces.iter().flat_map(|piece| piece.iter())
    }

    /// The entry at a place.
    pub fn at(&self, place: usize) -> Option<&Entry> {
        self.range(place, 1).next()
    }

    /// So many entries from a place on.
    pub fn range(&self, start: usize, count: usize) -> impl Iterator<Item = &Entry> {
        let (mut first, mut before) = (0, 0);
        for piece in &self.pieces {
            if start < before + piece.len() {
                break;
            }
            (first, before) = (first + 1, before + piece.len());
        }
        let pieces = self.pieces.iter().skip(first);
        let entries = pieces.flat_map(|piece| piece.iter());
        entries.skip(start - before).take(count)
    }

    /// Where the row of an instance stands.
    pub fn place_of(&self, row: RowId, instance: u32) -> Option<usize> {
        let is_it = |entry: &Entry| entry.row == row && entry.instance == instance;
        self.iter().position(is_it)
    }

    /// Where an entry of that order is to stand: the piece, the place in it, and how many stand
    /// before that piece.
    fn seek(&self, entry: &Entry) -> (usize, usize, usize) {
        let is_before = |other: &Entry| other.order(entry).is_lt();
        let starts_before = |piece: &Arc<Vec<Entry>>| piece.first().is_some_and(is_before);
        let piece = self.pieces.partition_point(starts_before).saturating_sub(1);
        let before = self.pieces.iter().take(piece).map(|piece| piece.len());
        let within = self.pieces.get(piece);
        let within = within.map_or(0, |piece| piece.partition_point(is_before));
        (piece, within, before.sum())
    }

    /// Where an entry stands that is in the list.
    pub fn seek_entry(&self, entry: &Entry) -> usize {
        let (_, within, before) = self.seek(entry);
        before + within
    }

    /// Puts an entry to its place; answers where that is.
    pub fn insert(&mut self, entry: Entry) -> usize {
        let (place, within, before) = self.seek(&entry);
        self.len += 1;
        let Some(piece) = self.pieces.get_mut(place) else {
            self.pieces.push(Arc::new(vec![entry]));
            return 0;
        };
        let piece = Arc::make_mut(piece);
        piece.insert(within.min(piece.len()), entry);
        if piece.len() > PIECE_ENTRIES_MAX {
            let rest = piece.split_off(PIECE_ENTRIES);
            self.pieces.insert(place + 1, Arc::new(rest));
        }
        before + within
    }

    /// Takes rows out; answers each with its former place.
    pub fn remove(&mut self, is_gone: impl Fn(&RowId) -> bool) -> Vec<(usize, Entry)> {
        let mut gone = Vec::new();
        let mut before = 0;
        for piece in &mut self.pieces {
            let count = piece.len();
            if piece.iter().any(|entry| is_gone(&entry.row)) {
                let found = piece.iter().enumerate();
                let found = found.filter(|(_, entry)| is_gone(&entry.row));
                gone.extend(found.map(|(at, entry)| (before + at, entry.clone())));
                Arc::make_mut(piece).retain(|entry| !is_gone(&entry.row));
            }
            before += count;
        }
        self.pieces.retain(|piece| !piece.is_empty());
        self.len -= gone.len();
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::{Shelf, Uid};
    use proptest::prelude::*;

    fn entry(uid: u32, key: u8) -> Entry {
        Entry {
            row: RowId::Message(Location {
                folder: FolderId(9),
                shelf: Shelf::Mail,
                uid: Uid(uid),
            }),
            instance: 0,
            is_read: false,
            key: Key::from([key].as_slice()),
        }
    }

    fn told(list: &List) -> Vec<RowId> {
        list.iter().map(|entry| entry.row).collect()
    }

    proptest! {
        #[test]
        fn a_list_that_was_changed_is_the_one_that_is_made_anew(
            keys in prop::collection::vec(any::<u8>(), 0..3000),
            late in prop::collection::vec(any::<u8>(), 0..60),
            every in 2_u32..400,
        ) {
            let all: Vec<_> = (1..).zip(&keys).map(|(uid, key)| entry(uid, *key)).collect();
            let mut list = List::sorted(all.clone());
            let copy = list.clone();
            let is_gone = |row: &RowId| matches!(row, RowId::Message(at) if at.uid.0 % every == 0);
            let before = told(&list);
            for (place, gone) in list.remove(is_gone) {
                prop_assert_eq!(before[place], gone.row);
            }
            let late = (10_000..).zip(&late).map(|(uid, key)| entry(uid, *key));
            let late: Vec<_> = late.collect();
            for entry in &late {
                list.insert(entry.clone());
                prop_assert_eq!(list.at(list.seek_entry(entry)).map(|at| at.row), Some(entry.row));
            }
            let left = all.into_iter().filter(|entry| !is_gone(&entry.row)).chain(late);
            let anew = List::sorted(left.collect());
            prop_assert_eq!(told(&list), told(&anew));
            prop_assert_eq!(list.len(), anew.len());
            prop_assert_eq!(told(&copy), before, "copies stay as they were");
        }
    }
}
