//! Values of every type.
//!
//! Start at [`Value`]: the table below it is the one place that knows how a type is written.
//!
//! Source: [MS-OXCDATA] 2.11.1; [MS-OXCMAPIHTTP] 2.2.1.1 (the address book's form).

use super::restriction::Restriction;
use super::tag::{PropertyTag, PropertyType};
use crate::codec::wire::{
    Count, Counted, Form, HAS_VALUE, Layout, Malformed, Measured, Plain, Reader, String8, Wire,
    Writer,
};
use bytes::Bytes;
use std::fmt;
use std::marker::PhantomData;

/// Sixteen bytes in the order of the wire: the first three groups have their low byte first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Guid(pub [u8; 16]);

impl fmt::Display for Guid {
    /// `8a0c7a3e-7b57-4d25-9a6c-3b1d7e0f5a11`: the first three groups are numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The low byte of a number stands first on the wire, and last in its text.
        const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
        for (place, index) in ORDER.into_iter().enumerate() {
            if [4, 6, 8, 10].contains(&place) {
                f.write_str("-")?;
            }
            let byte = self.0.get(index).copied().unwrap_or_default();
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl Wire for Guid {
    const LEAST: usize = 16;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.array().map(Self)
    }

    fn write(&self, writer: &mut Writer) {
        writer.put(&self.0);
    }
}

/// A point in time: 100 ns since 1601-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FileTime(pub u64);

impl FileTime {
    /// 4501-01-01: "no date" in tasks and reminders.
    pub const NEVER: Self = Self(0x0cb3_4557_a3dd_4000);
    /// From 1601-01-01 to 1970-01-01, in 100 ns.
    const UNIX_EPOCH: u64 = 116_444_736_000_000_000;

    /// From 100 ns since 1970; times before 1601 become 1601.
    pub fn from_unix(hundred_nanoseconds: i64) -> Self {
        Self(Self::UNIX_EPOCH.saturating_add_signed(hundred_nanoseconds))
    }

    /// In 100 ns since 1970.
    pub fn to_unix(self) -> i64 {
        let since = i128::from(self.0) - i128::from(Self::UNIX_EPOCH);
        i64::try_from(since).unwrap_or(i64::MAX)
    }
}

impl Wire for FileTime {
    const LEAST: usize = 8;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        u64::read(reader).map(Self)
    }

    fn write(&self, writer: &mut Writer) {
        self.0.write(writer);
    }
}

/// Bytes behind their size, which has the width of the form.
#[derive(Debug)]
pub struct Blob;

impl Layout<Bytes> for Blob {
    const LEAST: usize = 2;

    fn read(reader: &mut Reader<'_>) -> Result<Bytes, Malformed> {
        match reader.form() {
            Form::Rop => Measured::<u16>::read(reader),
            Form::Wide | Form::AddressBook => Measured::<u32>::read(reader),
        }
    }

    fn write(value: &Bytes, writer: &mut Writer) {
        match writer.form() {
            Form::Rop => Measured::<u16>::write(value, writer),
            Form::Wide | Form::AddressBook => Measured::<u32>::write(value, writer),
        }
    }
}

/// Several values behind their number; in the address book each has a byte before it that says
/// whether it is there, and one that is not is read as an empty one.
///
/// The number has 32 bits even in ROP buffers: older texts say 16, clients and servers agree on 32.
#[derive(Debug)]
pub struct Elements<L = Plain>(PhantomData<L>);

impl<T: Default, L: Layout<T>> Layout<Vec<T>> for Elements<L> {
    const LEAST: usize = 4;

    fn read(reader: &mut Reader<'_>) -> Result<Vec<T>, Malformed> {
        let count = u32::read(reader)?.to_size();
        let may_be_missing = reader.form() == Form::AddressBook;
        let least = if may_be_missing { 1 } else { L::LEAST };
        let count = reader.believe(count, least)?;
        let mut values = Vec::new();
        for _ in 0..count {
            let is_missing = may_be_missing && !bool::read(reader)?;
            values.push(if is_missing {
                T::default()
            } else {
                L::read(reader)?
            });
        }
        Ok(values)
    }

    fn write(values: &Vec<T>, writer: &mut Writer) {
        writer.count::<u32>(values.len());
        for value in values {
            if writer.form() == Form::AddressBook {
                writer.put(&[HAS_VALUE]);
            }
            L::write(value, writer);
        }
    }
}

/// The actions of a rule, each behind its size; what they say is read where rules are.
///
/// Source: [MS-OXORULE] 2.2.5.
#[derive(Debug)]
pub struct Actions;

impl Layout<Vec<Bytes>> for Actions {
    const LEAST: usize = 2;

    fn read(reader: &mut Reader<'_>) -> Result<Vec<Bytes>, Malformed> {
        let count = match reader.form() {
            Form::Rop => u16::read(reader)?.to_size(),
            Form::Wide | Form::AddressBook => u32::read(reader)?.to_size(),
        };
        let count = reader.believe(count, Blob::LEAST)?;
        (0..count).map(|_| Blob::read(reader)).collect()
    }

    fn write(actions: &Vec<Bytes>, writer: &mut Writer) {
        match writer.form() {
            Form::Rop => writer.count::<u16>(actions.len()),
            Form::Wide | Form::AddressBook => writer.count::<u32>(actions.len()),
        }
        for action in actions {
            Blob::write(action, writer);
        }
    }
}

impl Wire for Box<Restriction> {
    const LEAST: usize = Restriction::LEAST;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.refuse_within_restriction()?;
        Restriction::read(reader).map(Box::new)
    }

    fn write(&self, writer: &mut Writer) {
        self.as_ref().write(writer);
    }
}

/// One line for each type: its number, its name, what it holds and how that is written.
macro_rules! values {
    ($($(#[$note:meta])* $number:literal $name:ident($type:ty $(as $layout:ty)?);)*) => {
        /// The value of a property.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Value {
            /// No value and no bytes.
            Null,
            /// Something to be opened or read as a stream; no bytes here.
            Object,
            /// In the address book only: a value of this type is not there.
            Missing(PropertyType),
            $($(#[$note])* $name($type),)*
        }

        impl Value {
            /// Its type.
            pub fn property_type(&self) -> PropertyType {
                match self {
                    Self::Null => PropertyType(0x0001),
                    Self::Object => PropertyType::OBJECT,
                    Self::Missing(kind) => *kind,
                    $(Self::$name(_) => PropertyType($number),)*
                }
            }

            fn read_present(
                kind: PropertyType,
                reader: &mut Reader<'_>,
            ) -> Result<Self, Malformed> {
                match kind.0 {
                    0x0001 => Ok(Self::Null),
                    0x000d => Ok(Self::Object),
                    $($number => {
                        <crate::codec::wire::layout_of!($($layout)?) as Layout<$type>>::read(reader)
                            .map(Self::$name)
                    })*
                    unknown => Err(Malformed::Unknown(unknown.into())),
                }
            }

            fn write_present(&self, writer: &mut Writer) {
                match self {
                    Self::Null | Self::Object | Self::Missing(_) => {}
                    $(Self::$name(value) => {
                        <crate::codec::wire::layout_of!($($layout)?) as Layout<$type>>::write(
                            value, writer,
                        );
                    })*
                }
            }
        }
    };
}

values! {
    /// 16 bits.
    0x0002 Integer16(i16);
    /// 32 bits.
    0x0003 Integer32(i32);
    /// Single precision.
    0x0004 Floating32(f32);
    /// Double precision.
    0x0005 Floating64(f64);
    /// In 1/10000 of a unit.
    0x0006 Currency(i64);
    /// Days since 1899-12-30.
    0x0007 FloatingTime(f64);
    /// Why there is no value.
    0x000a ErrorCode(u32);
    /// Yes or no.
    0x000b Boolean(bool);
    /// 64 bits.
    0x0014 Integer64(i64);
    /// Text in the code page of its message or session.
    0x001e String8(String8);
    /// Text.
    0x001f Unicode(String);
    /// A point in time.
    0x0040 Time(FileTime);
    /// A GUID.
    0x0048 Guid(Guid);
    /// A folder or message of this store, or what a client keeps there ([`super::ServerId`]).
    0x00fb ServerId(Bytes as Blob);
    /// A condition.
    0x00fd Restriction(Box<Restriction>);
    /// What a rule does.
    0x00fe RuleActions(Vec<Bytes> as Actions);
    /// Bytes.
    0x0102 Binary(Bytes as Blob);
    /// Several of 16 bits.
    0x1002 MultipleInteger16(Vec<i16> as Counted<u32>);
    /// Several of 32 bits.
    0x1003 MultipleInteger32(Vec<i32> as Counted<u32>);
    /// Several of single precision.
    0x1004 MultipleFloating32(Vec<f32> as Counted<u32>);
    /// Several of double precision.
    0x1005 MultipleFloating64(Vec<f64> as Counted<u32>);
    /// Several amounts.
    0x1006 MultipleCurrency(Vec<i64> as Counted<u32>);
    /// Several days.
    0x1007 MultipleFloatingTime(Vec<f64> as Counted<u32>);
    /// Several of 64 bits.
    0x1014 MultipleInteger64(Vec<i64> as Counted<u32>);
    /// Several texts of a code page.
    0x101e MultipleString8(Vec<String8> as Elements);
    /// Several texts.
    0x101f MultipleUnicode(Vec<String> as Elements);
    /// Several points in time.
    0x1040 MultipleTime(Vec<FileTime> as Counted<u32>);
    /// Several GUIDs.
    0x1048 MultipleGuid(Vec<Guid> as Counted<u32>);
    /// Several runs of bytes.
    0x1102 MultipleBinary(Vec<Bytes> as Elements<Blob>);
}

impl Value {
    /// Takes a value of `kind`.
    pub fn read(kind: PropertyType, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let kind = kind.of_value();
        let may_be_missing = reader.form() == Form::AddressBook && Self::says_presence(kind);
        if may_be_missing && !bool::read(reader)? {
            return Ok(Self::Missing(kind));
        }
        Self::read_present(kind, reader)
    }

    /// Puts the value, without its type.
    pub fn write(&self, writer: &mut Writer) {
        let kind = self.property_type();
        if writer.form() == Form::AddressBook && Self::says_presence(kind) {
            if matches!(self, Self::Missing(_)) {
                writer.put(&[0]);
                return;
            }
            writer.put(&[HAS_VALUE]);
        }
        self.write_present(writer);
    }

    /// Whether a byte before such a value says that it is there.
    ///
    /// Source: [MS-OXCMAPIHTTP] 2.2.1.1.
    fn says_presence(kind: PropertyType) -> bool {
        let texts_and_bytes = [
            PropertyType::STRING8,
            PropertyType::UNICODE,
            PropertyType::BINARY,
        ];
        kind.is_multiple() || texts_and_bytes.contains(&kind)
    }
}

/// A value behind its tag. What is written is always of the value's own type.
#[derive(Debug, Clone, PartialEq)]
pub struct TaggedValue {
    /// Which property.
    pub tag: PropertyTag,
    /// What it is.
    pub value: Value,
}

impl TaggedValue {
    /// A value under the identifier of `tag`, whose type becomes that of the value.
    pub fn new(tag: PropertyTag, value: Value) -> Self {
        let tag = tag_for(tag, &value);
        Self { tag, value }
    }
}

/// `tag`, with the type of `value` unless it already says that.
fn tag_for(tag: PropertyTag, value: &Value) -> PropertyTag {
    let kind = value.property_type();
    let fits = tag.property_type().of_value() == kind;
    if fits { tag } else { tag.with_type(kind) }
}

impl Wire for TaggedValue {
    const LEAST: usize = 4;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let tag = PropertyTag::read(reader)?;
        let value = Value::read(tag.property_type(), reader)?;
        Ok(Self { tag, value })
    }

    fn write(&self, writer: &mut Writer) {
        tag_for(self.tag, &self.value).write(writer);
        self.value.write(writer);
    }
}
