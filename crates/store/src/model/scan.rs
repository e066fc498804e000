//! Rows by their keys: one, all behind a prefix, those of a range; and the rows that are a number.

use super::codec::{Decoder, Encoder, Row};
use super::key;
use crate::backend::{Direction, Read};
use crate::error::StoreError;
use std::ops::{ControlFlow, Range};

/// A number alone in a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number(pub(crate) u64);

impl Row for Number {
    fn write(&self, out: &mut Encoder) {
        out.number(self.0);
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, StoreError> {
        input.number().map(Self)
    }
}

/// The number of an interned name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interned(pub(crate) u32);

impl Row for Interned {
    fn write(&self, out: &mut Encoder) {
        out.number(u64::from(self.0));
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, StoreError> {
        input.number32().map(Self)
    }
}

/// The row under a key.
pub(crate) fn fetch<T: Row, R: Read + ?Sized>(
    read: &R,
    key: &[u8],
) -> Result<Option<T>, StoreError> {
    read.get(key)?.map(|value| T::decode(&value)).transpose()
}

/// What a scan does with one entry.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, StoreError>;

/// Visits all entries whose keys begin with `prefix`, ascending.
pub(crate) fn each<R: Read + ?Sized>(
    read: &R,
    prefix: &[u8],
    visit: Visit<'_>,
) -> Result<(), StoreError> {
    rows(read, prefix..&key::after(prefix), Direction::Forward, visit)
}

/// Visits the entries of a range until one breaks or does not parse.
pub(crate) fn rows<R: Read + ?Sized>(
    read: &R,
    range: Range<&[u8]>,
    direction: Direction,
    visit: Visit<'_>,
) -> Result<(), StoreError> {
    let mut failure = None;
    read.scan(
        range,
        direction,
        &mut |key, value| match visit(key, value) {
            Ok(flow) => flow.is_continue(),
            Err(error) => {
                failure = Some(error);
                false
            }
        },
    )?;
    failure.map_or(Ok(()), Err)
}
