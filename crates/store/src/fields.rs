//! Fields one behind another: numbers of as many bytes as they need, and texts behind their length.
//!
//! Written for one purpose: what is kept is many and small. Nothing here panics or allocates by what
//! a length claims; what does not parse is [`StoreError::Corrupt`], never a guess.
//!
//! Start at [`Encoder`] and [`Decoder`].

use crate::error::StoreError;
use bytes::Bytes;

/// The error for what does not parse.
pub fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt(what.to_owned())
}

/// Writes fields.
#[derive(Debug, Default)]
pub struct Encoder(Vec<u8>);

impl Encoder {
    /// For about so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// All that was written.
    pub fn finish(self) -> Bytes {
        Bytes::from(self.0.into_boxed_slice())
    }

    /// All that was written so far.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// Forgets what was written, to write anew in the same memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// A byte.
    pub fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    /// Seven bits a byte, least significant first; the high bit says that more follow.
    pub fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push((value & 0x7f) as u8);
    }

    /// A number that may be negative, with small magnitudes short (zigzag).
    pub fn signed(&mut self, value: i64) {
        self.number((value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned());
    }

    /// Bytes whose length is known without being written.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Bytes behind their length.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.raw(bytes);
    }

    /// A text in UTF-8 behind its length.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }
}

/// Reads fields; every read checks the length that is left.
#[derive(Debug, Clone, Copy)]
pub struct Decoder<'a>(&'a [u8]);

impl<'a> Decoder<'a> {
    /// Reads these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// True when every byte was read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes that are left; no list can have more elements than this.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// A byte.
    pub fn byte(&mut self) -> Result<u8, StoreError> {
        let (&first, rest) = self
            .0
            .split_first()
            .ok_or_else(|| corrupt("row ends too early"))?;
        self.0 = rest;
        Ok(first)
    }

    /// What [`Encoder::number`] wrote, of at most 64 bits.
    pub fn number(&mut self) -> Result<u64, StoreError> {
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

    /// The same, of at most 32 bits.
    pub fn number32(&mut self) -> Result<u32, StoreError> {
        u32::try_from(self.number()?).map_err(|_| corrupt("number of more than 32 bits"))
    }

    /// What [`Encoder::signed`] wrote.
    pub fn signed(&mut self) -> Result<i64, StoreError> {
        let value = self.number()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// So many bytes.
    pub fn raw(&mut self, len: usize) -> Result<&'a [u8], StoreError> {
        let (taken, rest) = self
            .0
            .split_at_checked(len)
            .ok_or_else(|| corrupt("row ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    /// So many bytes, as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        self.raw(N)?
            .try_into()
            .map_err(|_| corrupt("row ends too early"))
    }

    /// What [`Encoder::bytes`] wrote.
    pub fn bytes(&mut self) -> Result<&'a [u8], StoreError> {
        let len = self.length()?;
        self.raw(len)
    }

    /// What [`Encoder::text`] wrote.
    pub fn text(&mut self) -> Result<String, StoreError> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(|_| corrupt("text is not UTF-8"))
    }

    /// A count of elements or bytes that must still fit into what is left.
    pub fn length(&mut self) -> Result<usize, StoreError> {
        let len = usize::try_from(self.number()?).map_err(|_| corrupt("length out of range"))?;
        if len <= self.len() {
            Ok(len)
        } else {
            Err(corrupt("length beyond the row's end"))
        }
    }
}
