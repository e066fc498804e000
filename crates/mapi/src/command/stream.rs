//! Long values, read piece by piece.
//!
//! Source: [MS-OXCPRPT] 3.2.5.9, 3.2.5.10.

use super::{Done, Place, property};
use crate::codec::data::{PropertyType, Value, to_code_page};
use crate::codec::rop::Response;
use crate::codec::rop::stream::{
    OpenStream, ReadSize, ReadStream, SeekStream, StreamData, StreamPosition, StreamSize,
};
use crate::object::{Object, Stream};
use crate::refusal::Refusal;
use crate::request::Session;
use bytes::Bytes;

/// Only to read.
const READ_ONLY: u8 = 0;
/// Whatever is allowed: here, to read.
const BEST_ACCESS: u8 = 3;
/// Bytes before the data of an answer.
const DATA_HEAD_BYTES: usize = 8;

/// `RopOpenStream`: texts without their end mark.
pub(super) fn open(
    session: &mut Session,
    at: Place,
    request: &OpenStream,
) -> Result<Done, Refusal> {
    if ![READ_ONLY, BEST_ACCESS].contains(&request.open_mode) {
        return Err(Refusal::AccessDenied);
    }
    let code_page = session.code_page;
    let value = property::of(session, at, |source| source.value(request.tag.id()))?;
    let value = value.ok_or(Refusal::NotFound)?;
    let data = match (value, request.tag.property_type()) {
        (Value::Binary(bytes), PropertyType::BINARY) => bytes,
        (Value::Unicode(text), PropertyType::UNICODE) => {
            text.encode_utf16().flat_map(u16::to_le_bytes).collect()
        }
        (Value::Unicode(text), PropertyType::STRING8) => {
            Bytes::from(to_code_page(code_page, &text))
        }
        _ => return Err(Refusal::NotFound),
    };
    let stream_size = size_of(&data);
    let stream = Stream { data, position: 0 };
    Ok(Done::opened(
        Response::OpenStream(stream_size),
        Object::Stream(stream),
    ))
}

fn size_of(data: &Bytes) -> StreamSize {
    StreamSize {
        stream_size: u32::try_from(data.len()).unwrap_or(u32::MAX),
    }
}

fn stream(session: &mut Session, at: Place) -> Result<&mut Stream, Refusal> {
    match session.objects.object(at.logon_id, at.handle)? {
        Object::Stream(stream) => Ok(stream),
        _ => Err(Refusal::NotSupported),
    }
}

/// `RopReadStream`: as much as was asked for and fits; nothing at the end.
pub(super) fn read(
    session: &mut Session,
    at: Place,
    request: &ReadStream,
) -> Result<Done, Refusal> {
    let stream = stream(session, at)?;
    let asked = match request.byte_count {
        ReadSize::Usual(count) => usize::from(count),
        ReadSize::Long(count) => usize::try_from(count).unwrap_or(usize::MAX),
    };
    let room = at.room.saturating_sub(DATA_HEAD_BYTES).min(u16::MAX.into());
    let left = stream.data.len() - stream.position;
    let end = stream.position + asked.min(room).min(left);
    let data = stream.data.slice(stream.position..end);
    stream.position = end;
    Ok(Done::said(Response::ReadStream(StreamData { data })))
}

/// `RopGetStreamSize`.
pub(super) fn size(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    let stream_size = size_of(&stream(session, at)?.data);
    Ok(Done::said(Response::StreamSize(stream_size)))
}

/// `RopSeekStream`: not before the beginning, and not behind the end of what can't grow.
pub(super) fn seek(
    session: &mut Session,
    at: Place,
    request: &SeekStream,
) -> Result<Done, Refusal> {
    let stream = stream(session, at)?;
    let start = match request.origin {
        0 => 0,
        1 => stream.position,
        2 => stream.data.len(),
        _ => return Err(Refusal::InvalidParameter),
    };
    let start = i64::try_from(start).unwrap_or(i64::MAX);
    let position = usize::try_from(start.saturating_add(request.offset));
    let position = position
        .ok()
        .filter(|position| *position <= stream.data.len());
    stream.position = position.ok_or(Refusal::InvalidParameter)?;
    let new_position = stream.position as u64;
    Ok(Done::said(Response::SeekStream(StreamPosition {
        new_position,
    })))
}
