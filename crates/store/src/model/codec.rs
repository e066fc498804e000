//! The bytes of rows: a version byte, then the fields of [`crate::fields`].
//!
//! Start at [`Row`].

use crate::error::StoreError;
pub(crate) use crate::fields::{Decoder, Encoder, corrupt};
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
        let mut out = Encoder::with_capacity(self.len_hint());
        self.encode_to(&mut out);
        out.finish()
    }

    /// Appends the whole value.
    fn encode_to(&self, out: &mut Encoder) {
        out.byte(VERSION);
        self.write(out);
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

/// A bit of a row's first byte, if the condition holds.
pub(crate) fn bit(condition: bool, bit: u8) -> u8 {
    if condition { bit } else { 0 }
}
