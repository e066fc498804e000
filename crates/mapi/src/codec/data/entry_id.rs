//! Entry ids: names of folders, messages, stores and people that outlive a session.
//!
//! Clients keep them inside properties, so the same object must always get the same bytes.
//! Start at [`EntryId`].
//!
//! Source: [MS-OXCDATA] 2.2.4 (folders, messages, stores), 2.2.5 (people), 2.3.3 (lists);
//! [MS-OXNSPI] 2.2.9 (people of the address book).

use super::identifier::GlobalCounter;
use super::value::Guid;
use crate::codec::wire::{Count, Form, Malformed, Reader, String8, TooLong, Wire, Writer, wire};
use bytes::Bytes;

/// Who made an entry id, where that is not a mailbox.
pub mod provider {
    use crate::codec::data::Guid;

    /// A message store.
    pub const STORE: Guid = Guid([
        0x38, 0xa1, 0xbb, 0x10, 0x05, 0xe5, 0x10, 0x1a, 0xa1, 0xbb, 0x08, 0x00, 0x2b, 0x2a, 0x56,
        0xc2,
    ]);
    /// Within a store's entry id: a mailbox.
    pub const PRIVATE_STORE: Guid = Guid([
        0x1b, 0x55, 0xfa, 0x20, 0xaa, 0x66, 0x11, 0xcd, 0x9b, 0xc8, 0x00, 0xaa, 0x00, 0x2f, 0xc4,
        0x5a,
    ]);
    /// Folders and messages of the public folders.
    pub const PUBLIC_FOLDERS: Guid = Guid([
        0x1a, 0x44, 0x73, 0x90, 0xaa, 0x66, 0x11, 0xcd, 0x9b, 0xc8, 0x00, 0xaa, 0x00, 0x2f, 0xc4,
        0x5a,
    ]);
    /// The address book.
    pub const ADDRESS_BOOK: Guid = Guid([
        0xdc, 0xa7, 0x40, 0xc8, 0xc0, 0x42, 0x10, 0x1a, 0xb4, 0xb9, 0x08, 0x00, 0x2b, 0x2f, 0xe1,
        0x82,
    ]);
    /// An address that stands nowhere.
    pub const ONE_OFF: Guid = Guid([
        0x81, 0x2b, 0x1f, 0xa4, 0xbe, 0xa3, 0x10, 0x19, 0x9d, 0x6e, 0x00, 0xdd, 0x01, 0x0f, 0x54,
        0x02,
    ]);
}

wire! {
    /// A folder.
    #[derive(Eq)]
    pub struct FolderEntryId {
        flags: u32,
        /// The mailbox, or [`provider::PUBLIC_FOLDERS`].
        provider: Guid,
        /// 1 of a mailbox, 3 public.
        folder_type: u16,
        replica: Guid,
        counter: GlobalCounter,
        pad: u16,
    }

    /// A message.
    #[derive(Eq)]
    pub struct MessageEntryId {
        flags: u32,
        /// The mailbox, or [`provider::PUBLIC_FOLDERS`].
        provider: Guid,
        /// 7 of a mailbox, 9 public.
        message_type: u16,
        folder_replica: Guid,
        folder_counter: GlobalCounter,
        folder_pad: u16,
        message_replica: Guid,
        message_counter: GlobalCounter,
        message_pad: u16,
    }

    /// A mailbox, or the public folders.
    #[derive(Eq)]
    pub struct StoreEntryId {
        flags: u32,
        /// [`provider::STORE`].
        provider: Guid,
        version: u8,
        flag: u8,
        /// `emsmdb.dll` and zeros.
        library: [u8; 14],
        wrapped_flags: u32,
        /// [`provider::PRIVATE_STORE`] for a mailbox.
        wrapped_provider: Guid,
        /// 0x0C a mailbox, 6 the public folders.
        wrapped_type: u32,
        server: String8,
        mailbox_name: String8,
    }

    /// Someone of the address book.
    #[derive(Eq)]
    pub struct AddressBookEntryId {
        flags: u32,
        /// [`provider::ADDRESS_BOOK`].
        provider: Guid,
        version: u32,
        /// 0 person, 1 list, 6 elsewhere, 0x100 container …
        display_type: u32,
        name: String8,
    }

    /// Someone of the address book, as long as the session lasts.
    #[derive(Eq)]
    pub struct EphemeralEntryId {
        /// 0x87 and zeros.
        flags: u32,
        /// The GUID that Bind answered.
        server: Guid,
        version: u32,
        display_type: u32,
        minimal_id: u32,
    }
}

impl FolderEntryId {
    /// A folder of a mailbox.
    pub fn of_mailbox(mailbox: Guid, replica: Guid, folder: GlobalCounter) -> Self {
        Self {
            flags: 0,
            provider: mailbox,
            folder_type: 1,
            replica,
            counter: folder,
            pad: 0,
        }
    }
}

impl MessageEntryId {
    /// A message in a folder of a mailbox.
    pub fn of_mailbox(
        mailbox: Guid,
        replica: Guid,
        folder: GlobalCounter,
        message: GlobalCounter,
    ) -> Self {
        Self {
            flags: 0,
            provider: mailbox,
            message_type: 7,
            folder_replica: replica,
            folder_counter: folder,
            folder_pad: 0,
            message_replica: replica,
            message_counter: message,
            message_pad: 0,
        }
    }
}

impl StoreEntryId {
    /// A mailbox, by the distinguished names of its server and owner.
    pub fn of_mailbox(server: &str, mailbox_name: &str) -> Self {
        Self {
            flags: 0,
            provider: provider::STORE,
            version: 0,
            flag: 0,
            library: *b"emsmdb.dll\0\0\0\0",
            wrapped_flags: 0,
            wrapped_provider: provider::PRIVATE_STORE,
            wrapped_type: 0x0c,
            server: server.into(),
            mailbox_name: mailbox_name.into(),
        }
    }
}

impl AddressBookEntryId {
    /// Someone by the distinguished name.
    pub fn new(display_type: u32, name: &str) -> Self {
        Self {
            flags: 0,
            provider: provider::ADDRESS_BOOK,
            version: 1,
            display_type,
            name: name.into(),
        }
    }
}

/// The texts of a one-off address, in one of two forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OneOffTexts {
    /// Name, type and address in UTF-16.
    Unicode([String; 3]),
    /// Name, type and address in a code page.
    Narrow([String8; 3]),
}

/// An address that stands in no address book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOffEntryId {
    /// 0.
    pub version: u16,
    /// How to send to it; without the bit that tells the form of the texts.
    pub bits: u16,
    /// Name, type and address.
    pub texts: OneOffTexts,
}

/// The texts are in UTF-16.
const ONE_OFF_UNICODE: u16 = 0x8000;
/// Send as Internet mail, and don't look it up: what Outlook itself writes.
const ONE_OFF_USUAL: u16 = 0x1001;

impl OneOffEntryId {
    /// An Internet address with the name to show.
    pub fn smtp(name: &str, address: &str) -> Self {
        Self {
            version: 0,
            bits: ONE_OFF_USUAL,
            texts: OneOffTexts::Unicode([name, "SMTP", address].map(str::to_owned)),
        }
    }

    fn read_behind_provider(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let version = u16::read(reader)?;
        let bits = u16::read(reader)?;
        let texts = if bits & ONE_OFF_UNICODE != 0 {
            OneOffTexts::Unicode(read_three(reader)?)
        } else {
            OneOffTexts::Narrow(read_three(reader)?)
        };
        Ok(Self {
            version,
            bits: bits & !ONE_OFF_UNICODE,
            texts,
        })
    }

    fn write_all(&self, writer: &mut Writer) {
        0_u32.write(writer);
        provider::ONE_OFF.write(writer);
        self.version.write(writer);
        let bits = self.bits & !ONE_OFF_UNICODE;
        match &self.texts {
            OneOffTexts::Unicode(texts) => {
                (bits | ONE_OFF_UNICODE).write(writer);
                writer.values(texts);
            }
            OneOffTexts::Narrow(texts) => {
                bits.write(writer);
                writer.values(texts);
            }
        }
    }
}

fn read_three<T: Wire>(reader: &mut Reader<'_>) -> Result<[T; 3], Malformed> {
    Ok([T::read(reader)?, T::read(reader)?, T::read(reader)?])
}

/// An entry id of any kind that a server must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryId {
    /// A folder.
    Folder(FolderEntryId),
    /// A message.
    Message(MessageEntryId),
    /// A mailbox.
    Store(StoreEntryId),
    /// Someone of the address book.
    AddressBook(AddressBookEntryId),
    /// Someone of the address book, as long as the session lasts.
    Ephemeral(EphemeralEntryId),
    /// An address that stands nowhere.
    OneOff(OneOffEntryId),
    /// Of a provider that is not known here, for example a contact in Outlook.
    Foreign(Bytes),
}

impl EntryId {
    const FOLDER_SIZE: usize = 46;
    const MESSAGE_SIZE: usize = 70;
    const EPHEMERAL_MARK: u8 = 0x87;

    /// Tells the kinds apart by provider and size. What may stand behind a store's entry id
    /// (later versions add the server's names) is left out.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let reader = &mut Reader::new(bytes, Form::Rop);
        let mut head = reader.clone();
        let flags = u32::read(&mut head)?;
        let provider = Guid::read(&mut head)?;
        let id = match (provider, bytes.len()) {
            _ if flags == u32::from(Self::EPHEMERAL_MARK) => {
                Self::Ephemeral(EphemeralEntryId::read(reader)?)
            }
            (provider::STORE, _) => {
                return StoreEntryId::read(reader).map(Self::Store);
            }
            (provider::ADDRESS_BOOK, _) => Self::AddressBook(AddressBookEntryId::read(reader)?),
            (provider::ONE_OFF, _) => {
                *reader = head;
                Self::OneOff(OneOffEntryId::read_behind_provider(reader)?)
            }
            (_, Self::FOLDER_SIZE) => Self::Folder(FolderEntryId::read(reader)?),
            (_, Self::MESSAGE_SIZE) => Self::Message(MessageEntryId::read(reader)?),
            _ => return Ok(Self::Foreign(Bytes::copy_from_slice(bytes))),
        };
        reader.clone().finish()?;
        Ok(id)
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(Form::Rop);
        match self {
            Self::Folder(id) => id.write(&mut writer),
            Self::Message(id) => id.write(&mut writer),
            Self::Store(id) => id.write(&mut writer),
            Self::AddressBook(id) => id.write(&mut writer),
            Self::Ephemeral(id) => id.write(&mut writer),
            Self::OneOff(id) => id.write_all(&mut writer),
            Self::Foreign(bytes) => writer.put(bytes),
        }
        // Nothing in it has a count that could overflow.
        writer.finish().unwrap_or_default()
    }
}

/// Several entry ids in one value, each padded to four bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlatEntryList(pub Vec<Bytes>);

impl FlatEntryList {
    /// From the bytes of the value. Padding behind the last may be missing.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, Form::Rop);
        let count = u32::read(&mut reader)?.to_size();
        let size = u32::read(&mut reader)?.to_size();
        let mut entries = reader.part(size)?;
        let count = entries.believe(count, 4)?;
        let mut all = Vec::new();
        for _ in 0..count {
            let size = u32::read(&mut entries)?.to_size();
            all.push(Bytes::copy_from_slice(entries.take(size)?));
            let padding = size.next_multiple_of(4) - size;
            entries.take(padding.min(entries.rest().len()))?;
        }
        Ok(Self(all))
    }

    /// The bytes of the value.
    pub fn to_bytes(&self) -> Result<Vec<u8>, TooLong> {
        let mut writer = Writer::new(Form::Rop);
        writer.count::<u32>(self.0.len());
        writer.sized::<u32>(|inner| {
            for entry in &self.0 {
                inner.count::<u32>(entry.len());
                inner.put(entry);
                let padding = entry.len().next_multiple_of(4) - entry.len();
                inner.put([0; 3].get(..padding).unwrap_or_default());
            }
        });
        writer.finish()
    }
}
