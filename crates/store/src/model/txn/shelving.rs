//! Putting items on shelves and taking them off: UIDs, counters, blocks, locations and the
//! account's use.

use super::Txn;
use super::numbering::NUMBER_MAX;
use crate::id::{AccountId, FolderId, Uid};
use crate::model::error::ModelError;
use crate::model::flags::Flags;
use crate::model::key;
use crate::model::row::uids::block_of;
use crate::model::row::{FolderForm, ItemRow, ShelfCounters};
use crate::model::shelf::{Location, Shelf};

impl Txn<'_> {
    /// Takes the next UID of a shelf, or the one that is brought if it is not below.
    pub(super) fn new_uid(
        &mut self,
        account: AccountId,
        folder: FolderId,
        shelf: Shelf,
        brought: Option<Uid>,
    ) -> Result<Location, ModelError> {
        let row = self.folder_mut(account, folder)?;
        if matches!(row.form, FolderForm::Search(_)) {
            return Err(ModelError::WrongForm);
        }
        let counters = row.shelf_mut(shelf);
        let uid = brought.unwrap_or(counters.uid_next);
        if uid < counters.uid_next || uid.0 == u32::MAX {
            return Err(ModelError::NumberRefused);
        }
        counters.uid_next = Uid(uid.0 + 1);
        Ok(Location { folder, shelf, uid })
    }

    /// Puts an item that stood elsewhere on a place that it was given.
    pub(super) fn resettle(
        &mut self,
        account: AccountId,
        at: Location,
        row: &ItemRow,
    ) -> Result<(), ModelError> {
        self.pending.put(key::location(account, row.item), &at);
        self.arrive(account, at, row)
    }

    /// Puts an item on a place that it was given; of a new one its details say where that is.
    pub(super) fn arrive(
        &mut self,
        account: AccountId,
        at: Location,
        row: &ItemRow,
    ) -> Result<(), ModelError> {
        self.put_row(account, at, row);
        self.block_mut(account, at.folder, at.shelf, block_of(at.uid))?
            .set(at.uid, true);
        let folder = self.any_folder_mut(account, at.folder)?;
        let visible = at.shelf != Shelf::Recoverable && folder.removed.is_none();
        folder.shelf_mut(at.shelf).add(row);
        let used = self.used_mut(account, visible)?;
        *used = used.saturating_add(row.size);
        Ok(())
    }

    /// Takes an item off its place; its location stays for [`Txn::resettle`] or a purge to change.
    pub(super) fn depart(
        &mut self,
        account: AccountId,
        at: Location,
        row: &ItemRow,
    ) -> Result<(), ModelError> {
        self.pending
            .remove(key::item(account, at.folder, at.shelf, at.uid));
        self.block_mut(account, at.folder, at.shelf, block_of(at.uid))?
            .set(at.uid, false);
        let folder = self.any_folder_mut(account, at.folder)?;
        let visible = at.shelf != Shelf::Recoverable && folder.removed.is_none();
        folder.shelf_mut(at.shelf).subtract(row);
        let used = self.used_mut(account, visible)?;
        *used = used.saturating_sub(row.size);
        Ok(())
    }

    /// Writes an item's row where it stands.
    pub(super) fn put_row(&mut self, account: AccountId, at: Location, row: &ItemRow) {
        self.pending
            .put(key::item(account, at.folder, at.shelf, at.uid), row);
    }

    /// Writes a row that replaces another on the same place.
    pub(super) fn update_row(
        &mut self,
        account: AccountId,
        at: Location,
        old: &ItemRow,
        new: &ItemRow,
    ) -> Result<(), ModelError> {
        self.put_row(account, at, new);
        let folder = self.folder_mut(account, at.folder)?;
        let counters = folder.shelf_mut(at.shelf);
        counters.subtract(old);
        counters.add(new);
        if old.size != new.size {
            let used = self.used_mut(account, at.shelf != Shelf::Recoverable)?;
            *used = used.saturating_sub(old.size).saturating_add(new.size);
        }
        Ok(())
    }

    /// The account's sum of visible or of recoverable bytes.
    pub(super) fn used_mut(
        &mut self,
        account: AccountId,
        visible: bool,
    ) -> Result<&mut u64, ModelError> {
        let row = self.account_mut(account)?;
        Ok(if visible {
            &mut row.used_bytes
        } else {
            &mut row.recoverable_bytes
        })
    }

    /// Takes an id out of the runs reserved for clients.
    pub(super) fn use_reserved(&mut self, account: AccountId, id: u64) -> Result<(), ModelError> {
        let runs = &mut self.account_mut(account)?.id_runs;
        let index = runs
            .iter()
            .position(|run| run.first <= id && id <= run.last);
        let index = index
            .filter(|_| id <= NUMBER_MAX)
            .ok_or(ModelError::IdNotReserved)?;
        let run = runs.remove(index);
        if id < run.last {
            runs.insert(index, super::accounts::run(id + 1, run.last));
        }
        if run.first < id {
            runs.insert(index, super::accounts::run(run.first, id - 1));
        }
        Ok(())
    }
}

impl ShelfCounters {
    pub(crate) fn add(&mut self, row: &ItemRow) {
        self.count = self.count.saturating_add(1);
        self.unseen = self
            .unseen
            .saturating_add(u32::from(!row.flags.contains(Flags::SEEN)));
        self.deleted = self
            .deleted
            .saturating_add(u32::from(row.flags.contains(Flags::DELETED)));
        self.bytes = self.bytes.saturating_add(row.size);
        let noted = u64::from(row.annotation_bytes);
        self.annotation_bytes = self.annotation_bytes.saturating_add(noted);
    }

    pub(crate) fn subtract(&mut self, row: &ItemRow) {
        self.count = self.count.saturating_sub(1);
        self.unseen = self
            .unseen
            .saturating_sub(u32::from(!row.flags.contains(Flags::SEEN)));
        self.deleted = self
            .deleted
            .saturating_sub(u32::from(row.flags.contains(Flags::DELETED)));
        self.bytes = self.bytes.saturating_sub(row.size);
        let noted = u64::from(row.annotation_bytes);
        self.annotation_bytes = self.annotation_bytes.saturating_sub(noted);
    }
}
