//! Remote operations (ROPs): what a client does with a mailbox, many in one buffer.
//!
//! Start at the table of all operations below, from which [`Request`] and [`Response`] follow;
//! [`Call`] and [`Reply`] put handles around them, [`buffer`] makes lists of them.
//!
//! Source: [MS-OXCROPS] 2.2.1 and 2.2.2.

pub mod buffer;
pub mod folder;
pub mod logon;
pub mod message;
pub mod notify;
pub mod property;
mod reply;
pub mod stream;
pub mod table;
pub mod transfer;

pub use reply::{Backoff, Reply};

use super::wire::{Malformed, Nothing, Reader, Wire, Writer};

/// Which handles an operation has, in their order on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indices {
    /// The object it is about.
    Input,
    /// The object, and where the handle of what it opens goes.
    InputOutput,
    /// Where the handle of what it opens goes.
    Output,
    /// From one object to another; the answer names the first.
    SourceDestination,
    /// Where the answer is about, and the object.
    ResponseInput,
}

/// One line for each operation: number, name, handles, what stands in the request and in the
/// response.
macro_rules! operations {
    ($($number:literal $name:ident $indices:ident $request:ty => $response:ty;)*) => {
        /// What is asked for. Each is `Rop` and its name in [MS-OXCROPS], without a leading `Get`.
        #[derive(Debug, Clone, PartialEq)]
        #[allow(missing_docs, reason = "the names are those of the specification")]
        pub enum Request {
            $($name($request),)*
        }

        /// What came of it.
        #[derive(Debug, Clone, PartialEq)]
        #[allow(missing_docs, reason = "the names are those of the specification")]
        pub enum Response {
            $($name($response),)*
        }

        impl Request {
            /// The numbers of all operations.
            pub const NUMBERS: &[u8] = &[$($number,)*];

            /// Its number.
            pub fn number(&self) -> u8 {
                match self {
                    $(Self::$name(_) => $number,)*
                }
            }

            fn read(number: u8, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
                match number {
                    $($number => <$request>::read(reader).map(Self::$name),)*
                    unknown => Err(Malformed::Unknown(unknown.into())),
                }
            }

            fn write(&self, writer: &mut Writer) {
                match self {
                    $(Self::$name(request) => request.write(writer),)*
                }
            }
        }

        impl Response {
            /// The number of its operation.
            pub fn number(&self) -> u8 {
                match self {
                    $(Self::$name(_) => $number,)*
                }
            }

            fn read(number: u8, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
                match number {
                    $($number => <$response>::read(reader).map(Self::$name),)*
                    unknown => Err(Malformed::Unknown(unknown.into())),
                }
            }

            fn write(&self, writer: &mut Writer) {
                match self {
                    $(Self::$name(response) => response.write(writer),)*
                }
            }
        }

        /// The handles of an operation, if there is one of that number.
        pub fn indices(number: u8) -> Option<Indices> {
            match number {
                $($number => Some(Indices::$indices),)*
                _ => None,
            }
        }
    };
}

operations! {
    // Logon, [MS-OXCROPS] 2.2.3.
    0xfe Logon Output logon::Logon => logon::LoggedOn;
    0x01 Release Input Nothing => Nothing;
    0x27 ReceiveFolder Input logon::MessageClass => logon::ReceiveFolder;
    0x26 SetReceiveFolder Input logon::ReceiveFolder => Nothing;
    0x68 ReceiveFolderTable Input Nothing => logon::ReceiveFolderTable;
    0x7b StoreState Input Nothing => logon::StoreState;
    0x42 OwningServers Input logon::ShortId => logon::Servers;
    0x45 PublicFolderIsGhosted Input logon::ShortId => logon::Ghost;
    0x43 LongTermIdFromId Input logon::ShortId => logon::LongId;
    0x44 IdFromLongTermId Input logon::LongId => logon::ShortId;
    0x60 PerUserLongTermIds Input logon::Database => logon::LongIds;
    0x61 PerUserGuid Input logon::LongId => logon::Database;
    0x63 ReadPerUserInformation Input logon::ReadPerUserInformation
        => logon::PerUserInformation;
    0x64 WritePerUserInformation Input logon::WritePerUserInformation => Nothing;

    // Folders, 2.2.4.
    0x02 OpenFolder InputOutput folder::OpenFolder => folder::FolderOpened;
    0x1c CreateFolder InputOutput folder::CreateFolder => folder::FolderCreated;
    0x1d DeleteFolder Input folder::DeleteFolder => folder::Completion;
    0x30 SetSearchCriteria Input folder::SetSearchCriteria => Nothing;
    0x31 SearchCriteria Input folder::SearchCriteriaRequest => folder::SearchCriteria;
    0x33 MoveCopyMessages SourceDestination folder::MoveCopyMessages => folder::Completion;
    0x35 MoveFolder SourceDestination folder::MoveFolder => folder::Completion;
    0x36 CopyFolder SourceDestination folder::CopyFolder => folder::Completion;
    0x58 EmptyFolder Input folder::EmptyFolder => folder::Completion;
    0x92 HardDeleteMessagesAndSubfolders Input folder::EmptyFolder => folder::Completion;
    0x1e DeleteMessages Input folder::DeleteMessages => folder::Completion;
    0x91 HardDeleteMessages Input folder::DeleteMessages => folder::Completion;
    0x04 HierarchyTable InputOutput folder::OpenTable => folder::RowCount;
    0x05 ContentsTable InputOutput folder::OpenTable => folder::RowCount;

    // Tables, 2.2.5.
    0x12 SetColumns Input table::SetColumns => table::TableStatus;
    0x13 SortTable Input table::SortTable => table::TableStatus;
    0x14 Restrict Input table::Restrict => table::TableStatus;
    0x15 QueryRows Input table::QueryRows => table::Rows;
    0x16 Status Input Nothing => table::TableStatus;
    0x17 QueryPosition Input Nothing => table::Fraction;
    0x18 SeekRow Input table::SeekRow => table::RowSought;
    0x19 SeekRowBookmark Input table::SeekRowBookmark => table::RowSoughtBookmark;
    0x1a SeekRowFractional Input table::Fraction => Nothing;
    0x1b CreateBookmark Input Nothing => table::Bookmark;
    0x37 QueryColumnsAll Input Nothing => table::Columns;
    0x38 Abort Input Nothing => table::TableStatus;
    0x4f FindRow Input table::FindRow => table::FoundRow;
    0x89 FreeBookmark Input table::Bookmark => Nothing;
    0x81 ResetTable Input Nothing => Nothing;
    0x59 ExpandRow Input table::ExpandRow => table::ExpandedRow;
    0x5a CollapseRow Input table::CollapseRow => table::CollapsedRow;
    0x6b CollapseState Input table::CollapseStateRequest => table::CollapseState;
    0x6c SetCollapseState Input table::CollapseState => table::Bookmark;

    // Messages, 2.2.6.
    0x03 OpenMessage InputOutput message::OpenMessage => message::MessageHead;
    0x06 CreateMessage InputOutput message::CreateMessage => message::MessageCreated;
    0x0c SaveChangesMessage ResponseInput message::SaveChanges => message::MessageSaved;
    0x0d RemoveAllRecipients Input message::RemoveAllRecipients => Nothing;
    0x0e ModifyRecipients Input message::ModifyRecipients => Nothing;
    0x0f ReadRecipients Input message::ReadRecipients => message::Recipients;
    0x10 ReloadCachedInformation Input message::ReloadCachedInformation
        => message::MessageHead;
    0x20 SetMessageStatus Input message::SetMessageStatus => message::MessageStatus;
    // Its answers bear the number of the one before.
    0x1f MessageStatus Input message::MessageStatusRequest => message::MessageStatus;
    0x66 SetReadFlags Input message::SetReadFlags => folder::Completion;
    0x11 SetMessageReadFlag ResponseInput message::SetMessageReadFlag => message::ReadFlagSet;
    0x22 OpenAttachment InputOutput message::OpenAttachment => Nothing;
    0x23 CreateAttachment InputOutput Nothing => message::Attachment;
    0x24 DeleteAttachment Input message::Attachment => Nothing;
    0x25 SaveChangesAttachment ResponseInput message::SaveChanges => Nothing;
    0x46 OpenEmbeddedMessage InputOutput message::OpenEmbeddedMessage
        => message::EmbeddedMessageOpened;
    0x21 AttachmentTable InputOutput folder::OpenTable => Nothing;
    0x52 ValidAttachments Input Nothing => message::ValidAttachments;

    // Sending, 2.2.7.
    0x32 SubmitMessage Input property::SubmitMessage => Nothing;
    0x34 AbortSubmit Input property::AbortSubmit => Nothing;
    0x49 AddressTypes Input Nothing => property::AddressTypes;
    0x47 SetSpooler Input Nothing => Nothing;
    0x48 SpoolerLockMessage Input property::SpoolerLockMessage => Nothing;
    0x4a TransportSend Input Nothing => property::TransportSent;
    0x51 TransportNewMail Input property::TransportNewMail => Nothing;
    0x6d TransportFolder Input Nothing => property::TransportFolder;
    0x6f OptionsData Input property::OptionsRequest => property::Options;

    // Properties, 2.2.8.
    0x56 PropertyIdsFromNames Input property::PropertyIdsFromNames => property::PropertyIds;
    0x55 NamesFromPropertyIds Input property::PropertyIds => property::PropertyNames;
    0x07 PropertiesSpecific Input property::PropertiesSpecific => property::PropertiesRow;
    0x08 PropertiesAll Input property::PropertiesAll => property::Properties;
    0x09 PropertiesList Input Nothing => property::PropertyTags;
    0x0a SetProperties Input property::SetProperties => property::Problems;
    0x79 SetPropertiesNoReplicate Input property::SetProperties => property::Problems;
    0x0b DeleteProperties Input property::PropertyTags => property::Problems;
    0x7a DeletePropertiesNoReplicate Input property::PropertyTags => property::Problems;
    0x5f QueryNamedProperties Input property::QueryNamedProperties
        => property::NamedProperties;
    0x67 CopyProperties SourceDestination property::CopyProperties => property::Problems;
    0x39 CopyTo SourceDestination property::CopyTo => property::Problems;
    0x50 Progress Input property::ProgressRequest => property::Progress;

    // Streams, 2.2.9.
    0x2b OpenStream InputOutput stream::OpenStream => stream::StreamSize;
    0x2c ReadStream Input stream::ReadStream => stream::StreamData;
    0x2d WriteStream Input stream::StreamData => stream::Written;
    0xa3 WriteStreamExtended Input stream::StreamData => stream::WrittenExtended;
    0x5d CommitStream Input Nothing => Nothing;
    0x5e StreamSize Input Nothing => stream::StreamSize;
    0x2f SetStreamSize Input stream::SetStreamSize => Nothing;
    0x2e SeekStream Input stream::SeekStream => stream::StreamPosition;
    0x3a CopyToStream SourceDestination stream::CopyToStream => stream::CopiedToStream;
    0x5b LockRegionStream Input stream::StreamRegion => Nothing;
    0x5c UnlockRegionStream Input stream::StreamRegion => Nothing;
    0x90 WriteAndCommitStream Input stream::StreamData => stream::Written;
    0x3b CloneStream InputOutput Nothing => Nothing;

    // Permissions and rules, 2.2.10 and 2.2.11.
    0x3e PermissionsTable InputOutput folder::OpenTable => Nothing;
    0x40 ModifyPermissions Input stream::ModifyRows => Nothing;
    0x3f RulesTable InputOutput folder::OpenTable => Nothing;
    0x41 ModifyRules Input stream::ModifyRows => Nothing;
    0x57 UpdateDeferredActionMessages Input stream::UpdateDeferredActionMessages => Nothing;

    // Fast transfer, 2.2.12.
    0x53 FastTransferDestinationConfigure InputOutput transfer::DestinationConfigure
        => Nothing;
    0x54 FastTransferDestinationPutBuffer Input transfer::TransferData
        => transfer::PutBuffer;
    0x9d FastTransferDestinationPutBufferExtended Input transfer::TransferData
        => transfer::PutBufferExtended;
    0x4e FastTransferSourceGetBuffer Input transfer::SourceBufferRequest
        => transfer::SourceBuffer;
    0x4c FastTransferSourceCopyFolder InputOutput transfer::SourceCopyFolder => Nothing;
    0x4b FastTransferSourceCopyMessages InputOutput transfer::SourceCopyMessages => Nothing;
    0x4d FastTransferSourceCopyTo InputOutput transfer::SourceCopyTo => Nothing;
    0x69 FastTransferSourceCopyProperties InputOutput transfer::SourceCopyProperties
        => Nothing;
    0x86 TellVersion Input transfer::TellVersion => Nothing;

    // Synchronisation, 2.2.13.
    0x70 SynchronizationConfigure InputOutput transfer::SynchronizationConfigure => Nothing;
    0x72 SynchronizationImportMessageChange InputOutput transfer::ImportMessageChange
        => transfer::Imported;
    0x73 SynchronizationImportHierarchyChange Input transfer::ImportHierarchyChange
        => transfer::Imported;
    0x74 SynchronizationImportDeletes Input transfer::ImportDeletes => Nothing;
    0x75 SynchronizationUploadStateStreamBegin Input transfer::UploadStateBegin => Nothing;
    0x76 SynchronizationUploadStateStreamContinue Input transfer::UploadStateContinue
        => Nothing;
    0x77 SynchronizationUploadStateStreamEnd Input Nothing => Nothing;
    0x78 SynchronizationImportMessageMove Input transfer::ImportMessageMove
        => transfer::Imported;
    0x7e SynchronizationOpenCollector InputOutput transfer::OpenCollector => Nothing;
    0x7f LocalReplicaIds Input transfer::LocalReplicaIdsRequest => transfer::LocalReplicaIds;
    0x80 SynchronizationImportReadStateChanges Input transfer::ImportReadStateChanges
        => Nothing;
    0x82 SynchronizationGetTransferState InputOutput Nothing => Nothing;
    0x93 SetLocalReplicaMidsetDeleted Input transfer::SetLocalReplicaMidsetDeleted => Nothing;

    // Notifications, 2.2.14.
    0x29 RegisterNotification InputOutput notify::RegisterNotification => Nothing;
}

/// Numbers of operations that need a rule of their own.
mod number {
    pub(super) const RELEASE: u8 = 0x01;
    pub(super) const MESSAGE_STATUS: u8 = 0x1f;
    pub(super) const SET_MESSAGE_STATUS: u8 = 0x20;
    pub(super) const SOURCE_GET_BUFFER: u8 = 0x4e;
    pub(super) const LOGON: u8 = 0xfe;
}

/// An operation with its handles, each told by its place in the buffer's table.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The logon it is about.
    pub logon_id: u8,
    /// The object it is about; for a logon the same as `target`.
    pub input: u8,
    /// Where the new handle goes, the destination, or where the answer is about; the same as
    /// `input` where there is no second one.
    pub target: u8,
    /// What is asked for.
    pub request: Request,
}

impl Call {
    /// The place that the answer names.
    pub fn answer_index(&self) -> u8 {
        match indices(self.request.number()) {
            Some(Indices::SourceDestination) => self.input,
            _ => self.target,
        }
    }

    /// The number that the answer bears.
    pub fn answer_number(&self) -> u8 {
        match self.request.number() {
            number::MESSAGE_STATUS => number::SET_MESSAGE_STATUS,
            number => number,
        }
    }

    /// Whether there is an answer at all.
    pub fn is_answered(&self) -> bool {
        self.request.number() != number::RELEASE
    }
}

impl Wire for Call {
    const LEAST: usize = 3;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let number = u8::read(reader)?;
        let layout = indices(number).ok_or(Malformed::Unknown(number.into()))?;
        let logon_id = u8::read(reader)?;
        let first = u8::read(reader)?;
        let (input, target) = match layout {
            Indices::Input | Indices::Output => (first, first),
            Indices::InputOutput | Indices::SourceDestination => (first, u8::read(reader)?),
            Indices::ResponseInput => (u8::read(reader)?, first),
        };
        Ok(Self {
            logon_id,
            input,
            target,
            request: Request::read(number, reader)?,
        })
    }

    fn write(&self, writer: &mut Writer) {
        let number = self.request.number();
        writer.put(&[number, self.logon_id]);
        match indices(number) {
            Some(Indices::Input) | None => writer.put(&[self.input]),
            Some(Indices::Output) => writer.put(&[self.target]),
            Some(Indices::InputOutput | Indices::SourceDestination) => {
                writer.put(&[self.input, self.target]);
            }
            Some(Indices::ResponseInput) => writer.put(&[self.target, self.input]),
        }
        self.request.write(writer);
    }
}
