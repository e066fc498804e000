//! Reading: the tables in memory laid over the index.

use super::index::{Index, IndexView, damaged};
use super::memtable::{Cursor, Entry, List, Tables};
use super::rows::APPLIED_KEY;
use crate::backend::{Direction, Key, Read};
use crate::error::StoreError;
use bytes::Bytes;
use redb::AccessGuard;
use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

/// One state of the store.
pub struct View {
    list: Arc<List>,
    index: Arc<IndexView>,
    position: u64,
}

impl View {
    /// All that is settled.
    pub fn settled(tables: &Tables, index: &Index) -> Result<Self, StoreError> {
        loop {
            let list = tables.list();
            let view = index.view()?;
            // In this order: what the index has is settled by now, and what is settled by now is in
            // the list, unless a table was frozen or dropped meanwhile.
            let position = tables.settled();
            if tables.is_current(&list) {
                return Ok(Self {
                    list,
                    index: view,
                    position,
                });
            }
        }
    }

    /// All that is placed, for those who hold the locks of what they look at.
    pub fn placed(tables: &Tables, index: &Index) -> Result<Self, StoreError> {
        Ok(Self {
            position: u64::MAX,
            ..Self::settled(tables, index)?
        })
    }

    /// Visits the index alone, where no table in memory has anything.
    fn scan_index(
        &self,
        range: Range<&[u8]>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        let mut rows = self.rows(range)?;
        while let Some((key, value)) = step(&mut rows, direction)? {
            if !visit(key.value(), value.value()) {
                break;
            }
        }
        Ok(())
    }

    fn rows(&self, range: Range<&[u8]>) -> Result<Rows, StoreError> {
        self.index
            .range::<&[u8]>(range)
            .map_err(|error| damaged(&error))
    }

    /// Visits the index with the tables in memory laid over it.
    fn scan_merged(
        &self,
        range: Range<&[u8]>,
        mut over: Overlay<'_>,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        let direction = over.direction;
        let mut rows = self.rows(range)?;
        let mut row = step(&mut rows, direction)?;
        loop {
            let order = match (over.head(), &row) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(head), Some((key, _))) => ordered(direction, head, key.value()),
            };
            let go_on = if order == Ordering::Greater {
                row.as_ref()
                    .is_none_or(|(key, value)| visit(key.value(), value.value()))
            } else {
                match over.next() {
                    Some(Entry {
                        key,
                        value: Some(value),
                        ..
                    }) => visit(&key, &value),
                    _ => true, // Removed since the index was written.
                }
            };
            if !go_on {
                return Ok(());
            }
            if order != Ordering::Less {
                row = step(&mut rows, direction)?;
            }
        }
    }
}

type Rows = redb::Range<'static, &'static [u8], &'static [u8]>;
type Row = (
    AccessGuard<'static, &'static [u8]>,
    AccessGuard<'static, &'static [u8]>,
);

fn step(rows: &mut Rows, direction: Direction) -> Result<Option<Row>, StoreError> {
    let next = match direction {
        Direction::Forward => rows.next(),
        Direction::Backward => rows.next_back(),
    };
    next.transpose().map_err(|error| damaged(&error))
}

/// `Less` when `left` is visited before `right`.
fn ordered(direction: Direction, left: &[u8], right: &[u8]) -> Ordering {
    match direction {
        Direction::Forward => left.cmp(right),
        Direction::Backward => right.cmp(left),
    }
}

/// What the tables in memory say of a range, the newest version where they differ.
struct Overlay<'a> {
    cursors: Vec<Cursor<'a>>,
    direction: Direction,
}

impl<'a> Overlay<'a> {
    fn new(view: &'a View, range: &Range<&'a [u8]>, direction: Direction) -> Self {
        let cursors = |table| Cursor::all(table, range, direction, view.position);
        Self {
            cursors: view.list.iter().flat_map(|table| cursors(table)).collect(),
            direction,
        }
    }

    /// The next key.
    fn head(&self) -> Option<&Key> {
        let heads = self.cursors.iter().filter_map(|cursor| cursor.head());
        heads
            .map(|entry| &entry.key)
            .min_by(|left, right| ordered(self.direction, left, right))
    }

    /// Takes the next key from all that have it, and answers its newest version.
    fn next(&mut self) -> Option<Entry> {
        let key = self.head()?.clone();
        let has_it = |cursor: &&mut Cursor<'_>| cursor.head().is_some_and(|head| head.key == key);
        let taken = self.cursors.iter_mut().filter(has_it);
        taken
            .filter_map(Cursor::advance)
            .max_by_key(|entry| entry.since)
    }
}

impl Read for View {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        if let Some(value) = self.list.value(key, self.position) {
            return Ok(value);
        }
        let found = self.index.get(key).map_err(|error| damaged(&error))?;
        Ok(found.map(|value| Bytes::copy_from_slice(value.value())))
    }

    fn scan(
        &self,
        range: Range<&[u8]>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        if range.start >= range.end {
            return Ok(());
        }
        let mut visit_public = |key: &[u8], value: &[u8]| key == APPLIED_KEY || visit(key, value);
        let over = Overlay::new(self, &range, direction);
        if over.cursors.is_empty() {
            self.scan_index(range, direction, &mut visit_public)
        } else {
            self.scan_merged(range, over, &mut visit_public)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::block::Secret;
    use crate::backend::embedded::rows::LogPlace;
    use crate::backend::embedded::run::Sorted;
    use crate::world::memory::MemoryDisk;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::path::Path;

    /// What a step of the test does to store and model.
    #[derive(Debug, Clone)]
    enum Step {
        Write(u8, Option<u8>),
        WriteRun(Vec<(u8, Option<u8>)>),
        Settle,
        Freeze,
        Apply,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => (0_u8..20, proptest::option::of(any::<u8>())).prop_map(|(k, v)| Step::Write(k, v)),
            2 => proptest::collection::vec((0_u8..20, proptest::option::of(any::<u8>())), 1..30)
                .prop_map(Step::WriteRun),
            2 => Just(Step::Settle),
            1 => Just(Step::Freeze),
            1 => Just(Step::Apply),
        ];
        proptest::collection::vec(step, 1..60)
    }

    fn all(view: &View, direction: Direction) -> Vec<(u8, u8)> {
        let mut found = Vec::new();
        view.scan(&[0]..&[255], direction, &mut |key, value| {
            found.push((key[0], value[0]));
            true
        })
        .unwrap();
        found
    }

    fn row(key: u8, value: Option<u8>) -> (Key, Option<Bytes>) {
        let value = value.map(|value| Bytes::from(vec![value]));
        (Key::from_slice(&[key]), value)
    }

    fn note(rows: &mut BTreeMap<u8, u8>, key: u8, value: Option<u8>) {
        match value {
            Some(value) => drop(rows.insert(key, value)),
            None => drop(rows.remove(&key)),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn readers_see_what_is_settled_and_writers_what_is_placed(steps in steps()) {
            let index = Index::open(&MemoryDisk::new(), Path::new("i"), &Secret::new(&[7; 32]), 1 << 16).unwrap();
            let tables = Tables::default();
            let (mut placed, mut settled) = (BTreeMap::new(), BTreeMap::new());
            let mut position = 0;
            for step in steps {
                match step {
                    Step::Write(key, value) => {
                        position += 1;
                        let write = std::iter::once(row(key, value));
                        tables.list().active.insert(position, write);
                        note(&mut placed, key, value);
                    }
                    Step::WriteRun(writes) => {
                        position += 1;
                        let rows = writes.iter().map(|&(key, value)| row(key, value)).collect();
                        tables.list().active.insert_run(position, Sorted::new(rows));
                        for (key, value) in writes {
                            note(&mut placed, key, value);
                        }
                    }
                    Step::Settle => {
                        tables.settle(position);
                        settled = placed.clone();
                        let end = LogPlace { position, ..LogPlace::default() };
                        tables.list().frozen.iter().for_each(|table| table.seal(end));
                    }
                    Step::Freeze => drop(tables.freeze()),
                    Step::Apply => {
                        let oldest = tables.list().frozen.last().cloned();
                        let sealed =
                            oldest.and_then(|table| Some((table.clone(), table.sealed()?)));
                        if let Some((table, end)) = sealed {
                            index.apply(&table, end).unwrap();
                            tables.drop_oldest();
                        }
                    }
                }
                let view = View::settled(&tables, &index).unwrap();
                let expected: Vec<_> = settled.clone().into_iter().collect();
                prop_assert_eq!(all(&view, Direction::Forward), expected.clone());
                for key in 0..20_u8 {
                    let value = view.get(&[key]).unwrap().map(|value| value[0]);
                    prop_assert_eq!(value, settled.get(&key).copied());
                }
                let view = View::placed(&tables, &index).unwrap();
                let mut expected: Vec<_> = placed.clone().into_iter().collect();
                expected.reverse();
                prop_assert_eq!(all(&view, Direction::Backward), expected);
            }
        }
    }
}
