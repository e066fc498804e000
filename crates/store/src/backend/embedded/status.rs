//! Numbers that tell how a store is doing.

use super::Embedded;
use super::segment;
use crate::error::StoreError;
use crate::world::{Open, Space};

/// How a store is doing. Cheap to ask: nothing is read but file lengths.
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
    /// Backups that are being made.
    pub leases: usize,
    /// Why nothing is written any more, if so.
    pub failure: Option<String>,
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

impl Embedded {
    /// Tells whether the store takes what is new, without looking at the disk.
    pub fn condition(&self) -> Condition {
        match &*self.failure.read() {
            Some(why) => Condition::Failed(why.clone()),
            None if self.space.is_low() => Condition::Full,
            None => Condition::Sound,
        }
    }

    /// Tells how the store is doing.
    pub fn status(&self) -> Result<Status, StoreError> {
        let vfs = &*self.world.vfs;
        let numbers = segment::list(vfs, &self.paths)?;
        let mut log_bytes = 0_u64;
        for &number in &numbers {
            // The collector may remove one in between.
            if let Ok(file) = vfs.open(&self.paths.segment(number), Open::Read) {
                log_bytes = log_bytes.saturating_add(file.len()?);
            }
        }
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
            segments: numbers.len() as u64,
            log_bytes,
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
            leases: *self.leases.lock(),
            failure: self.failure.read().clone(),
            collector_problem: problem.map(|problem| problem.to_string()),
        })
    }
}
