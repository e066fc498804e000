//! Running figures: how much is kept, told without looking at it.
//!
//! What rows and bodies take is counted where rows are written to the index, and stands there
//! beside the place up to which they were applied; so it is right after any crash, and as old as
//! what is still in memory. The log's length is counted where segments are made and removed.

use super::frame::Reader;
use super::rows::{BODY_TAG, BodyRow, Place, body_of_key};
use crate::error::StoreError;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the index leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holdings {
    /// Bytes of all rows, keys and values.
    pub row_bytes: u64,
    /// Stored bytes of the living bodies that lie in the log.
    pub body_bytes: u64,
    /// Stored bytes of the living bodies that have files of their own.
    pub big_bytes: u64,
    /// Living bodies.
    pub bodies: u64,
}

impl Holdings {
    /// Everything that is alive, once.
    pub fn live_bytes(&self) -> u64 {
        self.row_bytes
            .saturating_add(self.body_bytes)
            .saturating_add(self.big_bytes)
    }

    /// Counts a row that is new.
    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        self.row_bytes = self.row_bytes.saturating_add(row_len(key, value));
        if let Some((bytes, len)) = self.body_of(key, value) {
            *bytes = bytes.saturating_add(len);
            self.bodies = self.bodies.saturating_add(1);
        }
    }

    /// Forgets a row that is gone or replaced.
    pub fn subtract(&mut self, key: &[u8], value: &[u8]) {
        self.row_bytes = self.row_bytes.saturating_sub(row_len(key, value));
        if let Some((bytes, len)) = self.body_of(key, value) {
            *bytes = bytes.saturating_sub(len);
            self.bodies = self.bodies.saturating_sub(1);
        }
    }

    /// The figure that a body's row counts for, and how much.
    fn body_of(&mut self, key: &[u8], value: &[u8]) -> Option<(&mut u64, u64)> {
        let number = body_of_key(key).filter(|_| key.first() == Some(&BODY_TAG))?;
        let row = BodyRow::parse(number, value).ok()?;
        let figure = match row.place {
            Place::Segment { .. } => &mut self.body_bytes,
            Place::File => &mut self.big_bytes,
        };
        Some((figure, row.layout.stored_len))
    }

    /// Its bytes.
    pub fn value(&self) -> Vec<u8> {
        let figures = [self.row_bytes, self.body_bytes, self.big_bytes, self.bodies];
        figures
            .iter()
            .flat_map(|figure| figure.to_be_bytes())
            .collect()
    }

    /// Reads it back.
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self, StoreError> {
        Self::parse_fields(reader).ok_or_else(|| StoreError::Corrupt("figures of the index".into()))
    }

    fn parse_fields(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            row_bytes: reader.u64()?,
            body_bytes: reader.u64()?,
            big_bytes: reader.u64()?,
            bodies: reader.u64()?,
        })
    }
}

fn row_len(key: &[u8], value: &[u8]) -> u64 {
    (key.len() as u64).saturating_add(value.len() as u64)
}

/// The segments of the log: how many, how long.
#[derive(Debug, Default)]
pub struct LogLength {
    segments: AtomicU64,
    bytes: AtomicU64,
}

impl LogLength {
    /// A segment was made.
    pub fn add(&self, bytes: u64) {
        self.segments.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A segment was removed.
    pub fn subtract(&self, bytes: u64) {
        self.segments.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The reserved rest of a segment was given back.
    pub fn shorten(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Segments.
    pub fn segments(&self) -> u64 {
        self.segments.load(Ordering::Relaxed)
    }

    /// Bytes of all segments, the reserved rest of the last included.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}
