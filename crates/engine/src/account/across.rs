//! Copying and moving letters from one account into another, in one commit.
//!
//! Start at [`Account::transfer_to`].

use super::annotations::ItemAnnotations;
use super::event::Event;
use super::txn::{KEPT_BY_COPIES, Transfer, Txn};
use super::view::Reading;
use super::{Account, Refused};
use crate::error::EngineError;
use crate::filter::Cause;
use parking_lot::Mutex;
use store::backend::Pending;
use store::id::{FolderId, Uid};
use store::model::{Location, Rights, UidSet};

impl Account {
    /// Copies or moves the letters with these UIDs to a folder of another account, all or none.
    /// Those that are gone are passed over; what is moved stays recoverable where it was.
    ///
    /// Answers old and new UIDs, ascending. Errors: [`EngineError::Denied`] in either folder,
    /// [`EngineError::OverQuota`] of the other account.
    pub fn transfer_to<E: From<EngineError>>(
        &self,
        how: Transfer,
        (folder, uids): (FolderId, &UidSet),
        (target, to): (&Account, FolderId),
        check: impl Fn(&[(Uid, Uid)]) -> Result<(), E>,
    ) -> Result<Pending<Vec<(Uid, Uid)>>, E> {
        let accounts = [self.id(), target.id()];
        let store = self.engine().store();
        let events: Mutex<Vec<Event>> = Mutex::default();
        let written = store.write(&accounts, self.origin(), |txn| {
            let needed = match how {
                Transfer::Copy => Rights::READ,
                Transfer::Move => Rights::READ | Rights::DELETE_ANY | Rights::EXPUNGE,
            };
            Txn::new(self, txn)
                .folder_with_rights(folder, needed)
                .map_err(refused)?;
            let mut moved = Vec::new();
            events.lock().clear();
            for uid in uids.iter() {
                let at = Location::mail(folder, uid);
                let mut into = Txn::new(target, txn);
                let arrived = into.copy_from(self, at, to);
                events.lock().extend(into.take_events());
                match arrived.map_err(refused)? {
                    Some(new) => moved.push((uid, new)),
                    None => continue,
                }
                if how == Transfer::Move {
                    Txn::new(self, txn).expunge(at).map_err(refused)?;
                }
            }
            check(&moved).map_err(Refused)?;
            Ok(moved)
        });
        let written = written.map_err(|refused: Refused<E>| refused.0)?;
        let (moved, settlement) = written.split();
        let events = events.into_inner();
        self.engine().events().note(&settlement, events);
        Ok(Pending::new(moved, settlement))
    }
}

fn refused<E: From<EngineError>>(error: EngineError) -> Refused<E> {
    Refused(error.into())
}

impl Txn<'_, '_> {
    /// Puts a copy of another account's letter into a folder of this one; `None` if it is gone.
    fn copy_from(
        &mut self,
        source: &Account,
        at: Location,
        to: FolderId,
    ) -> Result<Option<Uid>, EngineError> {
        self.folder_with_rights(to, Rights::INSERT)?;
        let Some(row) = self.reads().item_row(source.id(), at)? else {
            return Ok(None);
        };
        self.check_quota(row.size)?;
        let owner = self.account().id();
        let row = Txn::new(source, &mut *self.txn).as_read_here(at, row)?;
        let receipt = self.txn.copy_item(source.id(), at, owner, to)?;
        self.leave_allowed_flags(receipt.at, KEPT_BY_COPIES)?;
        let annotations = ItemAnnotations::of(self)?;
        self.leave_allowed_annotations(receipt.at, annotations)?;
        self.check_noted(receipt.at, annotations)?;
        self.carry_read(receipt.at, row.flags)?;
        self.note_coming(receipt.at, Cause::Copied)?;
        Ok(Some(receipt.at.uid))
    }
}
