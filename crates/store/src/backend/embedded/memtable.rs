//! What is committed but not yet in the index: an ordered table in memory with every version of a
//! key.
//!
//! Readers look at a position and see the newest version up to it; so commits can be placed while
//! readers still see the settled state.

use super::rows::LogPlace;
use super::run::{Run, Sorted, Walk};
use crate::backend::{Direction, Key};
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, btree_map};
use std::ops::{Bound, Range};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What an entry costs besides key and value: the tree's share, the two handles, the position.
const ENTRY_BYTES: usize = 120;
/// The same in a run: the two handles, and a position where runs were made one.
const RUN_ENTRY_BYTES: usize = 72;
/// A commit of so many rows is a run. Fewer are put into the tree: many small runs would have to be
/// made one again and again.
pub const RUN_ROWS_MIN: usize = 2048;
/// So many runs of about one size become one, so that a look goes through few, and a row seldom
/// into another run.
const RUNS_MERGED: usize = 4;
/// With so many runs the commit that brings another makes them fewer, if nobody else does.
const RUNS_MAX: usize = 32;
/// Entries that a cursor takes at a time, so that a scan never holds a table's lock for long.
const PAGE_ENTRIES: usize = 128;

/// A key's value, or `None` for removed.
pub type Value = Option<Bytes>;

/// An ordered table of versions.
#[derive(Debug, Default)]
pub struct Memtable {
    rows: RwLock<Rows>,
    bytes: AtomicUsize,
    /// The end of the log when this table took its last commit; set once that is on disk.
    end: OnceLock<LogPlace>,
}

#[derive(Debug, Default)]
struct Rows {
    tree: BTreeMap<Key, Versions>,
    /// Large commits beside it, the oldest first.
    runs: Vec<Arc<Run>>,
}

/// A version of a key.
#[derive(Debug)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// The position of the commit.
    pub since: u64,
    /// The value.
    pub value: Value,
}

/// The values of a key, by ascending position.
#[derive(Debug)]
pub struct Versions {
    newest: (u64, Value),
    older: Vec<(u64, Value)>,
}

impl Versions {
    /// The value at a position, and since when; `None` when the key was not touched up to then.
    fn at(&self, position: u64) -> Option<(u64, &Value)> {
        let newest_first = std::iter::once(&self.newest).chain(self.older.iter().rev());
        newest_first
            .map(|(since, value)| (*since, value))
            .find(|(since, _)| *since <= position)
    }
}

impl Memtable {
    /// Adds versions of keys at a position that is not before any earlier one.
    pub fn insert(&self, position: u64, writes: impl Iterator<Item = (Key, Value)>) {
        let tree = &mut self.rows.write().tree;
        let mut grown = 0_usize;
        for (key, value) in writes {
            let size = size_of(&key, &value).saturating_add(ENTRY_BYTES);
            grown = grown.saturating_add(size);
            match tree.entry(key) {
                btree_map::Entry::Vacant(place) => {
                    place.insert(Versions {
                        newest: (position, value),
                        older: Vec::new(),
                    });
                }
                btree_map::Entry::Occupied(mut place) => {
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

    /// Adds the rows of a large commit, as [`Self::insert`] does.
    pub fn insert_run(&self, position: u64, sorted: Sorted) {
        let size =
            |(key, value): &(Key, Value)| size_of(key, value).saturating_add(RUN_ENTRY_BYTES);
        let grown: usize = sorted.rows().iter().map(size).sum();
        let run = Arc::new(Run::new(position, sorted));
        let count = {
            let runs = &mut self.rows.write().runs;
            runs.push(run);
            runs.len()
        };
        self.bytes.fetch_add(grown, Ordering::Relaxed);
        while count >= RUNS_MAX && self.merge_runs() {}
    }

    /// Makes several runs of about one size one; false when there are few of each, or others have
    /// done so meanwhile. Readers and commits go on beside it.
    pub fn merge_runs(&self) -> bool {
        let (from, runs) = {
            let rows = self.rows.read();
            let Some(from) = first_to_merge(&rows.runs) else {
                return false;
            };
            let alike = rows.runs.get(from..).unwrap_or_default();
            (from, alike.to_vec())
        };
        let merged = Arc::new(Run::merged(&runs));
        let there = &mut self.rows.write().runs;
        let place = from..from.saturating_add(runs.len());
        let are_there = there.get(place.clone()).is_some_and(|there| {
            let mut pairs = there.iter().zip(&runs);
            pairs.all(|(there, run)| Arc::ptr_eq(there, run))
        });
        if are_there {
            there.splice(place, [merged]);
        }
        are_there
    }

    /// The value of a key at a position; `None` when this table does not know.
    pub fn value(&self, key: &[u8], position: u64) -> Option<Value> {
        let rows = self.rows.read();
        let in_runs = rows.runs.iter().filter_map(|run| run.at(key, position));
        let in_tree = rows
            .tree
            .get(key)
            .and_then(|versions| versions.at(position));
        let newest = in_runs.chain(in_tree).max_by_key(|(since, _)| *since);
        newest.map(|(_, value)| value.clone())
    }

    /// Bytes that it takes, roughly.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// True when nothing was committed to it.
    pub fn is_empty(&self) -> bool {
        self.bytes() == 0
    }

    /// Shows the newest version of each row, in the order of keys; writers wait meanwhile.
    pub fn with_newest<T>(&self, work: impl FnOnce(&[(&Key, &Value)]) -> T) -> T {
        let rows = self.rows.read();
        let in_tree = rows.tree.iter().map(|(key, versions)| {
            let (since, value) = &versions.newest;
            (key, *since, value)
        });
        let in_runs = rows.runs.iter().flat_map(|run| run.versions());
        let mut all: Vec<(&Key, u64, &Value)> = in_tree.chain(in_runs).collect();
        all.sort_by(|left, right| (left.0, left.1).cmp(&(right.0, right.1)));
        let newest: Vec<(&Key, &Value)> = all
            .chunk_by(|left, right| left.0 == right.0)
            .filter_map(<[_]>::last)
            .map(|&(key, _, value)| (key, value))
            .collect();
        work(&newest)
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
        let mut entries = rows.tree.range::<[u8], _>(range);
        for _ in 0..PAGE_ENTRIES {
            let next = match direction {
                Direction::Forward => entries.next(),
                Direction::Backward => entries.next_back(),
            };
            let Some((key, versions)) = next else {
                return false;
            };
            page.last = Some(key.clone());
            if let Some((since, value)) = versions.at(position) {
                page.entries.push(Entry {
                    key: key.clone(),
                    since,
                    value: value.clone(),
                });
            }
        }
        true
    }
}

/// From which run on all are made one; `None` while they are few.
fn first_to_merge(runs: &[Arc<Run>]) -> Option<usize> {
    let last = runs.last()?.size_class(RUNS_MERGED);
    let alike = runs.iter().rev();
    let alike = alike.take_while(|run| run.size_class(RUNS_MERGED) <= last);
    let count = alike.count();
    (count >= RUNS_MERGED).then(|| runs.len().saturating_sub(count))
}

fn size_of(key: &Key, value: &Value) -> usize {
    key.len()
        .saturating_add(value.as_ref().map_or(0, Bytes::len))
}

#[derive(Default)]
struct Page {
    entries: Vec<Entry>,
    last: Option<Key>,
}

/// Walks through what a table's tree, or one of its runs, says of a range at a position.
pub struct Cursor<'a> {
    source: Source<'a>,
    head: Option<Entry>,
}

enum Source<'a> {
    Tree(TreeWalk<'a>),
    Run(Walk),
}

impl<'a> Cursor<'a> {
    /// Cursors before the first entries of a table; none where there is nothing.
    pub fn all(
        table: &'a Memtable,
        range: &Range<&'a [u8]>,
        direction: Direction,
        position: u64,
    ) -> impl Iterator<Item = Self> {
        let runs = table.rows.read().runs.clone();
        let walk = |run: &Arc<Run>| Source::Run(Walk::new(run, range, direction, position));
        let mut sources: Vec<Source<'a>> = runs.iter().map(walk).collect();
        sources.push(Source::Tree(TreeWalk::new(
            table,
            range.clone(),
            direction,
            position,
        )));
        sources.into_iter().filter_map(|mut source| {
            let head = source.next();
            head.is_some().then_some(Self { source, head })
        })
    }

    /// The entry it stands on.
    pub fn head(&self) -> Option<&Entry> {
        self.head.as_ref()
    }

    /// Steps to the next entry and answers the one it left.
    pub fn advance(&mut self) -> Option<Entry> {
        std::mem::replace(&mut self.head, self.source.next())
    }
}

impl Source<'_> {
    fn next(&mut self) -> Option<Entry> {
        match self {
            Self::Tree(walk) => walk.next(),
            Self::Run(walk) => walk.next(),
        }
    }
}

/// Walks through a tree, a page at a time.
struct TreeWalk<'a> {
    table: &'a Memtable,
    range: Range<&'a [u8]>,
    direction: Direction,
    position: u64,
    page: std::vec::IntoIter<Entry>,
    last: Option<Key>,
    more: bool,
}

impl<'a> TreeWalk<'a> {
    fn new(
        table: &'a Memtable,
        range: Range<&'a [u8]>,
        direction: Direction,
        position: u64,
    ) -> Self {
        Self {
            table,
            range,
            direction,
            position,
            page: Vec::new().into_iter(),
            last: None,
            more: true,
        }
    }

    fn next(&mut self) -> Option<Entry> {
        loop {
            if let Some(next) = self.page.next() {
                return Some(next);
            }
            if !self.more {
                return None;
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
    use proptest::prelude::*;

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
        for mut cursor in Cursor::all(table, &range, direction, at) {
            while let Some(Entry { key, value, .. }) = cursor.advance() {
                let value = value.map_or("-".to_owned(), |value| {
                    String::from_utf8_lossy(&value).into()
                });
                found.push(format!("{}={value}", String::from_utf8_lossy(&key)));
            }
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

    /// A commit of the test below: its rows, whether it is a large one, and whether runs are made
    /// one behind it.
    type Commit = (Vec<(u8, Option<u8>)>, bool, bool);

    fn commits() -> impl Strategy<Value = Vec<Commit>> {
        let row = (0_u8..30, any::<Option<u8>>());
        let rows = proptest::collection::vec(row, 1..12);
        proptest::collection::vec((rows, any::<bool>(), any::<bool>()), 1..40)
    }

    fn text(number: u8) -> String {
        format!("{number:03}")
    }

    /// What the cursors of a range show together: of each key the newest version.
    fn newest_of_walks(
        table: &Memtable,
        direction: Direction,
        at: u64,
    ) -> BTreeMap<Key, (u64, Value)> {
        let range = &b"005"[..]..&b"025"[..];
        let mut newest: BTreeMap<Key, (u64, Value)> = BTreeMap::new();
        for mut cursor in Cursor::all(table, &range, direction, at) {
            while let Some(Entry { key, since, value }) = cursor.advance() {
                let held = newest.entry(key).or_insert_with(|| (since, value.clone()));
                if held.0 < since {
                    *held = (since, value);
                }
            }
        }
        newest
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn large_commits_are_seen_like_small_ones_at_every_position(commits in commits()) {
            let (table, expected) = (Memtable::default(), Memtable::default());
            let mut position = 0;
            for (rows, is_large, merges) in &commits {
                position += 1;
                let rows: Vec<(Key, Value)> = rows
                    .iter()
                    .map(|(key, value)| {
                        let value = value.map(|value| Bytes::from(text(value)));
                        (Key::from_slice(text(*key).as_bytes()), value)
                    })
                    .collect();
                expected.insert(position, rows.iter().cloned());
                if *is_large {
                    table.insert_run(position, Sorted::new(rows));
                } else {
                    table.insert(position, rows.into_iter());
                }
                while *merges && table.merge_runs() {}
            }
            for at in 0..=position {
                for key in 0..30 {
                    let key = text(key);
                    prop_assert_eq!(table.value(key.as_bytes(), at), expected.value(key.as_bytes(), at));
                }
                for direction in [Direction::Forward, Direction::Backward] {
                    prop_assert_eq!(
                        newest_of_walks(&table, direction, at),
                        newest_of_walks(&expected, direction, at)
                    );
                }
            }
            let newest = |table: &Memtable| {
                table.with_newest(|rows| {
                    let rows = rows.iter().map(|(key, value)| ((*key).clone(), (*value).clone()));
                    rows.collect::<Vec<_>>()
                })
            };
            prop_assert_eq!(newest(&table), newest(&expected));
        }
    }

    #[test]
    fn runs_of_about_one_size_become_one_and_are_never_many() {
        let table = Memtable::default();
        let large = |position: u8| {
            let row = (Key::from_slice(text(position).as_bytes()), None);
            table.insert_run(position.into(), Sorted::new(vec![row]));
            table.rows.read().runs.len()
        };
        for position in 1..=3 {
            large(position);
        }
        assert!(!table.merge_runs());
        large(4);
        assert!(table.merge_runs());
        assert_eq!(table.rows.read().runs.len(), 1);
        // Nobody makes them fewer but the commits.
        assert!((5..200).map(large).max() < Some(RUNS_MAX));
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
