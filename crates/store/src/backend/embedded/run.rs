//! The rows of a large commit, sorted once and never changed.
//!
//! A commit of thousands of rows is sorted where it is prepared, and lies beside the tree of its
//! table as it is: to put each of its rows into the tree was a third of what copying a letter cost.
//! Start at [`Sorted`].

use super::memtable::{Entry, Value};
use crate::backend::{Direction, Key};
use std::ops::Range;
use std::sync::Arc;

/// Rows of one commit in the order of their keys, each key once.
#[derive(Debug, Default)]
pub struct Sorted(Vec<(Key, Value)>);

impl Sorted {
    /// Sorts rows; of several with one key the last stays.
    pub fn new(mut rows: Vec<(Key, Value)>) -> Self {
        rows.sort_by(|(left, _), (right, _)| left.cmp(right)); // Keeps the order of equal ones.
        rows.dedup_by(|later, earlier| {
            let is_same = later.0 == earlier.0;
            if is_same {
                std::mem::swap(later, earlier);
            }
            is_same
        });
        Self(rows)
    }

    /// Its rows.
    pub fn rows(&self) -> &[(Key, Value)] {
        &self.0
    }
}

/// Versions of rows in the order of their keys; those of one key by ascending position.
#[derive(Debug, Clone)]
pub struct Run {
    rows: Vec<(Key, Value)>,
    since: Since,
}

/// The positions of a run's rows.
#[derive(Debug, Clone)]
enum Since {
    All(u64),
    Each(Vec<u64>),
}

impl Run {
    /// A commit at its position.
    pub fn new(position: u64, rows: Sorted) -> Self {
        Self {
            rows: rows.0,
            since: Since::All(position),
        }
    }

    /// Several runs as one.
    pub fn merged(runs: &[Arc<Self>]) -> Self {
        let count = runs.iter().map(|run| run.rows.len()).sum();
        let mut versions: Vec<(&Key, u64, &Value)> = Vec::with_capacity(count);
        versions.extend(runs.iter().flat_map(|run| run.versions()));
        versions.sort_by(|left, right| (left.0, left.1).cmp(&(right.0, right.1)));
        let rows = versions
            .iter()
            .map(|&(key, _, value)| (key.clone(), value.clone()));
        Self {
            rows: rows.collect(),
            since: Since::Each(versions.iter().map(|&(_, since, _)| since).collect()),
        }
    }

    /// The same for runs of about one size: each size has so many times the rows of the one before.
    pub fn size_class(&self, times: usize) -> u32 {
        self.rows
            .len()
            .checked_ilog(times.max(2))
            .unwrap_or_default()
    }

    /// All its versions.
    pub fn versions(&self) -> impl Iterator<Item = (&Key, u64, &Value)> {
        let rows = self.rows.iter().enumerate();
        rows.map(|(index, (key, value))| (key, self.since(index), value))
    }

    /// The newest version of a key up to a position.
    pub fn at(&self, key: &[u8], position: u64) -> Option<(u64, &Value)> {
        let (first, last) = (self.rows.first()?, self.rows.last()?);
        if key < first.0.as_slice() || last.0.as_slice() < key {
            return None;
        }
        let end = self
            .rows
            .partition_point(|(held, _)| held.as_slice() <= key);
        let before = self.rows.get(..end)?.iter().enumerate().rev();
        before
            .take_while(|(_, (held, _))| held.as_slice() == key)
            .map(|(index, (_, value))| (self.since(index), value))
            .find(|(since, _)| *since <= position)
    }

    fn since(&self, index: usize) -> u64 {
        match &self.since {
            Since::All(position) => *position,
            // There are as many positions as rows.
            Since::Each(positions) => positions.get(index).copied().unwrap_or(u64::MAX),
        }
    }

    /// Which rows lie in a range.
    fn within(&self, range: &Range<&[u8]>) -> Range<usize> {
        let before = |bound: &[u8]| self.rows.partition_point(|(key, _)| key.as_slice() < bound);
        before(range.start)..before(range.end)
    }
}

/// Walks through what a run says of a range at a position.
#[derive(Debug)]
pub struct Walk {
    run: Arc<Run>,
    left: Range<usize>,
    direction: Direction,
    position: u64,
}

impl Walk {
    /// A walk before the first entry.
    pub fn new(run: &Arc<Run>, range: &Range<&[u8]>, direction: Direction, position: u64) -> Self {
        Self {
            run: Arc::clone(run),
            left: run.within(range),
            direction,
            position,
        }
    }

    /// Takes the versions of the next key.
    fn take_key(&mut self) -> Option<Range<usize>> {
        let left = self.run.rows.get(self.left.clone())?;
        let first = match self.direction {
            Direction::Forward => left.first()?,
            Direction::Backward => left.last()?,
        };
        let same = |(key, _): &&(Key, Value)| *key == first.0;
        let taken = match self.direction {
            Direction::Forward => {
                let count = left.iter().take_while(same).count();
                self.left.start..self.left.start.saturating_add(count)
            }
            Direction::Backward => {
                let count = left.iter().rev().take_while(same).count();
                self.left.end.saturating_sub(count)..self.left.end
            }
        };
        match self.direction {
            Direction::Forward => self.left.start = taken.end,
            Direction::Backward => self.left.end = taken.start,
        }
        Some(taken)
    }
}

impl Iterator for Walk {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            let mut versions = self.take_key()?.rev();
            let newest = versions.find(|&index| self.run.since(index) <= self.position);
            let Some(index) = newest else {
                continue; // It was not touched up to then.
            };
            let (key, value) = self.run.rows.get(index)?;
            return Some(Entry {
                key: key.clone(),
                since: self.run.since(index),
                value: value.clone(),
            });
        }
    }
}
