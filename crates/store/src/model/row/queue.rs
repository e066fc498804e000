//! A letter on its way to another server, or something to be tried again.

use crate::error::StoreError;
use crate::id::{BodyNumber, ChangeSeq, Timestamp};
use crate::model::codec::{Decoder, Encoder, Row};
use bytes::Bytes;

/// Longest envelope in bytes: one value must hold it.
pub const ENVELOPE_BYTES_MAX: usize = 30 * 1024;

/// A queue entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueEntry {
    /// When it is to be tried next.
    pub due: Timestamp,
    /// When it was put into the queue.
    pub created: Timestamp,
    /// Its last change.
    pub changed: ChangeSeq,
    /// Recipients, attempts, answers …: the engine's, opaque here.
    pub envelope: Bytes,
    /// What is to be sent, and its length in bytes.
    pub body: Option<(BodyNumber, u64)>,
}

impl Row for QueueEntry {
    fn write(&self, out: &mut Encoder) {
        out.byte(u8::from(self.body.is_some()));
        out.signed(self.due.0);
        out.signed(self.created.0);
        out.number(self.changed.0);
        out.bytes(&self.envelope);
        if let Some((body, len)) = self.body {
            out.number(body.0);
            out.number(len);
        }
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, StoreError> {
        let has_body = input.byte()? != 0;
        Ok(Self {
            due: Timestamp(input.signed()?),
            created: Timestamp(input.signed()?),
            changed: ChangeSeq(input.number()?),
            envelope: Bytes::copy_from_slice(input.bytes()?),
            body: if has_body {
                Some((BodyNumber(input.number()?), input.number()?))
            } else {
                None
            },
        })
    }
}
