//! Letting go for good.

use super::Txn;
use super::numbering::Aspect;
use crate::backend::{Direction, Key};
use crate::id::{AccountId, BodyNumber, FolderId, Timestamp, Uid};
use crate::model::error::ModelError;
use crate::model::key::{self, tag};
use crate::model::reads::Reads;
use crate::model::row::{FolderRow, ItemRow, Object, What};
use crate::model::scan::each;
use crate::model::shelf::{Location, Shelf};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

impl Txn<'_> {
    /// Drops an item with all that belongs to it, from any shelf.
    ///
    /// Errors: [`ModelError::NoSuchItem`].
    pub fn purge_item(&mut self, account: AccountId, at: Location) -> Result<(), ModelError> {
        let row = self.item_row(account, at)?.ok_or(ModelError::NoSuchItem)?;
        let stands = (Some(row.stand(at)), None);
        let object = Object::Item(row.item);
        let change = self.touch(account, object, Aspect::Content, What::PURGED, stands)?;
        self.depart(account, at, &row)?;
        self.stamp_contents(account, at.folder, change)?;
        self.drop_place_alias(account, &row);
        self.drop_content_alias(account, &row);
        for body in self.bodies_of(account, row.item.0, row.body)? {
            self.pending
                .remove(key::reference(body, account, row.item.0));
        }
        self.drop_prefix(&key::overlay(account, row.item.0, &[]))?;
        self.leave_conversation(account, row.item)?;
        self.pending.remove(key::details(account, row.item));
        self.pending.remove(key::location(account, row.item));
        Ok(())
    }

    /// Purges what was removed before a time, oldest first in each folder, at most `limit` items
    /// and folders.
    ///
    /// Answers how many were purged; when that is `limit`, there may be more.
    pub fn purge_recoverable(
        &mut self,
        account: AccountId,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize, ModelError> {
        let mut purged = 0;
        let folders = self.folders(account)?;
        let mut parents = parents(&folders);
        for (folder, row) in folders {
            if purged == limit {
                break;
            }
            if row.removed.is_none() {
                purged += self.purge_shelf(account, folder, Some(before), limit - purged)?;
            } else if row.removed.is_some_and(|at| at < before) {
                purged += self.purge_contents(account, folder, limit - purged)?;
                if purged < limit && !parents.contains_key(&folder) {
                    self.purge_folder(account, folder)?;
                    forget_child(&mut parents, row.parent);
                    purged += 1;
                }
            }
        }
        Ok(purged)
    }

    /// Purges a removed folder with all that is in it, without waiting for its time.
    ///
    /// Errors: [`ModelError::NoSuchFolder`] for one that was not removed,
    /// [`ModelError::HasChildren`] while others stand below it, removed ones too.
    pub fn purge_removed_folder(
        &mut self,
        account: AccountId,
        folder: FolderId,
    ) -> Result<(), ModelError> {
        let row = self.folder(account, folder)?;
        row.filter(|row| row.removed.is_some())
            .ok_or(ModelError::NoSuchFolder)?;
        if parents(&self.folders(account)?).contains_key(&folder) {
            return Err(ModelError::HasChildren);
        }
        self.purge_contents(account, folder, usize::MAX)?;
        self.purge_folder(account, folder)
    }

    /// Purges the items of a removed folder.
    fn purge_contents(
        &mut self,
        account: AccountId,
        folder: FolderId,
        limit: usize,
    ) -> Result<usize, ModelError> {
        let mut purged = self.purge_shelf(account, folder, None, limit)?;
        for shelf in [Shelf::Mail, Shelf::Other, Shelf::Associated] {
            purged += self.purge_all(account, folder, shelf, limit - purged)?;
        }
        Ok(purged)
    }

    /// Purges a removed folder in which and below which nothing is left.
    fn purge_folder(&mut self, account: AccountId, folder: FolderId) -> Result<(), ModelError> {
        self.touch_object(account, Object::Folder(folder), What::PURGED)?;
        for body in self.bodies_of(account, folder.0, None)? {
            self.pending.remove(key::reference(body, account, folder.0));
        }
        self.drop_prefix(&key::overlay(account, folder.0, &[]))?;
        self.drop_prefix(&key::of_folder(tag::MEMBER, account, folder))?;
        self.drop_prefix(&key::of_folder(tag::READ, account, folder))?;
        self.drop_folder(account, folder)
    }

    /// Purges a folder's recoverable items that were removed before a time, or all of them.
    fn purge_shelf(
        &mut self,
        account: AccountId,
        folder: FolderId,
        before: Option<Timestamp>,
        limit: usize,
    ) -> Result<usize, ModelError> {
        // UIDs of this shelf ascend with the time of removal.
        let old = |row: &ItemRow| {
            before.is_none_or(|before| row.removed.is_some_and(|removed| removed.at < before))
        };
        let uids = self.uids_while(account, folder, Shelf::Recoverable, limit, &old)?;
        self.purge_uids(account, folder, Shelf::Recoverable, &uids)
    }

    fn purge_all(
        &mut self,
        account: AccountId,
        folder: FolderId,
        shelf: Shelf,
        limit: usize,
    ) -> Result<usize, ModelError> {
        let uids = self.uids_while(account, folder, shelf, limit, &|_| true)?;
        self.purge_uids(account, folder, shelf, &uids)
    }

    fn purge_uids(
        &mut self,
        account: AccountId,
        folder: FolderId,
        shelf: Shelf,
        uids: &[Uid],
    ) -> Result<usize, ModelError> {
        for &uid in uids {
            self.purge_item(account, Location { folder, shelf, uid })?;
        }
        Ok(uids.len())
    }

    /// The first UIDs of a shelf, as long as their rows are wanted.
    fn uids_while(
        &self,
        account: AccountId,
        folder: FolderId,
        shelf: Shelf,
        limit: usize,
        wanted: &dyn Fn(&ItemRow) -> bool,
    ) -> Result<Vec<Uid>, ModelError> {
        let mut uids = Vec::new();
        let all = 0..=u32::MAX;
        self.items(
            account,
            folder,
            shelf,
            all,
            Direction::Forward,
            &mut |uid, row| {
                if uids.len() == limit || !wanted(&row) {
                    return ControlFlow::Break(());
                }
                uids.push(uid);
                ControlFlow::Continue(())
            },
        )?;
        Ok(uids)
    }

    /// The bodies that an object refers to: its own, and those of its overlay.
    pub(super) fn bodies_of(
        &self,
        account: AccountId,
        object: u64,
        own: Option<BodyNumber>,
    ) -> Result<BTreeSet<BodyNumber>, ModelError> {
        let tree = self.overlay_tree(account, object)?;
        let values = tree.iter().flat_map(|(_, values)| values);
        Ok(values
            .filter_map(|entry| entry.value.body())
            .chain(own)
            .collect())
    }

    /// Removes all keys that begin with `prefix`.
    pub(super) fn drop_prefix(&mut self, prefix: &[u8]) -> Result<(), ModelError> {
        let mut keys: Vec<Key> = Vec::new();
        each(self, prefix, &mut |key, _| {
            keys.push(Key::from_slice(key));
            Ok(ControlFlow::Continue(()))
        })?;
        for key in keys {
            self.pending.remove(key);
        }
        Ok(())
    }
}

/// How many folders stand below each that has any, removed ones too.
fn parents(folders: &[(FolderId, FolderRow)]) -> BTreeMap<FolderId, usize> {
    let mut parents = BTreeMap::new();
    for parent in folders.iter().filter_map(|(_, row)| row.parent) {
        *parents.entry(parent).or_default() += 1;
    }
    parents
}

/// One folder less stands below its parent.
fn forget_child(parents: &mut BTreeMap<FolderId, usize>, parent: Option<FolderId>) {
    let Some(parent) = parent else { return };
    if let Some(count) = parents.get_mut(&parent) {
        *count -= 1;
        if *count == 0 {
            parents.remove(&parent);
        }
    }
}
