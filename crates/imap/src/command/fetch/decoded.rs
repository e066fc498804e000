//! A part without its transfer encoding, decoded piece by piece.
//!
//! The size of a literal stands in front of it, so a part is decoded twice: once to measure it,
//! once to tell it. Never holds more than a piece, however large the part and however slow the
//! client.
//!
//! Standards: RFC 3516 §4.2, §4.3.

use super::section;
use crate::refusal::Refusal;
use engine::{EngineError, Message};
use formats::message::SummaryRef;
use formats::message::decode::{Decoder, Encoding};
use std::ops::Range;

/// Encoded bytes that are read and decoded at once.
const PIECE_BYTES: u64 = 256 * 1024;

/// A part as it lies in its message.
#[derive(Debug)]
pub(crate) struct Encoded {
    encoding: Encoding,
    range: Range<u64>,
}

/// What a part is once it is decoded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Measure {
    /// Its bytes.
    pub(crate) len: u64,
    /// Line ends among them.
    pub(crate) lines: u64,
    /// There is a NUL among them, which only a literal8 may hold (RFC 3516 §4.2).
    pub(crate) has_nul: bool,
}

impl Encoded {
    /// Finds a part; an empty number is the whole message. `None` if there is no such part.
    ///
    /// Errors: [`Refusal::UnknownEncoding`].
    pub(crate) fn find(
        part: &[u32],
        summary: &SummaryRef<'_>,
        message: &Message,
    ) -> Result<Option<Self>, Refusal> {
        if part.is_empty() {
            let (encoding, range) = (Encoding::Identity, 0..message.len());
            return Ok(Some(Self { encoding, range }));
        }
        let Some(found) = summary.part_at(part) else {
            return Ok(None);
        };
        if !Encoding::is_known(found.encoding) {
            return Err(Refusal::UnknownEncoding);
        }
        let encoding = Encoding::named(found.encoding);
        let range = section::body_of(&found, message);
        Ok(Some(Self { encoding, range }))
    }

    /// Decodes all of it, keeping nothing.
    pub(crate) fn measure(&self, message: &Message) -> Result<Measure, EngineError> {
        let mut measure = Measure::default();
        let mut decoded = self.decoded(0..u64::MAX);
        loop {
            let piece = decoded.next(message)?;
            if piece.is_empty() {
                return Ok(measure);
            }
            let ends = piece.split(|byte| *byte == b'\n').skip(1);
            measure.lines += u64::try_from(ends.count()).unwrap_or(0);
            measure.len = measure.len.saturating_add(count(&piece));
            measure.has_nul |= piece.contains(&0);
        }
    }

    /// Whether it lies in its message as it is, so that nothing has to be decoded.
    pub(crate) fn is_plain(&self) -> bool {
        self.encoding == Encoding::Identity
    }

    /// What it decodes to, between two places.
    pub(crate) fn decoded(&self, told: Range<u64>) -> Decoded {
        Decoded {
            encoded: self.range.clone(),
            decoder: Some(Decoder::new(self.encoding)),
            skipped: told.start,
            left: told.end.saturating_sub(told.start),
        }
    }
}

/// A part that is being decoded.
pub(crate) struct Decoded {
    /// Bytes of the message that are still to be read.
    encoded: Range<u64>,
    /// `None` once the end was decoded.
    decoder: Option<Decoder>,
    /// Decoded bytes in front of what is told.
    skipped: u64,
    /// Decoded bytes still to be told.
    left: u64,
}

impl Decoded {
    /// The next bytes; none at the end.
    ///
    /// Errors: [`EngineError::NoSuchItem`] if the message is gone meanwhile.
    pub(crate) fn next(&mut self, message: &Message) -> Result<Vec<u8>, EngineError> {
        let mut piece = Vec::new();
        while piece.is_empty() && self.left > 0 && self.decode(message, &mut piece)? {
            let skipped = usize::try_from(self.skipped).unwrap_or(usize::MAX);
            let skipped = skipped.min(piece.len());
            piece.drain(..skipped);
            self.skipped -= u64::try_from(skipped).unwrap_or(0);
            piece.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        }
        self.left -= count(&piece);
        Ok(piece)
    }

    /// Decodes one piece more, which may come to nothing. False at the end.
    fn decode(&mut self, message: &Message, out: &mut Vec<u8>) -> Result<bool, EngineError> {
        if self.encoded.is_empty() {
            let ended = self.decoder.take();
            let was_open = ended.is_some();
            if let Some(decoder) = ended {
                decoder.finish(out);
            }
            return Ok(was_open);
        }
        let end = self.encoded.start.saturating_add(PIECE_BYTES);
        let bytes = message.read(self.encoded.start..end.min(self.encoded.end))?;
        if bytes.is_empty() {
            return Err(EngineError::NoSuchItem);
        }
        self.encoded.start = self.encoded.start.saturating_add(count(&bytes));
        if let Some(decoder) = &mut self.decoder {
            decoder.push(&bytes, out);
        }
        Ok(true)
    }
}

fn count(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
