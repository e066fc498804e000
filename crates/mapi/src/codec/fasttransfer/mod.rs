//! Streams of `FastTransfer`: whole messages and folders as one run of markers and properties.
//!
//! Only the words of the stream, not what order they may stand in. A stream comes in pieces cut
//! where the sender liked, and long values pass through in pieces too, so that neither side ever
//! holds more than [`ELEMENT_BYTES_MAX`] of it.
//!
//! Start at [`Lexer`] for reading and at [`Producer`] for writing.
//!
//! Source: [MS-OXCFXICS] 2.2.4.1 (lexical structure), 3.2.5.8.1 (how it is cut).

mod lexer;
mod marker;
mod producer;
mod value;

pub use lexer::Lexer;
pub use marker::Marker;
pub use producer::Producer;

use crate::codec::data::{PropertyName, PropertyTag, Value};
use bytes::Bytes;

/// Bytes of one marker or property that are held until it is whole; single values longer than
/// [`LONG_BYTES_MIN`] pass in pieces instead, so this bounds only lists of values.
pub const ELEMENT_BYTES_MAX: usize = 1024 * 1024;
/// Bytes from which a text or bytes pass in pieces.
pub const LONG_BYTES_MIN: usize = 64 * 1024;

/// What a stream is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Element {
    /// Something begins or ends.
    Marker(Marker),
    /// A property with its value.
    Property(Property),
    /// A property whose value follows in [`Element::Piece`]s, this many bytes in all.
    Long(Key, u32),
    /// Bytes of the value that was begun last, as they stand in the stream: with the zero behind a
    /// text.
    Piece(Bytes),
}

/// What a property is called in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The number and the type; the number of a named property is the sender's own.
    pub tag: PropertyTag,
    /// The name, for numbers from 0x8000.
    pub name: Option<PropertyName>,
}

/// A property in a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    /// What it is called.
    pub key: Key,
    /// Its value. A text in a code page of its own (type 0x8000 and the page) is
    /// [`Value::Unicode`]; an object, and a set of ids that says it is an integer
    /// (`MetaTagIdsetGiven`), are [`Value::Binary`].
    pub value: Value,
}

/// `MetaTagIdsetGiven`: an integer by its type, bytes by its form.
///
/// Source: [MS-OXCFXICS] 2.2.1.1.1.
pub const IDSET_GIVEN: PropertyTag = PropertyTag(0x4017_0003);

impl Key {
    /// The value of a property that came in pieces: all of them together.
    pub fn value_of(&self, bytes: &[u8]) -> Value {
        value::of_bytes(self, bytes)
    }
}

impl Property {
    /// A property that has a number of its own; the type is the value's.
    pub fn fixed(id: u16, value: Value) -> Self {
        let tag = PropertyTag::new(id, value.property_type());
        Self {
            key: Key { tag, name: None },
            value,
        }
    }

    /// A property by its tag, for values whose type does not follow from their form.
    pub fn tagged(tag: PropertyTag, value: Value) -> Self {
        Self {
            key: Key { tag, name: None },
            value,
        }
    }
}

#[cfg(test)]
mod tests;
