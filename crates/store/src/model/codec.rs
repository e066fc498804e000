//! The bytes of rows: a version byte, then varints and length-prefixed strings.
//!
//! Written for one purpose: rows are many and small. Nothing here panics or allocates by what a
//! length field claims; a row that does not parse is [`StoreError::Corrupt`], never a guess.

use crate::error::StoreError;
use bytes::Bytes;

/// The form in which every row of this program is written; the first byte of each value.
pub(crate) const VERSION: u8 = 1;

/// A value that is kept under a key.
pub(crate) trait Row: Sized {
    /// Appends the fields behind the version byte.
    fn write(&self, out: &mut Encoder);
    /// Reads the fields back.
    fn read(input: &mut Decoder<'_>) -> Result<Self, StoreError>;

    /// About how many bytes the value takes, so that its buffer need not grow.
    fn len_hint(&self) -> usize {
        128
    }

    /// The whole value, with its version byte.
    fn encode(&self) -> Bytes {
        let mut out = Encoder(Vec::with_capacity(self.len_hint()));
        out.byte(VERSION);
        self.write(&mut out);
        out.finish()
    }

    /// Reads a whole value. Trailing bytes are damage.
    fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut input = Decoder::new(bytes);
        if input.byte()? != VERSION {
            return Err(corrupt("row of an unknown version"));
        }
        let row = Self::read(&mut input)?;
        if input.is_empty() {
            Ok(row)
        } else {
            Err(corrupt("row longer than its fields"))
        }
    }
}

/// The error for a row that does not parse.
pub(crate) fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt(what.to_owned())
}

/// A bit of a row's first byte, if the condition holds.
pub(crate) fn bit(condition: bool, bit: u8) -> u8 {
    if condition { bit } else { 0 }
}

/// Writes fields.
#[derive(Debug, Default)]
pub(crate) struct Encoder(Vec<u8>);

impl Encoder {
    pub(crate) fn finish(self) -> Bytes {
        Bytes::from(self.0.into_boxed_slice())
    }

    pub(crate) fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    /// Seven bits a byte, least significant first; the high bit says that more follow.
    pub(crate) fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push((value & 0x7f) as u8);
    }

    /// A number that may be negative, with small magnitudes short (zigzag).
    pub(crate) fn signed(&mut self, value: i64) {
        self.number((value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned());
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.raw(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }
}

/// Reads fields; every read checks the length that is left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decoder<'a>(&'a [u8]);

impl<'a> Decoder<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes that are left; no list can have more elements than this.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn byte(&mut self) -> Result<u8, StoreError> {
        let (&first, rest) = self
            .0
            .split_first()
            .ok_or_else(|| corrupt("row ends too early"))?;
        self.0 = rest;
        Ok(first)
    }

    pub(crate) fn number(&mut self) -> Result<u64, StoreError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(corrupt("number of more than 64 bits"))
    }

    pub(crate) fn number32(&mut self) -> Result<u32, StoreError> {
        u32::try_from(self.number()?).map_err(|_| corrupt("number of more than 32 bits"))
    }

    pub(crate) fn signed(&mut self) -> Result<i64, StoreError> {
        let value = self.number()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    pub(crate) fn raw(&mut self, len: usize) -> Result<&'a [u8], StoreError> {
        let (taken, rest) = self
            .0
            .split_at_checked(len)
            .ok_or_else(|| corrupt("row ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        self.raw(N)?
            .try_into()
            .map_err(|_| corrupt("row ends too early"))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], StoreError> {
        let len = self.length()?;
        self.raw(len)
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(|_| corrupt("text is not UTF-8"))
    }

    /// A count of elements or bytes that must still fit into what is left.
    pub(crate) fn length(&mut self) -> Result<usize, StoreError> {
        let len = usize::try_from(self.number()?).map_err(|_| corrupt("length out of range"))?;
        if len <= self.len() {
            Ok(len)
        } else {
            Err(corrupt("length beyond the row's end"))
        }
    }
}
