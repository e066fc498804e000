//! A disk in memory that can fail: for tests and for `simulation`.
//!
//! It remembers what was synced. [`MemoryDisk::power_cut`] gives the disk as it may be found after
//! a power failure: each unsynced sector is there or not, and name changes survive only up to some
//! point. Writes and syncs can be made to fail at a chosen count, and the disk has a capacity.
//!
//! Start at [`MemoryDisk::new`].

use super::{File, Open, Space, Vfs};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a disk writes as one: a torn write keeps or loses whole sectors.
const SECTOR_BYTES: usize = 512;

/// What the disk shall do wrong, counted over all its changes (writes, syncs, renames …) from 0.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// From this change on nothing happens any more: every change fails, as after pulling the plug.
    pub halt_at: Option<u64>,
    /// This one write fails with an input/output error.
    pub fail_write_at: Option<u64>,
    /// This one sync fails, counted over syncs alone.
    pub fail_sync_at: Option<u64>,
}

/// A disk in memory. Clones are the same disk.
#[derive(Clone, Default)]
pub struct MemoryDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    names: BTreeMap<PathBuf, Inode>,
    durable_names: BTreeMap<PathBuf, Inode>,
    unsynced_names: Vec<NameChange>,
    locks: BTreeMap<PathBuf, Arc<AtomicBool>>,
    faults: Faults,
    changes: u64,
    syncs: u64,
    capacity_bytes: Option<u64>,
}

type Inode = Arc<Mutex<Content>>;

#[derive(Clone)]
enum NameChange {
    Link(PathBuf, Inode),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

/// A file's bytes; beyond `data` it is zeros up to `len`, so that reserving costs nothing.
#[derive(Default, Clone)]
struct Content {
    data: Vec<u8>,
    len: u64,
    synced: Vec<u8>,
    synced_len: u64,
    unsynced_sectors: BTreeSet<usize>,
}

impl Content {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> usize {
        let Ok(start) = usize::try_from(offset) else {
            return 0;
        };
        let left = self.len.saturating_sub(offset);
        let count = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        bytes.iter_mut().take(count).for_each(|byte| *byte = 0);
        let stored = self.data.get(start..).unwrap_or_default();
        let known = stored.len().min(count);
        if let (Some(to), Some(from)) = (bytes.get_mut(..known), stored.get(..known)) {
            to.copy_from_slice(from);
        }
        count
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(bytes.len());
        if self.data.len() < end {
            self.data.resize(end, 0);
        }
        if let Some(place) = self.data.get_mut(start..end) {
            place.copy_from_slice(bytes);
        }
        self.len = self.len.max(end as u64);
        self.unsynced_sectors
            .extend(start / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES));
    }

    fn set_len(&mut self, len: u64) {
        let kept = usize::try_from(len)
            .unwrap_or(usize::MAX)
            .min(self.data.len());
        self.data.truncate(kept);
        self.len = len;
    }

    fn sync(&mut self) {
        for sector in std::mem::take(&mut self.unsynced_sectors) {
            self.keep_sector(sector);
        }
        self.synced.truncate(self.data.len());
        self.synced_len = self.len;
    }

    /// Makes one sector durable.
    fn keep_sector(&mut self, sector: usize) {
        let start = sector.saturating_mul(SECTOR_BYTES);
        let end = start.saturating_add(SECTOR_BYTES).min(self.data.len());
        if self.synced.len() < end {
            self.synced.resize(end, 0);
        }
        if let (Some(to), Some(from)) = (self.synced.get_mut(start..end), self.data.get(start..end))
        {
            to.copy_from_slice(from);
        }
    }

    /// What a power cut leaves: the synced bytes and any of the unsynced sectors.
    fn after_cut(&self, chance: &mut Chance) -> Self {
        let mut left = self.clone();
        for sector in std::mem::take(&mut left.unsynced_sectors) {
            if chance.coin() {
                left.keep_sector(sector);
            }
        }
        // A cut never gives back less than was synced; growth may or may not have reached the disk.
        let len = if chance.coin() {
            self.len
        } else {
            self.synced_len
        };
        left.synced
            .truncate(usize::try_from(len).unwrap_or(usize::MAX));
        Self {
            data: left.synced.clone(),
            len,
            synced: left.synced,
            synced_len: len,
            unsynced_sectors: BTreeSet::new(),
        }
    }
}

/// A small deterministic source (xorshift64), so that a failure is a seed.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn coin(&mut self) -> bool {
        self.next() & 0x100 != 0
    }
}

impl State {
    /// Counts a change and says whether it may happen.
    fn change(&mut self) -> io::Result<u64> {
        let number = self.changes;
        if self.faults.halt_at.is_some_and(|halt| number >= halt) {
            return Err(io::Error::other("the disk is gone"));
        }
        self.changes = number.saturating_add(1);
        Ok(number)
    }

    fn used_bytes(&self) -> u64 {
        self.names
            .values()
            .map(|inode| inode.lock().len)
            .fold(0, u64::saturating_add)
    }

    /// Checks that a file may grow to `len`.
    fn reserve(&self, content: &Content, len: u64) -> io::Result<()> {
        let growth = len.saturating_sub(content.len);
        match self.capacity_bytes {
            // `used_bytes` locks every file, so the caller must not hold one.
            Some(capacity) if growth > 0 && self.used_bytes().saturating_add(growth) > capacity => {
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => Ok(()),
        }
    }

    fn apply(names: &mut BTreeMap<PathBuf, Inode>, change: &NameChange) {
        match change {
            NameChange::Link(path, inode) => drop(names.insert(path.clone(), Arc::clone(inode))),
            NameChange::Remove(path) => drop(names.remove(path)),
            NameChange::Rename(from, to) => {
                if let Some(inode) = names.remove(from) {
                    names.insert(to.clone(), inode);
                }
            }
        }
    }

    fn rename_or_link(&mut self, change: NameChange) {
        Self::apply(&mut self.names, &change);
        self.unsynced_names.push(change);
    }
}

impl NameChange {
    fn touches(&self, directory: &Path) -> bool {
        let within = |path: &Path| path.parent() == Some(directory);
        match self {
            Self::Link(path, _) | Self::Remove(path) => within(path),
            Self::Rename(from, to) => within(from) || within(to),
        }
    }
}

impl MemoryDisk {
    /// An empty disk without limit or faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what goes wrong from now on. Counting goes on from the disk's first change.
    pub fn set_faults(&self, faults: Faults) {
        self.0.lock().faults = faults;
    }

    /// Sets how many bytes fit; `None` for no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.0.lock().capacity_bytes = bytes;
    }

    /// Changes made so far: the number that the next one has in [`Faults`].
    pub fn changes(&self) -> u64 {
        self.0.lock().changes
    }

    /// Syncs made so far.
    pub fn syncs(&self) -> u64 {
        self.0.lock().syncs
    }

    /// The disk as it may be found after a power cut now; the same seed finds the same disk.
    #[must_use]
    pub fn power_cut(&self, seed: u64) -> Self {
        let state = self.0.lock();
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut names = state.durable_names.clone();
        let kept = chance.next() % (state.unsynced_names.len() as u64).saturating_add(1);
        let kept = usize::try_from(kept).unwrap_or_default();
        for change in state.unsynced_names.iter().take(kept) {
            State::apply(&mut names, change);
        }
        let names: BTreeMap<PathBuf, Inode> = names
            .into_iter()
            .map(|(path, inode)| {
                let left = inode.lock().after_cut(&mut chance);
                (path, Arc::new(Mutex::new(left)))
            })
            .collect();
        let capacity_bytes = state.capacity_bytes;
        Self(Arc::new(Mutex::new(State {
            durable_names: names.clone(),
            names,
            capacity_bytes,
            ..State::default()
        })))
    }

    /// Changes one byte of a file behind the owner's back: bit rot. False when there is no such
    /// byte.
    pub fn flip(&self, path: &Path, offset: u64, mask: u8) -> bool {
        let Some(inode) = self.0.lock().names.get(path).cloned() else {
            return false;
        };
        let mut content = inode.lock();
        let Some(at) = usize::try_from(offset)
            .ok()
            .filter(|&at| at < content.data.len())
        else {
            return false;
        };
        for bytes in [true, false] {
            let bytes = if bytes {
                &mut content.data
            } else {
                &mut content.synced
            };
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= mask;
            }
        }
        true
    }

    /// All file names.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.0.lock().names.keys().cloned().collect()
    }

    /// A copy that shares nothing with this one: a disk image.
    #[must_use]
    pub fn image(&self) -> Self {
        let state = self.0.lock();
        let mut copies = BTreeMap::new();
        for (path, inode) in &state.names {
            copies.insert(path.clone(), Arc::new(Mutex::new(inode.lock().clone())));
        }
        Self(Arc::new(Mutex::new(State {
            durable_names: copies.clone(),
            names: copies,
            capacity_bytes: state.capacity_bytes,
            ..State::default()
        })))
    }
}

struct MemoryFile {
    disk: Arc<Mutex<State>>,
    inode: Inode,
}

impl MemoryFile {
    fn grow_checked(&self, len: u64) -> io::Result<Option<u64>> {
        let mut state = self.disk.lock();
        let number = state.change()?;
        let content = Content {
            len: self.inode.lock().len,
            ..Content::default()
        };
        state.reserve(&content, len)?;
        Ok(state.faults.fail_write_at.filter(|&fail| fail == number))
    }
}

impl File for MemoryFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        Ok(self.inode.lock().read_at(bytes, offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let failed = self.grow_checked(offset.saturating_add(bytes.len() as u64))?;
        if failed.is_some() {
            return Err(io::Error::other("write failed"));
        }
        self.inode.lock().write_at(bytes, offset);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.lock();
        state.change()?;
        let number = state.syncs;
        state.syncs = number.saturating_add(1);
        if state.faults.fail_sync_at == Some(number) {
            return Err(io::Error::other("sync failed"));
        }
        self.inode.lock().sync();
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.inode.lock().len)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.grow_checked(len)?;
        self.inode.lock().set_len(len);
        Ok(())
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.grow_checked(len)?;
        let mut content = self.inode.lock();
        content.len = content.len.max(len);
        Ok(())
    }
}

/// Gives a path's lock back.
struct Held(Arc<AtomicBool>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl Vfs for MemoryDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn File>> {
        let mut state = self.0.lock();
        let found = state.names.get(path).cloned();
        let inode = match (found, how) {
            (Some(_), Open::CreateNew) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Some(inode), _) => inode,
            (None, Open::Read | Open::Write) => return Err(io::ErrorKind::NotFound.into()),
            (None, Open::CreateNew | Open::Create) => {
                state.change()?;
                let inode = Inode::default();
                state.rename_or_link(NameChange::Link(path.to_owned(), Arc::clone(&inode)));
                inode
            }
        };
        Ok(Arc::new(MemoryFile {
            disk: Arc::clone(&self.0),
            inode,
        }))
    }

    fn temporary(&self, _directory: &Path) -> io::Result<Arc<dyn File>> {
        self.0.lock().change()?;
        Ok(Arc::new(MemoryFile {
            disk: Arc::clone(&self.0),
            inode: Inode::default(),
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.change()?;
        if !state.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.rename_or_link(NameChange::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.change()?;
        if !state.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.rename_or_link(NameChange::Remove(path.to_owned()));
        Ok(())
    }

    fn create_directory(&self, _path: &Path) -> io::Result<()> {
        Ok(()) // Folders are only the paths of their files here.
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.change()?;
        let changes = std::mem::take(&mut state.unsynced_names);
        for change in changes {
            if change.touches(path) {
                State::apply(&mut state.durable_names, &change);
            } else {
                state.unsynced_names.push(change);
            }
        }
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let state = self.0.lock();
        let mut entries = BTreeSet::new();
        for name in state.names.keys() {
            if let Some(first) = name
                .strip_prefix(path)
                .ok()
                .and_then(|rest| rest.iter().next())
            {
                entries.insert(path.join(first));
            }
        }
        Ok(entries.into_iter().collect())
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send + Sync>> {
        let taken = Arc::clone(self.0.lock().locks.entry(path.to_owned()).or_default());
        if taken.swap(true, Ordering::SeqCst) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(Held(taken)))
    }

    fn space(&self, _path: &Path) -> io::Result<Space> {
        let state = self.0.lock();
        let total_bytes = state.capacity_bytes.unwrap_or(1 << 50);
        Ok(Space {
            free_bytes: total_bytes.saturating_sub(state.used_bytes()),
            total_bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_with(disk: &MemoryDisk, name: &str, bytes: &[u8]) -> Arc<dyn File> {
        let file = disk.open(Path::new(name), Open::Create).unwrap();
        file.write_at(bytes, 0).unwrap();
        file
    }

    fn contents(disk: &MemoryDisk, name: &str) -> Option<Vec<u8>> {
        let file = disk.open(Path::new(name), Open::Read).ok()?;
        let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
        file.read_at(&mut bytes, 0).unwrap();
        Some(bytes)
    }

    #[test]
    fn what_was_synced_survives_every_power_cut() {
        let disk = MemoryDisk::new();
        let file = file_with(&disk, "d/a", &[1; 2048]);
        file.sync().unwrap();
        disk.sync_directory(Path::new("d")).unwrap();
        for seed in 0..50 {
            assert_eq!(contents(&disk.power_cut(seed), "d/a"), Some(vec![1; 2048]));
        }
    }

    #[test]
    fn an_unsynced_write_is_kept_lost_or_torn_at_sectors() {
        let disk = MemoryDisk::new();
        let file = file_with(&disk, "d/a", &[1; 2048]);
        file.sync().unwrap();
        disk.sync_directory(Path::new("d")).unwrap();
        file.write_at(&[2; 2048], 0).unwrap();
        let found: BTreeSet<Vec<u8>> = (0..200)
            .filter_map(|seed| contents(&disk.power_cut(seed), "d/a"))
            .collect();
        assert_eq!(found.len(), 16, "four sectors, each old or new");
        for bytes in found {
            assert!(
                bytes
                    .chunks(512)
                    .all(|sector| sector.iter().all(|byte| *byte == sector[0]))
            );
        }
    }

    #[test]
    fn a_name_is_durable_only_after_its_folder_was_synced() {
        let disk = MemoryDisk::new();
        file_with(&disk, "d/a", b"x").sync().unwrap();
        let found = (0..50).filter(|&seed| contents(&disk.power_cut(seed), "d/a").is_some());
        assert!((1..50).contains(&found.count()));
    }

    #[test]
    fn a_full_disk_refuses_growth_and_recovers() {
        let disk = MemoryDisk::new();
        disk.set_capacity(Some(1000));
        let file = file_with(&disk, "a", &[0; 900]);
        let error = file.write_at(&[0; 200], 900).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(disk.space(Path::new("")).unwrap().free_bytes, 100);
        disk.set_capacity(None);
        file.write_at(&[0; 200], 900).unwrap();
    }

    #[test]
    fn faults_strike_at_their_count() {
        let disk = MemoryDisk::new();
        let file = file_with(&disk, "a", b"x");
        disk.set_faults(Faults {
            fail_sync_at: Some(0),
            ..Faults::default()
        });
        assert!(file.sync().is_err());
        assert!(file.sync().is_ok());
        disk.set_faults(Faults {
            halt_at: Some(disk.changes() + 1),
            ..Faults::default()
        });
        assert!(file.write_at(b"y", 0).is_ok());
        assert!(file.write_at(b"z", 0).is_err());
        assert!(file.sync().is_err());
    }
}
