//! Search folders' members, and what each reader of a public folder has read.

use super::Txn;
use super::numbering::Aspect;
use crate::id::{AccountId, FolderId, ItemKey};
use crate::model::error::ModelError;
use crate::model::key;
use crate::model::reads::Reads;
use crate::model::row::uids::{UidBlock, block_of};
use crate::model::row::{FolderForm, ItemRow, Object, Stand, What};
use crate::model::scan::{Number, fetch};
use crate::model::shelf::{Location, Shelf};

/// Whether an item shows up in a search folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// It meets the criteria.
    Member,
    /// It does not.
    Stranger,
}

/// Whether a reader has read an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadState {
    /// They have.
    Read,
    /// They have not.
    Unread,
}

impl Txn<'_> {
    /// Puts an item into a search folder or takes it out; what changes nothing uses no number.
    ///
    /// Errors: [`ModelError::NoSuchFolder`], [`ModelError::WrongForm`] for a normal folder,
    /// [`ModelError::NoSuchItem`] for an item that is to come in and does not exist.
    pub fn set_member(
        &mut self,
        account: AccountId,
        folder: FolderId,
        item: ItemKey,
        membership: Membership,
    ) -> Result<(), ModelError> {
        let row = self.folder_mut(account, folder)?;
        if !matches!(row.form, FolderForm::Search(_)) {
            return Err(ModelError::WrongForm);
        }
        let key = key::member(account, folder, item);
        let was = fetch::<Number, _>(self, &key)?.is_some();
        let is = membership == Membership::Member;
        if was == is {
            return Ok(());
        }
        let at = self.location(account, item)?;
        if is && at.is_none() {
            return Err(ModelError::NoSuchItem);
        }
        let what = if is { What::CREATED } else { What::REMOVED };
        let object = Object::Member(folder, item);
        let stand = self.member_stand(account, folder, item, at)?;
        let stands = if is {
            (None, Some(stand))
        } else {
            (Some(stand), None)
        };
        let change = self.touch(account, object, Aspect::Content, what, stands)?;
        if is {
            self.pending.put(key, &Number(change.0));
        } else {
            self.pending.remove(key);
        }
        self.stamp_contents(account, folder, change)?;
        let counters = self.folder_mut(account, folder)?.shelf_mut(Shelf::Mail);
        counters.count = if is {
            counters.count + 1
        } else {
            counters.count.saturating_sub(1)
        };
        Ok(())
    }

    /// Remembers for one reader of a public folder whether a letter was read.
    ///
    /// Errors: [`ModelError::NoSuchItem`].
    pub fn set_read_by(
        &mut self,
        account: AccountId,
        at: Location,
        reader: AccountId,
        state: ReadState,
    ) -> Result<(), ModelError> {
        let old = self.item_row(account, at)?.ok_or(ModelError::NoSuchItem)?;
        let key = key::read_block(account, at.folder, reader, block_of(at.uid));
        let mut block: UidBlock = fetch(self, &key)?.unwrap_or_default();
        if !block.set(at.uid, state == ReadState::Read) {
            return Ok(());
        }
        if block.is_empty() {
            self.pending.remove(key);
        } else {
            self.pending.put(key, &block);
        }
        let mut row = ItemRow {
            modified: self.now,
            ..old.clone()
        };
        row.read_changed = self.touch_in_place(account, at, &row, Aspect::Read, What::READ)?;
        self.update_row(account, at, &old, &row)?;
        self.stamp_contents(account, at.folder, row.read_changed)
    }

    /// How the change log names a member: the search folder, with the UID of where the item really
    /// stands.
    fn member_stand(
        &self,
        account: AccountId,
        folder: FolderId,
        item: ItemKey,
        at: Option<Location>,
    ) -> Result<Stand, ModelError> {
        let row = at
            .map(|at| self.item_row(account, at))
            .transpose()?
            .flatten();
        let place = row.as_ref().map_or(item.0, |row| row.place.0);
        let content = row.as_ref().map_or(item.0, |row| row.content.0);
        let uid = at.map_or_else(Default::default, |at| at.uid);
        Ok(Stand {
            at: Location {
                folder,
                shelf: Shelf::Mail,
                uid,
            },
            place: crate::id::PlaceId(place),
            content: crate::id::ContentId(content),
        })
    }
}
