//! Letters that wait to be sent, seen from their copies: who removes the copy takes the letter back.
//!
//! Start at [`Txn::withdraw`]. What is being sent can't be taken back, so its copy stays until it is
//! filed.

use super::txn::Txn;
use super::view::Reading;
use crate::error::EngineError;
use crate::queue::{Withdrawal, copy};
use store::id::{FolderId, ItemKey};
use store::model::{FlagChange, Flags, Location, Role};

impl Txn<'_, '_> {
    /// Takes back a letter that is held, by the copy that waits with it: nobody gets it, and the
    /// copy is a draft again.
    ///
    /// Errors: [`EngineError::NoSuchItem`]; [`EngineError::Denied`] to who may not change the copy.
    pub fn withdraw(&mut self, item: ItemKey) -> Result<Withdrawal, EngineError> {
        let account = self.account.id();
        let at = self.reads().location(account, item)?;
        self.check_edit(at.ok_or(EngineError::NoSuchItem)?)?;
        copy::withdraw(self.txn, account, |_, copy| copy == item)
    }

    /// An item is about to be removed.
    ///
    /// Errors: [`EngineError::InUse`] if its letter is being sent.
    pub(super) fn withdraw_at(&mut self, at: Location) -> Result<(), EngineError> {
        let account = self.account.id();
        let row = self.reads().item_row(account, at)?;
        if !row.is_some_and(|row| row.flags.contains(Flags::SUBMIT_PENDING)) {
            return Ok(());
        }
        unless_too_late(copy::withdraw(self.txn, account, |copy, _| copy == at)?)
    }

    /// A change of an item's flags, which leaves its mark to a copy that waits: by that alone it is
    /// known, without a look at the queue, that its removal takes a letter back. Programs that know
    /// nothing of it replace all flags.
    pub(super) fn keeping_mark(
        &self,
        at: Location,
        change: FlagChange,
    ) -> Result<FlagChange, EngineError> {
        let mark = Flags::SUBMIT_PENDING;
        let may_unmark = match &change {
            FlagChange::Replace(new) => !new.flags.contains(mark),
            FlagChange::Alter { remove, .. } => remove.flags.contains(mark),
        };
        if !may_unmark {
            return Ok(change);
        }
        let account = self.account.id();
        let row = self.reads().item_row(account, at)?;
        let marked = row.filter(|row| row.flags.contains(mark));
        let waits = marked.map(|row| copy::waits(self.txn, account, row.item));
        if !waits.transpose()?.unwrap_or_default() {
            return Ok(change);
        }
        Ok(match change {
            FlagChange::Replace(mut new) => {
                new.flags = new.flags | mark;
                FlagChange::Replace(new)
            }
            FlagChange::Alter { add, mut remove } => {
                remove.flags = remove.flags & !mark;
                FlagChange::Alter { add, remove }
            }
        })
    }

    /// A folder is about to be removed.
    ///
    /// Errors: [`EngineError::InUse`] if a letter whose copy is in it is being sent.
    pub(super) fn withdraw_in(&mut self, folder: FolderId) -> Result<(), EngineError> {
        let account = self.account.id();
        let withdrawn = copy::withdraw(self.txn, account, |copy, _| copy.folder == folder)?;
        unless_too_late(withdrawn)
    }

    /// An item is about to be moved: among what was thrown away it is as good as removed. What is
    /// being sent is filed from there.
    pub(super) fn withdraw_thrown_away(
        &mut self,
        at: Location,
        to: FolderId,
    ) -> Result<(), EngineError> {
        if self.folder(to)?.role != Role::Trash {
            return Ok(());
        }
        match self.withdraw_at(at) {
            Err(EngineError::InUse) => Ok(()),
            done => done,
        }
    }
}

fn unless_too_late(withdrawal: Withdrawal) -> Result<(), EngineError> {
    match withdrawal {
        Withdrawal::TooLate => Err(EngineError::InUse),
        Withdrawal::Done | Withdrawal::NotQueued => Ok(()),
    }
}
