//! Reading and writing little-endian structures, and the `wire!` description of one.
//!
//! A structure is described once, as a list of fields; [`Wire::read`] and [`Wire::write`] both
//! follow from it. A field whose form does not follow from its type alone names a [`Layout`]:
//! `tags: Vec<PropertyTag> as Counted<u16>`.
//!
//! Start at [`Wire`]; [`decode`] and [`encode`] treat a whole buffer.
//!
//! Source: [MS-OXCDATA] 2.1 (all integers little-endian, no padding), 2.11.1.1 (widths of counts).

use super::data::PropertyTag;
use bytes::Bytes;
use std::marker::PhantomData;

/// Why bytes could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// They end before the structure does.
    Truncated,
    /// A length or count says more, or less, than there is.
    Length,
    /// A number stands for nothing known, where one must be known to find the end.
    Unknown(u32),
    /// Nested deeper, or made of more pieces, than any client needs.
    Budget,
}

/// A list or text is longer than its count on the wire can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

/// Where values stand, which decides the width of counts and what precedes a value.
///
/// Source: [MS-OXCDATA] 2.11.1.1; [MS-OXCMAPIHTTP] 2.2.1 (the address book's own forms).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In ROP buffers: binary values and restrictions count with 16 bits.
    Rop,
    /// In extended rules and definitions of search folders: all count with 32 bits.
    Wide,
    /// In bodies of the address book: 32 bits, and a byte before what may be missing.
    AddressBook,
}

/// Takes bytes from the front of a buffer.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    form: Form,
    columns: &'a [PropertyTag],
    is_in_restriction: bool,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`, whose values stand in `form`.
    pub fn new(bytes: &'a [u8], form: Form) -> Self {
        Self {
            rest: bytes,
            form,
            columns: &[],
            is_in_restriction: false,
        }
    }

    /// The same place, reading rows of these columns.
    #[must_use]
    pub fn with_columns<'b>(&self, columns: &'b [PropertyTag]) -> Reader<'b>
    where
        'a: 'b,
    {
        Reader {
            columns,
            ..self.clone()
        }
    }

    /// Runs `read` on what stands here, with rows of these columns, and goes on behind it.
    pub fn rows<'b, T>(
        &mut self,
        columns: &'b [PropertyTag],
        read: impl FnOnce(&mut Reader<'b>) -> Result<T, Malformed>,
    ) -> Result<T, Malformed>
    where
        'a: 'b,
    {
        let mut inner = self.with_columns(columns);
        let value = read(&mut inner)?;
        let taken = self.rest.len().saturating_sub(inner.rest.len());
        self.take(taken)?;
        Ok(value)
    }

    /// What rows are made of here.
    pub fn columns(&self) -> &'a [PropertyTag] {
        self.columns
    }

    /// Where the values stand.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Bytes not yet taken.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Takes exactly `size` bytes.
    pub fn take(&mut self, size: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self
            .rest
            .split_at_checked(size)
            .ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Takes a fixed number of bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// Takes the bytes before the next zero, and the zero.
    pub fn until_zero(&mut self) -> Result<&'a [u8], Malformed> {
        let end = self.rest.iter().position(|&byte| byte == 0);
        let text = self.take(end.ok_or(Malformed::Truncated)?)?;
        self.take(1)?;
        Ok(text)
    }

    /// A reader of the next `size` bytes alone.
    pub fn part(&mut self, size: usize) -> Result<Self, Malformed> {
        let rest = self.take(size)?;
        Ok(Self {
            rest,
            ..self.clone()
        })
    }

    /// Runs `read` on a value within a restriction.
    pub(super) fn within_restriction<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        self.is_in_restriction = true;
        let value = read(self);
        self.is_in_restriction = false;
        value
    }

    /// Refuses a restriction as a value within another: it would nest without a bound.
    pub(super) fn refuse_within_restriction(&self) -> Result<(), Malformed> {
        if self.is_in_restriction {
            return Err(Malformed::Budget);
        }
        Ok(())
    }

    /// Refuses a count of things that the rest could never hold.
    pub(super) fn believe(&self, count: usize, least: usize) -> Result<usize, Malformed> {
        let needed = count.checked_mul(least.max(1)).ok_or(Malformed::Length)?;
        if needed > self.rest.len() {
            return Err(Malformed::Length);
        }
        Ok(count)
    }

    /// Reads `count` values.
    pub fn list<T: Wire>(&mut self, count: usize) -> Result<Vec<T>, Malformed> {
        let count = self.believe(count, T::LEAST)?;
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(T::read(self)?);
        }
        Ok(values)
    }

    /// Fails if anything is left.
    pub fn finish(self) -> Result<(), Malformed> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Malformed::Length)
        }
    }
}

/// Puts bytes at the end of a buffer.
#[derive(Debug)]
pub struct Writer {
    bytes: Vec<u8>,
    form: Form,
    is_too_long: bool,
}

impl Writer {
    /// An empty buffer, whose values stand in `form`.
    pub fn new(form: Form) -> Self {
        Self {
            bytes: Vec::new(),
            form,
            is_too_long: false,
        }
    }

    /// Where the values stand.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Bytes so far.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Puts bytes as they are.
    pub fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Puts a value.
    pub fn value<T: Wire>(&mut self, value: &T) {
        value.write(self);
    }

    /// Puts several values.
    pub fn values<'v, T: Wire + 'v>(&mut self, values: impl IntoIterator<Item = &'v T>) {
        for value in values {
            value.write(self);
        }
    }

    /// Puts what `write` writes, behind its own size in bytes.
    pub fn sized<N: Count>(&mut self, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::new(self.form);
        write(&mut inner);
        self.is_too_long |= inner.is_too_long;
        self.count::<N>(inner.bytes.len());
        self.put(&inner.bytes);
    }

    /// Puts a count.
    pub fn count<N: Count>(&mut self, count: usize) {
        let known = N::from_size(count);
        self.is_too_long |= known.is_none();
        known.unwrap_or_default().write(self);
    }

    /// The finished buffer; fails if a count did not fit its place.
    pub fn finish(self) -> Result<Vec<u8>, TooLong> {
        if self.is_too_long {
            return Err(TooLong);
        }
        Ok(self.bytes)
    }
}

/// A structure with one form on the wire.
pub trait Wire: Sized {
    /// Bytes that it has at least, by which lying counts are found out.
    const LEAST: usize;
    /// Takes it from the front.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed>;
    /// Puts it at the end.
    fn write(&self, writer: &mut Writer);
}

/// Reads a buffer that holds one structure and nothing else.
pub fn decode<T: Wire>(bytes: &[u8], form: Form) -> Result<T, Malformed> {
    let mut reader = Reader::new(bytes, form);
    let value = T::read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

/// The bytes of one structure.
pub fn encode<T: Wire>(value: &T, form: Form) -> Result<Vec<u8>, TooLong> {
    let mut writer = Writer::new(form);
    value.write(&mut writer);
    writer.finish()
}

/// A form on the wire for a type that has several.
pub trait Layout<T> {
    /// See [`Wire::LEAST`].
    const LEAST: usize;
    /// See [`Wire::read`].
    fn read(reader: &mut Reader<'_>) -> Result<T, Malformed>;
    /// See [`Wire::write`].
    fn write(value: &T, writer: &mut Writer);
}

/// The form that follows from the type.
#[derive(Debug)]
pub struct Plain;

impl<T: Wire> Layout<T> for Plain {
    const LEAST: usize = T::LEAST;

    fn read(reader: &mut Reader<'_>) -> Result<T, Malformed> {
        T::read(reader)
    }

    fn write(value: &T, writer: &mut Writer) {
        value.write(writer);
    }
}

/// A number that counts things or bytes.
pub trait Count: Wire + Default {
    /// As a size in memory.
    fn to_size(self) -> usize;
    /// From a size in memory, if it fits.
    fn from_size(size: usize) -> Option<Self>;
}

macro_rules! integers {
    ($($number:ty),*) => {$(
        impl Wire for $number {
            const LEAST: usize = size_of::<Self>();

            fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
                Ok(Self::from_le_bytes(reader.array()?))
            }

            fn write(&self, writer: &mut Writer) {
                writer.put(&self.to_le_bytes());
            }
        }
    )*};
}
integers!(u8, u16, u32, u64, i16, i32, i64, f32, f64);

macro_rules! counts {
    ($($number:ty),*) => {$(
        impl Count for $number {
            fn to_size(self) -> usize {
                usize::try_from(self).unwrap_or(usize::MAX)
            }

            fn from_size(size: usize) -> Option<Self> {
                Self::try_from(size).ok()
            }
        }
    )*};
}
counts!(u8, u16, u32);

impl<const N: usize> Wire for [u8; N] {
    const LEAST: usize = N;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        reader.array()
    }

    fn write(&self, writer: &mut Writer) {
        writer.put(self);
    }
}

/// One byte; whatever is not zero is true, as some clients send 0xFF.
impl Wire for bool {
    const LEAST: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(u8::read(reader)? != 0)
    }

    fn write(&self, writer: &mut Writer) {
        writer.put(&[u8::from(*self)]);
    }
}

/// Text in UTF-16 with a zero unit behind. Half a surrogate pair is read as U+FFFD; a text that
/// itself holds a zero is written up to there.
impl Wire for String {
    const LEAST: usize = 2;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let pairs = reader.rest().as_chunks::<2>().0;
        let end = pairs.iter().position(|unit| *unit == [0, 0]);
        let units = reader
            .take(end.ok_or(Malformed::Truncated)? * 2)?
            .as_chunks::<2>()
            .0;
        reader.take(2)?;
        Ok(text_of_units(units))
    }

    fn write(&self, writer: &mut Writer) {
        for unit in self.encode_utf16().take_while(|&unit| unit != 0) {
            unit.write(writer);
        }
        0_u16.write(writer);
    }
}

/// UTF-16 without an end mark.
pub(super) fn text_of_units(units: &[[u8; 2]]) -> String {
    let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
    char::decode_utf16(units)
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// Text of a code page that the structure itself does not tell, with a zero behind.
///
/// Written up to the first zero that it holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct String8(pub Bytes);

impl From<&str> for String8 {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl Wire for String8 {
    const LEAST: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self(Bytes::copy_from_slice(reader.until_zero()?)))
    }

    fn write(&self, writer: &mut Writer) {
        let text = self.0.split(|&byte| byte == 0).next();
        writer.put(text.unwrap_or_default());
        writer.put(&[0]);
    }
}

/// Nothing at all: the body of a request or response that has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Nothing;

impl Wire for Nothing {
    const LEAST: usize = 0;

    fn read(_: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self)
    }

    fn write(&self, _: &mut Writer) {}
}

/// A list behind its count.
#[derive(Debug)]
pub struct Counted<N>(PhantomData<N>);

impl<N: Count, T: Wire> Layout<Vec<T>> for Counted<N> {
    const LEAST: usize = N::LEAST;

    fn read(reader: &mut Reader<'_>) -> Result<Vec<T>, Malformed> {
        let count = N::read(reader)?.to_size();
        reader.list(count)
    }

    fn write(value: &Vec<T>, writer: &mut Writer) {
        writer.count::<N>(value.len());
        writer.values(value);
    }
}

/// Something behind its size in bytes: bytes as they are, a structure that fills them exactly, or
/// a structure that is missing where the size is zero.
#[derive(Debug)]
pub struct Measured<N>(PhantomData<N>);

impl<N: Count> Layout<Bytes> for Measured<N> {
    const LEAST: usize = N::LEAST;

    fn read(reader: &mut Reader<'_>) -> Result<Bytes, Malformed> {
        let size = N::read(reader)?.to_size();
        Ok(Bytes::copy_from_slice(reader.take(size)?))
    }

    fn write(value: &Bytes, writer: &mut Writer) {
        writer.count::<N>(value.len());
        writer.put(value);
    }
}

impl<N: Count, T: Wire> Layout<Option<T>> for Measured<N> {
    const LEAST: usize = N::LEAST;

    fn read(reader: &mut Reader<'_>) -> Result<Option<T>, Malformed> {
        let size = N::read(reader)?.to_size();
        if size == 0 {
            return Ok(None);
        }
        let mut part = reader.part(size)?;
        let value = T::read(&mut part)?;
        part.finish()?;
        Ok(Some(value))
    }

    fn write(value: &Option<T>, writer: &mut Writer) {
        writer.sized::<N>(|inner| {
            if let Some(value) = value {
                value.write(inner);
            }
        });
    }
}

/// A structure behind its size in bytes, which it fills exactly.
#[derive(Debug)]
pub struct Filled<N>(PhantomData<N>);

impl<N: Count, T: Wire> Layout<T> for Filled<N> {
    const LEAST: usize = N::LEAST;

    fn read(reader: &mut Reader<'_>) -> Result<T, Malformed> {
        let size = N::read(reader)?.to_size();
        let mut part = reader.part(size)?;
        let value = T::read(&mut part)?;
        part.finish()?;
        Ok(value)
    }

    fn write(value: &T, writer: &mut Writer) {
        writer.sized::<N>(|inner| value.write(inner));
    }
}

/// Values up to the end of what holds them.
#[derive(Debug)]
pub struct ToEnd;

impl<T: Wire> Layout<Vec<T>> for ToEnd {
    const LEAST: usize = 0;

    fn read(reader: &mut Reader<'_>) -> Result<Vec<T>, Malformed> {
        let mut values = Vec::new();
        while !reader.rest().is_empty() {
            let before = reader.rest().len();
            values.push(T::read(reader)?);
            if reader.rest().len() == before {
                return Err(Malformed::Length);
            }
        }
        Ok(values)
    }

    fn write(values: &Vec<T>, writer: &mut Writer) {
        writer.values(values);
    }
}

/// Something that may be missing, behind a byte that says so: `MARK` where it is there, and
/// whatever is not zero when it comes from others.
#[derive(Debug)]
pub struct Has<L = Plain, const MARK: u8 = HAS_VALUE>(PhantomData<L>);

impl<T, L: Layout<T>, const MARK: u8> Layout<Option<T>> for Has<L, MARK> {
    const LEAST: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Result<Option<T>, Malformed> {
        if !bool::read(reader)? {
            return Ok(None);
        }
        L::read(reader).map(Some)
    }

    fn write(value: &Option<T>, writer: &mut Writer) {
        match value {
            None => writer.put(&[0]),
            Some(value) => {
                writer.put(&[MARK]);
                L::write(value, writer);
            }
        }
    }
}

/// What the address book is told for "there is one".
pub(super) const HAS_VALUE: u8 = 0xff;

/// Describes structures: fields in their order on the wire, each with the form of its type or
/// with the layout behind `as`.
macro_rules! wire {
    ($($(#[$note:meta])* $visibility:vis struct $name:ident {
        $($(#[$field_note:meta])* $field:ident: $type:ty $(as $layout:ty)?),* $(,)?
    })*) => {$(
        $(#[$note])*
        #[derive(Debug, Clone, PartialEq)]
        #[allow(missing_docs, reason = "the fields are named as in the specification")]
        $visibility struct $name {
            $($(#[$field_note])* pub $field: $type),*
        }

        impl $crate::codec::wire::Wire for $name {
            const LEAST: usize = 0 $(+ <$crate::codec::wire::layout_of!($($layout)?)
                as $crate::codec::wire::Layout<$type>>::LEAST)*;

            fn read(
                reader: &mut $crate::codec::wire::Reader<'_>,
            ) -> Result<Self, $crate::codec::wire::Malformed> {
                Ok(Self {
                    $($field: <$crate::codec::wire::layout_of!($($layout)?)
                        as $crate::codec::wire::Layout<$type>>::read(reader)?),*
                })
            }

            fn write(&self, writer: &mut $crate::codec::wire::Writer) {
                $(<$crate::codec::wire::layout_of!($($layout)?)
                    as $crate::codec::wire::Layout<$type>>::write(&self.$field, writer);)*
            }
        }
    )*};
}
pub(crate) use wire;

/// The layout that a field of `wire!` names, else [`Plain`].
macro_rules! layout_of {
    () => {
        $crate::codec::wire::Plain
    };
    ($layout:ty) => {
        $layout
    };
}
pub(crate) use layout_of;
