//! What the URLs of CATENATE name, read piece by piece.
//!
//! Standards: RFC 4469 §3, §4.1 (BADURL); RFC 4467 (URLAUTH).

use super::fetch::{Decoded, section_bytes};
use super::{Desk, url_auth};
use crate::codec::url::MessageUrl;
use crate::refusal::Refusal;
use crate::shared::Found;
use bytes::Bytes;
use engine::{EngineError, Location, Message, Reading, Uid};
use std::ops::Range;

/// Bytes read at once.
const PIECE_BYTES: u64 = 256 * 1024;

/// What a URL names.
pub(crate) enum Source {
    /// Bytes of a message that are still to be read.
    Message(Message, Range<u64>),
    /// Bytes that were made of it.
    Made(Bytes),
    /// A part that is still to be decoded, and how many bytes that will be.
    Decoded(Message, Box<Decoded>, u64),
}

impl Source {
    /// Finds what a URL names.
    ///
    /// Errors: [`Refusal::BadUrl`].
    pub(crate) fn open(url: &str, desk: &Desk<'_>) -> Result<Self, Refusal> {
        if !url.starts_with('/') {
            return url_auth::open(url, desk);
        }
        match find(url, desk) {
            Err(Refusal::Engine(EngineError::NoSuchFolder | EngineError::Denied)) | Ok(None) => {
                Err(Refusal::BadUrl(url.to_owned()))
            }
            Err(refusal) => Err(refusal),
            Ok(Some(source)) => Ok(source),
        }
    }

    /// How many bytes are still to be read.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Made(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Self::Message(_, range) => range.end.saturating_sub(range.start),
            Self::Decoded(_, _, left) => *left,
        }
    }

    /// The next bytes; none at the end.
    pub(crate) fn next(&mut self) -> Result<Bytes, Refusal> {
        match self {
            Self::Made(bytes) => Ok(std::mem::take(bytes)),
            Self::Message(message, range) => {
                let end = range.end.min(range.start.saturating_add(PIECE_BYTES));
                let bytes = message.read(range.start..end)?;
                range.start = end;
                Ok(bytes)
            }
            Self::Decoded(message, decoded, left) => {
                let bytes = Bytes::from(decoded.next(message)?);
                *left = left.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                Ok(bytes)
            }
        }
    }
}

fn find(url: &str, desk: &Desk<'_>) -> Result<Option<Source>, Refusal> {
    let Some(url) = MessageUrl::read(url) else {
        return Ok(None);
    };
    let found = desk.find(&url.mailbox)?;
    if url
        .uid_validity
        .is_some_and(|validity| validity != found.row.uid_validity)
    {
        return Ok(None);
    }
    open_message(&url, &found)
}

/// What a URL names in a mailbox.
pub(super) fn open_message(url: &MessageUrl, found: &Found) -> Result<Option<Source>, Refusal> {
    let Some((message, summary)) = message_of(url, found)? else {
        return Ok(None);
    };
    section_bytes(&url.section, message, &summary, url.partial.clone())
}

/// The message that a URL names, or names a part of, with its summary.
pub(super) fn message_of(
    url: &MessageUrl,
    found: &Found,
) -> Result<Option<(Message, Bytes)>, Refusal> {
    let account = &found.account;
    let view = account.read()?;
    let Some(item) = view.item(Location::mail(found.folder, Uid(url.uid)))? else {
        return Ok(None);
    };
    let details = view.details(item.item)?.unwrap_or_default();
    let message = account.message_with_prefix(&item, details.prefix);
    Ok(Some((message, details.summary)))
}
