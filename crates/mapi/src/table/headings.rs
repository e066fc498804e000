//! Headings in a table: rows that have a value in common stand below one, which can be closed.
//!
//! A heading is a run of rows whose keys begin alike, so that all of them are found by one look at
//! the list; what is shown is kept as runs too.
//!
//! Start at [`Headings::find`].
//!
//! Source: [MS-OXCTABL] 2.2.1.3, 3.2.5.2, 3.2.5.17 to 3.2.5.20.

use super::key::{Plan, invert};
use super::list::{Entry, List};
use std::collections::BTreeSet;

/// Headings above rows.
#[derive(Debug, Clone, Default)]
pub struct Headings {
    /// How many of the levels are open at first.
    open_levels: usize,
    /// Names of those that are not as the client wanted them at first.
    turned: BTreeSet<u64>,
    /// All of them, each before what stands below it.
    all: Vec<Heading>,
    /// What is shown.
    runs: Vec<Run>,
    /// Rows and headings that are shown.
    len: usize,
}

/// A heading.
#[derive(Debug, Clone)]
pub struct Heading {
    /// Its name: the same whenever the same values stand above the same values.
    pub id: u64,
    /// How many stand above it.
    pub depth: usize,
    /// The first row below it.
    pub first: usize,
    /// Rows below it.
    pub count: usize,
    /// Those of them that were not read.
    pub unread: usize,
}

/// What a client sees at one place of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// The heading of that place among all.
    Heading(usize),
    /// The row of that place among all.
    Row(usize),
}

/// A heading, or rows that follow one another.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// The place of the first among what is shown.
    place: usize,
    first: Shown,
}

/// A heading that is being found.
struct Open<'a> {
    /// What its rows have in common.
    common: &'a [u8],
    /// Its place among all.
    index: usize,
    /// The greatest below it, if that sorts it.
    greatest: &'a [u8],
}

impl Headings {
    /// None yet; the first so many levels are open.
    pub fn new(open_levels: usize) -> Self {
        Self {
            open_levels,
            ..Self::default()
        }
    }

    /// Rows and headings that are shown.
    pub fn len(&self) -> usize {
        self.len
    }

    /// What is shown at a place.
    pub fn shown(&self, place: usize) -> Option<Shown> {
        if place >= self.len {
            return None;
        }
        let at = self.runs.partition_point(|run| run.place <= place);
        let run = self.runs.get(at.checked_sub(1)?)?;
        Some(match run.first {
            Shown::Heading(heading) => Shown::Heading(heading),
            Shown::Row(row) => Shown::Row(row + (place - run.place)),
        })
    }

    /// Where something is shown; none below a heading that is closed.
    pub fn place_of(&self, shown: Shown) -> Option<usize> {
        let ends = self
            .runs
            .iter()
            .skip(1)
            .map(|run| run.place)
            .chain([self.len]);
        self.runs.iter().zip(ends).find_map(|(run, end)| {
            let within = match (run.first, shown) {
                (Shown::Heading(known), Shown::Heading(wanted)) => {
                    (known == wanted).then_some(0)?
                }
                (Shown::Row(first), Shown::Row(wanted)) => wanted.checked_sub(first)?,
                _ => return None,
            };
            Some(run.place + within).filter(|place| *place < end)
        })
    }

    /// A heading by its place among all.
    pub fn heading(&self, index: usize) -> Option<&Heading> {
        self.all.get(index)
    }

    /// Where a heading of that name is shown.
    pub fn place_of_name(&self, id: u64) -> Option<usize> {
        self.place_of(Shown::Heading(self.index_of(id)?))
    }

    /// The place among all of the heading of that name.
    pub fn index_of(&self, id: u64) -> Option<usize> {
        self.all.iter().position(|heading| heading.id == id)
    }

    /// Whether what stands below is shown.
    pub fn is_open(&self, heading: &Heading) -> bool {
        (heading.depth < self.open_levels) != self.turned.contains(&heading.id)
    }

    /// Names of those that are not as the client wanted them at first.
    pub fn turned(&self) -> impl Iterator<Item = u64> {
        self.turned.iter().copied()
    }

    /// Opens what is closed, or the other way.
    pub fn turn(&mut self, id: u64) {
        if !self.turned.remove(&id) {
            self.turned.insert(id);
        }
        self.show();
    }

    /// Lets these be as the client did not want them at first, and all others as it did.
    pub fn turn_only(&mut self, turned: BTreeSet<u64>) {
        self.turned = turned;
        self.show();
    }

    /// Finds them anew in the rows of a table. Those that were there stay open or closed.
    pub fn find(&mut self, list: &List, plan: &Plan) {
        self.all.clear();
        let mut above: Vec<Open<'_>> = Vec::new();
        // By what each is sorted: the greatest below it and below those above it.
        let mut sorted_by: Vec<Vec<u8>> = Vec::new();
        for (place, entry) in list.iter().enumerate() {
            let key = entry.key.as_deref().unwrap_or_default();
            let same = above
                .iter()
                .take_while(|open| key.starts_with(open.common))
                .count();
            if same < plan.levels.len() {
                close(&mut above, same, plan, &mut sorted_by);
                for depth in same..plan.levels.len() {
                    above.push(Open {
                        common: plan.common(key, depth),
                        index: self.all.len(),
                        greatest: &[],
                    });
                    self.all.push(Heading {
                        id: hash(&plan.name(key, depth)),
                        depth,
                        first: place,
                        count: 0,
                        unread: 0,
                    });
                    sorted_by.push(Vec::new());
                }
            }
            self.count(&mut above, entry, plan);
        }
        close(&mut above, 0, plan, &mut sorted_by);
        if plan.levels.iter().any(|level| level.greatest.is_some()) {
            self.sort(&sorted_by);
        }
        self.show();
    }

    /// Counts a row below the headings above it.
    fn count<'a>(&mut self, above: &mut [Open<'a>], entry: &'a Entry, plan: &Plan) {
        let key = entry.key.as_deref().unwrap_or_default();
        for (open, level) in above.iter_mut().zip(&plan.levels) {
            if let Some(heading) = self.all.get_mut(open.index) {
                heading.count += 1;
                heading.unread += usize::from(!entry.is_read);
            }
            if let Some(value) = plan.greatest(key, *level) {
                open.greatest = open.greatest.max(value);
            }
        }
    }

    /// Puts headings that are sorted by the greatest below them in order: those below follow the
    /// one above.
    fn sort(&mut self, sorted_by: &[Vec<u8>]) {
        let mut paths: Vec<Vec<u8>> = Vec::new();
        let mut sorted: Vec<(Vec<u8>, Heading)> = Vec::new();
        for (heading, own) in self.all.drain(..).zip(sorted_by) {
            paths.truncate(heading.depth);
            let mut path = paths.last().cloned().unwrap_or_default();
            path.extend_from_slice(own);
            path.extend_from_slice(&heading.first.to_be_bytes());
            paths.push(path.clone());
            sorted.push((path, heading));
        }
        sorted.sort_by(|(left, _), (right, _)| left.cmp(right));
        self.all = sorted.into_iter().map(|(_, heading)| heading).collect();
    }

    /// Finds anew what is shown.
    fn show(&mut self) {
        let deepest = self.all.iter().map(|heading| heading.depth).max();
        let (mut runs, mut len) = (Vec::new(), 0);
        let mut closed: Option<usize> = None;
        for (index, heading) in self.all.iter().enumerate() {
            if closed.is_some_and(|depth| heading.depth > depth) {
                continue;
            }
            runs.push(Run {
                place: len,
                first: Shown::Heading(index),
            });
            len += 1;
            let is_open = self.is_open(heading);
            closed = (!is_open).then_some(heading.depth);
            if is_open && Some(heading.depth) == deepest {
                runs.push(Run {
                    place: len,
                    first: Shown::Row(heading.first),
                });
                len += heading.count;
            }
        }
        (self.runs, self.len) = (runs, len);
    }
}

/// Ends the headings from a depth on: what they are sorted by is known now.
fn close(above: &mut Vec<Open<'_>>, depth: usize, plan: &Plan, sorted_by: &mut [Vec<u8>]) {
    for (open, level) in above.drain(depth..).zip(plan.levels.iter().skip(depth)) {
        if let (Some(_), Some(own)) = (level.greatest, sorted_by.get_mut(open.index)) {
            own.extend_from_slice(open.greatest);
            if level.is_descending {
                invert(own);
            }
        }
    }
}

/// FNV-1a, because it must be the same in all sessions; never 0, which stands for no heading.
fn hash(bytes: &[u8]) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
    bytes.iter().fold(OFFSET, mix).max(1)
}
