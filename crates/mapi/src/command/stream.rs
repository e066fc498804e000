//! Long values, read and written piece by piece.
//!
//! What is written shows in the object when the stream is committed or closed, and is kept when
//! the object is saved.
//!
//! Source: [MS-OXCPRPT] 3.2.5.9 to 3.2.5.16.

use super::{Done, Place, property};
use crate::codec::data::{PropertyTag, PropertyType, Value, to_code_page};
use crate::codec::rop::stream::{
    CopiedToStream, CopyToStream, OpenStream, ReadSize, ReadStream, SeekStream, SetStreamSize,
    StreamData, StreamPosition, StreamSize, Written, WrittenExtended,
};
use crate::codec::rop::{Request, Response};
use crate::codec::wire::Nothing;
use crate::object::{Object, Stream};
use crate::property::message::COMPUTED;
use crate::refusal::Refusal;
use crate::request::Session;
use bytes::Bytes;

/// How a stream is opened.
const READ_ONLY: u8 = 0;
const READ_WRITE: u8 = 1;
const CREATE: u8 = 2;
const BEST_ACCESS: u8 = 3;
/// Bytes before the data of an answer.
const DATA_HEAD_BYTES: usize = 8;
/// Bytes that all open objects of a session may hold: a few times the largest letter that is
/// usually allowed, since what is attached is held by its stream, by itself and by the message.
const HELD_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Bytes that may still be held.
pub(super) fn room(session: &Session) -> usize {
    HELD_BYTES_MAX.saturating_sub(session.objects.held_bytes())
}

/// `RopOpenStream`: texts without their end mark.
pub(super) fn open(
    session: &mut Session,
    at: Place,
    request: &OpenStream,
) -> Result<Done, Refusal> {
    let (tag, mode) = (request.tag, request.open_mode);
    let may_write = may_write(session, at, tag)?;
    if [READ_WRITE, CREATE].contains(&mode) && !may_write {
        return Err(Refusal::AccessDenied);
    }
    let kinds = [
        PropertyType::BINARY,
        PropertyType::UNICODE,
        PropertyType::STRING8,
        PropertyType::OBJECT,
    ];
    if mode > BEST_ACCESS || !kinds.contains(&tag.property_type()) {
        return Err(Refusal::InvalidParameter);
    }
    let code_page = session.code_page;
    let found = match mode {
        CREATE => None,
        _ => property::of(session, at, |source| source.value(tag.id()))?,
    };
    let data = match found {
        Some(value) => bytes_of(value, tag.property_type(), code_page).ok_or(Refusal::NotFound)?,
        None if mode == READ_ONLY || !may_write => return Err(Refusal::NotFound),
        None => Vec::new(),
    };
    if data.len() > room(session) {
        return Err(Refusal::TooBig);
    }
    let stream_size = size_of(&data);
    let stream = Stream {
        data,
        position: 0,
        parent: at.handle,
        tag,
        code_page,
        may_write: may_write && mode != READ_ONLY,
        is_changed: mode == CREATE,
    };
    Ok(Done::opened(
        Response::OpenStream(stream_size),
        Object::Stream(stream),
    ))
}

/// Streams of messages and attachments can be written.
fn may_write(session: &Session, at: Place, tag: PropertyTag) -> Result<bool, Refusal> {
    let may_write = match session.objects.look(at.logon_id, at.handle)? {
        Object::Message(message) => message.may_write,
        Object::Attachment(open) => open.may_write,
        Object::Folder(_) | Object::Logon => false,
        _ => return Err(Refusal::NotSupported),
    };
    Ok(may_write && !COMPUTED.contains(&tag.id()))
}

fn bytes_of(value: Value, kind: PropertyType, code_page: u32) -> Option<Vec<u8>> {
    Some(match (value, kind) {
        (Value::Binary(bytes), PropertyType::BINARY | PropertyType::OBJECT) => bytes.to_vec(),
        (Value::Unicode(text), PropertyType::UNICODE) => {
            text.encode_utf16().flat_map(u16::to_le_bytes).collect()
        }
        (Value::Unicode(text), PropertyType::STRING8) => to_code_page(code_page, &text),
        _ => return None,
    })
}

fn size_of(data: &[u8]) -> StreamSize {
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

/// The same of one that may be written, with the bytes that it may grow by.
fn writable(session: &mut Session, at: Place) -> Result<(&mut Stream, usize), Refusal> {
    let room = room(session);
    let stream = stream(session, at)?;
    if stream.may_write {
        Ok((stream, room))
    } else {
        Err(Refusal::AccessDenied)
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
    let data = take(stream, asked.min(room));
    Ok(Done::said(Response::ReadStream(StreamData { data })))
}

/// The next bytes, at most so many.
fn take(stream: &mut Stream, count: usize) -> Bytes {
    let rest = stream.data.get(stream.position..).unwrap_or_default();
    let taken = rest.get(..count).unwrap_or(rest);
    stream.position += taken.len();
    Bytes::copy_from_slice(taken)
}

/// `RopWriteStream` and its sisters: in place of what is there, and behind it.
pub(super) fn write(
    session: &mut Session,
    at: Place,
    data: &Bytes,
    which: &Request,
) -> Result<Done, Refusal> {
    put(session, at, data)?;
    let written_size = u16::try_from(data.len()).unwrap_or(u16::MAX);
    Ok(Done::said(match which {
        Request::WriteStreamExtended(_) => Response::WriteStreamExtended(WrittenExtended {
            written_size: written_size.into(),
        }),
        Request::WriteAndCommitStream(_) => {
            hand_over(session, at)?;
            Response::WriteAndCommitStream(Written { written_size })
        }
        _ => Response::WriteStream(Written { written_size }),
    }))
}

fn put(session: &mut Session, at: Place, data: &[u8]) -> Result<(), Refusal> {
    let (stream, room) = writable(session, at)?;
    let end = stream.position.saturating_add(data.len());
    if end.saturating_sub(stream.data.len()) > room {
        return Err(Refusal::TooBig);
    }
    // What was sought behind the end is zeros.
    if end > stream.data.len() {
        stream.data.resize(end, 0);
    }
    if let Some(place) = stream.data.get_mut(stream.position..end) {
        place.copy_from_slice(data);
    }
    stream.position = end;
    stream.is_changed = true;
    Ok(())
}

/// `RopCommitStream`.
pub(super) fn commit(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    hand_over(session, at)?;
    Ok(Done::said(Response::CommitStream(Nothing)))
}

fn hand_over(session: &mut Session, at: Place) -> Result<(), Refusal> {
    stream(session, at)?;
    session.objects.commit_stream(at.handle);
    Ok(())
}

/// `RopSetStreamSize`: cuts, or puts zeros behind.
pub(super) fn set_size(
    session: &mut Session,
    at: Place,
    request: &SetStreamSize,
) -> Result<Done, Refusal> {
    let (stream, room) = writable(session, at)?;
    let size = usize::try_from(request.stream_size).map_err(|_| Refusal::TooBig)?;
    if size.saturating_sub(stream.data.len()) > room {
        return Err(Refusal::TooBig);
    }
    stream.data.resize(size, 0);
    stream.position = stream.position.min(size);
    stream.is_changed = true;
    Ok(Done::said(Response::SetStreamSize(Nothing)))
}

/// `RopGetStreamSize`.
pub(super) fn size(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    let stream_size = size_of(&stream(session, at)?.data);
    Ok(Done::said(Response::StreamSize(stream_size)))
}

/// `RopSeekStream`: not before the beginning; behind the end only of one that may grow.
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
    let end = if stream.may_write {
        HELD_BYTES_MAX
    } else {
        stream.data.len()
    };
    let position = position.ok().filter(|position| *position <= end);
    stream.position = position.ok_or(Refusal::StreamSeek)?;
    let new_position = stream.position as u64;
    Ok(Done::said(Response::SeekStream(StreamPosition {
        new_position,
    })))
}

/// `RopCopyToStream`: from where the one stands to where the other does.
pub(super) fn copy(
    session: &mut Session,
    at: Place,
    request: &CopyToStream,
) -> Result<Done, Refusal> {
    let target = Place {
        handle: at.target,
        ..at
    };
    match session.objects.look(at.logon_id, at.target) {
        Ok(Object::Stream(_)) => {}
        Ok(_) => return Err(Refusal::NotSupported),
        Err(_) => return Err(Refusal::NullDestination),
    }
    writable(session, target)?;
    let count = usize::try_from(request.byte_count).unwrap_or(usize::MAX);
    let data = take(stream(session, at)?, count);
    put(session, target, &data)?;
    let count = data.len() as u64;
    Ok(Done::said(Response::CopyToStream(CopiedToStream {
        read_byte_count: count,
        written_byte_count: count,
    })))
}

/// `RopCloneStream`: a stream of its own on the same bytes.
pub(super) fn clone(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    let room = room(session);
    let stream = stream(session, at)?;
    if stream.data.len() > room {
        return Err(Refusal::TooBig);
    }
    let copy = Stream {
        data: stream.data.clone(),
        is_changed: false,
        ..*stream
    };
    Ok(Done::opened(
        Response::CloneStream(Nothing),
        Object::Stream(copy),
    ))
}

/// `RopLockRegionStream` and `RopUnlockRegionStream`: locks keep other sessions out, and no other
/// session has this stream: its bytes are this one's own until the object is saved. So whatever is
/// asked for is so already. Source: [MS-OXCPRPT] 2.2.24, 3.2.5.22.
pub(super) fn lock(session: &mut Session, at: Place, which: &Request) -> Result<Done, Refusal> {
    stream(session, at)?;
    Ok(Done::said(match which {
        Request::UnlockRegionStream(_) => Response::UnlockRegionStream(Nothing),
        _ => Response::LockRegionStream(Nothing),
    }))
}
