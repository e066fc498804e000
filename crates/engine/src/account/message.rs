//! The bytes of one item: the prefix that belongs to this recipient, then the body that all share.

use crate::engine::Engine;
use crate::error::EngineError;
use bytes::{Bytes, BytesMut};
use std::ops::Range;
use store::id::BodyNumber;
use store::model::ItemRow;

/// An item's bytes. Offsets count from the prefix's first byte.
///
/// A summary's offsets count from the body's first byte, since the same summary serves all
/// recipients: add [`Message::prefix_len`] to them, except that the header itself begins at 0.
#[derive(Clone)]
pub struct Message {
    engine: Engine,
    prefix: Bytes,
    body: Option<BodyNumber>,
    size: u64,
}

impl Message {
    pub(super) fn new(engine: Engine, prefix: Bytes, item: &ItemRow) -> Self {
        Self {
            engine,
            prefix,
            body: item.body,
            size: item.size,
        }
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.size
    }

    /// True for an item without bytes.
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// Length of the lines that were put before the body.
    pub fn prefix_len(&self) -> u64 {
        self.prefix.len() as u64
    }

    /// The lines that were put before the body.
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// Reads a range; shorter at the end.
    pub fn read(&self, range: Range<u64>) -> Result<Bytes, EngineError> {
        let end = range.end.min(self.size);
        let start = range.start.min(end);
        let prefix = self.of_prefix(start, end);
        let body = self.of_body(start, end)?;
        if prefix.is_empty() {
            return Ok(body);
        }
        if body.is_empty() {
            return Ok(prefix);
        }
        let mut both = BytesMut::with_capacity(prefix.len() + body.len());
        both.extend_from_slice(&prefix);
        both.extend_from_slice(&body);
        Ok(both.freeze())
    }

    fn of_prefix(&self, start: u64, end: u64) -> Bytes {
        let within = |position: u64| usize::try_from(position.min(self.prefix_len())).unwrap_or(0);
        self.prefix.slice(within(start)..within(end))
    }

    fn of_body(&self, start: u64, end: u64) -> Result<Bytes, EngineError> {
        let range = start.saturating_sub(self.prefix_len())..end.saturating_sub(self.prefix_len());
        match self.body {
            Some(body) if !range.is_empty() => Ok(self.engine.store().read_body(body, range)?),
            _ => Ok(Bytes::new()),
        }
    }
}
