//! The same of single items: what people note of a letter.
//!
//! Each change of one counts as a change of its item. What was removed is remembered by its name for
//! a while, so that those who look later can be told that something changed.
//!
//! Start at [`ItemAnnotations`] and [`Txn::annotate_item`]. Source: RFC 5257 §3.3, §3.4 (for whom
//! they are, who may do what), §4.6 (copies).

use super::kept::{Entry, Kept, Numbers, free_part, kept};
use super::{ANNOTATION_BYTES_MAX, ANNOTATION_NAME_BYTES_MAX};
use super::{Annotation, AnnotationChange, Audience};
use crate::account::view::Reading;
use crate::account::{Standing, Txn};
use crate::error::EngineError;
use std::collections::BTreeSet;
use store::id::{AccountId, ChangeSeq, ItemKey};
use store::model::{ItemChange, Location, OverlayObject, Rights};

/// Annotations of one item that are for everyone, and as many for each user; RFC 5257 §4.1 demands
/// at least 10.
const COUNT_MAX: usize = 32;

/// Bytes of these with their names.
const BYTES_MAX: usize = 16 * 1024;

/// Annotations of one item together, whosever they are: all are read at once.
const COUNT_OF_ALL_MAX: usize = 256;

/// Removed ones that an item remembers.
const REMEMBERED_MAX: usize = 16;

/// Reads the annotations of items; free of cost in accounts that have none.
#[derive(Debug, Clone, Copy)]
pub struct ItemAnnotations {
    numbers: Option<Numbers>,
}

impl ItemAnnotations {
    /// Looks whether the account has any.
    pub fn of(view: &impl Reading) -> Result<Self, EngineError> {
        let numbers = Numbers::known(view.reads(), view.account().id())?;
        Ok(Self { numbers })
    }

    /// The annotations of an item that this user may read, in the order of their names. None of an
    /// item that they may not read.
    pub fn all(self, view: &impl Reading, item: ItemKey) -> Result<Vec<Annotation>, EngineError> {
        let told = self.readable(view, item)?.into_iter().filter_map(|kept| {
            Some(Annotation {
                audience: kept.audience(),
                name: kept.name,
                value: kept.value?,
            })
        });
        let mut told: Vec<Annotation> = told.collect();
        told.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(told)
    }

    /// The names of those that were set or removed after a change number, as far as it is
    /// remembered.
    pub fn changed_since(
        self,
        view: &impl Reading,
        item: ItemKey,
        since: ChangeSeq,
    ) -> Result<BTreeSet<String>, EngineError> {
        let all = self.readable(view, item)?.into_iter();
        let changed = all.filter(|kept| kept.changed > since);
        Ok(changed.map(|kept| kept.name).collect())
    }

    fn readable(self, view: &impl Reading, item: ItemKey) -> Result<Vec<Kept>, EngineError> {
        let Some(numbers) = self.numbers else {
            return Ok(Vec::new());
        };
        let account = view.account();
        if account.standing() == Standing::Guest && view.location(item)?.is_none() {
            return Ok(Vec::new());
        }
        let own = account.origin().actor;
        let mut all = kept(view.reads(), account.id(), item.0, numbers)?;
        all.retain(|kept| kept.reader.is_none_or(|reader| reader == own));
        Ok(all)
    }
}

impl Kept {
    fn audience(&self) -> Audience {
        match self.reader {
            None => Audience::Everyone,
            Some(_) => Audience::Oneself,
        }
    }

    /// Bytes of its name and value; none of one that is only remembered.
    fn bytes(&self) -> usize {
        let value = self.value.as_ref();
        value.map_or(0, |value| self.name.len() + value.len())
    }

    fn is_of(&self, reader: Option<AccountId>, name: &str) -> bool {
        self.reader == reader && self.name == name
    }
}

/// What one needs to keep an annotation. Source: RFC 5257 §3.4.
fn needed(audience: Audience) -> Rights {
    match audience {
        Audience::Everyone => Rights::ANNOTATE,
        Audience::Oneself => Rights::READ,
    }
}

impl Txn<'_, '_> {
    /// Sets and removes annotations of an item, all or none. Here case tells names apart.
    ///
    /// Errors: [`EngineError::NoSuchItem`], [`EngineError::TooLong`] for a value or name,
    /// [`EngineError::TooMany`], [`EngineError::OverQuota`], [`EngineError::Denied`].
    pub fn annotate_item(
        &mut self,
        at: Location,
        changes: &[AnnotationChange],
    ) -> Result<(), EngineError> {
        let rights = self.rights(at.folder)?;
        let row = self.reads().item_row(self.account.id(), at)?;
        let item = row.ok_or(EngineError::NoSuchItem)?.item;
        for change in changes {
            if !rights.contains(needed(change.audience)) {
                return Err(EngineError::Denied);
            }
            let reader = match change.audience {
                Audience::Everyone => None,
                Audience::Oneself => Some(self.account.origin().actor),
            };
            self.set_item_annotation(at, item, reader, change)?;
        }
        Ok(())
    }

    fn check_growth(&self, old: usize, new: usize) -> Result<(), EngineError> {
        match new.checked_sub(old) {
            None | Some(0) => Ok(()),
            Some(more) => self.check_annotation_quota(more as u64),
        }
    }

    /// Takes those annotations off an item that was copied here which this user may not set here,
    /// and those of other users. Source: RFC 5257 §4.6.
    pub(in crate::account) fn leave_allowed_annotations(
        &mut self,
        at: Location,
        annotations: ItemAnnotations,
    ) -> Result<(), EngineError> {
        let owner = self.account.id();
        let Some(numbers) = annotations.numbers else {
            return Ok(());
        };
        let row = self.reads().item_row(owner, at)?;
        let item = row.ok_or(EngineError::NoSuchItem)?.item;
        let rights = self.rights(at.folder)?;
        let own = self.account.origin().actor;
        let mut all = kept(self.reads(), owner, item.0, numbers)?;
        let gone = |kept: &mut Kept| {
            let is_allowed = rights.contains(needed(kept.audience()));
            let is_others = kept.reader.is_some_and(|reader| reader != own);
            is_others || !is_allowed
        };
        let gone: Vec<Kept> = all.extract_if(.., gone).collect();
        for kept in &gone {
            self.drop_part(OverlayObject::Item(at), kept.part)?;
        }
        if !gone.is_empty() {
            self.count_noted(at, bytes_of(&all))?;
        }
        Ok(())
    }

    /// Whether what is noted of a letter that has just come here finds room.
    ///
    /// Errors: [`EngineError::OverQuota`].
    pub(in crate::account) fn check_noted(
        &self,
        at: Location,
        annotations: ItemAnnotations,
    ) -> Result<(), EngineError> {
        if annotations.numbers.is_none() {
            return Ok(());
        }
        let row = self.reads().item_row(self.account.id(), at)?;
        match row.ok_or(EngineError::NoSuchItem)?.annotation_bytes {
            0 => Ok(()),
            _ => self.check_annotation_quota(0), // It is counted by now.
        }
    }

    /// Keeps how much is noted of an item; answers the number that this commit gives it.
    fn count_noted(&mut self, at: Location, bytes: usize) -> Result<ChangeSeq, EngineError> {
        let owner = self.account.id();
        let change = ItemChange {
            annotation_bytes: Some(u32::try_from(bytes).unwrap_or(u32::MAX)),
            ..ItemChange::default()
        };
        self.txn.alter_item(owner, at, &change)?;
        let row = self.reads().item_row(owner, at)?;
        Ok(row.ok_or(EngineError::NoSuchItem)?.changed)
    }

    fn set_item_annotation(
        &mut self,
        at: Location,
        item: ItemKey,
        reader: Option<AccountId>,
        change: &AnnotationChange,
    ) -> Result<(), EngineError> {
        let owner = self.account.id();
        let all = match Numbers::known(self.reads(), owner)? {
            Some(numbers) => kept(self.reads(), owner, item.0, numbers)?,
            None => Vec::new(),
        };
        let known = all.iter().find(|kept| kept.is_of(reader, &change.name));
        if known.and_then(|kept| kept.value.as_ref()) == change.value.as_ref() {
            return Ok(());
        }
        let old = known.map_or(0, Kept::bytes);
        let new = change
            .value
            .as_ref()
            .map_or(0, |value| change.name.len() + value.len());
        if change.value.is_some() {
            check_room(&all, reader, change)?;
            self.check_growth(old, new)?;
        }
        let object = OverlayObject::Item(at);
        let part = known.map_or_else(|| free_part(&all), |kept| kept.part);
        let entry = Entry {
            reader,
            name: &change.name,
            value: change.value.as_ref(),
            changed: Some(self.count_noted(at, bytes_of(&all) - old + new)?),
        };
        self.put_part(object, part, &entry)?;
        if change.value.is_some() {
            return Ok(());
        }
        match forgettable(&all) {
            Some(part) => self.drop_part(object, part),
            None => Ok(()),
        }
    }
}

/// Bytes that count for the limit of what is noted of letters.
fn bytes_of(all: &[Kept]) -> usize {
    all.iter().map(Kept::bytes).sum()
}

/// The removed one that has been remembered longest, if one more does not find room.
fn forgettable(all: &[Kept]) -> Option<u32> {
    let removed = || all.iter().filter(|kept| kept.value.is_none());
    let oldest = removed().min_by_key(|kept| kept.changed)?;
    (removed().count() >= REMEMBERED_MAX).then_some(oldest.part)
}

/// Whether one annotation more, or a longer one, still fits beside the others of the same audience.
fn check_room(
    all: &[Kept],
    reader: Option<AccountId>,
    change: &AnnotationChange,
) -> Result<(), EngineError> {
    const TOO_MANY: EngineError = EngineError::TooMany("annotations");
    let len = change.value.as_ref().map_or(0, bytes::Bytes::len);
    if len > ANNOTATION_BYTES_MAX || change.name.len() > ANNOTATION_NAME_BYTES_MAX {
        return Err(EngineError::TooLong);
    }
    let others = all.iter().filter(|kept| !kept.is_of(reader, &change.name));
    let (mut count, mut bytes, mut count_of_all) = (1, change.name.len() + len, 1);
    for kept in others {
        count_of_all += 1;
        if let Some(value) = kept.value.as_ref().filter(|_| kept.reader == reader) {
            count += 1;
            bytes += kept.name.len() + value.len();
        }
    }
    if count > COUNT_MAX || bytes > BYTES_MAX || count_of_all > COUNT_OF_ALL_MAX {
        return Err(TOO_MANY);
    }
    Ok(())
}
