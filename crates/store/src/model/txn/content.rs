//! New bytes for an item, and changes of what is known of it.

use super::Txn;
use super::items::{Body, Receipt};
use super::numbering::Aspect;
use crate::id::{AccountId, BodyHash, BodyNumber, ContentId, Timestamp};
use crate::model::error::ModelError;
use crate::model::key;
use crate::model::reads::Reads;
use crate::model::row::overlay::{OverlayRow, path_bytes};
use crate::model::row::{Binding, ItemRow, Kind, Lineage, Object, What};
use crate::model::scan::Number;
use crate::model::shelf::{Location, Shelf};
use bytes::Bytes;
use std::collections::BTreeSet;

/// What an item's bytes become.
#[derive(Debug, Clone, Default)]
pub struct NewBody {
    /// The bytes behind the prefix.
    pub body: Option<Body>,
    /// Size in bytes of an item without a body.
    pub size: Option<u64>,
    /// Header lines before the body.
    pub prefix: Bytes,
    /// What lists need, made from the new bytes.
    pub summary: Bytes,
    /// The date the sender gave.
    pub sent: Option<Timestamp>,
    /// When it was changed, if not now.
    pub modified: Option<Timestamp>,
    /// Its history in the store that the change came from.
    pub lineage: Option<Lineage>,
}

/// What to change of an item whose bytes stay: what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ItemChange {
    /// What it is.
    pub kind: Option<Kind>,
    /// Bytes of what is noted of it.
    pub annotation_bytes: Option<u32>,
    /// When it was received.
    pub received: Option<Timestamp>,
    /// What lists need, opaque.
    pub summary: Option<Bytes>,
    /// The date the sender gave.
    pub sent: Option<Timestamp>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it was changed, if not now.
    pub modified: Option<Timestamp>,
    /// Its history in the store that the change came from.
    pub lineage: Option<Lineage>,
}

impl Txn<'_> {
    /// Gives an item other bytes. Values bound to the old body are dropped.
    ///
    /// A letter gets a new UID and content id (RFC 9051 §2.3.1.1: a message never changes), and
    /// keeps its place id; other kinds keep all names. Errors: [`ModelError::NoSuchItem`],
    /// [`ModelError::TooLong`], [`ModelError::WrongForm`] for a recoverable item.
    pub fn replace_body(
        &mut self,
        account: AccountId,
        at: Location,
        new: &NewBody,
    ) -> Result<Receipt, ModelError> {
        self.takes_room();
        if at.shelf == Shelf::Recoverable {
            return Err(ModelError::WrongForm);
        }
        let old = self.item_row(account, at)?.ok_or(ModelError::NoSuchItem)?;
        let object = Self::object_of(old.item);
        let before = self.bodies_of(account, object, old.body)?;
        let mut row = old.clone();
        row.body = new.body.as_ref().map(Body::number);
        row.size = new.size_bytes();
        let receipt = match at.shelf {
            Shelf::Mail => self.replace_letter(account, at, &old, row)?,
            _ => self.replace_in_place(account, at, &old, row)?,
        };
        self.renew_details(account, &receipt, new)?;
        self.drop_bound(account, object, new.body.as_ref().and_then(Body::hash))?;
        let own = new.body.as_ref().map(Body::number);
        new.body.iter().for_each(|body| self.bring(body));
        self.renew_references(account, object, &before, own)?;
        if let Some(modified) = new.modified {
            self.set_modified(account, receipt.at, modified)?;
        }
        Ok(receipt)
    }

    /// Changes what is known of an item, but not its bytes.
    ///
    /// Errors: [`ModelError::NoSuchItem`], [`ModelError::TooLong`].
    pub fn alter_item(
        &mut self,
        account: AccountId,
        at: Location,
        change: &ItemChange,
    ) -> Result<Receipt, ModelError> {
        let old = self.item_row(account, at)?.ok_or(ModelError::NoSuchItem)?;
        let mut row = old.clone();
        row.kind = change.kind.unwrap_or(row.kind);
        row.annotation_bytes = change.annotation_bytes.unwrap_or(row.annotation_bytes);
        if let Some(received) = change.received {
            (row.received, row.received_zone_minutes) = (received, 0);
        }
        row.modified = change.modified.unwrap_or(self.now);
        row.changed = self.touch_in_place(account, at, &row, Aspect::Content, What::CONTENT)?;
        self.update_row(account, at, &old, &row)?;
        self.stamp_contents(account, at.folder, row.changed)?;
        let mut details = self.details(account, row.item)?.unwrap_or_default();
        details.summary = change.summary.clone().unwrap_or(details.summary);
        details.sent = change.sent.or(details.sent);
        details.created = change.created.unwrap_or(details.created);
        details.modifier = self.origin.actor;
        if let Some(lineage) = &change.lineage {
            details.lineage = Some(Lineage {
                changed: row.changed,
                ..lineage.clone()
            });
        }
        self.put_details(account, row.item, &details)?;
        Ok(Receipt::of(&row, at))
    }

    /// The letter leaves its UID and takes the next, under one number.
    fn replace_letter(
        &mut self,
        account: AccountId,
        at: Location,
        old: &ItemRow,
        mut row: ItemRow,
    ) -> Result<Receipt, ModelError> {
        let to = self.new_uid(account, at.folder, at.shelf, None)?;
        self.depart(account, at, old)?;
        self.drop_content_alias(account, old);
        row.content = ContentId(self.new_id(account)?);
        self.pending
            .put(key::content(account, row.content.0), &Number(row.item.0));
        row.modified = self.now;
        let stands = (Some(old.stand(at)), Some(row.stand(to)));
        let object = Object::Item(row.item);
        row.changed = self.touch(account, object, Aspect::Content, What::CONTENT, stands)?;
        self.resettle(account, to, &row)?;
        self.stamp_contents(account, at.folder, row.changed)?;
        Ok(Receipt::of(&row, to))
    }

    fn replace_in_place(
        &mut self,
        account: AccountId,
        at: Location,
        old: &ItemRow,
        mut row: ItemRow,
    ) -> Result<Receipt, ModelError> {
        row.modified = self.now;
        row.changed = self.touch_in_place(account, at, &row, Aspect::Content, What::CONTENT)?;
        self.update_row(account, at, old, &row)?;
        self.stamp_contents(account, at.folder, row.changed)?;
        Ok(Receipt::of(&row, at))
    }

    fn renew_details(
        &mut self,
        account: AccountId,
        receipt: &Receipt,
        new: &NewBody,
    ) -> Result<(), ModelError> {
        let mut details = self.details(account, receipt.item)?.unwrap_or_default();
        details.original = None; // These bytes are its own.
        details.prefix = new.prefix.clone();
        details.summary = new.summary.clone();
        details.sent = new.sent;
        details.modifier = self.origin.actor;
        if let Some(lineage) = &new.lineage {
            details.lineage = Some(Lineage {
                changed: receipt.change,
                ..lineage.clone()
            });
        }
        self.put_details(account, receipt.item, &details)
    }

    fn set_modified(
        &mut self,
        account: AccountId,
        at: Location,
        modified: Timestamp,
    ) -> Result<(), ModelError> {
        let row = self.item_row(account, at)?.ok_or(ModelError::NoSuchItem)?;
        self.put_row(account, at, &ItemRow { modified, ..row });
        Ok(())
    }

    /// Drops the values that were made from another body than this one.
    fn drop_bound(
        &mut self,
        account: AccountId,
        object: u64,
        body: Option<BodyHash>,
    ) -> Result<(), ModelError> {
        for (path, values) in self.overlay_tree(account, object)? {
            let keep = |binding| match binding {
                Binding::Free => true,
                Binding::Bound(hash) => Some(hash) == body,
            };
            let total = values.len();
            let kept: Vec<_> = values
                .into_iter()
                .filter(|value| keep(value.binding))
                .collect();
            let key = key::overlay(account, object, &path_bytes(&path));
            if kept.is_empty() {
                self.pending.remove(key);
            } else if kept.len() < total {
                self.pending.put(key, &OverlayRow(kept));
            }
        }
        Ok(())
    }

    /// Writes and removes references to bodies so that they are those of the object as it is now.
    pub(super) fn renew_references(
        &mut self,
        account: AccountId,
        object: u64,
        before: &BTreeSet<BodyNumber>,
        own: Option<BodyNumber>,
    ) -> Result<(), ModelError> {
        let after = self.bodies_of(account, object, own)?;
        for &body in after.difference(before) {
            self.pending
                .put_empty(key::reference(body, account, object));
        }
        for &body in before.difference(&after) {
            self.pending.remove(key::reference(body, account, object));
        }
        Ok(())
    }
}

impl NewBody {
    fn size_bytes(&self) -> u64 {
        match &self.body {
            Some(body) => body.len() + self.prefix.len() as u64,
            None => self.size.unwrap_or(self.prefix.len() as u64),
        }
    }
}
