//! What an entry of the address book says of itself.
//!
//! Source: [MS-OXOABK] 2.2 (properties), [MS-OXNSPI] 2.2.9 (entry ids).

use super::minimal_id;
use crate::codec::data::{
    AddressBookEntryId, EntryId, EphemeralEntryId, Guid, PropertyTag, Value, provider,
};
use crate::identity;
use crate::property::Properties;
use crate::refusal::Refusal;
use bytes::Bytes;
use engine::directory::{AccountKind, Book, BookEntry, BookKind};

/// Members of a list, to be told by a table of their own.
pub const MEMBERS: u16 = 0x8009;
/// Lists that someone is a member of, likewise.
pub const MEMBER_OF: u16 = 0x8008;
/// What "whatever fits this text" is asked by: in conditions only.
pub const AMBIGUOUS_NAME: u16 = 0x360c;

/// Kinds of entries. Source: [MS-OXOABK] 2.2.3.11.
const DISPLAY_PERSON: u32 = 0;
const DISPLAY_LIST: u32 = 1;
const DISPLAY_CONTAINER: u32 = 0x100;
/// Likewise, with a bit that says that rights can be given to it. Source: [MS-OXOABK] 2.2.3.12.
const MAY_HAVE_RIGHTS: i32 = 0x4000_0000;
const DISPLAY_ROOM: i32 = 7;
/// A list to which rights can be given; [MS-OXOABK] 2.2.3.12 and Exchange (1073741833) have 9 here,
/// some other servers 1, which is a list without that.
const DISPLAY_LIST_WITH_RIGHTS: i32 = 9;
/// Source: [MS-OXOABK] 2.2.3.10.
const OBJECT_PERSON: i32 = 6;
const OBJECT_LIST: i32 = 8;
/// Containers hold people and can't be changed. Source: [MS-OXOABK] 2.2.2.3.
const RECIPIENTS_UNMODIFIABLE: i32 = 9;
/// Stands before the parts of the directory that are servers.
const SERVERS: &str =
    "/o=facteur/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Configuration/cn=Servers/cn=";
const MAILBOXES_OF_SERVER: &str = "/cn=Microsoft Private MDB";

/// All properties that entries may have, in the types in which they are told.
pub const TAGS: [PropertyTag; 23] = [
    PropertyTag(0x0ff6_0102),
    PropertyTag(0x0ff8_0102),
    PropertyTag(0x0ff9_0102),
    PropertyTag(0x0ffe_0003),
    PropertyTag(0x0fff_0102),
    PropertyTag(0x3001_001f),
    PropertyTag(0x3002_001f),
    PropertyTag(0x3003_001f),
    PropertyTag(0x300b_0102),
    PropertyTag(0x3900_0003),
    PropertyTag(0x3902_0102),
    PropertyTag(0x3905_0003),
    PropertyTag(0x39fe_001f),
    PropertyTag(0x39ff_001f),
    PropertyTag(0x3a00_001f),
    PropertyTag(0x3a20_001f),
    PropertyTag(0x3a40_000b),
    PropertyTag(0x8006_001f),
    PropertyTag(0x8008_000d),
    PropertyTag(0x8009_000d),
    PropertyTag(0x800f_101f),
    PropertyTag(0x8c6d_0102),
    PropertyTag(0xfffd_0003),
];

/// Which entry id is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// One that lasts.
    Permanent,
    /// One for this session.
    Ephemeral,
}

/// An entry.
pub struct EntryProperties<'a> {
    pub entry: &'a BookEntry,
    pub book: &'a Book,
    pub server: Guid,
    pub naming: Naming,
}

/// The distinguished name of the server that holds a mailbox, as far as a client knows one.
pub fn home_server(mailbox_id: &str) -> String {
    format!("{SERVERS}{mailbox_id}{MAILBOXES_OF_SERVER}")
}

/// The mailbox id in such a name, with or without its last part.
pub fn mailbox_id_of(name: &str) -> Option<&str> {
    let (before, rest) = name.split_at_checked(SERVERS.len())?;
    let id = rest.split('/').next().unwrap_or(rest);
    before.eq_ignore_ascii_case(SERVERS).then_some(id)
}

fn permanent(display_type: u32, name: &str) -> Bytes {
    let id = AddressBookEntryId {
        flags: 0,
        provider: provider::ADDRESS_BOOK,
        version: 1,
        display_type,
        name: name.into(),
    };
    EntryId::AddressBook(id).to_bytes().into()
}

impl EntryProperties<'_> {
    fn legacy_name(&self) -> String {
        identity::legacy_name(self.entry.number)
    }

    fn display_type(&self) -> u32 {
        match self.entry.kind {
            BookKind::Account(_) => DISPLAY_PERSON,
            BookKind::Group(_) => DISPLAY_LIST,
        }
    }

    fn permanent(&self) -> Bytes {
        permanent(self.display_type(), &self.legacy_name())
    }

    fn entry_id(&self) -> Bytes {
        match self.naming {
            Naming::Permanent => self.permanent(),
            Naming::Ephemeral => {
                let id = EphemeralEntryId {
                    flags: 0x87,
                    server: self.server,
                    version: 1,
                    display_type: self.display_type(),
                    minimal_id: minimal_id(self.entry.number),
                };
                EntryId::Ephemeral(id).to_bytes().into()
            }
        }
    }

    fn extended_display_type(&self) -> i32 {
        let kind = match self.entry.kind {
            BookKind::Account(AccountKind::Person | AccountKind::Shared) => 0,
            BookKind::Account(AccountKind::Resource) => DISPLAY_ROOM,
            BookKind::Group(_) => DISPLAY_LIST_WITH_RIGHTS,
        };
        MAY_HAVE_RIGHTS | kind
    }

    /// The first is the one that answers carry. Source: [MS-OXOABK] 2.2.3.23.
    fn addresses(&self) -> Vec<String> {
        let first = format!("SMTP:{}", self.entry.address);
        let others = self.entry.other_addresses.iter();
        let others = others.map(|address| format!("smtp:{address}"));
        std::iter::once(first).chain(others).collect()
    }

    fn mailbox_id(&self) -> String {
        identity::mailbox_id(self.server, self.entry.number, &self.entry.address)
    }

    fn is_member_somewhere(&self) -> bool {
        let mut entries = self.book.entries().iter();
        entries.any(|other| match &other.kind {
            BookKind::Group(members) => members.contains(&self.entry.number),
            BookKind::Account(_) => false,
        })
    }
}

/// Letters of ASCII only, for systems that know no others.
fn printable(name: &str) -> String {
    let plain = |letter: char| if letter.is_ascii() { letter } else { '?' };
    name.chars().map(plain).collect()
}

impl Properties for EntryProperties<'_> {
    fn tags(&self) -> Vec<PropertyTag> {
        let is_there = |tag: &PropertyTag| matches!(self.value(tag.id()), Ok(Some(_)));
        TAGS.into_iter().filter(is_there).collect()
    }

    fn value(&self, id: u16) -> Result<Option<Value>, Refusal> {
        let (entry, number) = (self.entry, self.entry.number);
        let text = |text: &str| Value::Unicode(text.to_owned());
        let is_list = matches!(entry.kind, BookKind::Group(_));
        Ok(Some(match id {
            0x0ff6 => Value::Binary(minimal_id(number).to_le_bytes().to_vec().into()),
            0x0ff8 => Value::Binary(Bytes::copy_from_slice(&provider::ADDRESS_BOOK.0)),
            0x0ff9 | 0x3902 => Value::Binary(self.permanent()),
            0x0ffe => Value::Integer32(if is_list { OBJECT_LIST } else { OBJECT_PERSON }),
            0x0fff => Value::Binary(self.entry_id()),
            0x3001 | 0x3a20 => text(&entry.name),
            0x3002 => text("EX"),
            0x3003 => Value::Unicode(self.legacy_name()),
            0x300b => {
                let key = format!("EX:{}\0", self.legacy_name().to_uppercase());
                Value::Binary(key.into())
            }
            0x3900 => Value::Integer32(self.display_type().cast_signed()),
            0x3905 => Value::Integer32(self.extended_display_type()),
            0x39fe => text(&entry.address),
            0x39ff => Value::Unicode(printable(&entry.name)),
            0x3a00 => text(entry.address.split('@').next().unwrap_or_default()),
            0x3a40 => Value::Boolean(true),
            0x8006 if !is_list => Value::Unicode(home_server(&self.mailbox_id())),
            MEMBERS if is_list => Value::Object,
            MEMBER_OF if self.is_member_somewhere() => Value::Object,
            0x800f => Value::MultipleUnicode(self.addresses()),
            0x8c6d => {
                let guid = identity::mailbox_guid(self.server, number);
                Value::Binary(Bytes::copy_from_slice(&guid.0))
            }
            0xfffd => Value::Integer32(0),
            _ => return Ok(None),
        }))
    }
}

/// The one container: everyone, in order of names. It has no name of its own, since clients have one
/// in the language of their user.
pub struct Everyone;

impl Everyone {
    /// In the order in which other servers tell them.
    pub const TAGS: [PropertyTag; 5] = [
        PropertyTag(0x0fff_0102),
        PropertyTag(0x3600_0003),
        PropertyTag(0x3005_0003),
        PropertyTag(0xfffd_0003),
        PropertyTag(0xfffb_000b),
    ];
}

impl Properties for Everyone {
    fn tags(&self) -> Vec<PropertyTag> {
        Self::TAGS.to_vec()
    }

    fn value(&self, id: u16) -> Result<Option<Value>, Refusal> {
        Ok(Some(match id {
            0x0fff => Value::Binary(permanent(DISPLAY_CONTAINER, "/")),
            0x3600 => Value::Integer32(RECIPIENTS_UNMODIFIABLE),
            0x3005 | 0xfffd => Value::Integer32(0),
            0xfffb => Value::Boolean(false),
            _ => return Ok(None),
        }))
    }
}

/// Someone who is no longer there: nothing is known of them.
pub struct Nobody;

impl Properties for Nobody {
    fn tags(&self) -> Vec<PropertyTag> {
        Vec::new()
    }

    fn value(&self, _: u16) -> Result<Option<Value>, Refusal> {
        Ok(None)
    }
}
