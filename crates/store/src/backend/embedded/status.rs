//! Numbers that tell how a store is doing.

use super::Embedded;
use super::figures::Holdings;
use crate::error::StoreError;
use crate::id::Timestamp;
use crate::world::Space;

/// How a store is doing. Cheap to ask, however large the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Position of the last commit on disk.
    pub settled: u64,
    /// Position up to which the index has all rows.
    pub applied: u64,
    /// Position up to which it has them durably.
    pub durable: u64,
    /// Segments of the log.
    pub segments: u64,
    /// Bytes of all segments, the reserved rest of the last included.
    pub log_bytes: u64,
    /// What is alive, as far as it was applied.
    pub holdings: Holdings,
    /// Bytes of the index.
    pub index_bytes: u64,
    /// Bytes of what is not yet in the index, in memory.
    pub memory_bytes: u64,
    /// Positions of the base dumps, oldest first.
    pub bases: Vec<u64>,
    /// Room on the disk.
    pub space: Space,
    /// True when mail is refused for want of room.
    pub is_full: bool,
    /// The earliest moment that can be restored, when want of room made the restore window shorter
    /// than it should be.
    pub window_shortened_to: Option<Timestamp>,
    /// Backups that are being made.
    pub leases: usize,
    /// Why nothing is written any more, if so.
    pub failure: Option<String>,
    /// What is wrong with the index, as far as it was read. A rebuild makes it anew.
    pub index_problem: Option<String>,
    /// Frames of the log that were read when the store was opened although bodies in them are
    /// damaged. A check tells which bodies these are.
    pub damaged_frames: u64,
    /// What stopped the collector last, if anything did.
    pub collector_problem: Option<String>,
}

/// Whether the store takes what is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It does.
    Sound,
    /// Not now: the disk is nearly full. What gives room back is done, and all is when there is room.
    Full,
    /// Nothing is written any more, for this reason. Reading goes on.
    Failed(String),
}

impl Status {
    /// Bytes of the log that say nothing new: removed bodies, rows that were replaced, and the
    /// reserved rest of the last segment. The collector gives them back once no moment of the
    /// restore window needs them.
    pub fn dead_bytes(&self) -> u64 {
        let needed = self
            .holdings
            .row_bytes
            .saturating_add(self.holdings.body_bytes);
        self.log_bytes.saturating_sub(needed)
    }
}

impl Embedded {
    /// Tells whether the store takes what is new, without looking at the disk.
    pub fn condition(&self) -> Condition {
        match &*self.failure.read() {
            Some(why) => Condition::Failed(why.clone()),
            None if self.space.is_low() => Condition::Full,
            None => Condition::Sound,
        }
    }

    /// The earliest moment that can be restored, while that is later than the restore window says
    /// because room was wanted.
    pub fn window_shortened_to(&self) -> Option<Timestamp> {
        *self.window_shortened_to.lock()
    }

    /// Tells how the store is doing.
    pub fn status(&self) -> Result<Status, StoreError> {
        let vfs = &*self.world.vfs;
        // Of a damaged index they are unknown; what is wrong with it is told instead.
        let holdings = self.index.holdings().unwrap_or_default();
        let log_bytes = self.log_length.bytes();
        let (applied, durable) = {
            let applier = self.applier.lock();
            (applier.applied.position, applier.durable.position)
        };
        let problem = self
            .collector
            .try_lock()
            .and_then(|collector| collector.problem.clone());
        Ok(Status {
            settled: self.tables.settled(),
            applied,
            durable,
            segments: self.log_length.segments(),
            log_bytes,
            holdings,
            index_bytes: self.index.len_bytes()?,
            memory_bytes: self.tables.list().bytes() as u64,
            bases: self
                .bases
                .lock()
                .iter()
                .map(|base| base.place.position)
                .collect(),
            space: vfs.space(self.paths.root())?,
            is_full: self.space.is_low(),
            window_shortened_to: self.window_shortened_to(),
            leases: *self.leases.lock(),
            failure: self.failure.read().clone(),
            index_problem: self.index.damage(),
            damaged_frames: self.damaged_frames,
            collector_problem: problem.map(|problem| problem.to_string()),
        })
    }
}
