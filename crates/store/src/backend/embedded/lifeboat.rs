//! The file below the index, and what could not be written to it.
//!
//! After a failed write or sync the file is left alone and further changes are kept in memory, so
//! that reading goes on until the restart; when only room was missing, they are written once there
//! is some ([`Lifeboat::rescue`]).

use crate::error::StoreError;
use crate::world::{File, Vfs};
use parking_lot::Mutex;
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

/// A file that can be read and changed whatever the disk does.
pub struct Lifeboat {
    file: Arc<dyn File>,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    reason: String,
    /// Only room was missing: all can still be written.
    waits_for_room: bool,
    len: u64,
    pages: BTreeMap<u64, Vec<u8>>,
}

impl Lifeboat {
    /// Nothing is kept yet.
    pub fn new(file: Arc<dyn File>) -> Self {
        Self {
            file,
            kept: Mutex::default(),
        }
    }

    /// Errors when something could not be written, and not for want of room.
    pub fn check(&self) -> Result<(), StoreError> {
        match &*self.kept.lock() {
            Some(kept) if !kept.waits_for_room => {
                Err(StoreError::Io(format!("index: {}", kept.reason)))
            }
            _ => Ok(()),
        }
    }

    /// True when some of it is only in memory because the disk was full.
    pub fn waits_for_room(&self) -> bool {
        self.kept.lock().is_some()
    }

    /// Bytes of the file.
    pub fn len(&self) -> io::Result<u64> {
        match &*self.kept.lock() {
            Some(kept) => Ok(kept.len),
            None => self.file.len(),
        }
    }

    /// Fills `out` with what is at `offset`.
    pub fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let count = self.file.read_at(out, offset)?;
        match &*self.kept.lock() {
            Some(kept) => kept.read(out, offset),
            None if count < out.len() => return Err(io::ErrorKind::UnexpectedEof.into()),
            None => {}
        }
        Ok(())
    }

    /// Makes the file longer or shorter.
    pub fn set_len(&self, len: u64) -> io::Result<()> {
        let keep = |kept: &mut Kept, _: &dyn File| {
            kept.len = len;
            Ok(())
        };
        self.change(|file| file.set_len(len), keep)
    }

    /// Makes durable what was written.
    pub fn sync(&self) -> io::Result<()> {
        // After a failed sync nobody knows what is on disk, whatever the reason was.
        let sync = |file: &dyn File| {
            file.sync()
                .map_err(|error| io::Error::other(error.to_string()))
        };
        self.change(sync, |_, _| Ok(()))
    }

    /// Writes bytes.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let keep = |kept: &mut Kept, file: &dyn File| kept.write(file, bytes, offset);
        self.change(|file| file.write_at(bytes, offset), keep)
    }

    /// Writes to the file what waited for room.
    ///
    /// Pages are written that the state on disk still needs, so the file has no name meanwhile: after
    /// a crash the index is made anew from the log.
    ///
    /// Errors: [`StoreError::Full`] when there still is too little room; all stays in memory then.
    pub fn rescue(&self, vfs: &dyn Vfs, path: &Path) -> Result<(), StoreError> {
        let mut kept = self.kept.lock();
        let Some(waiting) = kept.as_ref() else {
            return Ok(());
        };
        // Once begun it must come to its end.
        self.file.allocate(waiting.len)?;
        let (unfinished, folder) = (path.with_extension("new"), path.parent().unwrap_or(path));
        match vfs.rename(path, &unfinished) {
            // An earlier rescue did not come to its end, or it never had one.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed?,
        }
        vfs.sync_directory(folder)?;
        waiting.write_out(&*self.file)?;
        vfs.rename(&unfinished, path)?;
        vfs.sync_directory(folder)?;
        *kept = None;
        Ok(())
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
