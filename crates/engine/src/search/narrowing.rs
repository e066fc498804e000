//! Asks the index which letters of a folder need be looked at.
//!
//! What the index names, and what came or changed since it was last fed. Both are only candidates:
//! the plan is asked of each.

use super::Plan;
use super::feeding::FED_SHELVES;
use crate::account::{Account, Reading};
use crate::error::EngineError;
use std::vec::IntoIter;
use store::id::{ChangeSeq, FolderId, ItemKey, Uid};
use store::model::{Changes, Location, Object, Shelf, UidSet};
use store::sketch::Mark;

/// Candidates whose places are looked up in one step.
const PLACES_PER_STEP: usize = 2048;
/// Summaries that are looked at one after the other in the time in which a place is looked up.
const SUMMARIES_PER_PLACE: usize = 2;
/// Changes since the index was fed that are looked through; with more it is of no use.
const CHANGES_MAX: usize = 32 * 1024;
/// Of these, read at once.
const CHANGES_AT_ONCE: usize = 1024;

/// How far the index has been asked.
pub(super) enum Narrowing {
    /// Not yet.
    Due,
    /// These items are candidates; where they stand is being looked up.
    Placing {
        left: IntoIter<ItemKey>,
        found: Vec<Uid>,
    },
    /// All that is left to look at is what must be looked at.
    Done,
}

/// What is searched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ground {
    pub(super) folder: FolderId,
    pub(super) shelf: Shelf,
}

impl Narrowing {
    /// One step. When it is [`Narrowing::Done`], `left` holds what is to be looked at.
    pub(super) fn step(
        &mut self,
        account: &Account,
        plan: &Plan,
        ground: Ground,
        left: &mut UidSet,
    ) -> Result<(), EngineError> {
        if matches!(self, Self::Due) {
            *self = match candidates(account, plan, ground, left)? {
                Some(items) => Self::Placing {
                    left: items.into_iter(),
                    found: Vec::new(),
                },
                None => Self::Done,
            };
        }
        let Self::Placing { left: items, found } = self else {
            return Ok(());
        };
        let view = account.read()?;
        let reads = view.reads();
        for item in items.by_ref().take(PLACES_PER_STEP) {
            let Some(Location { folder, shelf, uid }) = reads.location(account.id(), item)? else {
                continue;
            };
            if folder == ground.folder && shelf == ground.shelf && left.contains(uid) {
                found.push(uid);
            }
        }
        if items.as_slice().is_empty() {
            *left = std::mem::take(found).into_iter().collect();
            *self = Self::Done;
        }
        Ok(())
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }
}

/// The items that may match; `None` where the index has nothing to say or does not help.
fn candidates(
    account: &Account,
    plan: &Plan,
    ground: Ground,
    left: &UidSet,
) -> Result<Option<Vec<ItemKey>>, EngineError> {
    if !FED_SHELVES.contains(&ground.shelf) {
        return Ok(None);
    }
    let items = plan.candidates(account)?;
    let left = usize::try_from(left.len()).unwrap_or(usize::MAX);
    let most = if plan.reads_letters() {
        left.saturating_mul(2)
    } else {
        left / SUMMARIES_PER_PLACE
    };
    Ok(items.filter(|items| items.len() < most))
}

/// The same for all folders.
pub(super) fn candidates_anywhere(
    account: &Account,
    plan: &Plan,
) -> Result<Option<Vec<ItemKey>>, EngineError> {
    let Some(index) = account.engine().search_index() else {
        return Ok(None);
    };
    let Some(condition) = plan.condition() else {
        return Ok(None);
    };
    // An index that fails is one that says nothing.
    let Ok(Some(narrowed)) = index.narrow(account.id(), &condition) else {
        return Ok(None);
    };
    let mut items = narrowed.items;
    let is_whole = add_later(account, narrowed.mark, &mut items)?;
    Ok(is_whole.then_some(items))
}

/// Adds what came or changed since the index was fed; false if that can't be told.
fn add_later(account: &Account, mark: Mark, items: &mut Vec<ItemKey>) -> Result<bool, EngineError> {
    let view = account.read()?;
    let row = view.state()?;
    if row.epoch != mark.epoch || mark.change > row.head {
        return Ok(false);
    }
    let (mut since, mut looked_at) = (mark.change, 0);
    loop {
        let page = view.reads().changes(account.id(), since, CHANGES_AT_ONCE)?;
        let Changes::Page { records, more } = page else {
            return Ok(false);
        };
        looked_at += records.len();
        since = records
            .last()
            .map_or(ChangeSeq(u64::MAX), |(number, _)| *number);
        items.extend(
            records
                .iter()
                .filter_map(|(_, record)| match record.object {
                    Object::Item(item) => Some(item),
                    _ => None,
                }),
        );
        if !more || looked_at > CHANGES_MAX {
            items.sort_unstable();
            items.dedup();
            return Ok(!more);
        }
    }
}
