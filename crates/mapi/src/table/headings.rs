//! Headings in a table: rows that have a value in common stand below one, which can be closed.
//!
//! A heading is a run of rows whose keys begin alike, so that all of them are found by one look at
//! the list; what is shown is kept as runs too. A row that comes or goes changes the counts of what
//! stands above it and the places of what stands behind it, without a look at other rows.
//!
//! Start at [`Headings::find`]; [`Headings::put`] and [`Headings::take`] move them on.
//!
//! Source: [MS-OXCTABL] 2.2.1.3, 3.2.5.2, 3.2.5.17 to 3.2.5.20.

use super::key::{Plan, invert};
use super::list::{Entry, List};
use std::collections::{BTreeMap, BTreeSet, HashSet};

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
    /// Those below which rows came or went since they were last settled, by their names.
    touched: BTreeMap<u64, Touched>,
    /// The names of all before that, where rows may give them another order.
    before: Vec<u64>,
}

/// What a heading was before rows below it came or went.
#[derive(Debug, Clone, Copy)]
struct Touched {
    was_there: bool,
    /// All above it are open.
    is_shown: bool,
}

/// What became of headings that are shown, by their names.
#[derive(Debug, Default)]
pub struct Turnover {
    /// Those that went.
    pub gone: Vec<u64>,
    /// Those that came.
    pub new: Vec<u64>,
    /// Those that count other rows.
    pub other: Vec<u64>,
    /// Those that stayed follow one another in another order than before.
    pub is_reordered: bool,
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
    /// The greatest below it, if that sorts it; none where it is to be found anew.
    greatest: Option<Vec<u8>>,
}

impl Heading {
    /// One above the row at a place, that counts nothing yet.
    fn above(place: usize, key: &[u8], depth: usize, plan: &Plan) -> Self {
        Self {
            id: hash(&plan.name(key, depth)),
            depth,
            first: place,
            count: 0,
            unread: 0,
            greatest: Some(Vec::new()),
        }
    }

    /// Counts a row below it.
    fn include(&mut self, entry: &Entry, plan: &Plan) {
        self.count += 1;
        self.unread += usize::from(!entry.is_read);
        let value = plan.greatest_below(entry, self.depth);
        if let (Some(value), Some(greatest)) = (value, &mut self.greatest)
            && value > greatest.as_slice()
        {
            *greatest = value.to_vec();
        }
    }

    /// Counts a row no more that went.
    fn exclude(&mut self, entry: &Entry) {
        self.count -= 1;
        self.unread -= usize::from(!entry.is_read);
        self.greatest = None;
    }
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

    /// Whether what stands below a heading of that depth and name is shown.
    pub fn is_open(&self, depth: usize, id: u64) -> bool {
        (depth < self.open_levels) != self.turned.contains(&id)
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
        self.touched.clear();
        // What the rows of each that is being found have in common, and its place among all.
        let mut above: Vec<(&[u8], usize)> = Vec::new();
        for (place, entry) in list.iter().enumerate() {
            let key = entry.key.bytes();
            let same = above.iter();
            let same = same.take_while(|(common, _)| key.starts_with(common));
            above.truncate(same.count());
            for depth in above.len()..plan.levels.len() {
                above.push((plan.common(key, depth), self.all.len()));
                self.all.push(Heading::above(place, key, depth, plan));
            }
            for (_, index) in &above {
                if let Some(heading) = self.all.get_mut(*index) {
                    heading.include(entry, plan);
                }
            }
        }
        self.sort(plan);
        self.show();
    }

    /// The names of the headings above a row, the outermost first.
    fn path(key: &[u8], plan: &Plan) -> Vec<u64> {
        let depths = 0..plan.levels.len();
        depths.map(|depth| hash(&plan.name(key, depth))).collect()
    }

    /// Whether a row is shown: all headings above it are open.
    pub fn shows(&self, entry: &Entry, plan: &Plan) -> bool {
        let path = Self::path(entry.key.bytes(), plan);
        (0..).zip(&path).all(|(depth, id)| self.is_open(depth, *id))
    }

    /// Notes what the headings above a row are before it comes or goes; answers their names.
    fn touch(&mut self, entry: &Entry, plan: &Plan) -> Vec<u64> {
        if self.touched.is_empty() && plan.has_greatest() {
            self.before = self.all.iter().map(|heading| heading.id).collect();
        }
        let path = Self::path(entry.key.bytes(), plan);
        let mut is_shown = true;
        for (depth, id) in path.iter().enumerate() {
            if !self.touched.contains_key(id) {
                let was_there = self.index_of(*id).is_some();
                let touched = Touched {
                    was_there,
                    is_shown,
                };
                self.touched.insert(*id, touched);
            }
            is_shown &= self.is_open(depth, *id);
        }
        path
    }

    /// Whether no row came or went since they were settled.
    pub fn is_settled(&self) -> bool {
        self.touched.is_empty()
    }

    /// A row went from its place. [`Headings::settle`] is to follow.
    pub fn take(&mut self, place: usize, entry: &Entry, plan: &Plan) {
        self.touch(entry, plan);
        for heading in &mut self.all {
            if heading.first > place {
                heading.first -= 1;
            } else if place < heading.first + heading.count {
                heading.exclude(entry);
            }
        }
        self.all.retain(|heading| heading.count > 0);
    }

    /// A row came to a place. [`Headings::settle`] is to follow.
    pub fn put(&mut self, place: usize, entry: &Entry, plan: &Plan) {
        let path = self.touch(entry, plan);
        let mut is_there = vec![false; path.len()];
        for heading in &mut self.all {
            let is_above = path.get(heading.depth) == Some(&heading.id);
            if is_above {
                heading.include(entry, plan);
                is_there
                    .get_mut(heading.depth)
                    .into_iter()
                    .for_each(|it| *it = true);
            } else if heading.first >= place {
                heading.first += 1;
            }
        }
        let key = entry.key.bytes();
        for (depth, _) in is_there.iter().enumerate().filter(|(_, is)| !**is) {
            let mut heading = Heading::above(place, key, depth, plan);
            heading.include(entry, plan);
            self.all.push(heading);
        }
    }

    /// Rows came and went: puts the headings in their order; answers what became of them.
    pub fn settle(&mut self, list: &List, plan: &Plan) -> Turnover {
        self.all
            .sort_by_key(|heading| (heading.first, heading.depth));
        for heading in &mut self.all {
            if heading.greatest.is_none() {
                let below = list.range(heading.first, heading.count);
                let values = below.filter_map(|entry| plan.greatest_below(entry, heading.depth));
                heading.greatest = Some(values.max().unwrap_or_default().to_vec());
            }
        }
        self.sort(plan);
        self.show();
        let mut turnover = Turnover {
            is_reordered: self.is_reordered(),
            ..Turnover::default()
        };
        for (id, touched) in std::mem::take(&mut self.touched) {
            let is_there = self.index_of(id).is_some();
            let kind = match (touched.was_there, is_there) {
                (true, true) => &mut turnover.other,
                (true, false) => &mut turnover.gone,
                (false, true) => &mut turnover.new,
                (false, false) => continue,
            };
            if touched.is_shown {
                kind.push(id);
            }
        }
        turnover
    }

    /// Whether those that stayed follow one another in another order than before.
    fn is_reordered(&mut self) -> bool {
        let before = std::mem::take(&mut self.before);
        let were: HashSet<u64> = before.iter().copied().collect();
        let now = self.all.iter().map(|heading| heading.id);
        let now: Vec<u64> = now.filter(|id| were.contains(id)).collect();
        let are: HashSet<u64> = now.iter().copied().collect();
        !before.into_iter().filter(|id| are.contains(id)).eq(now)
    }

    /// Puts headings that are sorted by the greatest below them in order: those below follow the
    /// one above.
    fn sort(&mut self, plan: &Plan) {
        if !plan.has_greatest() {
            return;
        }
        let mut paths: Vec<Vec<u8>> = Vec::new();
        let mut sorted: Vec<(Vec<u8>, Heading)> = Vec::new();
        for heading in self.all.drain(..) {
            paths.truncate(heading.depth);
            let mut path = paths.last().cloned().unwrap_or_default();
            let start = path.len();
            path.extend_from_slice(heading.greatest.as_deref().unwrap_or_default());
            let level = plan.levels.get(heading.depth);
            if level.is_some_and(|level| level.is_descending) {
                invert(path.get_mut(start..).unwrap_or_default());
            }
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
            let is_open = self.is_open(heading.depth, heading.id);
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

/// FNV-1a, because it must be the same in all sessions; never 0, which stands for no heading.
fn hash(bytes: &[u8]) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
    bytes.iter().fold(OFFSET, mix).max(1)
}
