//! gzip and zip, as reporters pack their reports: one file, deflated.
//!
//! Sources: RFC 1952 §2.3 (gzip); the ZIP file format specification §4.3.7 (local file header).

use super::Unreadable;
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_with_limit};
use std::borrow::Cow;

/// Bytes of a report once it is unpacked; the largest of large providers have some megabytes.
const UNPACKED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a report says, packed or not.
pub fn unpacked(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Unreadable> {
    let deflated = match bytes {
        [0x1f, 0x8b, 8, flags, rest @ ..] => gzip(*flags, rest),
        [b'P', b'K', 3, 4, rest @ ..] => return zip(rest),
        bytes => return Ok(Cow::Borrowed(bytes)),
    };
    inflated(deflated.ok_or(Unreadable::Packing)?)
}

/// What follows the header, whose first four bytes are gone.
fn gzip(flags: u8, rest: &[u8]) -> Option<&[u8]> {
    const CHECKSUM: u8 = 2;
    const EXTRA: u8 = 4;
    let mut rest = rest.get(6..)?;
    if flags & EXTRA != 0 {
        let (length, behind) = short(rest)?;
        rest = behind.get(length..)?;
    }
    // A name and a comment, each up to a zero.
    for flag in [8, 16] {
        if flags & flag != 0 {
            let end = rest.iter().position(|&byte| byte == 0)?;
            rest = rest.get(end + 1..)?;
        }
    }
    if flags & CHECKSUM != 0 {
        rest = rest.get(2..)?;
    }
    Some(rest)
}

/// The first file; the signature before the header is gone.
fn zip(rest: &[u8]) -> Result<Cow<'_, [u8]>, Unreadable> {
    let (method, stored_bytes, content) = zip_header(rest).ok_or(Unreadable::Packing)?;
    match method {
        0 => {
            let stored = content.get(..stored_bytes).ok_or(Unreadable::Packing)?;
            Ok(Cow::Borrowed(stored))
        }
        8 => inflated(content),
        _ => Err(Unreadable::Packing),
    }
}

fn zip_header(rest: &[u8]) -> Option<(usize, usize, &[u8])> {
    const ENCRYPTED: usize = 1;
    let (flags, _) = short(rest.get(2..)?)?;
    let (method, _) = short(rest.get(4..)?)?;
    let (low, high) = short(rest.get(14..)?)?;
    let (high, _) = short(high)?;
    let (name_bytes, behind) = short(rest.get(22..)?)?;
    let (extra_bytes, behind) = short(behind)?;
    let content = behind.get(name_bytes + extra_bytes..)?;
    (flags & ENCRYPTED == 0).then_some((method, high << 16 | low, content))
}

/// A number of two bytes, the lower first.
fn short(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<2>()?;
    Some((usize::from(u16::from_le_bytes(*number)), rest))
}

fn inflated(deflated: &[u8]) -> Result<Cow<'_, [u8]>, Unreadable> {
    let inflated = decompress_to_vec_with_limit(deflated, UNPACKED_BYTES_MAX);
    inflated
        .map(Cow::Owned)
        .map_err(|error| match error.status {
            TINFLStatus::HasMoreOutput => Unreadable::TooLarge,
            _ => Unreadable::Packing,
        })
}
