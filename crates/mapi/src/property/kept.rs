//! Values as the store keeps them, and as clients have them.
//!
//! The store has one type for texts and none for conditions, actions and server ids, which are kept
//! as the bytes that clients sent; what they are follows from the property.
//!
//! Source: [MS-OXCDATA] 2.11.1.

use super::names::{Meaning, Names, number};
use crate::codec::data::{FileTime, Guid, Value};
use crate::codec::wire::{Form, Writer};
use crate::content::Values;
use crate::refusal::Refusal;
use engine::account::values::ValueChange;
use engine::{Account, EngineError, OverlayValue, Reading, Timestamp, Txn};
use std::collections::BTreeSet;

/// Bytes of one value that are read; what is longer is cut.
const VALUE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Properties whose bytes are the name of something in the same mailbox.
/// Source: [MS-OXCDATA] 2.11.1.4.
const SERVER_IDS: [u16; 2] = [0x6740, 0x0e0a];

/// What is kept of one object.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kept {
    /// Its properties.
    pub values: Values,
    /// Which of the letter's parts has its data.
    pub part: Option<u32>,
    /// Its recipients are kept with it.
    pub has_recipients: bool,
    /// Its attachments are kept with it.
    pub has_attachments: bool,
    /// What was removed, though the letter itself says it.
    pub gone: BTreeSet<u16>,
}

/// The mark of what was removed: `ecNotFound` in place of the value.
const GONE: u32 = 0x8004_010f;

/// Reads what is kept of one object.
pub fn read(
    account: &Account,
    names: &Names,
    view: &impl Reading,
    all: &[OverlayValue],
) -> Result<Kept, Refusal> {
    let mut kept = Kept::default();
    for entry in all {
        match names.meaning(view, entry.property)? {
            Meaning::Property(id) if entry.value == engine::Value::Error(GONE) => {
                kept.gone.insert(id);
            }
            Meaning::Property(id) => {
                let value = from_store(account, id, &entry.value)?;
                kept.values.extend(value.map(|value| (id, value)));
            }
            Meaning::Part => {
                if let engine::Value::Integer64(part) = entry.value {
                    kept.part = u32::try_from(part).ok();
                }
            }
            Meaning::Recipients => kept.has_recipients = true,
            Meaning::Attachments => kept.has_attachments = true,
            Meaning::Foreign => {}
        }
    }
    Ok(kept)
}

fn from_store(account: &Account, id: u16, value: &engine::Value) -> Result<Option<Value>, Refusal> {
    let long = || account.read_value(value, 0..VALUE_BYTES_MAX);
    Ok(match value {
        engine::Value::TextBody(..) => {
            let text = String::from_utf8_lossy(&long()?).into_owned();
            Some(Value::Unicode(text))
        }
        engine::Value::BinaryBody(..) => Some(Value::Binary(long()?)),
        engine::Value::Binary(bytes) if SERVER_IDS.contains(&id) && is_server_id(bytes) => {
            Some(Value::ServerId(bytes.clone()))
        }
        engine::Value::List(list) => from_list(list),
        single => from_single(single),
    })
}

/// One's own ids have this length, an entry id another. Source: [MS-OXCDATA] 2.11.1.4.
fn is_server_id(bytes: &[u8]) -> bool {
    bytes.len() == 21
}

fn from_single(value: &engine::Value) -> Option<Value> {
    Some(match value {
        engine::Value::Integer16(value) => Value::Integer16(*value),
        engine::Value::Integer32(value) => Value::Integer32(*value),
        engine::Value::Integer64(value) => Value::Integer64(*value),
        engine::Value::Floating32(value) => Value::Floating32(*value),
        engine::Value::Floating64(value) => Value::Floating64(*value),
        engine::Value::Currency(value) => Value::Currency(*value),
        engine::Value::FloatingTime(value) => Value::FloatingTime(*value),
        engine::Value::Error(value) => Value::ErrorCode(*value),
        engine::Value::Boolean(value) => Value::Boolean(*value),
        engine::Value::Text(text) => Value::Unicode(text.clone()),
        engine::Value::Time(time) => Value::Time(FileTime::from_unix(time.0)),
        engine::Value::Guid(guid) => Value::Guid(Guid(guid.0)),
        engine::Value::Binary(bytes) => Value::Binary(bytes.clone()),
        engine::Value::List(_) | engine::Value::TextBody(..) | engine::Value::BinaryBody(..) => {
            return None;
        }
    })
}

/// A list is told by the type of its first value; an empty one has none.
macro_rules! list {
    ($list:expr, $($stored:ident => $told:ident: $each:expr;)*) => {
        match $list.first()? {
            $(engine::Value::$stored(_) => {
                let each = $list.iter().map(|value| match value {
                    engine::Value::$stored(value) => Some($each(value)),
                    _ => None,
                });
                Some(Value::$told(each.collect::<Option<_>>()?))
            })*
            _ => None,
        }
    };
}

fn from_list(list: &[engine::Value]) -> Option<Value> {
    list!(list,
        Integer16 => MultipleInteger16: |value: &i16| *value;
        Integer32 => MultipleInteger32: |value: &i32| *value;
        Integer64 => MultipleInteger64: |value: &i64| *value;
        Floating32 => MultipleFloating32: |value: &f32| *value;
        Floating64 => MultipleFloating64: |value: &f64| *value;
        Currency => MultipleCurrency: |value: &i64| *value;
        FloatingTime => MultipleFloatingTime: |value: &f64| *value;
        Text => MultipleUnicode: String::clone;
        Time => MultipleTime: |time: &Timestamp| FileTime::from_unix(time.0);
        Guid => MultipleGuid: |guid: &engine::Guid| Guid(guid.0);
        Binary => MultipleBinary: bytes::Bytes::clone;
    )
}

/// A value as the store keeps it; none of what is no value. Texts are in Unicode by then.
pub fn to_store(value: &Value) -> Option<engine::Value> {
    use engine::Value as Stored;
    fn list<T>(all: &[T], each: impl Fn(&T) -> Stored) -> Stored {
        Stored::List(all.iter().map(each).collect())
    }
    let time = |time: &FileTime| Stored::Time(Timestamp(time.to_unix()));
    Some(match value {
        Value::Integer16(value) => Stored::Integer16(*value),
        Value::Integer32(value) => Stored::Integer32(*value),
        Value::Integer64(value) => Stored::Integer64(*value),
        Value::Floating32(value) => Stored::Floating32(*value),
        Value::Floating64(value) => Stored::Floating64(*value),
        Value::Currency(value) => Stored::Currency(*value),
        Value::FloatingTime(value) => Stored::FloatingTime(*value),
        Value::ErrorCode(value) => Stored::Error(*value),
        Value::Boolean(value) => Stored::Boolean(*value),
        Value::Unicode(text) => Stored::Text(text.clone()),
        Value::String8(text) => Stored::Text(String::from_utf8_lossy(&text.0).into_owned()),
        Value::Time(value) => time(value),
        Value::Guid(guid) => Stored::Guid(engine::Guid(guid.0)),
        Value::ServerId(bytes) | Value::Binary(bytes) => Stored::Binary(bytes.clone()),
        Value::Restriction(_) | Value::RuleActions(_) => {
            let mut writer = Writer::new(Form::Rop);
            value.write(&mut writer);
            Stored::Binary(writer.finish().ok()?.into())
        }
        Value::MultipleInteger16(all) => list(all, |value| Stored::Integer16(*value)),
        Value::MultipleInteger32(all) => list(all, |value| Stored::Integer32(*value)),
        Value::MultipleInteger64(all) => list(all, |value| Stored::Integer64(*value)),
        Value::MultipleFloating32(all) => list(all, |value| Stored::Floating32(*value)),
        Value::MultipleFloating64(all) => list(all, |value| Stored::Floating64(*value)),
        Value::MultipleCurrency(all) => list(all, |value| Stored::Currency(*value)),
        Value::MultipleFloatingTime(all) => list(all, |value| Stored::FloatingTime(*value)),
        Value::MultipleUnicode(all) => list(all, |text| Stored::Text(text.clone())),
        Value::MultipleString8(all) => list(all, |text| {
            Stored::Text(String::from_utf8_lossy(&text.0).into_owned())
        }),
        Value::MultipleTime(all) => list(all, time),
        Value::MultipleGuid(all) => list(all, |guid| Stored::Guid(engine::Guid(guid.0))),
        Value::MultipleBinary(all) => list(all, |bytes| Stored::Binary(bytes.clone())),
        Value::Null | Value::Object | Value::Missing(_) => return None,
    })
}

/// What turns the values that an object has into those that it is to have.
///
/// `is_of_bytes` says which of them the letter itself tells.
pub fn difference(
    txn: &mut Txn<'_, '_>,
    old: &Kept,
    new: &Kept,
    is_of_bytes: &dyn Fn(Meaning) -> bool,
) -> Result<Vec<ValueChange>, EngineError> {
    let mut changes = Vec::new();
    let mut set = |txn: &mut Txn<'_, '_>, meaning, value| {
        changes.push(ValueChange::Set {
            property: number(txn, meaning)?,
            value,
            is_of_bytes: is_of_bytes(meaning),
        });
        Ok::<_, EngineError>(())
    };
    for (id, value) in &new.values {
        if let Some(value) = to_store(value) {
            set(txn, Meaning::Property(*id), value)?;
        }
    }
    for id in &new.gone {
        set(txn, Meaning::Property(*id), engine::Value::Error(GONE))?;
    }
    if let Some(part) = new.part {
        set(txn, Meaning::Part, engine::Value::Integer64(part.into()))?;
    }
    let marks = [
        (new.has_recipients, old.has_recipients, Meaning::Recipients),
        (
            new.has_attachments,
            old.has_attachments,
            Meaning::Attachments,
        ),
    ];
    for (is, _, meaning) in marks {
        if is {
            set(txn, meaning, engine::Value::Boolean(true))?;
        }
    }
    let gone = old.values.keys().chain(&old.gone);
    let is_there = |id: &u16| new.values.contains_key(id) || new.gone.contains(id);
    for id in gone.filter(|id| !is_there(id)) {
        changes.push(ValueChange::Remove(number(txn, Meaning::Property(*id))?));
    }
    for (is, was, meaning) in marks {
        if was && !is {
            changes.push(ValueChange::Remove(number(txn, meaning)?));
        }
    }
    Ok(changes)
}
