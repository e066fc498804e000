//! What a transaction will write, by kind of row and by key.
//!
//! Most keys of a large transaction ascend, kind by kind: those lie in a list, where the next one is
//! compared with the last one only and takes no more room than it needs. All others are in a tree.

use crate::backend::{Direction, Key};
use crate::fields::Encoder;
use crate::model::codec::Row;
use bytes::{Bytes, BytesMut};
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::ops::{Bound, Range};

/// A key's new value, or `None` to remove it.
pub(super) type Value = Option<Bytes>;

/// Writes to come by kind of row, the first byte of the key, and by key: more keys are asked after
/// than are compared in a table of all.
#[derive(Debug, Default)]
pub(super) struct Writes {
    kinds: BTreeMap<u8, Kind>,
    values: Values,
}

/// The writes of one kind; each key is in one of the two.
#[derive(Debug, Default)]
struct Kind {
    /// Keys that came after all that were there.
    ascending: Vec<(Key, Value)>,
    /// Keys before the last of those.
    others: BTreeMap<Key, Value>,
}

/// Writes in the order of a scan.
pub(super) type Entries<'a> = Box<dyn Iterator<Item = (&'a Key, &'a Value)> + 'a>;

impl Writes {
    /// Sets or removes a row.
    pub(super) fn insert(&mut self, key: Key, value: Value) {
        let kind = self.kinds.entry(kind_of(&key)).or_default();
        kind.insert(key, value);
    }

    /// Sets a row.
    pub(super) fn put(&mut self, key: Key, row: &impl Row) {
        let value = self.values.encode(row);
        self.insert(key, Some(value));
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<&Value> {
        self.kinds.get(&kind_of(key))?.get(key)
    }

    /// The writes of a range, in order.
    pub(super) fn range<'a>(&'a self, range: Range<&'a [u8]>, direction: Direction) -> Entries<'a> {
        let (start, end) = (range.start, range.end.max(range.start));
        let kinds = self.kinds.range(kind_of(start)..=kind_of(end));
        let within = move |(_, kind): (_, &'a Kind)| kind.range(start..end, direction);
        match direction {
            Direction::Forward => Box::new(kinds.flat_map(within)),
            Direction::Backward => Box::new(kinds.rev().flat_map(within)),
        }
    }

    /// All of them, in the order of their keys.
    pub(super) fn into_sorted(self) -> Vec<(Key, Value)> {
        let kinds = self.kinds.values();
        let count = kinds.map(|kind| kind.ascending.len() + kind.others.len());
        let mut all = Vec::with_capacity(count.sum());
        for kind in self.kinds.into_values() {
            kind.append_to(&mut all);
        }
        all
    }
}

impl Kind {
    fn insert(&mut self, key: Key, value: Value) {
        match self.ascending.last() {
            Some((last, _)) if *last >= key => match self.find(&key) {
                Ok(index) => {
                    if let Some(held) = self.ascending.get_mut(index) {
                        held.1 = value;
                    }
                }
                Err(_) => drop(self.others.insert(key, value)),
            },
            _ => self.ascending.push((key, value)),
        }
    }

    fn get(&self, key: &[u8]) -> Option<&Value> {
        let (first, last) = (self.ascending.first()?, self.ascending.last()?);
        if key > last.0.as_slice() {
            return None; // The others come before the last one, too.
        }
        if key < first.0.as_slice() {
            return self.others.get(key);
        }
        match self.find(key) {
            Ok(index) => self.ascending.get(index).map(|(_, value)| value),
            Err(_) => self.others.get(key),
        }
    }

    fn find(&self, key: &[u8]) -> Result<usize, usize> {
        self.ascending
            .binary_search_by(|(held, _)| held.as_slice().cmp(key))
    }

    /// Appends all in order.
    fn append_to(mut self, list: &mut Vec<(Key, Value)>) {
        let mut others = self.others.into_iter().peekable();
        if others.peek().is_none() {
            list.append(&mut self.ascending);
            return;
        }
        for listed in self.ascending {
            while let Some(other) = others.next_if(|(key, _)| *key < listed.0) {
                list.push(other);
            }
            list.push(listed);
        }
        list.extend(others);
    }

    fn range<'a>(&'a self, range: Range<&'a [u8]>, direction: Direction) -> Entries<'a> {
        let before = |bound: &[u8]| {
            self.ascending
                .partition_point(|(key, _)| key.as_slice() < bound)
        };
        let listed = self.ascending.get(before(range.start)..before(range.end));
        let listed = listed.unwrap_or_default().iter().map(|(k, v)| (k, v));
        let bounds = (Bound::Included(range.start), Bound::Excluded(range.end));
        let others = self.others.range::<[u8], _>(bounds);
        let (left, right): (Entries<'a>, Entries<'a>) = match direction {
            Direction::Forward => (Box::new(listed), Box::new(others)),
            Direction::Backward => (Box::new(listed.rev()), Box::new(others.rev())),
        };
        Box::new(Joined {
            left: left.peekable(),
            right: right.peekable(),
            direction,
        })
    }
}

fn kind_of(key: &[u8]) -> u8 {
    key.first().copied().unwrap_or_default()
}

/// Two runs of entries, in one direction and with no key in common, as one.
struct Joined<'a> {
    left: Peekable<Entries<'a>>,
    right: Peekable<Entries<'a>>,
    direction: Direction,
}

impl<'a> Iterator for Joined<'a> {
    type Item = (&'a Key, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        let is_left_next = match (self.left.peek(), self.right.peek()) {
            (Some((left, _)), Some((right, _))) => match self.direction {
                Direction::Forward => left < right,
                Direction::Backward => left > right,
            },
            (left, _) => left.is_some(),
        };
        if is_left_next {
            self.left.next()
        } else {
            self.right.next()
        }
    }
}

/// The first piece of memory for values, in bytes: enough for the rows of one letter.
const PIECE_BYTES_MIN: usize = 1024;
/// The largest. A value that somebody holds keeps its whole piece.
const PIECE_BYTES_MAX: usize = 16 * 1024;

/// Encodes values, many into one piece of memory: they come and go together.
#[derive(Debug, Default)]
struct Values {
    scratch: Encoder,
    piece: BytesMut,
    /// Bytes of the latest piece.
    piece_bytes: usize,
}

impl Values {
    fn encode(&mut self, row: &impl Row) -> Bytes {
        self.scratch.clear();
        row.encode_to(&mut self.scratch);
        let value = self.scratch.as_slice();
        if self.piece.capacity() < value.len() {
            let next = self.piece_bytes.saturating_mul(2);
            self.piece_bytes = next.clamp(PIECE_BYTES_MIN, PIECE_BYTES_MAX);
            self.piece = BytesMut::with_capacity(self.piece_bytes.max(value.len()));
        }
        self.piece.extend_from_slice(value);
        self.piece.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(number: u8) -> Key {
        Key::from_slice(&[number % 3, number])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn in_whatever_order_rows_come_they_are_found_as_they_were_written_last(
            numbers in proptest::collection::vec(any::<u8>(), 0..200),
            bounds in (any::<u8>(), any::<u8>()),
        ) {
            let (mut writes, mut expected) = (Writes::default(), BTreeMap::new());
            for (turn, &number) in numbers.iter().enumerate() {
                let value = (turn % 5 > 0).then(|| Bytes::from(turn.to_string()));
                writes.insert(key(number), value.clone());
                expected.insert(key(number), value);
            }
            for number in 0..=u8::MAX {
                prop_assert_eq!(writes.get(&key(number)), expected.get(&key(number)));
            }
            let (start, end) = (key(bounds.0.min(bounds.1)), key(bounds.0.max(bounds.1)));
            let end = end.max(start.clone());
            let forward: Vec<_> = writes.range(&start..&end, Direction::Forward).collect();
            let expected_there: Vec<_> = expected.range(start.clone()..end.clone()).collect();
            prop_assert_eq!(&forward, &expected_there);
            let mut backward: Vec<_> = writes.range(&start..&end, Direction::Backward).collect();
            backward.reverse();
            prop_assert_eq!(&backward, &expected_there);
            let all: Vec<_> = expected.into_iter().collect();
            prop_assert_eq!(writes.into_sorted(), all);
        }
    }
}
