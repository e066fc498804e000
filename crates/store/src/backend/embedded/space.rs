//! What happens when the disk fills up: mail is refused early, so that people can still delete.
//!
//! Below 5 % of the disk, at most 4 GiB, or two segments free, whichever is more, commits that take
//! room are refused. Commits that give room back go on; when even they need a segment that does not
//! fit, the *ballast*, a file that only reserves space, is given up for it. When there is room again
//! the ballast is made anew and all go on by themselves.

use super::paths::Paths;
use crate::backend::Purpose;
use crate::error::StoreError;
use crate::world::{Open, Vfs};
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

/// One in this many of the disk's bytes stays free: 5 %.
const RESERVE_PART: u64 = 20;
/// But no more than this: what goes on with a low disk needs segments and tables, not a part of it.
const RESERVE_MOST_BYTES: u64 = 4 << 30;
/// Segments that stay free, and segments that the ballast holds.
const RESERVE_SEGMENTS: u64 = 2;
/// The index may grow by this many tables in memory before it is looked at again.
const RESERVE_TABLES: u64 = 4;
/// After this many refusals the disk is looked at again: asking costs microseconds, but not for
/// each.
const REFUSALS_PER_LOOK: u32 = 16;

const ROOMY: u8 = 0;
const LOW: u8 = 1;
const EMPTY: u8 = 2;

/// Watches the room on the disk.
pub struct SpaceGuard {
    vfs: Arc<dyn Vfs>,
    paths: Paths,
    segment_bytes: u64,
    reserve_bytes: u64,
    /// What the log can still take without room of the disk: the rest of the segment in hand.
    in_hand_bytes: AtomicU64,
    level: AtomicU8,
    refusals: AtomicU32,
    looking: Mutex<()>,
}

impl SpaceGuard {
    /// A guard that has looked once.
    pub fn new(vfs: Arc<dyn Vfs>, paths: Paths, segment_bytes: u64, memtable_bytes: usize) -> Self {
        let tables = (memtable_bytes as u64).saturating_mul(RESERVE_TABLES);
        let reserve_bytes = segment_bytes.saturating_mul(RESERVE_SEGMENTS).max(tables);
        let guard = Self {
            vfs,
            paths,
            segment_bytes,
            reserve_bytes,
            in_hand_bytes: AtomicU64::new(segment_bytes),
            level: AtomicU8::new(ROOMY),
            refusals: AtomicU32::new(0),
            looking: Mutex::default(),
        };
        guard.look();
        guard
    }

    /// Says whether a commit of this kind may be placed.
    pub fn admit(&self, purpose: Purpose) -> Result<(), StoreError> {
        if self.allows(purpose) {
            return Ok(());
        }
        let refusals = self.refusals.fetch_add(1, Ordering::Relaxed);
        if refusals.is_multiple_of(REFUSALS_PER_LOOK) {
            self.look();
        }
        if self.allows(purpose) {
            Ok(())
        } else {
            Err(StoreError::Full)
        }
    }

    fn allows(&self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Store => self.level.load(Ordering::Relaxed) == ROOMY,
            Purpose::Free => self.level.load(Ordering::Relaxed) < EMPTY,
        }
    }

    /// True when the disk is nearly full.
    pub fn is_low(&self) -> bool {
        self.level.load(Ordering::Relaxed) > ROOMY
    }

    /// Looks at the disk, and makes the ballast when there is room for it.
    pub fn look(&self) {
        let _one_at_a_time = self.looking.lock();
        let Ok(space) = self.vfs.space(self.paths.root()) else {
            return;
        };
        let reserve = self.reserve_bytes.max(reserve_of(space.total_bytes));
        let ballast = self.ballast_bytes();
        let is_roomy = if self.has_ballast() {
            space.free_bytes >= reserve
        } else {
            space.free_bytes >= reserve.saturating_add(ballast) && self.make_ballast().is_ok()
        };
        let can_go_on = self.has_ballast()
            || space.free_bytes >= self.segment_bytes
            || self.in_hand_bytes.load(Ordering::Relaxed) >= self.in_hand_least();
        let level = match (is_roomy, can_go_on) {
            (true, _) => ROOMY,
            (false, true) => LOW,
            (false, false) => EMPTY,
        };
        self.level.store(level, Ordering::Relaxed);
    }

    /// Learns that the log has come to this place of its segment, and looks when that matters.
    pub fn written_up_to(&self, offset: u64) {
        let left = self.segment_bytes.saturating_sub(offset);
        self.in_hand_bytes.store(left, Ordering::Relaxed);
        if self.is_low() && left < self.in_hand_least() {
            self.look();
        }
    }

    /// With less than this in hand nothing more is begun that may need the next segment.
    fn in_hand_least(&self) -> u64 {
        self.segment_bytes / 4
    }

    /// Gives the ballast's room back; false when there is none.
    pub fn give_ballast(&self) -> bool {
        let _one_at_a_time = self.looking.lock();
        self.vfs.remove(&self.paths.ballast()).is_ok()
    }

    fn ballast_bytes(&self) -> u64 {
        self.segment_bytes.saturating_mul(RESERVE_SEGMENTS)
    }

    fn has_ballast(&self) -> bool {
        self.vfs.open(&self.paths.ballast(), Open::Read).is_ok()
    }

    fn make_ballast(&self) -> io::Result<()> {
        let path = self.paths.ballast();
        let made = self
            .vfs
            .open(&path, Open::Create)?
            .allocate(self.ballast_bytes());
        if made.is_err() {
            let _ = self.vfs.remove(&path);
        }
        made
    }
}

/// What stays free of a disk of this size, in bytes.
fn reserve_of(total_bytes: u64) -> u64 {
    (total_bytes / RESERVE_PART).min(RESERVE_MOST_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_disk_keeps_four_gibibytes_free_and_a_small_one_its_twentieth() {
        assert_eq!(reserve_of(20 << 30), 1 << 30);
        assert_eq!(reserve_of(80 << 30), 4 << 30);
        assert_eq!(reserve_of(8 << 40), 4 << 30);
    }
}
