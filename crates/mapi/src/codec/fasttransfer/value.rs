//! Values as streams have them, which is not how ROP buffers have them.
//!
//! Source: [MS-OXCFXICS] 2.2.4.1.1 to 2.2.4.1.3.

use super::{IDSET_GIVEN, Key};
use crate::codec::data::{
    Guid, NameKind, PropertyName, PropertyTag, PropertyType, Value, from_code_page, to_code_page,
};
use crate::codec::wire::{Count, Form, Malformed, Reader, String8, Wire, Writer, text_of_units};
use bytes::Bytes;

/// From here on numbers are the sender's own, and names stand behind them.
const NAMED_FROM: u16 = 0x8000;
const NAME_IS_NUMBER: u8 = 0x00;
const NAME_IS_TEXT: u8 = 0x01;
/// A text whose code page is the rest of the type.
const CODE_PAGE: u16 = 0x8000;
const MULTIPLE: u16 = 0x1000;

impl Key {
    /// Reads type, number and name.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let kind = PropertyType::read(reader)?;
        let id = u16::read(reader)?;
        let name = (id >= NAMED_FROM).then(|| read_name(reader)).transpose()?;
        let tag = PropertyTag::new(id, kind);
        Ok(Self { tag, name })
    }

    /// Writes type, number and name.
    pub(super) fn write(&self, writer: &mut Writer) {
        self.tag.write(writer);
        let Some(name) = self.name.as_ref().filter(|_| self.tag.id() >= NAMED_FROM) else {
            return;
        };
        name.set.write(writer);
        match &name.kind {
            NameKind::Number(number) => {
                NAME_IS_NUMBER.write(writer);
                number.write(writer);
            }
            NameKind::Text(text) => {
                NAME_IS_TEXT.write(writer);
                text.write(writer);
            }
            // A property without a name can't be told apart: it gets the empty one.
            NameKind::Nameless => {
                NAME_IS_TEXT.write(writer);
                String::new().write(writer);
            }
        }
    }

    /// Whether the value is one run of bytes behind its size.
    pub(super) fn is_sized(&self) -> bool {
        let kind = self.tag.property_type().0;
        self.tag == IDSET_GIVEN
            || kind & CODE_PAGE != 0
            || matches!(kind, 0x000d | 0x001e | 0x001f | 0x00fb | 0x0102)
    }
}

fn read_name(reader: &mut Reader<'_>) -> Result<PropertyName, Malformed> {
    let set = Guid::read(reader)?;
    let kind = match u8::read(reader)? {
        NAME_IS_NUMBER => NameKind::Number(u32::read(reader)?),
        NAME_IS_TEXT => NameKind::Text(String::read(reader)?),
        unknown => return Err(Malformed::Unknown(unknown.into())),
    };
    Ok(PropertyName { set, kind })
}

fn read_sized<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    let size = u32::read(reader)?.to_size();
    reader.take(size)
}

/// Reads the value of a property.
pub(super) fn read(key: &Key, reader: &mut Reader<'_>) -> Result<Value, Malformed> {
    let kind = key.tag.property_type();
    if key.is_sized() {
        return Ok(of_bytes(key, read_sized(reader)?));
    }
    match kind.0 {
        // Two bytes here, one in ROP buffers.
        0x000b => Ok(Value::Boolean(u16::read(reader)? & 0xff != 0)),
        0x101e => read_list(reader, narrow).map(Value::MultipleString8),
        0x101f => read_list(reader, wide).map(Value::MultipleUnicode),
        0x1102 => read_list(reader, Bytes::copy_from_slice).map(Value::MultipleBinary),
        0x0002..=0x0007
        | 0x000a
        | 0x0014
        | 0x0040
        | 0x0048
        | 0x1002..=0x1007
        | 0x1014
        | 0x1040
        | 0x1048 => Value::read(kind, reader),
        unknown => Err(Malformed::Unknown(unknown.into())),
    }
}

fn read_list<T>(reader: &mut Reader<'_>, read: impl Fn(&[u8]) -> T) -> Result<Vec<T>, Malformed> {
    let count = u32::read(reader)?;
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(read(read_sized(reader)?));
    }
    Ok(values)
}

/// The value that the bytes behind a size are.
pub(super) fn of_bytes(key: &Key, bytes: &[u8]) -> Value {
    match key.tag.property_type().0 {
        0x001e => Value::String8(narrow(bytes)),
        0x001f => Value::Unicode(wide(bytes)),
        0x00fb => Value::ServerId(Bytes::copy_from_slice(bytes)),
        kind if kind & CODE_PAGE != 0 => {
            let text = from_code_page(u32::from(kind & !CODE_PAGE), bytes);
            Value::Unicode(text.trim_end_matches('\0').to_owned())
        }
        _ => Value::Binary(Bytes::copy_from_slice(bytes)),
    }
}

/// A text up to its zero.
fn narrow(bytes: &[u8]) -> String8 {
    let text = bytes.split(|&byte| byte == 0).next();
    String8(Bytes::copy_from_slice(text.unwrap_or_default()))
}

fn wide(bytes: &[u8]) -> String {
    let units = bytes.as_chunks::<2>().0;
    let end = units.iter().position(|unit| *unit == [0, 0]);
    text_of_units(units.get(..end.unwrap_or(units.len())).unwrap_or_default())
}

/// What stands behind the key of a property.
pub(super) enum Written {
    /// As it is, not to be cut.
    Whole(Vec<u8>),
    /// A size, and bytes that may be cut.
    Sized(Vec<u8>),
    /// A count, and several of these.
    List(Vec<Vec<u8>>),
    /// A count, and several values of so many bytes each.
    Row(Vec<u8>, usize),
}

/// Bytes of the number of values in a list.
pub(super) const COUNT_BYTES: usize = 4;

/// Bytes of each value in a list of this type, where all have the same.
fn width(kind: u16) -> Option<usize> {
    Some(match kind {
        0x1002 => 2,
        0x1003 | 0x1004 => 4,
        0x1005 | 0x1006 | 0x1007 | 0x1014 | 0x1040 => 8,
        0x1048 => 16,
        _ => return None,
    })
}

/// The form of a value; none for one that does not fit its tag.
pub(super) fn written(tag: PropertyTag, value: &Value) -> Option<Written> {
    let kind = tag.property_type().0;
    Some(match value {
        Value::Binary(bytes) if tag == IDSET_GIVEN || matches!(kind, 0x0102 | 0x000d) => {
            Written::Sized(bytes.to_vec())
        }
        Value::ServerId(bytes) if kind == 0x00fb => Written::Sized(bytes.to_vec()),
        Value::Unicode(text) if kind & CODE_PAGE != 0 => {
            Written::Sized(in_code_page(u32::from(kind & !CODE_PAGE), text))
        }
        value if value.property_type().0 != kind => return None,
        Value::Unicode(text) => Written::Sized(encoded(text)?),
        Value::String8(text) => Written::Sized(encoded(text)?),
        Value::Boolean(is_set) => Written::Whole(u16::from(*is_set).to_le_bytes().to_vec()),
        Value::MultipleUnicode(texts) => Written::List(texts.iter().filter_map(encoded).collect()),
        Value::MultipleString8(texts) => Written::List(texts.iter().filter_map(encoded).collect()),
        Value::MultipleBinary(all) => Written::List(all.iter().map(|one| one.to_vec()).collect()),
        Value::Null
        | Value::Object
        | Value::Missing(_)
        | Value::Restriction(_)
        | Value::RuleActions(_) => return None,
        value if kind & MULTIPLE != 0 || kind < MULTIPLE => {
            let mut writer = Writer::new(Form::Rop);
            value.write(&mut writer);
            let bytes = writer.finish().ok()?;
            match width(kind) {
                Some(width) => Written::Row(bytes, width),
                None => Written::Whole(bytes),
            }
        }
        _ => return None,
    })
}

fn encoded<T: Wire>(value: &T) -> Option<Vec<u8>> {
    let mut writer = Writer::new(Form::Rop);
    value.write(&mut writer);
    writer.finish().ok()
}

/// A text with its zero, which is as wide as the code page's units.
fn in_code_page(code_page: u32, text: &str) -> Vec<u8> {
    let until_zero = text.split('\0').next().unwrap_or_default();
    to_code_page(code_page, &format!("{until_zero}\0"))
}
