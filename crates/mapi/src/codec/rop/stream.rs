//! Long values as streams; permissions and rules, which are changed row by row.
//!
//! Source: [MS-OXCROPS] 2.2.9 (streams), 2.2.10 (permissions), 2.2.11 (rules).

use crate::codec::data::{PropertyTag, TaggedValue};
use crate::codec::wire::{Counted, Malformed, Measured, Reader, Wire, Writer, wire};
use bytes::Bytes;

wire! {
    /// Opens a value. Source: [MS-OXCROPS] 2.2.9.1.1.
    pub struct OpenStream {
        tag: PropertyTag,
        /// 0 to read, 1 to write, 2 from nothing, 3 whatever is allowed.
        open_mode: u8,
    }

    /// Bytes of a stream.
    pub struct StreamSize {
        stream_size: u32,
    }

    /// Reads. Source: [MS-OXCROPS] 2.2.9.2.1.
    pub struct ReadStream {
        byte_count: ReadSize,
    }

    /// A piece of a stream.
    pub struct StreamData {
        data: Bytes as Measured<u16>,
    }

    /// Bytes that were written.
    pub struct Written {
        written_size: u16,
    }

    /// Bytes that were written.
    pub struct WrittenExtended {
        written_size: u32,
    }

    /// Cuts or lengthens.
    pub struct SetStreamSize {
        stream_size: u64,
    }

    /// Moves. Source: [MS-OXCROPS] 2.2.9.7.1.
    pub struct SeekStream {
        /// 0 from the beginning, 1 from here, 2 from the end.
        origin: u8,
        offset: i64,
    }

    /// Where it then stands.
    pub struct StreamPosition {
        new_position: u64,
    }

    /// Copies to another stream. Source: [MS-OXCROPS] 2.2.9.8.1.
    pub struct CopyToStream {
        byte_count: u64,
    }

    /// What was copied.
    #[derive(Eq)]
    pub struct CopiedToStream {
        read_byte_count: u64,
        written_byte_count: u64,
    }

    /// Keeps others from a part of the stream. Source: [MS-OXCROPS] 2.2.9.10.1.
    pub struct StreamRegion {
        region_offset: u64,
        region_size: u64,
        lock_flags: u32,
    }

    /// A row that is added, changed or removed.
    pub struct RowChange {
        /// 1 add, 2 change, 4 remove.
        flags: u8,
        values: Vec<TaggedValue> as Counted<u16>,
    }

    /// Changes who may do what, or rules. Source: [MS-OXCROPS] 2.2.10.2.1, 2.2.11.2.1.
    pub struct ModifyRows {
        /// 1: instead of all that there are; for permissions 2: with free and busy times.
        flags: u8,
        rows: Vec<RowChange> as Counted<u16>,
    }

    /// The client has done what a rule left to it. Source: [MS-OXCROPS] 2.2.11.3.1.
    pub struct UpdateDeferredActionMessages {
        server_entry_id: Bytes as Measured<u16>,
        client_entry_id: Bytes as Measured<u16>,
    }
}

/// How much to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadSize {
    /// So many bytes; never 0xBABE.
    Usual(u16),
    /// So many, told in another way because they may be more.
    Long(u32),
}

/// Says that the real number follows. Source: [MS-OXCROPS] 2.2.9.2.1.
pub(super) const MORE_FOLLOWS: u16 = 0xbabe;

impl Wire for ReadSize {
    const LEAST: usize = 2;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match u16::read(reader)? {
            MORE_FOLLOWS => u32::read(reader).map(Self::Long),
            usual => Ok(Self::Usual(usual)),
        }
    }

    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Usual(MORE_FOLLOWS) => Self::Long(MORE_FOLLOWS.into()).write(writer),
            Self::Usual(usual) => usual.write(writer),
            Self::Long(long) => {
                MORE_FOLLOWS.write(writer);
                long.write(writer);
            }
        }
    }
}
