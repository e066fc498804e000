//! Reads a stream that comes in pieces.

use super::{ELEMENT_BYTES_MAX, Element, Key, LONG_BYTES_MIN, Marker, Property, value};
use crate::codec::wire::{Count, Form, Malformed, Reader, Wire};
use bytes::Bytes;

/// What has come of a stream and is not read yet.
#[derive(Debug, Clone, Default)]
pub struct Lexer {
    waiting: Vec<u8>,
    /// Bytes of `waiting` that are read.
    read: usize,
    /// Bytes of a long value that are still to come.
    missing: usize,
}

impl Lexer {
    /// Bytes that came and are not read.
    pub fn size(&self) -> usize {
        self.waiting.len() - self.read
    }

    /// Takes the next piece of the stream.
    pub fn push(&mut self, piece: &[u8]) {
        self.waiting.drain(..self.read);
        self.read = 0;
        self.waiting.extend_from_slice(piece);
    }

    /// The next element that is whole; none if more must come first.
    ///
    /// Fails for what is no stream, and for a list that is longer than anyone needs; what follows
    /// cannot be read then.
    pub fn next_element(&mut self) -> Result<Option<Element>, Malformed> {
        let rest = self.waiting.get(self.read..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        if self.missing > 0 {
            let (piece, _) = rest.split_at_checked(self.missing).unwrap_or((rest, &[]));
            let piece = Bytes::copy_from_slice(piece);
            self.missing -= piece.len();
            self.read += piece.len();
            return Ok(Some(Element::Piece(piece)));
        }
        let mut reader = Reader::new(rest, Form::Rop);
        match element(&mut reader) {
            Ok(element) => {
                self.read += rest.len() - reader.rest().len();
                if let Element::Long(_, size) = element {
                    self.missing = size.to_size();
                }
                Ok(Some(element))
            }
            Err(Malformed::Truncated | Malformed::Length) if rest.len() < ELEMENT_BYTES_MAX => {
                Ok(None)
            }
            Err(Malformed::Truncated | Malformed::Length) => Err(Malformed::Budget),
            Err(other) => Err(other),
        }
    }

    /// Ends the stream; fails if something was begun and is not whole.
    pub fn finish(self) -> Result<(), Malformed> {
        if self.missing > 0 || self.read < self.waiting.len() {
            return Err(Malformed::Truncated);
        }
        Ok(())
    }
}

fn element(reader: &mut Reader<'_>) -> Result<Element, Malformed> {
    let mut ahead = reader.clone();
    if let Some(marker) = Marker::of(u32::read(&mut ahead)?) {
        *reader = ahead;
        return Ok(Element::Marker(marker));
    }
    let key = Key::read(reader)?;
    if key.is_sized() {
        let mut ahead = reader.clone();
        let size = u32::read(&mut ahead)?;
        if size.to_size() >= LONG_BYTES_MIN {
            *reader = ahead;
            return Ok(Element::Long(key, size));
        }
    }
    let value = value::read(&key, reader)?;
    Ok(Element::Property(Property { key, value }))
}
