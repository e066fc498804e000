//! A ROP buffer: a list of operations or of answers, and the table of handles they speak of.
//!
//! Start at [`split`] and [`join`].
//!
//! Source: [MS-OXCROPS] 2.2.1.

use super::reply::ColumnsOf;
use super::{Call, Reply};
use crate::codec::wire::{Count, Form, Malformed, Reader, TooLong, Wire, Writer};

/// Handles in a table: a place in it has one byte. Source: [MS-OXCROPS] 2.2.1.1.
pub const HANDLES_MAX: usize = 255;
/// Stands in the table where there is no handle.
pub const NO_HANDLE: u32 = u32::MAX;
/// Operations in a buffer. Outlook sends fewer than a hundred; without a bound the shortest ones
/// would need a hundred times their size in memory.
pub const CALLS_MAX: usize = 1024;
/// The bytes of the list's own size, which it counts.
const SIZE_BYTES: usize = 2;

/// The list and the handles of a buffer.
pub fn split(payload: &[u8]) -> Result<(&[u8], Vec<u32>), Malformed> {
    let mut reader = Reader::new(payload, Form::Rop);
    let size = u16::read(&mut reader)?.to_size();
    let size = size.checked_sub(SIZE_BYTES).ok_or(Malformed::Length)?;
    let list = reader.take(size)?;
    let (handles, rest) = reader.rest().as_chunks();
    if !rest.is_empty() || handles.len() > HANDLES_MAX {
        return Err(Malformed::Length);
    }
    let handles = handles.iter().map(|&bytes| u32::from_le_bytes(bytes));
    Ok((list, handles.collect()))
}

/// A buffer of this list and these handles.
pub fn join(list: &[u8], handles: &[u32]) -> Result<Vec<u8>, TooLong> {
    let mut writer = Writer::new(Form::Rop);
    writer.count::<u16>(list.len() + SIZE_BYTES);
    writer.put(list);
    writer.values(handles);
    writer.finish()
}

/// An operation, and where in the list it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedCall {
    /// Bytes before it: from here on goes back what there was no room to answer.
    pub start: usize,
    /// The operation.
    pub call: Call,
}

/// All operations of a list. One that is not known makes the whole list unreadable, because
/// nobody can tell where it ends.
pub fn read_calls(list: &[u8]) -> Result<Vec<PlacedCall>, Malformed> {
    let mut reader = Reader::new(list, Form::Rop);
    let mut calls = Vec::new();
    while !reader.rest().is_empty() {
        let start = list.len() - reader.rest().len();
        let call = Call::read(&mut reader)?;
        if calls.len() == CALLS_MAX {
            return Err(Malformed::Budget);
        }
        calls.push(PlacedCall { start, call });
    }
    Ok(calls)
}

/// A list of operations.
pub fn write_calls(calls: &[Call]) -> Result<Vec<u8>, TooLong> {
    let mut writer = Writer::new(Form::Rop);
    writer.values(calls);
    writer.finish()
}

/// All answers of a list.
pub fn read_replies(list: &[u8], columns: &mut ColumnsOf<'_>) -> Result<Vec<Reply>, Malformed> {
    let mut reader = Reader::new(list, Form::Rop);
    let mut replies = Vec::new();
    while !reader.rest().is_empty() {
        replies.push(Reply::read(&mut reader, columns)?);
    }
    Ok(replies)
}

/// A list of answers.
pub fn write_replies(replies: &[Reply]) -> Result<Vec<u8>, TooLong> {
    let mut writer = Writer::new(Form::Rop);
    for reply in replies {
        reply.write(&mut writer);
    }
    writer.finish()
}
