//! Names of properties, and texts that choose their own form.
//!
//! Source: [MS-OXCDATA] 2.6.1 (names), 2.11.7 (typed strings).

use super::value::Guid;
use crate::codec::wire::{Count, Malformed, Reader, String8, Wire, Writer};
use bytes::Bytes;

/// The name of a property within a set.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PropertyName {
    /// The set.
    pub set: Guid,
    /// What it is called there.
    pub kind: NameKind,
}

/// What a property is called within its set.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// By a number.
    Number(u32),
    /// By a text of at most 126 UTF-16 units.
    Text(String),
    /// Not at all.
    Nameless,
}

const NUMBER: u8 = 0x00;
const TEXT: u8 = 0x01;
const NAMELESS: u8 = 0xff;

impl Wire for PropertyName {
    const LEAST: usize = 17;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let kind = u8::read(reader)?;
        let set = Guid::read(reader)?;
        let kind = match kind {
            NUMBER => NameKind::Number(u32::read(reader)?),
            TEXT => NameKind::Text(read_sized_text(reader)?),
            NAMELESS => NameKind::Nameless,
            unknown => return Err(Malformed::Unknown(unknown.into())),
        };
        Ok(Self { set, kind })
    }

    fn write(&self, writer: &mut Writer) {
        let kind = match self.kind {
            NameKind::Number(_) => NUMBER,
            NameKind::Text(_) => TEXT,
            NameKind::Nameless => NAMELESS,
        };
        kind.write(writer);
        self.set.write(writer);
        match &self.kind {
            NameKind::Number(number) => number.write(writer),
            NameKind::Text(text) => writer.sized::<u8>(|inner| text.write(inner)),
            NameKind::Nameless => {}
        }
    }
}

/// A text that fills its size together with the zero behind it.
fn read_sized_text(reader: &mut Reader<'_>) -> Result<String, Malformed> {
    let size = u8::read(reader)?.to_size();
    let mut part = reader.part(size)?;
    let text = String::read(&mut part)?;
    part.finish()?;
    Ok(text)
}

/// A text that says itself how it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypedString {
    /// There is none.
    Absent,
    /// Empty.
    Empty,
    /// In a code page.
    Narrow(String8),
    /// Only of units below 256, one byte for each.
    Reduced(String8),
    /// In UTF-16.
    Unicode(String),
}

impl TypedString {
    /// The form for `text` that Exchange chooses: the shortest. One client is known that reads a
    /// plain text in no other.
    pub fn new(text: &str) -> Self {
        let reduced = || text.chars().map(u8::try_from).collect::<Result<Bytes, _>>();
        match reduced() {
            _ if text.is_empty() => Self::Empty,
            Ok(bytes) => Self::Reduced(String8(bytes)),
            Err(_) => Self::Unicode(text.to_owned()),
        }
    }
}

impl Wire for TypedString {
    const LEAST: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match u8::read(reader)? {
            0 => Self::Absent,
            1 => Self::Empty,
            2 => Self::Narrow(String8::read(reader)?),
            3 => Self::Reduced(String8::read(reader)?),
            4 => Self::Unicode(String::read(reader)?),
            unknown => return Err(Malformed::Unknown(unknown.into())),
        })
    }

    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Absent => writer.put(&[0]),
            Self::Empty => writer.put(&[1]),
            Self::Narrow(text) => {
                writer.put(&[2]);
                text.write(writer);
            }
            Self::Reduced(text) => {
                writer.put(&[3]);
                text.write(writer);
            }
            Self::Unicode(text) => {
                writer.put(&[4]);
                text.write(writer);
            }
        }
    }
}
