//! Objects in bulk, and synchronisation. The streams within are read elsewhere.
//!
//! Source: [MS-OXCROPS] 2.2.12 (fast transfer), 2.2.13 (incremental change synchronisation).

use super::stream::MORE_FOLLOWS;
use crate::codec::data::{
    GlobalCounter, Guid, LongTermId, ObjectId, PropertyTag, Restriction, TaggedValue,
};
use crate::codec::wire::{Counted, Filled, Malformed, Measured, Reader, ToEnd, Wire, Writer, wire};
use bytes::Bytes;

wire! {
    /// Begins to receive. Source: [MS-OXCROPS] 2.2.12.1.1.
    pub struct DestinationConfigure {
        /// 1 an object, 2 properties, 3 messages, 4 a folder.
        source_operation: u8,
        copy_flags: u8,
    }

    /// A piece that is received.
    pub struct TransferData {
        data: Bytes as Measured<u16>,
    }

    /// How far receiving is. Source: [MS-OXCROPS] 2.2.12.2.2.
    pub struct PutBuffer {
        transfer_status: u16,
        in_progress_count: u16,
        total_step_count: u16,
        reserved: u8,
        buffer_used_size: u16,
    }

    /// How far receiving is. Source: [MS-OXCROPS] 2.2.12.3.2.
    pub struct PutBufferExtended {
        transfer_status: u16,
        in_progress_count: u32,
        total_step_count: u32,
        reserved: u8,
        buffer_used_size: u16,
    }

    /// Asks for a piece.
    pub struct SourceBufferRequest {
        buffer_size: BufferSize,
    }

    /// A piece. Source: [MS-OXCROPS] 2.2.12.4.2.
    pub struct SourceBuffer {
        /// 0 failed, 1 more, 2 no room, 3 done.
        transfer_status: u16,
        in_progress_count: u16,
        total_step_count: u16,
        reserved: u8,
        data: Bytes as Measured<u16>,
    }

    /// Begins to send a folder. Source: [MS-OXCROPS] 2.2.12.5.1.
    pub struct SourceCopyFolder {
        copy_flags: u8,
        send_options: u8,
    }

    /// Begins to send messages. Source: [MS-OXCROPS] 2.2.12.6.1.
    pub struct SourceCopyMessages {
        messages: Vec<ObjectId> as Counted<u16>,
        copy_flags: u8,
        send_options: u8,
    }

    /// Begins to send an object without these properties. Source: [MS-OXCROPS] 2.2.12.7.1.
    pub struct SourceCopyTo {
        level: u8,
        copy_flags: u32,
        send_options: u8,
        excluded: Vec<PropertyTag> as Counted<u16>,
    }

    /// Begins to send properties. Source: [MS-OXCROPS] 2.2.12.8.1.
    pub struct SourceCopyProperties {
        level: u8,
        copy_flags: u8,
        send_options: u8,
        tags: Vec<PropertyTag> as Counted<u16>,
    }

    /// The version of the server at the other end.
    pub struct TellVersion {
        version: [u16; 3],
    }

    /// Begins to tell what changed. Source: [MS-OXCROPS] 2.2.13.1.1.
    pub struct SynchronizationConfigure {
        /// 1 contents, 2 folders.
        synchronization_type: u8,
        send_options: u8,
        synchronization_flags: u16,
        restriction: Option<Restriction> as Measured<u16>,
        extra_flags: u32,
        tags: Vec<PropertyTag> as Counted<u16>,
    }

    /// Brings a message. Source: [MS-OXCROPS] 2.2.13.2.1.
    pub struct ImportMessageChange {
        import_flag: u8,
        values: Vec<TaggedValue> as Counted<u16>,
    }

    /// An object that was brought; 0.
    pub struct Imported {
        id: ObjectId,
    }

    /// Brings a folder. Source: [MS-OXCROPS] 2.2.13.4.1.
    pub struct ImportHierarchyChange {
        hierarchy_values: Vec<TaggedValue> as Counted<u16>,
        values: Vec<TaggedValue> as Counted<u16>,
    }

    /// Tells what was deleted. Source: [MS-OXCROPS] 2.2.13.5.1.
    pub struct ImportDeletes {
        /// 1 folders, 2 for good.
        flags: u8,
        values: Vec<TaggedValue> as Counted<u16>,
    }

    /// Begins a part of what the client knows. Source: [MS-OXCROPS] 2.2.13.9.1.
    pub struct UploadStateBegin {
        state: PropertyTag,
        transfer_size: u32,
    }

    /// A piece of what the client knows.
    pub struct UploadStateContinue {
        data: Bytes as Measured<u32>,
    }

    /// Tells where a message was moved from. Source: [MS-OXCROPS] 2.2.13.6.1.
    pub struct ImportMessageMove {
        source_folder: Bytes as Measured<u32>,
        source_message: Bytes as Measured<u32>,
        predecessors: Bytes as Measured<u32>,
        destination_message: Bytes as Measured<u32>,
        change_number: Bytes as Measured<u32>,
    }

    /// Begins to bring what changed.
    pub struct OpenCollector {
        is_contents_collector: bool,
    }

    /// Asks for numbers that the client may give. Source: [MS-OXCROPS] 2.2.13.13.1.
    pub struct LocalReplicaIdsRequest {
        id_count: u32,
    }

    /// The first of the numbers.
    pub struct LocalReplicaIds {
        replica: Guid,
        first: GlobalCounter,
    }

    /// Whether a message was read.
    pub struct ReadState {
        message: Bytes as Measured<u16>,
        mark_as_read: bool,
    }

    /// Whether messages were read.
    pub struct ReadStates {
        states: Vec<ReadState> as ToEnd,
    }

    /// Tells which messages were read. Source: [MS-OXCROPS] 2.2.13.3.1.
    pub struct ImportReadStateChanges {
        states: ReadStates as Filled<u16>,
    }

    /// Numbers from one to another.
    pub struct LongTermIdRange {
        first: LongTermId,
        last: LongTermId,
    }

    /// Numbers.
    pub struct LongTermIdRanges {
        ranges: Vec<LongTermIdRange> as Counted<u32>,
    }

    /// Tells which numbers will never be used. Source: [MS-OXCROPS] 2.2.13.12.1.
    pub struct SetLocalReplicaMidsetDeleted {
        ranges: LongTermIdRanges as Filled<u16>,
    }
}

impl Wire for [u16; 3] {
    const LEAST: usize = 6;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok([u16::read(reader)?, u16::read(reader)?, u16::read(reader)?])
    }

    fn write(&self, writer: &mut Writer) {
        writer.values(self);
    }
}

/// How long a piece may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BufferSize {
    /// So many bytes; never 0xBABE.
    Usual(u16),
    /// As many as fit, but not more than so many.
    Max(u16),
}

impl Wire for BufferSize {
    const LEAST: usize = 2;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match u16::read(reader)? {
            MORE_FOLLOWS => u16::read(reader).map(Self::Max),
            usual => Ok(Self::Usual(usual)),
        }
    }

    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Usual(MORE_FOLLOWS) => Self::Max(MORE_FOLLOWS).write(writer),
            Self::Usual(usual) => usual.write(writer),
            Self::Max(max) => {
                MORE_FOLLOWS.write(writer);
                max.write(writer);
            }
        }
    }
}
