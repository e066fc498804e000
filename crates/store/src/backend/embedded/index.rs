//! The index: what the log says, as one B-tree (redb) that is checkpointed now and then.
//!
//! Nothing here is the truth: lost, it is made anew from the base and the log. Rows are applied
//! without a sync; only a checkpoint makes them durable, and with them the place in the log up to
//! which they hold.
//!
//! The file goes through [`Vfs`] like all others. After a failed write or sync the file is left
//! alone and further changes are kept in memory (the *lifeboat*), so that reading goes on until the
//! restart; when only room was missing, they are written once there is some ([`Index::rescue`]).
//!
//! After any other failure the store writes nothing more, although the log alone might still take
//! it: both lie on one disk, and of a disk that lost a write to one file nobody knows what it does
//! with the next. Nothing is tried a second time. The next start goes on from the last checkpoint
//! with the frames of the log; nothing acknowledged is in the index alone.

use super::figures::Holdings;
use super::frame::Reader;
use super::memtable::{Memtable, Value};
use super::rows::{APPLIED_KEY, LogPlace};
use crate::error::StoreError;
use crate::world::{File, Open, Vfs};
use bytes::Bytes;
use parking_lot::Mutex;
use redb::{
    Database, Durability, ReadOnlyTable, ReadableDatabase, ReadableTable, StorageBackend, Table,
    TableDefinition, WriteTransaction,
};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Most bytes that wait in the lifeboat for room on the disk. What gives room back goes on while
/// the disk is full, and changes some pages of the index each time.
const WAITING_BYTES_MAX: u64 = 512 << 20;
/// The unit in which the lifeboat keeps what cannot be written.
const PAGE_BYTES: u64 = 4096;
const TABLE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("keys");

/// A state of the index that readers hold.
pub type IndexView = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// Takes a key and its value.
pub type VisitRow<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), StoreError> + 'a;

/// The B-tree.
pub struct Index {
    database: Database,
    health: Arc<Lifeboat>,
}

impl Index {
    /// Opens the index, or makes an empty one.
    ///
    /// Errors: [`StoreError::Corrupt`] when its pages do not match their checksums.
    pub fn open(vfs: &dyn Vfs, path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        match vfs.open(path, Open::Write) {
            Ok(file) => Self::with_file(file, cache_bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self::create(vfs, path, cache_bytes)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes an empty index; it gets its name once it is whole.
    fn create(vfs: &dyn Vfs, path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let unfinished = path.with_extension("new");
        let index = Self::with_file(vfs.open(&unfinished, Open::CreateNew)?, cache_bytes)?;
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
        Self::with_file(vfs.open(path, Open::Write)?, cache_bytes)
    }

    fn with_file(file: Arc<dyn File>, cache_bytes: usize) -> Result<Self, StoreError> {
        let health = Arc::new(Lifeboat {
            file,
            kept: Mutex::default(),
        });
        let backend = IndexFile(Arc::clone(&health));
        let opened = Database::builder()
            .set_cache_size(cache_bytes)
            .create_with_backend(backend);
        let database = opened.map_err(|error| damaged(&error))?;
        Ok(Self { database, health })
    }

    /// The state that was applied last.
    pub fn view(&self) -> Result<IndexView, StoreError> {
        let read = self
            .database
            .begin_read()
            .map_err(|error| damaged(&error))?;
        read.open_table(TABLE).map_err(|error| damaged(&error))
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
            for (key, versions) in table.rows().iter() {
                rows.write(key, versions.newest().as_deref())?;
            }
            Ok(())
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

    /// True when some of it is only in memory because the disk was full.
    pub fn waits_for_room(&self) -> bool {
        self.health.kept.lock().is_some()
    }

    /// Bytes of its file.
    pub fn len_bytes(&self) -> Result<u64, StoreError> {
        Ok(self.health.file.len()?)
    }

    /// Writes to the file what waited for room.
    ///
    /// Pages are written that the state on disk still needs, so the file has no name meanwhile: after
    /// a crash the index is made anew from the log.
    ///
    /// Errors: [`StoreError::Full`] when there still is too little room; all stays in memory then.
    pub fn rescue(&self, vfs: &dyn Vfs, path: &Path) -> Result<(), StoreError> {
        let mut kept = self.health.kept.lock();
        let Some(waiting) = kept.as_ref() else {
            return Ok(());
        };
        // Once begun it must come to its end.
        self.health.file.allocate(waiting.len)?;
        let (unfinished, folder) = (path.with_extension("new"), path.parent().unwrap_or(path));
        match vfs.rename(path, &unfinished) {
            // An earlier rescue did not come to its end, or it never had one.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed?,
        }
        vfs.sync_directory(folder)?;
        waiting.write_out(&*self.health.file)?;
        vfs.rename(&unfinished, path)?;
        vfs.sync_directory(folder)?;
        *kept = None;
        Ok(())
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
        transaction.commit().map_err(|error| damaged(&error))?;
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

/// The figures behind the applied place.
fn parse_holdings(value: &[u8]) -> Result<Holdings, StoreError> {
    let mut reader = Reader(value);
    LogPlace::parse_fields(&mut reader);
    Holdings::parse(&mut reader)
}

/// What redb says, in the store's words.
pub fn damaged(error: &impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("index: {error}; a rebuild makes it anew"))
}

/// The file below the index, and what could not be written to it.
struct Lifeboat {
    file: Arc<dyn File>,
    kept: Mutex<Option<Kept>>,
}

impl std::fmt::Debug for Lifeboat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lifeboat") // redb asks for this of its file.
    }
}

struct Kept {
    reason: String,
    /// Only room was missing: all can still be written.
    waits_for_room: bool,
    len: u64,
    pages: BTreeMap<u64, Vec<u8>>,
}

impl Lifeboat {
    fn check(&self) -> Result<(), StoreError> {
        match &*self.kept.lock() {
            Some(kept) if !kept.waits_for_room => {
                Err(StoreError::Io(format!("index: {}", kept.reason)))
            }
            _ => Ok(()),
        }
    }

    /// Runs a change of the file, or keeps it once one has failed.
    fn change(
        &self,
        change: impl FnOnce(&dyn File) -> io::Result<()>,
        keep: impl FnOnce(&mut Kept, &dyn File) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut kept = self.kept.lock();
        if kept.is_none() {
            let Err(error) = change(&*self.file) else {
                return Ok(());
            };
            let len = self.file.len()?;
            *kept = Some(Kept {
                reason: error.to_string(),
                waits_for_room: is_for_want_of_room(&error),
                len,
                pages: BTreeMap::new(),
            });
        }
        match &mut *kept {
            Some(kept) => keep(kept, &*self.file),
            None => Ok(()),
        }
    }
}

impl Kept {
    /// Keeps a write. What it leaves of a page is taken from the file.
    fn write(&mut self, file: &dyn File, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.len = self.len.max(offset.saturating_add(bytes.len() as u64));
        let waiting_bytes = PAGE_BYTES.saturating_mul(self.pages.len() as u64);
        self.waits_for_room &= waiting_bytes < WAITING_BYTES_MAX;
        for page in pages(offset, bytes.len()) {
            let start = page.saturating_mul(PAGE_BYTES);
            let content = match self.pages.entry(page) {
                Entry::Occupied(kept) => kept.into_mut(),
                Entry::Vacant(place) => {
                    let mut content = vec![0; usize::try_from(PAGE_BYTES).unwrap_or_default()];
                    file.read_at(&mut content, start)?;
                    place.insert(content)
                }
            };
            copy_overlap((bytes, offset), (content, start));
        }
        Ok(())
    }

    /// Writes all that was kept, durably.
    fn write_out(&self, file: &dyn File) -> io::Result<()> {
        file.set_len(self.len)?;
        for (page, content) in &self.pages {
            let start = page.saturating_mul(PAGE_BYTES);
            let len = self.len.saturating_sub(start).min(PAGE_BYTES);
            let content = content.get(..usize::try_from(len).unwrap_or_default());
            file.write_at(content.unwrap_or_default(), start)?;
        }
        file.sync()
    }

    /// Lays what was kept over what was read from the file.
    fn read(&self, bytes: &mut [u8], offset: u64) {
        for page in pages(offset, bytes.len()) {
            if let Some(content) = self.pages.get(&page) {
                copy_overlap((content, page.saturating_mul(PAGE_BYTES)), (bytes, offset));
            }
        }
    }
}

fn is_for_want_of_room(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// The pages that a range touches.
fn pages(offset: u64, len: usize) -> Range<u64> {
    let end = offset.saturating_add(len as u64);
    offset / PAGE_BYTES..end.div_ceil(PAGE_BYTES)
}

/// Copies where two pieces of the file overlap.
fn copy_overlap((from, from_offset): (&[u8], u64), (to, to_offset): (&mut [u8], u64)) {
    let skip = usize::try_from(to_offset.saturating_sub(from_offset)).unwrap_or(usize::MAX);
    let start = usize::try_from(from_offset.saturating_sub(to_offset)).unwrap_or(usize::MAX);
    let from = from.get(skip..).unwrap_or_default();
    let to = to.get_mut(start..).unwrap_or_default();
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}

#[derive(Debug)]
struct IndexFile(Arc<Lifeboat>);

impl StorageBackend for IndexFile {
    fn len(&self) -> io::Result<u64> {
        match &*self.0.kept.lock() {
            Some(kept) => Ok(kept.len),
            None => self.0.file.len(),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let count = self.0.file.read_at(out, offset)?;
        match &*self.0.kept.lock() {
            Some(kept) => kept.read(out, offset),
            None if count < out.len() => return Err(io::ErrorKind::UnexpectedEof.into()),
            None => {}
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let keep = |kept: &mut Kept, _: &dyn File| {
            kept.len = len;
            Ok(())
        };
        self.0.change(|file| file.set_len(len), keep)
    }

    fn sync_data(&self) -> io::Result<()> {
        // After a failed sync nobody knows what is on disk, whatever the reason was.
        let sync = |file: &dyn File| {
            file.sync()
                .map_err(|error| io::Error::other(error.to_string()))
        };
        self.0.change(sync, |_, _| Ok(()))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let keep = |kept: &mut Kept, file: &dyn File| kept.write(file, data, offset);
        self.0.change(|file| file.write_at(data, offset), keep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::memory::{Faults, MemoryDisk};
    use bytes::Bytes;

    fn table(rows: u32) -> Memtable {
        let table = Memtable::default();
        let row = |number: u32| {
            (
                Bytes::from(format!("{number:08}")),
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
        let index = Index::open(&disk, Path::new("index"), 1 << 20).unwrap();
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
            let index = Index::open(&left, Path::new("index"), 1 << 20).unwrap();
            assert_eq!(index.applied().unwrap(), Some(place(1)));
            assert_eq!(count(&index), 10);
        }
    }

    #[test]
    fn reading_goes_on_after_a_failed_write() {
        let disk = MemoryDisk::new();
        let index = Index::open(&disk, Path::new("index"), 1 << 16).unwrap();
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
