//! Bodies of the requests to a mailbox.
//!
//! Start at [`Answer`]; those of the address book are in [`crate::codec::nspi`].
//!
//! Source: [MS-OXCMAPIHTTP] 2.2.4.

use crate::codec::wire::{Layout, Malformed, Measured, Reader, String8, Wire, Writer, wire};
use bytes::Bytes;

/// Bytes behind their size at the end of a body, or no end at all, which some clients send where
/// there is nothing to say.
#[derive(Debug)]
pub struct Tail;

impl Layout<Bytes> for Tail {
    const LEAST: usize = 0;

    fn read(reader: &mut Reader<'_>) -> Result<Bytes, Malformed> {
        if reader.rest().is_empty() {
            return Ok(Bytes::new());
        }
        Measured::<u32>::read(reader)
    }

    fn write(value: &Bytes, writer: &mut Writer) {
        Measured::<u32>::write(value, writer);
    }
}

wire! {
    /// Begins a session. Source: [MS-OXCMAPIHTTP] 2.2.4.1.1.
    pub struct ConnectRequest {
        /// Distinguished name of who signed in.
        user_name: String8,
        /// 1: with an administrator's rights.
        flags: u32,
        /// Of all 8-bit texts in this session.
        default_code_page: u32,
        sort_locale: u32,
        string_locale: u32,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Source: [MS-OXCMAPIHTTP] 2.2.4.1.2.
    pub struct ConnectResponse {
        error_code: u32,
        polls_max_milliseconds: u32,
        retry_count: u32,
        retry_delay_milliseconds: u32,
        /// What stands before distinguished names of recipients; empty here.
        name_prefix: String8,
        display_name: String,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Carries operations. Source: [MS-OXCMAPIHTTP] 2.2.4.2.1.
    pub struct ExecuteRequest {
        /// See [`execute_flags`].
        flags: u32,
        /// One or more extended buffers.
        rop_buffer: Bytes as Measured<u32>,
        /// The most bytes that the answer's `rop_buffer` may have.
        rop_out_bytes_max: u32,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Source: [MS-OXCMAPIHTTP] 2.2.4.2.2.
    pub struct ExecuteResponse {
        error_code: u32,
        flags: u32,
        rop_buffer: Bytes as Measured<u32>,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Ends a session. Source: [MS-OXCMAPIHTTP] 2.2.4.3.1.
    pub struct DisconnectRequest {
        auxiliary: Bytes as Tail,
    }

    /// Source: [MS-OXCMAPIHTTP] 2.2.4.3.2.
    pub struct DisconnectResponse {
        error_code: u32,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Waits for something to happen. Source: [MS-OXCMAPIHTTP] 2.2.4.4.1.
    pub struct NotificationWaitRequest {
        /// 0.
        flags: u32,
        auxiliary: Bytes as Tail,
    }

    /// Source: [MS-OXCMAPIHTTP] 2.2.4.4.2.
    pub struct NotificationWaitResponse {
        error_code: u32,
        /// 1: something happened, and an Execute fetches it.
        event_pending: u32,
        auxiliary: Bytes as Measured<u32>,
    }
}

/// What the client of an Execute wants of the answer. Source: [MS-OXCRPC] 3.1.4.2.
pub mod execute_flags {
    /// Don't compress.
    pub const NO_COMPRESSION: u32 = 1;
    /// Don't hide the bytes.
    pub const NO_XOR_MAGIC: u32 = 2;
    /// Several buffers may come back.
    pub const CHAIN: u32 = 4;
}

/// The body of a response: of the operation, or why the machinery failed.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer<T> {
    /// What the operation has to say, its own error code included.
    Said(T),
    /// The call failed before it came to that.
    Failed(Failure),
}

wire! {
    /// Why the machinery failed. Source: [MS-OXCMAPIHTTP] 2.2.4.1.3.
    pub struct Failure {
        /// Not 0.
        status_code: u32,
        auxiliary: Bytes as Tail,
    }
}

impl<T: Wire> Wire for Answer<T> {
    const LEAST: usize = 4;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let status_code = u32::read(reader)?;
        if status_code == 0 {
            return T::read(reader).map(Self::Said);
        }
        Ok(Self::Failed(Failure {
            status_code,
            auxiliary: Tail::read(reader)?,
        }))
    }

    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Said(said) => {
                0_u32.write(writer);
                said.write(writer);
            }
            Self::Failed(failure) => failure.write(writer),
        }
    }
}
