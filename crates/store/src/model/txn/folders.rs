//! Making, changing, removing and restoring folders.

use super::Txn;
use crate::id::{AccountId, FolderId, Uid};
use crate::model::error::ModelError;
use crate::model::reads::Reads;
use crate::model::row::{FolderForm, FolderRow, Grant, Kind, Object, Role, ShelfCounters, What};
use crate::model::shelf::Shelf;

/// Longest folder name in bytes: 255 characters of four bytes each.
pub const FOLDER_NAME_BYTES_MAX: usize = 1020;
/// Most grants of one folder: the row must stay small, since every delivery rewrites it.
pub const GRANTS_MAX: usize = 1000;
/// Longest search criteria in bytes.
pub const CRITERIA_BYTES_MAX: usize = 16 * 1024;

/// A folder to be made.
#[derive(Debug, Clone, Default)]
pub struct NewFolder {
    /// Below which folder; `None` for the account's root.
    pub parent: Option<FolderId>,
    /// Its name there.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// What it holds.
    pub kind: Kind,
    /// Normal or search.
    pub form: FolderForm,
    /// Kept out of the lists of mail clients.
    pub hidden: bool,
    /// In its owner's list of subscribed folders.
    pub subscribed: bool,
    /// What was read is kept for each reader by themselves.
    pub read_by_each: bool,
    /// The position wanted in lists.
    pub sort_order: u32,
    /// Who may do what.
    pub grants: Vec<Grant>,
    /// A UIDVALIDITY brought by an import; otherwise the account gives one.
    pub uid_validity: Option<u32>,
    /// An id brought by a client, out of a run reserved for this account and not used before.
    pub id: Option<u64>,
}

/// What to change of a folder: what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct FolderChange {
    /// A new parent.
    pub parent: Option<FolderId>,
    /// A new name.
    pub name: Option<String>,
    /// A new purpose.
    pub role: Option<Role>,
    /// What it holds.
    pub kind: Option<Kind>,
    /// New criteria of a search folder.
    pub criteria: Option<bytes::Bytes>,
    /// Whether mail clients list it.
    pub hidden: Option<bool>,
    /// Whether its owner is subscribed.
    pub subscribed: Option<bool>,
    /// Whether what was read is kept for each reader by themselves.
    pub read_by_each: Option<bool>,
    /// The position wanted in lists.
    pub sort_order: Option<u32>,
    /// The whole new list of rights.
    pub grants: Option<Vec<Grant>>,
}

impl Txn<'_> {
    /// Makes a folder and answers its id.
    ///
    /// Errors: [`ModelError::NoSuchFolder`] for the parent, [`ModelError::NameTaken`],
    /// [`ModelError::RoleTaken`], [`ModelError::TooLong`], [`ModelError::IdNotReserved`],
    /// [`ModelError::NumberRefused`] for a brought UIDVALIDITY that another folder has or may have
    /// had.
    pub fn create_folder(
        &mut self,
        account: AccountId,
        new: &NewFolder,
    ) -> Result<FolderId, ModelError> {
        self.takes_room();
        let mut row = FolderRow {
            parent: new.parent,
            name: new.name.clone(),
            role: new.role,
            kind: new.kind,
            form: new.form.clone(),
            hidden: new.hidden,
            subscribed: new.subscribed,
            read_by_each: new.read_by_each,
            sort_order: new.sort_order,
            grants: new.grants.clone(),
            created: self.now,
            modified: self.now,
            contents_changed_at: self.now,
            ..FolderRow::default()
        };
        self.check_folder(account, None, &row)?;
        let id = match new.id {
            Some(id) => {
                self.use_reserved(account, id)?;
                id
            }
            None => self.new_id(account)?,
        };
        row.uid_validity = self.new_uid_validity(account, new.uid_validity)?;
        row.changed = self.touch_object(account, Object::Folder(FolderId(id)), What::CREATED)?;
        row.contents_changed = row.changed;
        self.put_folder(account, FolderId(id), row)?;
        Ok(FolderId(id))
    }

    /// Renames, moves or otherwise changes a folder. A change that changes nothing uses no number.
    ///
    /// Errors: as for [`Txn::create_folder`], and [`ModelError::WouldLoop`].
    pub fn update_folder(
        &mut self,
        account: AccountId,
        folder: FolderId,
        change: &FolderChange,
    ) -> Result<(), ModelError> {
        let old = self
            .folder(account, folder)?
            .filter(|row| row.removed.is_none());
        let old = old.ok_or(ModelError::NoSuchFolder)?;
        let mut row = change.apply(&old)?;
        if row == old {
            return Ok(());
        }
        self.check_folder(account, Some(folder), &row)?;
        row.modified = self.now;
        self.store_folder(account, folder, row, change.what())
    }

    /// Removes a folder that has none below it. Its items become recoverable with it, in one small
    /// commit.
    ///
    /// Errors: [`ModelError::NoSuchFolder`], [`ModelError::HasChildren`].
    pub fn remove_folder(
        &mut self,
        account: AccountId,
        folder: FolderId,
    ) -> Result<(), ModelError> {
        if self.has_children(account, folder)? {
            return Err(ModelError::HasChildren);
        }
        let now = self.now;
        let mut row = self.folder_mut(account, folder)?.clone();
        row.removed = Some(now);
        row.modified = now;
        let bytes = row.visible_bytes();
        self.store_folder(account, folder, row, What::REMOVED)?;
        let account = self.account_mut(account)?;
        account.used_bytes = account.used_bytes.saturating_sub(bytes);
        account.recoverable_bytes = account.recoverable_bytes.saturating_add(bytes);
        Ok(())
    }

    /// Brings a removed folder back with everything in it, under a parent and name that are free.
    ///
    /// Errors: [`ModelError::NoSuchFolder`], [`ModelError::NameTaken`].
    pub fn restore_folder(
        &mut self,
        account: AccountId,
        folder: FolderId,
        parent: Option<FolderId>,
        name: &str,
    ) -> Result<(), ModelError> {
        self.takes_room();
        let mut row = self
            .folder(account, folder)?
            .ok_or(ModelError::NoSuchFolder)?;
        row.removed.take().ok_or(ModelError::NoSuchFolder)?;
        row.parent = parent;
        name.clone_into(&mut row.name);
        if self.folder_with_role(account, row.role)?.is_some() {
            row.role = Role::None;
        }
        self.check_folder(account, Some(folder), &row)?;
        row.modified = self.now;
        let bytes = row.visible_bytes();
        self.store_folder(account, folder, row, What::RESTORED)?;
        let account = self.account_mut(account)?;
        account.recoverable_bytes = account.recoverable_bytes.saturating_sub(bytes);
        account.used_bytes = account.used_bytes.saturating_add(bytes);
        Ok(())
    }

    fn store_folder(
        &mut self,
        account: AccountId,
        folder: FolderId,
        mut row: FolderRow,
        what: What,
    ) -> Result<(), ModelError> {
        self.check_locked(account)?;
        row.changed = self.touch_object(account, Object::Folder(folder), what)?;
        self.put_folder(account, folder, row)
    }

    /// What must hold of a folder's place, name and role among the others.
    fn check_folder(
        &self,
        account: AccountId,
        folder: Option<FolderId>,
        row: &FolderRow,
    ) -> Result<(), ModelError> {
        if row.name.len() > FOLDER_NAME_BYTES_MAX || row.grants.len() > GRANTS_MAX {
            return Err(ModelError::TooLong);
        }
        if matches!(&row.form, FolderForm::Search(criteria) if criteria.len() > CRITERIA_BYTES_MAX)
        {
            return Err(ModelError::TooLong);
        }
        let is_other =
            |found: Option<(FolderId, FolderRow)>| found.is_some_and(|(id, _)| Some(id) != folder);
        if is_other(self.child(account, row.parent, &row.name)?) {
            return Err(ModelError::NameTaken);
        }
        if is_other(self.folder_with_role(account, row.role)?) {
            return Err(ModelError::RoleTaken);
        }
        self.check_ancestors(account, folder, row.parent)
    }

    /// Follows the parents up to the root: each must live, and none may be the folder itself.
    fn check_ancestors(
        &self,
        account: AccountId,
        folder: Option<FolderId>,
        parent: Option<FolderId>,
    ) -> Result<(), ModelError> {
        let mut above = parent;
        let steps = self.account_row(account)?.unwrap_or_default().folders;
        for _ in 0..=steps {
            let Some(id) = above else { return Ok(()) };
            if Some(id) == folder {
                return Err(ModelError::WouldLoop);
            }
            let found = self.folder(account, id)?;
            let lives = found.filter(|row| row.removed.is_none());
            above = lives.ok_or(ModelError::NoSuchFolder)?.parent;
        }
        Err(ModelError::WouldLoop)
    }

    /// Gives a folder another UIDVALIDITY: one that an import brought, or a fresh one.
    ///
    /// Errors: [`ModelError::NoSuchFolder`]; [`ModelError::NumberRefused`] for a brought one that
    /// another folder has, or where the folder has held mail, whose UIDs would change their
    /// meaning.
    pub fn renew_uid_validity(
        &mut self,
        account: AccountId,
        folder: FolderId,
        brought: Option<u32>,
    ) -> Result<(), ModelError> {
        let row = self.folder_mut(account, folder)?.clone();
        if brought == Some(row.uid_validity) {
            return Ok(());
        }
        if brought.is_some() && row.shelf(Shelf::Mail) != ShelfCounters::default() {
            return Err(ModelError::NumberRefused);
        }
        let uid_validity = self.new_uid_validity(account, brought)?;
        let row = FolderRow {
            uid_validity,
            modified: self.now,
            ..row
        };
        self.store_folder(account, folder, row, What::PROPERTIES)
    }

    /// Leaves out the UIDs below `next`, which letters had that are gone; lower ones than the
    /// folder's next change nothing.
    ///
    /// Errors: [`ModelError::NoSuchFolder`].
    pub fn raise_uid_next(
        &mut self,
        account: AccountId,
        folder: FolderId,
        next: Uid,
    ) -> Result<(), ModelError> {
        let mut row = self.folder_mut(account, folder)?.clone();
        let counters = row.shelf_mut(Shelf::Mail);
        if next <= counters.uid_next {
            return Ok(());
        }
        counters.uid_next = next;
        self.store_folder(account, folder, row, What::PROPERTIES)
    }

    /// A UIDVALIDITY that no folder of the account ever had: also not between a backup and its
    /// restoring, since it is never below the clock's second.
    pub(super) fn new_uid_validity(
        &mut self,
        account: AccountId,
        brought: Option<u32>,
    ) -> Result<u32, ModelError> {
        let seconds = u32::try_from(self.now.seconds()).unwrap_or(0);
        if let Some(brought) = brought {
            let known = self.folder_with_uid_validity(account, brought)?;
            if brought == 0 || known.is_some() {
                return Err(ModelError::NumberRefused);
            }
            let row = self.account_mut(account)?;
            row.next_uid_validity = row.next_uid_validity.max(brought.saturating_add(1));
            return Ok(brought);
        }
        let row = self.account_mut(account)?;
        let given = row.next_uid_validity.max(seconds).max(1);
        row.next_uid_validity = given.checked_add(1).ok_or(ModelError::NumberRefused)?;
        Ok(given)
    }
}

impl FolderChange {
    fn apply(&self, old: &FolderRow) -> Result<FolderRow, ModelError> {
        let form = match (&self.criteria, &old.form) {
            (None, form) => form.clone(),
            (Some(criteria), FolderForm::Search(_)) => FolderForm::Search(criteria.clone()),
            (Some(_), FolderForm::Normal) => return Err(ModelError::WrongForm),
        };
        Ok(FolderRow {
            parent: self.parent.or(old.parent),
            name: self.name.clone().unwrap_or_else(|| old.name.clone()),
            role: self.role.unwrap_or(old.role),
            kind: self.kind.unwrap_or(old.kind),
            form,
            hidden: self.hidden.unwrap_or(old.hidden),
            subscribed: self.subscribed.unwrap_or(old.subscribed),
            read_by_each: self.read_by_each.unwrap_or(old.read_by_each),
            sort_order: self.sort_order.unwrap_or(old.sort_order),
            grants: self.grants.clone().unwrap_or_else(|| old.grants.clone()),
            ..old.clone()
        })
    }

    fn what(&self) -> What {
        if self.grants.is_some() {
            What::PROPERTIES | What::RIGHTS
        } else {
            What::PROPERTIES
        }
    }
}
