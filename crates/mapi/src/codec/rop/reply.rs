//! Answers to operations, and what stands among them without having been asked for.
//!
//! Start at [`Reply`].
//!
//! Source: [MS-OXCROPS] 2.2.2 (responses), 2.2.14 and 2.2.15 (notifications, room, rest).

use super::folder::Completion;
use super::logon::Redirect;
use super::notify::Notify;
use super::stream::{CopiedToStream, StreamData, Written, WrittenExtended};
use super::transfer::{PutBuffer, PutBufferExtended, SourceBuffer};
use super::{Response, number};
use crate::codec::data::PropertyTag;
use crate::codec::wire::{Malformed, Measured, Reader, Wire, Writer, wire};
use bytes::Bytes;

/// One element of the list in a response.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// What came of an operation. `code` is 0 or a warning; a few operations say as much when
    /// they fail.
    Said {
        /// The place of a handle.
        handle: u8,
        /// 0, a warning, or an error of an operation that says more than that.
        code: u32,
        /// What it says.
        response: Response,
    },
    /// An operation failed and says no more.
    Refused {
        /// Its number.
        number: u8,
        /// The place of a handle.
        handle: u8,
        /// Why.
        code: u32,
    },
    /// The destination of an operation is not there.
    NoDestination {
        /// Its number.
        number: u8,
        /// The place of the source's handle.
        handle: u8,
        /// The place of the destination's.
        destination: u32,
        /// What it says besides.
        response: Option<Response>,
    },
    /// The mailbox is elsewhere.
    WrongServer {
        /// The place of a handle.
        handle: u8,
        /// Where.
        redirect: Redirect,
    },
    /// A transfer must wait so many milliseconds.
    SourceBusy {
        /// The place of a handle.
        handle: u8,
        /// How far it is, with no data.
        buffer: SourceBuffer,
        /// How long.
        backoff_milliseconds: u32,
    },
    /// Something happened.
    Notify(Notify),
    /// More happened than there was room for.
    Pending {
        /// Of which session.
        session: u16,
    },
    /// There was no room for the answers to the rest, which comes back.
    BufferTooSmall {
        /// Bytes that would have been needed.
        size_needed: u16,
        /// The operations that were not done.
        requests: Bytes,
    },
    /// Rest.
    Backoff(Backoff),
}

wire! {
    /// A client is to leave a logon alone. Source: [MS-OXCROPS] 2.2.15.2.1.
    #[derive(Eq)]
    pub struct Backoff {
        logon_id: u8,
        duration_milliseconds: u32,
        operations: Vec<BackoffOperation> as crate::codec::wire::Counted<u8>,
        additional: Bytes as Measured<u16>,
    }

    /// For how long one operation is to be left.
    #[derive(Eq)]
    pub struct BackoffOperation {
        number: u8,
        duration_milliseconds: u32,
    }
}

const NOTIFY: u8 = 0x2a;
const PENDING: u8 = 0x6e;
const BACKOFF: u8 = 0xf9;
const BUFFER_TOO_SMALL: u8 = 0xff;

/// `ecWrongServer`.
const WRONG_SERVER: u32 = 0x0000_0478;
/// `ecServerBusy`.
const SERVER_BUSY: u32 = 0x0000_0480;
/// `ecDstNullObject`.
const NULL_DESTINATION: u32 = 0x0000_0503;

/// Operations that say as much when they fail: whether something was left out, how much was
/// written. Source: [MS-OXCROPS] 2.2.4, 2.2.9, 2.2.12 (one response for both outcomes).
const SAY_AS_MUCH_WHEN_FAILED: &[u8] = &[
    0x1d, 0x33, 0x35, 0x36, 0x58, 0x92, 0x1e, 0x91, 0x66, 0x2c, 0x2d, 0xa3, 0x3a, 0x4e, 0x54, 0x9d,
];
/// Operations with a destination, which say more when it is not there; the first four still say
/// what they have to say.
const WITH_DESTINATION: &[u8] = &[0x33, 0x35, 0x36, 0x3a, 0x39, 0x67];
const SAY_MORE_WITHOUT_DESTINATION: usize = 4;

impl Response {
    /// What an operation says when it failed, if it says as much then: nothing was left out, and
    /// nothing was read or written.
    pub fn of_failure(number: u8) -> Option<Self> {
        let completion = || Completion { is_partial: false };
        let data = Bytes::new;
        Some(match number {
            0x1d => Self::DeleteFolder(completion()),
            0x1e => Self::DeleteMessages(completion()),
            0x33 => Self::MoveCopyMessages(completion()),
            0x35 => Self::MoveFolder(completion()),
            0x36 => Self::CopyFolder(completion()),
            0x58 => Self::EmptyFolder(completion()),
            0x66 => Self::SetReadFlags(completion()),
            0x91 => Self::HardDeleteMessages(completion()),
            0x92 => Self::HardDeleteMessagesAndSubfolders(completion()),
            0x2c => Self::ReadStream(StreamData { data: data() }),
            0x2d => Self::WriteStream(Written { written_size: 0 }),
            0xa3 => Self::WriteStreamExtended(WrittenExtended { written_size: 0 }),
            0x3a => Self::CopyToStream(CopiedToStream {
                read_byte_count: 0,
                written_byte_count: 0,
            }),
            0x4e => Self::FastTransferSourceGetBuffer(SourceBuffer {
                transfer_status: 0,
                in_progress_count: 0,
                total_step_count: 0,
                reserved: 0,
                data: data(),
            }),
            0x54 => Self::FastTransferDestinationPutBuffer(PutBuffer {
                transfer_status: 0,
                in_progress_count: 0,
                total_step_count: 0,
                reserved: 0,
                buffer_used_size: 0,
            }),
            0x9d => Self::FastTransferDestinationPutBufferExtended(PutBufferExtended {
                transfer_status: 0,
                in_progress_count: 0,
                total_step_count: 0,
                reserved: 0,
                buffer_used_size: 0,
            }),
            _ => return None,
        })
    }
}

/// Whether a code means that it was done: 0 or a warning. Source: [MS-OXCDATA] 2.4.
pub(super) fn is_done(code: u32) -> bool {
    code == 0 || code >> 16 == 4
}

/// Whether an operation tells its response along with this code.
pub(super) fn says(number: u8, code: u32) -> bool {
    let is_redirected = number == number::LOGON && code == WRONG_SERVER;
    is_done(code) || (SAY_AS_MUCH_WHEN_FAILED.contains(&number) && !is_redirected)
}

/// Which columns the rows of the next answer have, by number of the operation and place of the
/// handle. Asked once for each answer, in their order.
pub type ColumnsOf<'a> = dyn FnMut(u8, u8) -> Vec<PropertyTag> + 'a;

impl Reply {
    /// Takes one element from the front of a response.
    pub fn read(reader: &mut Reader<'_>, columns: &mut ColumnsOf<'_>) -> Result<Self, Malformed> {
        let number = u8::read(reader)?;
        match number {
            NOTIFY => return Notify::read(reader).map(Self::Notify),
            BACKOFF => return Backoff::read(reader).map(Self::Backoff),
            PENDING => {
                let session = u16::read(reader)?;
                return Ok(Self::Pending { session });
            }
            BUFFER_TOO_SMALL => {
                let size_needed = u16::read(reader)?;
                let rest = reader.rest().len();
                let requests = Bytes::copy_from_slice(reader.take(rest)?);
                return Ok(Self::BufferTooSmall {
                    size_needed,
                    requests,
                });
            }
            _ => {}
        }
        let handle = u8::read(reader)?;
        let code = u32::read(reader)?;
        let columns = columns(number, handle);
        reader.rows(&columns, |reader| {
            Self::read_answer(number, handle, code, reader)
        })
    }

    fn read_answer(
        number: u8,
        handle: u8,
        code: u32,
        reader: &mut Reader<'_>,
    ) -> Result<Self, Malformed> {
        if number == number::LOGON && code == WRONG_SERVER {
            let redirect = Redirect::read(reader)?;
            return Ok(Self::WrongServer { handle, redirect });
        }
        if code == NULL_DESTINATION && WITH_DESTINATION.contains(&number) {
            return Ok(Self::NoDestination {
                number,
                handle,
                destination: u32::read(reader)?,
                response: without_destination(number)
                    .then(|| Response::read(number, reader))
                    .transpose()?,
            });
        }
        if number == number::SOURCE_GET_BUFFER && code == SERVER_BUSY {
            return Ok(Self::SourceBusy {
                handle,
                buffer: SourceBuffer::read(reader)?,
                backoff_milliseconds: u32::read(reader)?,
            });
        }
        if says(number, code) {
            let response = Response::read(number, reader)?;
            return Ok(Self::Said {
                handle,
                code,
                response,
            });
        }
        super::indices(number).ok_or(Malformed::Unknown(number.into()))?;
        Ok(Self::Refused {
            number,
            handle,
            code,
        })
    }

    /// Puts it at the end of a response.
    pub fn write(&self, writer: &mut Writer) {
        match self {
            Self::Notify(notify) => {
                writer.put(&[NOTIFY]);
                notify.write(writer);
            }
            Self::Pending { session } => {
                writer.put(&[PENDING]);
                session.write(writer);
            }
            Self::BufferTooSmall {
                size_needed,
                requests,
            } => {
                writer.put(&[BUFFER_TOO_SMALL]);
                size_needed.write(writer);
                writer.put(requests);
            }
            Self::Backoff(backoff) => {
                writer.put(&[BACKOFF]);
                backoff.write(writer);
            }
            answer => {
                let (number, handle, code) = answer.head();
                writer.put(&[number, handle]);
                code.write(writer);
                answer.write_rest(writer);
            }
        }
    }

    /// Number, place of a handle and code of an answer; zeros of what is none.
    fn head(&self) -> (u8, u8, u32) {
        match self {
            Self::Said {
                handle,
                code,
                response,
            } => match response.number() {
                number::MESSAGE_STATUS => (number::SET_MESSAGE_STATUS, *handle, *code),
                number => (number, *handle, *code),
            },
            Self::Refused {
                number,
                handle,
                code,
            } => (*number, *handle, *code),
            Self::NoDestination { number, handle, .. } => (*number, *handle, NULL_DESTINATION),
            Self::WrongServer { handle, .. } => (number::LOGON, *handle, WRONG_SERVER),
            Self::SourceBusy { handle, .. } => (number::SOURCE_GET_BUFFER, *handle, SERVER_BUSY),
            Self::Notify(_)
            | Self::Pending { .. }
            | Self::BufferTooSmall { .. }
            | Self::Backoff(_) => (0, 0, 0),
        }
    }

    /// What stands behind number, handle and code.
    fn write_rest(&self, writer: &mut Writer) {
        match self {
            Self::Said { response, .. } => response.write(writer),
            Self::NoDestination {
                destination,
                response,
                ..
            } => {
                destination.write(writer);
                if let Some(response) = response {
                    response.write(writer);
                }
            }
            Self::WrongServer { redirect, .. } => redirect.write(writer),
            Self::SourceBusy {
                buffer,
                backoff_milliseconds,
                ..
            } => {
                buffer.write(writer);
                backoff_milliseconds.write(writer);
            }
            _ => {}
        }
    }
}

/// Whether an operation says more than the place of the destination that is not there.
fn without_destination(number: u8) -> bool {
    let place = WITH_DESTINATION.iter().position(|&other| other == number);
    place.is_some_and(|place| place < SAY_MORE_WITHOUT_DESTINATION)
}
