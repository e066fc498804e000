//! Setting and removing typed values of folders, items and their parts.

use super::Txn;
use super::items::Body;
use super::numbering::Aspect;
use crate::id::{AccountId, BodyNumber, FolderId};
use crate::model::codec::Row;
use crate::model::error::ModelError;
use crate::model::key;
use crate::model::reads::Reads;
use crate::model::row::overlay::{OverlayRow, PATH_STEPS_MAX, VALUE_INLINE_BYTES_MAX, path_bytes};
use crate::model::row::{Binding, ItemRow, Object, OverlayPath, OverlayValue, Value, What};
use crate::model::shelf::Location;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Longest row of values in bytes; when it would be longer, the longest values become bodies.
const ROW_BYTES_MAX: usize = 28 * 1024;

/// What has an overlay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverlayObject {
    /// A folder.
    Folder(FolderId),
    /// The item at this place.
    Item(Location),
}

/// One change of an object's values.
#[derive(Debug, Clone)]
pub enum OverlayInput {
    /// Sets a value; a long text or binary one is stored as a body.
    Set(OverlayValue),
    /// Sets a value to a text (UTF-8) that is a body already.
    SetText(u32, Body, Binding),
    /// Sets a value to bytes that are a body already.
    SetBinary(u32, Body, Binding),
    /// Removes the value of a property.
    Remove(u32),
}

/// Whether a value lies in a body.
fn refers(values: &[OverlayValue]) -> bool {
    values.iter().any(|entry| entry.value.body().is_some())
}

impl Txn<'_> {
    /// Sets and removes values of one object of the tree. What changes nothing uses no number.
    ///
    /// Errors: [`ModelError::NoSuchFolder`], [`ModelError::NoSuchItem`], [`ModelError::TooLong`]
    /// for a path too deep or values that do not fit even with the long ones as bodies.
    pub fn set_overlay(
        &mut self,
        account: AccountId,
        object: OverlayObject,
        path: &OverlayPath,
        changes: &[OverlayInput],
    ) -> Result<(), ModelError> {
        if path.len() > PATH_STEPS_MAX {
            return Err(ModelError::TooLong);
        }
        let found = self.find_object(account, object)?;
        let old = self.overlay(account, found.number, path)?;
        let mut values = old.clone();
        for change in changes {
            self.apply_value(&mut values, change);
        }
        self.shorten(&mut values)?;
        if values == old {
            return Ok(());
        }
        // Which bodies an object refers to is read from its whole tree: only where that may change.
        let has_bodies = refers(&old) || refers(&values);
        let before = if has_bodies {
            self.bodies_of(account, found.number, found.own_body())?
        } else {
            BTreeSet::new()
        };
        let key = key::overlay(account, found.number, &path_bytes(path));
        if values.is_empty() {
            self.pending.remove(key);
        } else {
            self.takes_room();
            self.pending.put(key, &OverlayRow(values));
        }
        if has_bodies {
            self.renew_references(account, found.number, &before, found.own_body())?;
        }
        self.touch_overlay(account, found)
    }

    /// Removes an object of the tree with everything below it.
    ///
    /// Errors: [`ModelError::NoSuchFolder`], [`ModelError::NoSuchItem`].
    pub fn remove_overlay(
        &mut self,
        account: AccountId,
        object: OverlayObject,
        path: &OverlayPath,
    ) -> Result<(), ModelError> {
        let found = self.find_object(account, object)?;
        let tree = self.overlay_tree(account, found.number)?;
        let gone: Vec<_> = tree
            .iter()
            .filter(|(each, _)| each.starts_with(path))
            .collect();
        if gone.is_empty() {
            return Ok(());
        }
        let before = self.bodies_of(account, found.number, found.own_body())?;
        for (path, _) in gone {
            self.pending
                .remove(key::overlay(account, found.number, &path_bytes(path)));
        }
        self.renew_references(account, found.number, &before, found.own_body())?;
        self.touch_overlay(account, found)
    }

    fn find_object(&self, account: AccountId, object: OverlayObject) -> Result<Found, ModelError> {
        match object {
            OverlayObject::Folder(folder) => {
                let row = self
                    .folder(account, folder)?
                    .filter(|row| row.removed.is_none());
                row.ok_or(ModelError::NoSuchFolder)?;
                Ok(Found {
                    number: folder.0,
                    item: None,
                })
            }
            OverlayObject::Item(at) => {
                let row = self.item_row(account, at)?.ok_or(ModelError::NoSuchItem)?;
                Ok(Found {
                    number: row.item.0,
                    item: Some((at, row)),
                })
            }
        }
    }

    /// Numbers the object whose values changed.
    fn touch_overlay(&mut self, account: AccountId, found: Found) -> Result<(), ModelError> {
        let now = self.now;
        let Some((at, old)) = found.item else {
            let folder = FolderId(found.number);
            let change = self.touch_object(account, Object::Folder(folder), What::PROPERTIES)?;
            let row = self.folder_mut(account, folder)?;
            row.changed = change;
            row.modified = now;
            return Ok(());
        };
        let mut row = ItemRow {
            modified: now,
            ..old.clone()
        };
        row.changed = self.touch_in_place(account, at, &row, Aspect::Content, What::CONTENT)?;
        self.update_row(account, at, &old, &row)?;
        self.stamp_contents(account, at.folder, row.changed)
    }

    fn apply_value(&mut self, values: &mut Vec<OverlayValue>, change: &OverlayInput) {
        let in_body = |property: &u32, value, binding: &Binding| OverlayValue {
            property: *property,
            value,
            binding: *binding,
        };
        let entry = match change {
            OverlayInput::Remove(property) => {
                values.retain(|entry| entry.property != *property);
                return;
            }
            OverlayInput::Set(entry) => entry.clone(),
            OverlayInput::SetText(property, body, binding) => {
                self.bring(body);
                in_body(
                    property,
                    Value::TextBody(body.number(), body.len()),
                    binding,
                )
            }
            OverlayInput::SetBinary(property, body, binding) => {
                self.bring(body);
                in_body(
                    property,
                    Value::BinaryBody(body.number(), body.len()),
                    binding,
                )
            }
        };
        match values.binary_search_by_key(&entry.property, |each| each.property) {
            Ok(index) => values.splice(index..=index, [entry]).for_each(drop),
            Err(index) => values.insert(index, entry),
        }
    }

    /// Turns long values into bodies, and then the longest until the row fits.
    fn shorten(&mut self, values: &mut [OverlayValue]) -> Result<(), ModelError> {
        for entry in values.iter_mut() {
            if entry.value.inline_len() > VALUE_INLINE_BYTES_MAX {
                self.spill(&mut entry.value)?;
            }
        }
        while OverlayRow(values.to_vec()).encode().len() > ROW_BYTES_MAX {
            let longest = values
                .iter_mut()
                .max_by_key(|entry| entry.value.inline_len());
            let longest = longest.filter(|entry| entry.value.inline_len() > 0);
            self.spill(&mut longest.ok_or(ModelError::TooLong)?.value)?;
        }
        Ok(())
    }

    fn spill(&mut self, value: &mut Value) -> Result<(), ModelError> {
        let bytes = match &*value {
            Value::Text(text) => text.as_bytes(),
            Value::Binary(bytes) => bytes.as_ref(),
            _ => return Err(ModelError::TooLong), // Long lists have no form as a body.
        };
        let mut spool = self.store.backend.spool()?;
        spool.write(bytes)?;
        let body = Body::Staged(Arc::new(spool.finish()?));
        self.bring(&body);
        *value = match value {
            Value::Text(_) => Value::TextBody(body.number(), body.len()),
            _ => Value::BinaryBody(body.number(), body.len()),
        };
        Ok(())
    }
}

/// An object with an overlay, as it was found.
struct Found {
    number: u64,
    item: Option<(Location, ItemRow)>,
}

impl Found {
    fn own_body(&self) -> Option<BodyNumber> {
        self.item.as_ref().and_then(|(_, row)| row.body)
    }
}

impl Value {
    /// Bytes that the value takes in a row, where it could be long.
    fn inline_len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
            Self::List(values) => values.iter().map(Self::inline_len).sum(),
            _ => 0,
        }
    }
}
