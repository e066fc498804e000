//! Asks the index which letters of a folder need be looked at.
//!
//! What the index names, and what came or changed since it was last fed. Both are only candidates:
//! the plan is asked of each.

use super::Plan;
use super::feeding::FED_SHELVES;
use crate::account::{Account, Reading};
use crate::error::EngineError;
use std::vec::IntoIter;
use store::id::{FolderId, ItemKey, Uid};
use store::model::{Changes, Location, Object, Shelf, UidSet, What};
use store::sketch::Narrowed;

/// Candidates whose places are looked up in one step.
const PLACES_PER_STEP: usize = 512;
/// Summaries that are looked at one after the other in the time in which a place is looked up.
const SUMMARIES_PER_PLACE: usize = 2;
/// Changes since the index was fed that are looked through in one step: about a millisecond.
const CHANGES_PER_STEP: usize = 4096;

/// How far the index has been asked.
pub(super) enum Narrowing {
    /// Not yet, and not in the first step either: asking of a million letters takes tens of
    /// milliseconds, and only the steps behind the first make way for other work.
    Later,
    /// Not yet.
    Due,
    /// It has answered; what came since is being added.
    Adding(Narrowed),
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
    /// How it begins for a question.
    pub(super) fn of(plan: &Plan) -> Self {
        if plan.reads_letters() {
            Self::Later
        } else {
            Self::Due
        }
    }

    /// One step. When it is [`Narrowing::Done`], `left` holds what is to be looked at.
    pub(super) fn step(
        &mut self,
        account: &Account,
        plan: &Plan,
        ground: Ground,
        left: &mut UidSet,
    ) -> Result<(), EngineError> {
        if matches!(self, Self::Later) {
            *self = Self::Due;
            return Ok(());
        }
        if matches!(self, Self::Due) {
            let is_fed = FED_SHELVES.contains(&ground.shelf);
            let narrowed = is_fed.then(|| ask(account, plan)).flatten();
            *self = narrowed.map_or(Self::Done, Self::Adding);
        }
        if let Self::Adding(narrowed) = self {
            *self = match add_later(account, narrowed)? {
                Added::More => return Ok(()),
                Added::All => Self::place(std::mem::take(&mut narrowed.items), plan, left),
                Added::Unknown => Self::Done,
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

    /// What follows once all candidates are known: nothing if there are too many to be of help.
    fn place(items: Vec<ItemKey>, plan: &Plan, left: &UidSet) -> Self {
        let left = usize::try_from(left.len()).unwrap_or(usize::MAX);
        let most = if plan.reads_letters() {
            left.saturating_mul(2)
        } else {
            left / SUMMARIES_PER_PLACE
        };
        if items.len() >= most {
            return Self::Done;
        }
        Self::Placing {
            left: items.into_iter(),
            found: Vec::new(),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }
}

/// The items of all folders that may match; `None` where the index has nothing to say.
pub(super) fn candidates_anywhere(
    account: &Account,
    plan: &Plan,
) -> Result<Option<Vec<ItemKey>>, EngineError> {
    let Some(mut narrowed) = ask(account, plan) else {
        return Ok(None);
    };
    loop {
        match add_later(account, &mut narrowed)? {
            Added::More => {}
            Added::All => return Ok(Some(narrowed.items)),
            Added::Unknown => return Ok(None),
        }
    }
}

/// Asks the index. One that fails is one that says nothing.
fn ask(account: &Account, plan: &Plan) -> Option<Narrowed> {
    let index = account.engine().search_index()?;
    index
        .narrow(account.id(), &plan.condition()?)
        .ok()
        .flatten()
}

/// How much of what came since the index was fed has been added.
enum Added {
    All,
    More,
    /// It can't be told what came.
    Unknown,
}

/// Adds some of what came or changed since the index was fed, and moves the mark on.
fn add_later(account: &Account, narrowed: &mut Narrowed) -> Result<Added, EngineError> {
    let view = account.read()?;
    let row = view.state()?;
    let Narrowed { items, mark } = narrowed;
    if row.epoch != mark.epoch || mark.change > row.head {
        return Ok(Added::Unknown);
    }
    let page = view
        .reads()
        .changes(account.id(), mark.change, CHANGES_PER_STEP)?;
    let Changes::Page { records, more } = page else {
        return Ok(Added::Unknown);
    };
    for (number, record) in records {
        mark.change = number;
        if let Object::Item(item) = record.object
            && record.what.intersects(What::NEW_TEXT)
        {
            items.push(item);
        }
    }
    if more {
        return Ok(Added::More);
    }
    items.sort_unstable();
    items.dedup();
    Ok(Added::All)
}
