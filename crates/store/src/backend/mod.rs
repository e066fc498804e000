//! The seam below the model: ordered keys, immutable bodies, atomic commits, and what changed.
//!
//! A backend knows nothing of mail. It promises: a commit is all or nothing; what `settled` reports is on
//! disk; snapshots see only settled commits, whole; transactions of one account follow one another and see
//! what their predecessors placed; a failed write or sync is never tried again. `conformance` (tests) runs
//! the same suite on every backend.

use crate::error::StoreError;
use crate::id::{AccountId, BodyHash, BodyNumber};
use bytes::Bytes;
use smallvec::SmallVec;
use std::any::Any;
use std::ops::Range;
use std::sync::Arc;

pub mod block;
pub mod compression;
pub mod embedded;
pub mod memory;
pub mod pending;
pub use pending::{Pending, Settlement};

/// Longest key in bytes.
pub const KEY_BYTES_MAX: usize = 256;
/// Longest value in bytes; what is longer is a body.
pub const VALUE_BYTES_MAX: usize = 32 * 1024;

/// A key: a tag byte and big-endian fields, so that byte order is the order of the fields.
///
/// Nearly all are short enough to lie in place: a search among many rows then follows no pointers.
pub type Key = SmallVec<[u8; KEY_BYTES_IN_PLACE]>;

/// Bytes of the longest key that lies in place.
pub const KEY_BYTES_IN_PLACE: usize = 23;

/// Which end a scan starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Ascending keys.
    Forward,
    /// Descending keys.
    Backward,
}

/// Reads. One value shows one state of the store and must not outlive a step.
pub trait Read {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// The values of many keys, in their order; cheapest when sorted.
    fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    /// Calls `visit` for the entries of `range` in order until it answers `false` or the range ends.
    ///
    /// The slices live only during the call.
    fn scan(
        &self,
        range: Range<&[u8]>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError>;
}

/// What a commit is for; decides who may still write when space runs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purpose {
    /// Takes room: refused when the disk is nearly full.
    #[default]
    Store,
    /// Gives room back or keeps the server running (deleting, draining the queue, the collector): may use the ballast.
    Free,
}

/// A set of changes that becomes true at once. Later entries for a key win.
#[derive(Debug, Default)]
pub struct Batch {
    /// Keys with their new value, or `None` to remove. Values are absolute, so that replay is idempotent.
    pub writes: Vec<(Key, Option<Bytes>)>,
    /// Bodies that the writes refer to and that may have to be stored.
    pub bodies: Vec<Arc<StagedBody>>,
    /// Accounts whose watchers are to be woken once the commit is settled.
    pub changed: Vec<AccountId>,
    /// Who may write when space runs out.
    pub purpose: Purpose,
}

/// Reads and writes of some accounts, which are locked as long as this lives.
pub trait Transaction: Read {
    /// Fixes the place in the log and releases the locks; the sync follows.
    ///
    /// A batch without writes and bodies takes no place; its settlement resolves when everything that the
    /// transaction can have seen is settled, so that an answer drawn from it is not told too early.
    ///
    /// Errors: [`StoreError::Conflict`] when the work must be run again, [`StoreError::Full`],
    /// [`StoreError::ReadOnly`].
    fn commit(self: Box<Self>, batch: Batch) -> Result<Settlement, StoreError>;
}

/// A body that was hashed, compressed and given a number, but not yet committed.
///
/// Made by [`Backend::stage`]. Its number is never given to another body, whether it is committed or not.
#[derive(Debug)]
pub struct StagedBody {
    /// The number by which rows refer to it. That of the stored twin when there is one.
    pub number: BodyNumber,
    /// Its content's keyed hash.
    pub hash: BodyHash,
    /// Length in bytes as it came.
    pub len: u64,
    /// What the backend keeps of it until the commit; opaque to the model.
    pub content: StagedContent,
}

/// Where a staged body waits.
#[derive(Debug)]
pub enum StagedContent {
    /// A body with this content is already stored; the commit fails with `Conflict` if it has died since.
    Stored,
    /// The encoded blocks (see `backend::block`), to be written with the commit.
    Inline(Bytes),
    /// Written and synced as a file of its own before the commit.
    File,
    /// The backend keeps it alive as long as this lives: a stored twin, or a file of its own.
    Kept(Arc<dyn Any + Send + Sync>),
}

/// A body being written: bytes go in, a [`StagedBody`] comes out.
pub trait Spool: Send {
    /// Appends bytes. Memory stays bounded whatever the length.
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError>;
    /// Bytes so far.
    fn len(&self) -> u64;
    /// True when nothing was written.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Says for how long it will probably be kept; for long, where nothing is said.
    fn expect(&mut self, stay: Stay);
    /// Says that all bytes have come: what is left is made small now, while it is at hand, and takes
    /// less room until it is finished. Nothing may be written any more.
    fn end(&mut self) -> Result<(), StoreError>;
    /// Ends the body.
    fn finish(self: Box<Self>) -> Result<StagedBody, StoreError>;
}

/// For how long a body will probably be kept; it may turn out otherwise, and nothing is lost by that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stay {
    /// For weeks or years: it is worth making small.
    #[default]
    Long,
    /// For seconds, as a letter that only passes through: making it small costs more than it saves.
    Short,
}

/// Called with the accounts of each settled commit, in log order, from the committer's thread; must not block.
pub type Watcher = Box<dyn Fn(&[AccountId]) + Send + Sync>;

/// The store below the model.
pub trait Backend: Send + Sync {
    /// A view of all that is settled, taken between two commits.
    fn snapshot(&self) -> Result<Box<dyn Read + '_>, StoreError>;

    /// One value of all that is settled; cheaper than a snapshot of which nothing else is asked.
    fn value(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.snapshot()?.get(key)
    }

    /// Locks these accounts (in ascending order, whatever the order given) and shows what was placed last.
    fn begin(&self, accounts: &[AccountId]) -> Result<Box<dyn Transaction + '_>, StoreError>;

    /// Starts a body.
    fn spool(&self) -> Result<Box<dyn Spool>, StoreError>;

    /// Reads a range of a body, verified; shorter at its end. Also finds what a `StagedBody` of this process holds.
    ///
    /// Errors: [`StoreError::Corrupt`] when a checksum does not match; never wrong bytes.
    fn read_body(&self, body: BodyNumber, range: Range<u64>) -> Result<Bytes, StoreError>;

    /// Sets who is told of settled commits; at most one, set once when the store opens.
    fn watch(&self, watcher: Watcher);
}
