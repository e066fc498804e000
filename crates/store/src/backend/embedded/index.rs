//! The index: what the log says, as one B-tree (redb) that is checkpointed now and then.
//!
//! Nothing here is the truth: lost, it is made anew from the base and the log. Rows are applied
//! without a sync; only a checkpoint makes them durable, and with them the place in the log up to
//! which they hold.
//!
//! The file goes through [`Vfs`] like all others. Each page that is read from it is held against a
//! keyed checksum ([`Pages`]), so that a damaged one is an error, never a wrong answer, and never
//! comes before redb. What cannot be written for want of room is kept in memory ([`Lifeboat`]).
//!
//! After any other failure the store writes nothing more, although the log alone might still take
//! it: both lie on one disk, and of a disk that lost a write to one file nobody knows what it does
//! with the next. Nothing is tried a second time. The next start goes on from the last checkpoint
//! with the frames of the log; nothing acknowledged is in the index alone.

use super::figures::Holdings;
use super::frame::Reader;
use super::lifeboat::Lifeboat;
use super::memtable::{Memtable, Value};
use super::pages::{IndexFile, Pages};
use super::rows::{APPLIED_KEY, LogPlace};
use crate::backend::Key;
use crate::backend::block::Secret;
use crate::error::StoreError;
use crate::world::{File, Open, Vfs};
use bytes::Bytes;
use parking_lot::RwLock;
use redb::{
    Database, Durability, ReadOnlyTable, ReadableDatabase, ReadableTable, Table, TableDefinition,
    WriteTransaction,
};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

const TABLE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("keys");

/// A row of so many bytes is long: some ten of them fill a leaf.
const LONG_ROW_BYTES: usize = 256;

/// A state of the index that readers hold.
pub type IndexView = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// Takes a key and its value.
pub type VisitRow<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), StoreError> + 'a;

/// The B-tree.
pub struct Index {
    /// What was applied last, for all who read it; nothing while that changes. Beginning to read
    /// takes as long as looking three rows up.
    latest: RwLock<Option<Arc<IndexView>>>,
    database: Database,
    pages: Arc<Pages>,
    health: Arc<Lifeboat>,
}

impl Index {
    /// Opens the index, or makes an empty one.
    ///
    /// Errors: [`StoreError::Corrupt`] when its pages do not match their checksums.
    pub fn open(
        vfs: &dyn Vfs,
        path: &Path,
        secret: &Secret,
        cache_bytes: usize,
    ) -> Result<Self, StoreError> {
        match vfs.open(path, Open::Write) {
            Ok(file) => Self::with_file(file, secret, cache_bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self::create(vfs, path, secret, cache_bytes)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes an empty index; it gets its name once it is whole.
    fn create(
        vfs: &dyn Vfs,
        path: &Path,
        secret: &Secret,
        cache_bytes: usize,
    ) -> Result<Self, StoreError> {
        let unfinished = path.with_extension("new");
        let index = Self::with_file(vfs.open(&unfinished, Open::CreateNew)?, secret, cache_bytes)?;
        let transaction = index.begin(Durability::Immediate)?;
        transaction
            .open_table(TABLE)
            .map_err(|error| damaged(&error))?;
        index.end(transaction)?;
        if index.waits_for_room() {
            return Ok(index); // It gets its name when it is rescued.
        }
        drop(index);
        vfs.rename(&unfinished, path)?;
        vfs.sync_directory(path.parent().unwrap_or(path))?;
        Self::with_file(vfs.open(path, Open::Write)?, secret, cache_bytes)
    }

    fn with_file(
        file: Arc<dyn File>,
        secret: &Secret,
        cache_bytes: usize,
    ) -> Result<Self, StoreError> {
        let health = Arc::new(Lifeboat::new(file));
        let pages = Arc::new(Pages::new(Arc::clone(&health), secret.clone()));
        let opened = Database::builder()
            .set_cache_size(cache_bytes)
            .create_with_backend(IndexFile(Arc::clone(&pages)));
        Ok(Self {
            latest: RwLock::default(),
            database: opened.map_err(|error| damaged(&error))?,
            pages,
            health,
        })
    }

    /// The state that was applied last.
    ///
    /// Nobody waits here for another reader, who may be a thread that stands back.
    pub fn view(&self) -> Result<Arc<IndexView>, StoreError> {
        if let Some(latest) = self.latest.try_read()
            && let Some(view) = &*latest
        {
            return Ok(Arc::clone(view));
        }
        let Some(mut latest) = self.latest.try_write() else {
            return self.begin_view();
        };
        // Begun while it is locked, so that nothing is kept of before a change that has ended.
        let view = self.begin_view()?;
        Ok(Arc::clone(latest.insert(view)))
    }

    fn begin_view(&self) -> Result<Arc<IndexView>, StoreError> {
        let read = self
            .database
            .begin_read()
            .map_err(|error| damaged(&error))?;
        let view = read.open_table(TABLE).map_err(|error| damaged(&error))?;
        Ok(Arc::new(view))
    }

    /// Has the next reader begin anew.
    fn forget_latest(&self) {
        drop(self.latest.write().take());
    }

    /// One value of what was applied last.
    pub fn value(&self, key: &[u8]) -> Result<Value, StoreError> {
        let view = self.view()?;
        let found = view.get(key).map_err(|error| damaged(&error))?;
        Ok(found.map(|value| Bytes::copy_from_slice(value.value())))
    }

    /// The place in the log up to which rows were applied; `None` for a new index.
    pub fn applied(&self) -> Result<Option<LogPlace>, StoreError> {
        self.value(APPLIED_KEY)?
            .map(|value| LogPlace::parse(&value))
            .transpose()
    }

    /// How much was applied.
    pub fn holdings(&self) -> Result<Holdings, StoreError> {
        self.value(APPLIED_KEY)?
            .map_or_else(|| Ok(Holdings::default()), |value| parse_holdings(&value))
    }

    /// Visits the rows of a range.
    pub fn visit(&self, range: Range<&[u8]>, visit: &mut VisitRow<'_>) -> Result<(), StoreError> {
        for row in self
            .view()?
            .range::<&[u8]>(range)
            .map_err(|error| damaged(&error))?
        {
            let (key, value) = row.map_err(|error| damaged(&error))?;
            visit(key.value(), value.value())?;
        }
        Ok(())
    }

    /// Applies the newest version of all rows of a table whose commits are on disk up to `place`.
    pub fn apply(&self, table: &Memtable, place: LogPlace) -> Result<(), StoreError> {
        self.change(place, |rows| {
            table.with_newest(|newest| {
                let bytes = |(key, value): &&(&Key, &Value)| {
                    key.len() + value.as_ref().map_or(0, Bytes::len)
                };
                for (key, value) in filling(newest.iter(), bytes) {
                    rows.write(key, value.as_deref())?;
                }
                Ok(())
            })
        })
    }

    /// Changes rows without making them durable.
    pub fn change(
        &self,
        place: LogPlace,
        work: impl FnOnce(&mut Rows<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let transaction = self.begin(Durability::None)?;
        {
            let table = transaction
                .open_table(TABLE)
                .map_err(|error| damaged(&error))?;
            let mut rows = Rows::over(table)?;
            work(&mut rows)?;
            rows.end(place)?;
        }
        self.end(transaction)
    }

    /// Makes durable what was applied.
    ///
    /// Errors: [`StoreError::Full`] when some of it waits for room; nothing is lost by that.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        let mut transaction = self.begin(Durability::Immediate)?;
        // So that opening after a crash does not have to read the whole file.
        transaction.set_quick_repair(true);
        self.end(transaction)?;
        if self.waits_for_room() {
            return Err(StoreError::Full);
        }
        Ok(())
    }

    /// The first damage that was seen of it.
    pub fn damage(&self) -> Option<String> {
        self.pages.damage()
    }

    /// Reads all rows, then holds every page in use against its checksum, as it is on disk now;
    /// answers the pages that do not match.
    ///
    /// Errors: [`StoreError::Corrupt`] when rows cannot be read.
    pub fn verify(&self) -> Result<Vec<u64>, StoreError> {
        self.visit(&[]..&[0xff], &mut |_, _| Ok(()))?;
        Ok(self.pages.verify()?)
    }

    /// True when some of it is only in memory because the disk was full.
    pub fn waits_for_room(&self) -> bool {
        self.health.waits_for_room()
    }

    /// Bytes of its file.
    pub fn len_bytes(&self) -> Result<u64, StoreError> {
        Ok(self.health.len()?)
    }

    /// Writes to the file what waited for room.
    ///
    /// Errors: [`StoreError::Full`] when there still is too little room; all stays in memory then.
    pub fn rescue(&self, vfs: &dyn Vfs, path: &Path) -> Result<(), StoreError> {
        self.health.rescue(vfs, path)
    }

    fn begin(&self, durability: Durability) -> Result<WriteTransaction, StoreError> {
        let mut transaction = self
            .database
            .begin_write()
            .map_err(|error| damaged(&error))?;
        transaction
            .set_durability(durability)
            .map_err(|error| damaged(&error))?;
        Ok(transaction)
    }

    fn end(&self, transaction: WriteTransaction) -> Result<(), StoreError> {
        self.forget_latest(); // Or pages that it reads would not be free before the next commit.
        let committed = transaction.commit();
        self.forget_latest(); // Who came meanwhile may have found what was before.
        committed.map_err(|error| damaged(&error))?;
        self.health.check()
    }
}

/// The rows of the index while they are changed, and how much they are.
pub struct Rows<'a> {
    table: Table<'a, &'static [u8], &'static [u8]>,
    holdings: Holdings,
}

impl<'a> Rows<'a> {
    fn over(table: Table<'a, &'static [u8], &'static [u8]>) -> Result<Self, StoreError> {
        let found = table.get(APPLIED_KEY).map_err(|error| damaged(&error))?;
        let holdings = found
            .map(|value| parse_holdings(value.value()))
            .transpose()?;
        let holdings = holdings.unwrap_or_default();
        Ok(Self { table, holdings })
    }

    /// Sets or removes a row.
    pub fn write(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), StoreError> {
        let old = match value {
            Some(value) => self.table.insert(key, value),
            None => self.table.remove(key),
        };
        if let Some(old) = old.map_err(|error| damaged(&error))? {
            self.holdings.subtract(key, old.value());
        }
        if let Some(value) = value {
            self.holdings.add(key, value);
        }
        Ok(())
    }

    /// Notes up to where the rows are those of the log.
    fn end(&mut self, place: LogPlace) -> Result<(), StoreError> {
        let value = [&place.value()[..], &self.holdings.value()].concat();
        let written = self.table.insert(APPLIED_KEY, value.as_slice());
        written.map(drop).map_err(|error| damaged(&error))
    }

    /// The value of a row as changed so far.
    pub fn value(&self, key: &[u8]) -> Result<Value, StoreError> {
        let found = self.table.get(key).map_err(|error| damaged(&error))?;
        Ok(found.map(|value| Bytes::copy_from_slice(value.value())))
    }
}

/// Sorted rows in an order that leaves the tree's leaves nearly full.
///
/// A full leaf is split in half. Rows that come in ascending order, as most do, fill its right half
/// and leave the left one as it is, for ever: more than half of the index was empty. So some go
/// first, evenly spread, and the others into the halves that those leave. Of short rows nine of
/// sixteen go first, of long ones twelve, since a half is as much too full as the row is long at
/// which it ends; leaves are 80 % full then.
pub fn filling<I: Iterator + Clone>(
    rows: I,
    bytes_of: impl Fn(&I::Item) -> usize + Copy,
) -> impl Iterator<Item = I::Item> {
    let goes_first = move |place: usize, row: &I::Item| {
        let of_sixteen = if bytes_of(row) < LONG_ROW_BYTES {
            9
        } else {
            12
        };
        place % 16 * of_sixteen % 16 < of_sixteen
    };
    let pass = move |is_first: bool| {
        let some = rows.clone().enumerate();
        let some = some.filter(move |(place, row)| goes_first(*place, row) == is_first);
        some.map(|(_, row)| row)
    };
    pass(true).chain(pass(false))
}

/// The figures behind the applied place.
fn parse_holdings(value: &[u8]) -> Result<Holdings, StoreError> {
    let mut reader = Reader(value);
    LogPlace::parse_fields(&mut reader);
    Holdings::parse(&mut reader)
}

/// What redb says, in the store's words.
pub fn damaged(error: &impl std::fmt::Display) -> StoreError {
    let what = error.to_string();
    let what = if what.starts_with("Previous I/O error") {
        "a part of it could not be read before"
    } else {
        &what
    };
    StoreError::Corrupt(format!("index: {what}; a rebuild makes it anew"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::memory::{Faults, MemoryDisk};
    use bytes::Bytes;

    fn secret() -> Secret {
        Secret::new(&[7; 32])
    }

    fn table(rows: u32) -> Memtable {
        let table = Memtable::default();
        let row = |number: u32| {
            (
                Key::from_slice(format!("{number:08}").as_bytes()),
                Some(Bytes::from(vec![b'x'; 100])),
            )
        };
        table.insert(1, (0..rows).map(row));
        table
    }

    fn count(index: &Index) -> usize {
        let view = index.view().unwrap();
        view.range::<&[u8]>(..)
            .unwrap()
            .filter(|row| row.as_ref().unwrap().0.value() != APPLIED_KEY)
            .count()
    }

    #[test]
    fn only_a_checkpoint_survives_a_power_cut() {
        let disk = MemoryDisk::new();
        let index = Index::open(&disk, Path::new("index"), &secret(), 1 << 20).unwrap();
        let place = |position| LogPlace {
            position,
            ..LogPlace::default()
        };
        index.apply(&table(10), place(1)).unwrap();
        index.checkpoint().unwrap();
        disk.sync_directory(Path::new("")).unwrap();
        index.apply(&table(3_000), place(2)).unwrap();
        for seed in 0..10 {
            let left = disk.power_cut(seed);
            let index = Index::open(&left, Path::new("index"), &secret(), 1 << 20).unwrap();
            assert_eq!(index.applied().unwrap(), Some(place(1)));
            assert_eq!(count(&index), 10);
        }
    }

    #[test]
    fn a_reader_sees_what_was_applied_before_it_began_and_nothing_later() {
        let index =
            Index::open(&MemoryDisk::new(), Path::new("index"), &secret(), 1 << 20).unwrap();
        let mut views = Vec::new();
        for rows in 0..20_u32 {
            index.apply(&table(rows), LogPlace::default()).unwrap();
            views.extend([index.view().unwrap(), index.view().unwrap()]);
        }
        for (rows, pair) in (0..20).zip(views.chunks(2)) {
            for view in pair {
                let seen = view.range::<&[u8]>(..).unwrap().count();
                assert_eq!(
                    seen,
                    rows + 1,
                    "with the row that says how far it is applied"
                );
            }
        }
    }

    #[test]
    fn a_reader_that_is_kept_does_not_make_the_file_grow() {
        let size_after = |reads: bool| {
            let disk = MemoryDisk::new();
            let index = Index::open(&disk, Path::new("index"), &secret(), 1 << 20).unwrap();
            for round in 0..60 {
                if reads {
                    index.view().unwrap();
                }
                index.apply(&table(2_000), LogPlace::default()).unwrap();
                if round % 10 == 9 {
                    index.checkpoint().unwrap();
                }
            }
            index.len_bytes().unwrap()
        };
        assert_eq!(size_after(true), size_after(false));
    }

    #[test]
    fn reading_goes_on_after_a_failed_write() {
        let disk = MemoryDisk::new();
        let index = Index::open(&disk, Path::new("index"), &secret(), 1 << 16).unwrap();
        index.apply(&table(10), LogPlace::default()).unwrap();
        index.checkpoint().unwrap();
        disk.set_faults(Faults {
            halt_at: Some(disk.changes() + 3),
            ..Faults::default()
        });
        let mut results = Vec::new();
        for rows in 1..8 {
            results.push(index.apply(&table(rows * 300), LogPlace::default()));
            results.push(index.checkpoint());
        }
        assert!(results.iter().any(Result::is_err), "the failure is told");
        assert_eq!(count(&index), 2_100, "and all rows are still read");
    }
}
