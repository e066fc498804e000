//! From memory into the index: tables are frozen, applied without a sync, and made durable now and
//! then.

use super::Embedded;
use super::rows::LogPlace;
use crate::error::StoreError;
use std::sync::Arc;

/// What the index has.
#[derive(Debug, Default)]
pub struct Applier {
    /// Up to here it has all rows.
    pub applied: LogPlace,
    /// Up to here it has them durably.
    pub durable: LogPlace,
}

impl Embedded {
    /// Brings the oldest frozen table into the index; false when there is none, or it is not yet on
    /// disk.
    pub fn step_apply(&self) -> bool {
        let mut applier = self.applier.lock();
        let Some(table) = self.tables.list().frozen.last().cloned() else {
            return false;
        };
        let Some(end) = table.sealed() else {
            return false;
        };
        if self.check_writable().is_err() {
            return false;
        }
        if let Err(error) = self.index.apply(&table, end) {
            self.fail(&error);
            return false;
        }
        applier.applied = end;
        self.tables.drop_oldest();
        self.announce();
        true
    }

    /// Makes the table in memory quicker to look into, where large commits lie beside its tree; false
    /// when there is nothing to do.
    pub fn step_merge(&self) -> bool {
        let table = Arc::clone(&self.tables.list().active);
        table.merge_runs()
    }

    /// Freezes the table in memory although it is not full, when all in it is on disk; for idle
    /// times.
    pub fn step_freeze(&self) -> bool {
        let placing = self.placing.lock();
        let all_settled = self.tables.settled() == placing.next.saturating_sub(1);
        let list = self.tables.list();
        if !all_settled || list.active.is_empty() || self.check_writable().is_err() {
            return false;
        }
        let frozen = self.tables.freeze();
        debug_assert!(Arc::ptr_eq(&frozen, &list.active));
        frozen.seal(*self.settled_end.lock());
        true
    }

    /// Makes durable what was applied; false when that had been done, or must wait for room.
    pub fn step_checkpoint(&self) -> bool {
        let mut applier = self.applier.lock();
        let is_done = applier.applied == applier.durable && !self.index.waits_for_room();
        if is_done || self.check_writable().is_err() {
            return false;
        }
        match self.rescue_index().and_then(|()| self.index.checkpoint()) {
            Ok(()) => applier.durable = applier.applied,
            // The log has it all; until there is room the next start has more of it to read.
            Err(StoreError::Full) => return false,
            Err(error) => {
                self.fail(&error);
                return false;
            }
        }
        true
    }

    /// Writes what of the index waited for room, when there is some.
    fn rescue_index(&self) -> Result<(), StoreError> {
        if !self.index.waits_for_room() {
            return Ok(());
        }
        self.space.look();
        if self.space.is_low() {
            return Err(StoreError::Full);
        }
        self.index.rescue(&*self.world.vfs, &self.paths.index())
    }

    /// True when enough log was written since the last checkpoint.
    pub fn checkpoint_is_due(&self) -> bool {
        let applier = self.applier.lock();
        let written = self.log_distance(applier.durable, applier.applied);
        written >= self.options.checkpoint_bytes
    }

    /// Roughly how many bytes of log lie between two places.
    pub(super) fn log_distance(&self, from: LogPlace, to: LogPlace) -> u64 {
        let segments = u64::from(to.segment.saturating_sub(from.segment));
        segments
            .saturating_mul(self.options.segment_bytes)
            .saturating_add(to.offset)
            .saturating_sub(from.offset)
    }
}
