//! Copying, moving, removing and bringing back.

use super::Txn;
use super::items::Receipt;
use super::numbering::Aspect;
use crate::id::{AccountId, ChangeSeq, ContentId, FolderId, ItemKey, PlaceId};
use crate::model::error::ModelError;
use crate::model::flags::Keywords;
use crate::model::key;
use crate::model::reads::Reads;
use crate::model::row::overlay::OverlayRow;
use crate::model::row::{ItemRow, Name, Object, Removed, What};
use crate::model::scan::Number;
use crate::model::shelf::{Location, Shelf};

impl Txn<'_> {
    /// Copies an item, with its flags, dates and overlay, to a folder of the same or another locked
    /// account.
    ///
    /// The copy is a new item with new names; within an account its details say of which content
    /// it is a copy. Errors: [`ModelError::NoSuchItem`],
    /// [`ModelError::NoSuchFolder`].
    pub fn copy_item(
        &mut self,
        account: AccountId,
        at: Location,
        to_account: AccountId,
        to_folder: FolderId,
    ) -> Result<Receipt, ModelError> {
        self.takes_room();
        self.check_locked(account)?; // Otherwise the body might die before the copy refers to it.
        let source = self.item_row(account, at)?.ok_or(ModelError::NoSuchItem)?;
        let shelf = source.removed.map_or(at.shelf, |removed| removed.from);
        let to = self.new_uid(to_account, to_folder, shelf, None)?;
        let id = self.new_id(to_account)?;
        let mut row = ItemRow {
            item: ItemKey(id),
            place: PlaceId(id),
            content: ContentId(id),
            keywords: self.translate_keywords(account, to_account, &source.keywords)?,
            read_changed: ChangeSeq::default(),
            modified: self.now,
            removed: None,
            placed: Some(self.now),
            ..source.clone()
        };
        let stands = (None, Some(row.stand(to)));
        let what = What::CREATED | What::COPIED;
        row.changed = self.touch(
            to_account,
            Object::Item(row.item),
            Aspect::Content,
            what,
            stands,
        )?;
        self.arrive(to_account, to, &row)?;
        self.stamp_contents(to_account, to.folder, row.changed)?;
        if let Some(body) = row.body {
            self.pending.put_empty(key::reference(body, to_account, id));
        }
        self.copy_details(account, &source, to_account, (row.item, to))?;
        self.copy_overlay(account, source.item, to_account, row.item)?;
        Ok(Receipt::of(&row, to))
    }

    /// Moves an item to a folder of its account: new UID and place id, content id kept.
    ///
    /// Errors: [`ModelError::NoSuchItem`], [`ModelError::NoSuchFolder`], [`ModelError::WrongForm`]
    /// when it stands on the recoverable shelf (it must be restored).
    pub fn move_item(
        &mut self,
        account: AccountId,
        at: Location,
        to_folder: FolderId,
    ) -> Result<Receipt, ModelError> {
        if at.shelf == Shelf::Recoverable {
            return Err(ModelError::WrongForm);
        }
        let mut row = self.item_row(account, at)?.ok_or(ModelError::NoSuchItem)?;
        let to = self.new_uid(account, to_folder, at.shelf, None)?;
        self.relocate(account, at, to, &mut row, What::MOVED, Place::New)
    }

    /// Puts an item on its folder's recoverable shelf; one that stands there is purged.
    ///
    /// Errors: [`ModelError::NoSuchItem`].
    pub fn remove_item(&mut self, account: AccountId, at: Location) -> Result<(), ModelError> {
        if at.shelf == Shelf::Recoverable {
            return self.purge_item(account, at);
        }
        let mut row = self.item_row(account, at)?.ok_or(ModelError::NoSuchItem)?;
        let to = self.new_uid(account, at.folder, Shelf::Recoverable, None)?;
        row.removed = Some(Removed {
            at: self.now,
            from: at.shelf,
        });
        self.relocate(account, at, to, &mut row, What::REMOVED, Place::Kept)?;
        Ok(())
    }

    /// Brings an item back from the recoverable shelf, to its own folder or another.
    ///
    /// It has a new UID and place id and its old content id. Errors: [`ModelError::NoSuchItem`],
    /// [`ModelError::NoSuchFolder`] when the folder itself was removed.
    pub fn restore_item(
        &mut self,
        account: AccountId,
        at: Location,
        to_folder: Option<FolderId>,
    ) -> Result<Receipt, ModelError> {
        let mut row = self.item_row(account, at)?.ok_or(ModelError::NoSuchItem)?;
        let removed = row.removed.take().ok_or(ModelError::NoSuchItem)?;
        let folder = to_folder.unwrap_or(at.folder);
        let to = self.new_uid(account, folder, removed.from, None)?;
        self.relocate(account, at, to, &mut row, What::RESTORED, Place::New)
    }

    /// Takes an item from one place to another under one number; both folders are stamped.
    pub(super) fn relocate(
        &mut self,
        account: AccountId,
        from: Location,
        to: Location,
        row: &mut ItemRow,
        what: What,
        place: Place,
    ) -> Result<Receipt, ModelError> {
        let before = row.stand(from);
        self.depart(account, from, row)?;
        if place == Place::New {
            self.drop_place_alias(account, row);
            row.place = PlaceId(self.new_id(account)?);
            self.pending
                .put(key::place(account, row.place.0), &Number(row.item.0));
        }
        row.modified = self.now;
        row.placed = Some(self.now);
        let stands = (Some(before), Some(row.stand(to)));
        row.changed = self.touch(
            account,
            Object::Item(row.item),
            Aspect::Content,
            what,
            stands,
        )?;
        self.resettle(account, to, row)?;
        self.stamp_contents(account, from.folder, row.changed)?;
        self.stamp_contents(account, to.folder, row.changed)?;
        Ok(Receipt::of(row, to))
    }

    pub(super) fn drop_place_alias(&mut self, account: AccountId, row: &ItemRow) {
        if row.place.0 != row.item.0 {
            self.pending.remove(key::place(account, row.place.0));
        }
    }

    pub(super) fn drop_content_alias(&mut self, account: AccountId, row: &ItemRow) {
        if row.content.0 != row.item.0 {
            self.pending.remove(key::content(account, row.content.0));
        }
    }

    fn copy_details(
        &mut self,
        account: AccountId,
        source: &ItemRow,
        to_account: AccountId,
        (copy, at): (ItemKey, Location),
    ) -> Result<(), ModelError> {
        let mut details = self.details(account, source.item)?.unwrap_or_default();
        // Another account counts its content ids for itself.
        let same = (account == to_account).then(|| details.shared_content(source.content));
        details.original = same;
        details.born = Some(at);
        details.modifier = self.origin.actor;
        details.lineage = None; // The copy has no history elsewhere.
        let known = (account == to_account).then(|| details.conversation_of(source.item));
        let names = details.conversation.take().map(|kept| kept.names);
        let names = names.unwrap_or_default();
        details.conversation = self.converse(to_account, copy, known, &names)?;
        self.put_details(to_account, copy, &details)
    }

    fn copy_overlay(
        &mut self,
        account: AccountId,
        item: ItemKey,
        to_account: AccountId,
        to: ItemKey,
    ) -> Result<(), ModelError> {
        for (path, mut values) in self.overlay_tree(account, item.0)? {
            for entry in &mut values {
                entry.property = self.translate_property(account, to_account, entry.property)?;
                if let Some(body) = entry.value.body() {
                    self.pending
                        .put_empty(key::reference(body, to_account, to.0));
                }
            }
            values.sort_unstable_by_key(|entry| entry.property);
            let path = crate::model::row::overlay::path_bytes(&path);
            self.pending
                .put(key::overlay(to_account, to.0, &path), &OverlayRow(values));
        }
        Ok(())
    }

    /// Names are interned for each account, so their numbers differ from one to another.
    fn translate_keywords(
        &mut self,
        from: AccountId,
        to: AccountId,
        keywords: &Keywords,
    ) -> Result<Keywords, ModelError> {
        if from == to {
            return Ok(keywords.clone());
        }
        let mut translated = Vec::with_capacity(keywords.len());
        for &number in keywords.numbers() {
            if let Some(text) = self.keyword(from, number)? {
                translated.push(self.intern(to, &Name::Keyword(text))?);
            }
        }
        Ok(translated.into_iter().collect())
    }

    fn translate_property(
        &mut self,
        from: AccountId,
        to: AccountId,
        number: u32,
    ) -> Result<u32, ModelError> {
        if from == to {
            return Ok(number);
        }
        match self.property(from, number)? {
            Some(name) => self.intern(to, &name),
            None => Err(crate::model::codec::corrupt("value of an unknown property").into()),
        }
    }
}

/// Whether an item gets a new place id on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    New,
    Kept,
}
