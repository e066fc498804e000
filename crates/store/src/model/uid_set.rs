//! A set of UIDs as runs: what a folder holds, without a row for each.
//!
//! Immutable and cheap to clone; a session's view of a folder is one of these. Ranks are positions
//! from 0, so a message sequence number (RFC 9051 §2.3.1.2) is a rank plus one.

use crate::id::Uid;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Ascending UIDs without repetition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UidSet {
    runs: Arc<[Run]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    first: u32,
    last: u32,
    /// How many UIDs the runs before hold.
    before: u32,
}

impl Run {
    fn end_rank(self) -> u32 {
        self.before + (self.last - self.first) + 1
    }
}

impl UidSet {
    /// The set of these runs, which may come in any order and overlap.
    pub fn from_ranges(ranges: impl IntoIterator<Item = RangeInclusive<u32>>) -> Self {
        let mut ranges: Vec<_> = ranges
            .into_iter()
            .filter(|range| !range.is_empty())
            .collect();
        ranges.sort_unstable_by_key(|range| *range.start());
        let mut builder = UidSetBuilder::default();
        for range in ranges {
            builder.push(*range.start(), *range.end());
        }
        builder.finish()
    }

    /// How many UIDs.
    pub fn len(&self) -> u32 {
        self.runs.last().map_or(0, |run| run.end_rank())
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The lowest UID.
    pub fn first(&self) -> Option<Uid> {
        self.runs.first().map(|run| Uid(run.first))
    }

    /// The highest UID.
    pub fn last(&self) -> Option<Uid> {
        self.runs.last().map(|run| Uid(run.last))
    }

    /// True when this UID is in the set.
    pub fn contains(&self, uid: Uid) -> bool {
        self.rank(uid).is_some()
    }

    /// The position of a UID, from 0; `None` when it is not in the set.
    pub fn rank(&self, uid: Uid) -> Option<u32> {
        let index = self.runs.partition_point(|run| run.last < uid.0);
        let run = self.runs.get(index).filter(|run| run.first <= uid.0)?;
        Some(run.before + (uid.0 - run.first))
    }

    /// How many UIDs of the set are below this one, whether or not it is in the set.
    pub fn count_below(&self, uid: Uid) -> u32 {
        let index = self.runs.partition_point(|run| run.last < uid.0);
        match self.runs.get(index) {
            Some(run) => run.before + uid.0.saturating_sub(run.first),
            None => self.len(),
        }
    }

    /// The UID at a position, from 0.
    pub fn nth(&self, rank: u32) -> Option<Uid> {
        let index = self.runs.partition_point(|run| run.end_rank() <= rank);
        self.runs
            .get(index)
            .map(|run| Uid(run.first + (rank - run.before)))
    }

    /// All UIDs, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Uid> + '_ {
        self.runs
            .iter()
            .flat_map(|run| (run.first..=run.last).map(Uid))
    }

    /// The runs, ascending, never touching one another.
    pub fn ranges(&self) -> impl DoubleEndedIterator<Item = RangeInclusive<u32>> + '_ {
        self.runs.iter().map(|run| run.first..=run.last)
    }

    /// The UIDs of a range that are in the set, as a set.
    #[must_use]
    pub fn within(&self, range: RangeInclusive<u32>) -> Self {
        let start = self.runs.partition_point(|run| run.last < *range.start());
        let mut builder = UidSetBuilder::default();
        let later = self.runs.get(start..).unwrap_or_default();
        for run in later.iter().take_while(|run| run.first <= *range.end()) {
            builder.push(run.first.max(*range.start()), run.last.min(*range.end()));
        }
        builder.finish()
    }

    /// The UIDs of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::from_ranges(self.ranges().chain(other.ranges()))
    }

    /// The UIDs of this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut builder = UidSetBuilder::default();
        let mut holes = other.runs.iter().peekable();
        for run in self.runs.iter() {
            let mut from = Some(run.first); // `None` when the rest of the run is covered.
            while let Some(hole) = holes.peek().filter(|hole| hole.first <= run.last) {
                if let Some(from) = from.filter(|from| *from < hole.first) {
                    builder.push(from, hole.first - 1);
                }
                from = from.and_then(|from| Some(from.max(hole.last.checked_add(1)?)));
                if hole.last > run.last {
                    break;
                }
                holes.next();
            }
            if let Some(from) = from.filter(|from| *from <= run.last) {
                builder.push(from, run.last);
            }
        }
        builder.finish()
    }

    /// The UIDs of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.difference(&self.difference(other))
    }
}

impl FromIterator<Uid> for UidSet {
    fn from_iter<I: IntoIterator<Item = Uid>>(uids: I) -> Self {
        Self::from_ranges(uids.into_iter().map(|uid| uid.0..=uid.0))
    }
}

/// Takes runs in ascending order of their first UID.
#[derive(Debug, Default)]
pub(crate) struct UidSetBuilder {
    runs: Vec<Run>,
}

impl UidSetBuilder {
    pub(crate) fn push(&mut self, first: u32, last: u32) {
        let before = self.runs.last().map_or(0, |run| run.end_rank());
        match self.runs.last_mut() {
            Some(run) if first <= run.last.saturating_add(1) => run.last = run.last.max(last),
            _ => self.runs.push(Run {
                first,
                last,
                before,
            }),
        }
    }

    pub(crate) fn finish(self) -> UidSet {
        UidSet {
            runs: self.runs.into(),
        }
    }
}
