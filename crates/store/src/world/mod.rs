//! What the world outside gives: time, randomness, files. Everything below `server` takes it
//! through these traits, so that the whole server runs under simulation.

use crate::id::Timestamp;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub mod disk;
pub mod memory;

/// The wall clock.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// A source of unpredictable bytes.
pub trait Rng: Send + Sync {
    /// Fills `bytes`; must never fail or repeat.
    fn fill(&self, bytes: &mut [u8]);
}

/// An open file. Positions are absolute; there is no cursor.
pub trait File: Send + Sync {
    /// Reads up to `bytes.len()` at `offset`; fewer only at the end of the file.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Says that these bytes will be read soon, so that reading from many places need not wait for
    /// one after the other. Changes nothing else.
    fn will_need(&self, _offset: u64, _len: u64) {}
    /// Writes all of `bytes` at `offset`.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Makes the contents durable (fdatasync). A failure is final: the caller must not try again.
    fn sync(&self) -> io::Result<()>;
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// True when the file holds nothing.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Cuts or extends with zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Reserves blocks up to `len`, extending the file with zeros (fallocate).
    fn allocate(&self, len: u64) -> io::Result<()>;
}

/// How to open a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// Must exist; for reading only.
    Read,
    /// Must exist; for reading and writing.
    Write,
    /// Must not exist; mode 0600.
    CreateNew,
    /// Made when missing; mode 0600.
    Create,
}

/// The file system below the store's folder.
pub trait Vfs: Send + Sync {
    /// Opens a file.
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn File>>;
    /// A file without a name, gone when dropped; for spools.
    fn temporary(&self, directory: &Path) -> io::Result<Arc<dyn File>>;
    /// Gives a synced file its final name, replacing what had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes a folder and those above it.
    fn create_directory(&self, path: &Path) -> io::Result<()>;
    /// Makes the entries of a folder durable.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    /// The entries of a folder, sorted by name; empty when it does not exist.
    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>>;
    /// Locks a file against other processes for as long as the answer lives; an error if it is
    /// taken.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send + Sync>>;
    /// Bytes free for this process on the file system that holds `path`, and its size.
    fn space(&self, path: &Path) -> io::Result<Space>;
}

/// Room on a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes that this process may still write.
    pub free_bytes: u64,
    /// Size of the file system in bytes.
    pub total_bytes: u64,
}
