//! A search over a folder, step by step: each step looks at a bounded number of letters and bytes,
//! so that no question holds a thread for long and a client that goes away stops its search.
//!
//! What becomes of the matches is the matter of a [`Harvest`]: a list of UIDs, a sort,
//! conversations. It takes what it wants of each letter while the search has it in hand, so that
//! nothing is read twice.

use super::flag_sets::{FlagSets, Walk};
use super::narrowing::{Ground, Narrowing};
use super::{Candidate, Letter, Plan};
use crate::EngineError;
use crate::account::annotations::Annotation;
use crate::account::{Account, Reading};
use std::ops::ControlFlow;
use store::id::{FolderId, ItemKey, Uid};
use store::model::{ItemRow, Location, Shelf, UidSet};

/// Rows looked at in one step when only rows are asked.
const ROWS_PER_STEP: usize = 16 * 1024;
/// Letters looked at in one step when their summaries are read too.
const LETTERS_PER_STEP: usize = 128;
/// Bytes of letters read in one step; the letter that crosses it is finished. That is less than a
/// millisecond, for so long others may have to wait for the processor.
const BYTES_PER_STEP: u64 = 128 * 1024;
/// Where fewer than one UID in so many is left, rows are read one by one.
const SPARSE: u32 = 16;

/// A letter that matches, as far as it was read.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// Its place in the folder.
    pub uid: Uid,
    /// Its row.
    pub row: &'a ItemRow,
    /// Its summary with a whole envelope; empty if the harvest does not ask for fields.
    pub summary: &'a [u8],
    /// What was noted of it; empty if the harvest does not ask for that.
    pub annotations: &'a [Annotation],
    /// How well it matches, 1 to 100; 0 if the question does not rank.
    pub relevance: u8,
}

/// Takes the matches of a search, in ascending order of their UIDs.
pub trait Harvest {
    /// True if it wants more of a letter than its row.
    fn reads_fields(&self) -> bool {
        false
    }

    /// True if it wants what was noted of a letter.
    fn reads_annotations(&self) -> bool {
        false
    }

    /// The list of what was found, if that is all it wants: then it need not be asked for each.
    fn list(&mut self) -> Option<&mut Vec<Uid>> {
        None
    }

    /// Takes one. An error ends the search.
    fn take(&mut self, found: &Found<'_>) -> Result<(), EngineError>;
}

impl Harvest for Vec<Uid> {
    fn list(&mut self) -> Option<&mut Vec<Uid>> {
        Some(self)
    }

    fn take(&mut self, found: &Found<'_>) -> Result<(), EngineError> {
        self.push(found.uid);
        Ok(())
    }
}

/// How far a search has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Letters looked at.
    pub done: u32,
    /// Letters to look at in all.
    pub total: u32,
}

/// A search on its way.
pub struct Run {
    plan: Plan,
    folder: FolderId,
    shelf: Shelf,
    /// What is still to be looked at, as the searcher sees the folder.
    left: UidSet,
    total: u32,
    narrowing: Narrowing,
    /// Making of the folder's sets of flags, if they were not there.
    walk: Option<Walk>,
}

impl Run {
    /// Begins; `uids` are the letters that may be found, all others don't exist for the searcher.
    pub fn new(plan: Plan, folder: FolderId, shelf: Shelf, uids: UidSet) -> Self {
        Self {
            narrowing: Narrowing::of(&plan),
            plan,
            folder,
            shelf,
            total: uids.len(),
            left: uids,
            walk: None,
        }
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        Progress {
            done: self.total.saturating_sub(self.left.len()),
            total: self.total,
        }
    }

    /// Looks at the next letters and hands those that match over. True when it was the last step.
    pub fn step(
        &mut self,
        account: &Account,
        harvest: &mut dyn Harvest,
    ) -> Result<bool, EngineError> {
        if let Some(list) = harvest.list() {
            if self.plan.asks_uids_only() {
                return self.select_by(account, &FlagSets::default(), list);
            }
            if self.plan.asks_flags_only() && self.shelf == Shelf::Mail {
                return self.select(account, list);
            }
        }
        let ground = Ground {
            folder: self.folder,
            shelf: self.shelf,
        };
        self.narrowing
            .step(account, &self.plan, ground, &mut self.left)?;
        if !self.narrowing.is_done() {
            return Ok(false);
        }
        let view = account.read()?;
        let rows_only = self.plan.reads_rows_only() && !reads_more(harvest) && !self.plan.ranks();
        let limit = if rows_only {
            ROWS_PER_STEP
        } else {
            LETTERS_PER_STEP
        };
        let rows = self.next_rows(&view, limit)?;
        let Some((last, _)) = rows.last() else {
            self.left = UidSet::default();
            return Ok(true);
        };
        let last = *last;
        let looked_at = if rows_only {
            self.look_at_rows(&rows, harvest)?;
            last
        } else {
            let last_read = self.look_at_letters(account, &view, &rows, harvest)?;
            last_read.unwrap_or(last)
        };
        self.left = match looked_at.0.checked_add(1) {
            Some(next) => self.left.within(next..=u32::MAX),
            None => UidSet::default(),
        };
        Ok(self.left.is_empty())
    }

    /// Answers from the sets of flags; where they are not there, makes them first. Those that left
    /// the folder have no flags and are not found, as if their rows had been looked for.
    fn select(&mut self, account: &Account, list: &mut Vec<Uid>) -> Result<bool, EngineError> {
        let cache = account.engine().flag_cache();
        if let Some(walk) = &mut self.walk {
            if !walk.step(account, cache)? {
                return Ok(false);
            }
            self.walk = None;
        }
        let Some(flags) = cache.current(account, self.folder)? else {
            self.walk = Some(Walk::begin(account, self.folder)?);
            return Ok(false);
        };
        self.select_by(account, &flags, list)
    }

    /// The last step of a question that sets of UIDs answer.
    fn select_by(
        &mut self,
        account: &Account,
        flags: &FlagSets,
        list: &mut Vec<Uid>,
    ) -> Result<bool, EngineError> {
        let there = account.read()?.uids(self.folder, self.shelf)?;
        let all = self.left.intersection(&there);
        list.extend(self.plan.select(&all, flags).iter());
        self.left = UidSet::default();
        Ok(true)
    }

    fn next_rows(
        &self,
        view: &impl Reading,
        limit: usize,
    ) -> Result<Vec<(Uid, ItemRow)>, EngineError> {
        let mut rows = Vec::new();
        let (Some(first), Some(last)) = (self.left.first(), self.left.last()) else {
            return Ok(rows);
        };
        let span = last.0.saturating_sub(first.0);
        if span / SPARSE > self.left.len() {
            return self.single_rows(view, limit);
        }
        view.items(
            self.folder,
            self.shelf,
            first.0..=last.0,
            &mut |uid, row| {
                if self.left.contains(uid) {
                    rows.push((uid, row));
                }
                if rows.len() < limit {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            },
        )?;
        Ok(rows)
    }

    /// The next rows, where those between them are many more.
    fn single_rows(
        &self,
        view: &impl Reading,
        limit: usize,
    ) -> Result<Vec<(Uid, ItemRow)>, EngineError> {
        let (folder, shelf) = (self.folder, self.shelf);
        let mut rows = Vec::new();
        for uid in self.left.iter() {
            if let Some(row) = view.item(Location { folder, shelf, uid })? {
                rows.push((uid, row));
            }
            if rows.len() >= limit {
                break;
            }
        }
        Ok(rows)
    }

    fn look_at_rows(
        &self,
        rows: &[(Uid, ItemRow)],
        harvest: &mut dyn Harvest,
    ) -> Result<(), EngineError> {
        for (uid, row) in rows {
            if self.plan.matches(&mut RowOnly { uid: *uid, row })? {
                harvest.take(&Found {
                    uid: *uid,
                    row,
                    summary: &[],
                    annotations: &[],
                    relevance: 0,
                })?;
            }
        }
        Ok(())
    }

    /// The last letter looked at, when the step's bytes were used up before the end.
    fn look_at_letters(
        &self,
        account: &Account,
        view: &impl Reading,
        rows: &[(Uid, ItemRow)],
        harvest: &mut dyn Harvest,
    ) -> Result<Option<Uid>, EngineError> {
        let items: Vec<ItemKey> = rows.iter().map(|(_, row)| row.item).collect();
        let mut details = Vec::with_capacity(items.len());
        view.details_of(&items, &mut |_, one| details.push(one.unwrap_or_default()))?;
        let mut bytes = 0_u64;
        for ((uid, row), details) in rows.iter().zip(details) {
            let mut letter = Letter::new(account, *uid, row, details);
            if self.plan.matches(&mut letter)? {
                let summary = if harvest.reads_fields() {
                    letter.whole_summary()?
                } else {
                    bytes::Bytes::new()
                };
                let annotations = if harvest.reads_annotations() {
                    letter.annotations()?
                } else {
                    Vec::new()
                };
                let relevance = if self.plan.ranks() {
                    self.plan.relevance(&mut letter)?
                } else {
                    0
                };
                harvest.take(&Found {
                    uid: *uid,
                    row,
                    summary: &summary,
                    annotations: &annotations,
                    relevance,
                })?;
            }
            bytes = bytes.saturating_add(letter.bytes_read());
            if bytes >= BYTES_PER_STEP {
                return Ok(Some(*uid));
            }
        }
        Ok(None)
    }
}

/// True if rows alone don't do.
fn reads_more(harvest: &dyn Harvest) -> bool {
    harvest.reads_fields() || harvest.reads_annotations()
}

/// A letter of which only the row is ever asked.
struct RowOnly<'a> {
    uid: Uid,
    row: &'a ItemRow,
}

impl Candidate for RowOnly<'_> {
    fn row(&self) -> &ItemRow {
        self.row
    }

    fn uid(&self) -> Uid {
        self.uid
    }
}
