//! What is committed but not yet in the index: an ordered table in memory with every version of a
//! key.
//!
//! Readers look at a position and see the newest version up to it; so commits can be placed while
//! readers still see the settled state.

use super::rows::LogPlace;
use crate::backend::{Direction, Key};
use bytes::Bytes;
use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::{Bound, Range};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What an entry costs besides key and value: the tree's share, the two handles, the position.
const ENTRY_BYTES: usize = 120;
/// Entries that a cursor takes at a time, so that a scan never holds a table's lock for long.
const PAGE_ENTRIES: usize = 128;

/// A key's value, or `None` for removed.
pub type Value = Option<Bytes>;

/// An ordered table of versions.
#[derive(Debug, Default)]
pub struct Memtable {
    rows: RwLock<BTreeMap<Key, Versions>>,
    bytes: AtomicUsize,
    /// The end of the log when this table took its last commit; set once that is on disk.
    end: OnceLock<LogPlace>,
}

/// The values of a key, by ascending position.
#[derive(Debug)]
pub struct Versions {
    newest: (u64, Value),
    older: Vec<(u64, Value)>,
}

impl Versions {
    /// The value at a position; `None` when the key was not touched up to then.
    pub fn at(&self, position: u64) -> Option<&Value> {
        if self.newest.0 <= position {
            return Some(&self.newest.1);
        }
        self.older
            .iter()
            .rev()
            .find(|(since, _)| *since <= position)
            .map(|(_, value)| value)
    }

    /// The last value.
    pub fn newest(&self) -> &Value {
        &self.newest.1
    }
}

impl Memtable {
    /// Adds versions of keys at a position that is not before any earlier one.
    pub fn insert(&self, position: u64, writes: impl Iterator<Item = (Key, Value)>) {
        let mut rows = self.rows.write();
        let mut grown = 0_usize;
        for (key, value) in writes {
            let size = key
                .len()
                .saturating_add(value.as_ref().map_or(0, Bytes::len));
            grown = grown.saturating_add(size).saturating_add(ENTRY_BYTES);
            match rows.entry(key) {
                Entry::Vacant(place) => {
                    place.insert(Versions {
                        newest: (position, value),
                        older: Vec::new(),
                    });
                }
                Entry::Occupied(mut place) => {
                    let versions = place.get_mut();
                    let older = std::mem::replace(&mut versions.newest, (position, value));
                    if older.0 != position {
                        versions.older.push(older);
                    }
                }
            }
        }
        self.bytes.fetch_add(grown, Ordering::Relaxed);
    }

    /// The value of a key at a position; `None` when this table does not know.
    pub fn value(&self, key: &[u8], position: u64) -> Option<Value> {
        self.rows.read().get(key)?.at(position).cloned()
    }

    /// Bytes that it takes, roughly.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// True when nothing was committed to it.
    pub fn is_empty(&self) -> bool {
        self.bytes() == 0
    }

    /// All its rows; writers wait meanwhile.
    pub fn rows(&self) -> RwLockReadGuard<'_, BTreeMap<Key, Versions>> {
        self.rows.read()
    }

    /// Says that all its commits are on disk, and where the log ended then.
    pub fn seal(&self, end: LogPlace) {
        let _ = self.end.set(end); // Only the first can be true.
    }

    /// The place up to which its commits may be applied; `None` before they are on disk.
    pub fn sealed(&self) -> Option<LogPlace> {
        self.end.get().copied()
    }

    /// Appends up to a page of what a range holds; true when the range may hold more.
    fn page(
        &self,
        range: (Bound<&[u8]>, Bound<&[u8]>),
        direction: Direction,
        position: u64,
        page: &mut Page,
    ) -> bool {
        let rows = self.rows.read();
        let mut entries = rows.range::<[u8], _>(range);
        for _ in 0..PAGE_ENTRIES {
            let next = match direction {
                Direction::Forward => entries.next(),
                Direction::Backward => entries.next_back(),
            };
            let Some((key, versions)) = next else {
                return false;
            };
            page.last = Some(key.clone());
            if let Some(value) = versions.at(position) {
                page.entries.push((key.clone(), value.clone()));
            }
        }
        true
    }
}

#[derive(Default)]
struct Page {
    entries: Vec<(Key, Value)>,
    last: Option<Key>,
}

/// Walks through what a table says of a range at a position.
pub struct Cursor<'a> {
    table: &'a Memtable,
    range: Range<&'a [u8]>,
    direction: Direction,
    position: u64,
    page: std::vec::IntoIter<(Key, Value)>,
    last: Option<Key>,
    more: bool,
    head: Option<(Key, Value)>,
}

impl<'a> Cursor<'a> {
    /// A cursor before the first entry; `None` when there is none.
    pub fn new(
        table: &'a Memtable,
        range: Range<&'a [u8]>,
        direction: Direction,
        position: u64,
    ) -> Option<Self> {
        if range.start >= range.end {
            return None;
        }
        let page = Vec::new().into_iter();
        let mut cursor = Self {
            table,
            range,
            direction,
            position,
            page,
            last: None,
            more: true,
            head: None,
        };
        cursor.advance();
        cursor.head.is_some().then_some(cursor)
    }

    /// The entry it stands on.
    pub fn head(&self) -> Option<&(Key, Value)> {
        self.head.as_ref()
    }

    /// Steps to the next entry and answers the one it left.
    pub fn advance(&mut self) -> Option<(Key, Value)> {
        loop {
            if let Some(next) = self.page.next() {
                return self.head.replace(next);
            }
            if !self.more {
                return self.head.take();
            }
            self.turn();
        }
    }

    /// Reads the next page.
    fn turn(&mut self) {
        let (start, end) = (
            Bound::Included(self.range.start),
            Bound::Excluded(self.range.end),
        );
        let bounds = match (self.last.as_deref(), self.direction) {
            (None, _) => (start, end),
            (Some(last), Direction::Forward) => (Bound::Excluded(last), end),
            (Some(last), Direction::Backward) => (start, Bound::Excluded(last)),
        };
        if bounds_are_empty(bounds) {
            self.more = false;
            return;
        }
        let mut page = Page::default();
        self.more = self
            .table
            .page(bounds, self.direction, self.position, &mut page);
        self.page = page.entries.into_iter();
        self.last = page.last.or_else(|| self.last.take());
    }
}

/// True for a range that a `BTreeMap` would refuse or that holds nothing.
fn bounds_are_empty(bounds: (Bound<&[u8]>, Bound<&[u8]>)) -> bool {
    match bounds {
        (Bound::Included(start) | Bound::Excluded(start), Bound::Excluded(end)) => start >= end,
        _ => false,
    }
}

/// The tables in use: one that takes commits, and frozen ones on their way into the index.
#[derive(Debug, Clone, Default)]
pub struct List {
    /// Takes commits.
    pub active: Arc<Memtable>,
    /// The newest first.
    pub frozen: Vec<Arc<Memtable>>,
}

impl List {
    /// All tables, the newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Memtable>> {
        std::iter::once(&self.active).chain(&self.frozen)
    }

    /// The value of a key at a position; `None` when no table knows.
    pub fn value(&self, key: &[u8], position: u64) -> Option<Value> {
        self.iter().find_map(|table| table.value(key, position))
    }

    /// Bytes in all tables, roughly.
    pub fn bytes(&self) -> usize {
        self.iter()
            .map(|table| table.bytes())
            .fold(0, usize::saturating_add)
    }
}

/// The current list of tables, and the position up to which readers may look.
#[derive(Debug, Default)]
pub struct Tables {
    list: RwLock<Arc<List>>,
    changing: Mutex<()>,
    settled: AtomicU64,
}

impl Tables {
    /// The list now.
    pub fn list(&self) -> Arc<List> {
        Arc::clone(&self.list.read())
    }

    /// True while `list` is the current one: no table was frozen or dropped since.
    pub fn is_current(&self, list: &Arc<List>) -> bool {
        Arc::ptr_eq(&self.list.read(), list)
    }

    /// The position of the last commit that is on disk.
    pub fn settled(&self) -> u64 {
        self.settled.load(Ordering::Acquire)
    }

    /// Makes commits visible to readers.
    pub fn settle(&self, position: u64) {
        self.settled.store(position, Ordering::Release);
    }

    /// Freezes the active table and begins another. The caller holds the placement lock.
    pub fn freeze(&self) -> Arc<Memtable> {
        let _one_at_a_time = self.changing.lock();
        let list = self.list();
        let mut frozen = vec![Arc::clone(&list.active)];
        frozen.extend(list.frozen.iter().cloned());
        *self.list.write() = Arc::new(List {
            active: Arc::default(),
            frozen,
        });
        Arc::clone(&list.active)
    }

    /// Drops the oldest frozen table once the index has its rows.
    pub fn drop_oldest(&self) {
        let _one_at_a_time = self.changing.lock();
        let mut list = List::clone(&self.list());
        list.frozen.pop();
        *self.list.write() = Arc::new(list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(table: &Memtable, position: u64, key: &str, value: Option<&str>) {
        let entry = (
            Key::from_slice(key.as_bytes()),
            value.map(|text| Bytes::from(text.to_owned())),
        );
        table.insert(position, std::iter::once(entry));
    }

    fn walk(table: &Memtable, range: Range<&str>, direction: Direction, at: u64) -> Vec<String> {
        let range = range.start.as_bytes()..range.end.as_bytes();
        let mut found = Vec::new();
        let Some(mut cursor) = Cursor::new(table, range, direction, at) else {
            return found;
        };
        while let Some((key, value)) = cursor.advance() {
            let value = value.map_or("-".to_owned(), |value| {
                String::from_utf8_lossy(&value).into()
            });
            found.push(format!("{}={value}", String::from_utf8_lossy(&key)));
        }
        found
    }

    #[test]
    fn a_reader_sees_the_newest_version_up_to_its_position() {
        let table = Memtable::default();
        write(&table, 3, "a", Some("three"));
        write(&table, 5, "a", None);
        write(&table, 9, "a", Some("nine"));
        assert_eq!(table.value(b"a", 2), None);
        assert_eq!(table.value(b"a", 4), Some(Some(Bytes::from("three"))));
        assert_eq!(table.value(b"a", 8), Some(None));
        assert_eq!(table.value(b"a", u64::MAX), Some(Some(Bytes::from("nine"))));
    }

    #[test]
    fn a_cursor_walks_over_many_pages_in_both_directions() {
        let table = Memtable::default();
        for number in 0..500 {
            write(&table, 1 + number % 2, &format!("{number:03}"), Some("x"));
        }
        let all: Vec<String> = (100..400).map(|number| format!("{number:03}=x")).collect();
        assert_eq!(walk(&table, "100".."400", Direction::Forward, 2), all);
        let mut back = walk(&table, "100".."400", Direction::Backward, 2);
        back.reverse();
        assert_eq!(back, all);
        let odd = walk(&table, "100".."400", Direction::Forward, 1);
        assert_eq!(odd.len(), 150, "only what was there at position 1");
        assert!(walk(&table, "400".."100", Direction::Forward, 2).is_empty());
        assert!(walk(&table, "a".."b", Direction::Forward, 2).is_empty());
    }

    #[test]
    fn freezing_and_dropping_change_the_list() {
        let tables = Tables::default();
        write(&tables.list().active, 1, "a", Some("x"));
        let before = tables.list();
        tables.freeze();
        assert!(!tables.is_current(&before));
        let list = tables.list();
        assert!(list.active.is_empty());
        assert_eq!(list.frozen.len(), 1);
        tables.drop_oldest();
        assert!(tables.list().frozen.is_empty());
    }
}
