//! How annotations lie in the overlay of a folder or an item: each in a part of its own, with its
//! name beside it, because the names are the clients' and the numbers of properties are never given
//! back.

use super::super::imported::PROPERTIES;
use super::super::txn::Txn;
use crate::error::EngineError;
use bytes::Bytes;
use store::id::{AccountId, ChangeSeq, Guid};
use store::model::{
    Binding, Name, OverlayInput, OverlayObject, OverlayValue, PathStep, PropertyName, Reads, Value,
};

/// The parts of an overlay that hold annotations begin here.
const FIRST_PART: u32 = 1 << 16;

const SET: Guid = PROPERTIES;
const READER: &str = "annotation-reader";
const NAME: &str = "annotation-name";
const VALUE: &str = "annotation-value";
const CHANGED: &str = "annotation-changed";

/// An annotation with its place and with whose it is.
pub(super) struct Kept {
    pub(super) part: u32,
    /// `None` for everyone's.
    pub(super) reader: Option<AccountId>,
    pub(super) name: String,
    /// What it says; `None` for one that is only remembered to have been there.
    pub(super) value: Option<Bytes>,
    /// The number that its item got when it was set or removed; not kept of those of folders.
    pub(super) changed: ChangeSeq,
}

/// The numbers of the properties of a part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    /// Unknown where none is of one reader only.
    reader: Option<u32>,
    name: u32,
    value: u32,
    changed: Option<u32>,
}

fn property(name: &str) -> Name {
    Name::Property(SET, PropertyName::Text(name.to_owned()))
}

impl Numbers {
    /// `None` in an account that has never had an annotation.
    pub(super) fn known(reads: &dyn Reads, owner: AccountId) -> Result<Option<Self>, EngineError> {
        let number = |name| reads.number_of(owner, &property(name));
        let (Some(name), Some(value)) = (number(NAME)?, number(VALUE)?) else {
            return Ok(None);
        };
        Ok(Some(Self {
            reader: number(READER)?,
            name,
            value,
            changed: number(CHANGED)?,
        }))
    }
}

/// The annotations of a folder or an item, in the order of their parts.
pub(super) fn kept(
    reads: &dyn Reads,
    owner: AccountId,
    object: u64,
    numbers: Numbers,
) -> Result<Vec<Kept>, EngineError> {
    let tree = reads.overlay_tree(owner, object)?;
    let all = tree.iter().filter_map(|(path, values)| match path[..] {
        [PathStep::Part(part)] if part >= FIRST_PART => read(part, values, numbers),
        _ => None,
    });
    Ok(all.collect())
}

fn read(part: u32, values: &[OverlayValue], numbers: Numbers) -> Option<Kept> {
    let of = |number| values.iter().find(|value| value.property == number);
    let Value::Text(name) = &of(numbers.name)?.value else {
        return None;
    };
    let value = match of(numbers.value).map(|value| &value.value) {
        Some(Value::Binary(value)) => Some(value.clone()),
        Some(_) => return None,
        None => None,
    };
    let reader = match numbers.reader.and_then(of).map(|value| &value.value) {
        Some(Value::Integer64(reader)) => Some(AccountId(u32::try_from(*reader).ok()?)),
        _ => None,
    };
    let changed = match numbers.changed.and_then(of).map(|value| &value.value) {
        Some(Value::Integer64(changed)) => ChangeSeq(u64::try_from(*changed).ok()?),
        _ => ChangeSeq(0),
    };
    Some(Kept {
        part,
        reader,
        name: name.clone(),
        value,
        changed,
    })
}

/// The lowest part that holds nothing.
pub(super) fn free_part(all: &[Kept]) -> u32 {
    let mut free = FIRST_PART;
    // Parts come in the order of their numbers.
    for kept in all {
        if kept.part == free {
            free += 1;
        }
    }
    free
}

/// What is put into a part.
pub(super) struct Entry<'a> {
    pub(super) reader: Option<AccountId>,
    pub(super) name: &'a str,
    pub(super) value: Option<&'a Bytes>,
    pub(super) changed: Option<ChangeSeq>,
}

impl Txn<'_, '_> {
    pub(super) fn put_part(
        &mut self,
        object: OverlayObject,
        part: u32,
        entry: &Entry<'_>,
    ) -> Result<(), EngineError> {
        // Interned in any case, so that reading knows the number.
        let value = self.number(VALUE)?;
        let mut changes = vec![set(self.number(NAME)?, Value::Text(entry.name.to_owned()))];
        changes.push(match entry.value {
            Some(bytes) => set(value, Value::Binary(bytes.clone())),
            None => OverlayInput::Remove(value),
        });
        if let Some(owner) = entry.reader {
            let reader = self.number(READER)?;
            changes.push(set(reader, Value::Integer64(i64::from(owner.0))));
        }
        if let Some(changed) = entry.changed {
            let number = self.number(CHANGED)?;
            let changed = i64::try_from(changed.0).unwrap_or(i64::MAX);
            changes.push(set(number, Value::Integer64(changed)));
        }
        let owner = self.account.id();
        let path = [PathStep::Part(part)];
        Ok(self.txn.set_overlay(owner, object, &path, &changes)?)
    }

    pub(super) fn drop_part(
        &mut self,
        object: OverlayObject,
        part: u32,
    ) -> Result<(), EngineError> {
        let owner = self.account.id();
        let path = [PathStep::Part(part)];
        Ok(self.txn.remove_overlay(owner, object, &path)?)
    }

    fn number(&mut self, name: &str) -> Result<u32, EngineError> {
        Ok(self.txn.intern(self.account.id(), &property(name))?)
    }
}

fn set(property: u32, value: Value) -> OverlayInput {
    OverlayInput::Set(OverlayValue {
        property,
        value,
        binding: Binding::Free,
    })
}
