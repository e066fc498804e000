//! Opening a mailbox, and what is asked of it as a whole.
//!
//! Public folders are not served, so what only they have is read as in a mailbox's logon.
//!
//! Source: [MS-OXCROPS] 2.2.3.

use crate::codec::data::{Guid, LongTermId, ObjectId, PropertyRow, PropertyTag};
use crate::codec::wire::{
    Count, Counted, Has, Malformed, Measured, Reader, String8, Wire, Writer, wire,
};
use bytes::Bytes;

wire! {
    /// Opens a mailbox. Source: [MS-OXCROPS] 2.2.3.1.1.
    pub struct Logon {
        /// 1: a mailbox, not the public folders.
        logon_flags: u8,
        open_flags: u32,
        /// 0.
        store_state: u32,
        /// Distinguished name of the mailbox, none for the public folders.
        name: Option<String8> as Measured<u16>,
    }

    /// What a mailbox is. Source: [MS-OXCROPS] 2.2.3.1.2.
    pub struct PrivateLogon {
        folders: [ObjectId; 13],
        /// 1 always, 2 owner, 4 may send as the owner, 0x10 out of office.
        response_flags: u8,
        mailbox: Guid,
        replica: u16,
        replica_guid: Guid,
        logon_time: LogonTime,
        gwart_time: u64,
        store_state: u32,
    }

    /// What the public folders are. Source: [MS-OXCROPS] 2.2.3.1.3.
    pub struct PublicLogon {
        folders: [ObjectId; 13],
        replica: u16,
        replica_guid: Guid,
        per_user: Guid,
    }

    /// A moment in UTC, as parts. Source: [MS-OXCROPS] 2.2.3.1.2.1.
    #[derive(Eq, Copy)]
    pub struct LogonTime {
        seconds: u8,
        minutes: u8,
        hour: u8,
        /// 0 is Sunday.
        day_of_week: u8,
        day: u8,
        month: u8,
        year: u16,
    }

    /// The mailbox is elsewhere. Source: [MS-OXCROPS] 2.2.3.1.4.
    #[derive(Eq)]
    pub struct Redirect {
        logon_flags: u8,
        server: Option<String8> as Measured<u8>,
    }

    /// Where messages of a class are received: which folder, by which entry of the table.
    pub struct ReceiveFolder {
        folder: ObjectId,
        message_class: String8,
    }

    /// A message class.
    pub struct MessageClass {
        message_class: String8,
    }

    /// What is going on in the store.
    pub struct StoreState {
        store_state: u32,
    }

    /// A folder or message of this logon.
    pub struct ShortId {
        id: ObjectId,
    }

    /// A folder or message anywhere.
    pub struct LongId {
        id: LongTermId,
    }

    /// A database.
    pub struct Database {
        database: Guid,
    }

    /// Folders.
    pub struct LongIds {
        ids: Vec<LongTermId> as Counted<u16>,
    }

    /// Asks which messages of a public folder a person has read.
    pub struct ReadPerUserInformation {
        folder: LongTermId,
        reserved: u8,
        data_offset: u32,
        data_bytes_max: u16,
    }

    /// Which messages of a public folder a person has read.
    pub struct PerUserInformation {
        has_finished: bool,
        data: Bytes as Measured<u16>,
    }

    /// Whether a folder's contents are elsewhere, and where.
    pub struct Ghost {
        servers: Option<Servers> as Has<crate::codec::wire::Plain, 1>,
    }
}

/// What a logon opened.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedOn {
    /// The request's flags; bit 1 decides which store it is.
    pub logon_flags: u8,
    /// What it is.
    pub store: LoggedOnStore,
}

/// What a logon opened.
#[derive(Debug, Clone, PartialEq)]
pub enum LoggedOnStore {
    /// A mailbox.
    Private(PrivateLogon),
    /// The public folders.
    Public(PublicLogon),
}

/// The flag of a logon to a mailbox.
pub const LOGON_PRIVATE: u8 = 1;

impl Wire for LoggedOn {
    const LEAST: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let logon_flags = u8::read(reader)?;
        let store = if logon_flags & LOGON_PRIVATE != 0 {
            LoggedOnStore::Private(PrivateLogon::read(reader)?)
        } else {
            LoggedOnStore::Public(PublicLogon::read(reader)?)
        };
        Ok(Self { logon_flags, store })
    }

    fn write(&self, writer: &mut Writer) {
        match &self.store {
            LoggedOnStore::Private(store) => {
                (self.logon_flags | LOGON_PRIVATE).write(writer);
                store.write(writer);
            }
            LoggedOnStore::Public(store) => {
                (self.logon_flags & !LOGON_PRIVATE).write(writer);
                store.write(writer);
            }
        }
    }
}

impl Wire for [ObjectId; 13] {
    const LEAST: usize = 13 * ObjectId::LEAST;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut ids = [ObjectId::default(); 13];
        for id in &mut ids {
            *id = ObjectId::read(reader)?;
        }
        Ok(ids)
    }

    fn write(&self, writer: &mut Writer) {
        writer.values(self);
    }
}

/// Servers, the nearest first. Source: [MS-OXCROPS] 2.2.3.3.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Servers {
    /// How many of them are near.
    pub cheap_count: u16,
    /// All of them.
    pub names: Vec<String8>,
}

impl Wire for Servers {
    const LEAST: usize = 4;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let count = u16::read(reader)?.to_size();
        let cheap_count = u16::read(reader)?;
        let names = reader.list(count)?;
        Ok(Self { cheap_count, names })
    }

    fn write(&self, writer: &mut Writer) {
        writer.count::<u16>(self.names.len());
        self.cheap_count.write(writer);
        writer.values(&self.names);
    }
}

/// Where messages of which class are received. Source: [MS-OXCROPS] 2.2.3.4.2.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceiveFolderTable(pub Vec<PropertyRow>);

/// The columns of its rows: folder, class, time of the last change.
pub const RECEIVE_FOLDER_COLUMNS: [PropertyTag; 3] = [
    PropertyTag(0x6748_0014),
    PropertyTag(0x001a_001e),
    PropertyTag(0x3008_0040),
];

impl Wire for ReceiveFolderTable {
    const LEAST: usize = 4;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let count = u32::read(reader)?.to_size();
        let rows = reader.rows(&RECEIVE_FOLDER_COLUMNS, |rows| rows.list(count))?;
        Ok(Self(rows))
    }

    fn write(&self, writer: &mut Writer) {
        writer.count::<u32>(self.0.len());
        writer.values(&self.0);
    }
}

/// Tells which messages of a public folder a person has read. Source: [MS-OXCROPS] 2.2.3.13.1.
#[derive(Debug, Clone, PartialEq)]
pub struct WritePerUserInformation {
    /// Which folder.
    pub folder: LongTermId,
    /// Nothing more is to come.
    pub has_finished: bool,
    /// Where this piece stands.
    pub data_offset: u32,
    /// The piece.
    pub data: Bytes,
    /// Of which replica; told with the first piece only.
    pub replica: Option<Guid>,
}

impl Wire for WritePerUserInformation {
    const LEAST: usize = 31;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let folder = LongTermId::read(reader)?;
        let has_finished = bool::read(reader)?;
        let data_offset = u32::read(reader)?;
        let size = u16::read(reader)?.to_size();
        let data = Bytes::copy_from_slice(reader.take(size)?);
        let has_replica = data_offset == 0;
        let replica = has_replica.then(|| Guid::read(reader)).transpose()?;
        Ok(Self {
            folder,
            has_finished,
            data_offset,
            data,
            replica,
        })
    }

    fn write(&self, writer: &mut Writer) {
        self.folder.write(writer);
        self.has_finished.write(writer);
        self.data_offset.write(writer);
        writer.count::<u16>(self.data.len());
        writer.put(&self.data);
        if self.data_offset == 0 {
            self.replica.unwrap_or_default().write(writer);
        }
    }
}
