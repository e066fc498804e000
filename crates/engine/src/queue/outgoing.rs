//! A queued letter's bytes, as they are to be sent: the trace line, then the body.

use super::{EntryKey, QueuedLetter};
use crate::delivery::Envelope;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::upload::Staged;
use bytes::{Bytes, BytesMut};
use std::ops::Range;
use store::id::{BodyNumber, Timestamp};
use store::model::{QueueEntry, Reads};

/// A letter that is being sent. The entry may change meanwhile; its bytes never do.
#[derive(Clone)]
pub struct Outgoing {
    engine: Engine,
    body: Option<BodyNumber>,
    size: u64,
    /// When it was put into the queue.
    pub created: Timestamp,
    /// When it is due.
    pub due: Timestamp,
    /// What is known of it.
    pub letter: QueuedLetter,
}

impl Outgoing {
    pub(super) fn of(engine: &Engine, entry: &QueueEntry) -> Result<Self, EngineError> {
        let letter = QueuedLetter::decode(&entry.envelope)?;
        Ok(Self {
            engine: engine.clone(),
            body: entry.body.map(|(body, _)| body),
            size: letter.prefix.len() as u64 + entry.body.map_or(0, |(_, length)| length),
            created: entry.created,
            due: entry.due,
            letter,
        })
    }

    /// Opens an entry to send it; `None` when it is gone or held.
    pub(super) fn open(
        engine: &Engine,
        reads: &impl Reads,
        key: EntryKey,
    ) -> Result<Option<Self>, EngineError> {
        let Some(entry) = reads.queue_entry(key.account, key.id)? else {
            return Ok(None);
        };
        let outgoing = Self::of(engine, &entry)?;
        Ok((!outgoing.letter.held).then_some(outgoing))
    }

    /// A letter that is not in the queue but about which its sender is told the same way.
    pub(super) fn staged(engine: &Engine, envelope: &Envelope, letter: &Staged) -> Self {
        let now = engine.now();
        let known = QueuedLetter::new(String::new(), envelope.sender.clone(), now);
        Self {
            engine: engine.clone(),
            body: Some(letter.body().number),
            size: letter.size(),
            created: now,
            due: now,
            letter: QueuedLetter {
                envelope_id: envelope.envelope_id.clone(),
                needs_utf8: envelope.needs_utf8,
                needs_tls: envelope.wishes.needs_tls,
                deliver_by: envelope.wishes.deliver_by,
                hold_until: envelope.wishes.hold_until,
                hold_seconds: envelope.wishes.hold_seconds,
                ..known
            },
        }
    }

    /// Prefix and body together, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of the lines that are put before the body.
    pub fn prefix_len(&self) -> u64 {
        self.letter.prefix.len() as u64
    }

    /// Puts further lines before the letter, as it is sent this time.
    pub fn put_before(&mut self, lines: &[u8]) {
        let both = [lines, &self.letter.prefix].concat();
        self.letter.prefix = Bytes::from(both);
        self.size += lines.len() as u64;
    }

    /// Reads a range; shorter at the end.
    pub fn read(&self, range: Range<u64>) -> Result<Bytes, EngineError> {
        let prefix = &self.letter.prefix;
        let length = prefix.len() as u64;
        let end = range.end.min(self.size);
        let start = range.start.min(end);
        let within = |at: u64| usize::try_from(at.min(length)).unwrap_or(0);
        let head = prefix.slice(within(start)..within(end));
        let rest = start.saturating_sub(length)..end.saturating_sub(length);
        let body = match self.body {
            Some(body) if !rest.is_empty() => self.engine.store().read_body(body, rest)?,
            _ => Bytes::new(),
        };
        if head.is_empty() {
            return Ok(body);
        }
        let mut both = BytesMut::with_capacity(head.len() + body.len());
        both.extend_from_slice(&head);
        both.extend_from_slice(&body);
        Ok(both.freeze())
    }
}

impl Engine {
    /// Opens an entry to send it; `None` when it is gone or held.
    pub fn queue_open(&self, key: EntryKey) -> Result<Option<Outgoing>, EngineError> {
        Outgoing::open(self, &self.directory().view()?, key)
    }
}
