//! A search over a folder, step by step: each step looks at a bounded number of letters and bytes, so that no
//! question holds a thread for long and a client that goes away stops its search.

use super::{Candidate, Letter, Plan};
use crate::EngineError;
use crate::account::{Account, Reading};
use std::ops::ControlFlow;
use store::id::{FolderId, ItemKey, Uid};
use store::model::{ItemRow, Shelf, UidSet};

/// Rows looked at in one step when only rows are asked.
const ROWS_PER_STEP: usize = 16 * 1024;
/// Letters looked at in one step when their summaries are read too.
const LETTERS_PER_STEP: usize = 1024;
/// Bytes of letters read in one step; the letter that crosses it is finished.
const BYTES_PER_STEP: u64 = 1024 * 1024;

/// A search on its way.
pub struct Run {
    plan: Plan,
    folder: FolderId,
    shelf: Shelf,
    /// What is still to be looked at, as the searcher sees the folder.
    left: UidSet,
    found: Vec<Uid>,
}

impl Run {
    /// Begins; `uids` are the letters that may be found, all others don't exist for the searcher.
    pub fn new(plan: Plan, folder: FolderId, shelf: Shelf, uids: UidSet) -> Self {
        Self {
            plan,
            folder,
            shelf,
            left: uids,
            found: Vec::new(),
        }
    }

    /// Looks at the next letters. The matches, ascending, when it was the last step.
    pub fn step(&mut self, account: &Account) -> Result<Option<Vec<Uid>>, EngineError> {
        let view = account.read()?;
        let limit = if self.plan.reads_rows_only() {
            ROWS_PER_STEP
        } else {
            LETTERS_PER_STEP
        };
        let rows = self.next_rows(&view, limit)?;
        let Some((last, _)) = rows.last() else {
            return Ok(Some(std::mem::take(&mut self.found)));
        };
        let last = *last;
        let looked_at = if self.plan.reads_rows_only() {
            self.look_at_rows(&rows)?;
            last
        } else {
            self.look_at_letters(account, &view, &rows)?.unwrap_or(last)
        };
        self.left = self.left.within(looked_at.0.saturating_add(1)..=u32::MAX);
        if self.left.is_empty() || looked_at.0 == u32::MAX {
            return Ok(Some(std::mem::take(&mut self.found)));
        }
        Ok(None)
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

    fn look_at_rows(&mut self, rows: &[(Uid, ItemRow)]) -> Result<(), EngineError> {
        for (uid, row) in rows {
            if self.plan.matches(&mut RowOnly { uid: *uid, row })? {
                self.found.push(*uid);
            }
        }
        Ok(())
    }

    /// The last letter looked at, when the step's bytes were used up before the end.
    fn look_at_letters(
        &mut self,
        account: &Account,
        view: &impl Reading,
        rows: &[(Uid, ItemRow)],
    ) -> Result<Option<Uid>, EngineError> {
        let items: Vec<ItemKey> = rows.iter().map(|(_, row)| row.item).collect();
        let mut details = Vec::with_capacity(items.len());
        view.details_of(&items, &mut |_, one| details.push(one.unwrap_or_default()))?;
        let mut bytes = 0_u64;
        for ((uid, row), details) in rows.iter().zip(details) {
            let mut letter = Letter::new(account, *uid, row, details);
            if self.plan.matches(&mut letter)? {
                self.found.push(*uid);
            }
            bytes = bytes.saturating_add(letter.bytes_read());
            if bytes >= BYTES_PER_STEP {
                return Ok(Some(*uid));
            }
        }
        Ok(None)
    }
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
