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

/// Rows read when somebody begins to go through them: about what costs as much as two lookups.
const ROWS_MIN: usize = 32;
/// Rows read at once later on: enough to read in order, few enough to stay small.
const ROWS_MAX: usize = 256;
/// Bytes read at once; rows have some hundred as a rule, but may have a hundred times as many.
const BYTES_MAX: usize = 256 * 1024;
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
    rows: Vec<(Key, Bytes)>,
    /// How often the rows were of use.
    used: usize,
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
        self.used += 1;
        let found = self
            .rows
            .binary_search_by(|(held, _)| held.as_slice().cmp(key));
        let row = found.ok().and_then(|index| self.rows.get(index));
        Ok(row.map(|(_, value)| value.clone()))
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
        self.used += 1;
        let first = self
            .rows
            .partition_point(|(key, _)| key.as_slice() < range.start);
        for (key, value) in self.rows.iter().skip(first) {
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
        let was_of_use = self.used.saturating_mul(2) >= self.rows.len();
        let most = match self.rows.len().saturating_mul(4) {
            more if was_of_use => more.clamp(ROWS_MIN, ROWS_MAX),
            _ => ROWS_MIN,
        };
        let mut end = key::after(region(start));
        let (mut keys, mut values) = (Vec::with_capacity(most), Vec::new());
        base.scan(start..&end, Direction::Forward, &mut |key, value| {
            let from = values.len();
            values.extend_from_slice(value);
            keys.push((Key::from_slice(key), from..values.len()));
            keys.len() < most && values.len() < BYTES_MAX
        })?;
        if let Some((last, _)) = keys.last()
            && (keys.len() >= most || values.len() >= BYTES_MAX)
        {
            end.clone_from(last);
            end.push(0); // The key behind it.
        }
        let values = Bytes::from(values);
        let rows = keys.into_iter().map(|(key, at)| (key, values.slice(at)));
        *self = Self {
            asked: std::mem::take(&mut self.asked),
            held: Key::from_slice(start)..end,
            rows: rows.collect(),
            used: 0,
        };
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

/// True if one key has the number of an item that comes soon after that of the other.
fn is_soon_after(asked: &[u8], key: &[u8]) -> bool {
    let before = region(key);
    let number = |key: &[u8]| key::field(key, before.len(), key.len() - before.len());
    if asked.len() != key.len() || !asked.starts_with(before) {
        return false;
    }
    match (number(asked), number(key)) {
        (Ok(asked), Ok(key)) => asked < key && key - asked <= NEAR,
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

    /// Run that count how often they are looked at.
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
    fn who_goes_through_a_folder_has_its_rows_read_by_the_hundred() {
        assert!(looks_for(0..5_000) < 30);
        assert!(looks_for((0..5_000).step_by(2)) < 30);
        assert!(looks_for((3_000..5_000).chain(0..3_000)) < 30);
    }

    #[test]
    fn who_asks_for_single_items_has_no_others_read() {
        let single = [4_000, 9, 300, 300, 1_000, 12, 2_000];
        assert_eq!(looks_for(single.into_iter()), single.len());
        assert_eq!(looks_for((0..5_000).step_by(50)), 100);
        assert_eq!(looks_for((0..100).rev()), 100);
    }

    #[test]
    fn what_many_items_lack_is_looked_for_once() {
        let (base, mut ahead) = (items(0..100), Ahead::default());
        for number in 0..1_000 {
            let start = key::overlay(AccountId(7), ItemKey(number).0, &[]);
            let run = ahead.of(&start).unwrap();
            run.scan(&base, &start..&key::after(&start), &mut |_, _| {
                panic!("no such row")
            })
            .unwrap();
        }
        assert_eq!(base.looks.get(), 2);
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
