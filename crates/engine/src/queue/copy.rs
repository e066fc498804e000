//! A sender's own copy of a letter that is held: it waits where it was written, marked as
//! submitted, until the letter goes or is taken back.
//!
//! The letter waits in the queue of the account that holds the copy, whoever wrote it there, so that
//! one commit takes back both.
//!
//! Start at [`file`], which is called in the commit that keeps the first attempt's results, and at
//! [`withdraw`].

use super::{EntryKey, QueuedLetter};
use crate::error::EngineError;
use store::id::{AccountId, FolderId, ItemKey, Timestamp};
use store::model::{FlagChange, FlagSet, Flags, Location, Reads, Shelf, Txn};

/// A copy that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingCopy {
    /// Which item of the sender's account.
    pub item: ItemKey,
    /// What becomes of it when the letter goes.
    pub filing: Filing,
}

/// What becomes of a sender's copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filing {
    /// It stays where it is.
    Stay,
    /// It goes to this folder; it stays if that is gone.
    Move(FolderId),
    /// It is removed.
    Remove,
}

/// What became of a wish to take a letter back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawal {
    /// Nobody gets it; the copy is a draft again.
    Done,
    /// It is being sent.
    TooLate,
    /// No letter waits whose copy that is.
    NotQueued,
}

/// True while a letter of the account waits with this copy.
pub(crate) fn waits(txn: &Txn<'_>, account: AccountId, item: ItemKey) -> Result<bool, EngineError> {
    let named = named(txn, account)?;
    Ok(named.iter().any(|(_, _, copy)| copy.item == item))
}

/// Takes back the letters whose copies these are: their entries leave the queue and the copies are
/// drafts again. All of them, or none if one is being sent. May be run again.
pub(crate) fn withdraw(
    txn: &mut Txn<'_>,
    account: AccountId,
    is_meant: impl Fn(Location, ItemKey) -> bool,
) -> Result<Withdrawal, EngineError> {
    let now = txn.now();
    let mut entries = Vec::new();
    for (id, due, copy) in named(txn, account)? {
        let found = standing(txn, account, copy.item)?;
        let Some(at) = found.filter(|at| is_meant(*at, copy.item)) else {
            continue;
        };
        if due <= now {
            return Ok(Withdrawal::TooLate);
        }
        entries.push((id, at));
    }
    if entries.is_empty() {
        return Ok(Withdrawal::NotQueued);
    }
    for (id, at) in entries {
        txn.queue_remove(account, id)?;
        take_back(txn, account, at)?;
    }
    Ok(Withdrawal::Done)
}

/// The entries of an account that name a copy: each with when it is due.
fn named(
    txn: &Txn<'_>,
    account: AccountId,
) -> Result<Vec<(u64, Timestamp, WaitingCopy)>, EngineError> {
    let mut found = Vec::new();
    for (id, entry) in txn.queue_entries(account)? {
        let copy = QueuedLetter::decode(&entry.envelope)?.copy;
        found.extend(copy.map(|copy| (id, entry.due, copy)));
    }
    Ok(found)
}

/// Where a copy stands, unless it was removed. Its mark is not asked for: an entry names it.
fn standing(
    txn: &Txn<'_>,
    account: AccountId,
    item: ItemKey,
) -> Result<Option<Location>, EngineError> {
    let at = txn.location(account, item)?;
    Ok(at.filter(|at| at.shelf != Shelf::Recoverable))
}

/// The letter goes, by this entry: its copy is filed, unless it was removed. No other entry names
/// it any more.
pub(super) fn file(txn: &mut Txn<'_>, key: EntryKey, copy: WaitingCopy) -> Result<(), EngineError> {
    let account = key.account;
    for (id, due, other) in named(txn, account)? {
        if id != key.id
            && other.item == copy.item
            && let Some(entry) = txn.queue_entry(account, id)?
        {
            let letter = QueuedLetter {
                copy: None,
                ..QueuedLetter::decode(&entry.envelope)?
            };
            txn.queue_update(account, id, due, letter.encode(), letter.label())?;
        }
    }
    let Some(at) = standing(txn, account, copy.item)? else {
        return Ok(());
    };
    let marks = FlagSet::from(Flags::DRAFT | Flags::SUBMIT_PENDING);
    txn.set_flags(account, at, &FlagChange::remove(marks))?;
    match copy.filing {
        Filing::Remove => txn.remove_item(account, at)?,
        Filing::Move(folder) if folder != at.folder => {
            let there = txn.folder(account, folder)?;
            if there.is_some_and(|row| row.removed.is_none()) {
                txn.move_item(account, at, folder)?;
            }
        }
        Filing::Move(_) | Filing::Stay => {}
    }
    Ok(())
}

/// Nothing is sent: the copy is a draft as before.
fn take_back(txn: &mut Txn<'_>, account: AccountId, at: Location) -> Result<(), EngineError> {
    let mark = FlagSet::from(Flags::SUBMIT_PENDING);
    txn.set_flags(account, at, &FlagChange::remove(mark))?;
    Ok(())
}

/// An entry was taken out of the queue by someone else: its copy waits no longer, unless it does
/// with others.
pub(super) fn give_up(
    txn: &mut Txn<'_>,
    account: AccountId,
    copy: WaitingCopy,
) -> Result<(), EngineError> {
    if waits(txn, account, copy.item)? {
        return Ok(());
    }
    match standing(txn, account, copy.item)? {
        Some(at) => take_back(txn, account, at),
        None => Ok(()),
    }
}
