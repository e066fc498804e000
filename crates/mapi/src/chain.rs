//! Answers in several buffers: where the last operation of a request reads what did not fit, the
//! server goes on as if the client had asked for the rest.
//!
//! Start at [`further`].
//!
//! Source: [MS-OXCRPC] 3.1.4.2.1.2.2.

use crate::codec::rop::stream::{ReadSize, ReadStream};
use crate::codec::rop::table::QueryRows;
use crate::codec::rop::{Call, Request, Response};

/// Buffers of one answer, the first not counted. Source: [MS-OXCRPC] 3.1.4.2.1.2.2.
pub const BUFFERS_MAX: usize = 96;
/// Bytes that must be left for another buffer of rows, and of a stream or an object in bulk.
/// Source: [MS-OXCRPC] 3.1.4.2.1.2.2.
const ROWS_BYTES_MIN: usize = 0x8000;
const BYTES_MIN: usize = 0x2000;

/// Of rows: the cursor stays, several buffers may come. Source: [MS-OXCTABL] 2.2.2.5.1.
const NO_ADVANCE: u8 = 1;
const PACKED: u8 = 2;
/// More rows stand behind, or before.
const WITHIN: u8 = 1;
/// An object in bulk has more to come.
const MORE: u16 = 1;

/// Bytes that must be left for such an operation to be gone on with.
pub fn room_min(call: &Call) -> usize {
    match call.request {
        Request::QueryRows(_) => ROWS_BYTES_MIN,
        _ => BYTES_MIN,
    }
}

/// What asks for the rest, if there is one.
pub fn further(call: &Call, said: &Response) -> Option<Call> {
    let request = match (&call.request, said) {
        (Request::QueryRows(asked), Response::QueryRows(told)) => {
            let left = asked
                .row_count
                .checked_sub(u16::try_from(told.rows.len()).ok()?)?;
            let goes_on = asked.flags & PACKED != 0 && asked.flags & NO_ADVANCE == 0;
            let has_more = told.origin == WITHIN && left > 0 && !told.rows.is_empty();
            (goes_on && has_more).then(|| {
                Request::QueryRows(QueryRows {
                    row_count: left,
                    ..asked.clone()
                })
            })?
        }
        (Request::ReadStream(asked), Response::ReadStream(told)) => {
            let asked = match asked.byte_count {
                ReadSize::Usual(size) => u32::from(size),
                ReadSize::Long(size) => size,
            };
            let left = asked.checked_sub(u32::try_from(told.data.len()).ok()?)?;
            (left > 0 && !told.data.is_empty()).then_some(())?;
            Request::ReadStream(ReadStream {
                byte_count: ReadSize::Long(left),
            })
        }
        (Request::FastTransferSourceGetBuffer(_), Response::FastTransferSourceGetBuffer(told)) => {
            (told.transfer_status == MORE).then(|| call.request.clone())?
        }
        _ => return None,
    };
    Some(Call {
        request,
        ..call.clone()
    })
}
