//! The default backend: one log, one index.
//!
//! A commit is placed in the open frame and in a table in memory, synced together with all others
//! of that moment, acknowledged, and applied to the index (redb) later. The log is the truth; the
//! index is made anew from the newest base dump and the frames after it.
//!
//! ```text
//! version lock secret ballast
//! log/00000042.log      preallocated segments of frames: operations and compressed bodies
//! index.redb            B-tree of what the log says, checkpointed every 64 MB of log
//! base/                 checksummed dumps of all keys at one log position
//! big/xx/<hash>-<n>.zst bodies over 4 MB
//! dictionary/0001.zdict what letters have in common, learned; each again in 0001.copy
//! ```
//!
//! Nothing here has a thread or a clock of its own: committer, applier, checkpointer, collector and
//! base dump are step functions ([`Embedded::step_commit`] and its like). [`Embedded::run_threads`]
//! gives them threads; a simulation calls them one by one.
//!
//! Start at [`Embedded::open`]. Placement is in `place`, the committer in `commit`, recovery in
//! `recover`, the forms on disk in `frame`, `segment`, `rows` and `base`.

use super::{Read, Watcher};
use crate::error::StoreError;
use crate::id::{BodyHash, BodyNumber, Timestamp};
use crate::world::{Clock, Rng, Vfs};
use accounts::AccountLocks;
use apply::Applier;
use base::BaseInfo;
use bodies::{Bodies, Held, Incoming};
use collect::Collector;
use figures::LogLength;
use index::Index;
use log::LogWriter;
use memtable::Tables;
use parking_lot::{Condvar, Mutex, RwLock};
use paths::Paths;
use place::Placing;
use rows::{BodyRow, LogPlace};
use space::SpaceGuard;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Weak};
use view::View;

mod accounts;
mod apply;
mod backup;
mod base;
mod bodies;
mod check;
mod collect;
mod commit;
mod dictionaries;
mod figures;
mod frame;
#[cfg(any(test, fuzzing))]
#[path = "../../../fuzz/log.rs"]
pub mod fuzz;
mod index;
mod lifeboat;
mod log;
mod memtable;
mod open;
mod pages;
mod paths;
mod place;
mod recover;
mod restore;
mod rows;
mod run;
mod segment;
mod space;
mod status;
#[cfg(test)]
mod tests;
mod threads;
mod view;

pub use backup::BackupReport;
pub use check::CheckReport;
pub use figures::Holdings;
pub use restore::Moment;
pub use status::{Condition, Status};
pub use threads::{Leisure, Threads};

/// What the store takes from the world outside.
#[derive(Clone)]
pub struct World {
    /// Where the files are.
    pub vfs: Arc<dyn Vfs>,
    /// Stamps spans, so that a store can be restored as of a time.
    pub clock: Arc<dyn Clock>,
    /// Makes the secret of a new store.
    pub rng: Arc<dyn Rng>,
}

/// Settings. The defaults suit a mail server of any size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Length of a log segment; also the unit in which space is reserved and given back.
    pub segment_bytes: u64,
    /// Equal bodies are stored once.
    pub deduplicate: bool,
    /// A table in memory goes to the index when it is this large.
    pub memtable_bytes: usize,
    /// The index is made durable each time this much log was written.
    pub checkpoint_bytes: u64,
    /// All keys are dumped each time this much log was written.
    pub base_bytes: u64,
    /// How far back the store can be restored, in seconds; what was removed keeps its room that
    /// long.
    pub restore_window_seconds: i64,
    /// Memory for pages of the index.
    pub cache_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            deduplicate: true,
            memtable_bytes: 16 << 20,
            checkpoint_bytes: 64 << 20,
            base_bytes: 1 << 30,
            restore_window_seconds: 7 * 24 * 60 * 60,
            // About what a walk through a folder of 100,000 letters reads: with 64 MiB each walk read
            // every page anew, and a SORT took a third longer. A page takes 5 KiB of the allocator,
            // so that this is 90 MiB of memory; with 96 MiB a million letters took more than 500.
            cache_bytes: 80 << 20,
        }
    }
}

impl Options {
    /// Longest stored body that lies in a frame: 4 MB, or what fits well into a small segment.
    fn inline_bytes_max(&self) -> u64 {
        (4 << 20).min(self.segment_bytes / 4)
    }

    /// A frame is cut when it is this long.
    fn frame_bytes(&self) -> usize {
        usize::try_from((4 << 20).min(self.segment_bytes / 8)).unwrap_or(usize::MAX)
    }
}

/// The store on one machine's disk.
pub struct Embedded {
    me: Weak<Embedded>,
    world: World,
    paths: Paths,
    options: Options,
    bodies: Arc<Bodies>,
    index: Index,
    tables: Tables,
    accounts: AccountLocks,
    placing: Mutex<Placing>,
    /// Signalled when something was placed: the committer waits for it.
    placed: Condvar,
    /// Signalled when something was settled or applied.
    progress: Condvar,
    /// Signalled when the store closes: the collector's thread waits for it.
    background: Condvar,
    threads: AtomicUsize,
    collector: Mutex<Collector>,
    /// The base dumps that exist, oldest first.
    bases: Mutex<Vec<BaseInfo>>,
    /// Backups that are being made: no file of the log goes meanwhile.
    leases: Mutex<usize>,
    log: Mutex<LogWriter>,
    log_length: Arc<LogLength>,
    /// The end of the last span that is on disk.
    settled_end: Mutex<LogPlace>,
    applier: Mutex<Applier>,
    space: SpaceGuard,
    failure: RwLock<Option<String>>,
    /// Set when room was wanted and the restore window became shorter than it should be.
    window_shortened_to: Mutex<Option<Timestamp>>,
    watcher: RwLock<Option<Watcher>>,
    /// Frames with damaged bodies that were read when the store was opened.
    damaged_frames: u64,
    /// Bodies that must have come before a dictionary is learned.
    learn_at: AtomicU64,
    _lock: Box<dyn Send + Sync>,
}

impl Embedded {
    /// Why nothing is written any more, if so.
    fn check_writable(&self) -> Result<(), StoreError> {
        match &*self.failure.read() {
            Some(reason) => Err(StoreError::ReadOnly(reason.clone())),
            None => Ok(()),
        }
    }

    /// Stops all writing for good; the first reason counts.
    fn fail(&self, reason: &StoreError) -> StoreError {
        let reason = {
            let mut failure = self.failure.write();
            failure.get_or_insert_with(|| reason.to_string()).clone()
        };
        self.announce(); // Whoever waits for room waits in vain.
        StoreError::ReadOnly(reason)
    }

    /// Wakes all who wait for the store to get on.
    fn announce(&self) {
        // Whoever has looked and is about to wait holds this lock, so nobody misses the signal.
        drop(self.placing.lock());
        self.progress.notify_all();
    }

    /// Brings all that was placed to disk and into the index: before closing, and in tests.
    pub fn flush(&self) {
        while self.step_commit() || self.step_freeze() || self.step_apply() {}
        self.step_checkpoint();
    }

    fn settled_view(&self) -> Result<View, StoreError> {
        View::settled(&self.tables, &self.index)
    }

    fn placed_view(&self) -> Result<View, StoreError> {
        View::placed(&self.tables, &self.index)
    }

    /// The row of a stored body.
    fn body_row(view: &View, number: BodyNumber) -> Result<Option<BodyRow>, StoreError> {
        let value = view.get(&rows::body_key(number))?;
        value
            .map(|value| BodyRow::parse(number, &value))
            .transpose()
    }

    /// A living body with this content, pinned.
    fn find_twin(&self, hash: &BodyHash) -> Result<Option<Arc<Held>>, StoreError> {
        if !self.options.deduplicate {
            return Ok(None);
        }
        let Some(number) = self.placed_view()?.get(&rows::hash_key(hash))? else {
            return Ok(None);
        };
        let Ok(number) = <[u8; 8]>::try_from(&number[..]) else {
            return Ok(None);
        };
        let number = BodyNumber(u64::from_be_bytes(number));
        // The collector decides under the same lock, so a body that is alive here stays so while
        // pinned.
        let _placing = self.placing.lock();
        let row = Self::body_row(&self.placed_view()?, number)?;
        Ok(row
            .filter(|row| row.layout.hash == *hash)
            .map(|row| self.bodies.pin(&row)))
    }
}

/// A body on its way in.
struct EmbeddedSpool {
    store: Arc<Embedded>,
    incoming: Incoming,
}
