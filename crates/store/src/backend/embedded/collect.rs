//! The collector: removes bodies to which nobody refers, and gives the room of old segments back.
//!
//! A body is dead when no `R body …` row is left and nobody holds it; that is decided under the
//! placement lock, in the order of the log. A segment may go when it is older than the oldest base,
//! under no lease and less than half of it is living; its living bodies are copied to the front of
//! the log first. Bodies that died after the oldest base are copied too, so that every moment of
//! the restore window stays whole.
//!
//! Each step does a little and places at most one commit; the next step waits until that is on
//! disk.

use super::Embedded;
use super::base::{self, BaseInfo};
use super::paths::big_body_number;
use super::place::Copied;
use super::rows::{BODY_TAG, BodyRow, Place, body_key, body_of_key, hash_key, reference_prefix};
use super::segment;
use super::view::View;
use crate::backend::{Batch, Direction, Purpose, Read, Settlement};
use crate::error::StoreError;
use crate::id::BodyNumber;
use crate::world::Open;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Dead bodies that one commit removes: the placement lock is held while each is looked at once
/// more.
const REMOVED_PER_STEP: usize = 64;
/// Bodies that one step of the walk looks at.
const WALKED_PER_STEP: usize = 1024;
/// Segments that are emptied after one survey of the oldest base.
const SEGMENTS_PER_SURVEY: usize = 16;
/// Stored bytes that one step copies: commits of others wait for them where the disk is slow.
const COPIED_PER_STEP: u64 = 512 << 10;

/// What the collector is at.
#[derive(Default)]
pub struct Collector {
    /// Its last commit, until that is on disk.
    waiting: Option<Settlement>,
    /// Where the walk over all bodies goes on; `None` once it is through.
    walk: Walk,
    /// Bodies that may be dead.
    suspects: BTreeSet<BodyNumber>,
    /// The oldest base that was surveyed.
    surveyed: Option<BaseInfo>,
    /// Segments that are being emptied, with the bodies still to be copied.
    emptying: VecDeque<(u32, Vec<BodyRow>)>,
    /// Files of their own that the oldest base refers to; `None` when nothing was surveyed.
    files: Option<BTreeSet<BodyNumber>>,
    /// What stopped it last.
    pub problem: Option<StoreError>,
}

/// How far the walk over all bodies has come.
#[derive(Default, Clone, Copy)]
enum Walk {
    #[default]
    Start,
    After(BodyNumber),
    Done,
}

impl Collector {
    fn is_waiting(&self) -> bool {
        self.waiting
            .as_ref()
            .is_some_and(|waiting| waiting.result().is_none())
    }

    /// Asks for another walk over all bodies.
    pub fn look_again(&mut self) {
        self.walk = Walk::Start;
    }
}

/// What the oldest base says of the segments before it.
#[derive(Default)]
struct Survey {
    live_bytes: BTreeMap<u32, u64>,
    files: BTreeSet<BodyNumber>,
}

impl Embedded {
    /// Does one piece of the collector's work; false when there is nothing to do now.
    pub fn step_collect(&self) -> bool {
        let mut collector = self.collector.lock();
        if collector.is_waiting() {
            return false;
        }
        collector.waiting = None;
        if self.check_writable().is_err() {
            return false;
        }
        // What is refused now, for want of space or because of damage, is looked at again later.
        let worked = self.collect(&mut collector);
        collector.problem = worked.as_ref().err().cloned();
        worked.unwrap_or(false)
    }

    /// The collector's last commit, while it may be on its way to the disk.
    pub(super) fn collector_waits_for(&self) -> Option<Settlement> {
        self.collector.lock().waiting.clone()
    }

    fn collect(&self, collector: &mut Collector) -> Result<bool, StoreError> {
        Ok(self.remove_dead(collector)?
            || self.walk(collector)?
            || self.survey(collector)?
            || self.empty_segment(collector)?
            || self.remove_files(collector)?)
    }

    /// Removes the rows of dead bodies.
    fn remove_dead(&self, collector: &mut Collector) -> Result<bool, StoreError> {
        collector.suspects.append(&mut self.placing.lock().suspects);
        let mut candidates = Vec::new();
        while candidates.len() < REMOVED_PER_STEP {
            let Some(body) = collector.suspects.pop_first() else {
                break;
            };
            candidates.push(body);
        }
        if candidates.is_empty() {
            return Ok(false);
        }
        let mut placing = self.placing.lock();
        let view = self.placed_view()?;
        let mut batch = Batch {
            purpose: Purpose::Free,
            ..Batch::default()
        };
        for body in candidates {
            if self.bodies.is_in_use(body) {
                placing.suspects.insert(body); // Looked at again when nobody holds it.
            } else if let Some(row) = Self::dead_row(&view, body)? {
                placing.remember_removed(body);
                batch.writes.push((body_key(body), None));
                let hash = hash_key(&row.layout.hash);
                if view
                    .get(&hash)?
                    .is_some_and(|value| value[..] == body.0.to_be_bytes())
                {
                    batch.writes.push((hash, None));
                }
            }
        }
        if batch.writes.is_empty() {
            return Ok(false);
        }
        let prepared = self.prepare(batch, &[])?;
        collector.waiting = Some(self.place_prepared(&mut placing, prepared)?);
        Ok(true)
    }

    /// The row of a body to which nobody refers.
    pub(super) fn dead_row(view: &View, body: BodyNumber) -> Result<Option<BodyRow>, StoreError> {
        let start = reference_prefix(body);
        let end = reference_prefix(BodyNumber(body.0.saturating_add(1)));
        let mut is_referred_to = false;
        view.scan(&start..&end, Direction::Forward, &mut |_, _| {
            is_referred_to = true;
            false
        })?;
        if is_referred_to {
            Ok(None)
        } else {
            Self::body_row(view, body)
        }
    }

    /// Looks for dead bodies that nobody remembered: after a restart.
    fn walk(&self, collector: &mut Collector) -> Result<bool, StoreError> {
        let after = match collector.walk {
            Walk::Start => BodyNumber(0),
            Walk::After(body) => body,
            Walk::Done => return Ok(false),
        };
        let view = self.settled_view()?;
        let start = body_key(BodyNumber(after.0.saturating_add(1)));
        let mut seen = Vec::new();
        view.scan(
            &start..&[BODY_TAG.saturating_add(1)],
            Direction::Forward,
            &mut |key, _| {
                seen.extend(body_of_key(key));
                seen.len() < WALKED_PER_STEP
            },
        )?;
        for &body in &seen {
            if Self::dead_row(&view, body)?.is_some() {
                collector.suspects.insert(body);
            }
        }
        collector.walk = match seen.last() {
            Some(&last) if seen.len() >= WALKED_PER_STEP => Walk::After(last),
            _ => Walk::Done,
        };
        Ok(true)
    }

    /// Reads the oldest base, once, to see which segments are mostly dead.
    fn survey(&self, collector: &mut Collector) -> Result<bool, StoreError> {
        let Some(oldest) = self.oldest_base() else {
            return Ok(false);
        };
        if collector.surveyed == Some(oldest) || !collector.emptying.is_empty() {
            return Ok(false);
        }
        let path = self.paths.base(oldest.place.position);
        let (vfs, secret) = (&*self.world.vfs, self.bodies.secret());
        let mut survey = Survey::default();
        base::visit_bodies(vfs, &path, secret, &mut |row| survey.count(&row))?;
        let mut emptying: BTreeMap<u32, Vec<BodyRow>> = self
            .mostly_dead(&survey, oldest)?
            .into_iter()
            .map(|n| (n, Vec::new()))
            .collect();
        if !emptying.is_empty() {
            base::visit_bodies(vfs, &path, secret, &mut |row| {
                if let Place::Segment { segment, .. } = row.place {
                    emptying.entry(segment).and_modify(|rows| rows.push(row));
                }
            })?;
        }
        collector.emptying = emptying.into_iter().collect();
        collector.files = Some(survey.files);
        collector.surveyed = Some(oldest);
        Ok(true)
    }

    /// Segments before a base of which less than half is living.
    fn mostly_dead(&self, survey: &Survey, oldest: BaseInfo) -> Result<Vec<u32>, StoreError> {
        let durable = self.applier.lock().durable;
        let before = oldest.place.segment.min(durable.segment);
        let mut dead = Vec::new();
        let numbers = segment::list(&*self.world.vfs, &self.paths)?;
        for number in numbers.into_iter().filter(|number| *number < before) {
            let path = self.paths.segment(number);
            let len = self.world.vfs.open(&path, Open::Read)?.len()?;
            let live = survey.live_bytes.get(&number).copied().unwrap_or_default();
            if live.saturating_mul(2) < len && dead.len() < SEGMENTS_PER_SURVEY {
                dead.push(number);
            }
        }
        Ok(dead)
    }

    /// Copies some bodies of a segment; removes it once none is left.
    fn empty_segment(&self, collector: &mut Collector) -> Result<bool, StoreError> {
        let Some((segment, mut rows)) = collector.emptying.pop_front() else {
            return Ok(false);
        };
        if rows.is_empty() {
            if !self.remove_segment(segment)? {
                collector.emptying.push_front((segment, rows));
                return Ok(false);
            }
            if collector.emptying.is_empty() {
                collector.surveyed = None; // There may be more than one survey takes.
            }
            return Ok(true);
        }
        let mut copied: Vec<Copied> = Vec::new();
        let mut bytes = 0_u64;
        while let Some(row) = rows.last().filter(|_| bytes < COPIED_PER_STEP) {
            // Reading it verifies it; a damaged body stops the collector rather than spread.
            self.bodies.read_stored(row, 0..u64::MAX)?;
            copied.push((*row, self.bodies.stored_bytes(row)?));
            bytes = bytes.saturating_add(row.layout.stored_len);
            rows.pop();
        }
        let batch = Batch {
            purpose: Purpose::Free,
            ..Batch::default()
        };
        let prepared = self.prepare(batch, &copied)?;
        collector.emptying.push_front((segment, rows));
        collector.waiting = Some(self.place_prepared(&mut self.placing.lock(), prepared)?);
        Ok(true)
    }

    /// Removes a segment, unless a backup is being made.
    fn remove_segment(&self, number: u32) -> Result<bool, StoreError> {
        let leases = self.leases.lock();
        if *leases > 0 {
            return Ok(false);
        }
        self.bodies.close_segment(number);
        let path = self.paths.segment(number);
        let len = self.world.vfs.open(&path, Open::Read)?.len()?;
        self.world.vfs.remove(&path)?;
        self.log_length.subtract(len);
        self.world.vfs.sync_directory(&self.paths.log())?;
        drop(leases);
        self.space.look();
        Ok(true)
    }

    /// Removes files of bodies that neither the store nor any moment of the restore window knows.
    fn remove_files(&self, collector: &mut Collector) -> Result<bool, StoreError> {
        let Some(known) = collector.files.take() else {
            return Ok(false);
        };
        let Some(oldest) = collector.surveyed else {
            return Ok(false);
        };
        let leases = self.leases.lock();
        if *leases > 0 {
            return Ok(false);
        }
        let vfs = &*self.world.vfs;
        for folder in vfs.list(&self.paths.big())? {
            for path in vfs.list(&folder)? {
                let Some(body) = big_body_number(&path) else {
                    continue;
                };
                let is_old = body.0 < oldest.place.next_body;
                // In this order: whoever lets go of a body has placed and settled its row before.
                let is_unknown = is_old && !known.contains(&body) && !self.bodies.is_in_use(body);
                if is_unknown && Self::body_row(&self.placed_view()?, body)?.is_none() {
                    vfs.remove(&path)?;
                }
            }
        }
        drop(leases);
        Ok(true)
    }
}

impl Survey {
    fn count(&mut self, row: &BodyRow) {
        match row.place {
            Place::Segment { segment, .. } => {
                let bytes = self.live_bytes.entry(segment).or_default();
                *bytes = bytes.saturating_add(row.layout.stored_len);
            }
            Place::File => drop(self.files.insert(row.number)),
        }
    }
}
