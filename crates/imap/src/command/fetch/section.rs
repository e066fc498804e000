//! Which bytes of a message a section means.
//!
//! A summary's offsets count from the body's first byte; what delivery put before it belongs to the
//! header.
//!
//! Standards: RFC 9051 §6.4.5.1.

use super::message::{is_whole, scan_again};
use crate::codec::fetch::{Section, SectionText};
use crate::command::catenate::Source;
use crate::refusal::Refusal;
use bytes::Bytes;
use engine::{EngineError, Message};
use formats::message::PartKind;
use formats::message::header;
use formats::message::{PartRef, SummaryRef};
use std::ops::Range;

/// Bytes of a header that fields are picked from; more is no header.
const HEADER_BYTES_MAX: u64 = 1024 * 1024;

/// What a section leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// There is no such part: `NIL`.
    Nothing,
    /// A run of the message.
    Range(Range<u64>),
    /// Bytes made for this answer.
    Bytes(Vec<u8>),
}

/// Finds the bytes of a section.
pub(super) fn find(
    section: &Section,
    summary: &SummaryRef<'_>,
    message: &Message,
) -> Result<Found, EngineError> {
    let Some(part) = summary.part_at(&section.part) else {
        return Ok(Found::Nothing);
    };
    let is_whole = section.part.is_empty();
    // The header and text of a part are those of the letter that it encloses.
    let letter = if is_whole {
        Some(part)
    } else {
        enclosed(summary, &part)
    };
    let header = letter.map(|letter| header_of(&letter, message));
    let range = match &section.text {
        SectionText::All if is_whole => Some(0..message.len()),
        SectionText::All => Some(body_of(&part, message)),
        SectionText::Mime => Some(header_of(&part, message)),
        SectionText::Header => header,
        SectionText::Text => letter.map(|letter| {
            let body = body_of(&letter, message);
            let end = if is_whole { message.len() } else { body.end };
            body.start..end
        }),
        SectionText::HeaderFields(names) => {
            if is_whole && let Some(lines) = kept_fields(summary, message, names) {
                return Ok(Found::Bytes(lines));
            }
            return header.map_or(Ok(Found::Nothing), |h| fields(message, h, names, true));
        }
        SectionText::HeaderFieldsNot(names) => {
            return header.map_or(Ok(Found::Nothing), |h| fields(message, h, names, false));
        }
    };
    Ok(range.map_or(Found::Nothing, Found::Range))
}

/// The bytes of a section, or some of them, for another message. `None` if there is no such part.
pub(in crate::command) fn section_bytes(
    section: &Section,
    message: Message,
    kept: &Bytes,
    partial: Option<Range<u64>>,
) -> Result<Option<Source>, Refusal> {
    let summary = whole_summary(&message, kept)?;
    let summary = SummaryRef::new(&summary).map_err(|_| EngineError::NoSuchItem)?;
    let found = find(section, &summary, &message)?;
    let partial = partial.unwrap_or(0..u64::MAX);
    Ok(match found {
        Found::Nothing => None,
        Found::Range(range) => {
            let start = range.start.saturating_add(partial.start).min(range.end);
            let end = range.start.saturating_add(partial.end).min(range.end);
            Some(Source::Message(message, start..end))
        }
        Found::Bytes(bytes) => {
            let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
            let range = place(partial.start)..place(partial.end);
            Some(Source::Made(Bytes::from(bytes).slice(range)))
        }
    })
}

/// The summary of a message, made anew where the kept one had to be cut.
pub(in crate::command) fn whole_summary(message: &Message, kept: &Bytes) -> Result<Bytes, Refusal> {
    if is_whole(kept) {
        Ok(kept.clone())
    } else {
        scan_again(message)
    }
}

/// Whether a message has a part of this number.
pub(in crate::command) fn part_exists(
    part: &[u32],
    message: &Message,
    kept: &Bytes,
) -> Result<bool, Refusal> {
    let summary = whole_summary(message, kept)?;
    let summary = SummaryRef::new(&summary).map_err(|_| EngineError::NoSuchItem)?;
    Ok(summary.part_at(part).is_some())
}

fn enclosed<'a>(summary: &SummaryRef<'a>, part: &PartRef<'a>) -> Option<PartRef<'a>> {
    if part.kind == PartKind::Message {
        summary.children(part).next()
    } else {
        None
    }
}

fn header_of(part: &PartRef<'_>, message: &Message) -> Range<u64> {
    let prefix = message.prefix_len();
    let start = if part.parent.is_none() {
        0
    } else {
        part.header_start.saturating_add(prefix)
    };
    start..part.body_start.saturating_add(prefix)
}

/// The bytes of a part's body in the message.
pub(super) fn body_of(part: &PartRef<'_>, message: &Message) -> Range<u64> {
    let prefix = message.prefix_len();
    part.body_start.saturating_add(prefix)..part.body_end.saturating_add(prefix)
}

/// The same out of the summary, where it keeps them byte for byte: no body is read.
fn kept_fields(summary: &SummaryRef<'_>, message: &Message, names: &[String]) -> Option<Vec<u8>> {
    let kept = summary.header_fields(names)?;
    let mut picked = Vec::new();
    for field in header::fields(message.prefix()) {
        if names.iter().any(|name| field.is(name)) {
            picked.extend_from_slice(field.raw);
        }
    }
    picked.extend_from_slice(&kept);
    picked.extend_from_slice(b"\r\n");
    Some(picked)
}

/// The fields whose names are (or are not) among `names`, and the empty line.
fn fields(
    message: &Message,
    header: Range<u64>,
    names: &[String],
    wanted: bool,
) -> Result<Found, EngineError> {
    let end = header
        .end
        .min(header.start.saturating_add(HEADER_BYTES_MAX));
    let block = message.read(header.start..end)?;
    let mut picked = Vec::new();
    for field in header::fields(&block) {
        if names.iter().any(|name| field.is(name)) == wanted {
            picked.extend_from_slice(field.raw);
        }
    }
    picked.extend_from_slice(b"\r\n");
    Ok(Found::Bytes(picked))
}
