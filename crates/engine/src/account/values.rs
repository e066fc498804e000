//! Typed values that clients keep with folders and items beside what a letter says, and items that
//! are no letters at all.
//!
//! A property has a number in each account, by which its values are kept. Values that were made
//! from an item's bytes are given up when those change; all others stay. What the engine keeps in
//! the same place for itself is never shown here.
//!
//! Start at [`values`] and [`Txn::set_values`]; items are made by [`Txn::put_item`] and get other
//! bytes by [`Txn::renew_item`].

use super::imported::PROPERTIES;
use super::scripts;
use super::view::Reading;
use super::{Account, Txn};
use crate::error::EngineError;
use crate::search::thread::conversation_names;
use crate::upload::Staged;
use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;
use store::id::{FolderId, Guid, ItemKey};
use store::model::{
    Binding, Body, FlagSet, Flags, ItemChange, Kind, Location, Membership, Name, NewBody, NewItem,
    OverlayInput, OverlayObject, OverlayTree, OverlayValue, PathStep, PropertyName, Receipt,
    Rights, Shelf, Value,
};

/// What values belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// A folder.
    Folder(FolderId),
    /// An item, wherever it stands.
    Item(ItemKey),
}

/// One change of the values of one object.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueChange {
    /// The property of this number has this value from now on.
    Set {
        /// The property's number.
        property: u32,
        /// What it is.
        value: Value,
        /// It was made from the bytes that are put in at the same time, and goes with them.
        is_of_bytes: bool,
    },
    /// The property of this number has none.
    Remove(u32),
}

/// Changes of the values of an item, or of a part of one.
#[derive(Debug, Clone, PartialEq)]
pub struct PartChanges {
    /// The way to the part; empty for the item itself.
    pub path: Vec<PathStep>,
    /// What changes there; all that is there goes if this is `None`.
    pub changes: Option<Vec<ValueChange>>,
}

/// An item to be made on any shelf but the recoverable one.
#[derive(Debug, Clone)]
pub struct NewEntry<'a> {
    /// Where to.
    pub folder: FolderId,
    /// On which shelf.
    pub shelf: Shelf,
    /// What it is.
    pub kind: Kind,
    /// Flags and keywords.
    pub flags: FlagSet,
    /// Its bytes, if it has an Internet form.
    pub staged: Option<&'a Staged>,
    /// What it takes in bytes, where it has none.
    pub size: u64,
}

/// All values of a folder or item and of its parts, in the order of their paths.
///
/// Errors: [`EngineError::NoSuchItem`], [`EngineError::NoSuchFolder`] also for what this user may
/// not see.
pub fn value_tree(view: &impl Reading, of: Holder) -> Result<OverlayTree, EngineError> {
    let number = number_of(view, of)?;
    Ok(view.reads().overlay_tree(view.account().id(), number)?)
}

/// The values of a folder, an item or one part of it, ascending by property.
///
/// Errors: as for [`value_tree`].
pub fn values(
    view: &impl Reading,
    of: Holder,
    path: &[PathStep],
) -> Result<Vec<OverlayValue>, EngineError> {
    let number = number_of(view, of)?;
    Ok(view.reads().overlay(view.account().id(), number, path)?)
}

/// Calls `visit` with the values of those of these items that have some of their own; cheapest when
/// ascending. Items that this user may not see have none.
pub fn values_of(
    view: &impl Reading,
    items: &[ItemKey],
    visit: &mut dyn FnMut(ItemKey, Vec<OverlayValue>),
) -> Result<(), EngineError> {
    let (account, reads) = (view.account(), view.reads());
    if account.is_own() {
        return Ok(reads.overlays_of(account.id(), items, visit)?);
    }
    for &item in items {
        if view.location(item)?.is_some() {
            visit(item, reads.overlay(account.id(), item.0, &[])?);
        }
    }
    Ok(())
}

fn number_of(view: &impl Reading, of: Holder) -> Result<u64, EngineError> {
    match of {
        Holder::Folder(folder) => {
            view.folder(folder)?;
            Ok(folder.0)
        }
        Holder::Item(item) => {
            view.location(item)?.ok_or(EngineError::NoSuchItem)?;
            Ok(item.0)
        }
    }
}

/// The name of a property's number; `None` for unknown ones and for the engine's own.
pub fn property_name(
    view: &impl Reading,
    number: u32,
) -> Result<Option<(Guid, PropertyName)>, EngineError> {
    let name = view.reads().property(view.account().id(), number)?;
    Ok(match name {
        Some(Name::Property(set, name)) if ![PROPERTIES, scripts::PROPERTIES].contains(&set) => {
            Some((set, name))
        }
        _ => None,
    })
}

/// The number of a property, if it has one.
pub fn property_number(
    view: &impl Reading,
    set: Guid,
    name: &PropertyName,
) -> Result<Option<u32>, EngineError> {
    let name = Name::Property(set, name.clone());
    Ok(view.reads().number_of(view.account().id(), &name)?)
}

/// The items that a search folder shows.
pub fn members(view: &impl Reading, folder: FolderId) -> Result<Vec<ItemKey>, EngineError> {
    view.folder_with_rights(folder, Rights::READ)?;
    let members = view.reads().members(view.account().id(), folder)?;
    Ok(members.into_iter().map(|(item, _)| item).collect())
}

impl Account {
    /// A range of a long value, shorter at its end; nothing of one that is not long.
    pub fn read_value(&self, value: &Value, range: Range<u64>) -> Result<Bytes, EngineError> {
        let (Value::TextBody(body, len) | Value::BinaryBody(body, len)) = value else {
            return Ok(Bytes::new());
        };
        let end = range.end.min(*len);
        let range = range.start.min(end)..end;
        Ok(self.engine.store().read_body(*body, range)?)
    }
}

impl Txn<'_, '_> {
    /// The number of a property, given now if it has none.
    ///
    /// Errors: [`EngineError::NumberRefused`] when there are too many names,
    /// [`EngineError::TooLong`].
    pub fn intern_property(&mut self, set: Guid, name: &PropertyName) -> Result<u32, EngineError> {
        let name = Name::Property(set, name.clone());
        Ok(self.txn.intern(self.account.id(), &name)?)
    }

    /// Changes the values of an item and of its parts. `staged` are the bytes that were put in at
    /// the same time, from which some of the values were made.
    ///
    /// Errors: [`EngineError::NoSuchItem`], [`EngineError::TooLong`], [`EngineError::Denied`].
    pub fn set_values(
        &mut self,
        at: Location,
        parts: &[PartChanges],
        staged: Option<&Staged>,
    ) -> Result<(), EngineError> {
        self.check_edit(at)?;
        for part in parts {
            self.change_part(OverlayObject::Item(at), part, staged)?;
        }
        Ok(())
    }

    /// The same of a folder.
    ///
    /// Errors: [`EngineError::NoSuchFolder`], [`EngineError::TooLong`], [`EngineError::Denied`].
    pub fn set_folder_values(
        &mut self,
        folder: FolderId,
        part: &PartChanges,
    ) -> Result<(), EngineError> {
        self.folder_with_rights(folder, Rights::WRITE_FLAGS)?;
        self.change_part(OverlayObject::Folder(folder), part, None)
    }

    fn change_part(
        &mut self,
        object: OverlayObject,
        part: &PartChanges,
        staged: Option<&Staged>,
    ) -> Result<(), EngineError> {
        let owner = self.account.id();
        let Some(changes) = &part.changes else {
            return Ok(self.txn.remove_overlay(owner, object, &part.path)?);
        };
        let changes: Vec<_> = changes.iter().map(|change| input(change, staged)).collect();
        Ok(self.txn.set_overlay(owner, object, &part.path, &changes)?)
    }

    /// May this user change the item there? Who made it needs less.
    pub(super) fn check_edit(&self, at: Location) -> Result<(), EngineError> {
        let rights = self.rights_in(&self.folder(at.folder)?);
        // To put something in the place of an item is to change it.
        let replacing = Rights::INSERT | Rights::DELETE_ANY | Rights::EXPUNGE;
        if rights.contains(Rights::EDIT_ANY) || rights.contains(replacing) {
            return Ok(());
        }
        if !rights.contains(Rights::EDIT_OWN) {
            return Err(EngineError::Denied);
        }
        let owner = self.account.id();
        let item = self.reads().item_row(owner, at)?;
        let item = item.ok_or(EngineError::NoSuchItem)?.item;
        let creator = self.reads().details(owner, item)?.map(|made| made.creator);
        if creator == Some(self.account.origin().actor) {
            Ok(())
        } else {
            Err(EngineError::Denied)
        }
    }

    /// Makes an item on any shelf but the recoverable one.
    ///
    /// Errors: [`EngineError::OverQuota`], [`EngineError::Denied`], [`EngineError::WrongForm`] in a
    /// search folder.
    pub fn put_item(&mut self, new: &NewEntry<'_>) -> Result<Receipt, EngineError> {
        self.folder_with_rights(new.folder, Rights::INSERT)?;
        let size = new.staged.map_or(new.size, Staged::size);
        self.check_quota(size)?;
        let mut item = NewItem {
            shelf: new.shelf,
            kind: new.kind,
            flags: new.flags.clone(),
            size: Some(size),
            ..NewItem::mail(new.folder)
        };
        if let Some(staged) = new.staged {
            item.body = Some(Body::Staged(Arc::clone(staged.body())));
            item.summary = staged.summary().clone();
            item.sent = staged.sent();
            item.names = conversation_names(staged.summary());
        }
        let receipt = self.txn.insert_item(self.account.id(), &item)?;
        self.leave_allowed_flags(receipt.at, Flags::NONE)?;
        Ok(receipt)
    }

    /// Gives an item other bytes, or another size where it has none. Values that were made from
    /// the old bytes are given up; a letter gets a new UID.
    ///
    /// Errors: [`EngineError::NoSuchItem`], [`EngineError::OverQuota`], [`EngineError::Denied`].
    pub fn renew_item(
        &mut self,
        at: Location,
        staged: Option<&Staged>,
        size: u64,
    ) -> Result<Receipt, EngineError> {
        self.check_edit(at)?;
        let owner = self.account.id();
        let old = self.reads().item_row(owner, at)?;
        let old = old.ok_or(EngineError::NoSuchItem)?;
        let size = staged.map_or(size, Staged::size);
        self.check_quota(size.saturating_sub(old.size))?;
        let mut new = NewBody {
            size: Some(size),
            ..NewBody::default()
        };
        if let Some(staged) = staged {
            new.body = Some(Body::Staged(Arc::clone(staged.body())));
            new.summary = staged.summary().clone();
            new.sent = staged.sent();
        }
        Ok(self.txn.replace_body(owner, at, &new)?)
    }

    /// Says that an item was changed now, and perhaps what it is.
    pub fn touch_item(&mut self, at: Location, kind: Option<Kind>) -> Result<Receipt, EngineError> {
        self.check_edit(at)?;
        let change = ItemChange {
            kind,
            ..ItemChange::default()
        };
        Ok(self.txn.alter_item(self.account.id(), at, &change)?)
    }

    /// Shows an item in a search folder or no longer.
    ///
    /// Errors: [`EngineError::WrongForm`] for a folder that is none, [`EngineError::NoSuchItem`],
    /// [`EngineError::Denied`] for guests.
    pub fn show_in_search(
        &mut self,
        folder: FolderId,
        item: ItemKey,
        is_shown: bool,
    ) -> Result<(), EngineError> {
        self.check_owner()?;
        let membership = if is_shown {
            Membership::Member
        } else {
            Membership::Stranger
        };
        let owner = self.account.id();
        Ok(self.txn.set_member(owner, folder, item, membership)?)
    }
}

fn input(change: &ValueChange, staged: Option<&Staged>) -> OverlayInput {
    match change {
        ValueChange::Remove(property) => OverlayInput::Remove(*property),
        ValueChange::Set {
            property,
            value,
            is_of_bytes,
        } => {
            let bytes = staged.filter(|_| *is_of_bytes);
            let binding = bytes.map_or(Binding::Free, |staged| Binding::Bound(staged.body().hash));
            OverlayInput::Set(OverlayValue {
                property: *property,
                value: value.clone(),
                binding,
            })
        }
    }
}
