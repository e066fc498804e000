//! Typed properties that the canonical body cannot carry, for a folder, an item or a part of one.
//!
//! One row holds all values of one object of the tree; a value that is long is a body of its own.

use crate::error::StoreError;
use crate::id::{BodyHash, BodyNumber, Guid, Timestamp};
use crate::model::codec::{Decoder, Encoder, Row, corrupt};
use bytes::Bytes;

/// Longest value in bytes that stands in the row; longer ones become bodies.
pub const VALUE_INLINE_BYTES_MAX: usize = 4 * 1024;
/// Deepest part of an item that may have values: messages within messages end here.
pub const PATH_STEPS_MAX: usize = 16;
/// Deepest list within a list: only lists of plain values exist.
const LIST_DEPTH_MAX: u32 = 1;

/// One step from an object to a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathStep {
    /// A recipient, by its stable number.
    Recipient(u32),
    /// An attachment, by its stable number.
    Attachment(u32),
    /// The message that an attachment holds.
    Embedded,
    /// Anything else that a protocol keeps apart, by a number of its own.
    Part(u32),
}

/// The way from a folder or item to the part that has the values; empty for itself.
pub type OverlayPath = [PathStep];

pub(crate) fn path_bytes(path: &OverlayPath) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(path.len() * 5);
    for step in path {
        let (kind, number) = match *step {
            PathStep::Recipient(number) => (0, number),
            PathStep::Attachment(number) => (1, number),
            PathStep::Embedded => (2, 0),
            PathStep::Part(number) => (3, number),
        };
        bytes.push(kind);
        bytes.extend_from_slice(&u32::to_be_bytes(number));
    }
    bytes
}

pub(crate) fn path_from_bytes(bytes: &[u8]) -> Result<Vec<PathStep>, StoreError> {
    let mut input = Decoder::new(bytes);
    let mut path = Vec::with_capacity(bytes.len() / 5);
    while !input.is_empty() {
        let kind = input.byte()?;
        let number = u32::from_be_bytes(input.array()?);
        path.push(match kind {
            0 => PathStep::Recipient(number),
            1 => PathStep::Attachment(number),
            2 if number == 0 => PathStep::Embedded,
            3 => PathStep::Part(number),
            _ => return Err(corrupt("unknown step in an overlay path")),
        });
    }
    Ok(path)
}

/// A typed value. The types are those of [MS-OXCDATA] 2.11.1, which hold those of the other
/// protocols.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// 16 bits.
    Integer16(i16),
    /// 32 bits.
    Integer32(i32),
    /// 64 bits.
    Integer64(i64),
    /// Single precision.
    Floating32(f32),
    /// Double precision.
    Floating64(f64),
    /// In 1/10000 of a unit.
    Currency(i64),
    /// Days since 1899-12-30.
    FloatingTime(f64),
    /// An error code that stands for a value.
    Error(u32),
    /// Yes or no.
    Boolean(bool),
    /// Text.
    Text(String),
    /// A point in time.
    Time(Timestamp),
    /// A GUID.
    Guid(Guid),
    /// Bytes.
    Binary(Bytes),
    /// Several values of one type.
    List(Vec<Value>),
    /// Long text, kept as a body (UTF-8).
    TextBody(BodyNumber, u64),
    /// Long bytes, kept as a body.
    BinaryBody(BodyNumber, u64),
}

impl Value {
    /// The body it is kept in, if it is long.
    pub fn body(&self) -> Option<BodyNumber> {
        match self {
            Self::TextBody(body, _) | Self::BinaryBody(body, _) => Some(*body),
            _ => None,
        }
    }

    pub(crate) fn write(&self, out: &mut Encoder) {
        match self {
            Self::Integer16(value) => signed(out, 0, i64::from(*value)),
            Self::Integer32(value) => signed(out, 1, i64::from(*value)),
            Self::Integer64(value) => signed(out, 2, *value),
            Self::Floating32(value) => fixed(out, 3, &value.to_be_bytes()),
            Self::Floating64(value) => fixed(out, 4, &value.to_be_bytes()),
            Self::Currency(value) => signed(out, 5, *value),
            Self::FloatingTime(value) => fixed(out, 6, &value.to_be_bytes()),
            Self::Error(value) => fixed(out, 7, &value.to_be_bytes()),
            Self::Boolean(value) => fixed(out, 8, &[u8::from(*value)]),
            Self::Text(text) => long(out, 9, text.as_bytes()),
            Self::Time(time) => signed(out, 10, time.0),
            Self::Guid(guid) => fixed(out, 11, &guid.0),
            Self::Binary(bytes) => long(out, 12, bytes),
            Self::List(values) => {
                out.byte(13);
                out.number(values.len() as u64);
                for value in values {
                    value.write(out);
                }
            }
            Self::TextBody(body, len) => in_body(out, 14, *body, *len),
            Self::BinaryBody(body, len) => in_body(out, 15, *body, *len),
        }
    }

    /// `depth` is how many lists may still open.
    fn read(input: &mut Decoder<'_>, depth: u32) -> Result<Self, StoreError> {
        Ok(match input.byte()? {
            0 => Self::Integer16(narrow(input.signed()?)?),
            1 => Self::Integer32(narrow(input.signed()?)?),
            2 => Self::Integer64(input.signed()?),
            3 => Self::Floating32(f32::from_be_bytes(input.array()?)),
            4 => Self::Floating64(f64::from_be_bytes(input.array()?)),
            5 => Self::Currency(input.signed()?),
            6 => Self::FloatingTime(f64::from_be_bytes(input.array()?)),
            7 => Self::Error(u32::from_be_bytes(input.array()?)),
            8 => Self::Boolean(input.byte()? != 0),
            9 => Self::Text(input.text()?),
            10 => Self::Time(Timestamp(input.signed()?)),
            11 => Self::Guid(Guid(input.array()?)),
            12 => Self::Binary(Bytes::copy_from_slice(input.bytes()?)),
            13 if depth > 0 => Self::List(read_list(input, depth - 1)?),
            14 => Self::TextBody(BodyNumber(input.number()?), input.number()?),
            15 => Self::BinaryBody(BodyNumber(input.number()?), input.number()?),
            _ => return Err(corrupt("unknown type of value")),
        })
    }
}

fn signed(out: &mut Encoder, kind: u8, value: i64) {
    out.byte(kind);
    out.signed(value);
}

fn fixed(out: &mut Encoder, kind: u8, bytes: &[u8]) {
    out.byte(kind);
    out.raw(bytes);
}

fn long(out: &mut Encoder, kind: u8, bytes: &[u8]) {
    out.byte(kind);
    out.bytes(bytes);
}

fn in_body(out: &mut Encoder, kind: u8, body: BodyNumber, len: u64) {
    out.byte(kind);
    out.number(body.0);
    out.number(len);
}

fn narrow<T: TryFrom<i64>>(value: i64) -> Result<T, StoreError> {
    T::try_from(value).map_err(|_| corrupt("integer out of range"))
}

fn read_list(input: &mut Decoder<'_>, depth: u32) -> Result<Vec<Value>, StoreError> {
    let count = input.length()?;
    (0..count).map(|_| Value::read(input, depth)).collect()
}

/// Whether a value lives by itself or with the body it was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// It has no home in the body and survives any change of it.
    Free,
    /// It was made from the body with this hash and is dropped when the body differs.
    Bound(BodyHash),
}

/// A value with its property's number and its binding.
#[derive(Debug, Clone, PartialEq)]
pub struct OverlayValue {
    /// The interned number of the property.
    pub property: u32,
    /// What it is.
    pub value: Value,
    /// How long it lives.
    pub binding: Binding,
}

/// All values of one object, ascending by property.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct OverlayRow(pub(crate) Vec<OverlayValue>);

impl Row for OverlayRow {
    fn write(&self, out: &mut Encoder) {
        for entry in &self.0 {
            out.number(u64::from(entry.property));
            match entry.binding {
                Binding::Free => out.byte(0),
                Binding::Bound(hash) => {
                    out.byte(1);
                    out.raw(&hash.0);
                }
            }
            entry.value.write(out);
        }
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, StoreError> {
        let mut entries = Vec::new();
        while !input.is_empty() {
            entries.push(OverlayValue {
                property: input.number32()?,
                binding: match input.byte()? {
                    0 => Binding::Free,
                    1 => Binding::Bound(BodyHash(input.array()?)),
                    _ => return Err(corrupt("unknown binding of a value")),
                },
                value: Value::read(input, LIST_DEPTH_MAX)?,
            });
        }
        Ok(Self(entries))
    }
}
