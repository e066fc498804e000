//! Properties of what is open: told from the store's rows, the summary and the body.
//!
//! Start at [`Properties`]; [`cell`] fits a value to what was asked for.
//!
//! Source: [MS-OXCPRPT] 3.2.5.1 (types and limits), [MS-OXPROPS].

pub mod attachment;
pub mod folder;
pub mod item;
pub mod kept;
mod letter;
pub mod message;
pub mod names;
pub(crate) mod parts;
pub mod person;
pub mod store;

use crate::codec::data::{
    Cell, FileTime, PropertyTag, PropertyType, Value, from_code_page, to_code_page,
};
use crate::codec::wire::String8;
use crate::content::Values;
use crate::refusal::Refusal;
use engine::Timestamp;

/// Something that has properties.
pub trait Properties {
    /// All that it may have, each with the type in which it is told.
    fn tags(&self) -> Vec<PropertyTag>;
    /// The property of this identifier, if it is there.
    fn value(&self, id: u16) -> Result<Option<Value>, Refusal>;
    /// Recipients or attachments of a message, by what each says; what has none of that kind is
    /// [`Refusal::TooComplex`].
    fn parts(&self, _id: u16) -> Result<Vec<Values>, Refusal> {
        Err(Refusal::TooComplex)
    }
}

/// `MAPI_E_NOT_ENOUGH_MEMORY`: to be read as a stream.
pub const TOO_LONG_HERE: u32 = 0x8007_000e;

/// How properties are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Of 8-bit texts.
    pub code_page: u32,
    /// Longer values are not told but named too long, in bytes.
    pub bytes_max: usize,
}

/// A property in the type that was asked for.
pub fn cell(source: &dyn Properties, tag: PropertyTag, wanted: Wanted) -> Result<Cell, Refusal> {
    let kind = tag.property_type();
    let found = source.value(tag.id())?;
    let Some(value) = found.and_then(|value| in_type(value, kind, wanted.code_page)) else {
        return Ok(Cell::error(kind, Refusal::NotFound.code()));
    };
    if bytes_of(&value) > wanted.bytes_max {
        return Ok(Cell::error(kind, TOO_LONG_HERE));
    }
    if kind == PropertyType::UNSPECIFIED {
        return Ok(Cell::typed(value));
    }
    Ok(Cell::value(value))
}

/// Texts are told in either form, everything else in its own type only.
fn in_type(value: Value, kind: PropertyType, code_page: u32) -> Option<Value> {
    match (value, kind) {
        (Value::Unicode(text), PropertyType::STRING8) => {
            let text = to_code_page(code_page, &text);
            Some(Value::String8(String8(text.into())))
        }
        (Value::MultipleUnicode(all), PropertyType::MULTIPLE_STRING8) => {
            let narrow = |text: &String| String8(to_code_page(code_page, text).into());
            Some(Value::MultipleString8(all.iter().map(narrow).collect()))
        }
        (value, PropertyType::UNSPECIFIED) => Some(value),
        (value, kind) => (value.property_type() == kind).then_some(value),
    }
}

/// A value whose texts are in Unicode, as all texts are kept.
pub fn in_unicode(value: Value, code_page: u32) -> Value {
    match value {
        Value::String8(text) => Value::Unicode(from_code_page(code_page, &text.0)),
        Value::MultipleString8(all) => {
            let texts = all.iter().map(|text| from_code_page(code_page, &text.0));
            Value::MultipleUnicode(texts.collect())
        }
        other => other,
    }
}

/// Bytes of what can be long.
pub fn bytes_of(value: &Value) -> usize {
    match value {
        Value::Unicode(text) => text.encode_utf16().count() * 2,
        Value::String8(text) => text.0.len(),
        Value::Binary(bytes) => bytes.len(),
        _ => 0,
    }
}

/// A size or count as the number that stands for it.
pub(crate) fn integer(number: u64) -> Value {
    Value::Integer32(i32::try_from(number).unwrap_or(i32::MAX))
}

/// When something was; none before 1601, where times of properties begin.
pub(crate) fn moment(at: Timestamp) -> Option<Value> {
    let time = FileTime::from_unix(at.0);
    (time != FileTime::default()).then_some(Value::Time(time))
}
