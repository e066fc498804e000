//! Reading ahead: who works through a folder asks for one item after the other, and a walk over the
//! rows that follow is far cheaper than finding each for itself.
//!
//! What lies below a transaction does not change while its account is locked, so that nothing is
//! read too early. Start at [`Ahead::of`].

use crate::backend::{Direction, Key, Read};
use crate::error::StoreError;
use crate::model::key::{self, tag};
use bytes::Bytes;
use std::ops::Range;

/// How many numbers are read at once: enough to read in order, few enough for the memory of the
/// last ones.
const REACH: u64 = 64;
/// Bytes read at once; rows have some hundred as a rule, but may have a hundred times as many.
const BYTES_MAX: usize = 64 * 1024;
/// Who asks for a number at most so far behind the last one goes through them all.
const NEAR: u64 = 8;

/// What was read ahead of each kind.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    items: Run,
    details: Run,
    overlays: Run,
}

impl Ahead {
    /// The rows of this key's kind; `None` where they are not asked for item by item.
    pub(super) fn of(&mut self, key: &[u8]) -> Option<&mut Run> {
        match *key.first()? {
            tag::ITEM => Some(&mut self.items),
            tag::DETAILS => Some(&mut self.details),
            tag::OVERLAY => Some(&mut self.overlays),
            _ => None,
        }
    }
}

/// The rows of one kind that follow upon what was asked for last.
#[derive(Debug, Default)]
pub(super) struct Run {
    asked: Key,
    /// Between these keys lie these rows and no others.
    held: Range<Key>,
    /// The keys, and where their values are. Who keeps one value keeps all of them.
    rows: Vec<(Key, Range<usize>)>,
    values: Bytes,
    /// The row behind the one that was found last.
    next: usize,
}

impl Run {
    /// The value of a key, out of what was read before where that can be.
    pub(super) fn value(
        &mut self,
        base: &dyn Read,
        key: &[u8],
    ) -> Result<Option<Bytes>, StoreError> {
        self.follow(base, key)?;
        if !self.holds(key) {
            return base.get(key);
        }
        let row = self.place_of(key).and_then(|index| self.rows.get(index));
        Ok(row.map(|(_, at)| self.values.slice(at.clone())))
    }

    /// The number of the row with this key, mostly the one behind the last.
    fn place_of(&mut self, key: &[u8]) -> Option<usize> {
        let is_next = |(held, _): &(Key, _)| held.as_slice() == key;
        let found = if self.rows.get(self.next).is_some_and(is_next) {
            self.next
        } else {
            let rows = &self.rows;
            let found = rows.binary_search_by(|(held, _)| held.as_slice().cmp(key));
            found.ok()?
        };
        self.next = found + 1;
        Some(found)
    }

    /// Visits the entries of a range, ascending, out of what was read before where that can be.
    pub(super) fn scan(
        &mut self,
        base: &dyn Read,
        range: Range<&[u8]>,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        self.follow(base, range.start)?;
        if !self.holds(range.start) || self.held.end.as_slice() < range.end {
            return base.scan(range, Direction::Forward, visit);
        }
        let first = self
            .rows
            .partition_point(|(key, _)| key.as_slice() < range.start);
        for (key, at) in self.rows.iter().skip(first) {
            let value = self.values.get(at.clone()).unwrap_or_default();
            if key.as_slice() >= range.end || !visit(key, value) {
                break;
            }
        }
        Ok(())
    }

    /// Reads on if this key comes soon after the last one and is not at hand.
    fn follow(&mut self, base: &dyn Read, key: &[u8]) -> Result<(), StoreError> {
        let is_near = is_soon_after(&self.asked, key);
        self.asked = Key::from_slice(key);
        if is_near && !self.holds(key) {
            self.read_on(base, key)?;
        }
        Ok(())
    }

    fn holds(&self, key: &[u8]) -> bool {
        self.held.start.as_slice() <= key && key < self.held.end.as_slice()
    }

    fn read_on(&mut self, base: &dyn Read, start: &[u8]) -> Result<(), StoreError> {
        let rows = &mut self.rows;
        self.held = Range::default();
        rows.clear();
        let mut values = Vec::with_capacity(self.values.len()); // About as many as the last time.
        let mut end = later(start, REACH);
        if end.as_slice() <= start {
            return Ok(()); // Near the last number there is.
        }
        let mut is_full = false;
        base.scan(start..&end, Direction::Forward, &mut |key, value| {
            let from = values.len();
            values.extend_from_slice(value);
            rows.push((Key::from_slice(key), from..values.len()));
            is_full = values.len() >= BYTES_MAX;
            !is_full
        })?;
        if is_full && let Some((last, _)) = rows.last() {
            end.clone_from(last);
            end.push(0); // The key behind it.
        }
        self.held = Key::from_slice(start)..end;
        self.values = values.into();
        self.next = 0;
        Ok(())
    }
}

/// All before the number by which rows are asked for one after the other.
fn region(key: &[u8]) -> &[u8] {
    let len = match key.first() {
        Some(&tag::ITEM) => 12, // Tag, account, folder, shelf.
        _ => 5,                 // Tag, account.
    };
    key.get(..len).unwrap_or(key)
}

/// The number at the end of a key.
fn number(key: &[u8]) -> Option<u64> {
    let from = region(key).len();
    let len = key.len().checked_sub(from)?;
    (1..=8)
        .contains(&len)
        .then(|| key::field(key, from, len).ok())?
}

/// The key of the item so many numbers later.
fn later(key: &[u8], by: u64) -> Key {
    let before = region(key);
    let number = number(key).unwrap_or_default().saturating_add(by);
    let bytes = number.to_be_bytes();
    let len = key.len().saturating_sub(before.len());
    let mut later = Key::from_slice(before);
    later.extend(bytes.into_iter().skip(bytes.len().saturating_sub(len)));
    later
}

/// True if one key has the number of an item that comes soon after that of the other.
fn is_soon_after(asked: &[u8], key: &[u8]) -> bool {
    if asked.len() != key.len() || !asked.starts_with(region(key)) {
        return false;
    }
    match (number(asked), number(key)) {
        (Some(asked), Some(key)) => asked < key && key - asked <= NEAR,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AccountId, FolderId, ItemKey, Uid};
    use crate::model::shelf::Shelf;
    use proptest::prelude::*;
    use std::cell::Cell;
    use std::collections::BTreeMap;

    /// Rows that count how often they are looked at.
    #[derive(Default)]
    struct Counted {
        rows: BTreeMap<Key, Bytes>,
        looks: Cell<usize>,
    }

    impl Read for Counted {
        fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
            self.looks.set(self.looks.get() + 1);
            Ok(self.rows.get(key).cloned())
        }

        fn scan(
            &self,
            range: Range<&[u8]>,
            _: Direction,
            visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
        ) -> Result<(), StoreError> {
            self.looks.set(self.looks.get() + 1);
            let range = Key::from_slice(range.start)..Key::from_slice(range.end);
            for (key, value) in self.rows.range(range) {
                if !visit(key, value) {
                    break;
                }
            }
            Ok(())
        }
    }

    fn item(uid: u32) -> Key {
        key::item(AccountId(7), FolderId(3), Shelf::Mail, Uid(uid))
    }

    fn items(uids: impl Iterator<Item = u32>) -> Counted {
        let row = |uid: u32| (item(uid), Bytes::from(uid.to_string()));
        Counted {
            rows: uids.map(row).collect(),
            looks: Cell::default(),
        }
    }

    fn looks_for(uids: impl Iterator<Item = u32>) -> usize {
        let (base, mut ahead) = (items(0..5_000), Ahead::default());
        for uid in uids {
            let run = ahead.of(&item(uid)).unwrap();
            let value = run.value(&base, &item(uid)).unwrap().unwrap();
            assert_eq!(value, uid.to_string());
        }
        base.looks.get()
    }

    #[test]
    fn who_goes_through_a_folder_has_its_rows_read_by_the_dozen() {
        assert!(looks_for(0..5_000) < 85);
        assert!(looks_for((0..5_000).step_by(2)) < 85);
        assert!(looks_for((3_000..5_000).chain(0..3_000)) < 85);
    }

    #[test]
    fn who_asks_for_single_items_has_no_others_read() {
        let single = [4_000, 9, 300, 300, 1_000, 12, 2_000];
        assert_eq!(looks_for(single.into_iter()), single.len());
        assert_eq!(looks_for((0..5_000).step_by(50)), 100);
        assert_eq!(looks_for((0..100).rev()), 100);
    }

    #[test]
    fn what_many_items_lack_is_looked_for_once_in_many() {
        let (base, mut ahead) = (items(0..100), Ahead::default());
        for number in 0..1_000 {
            let start = key::overlay(AccountId(7), ItemKey(number).0, &[]);
            let run = ahead.of(&start).unwrap();
            run.scan(&base, &start..&key::after(&start), &mut |_, _| {
                panic!("no such row")
            })
            .unwrap();
        }
        assert!(base.looks.get() < 20);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_was_read_ahead_is_what_a_look_would_show(
            uids in proptest::collection::btree_set(0_u32..600, 0..400),
            asked in proptest::collection::vec((0_u32..600, 1_u32..40, 1_u32..12), 1..20),
        ) {
            let (base, mut ahead) = (items(uids.iter().copied()), Ahead::default());
            for (first, count, step) in asked {
                for uid in (first..).step_by(step as usize).take(count as usize) {
                    let run = ahead.of(&item(uid)).unwrap();
                    let (key, end) = (item(uid), item(uid + 3));
                    prop_assert_eq!(run.value(&base, &key).unwrap(), base.get(&key).unwrap());
                    let (mut seen, mut there) = (Vec::new(), Vec::new());
                    let range = || key.as_slice()..end.as_slice();
                    let mut see = |key: &[u8], _: &[u8]| { seen.push(key.to_vec()); true };
                    run.scan(&base, range(), &mut see).unwrap();
                    let mut stand = |key: &[u8], _: &[u8]| { there.push(key.to_vec()); true };
                    base.scan(range(), Direction::Forward, &mut stand).unwrap();
                    prop_assert_eq!(seen, there);
                }
            }
        }
    }
}
