//! The rows that the backend itself keeps in the index: where bodies lie, and how far the log was
//! applied.
//!
//! They are derived from the frames, here and nowhere else; the model never writes them.

use super::frame::{Checksum, Reader};
use crate::backend::Key;
use crate::backend::block::{Codec, Layout};
use crate::error::StoreError;
use crate::id::{BodyHash, BodyNumber};
use bytes::Bytes;

/// First byte of `B body`: where a body lies.
pub const BODY_TAG: u8 = b'B';
/// First byte of `H hash`: the body that has this content.
pub const HASH_TAG: u8 = b'H';
/// First byte of `R body …`: who refers to a body. The model writes them.
pub const REFERENCE_TAG: u8 = b'R';
/// The row that says how far the log was applied, and how much that is; no other key begins with
/// it.
pub const APPLIED_KEY: &[u8] = b"S\0log";

/// Where a body's stored bytes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a frame.
    Segment {
        /// Number of the segment.
        segment: u32,
        /// Where the stored bytes begin in its file.
        offset: u64,
    },
    /// In a file of its own.
    File,
}

/// What is known of a stored body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyRow {
    /// Its number, which is its key.
    pub number: BodyNumber,
    /// Where its stored bytes lie.
    pub place: Place,
    /// How they are to be read.
    pub layout: Layout,
}

/// `B body`.
pub fn body_key(number: BodyNumber) -> Key {
    tagged(BODY_TAG, &number.0.to_be_bytes())
}

/// `H hash`.
pub fn hash_key(hash: &BodyHash) -> Key {
    tagged(HASH_TAG, &hash.0)
}

/// The beginning of all keys that say who refers to a body.
pub fn reference_prefix(number: BodyNumber) -> Key {
    tagged(REFERENCE_TAG, &number.0.to_be_bytes())
}

fn tagged(tag: u8, rest: &[u8]) -> Key {
    let mut key = Key::with_capacity(rest.len().saturating_add(1));
    key.push(tag);
    key.extend_from_slice(rest);
    key
}

/// The body that a `B` or `R` key is about.
pub fn body_of_key(key: &[u8]) -> Option<BodyNumber> {
    let mut reader = Reader(key.get(1..)?);
    Some(BodyNumber(reader.u64()?))
}

impl BodyRow {
    /// The row's value.
    pub fn value(&self) -> Bytes {
        let (segment, offset) = match self.place {
            Place::Segment { segment, offset } => (segment, offset),
            Place::File => (0, 0), // Segments are numbered from 1.
        };
        let mut value = Vec::with_capacity(61);
        value.extend_from_slice(&segment.to_be_bytes());
        value.extend_from_slice(&offset.to_be_bytes());
        value.extend_from_slice(&self.layout.stored_len.to_be_bytes());
        value.extend_from_slice(&self.layout.len.to_be_bytes());
        value.push(self.layout.codec.code());
        value.extend_from_slice(&self.layout.hash.0);
        Bytes::from(value)
    }

    /// Reads a row.
    pub fn parse(number: BodyNumber, value: &[u8]) -> Result<Self, StoreError> {
        Self::parse_fields(number, &mut Reader(value))
            .ok_or_else(|| StoreError::Corrupt(format!("row of body {}", number.0)))
    }

    fn parse_fields(number: BodyNumber, reader: &mut Reader<'_>) -> Option<Self> {
        let segment = u32::from_be_bytes(reader.array()?);
        let offset = reader.u64()?;
        let stored_len = reader.u64()?;
        let len = reader.u64()?;
        let [codec] = reader.array()?;
        let codec = Codec::from_code(codec).ok()?;
        let hash = BodyHash(reader.array()?);
        let place = if segment == 0 {
            Place::File
        } else {
            Place::Segment { segment, offset }
        };
        Some(Self {
            number,
            place,
            layout: Layout {
                hash,
                len,
                stored_len,
                codec,
            },
        })
    }
}

/// A place in the log between two spans, and what is known there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogPlace {
    /// Position of the last commit before it; 0 at the log's beginning.
    pub position: u64,
    /// Segment in which the last span ended.
    pub segment: u32,
    /// Where it ended.
    pub offset: u64,
    /// Checksum of its last frame.
    pub checksum: Checksum,
    /// The next free body number.
    pub next_body: u64,
}

impl LogPlace {
    /// Its bytes.
    pub fn value(&self) -> Bytes {
        let mut value = Vec::with_capacity(44);
        value.extend_from_slice(&self.position.to_be_bytes());
        value.extend_from_slice(&self.segment.to_be_bytes());
        value.extend_from_slice(&self.offset.to_be_bytes());
        value.extend_from_slice(&self.checksum);
        value.extend_from_slice(&self.next_body.to_be_bytes());
        Bytes::from(value)
    }

    /// Reads it back.
    pub fn parse(value: &[u8]) -> Result<Self, StoreError> {
        Self::parse_fields(&mut Reader(value))
            .ok_or_else(|| StoreError::Corrupt("place in the log".into()))
    }

    /// Takes it from the front of bytes.
    pub fn parse_fields(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            position: reader.u64()?,
            segment: u32::from_be_bytes(reader.array()?),
            offset: reader.u64()?,
            checksum: reader.array()?,
            next_body: reader.u64()?,
        })
    }

    /// Counts a body number as used.
    pub fn saw_body(&mut self, number: BodyNumber) {
        self.next_body = self.next_body.max(number.0.saturating_add(1));
    }
}
