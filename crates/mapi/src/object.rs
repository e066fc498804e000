//! What a session has open, and the handles by which it is named.
//!
//! Source: [MS-OXCROPS] 3.2.5.1 to 3.2.5.3.

use crate::codec::data::{PropertyTag, PropertyType, Value, from_code_page};
use crate::draft::{Message, OpenAttachment};
use crate::identity::MailboxIdentity;
use crate::notification::{Scope, Subscription};
use crate::property::names::Names;
use crate::refusal::Refusal;
use crate::table::Table;
pub use crate::table::rows::Rows;
use crate::transfer::destination::Destination;
use crate::transfer::source::Source;
use engine::{Account, FolderId};
use std::collections::{BTreeMap, BTreeSet};

/// Objects that one session may have open: Outlook has some hundreds.
const OBJECTS_MAX: usize = 10_000;
/// Bytes that the tables of a session may hold: those of ten folders with a million messages each,
/// in as many orders.
const TABLE_BYTES_MAX: usize = 1024 * 1024 * 1024;
/// Numbers of handles below a logon; the logon's own number stands above them.
const NUMBER_BITS: u32 = 24;

/// An open object.
#[derive(Debug)]
pub enum Object {
    /// A mailbox.
    Logon,
    /// A folder.
    Folder(FolderId),
    /// A table of folders or messages.
    Table(Box<Table>),
    /// A message.
    Message(Box<Message>),
    /// An attachment of a message.
    Attachment(Box<OpenAttachment>),
    /// A value as a stream.
    Stream(Stream),
    /// A wish to be told.
    Subscription(Subscription),
    /// Messages or a folder on their way to a client.
    Source(Box<Source>),
    /// The same on their way from one.
    Destination(Box<Destination>),
}

/// A value that is read and written piece by piece.
#[derive(Debug)]
pub struct Stream {
    /// All of it; texts without their end mark.
    pub data: Vec<u8>,
    /// The next byte to be read or written.
    pub position: usize,
    /// The object that it is a property of.
    pub parent: u32,
    /// Which property.
    pub tag: PropertyTag,
    /// Of 8-bit texts.
    pub code_page: u32,
    /// It may be written.
    pub may_write: bool,
    /// It says something else than the object does.
    pub is_changed: bool,
}

impl Stream {
    /// The value that it makes.
    pub fn value(&self) -> Value {
        match self.tag.property_type() {
            PropertyType::UNICODE => {
                let units: Vec<_> = self
                    .data
                    .chunks_exact(2)
                    .map(|pair| u16::from_le_bytes(pair.try_into().unwrap_or_default()))
                    .collect();
                Value::Unicode(String::from_utf16_lossy(&units))
            }
            PropertyType::STRING8 => Value::Unicode(from_code_page(self.code_page, &self.data)),
            _ => Value::Binary(self.data.clone().into()),
        }
    }
}

/// A mailbox that a session has opened.
#[derive(Debug, Clone)]
pub struct Logon {
    /// As this user may use it.
    pub account: Account,
    /// Its GUIDs.
    pub identity: MailboxIdentity,
    /// Which identifiers its properties have.
    pub names: Names,
}

/// A logon's number, the mailbox that it opened, and its subscriptions by their handles.
pub type Subscribed = (u8, Logon, Vec<(u32, Subscription)>);

/// All that a session has open.
#[derive(Debug, Default)]
pub struct Objects {
    logons: BTreeMap<u8, Logon>,
    open: BTreeMap<u32, Object>,
    next: u32,
}

impl Objects {
    /// The mailbox of a logon.
    pub fn logon(&self, logon_id: u8) -> Result<&Logon, Refusal> {
        self.logons.get(&logon_id).ok_or(Refusal::NullObject)
    }

    /// All mailboxes that are open, with the subscriptions in each by their handles.
    pub fn subscriptions(&self) -> Vec<Subscribed> {
        let all = self.logons.iter().map(|(id, logon)| {
            let own = self
                .open
                .iter()
                .filter(|(handle, _)| belongs(*id, **handle));
            let wishes = own.filter_map(|(handle, object)| match object {
                Object::Subscription(wish) => Some((*handle, *wish)),
                _ => None,
            });
            (*id, logon.clone(), wishes.collect())
        });
        all.collect()
    }

    /// Who is told what becomes of a table's rows: its own handle, unless its client wanted none
    /// of that, and those that asked for it.
    pub fn told_of_table(&self, handle: u32) -> Vec<u32> {
        let is_told = matches!(self.open.get(&handle), Some(Object::Table(table)) if table.is_told);
        let asked = self.open.iter().filter_map(|(own, object)| match object {
            Object::Subscription(wish) if wish.scope == Scope::Table(handle) => Some(*own),
            _ => None,
        });
        is_told.then_some(handle).into_iter().chain(asked).collect()
    }

    /// The tables whose clients know the rows and are told what becomes of them, with their logons.
    pub fn told_tables(&self) -> Vec<(u8, u32)> {
        let asked = self.open.values().filter_map(|object| match object {
            Object::Subscription(wish) => match wish.scope {
                Scope::Table(handle) => Some(handle),
                _ => None,
            },
            _ => None,
        });
        let asked: BTreeSet<u32> = asked.collect();
        let told = self
            .open
            .iter()
            .filter_map(|(handle, object)| match object {
                Object::Table(table) => {
                    let is_told = table.is_told || asked.contains(handle);
                    (table.is_known && is_told).then_some(*handle)
                }
                _ => None,
            });
        told.map(|handle| (logon_of(handle), handle)).collect()
    }

    /// Whether an object has this handle.
    pub fn is_open(&self, handle: u32) -> bool {
        self.open.contains_key(&handle)
    }

    /// Opens a mailbox in place of what the logon had open.
    pub fn log_on(&mut self, logon_id: u8, logon: Logon) -> Result<u32, Refusal> {
        self.log_off(logon_id);
        self.logons.insert(logon_id, logon);
        self.open(logon_id, Object::Logon)
    }

    /// The message of a handle.
    pub fn message(&mut self, logon_id: u8, handle: u32) -> Result<&mut Message, Refusal> {
        match self.object(logon_id, handle)? {
            Object::Message(message) => Ok(message),
            _ => Err(Refusal::NotSupported),
        }
    }

    /// The attachment of a handle.
    pub fn attachment(
        &mut self,
        logon_id: u8,
        handle: u32,
    ) -> Result<&mut OpenAttachment, Refusal> {
        match self.object(logon_id, handle)? {
            Object::Attachment(open) => Ok(open),
            _ => Err(Refusal::NotSupported),
        }
    }

    /// The object of a handle, if it belongs to this logon.
    pub fn object(&mut self, logon_id: u8, handle: u32) -> Result<&mut Object, Refusal> {
        if !belongs(logon_id, handle) {
            return Err(Refusal::NullObject);
        }
        self.open.get_mut(&handle).ok_or(Refusal::NullObject)
    }

    /// The same, only to be looked at.
    pub fn look(&self, logon_id: u8, handle: u32) -> Result<&Object, Refusal> {
        if !belongs(logon_id, handle) {
            return Err(Refusal::NullObject);
        }
        self.open.get(&handle).ok_or(Refusal::NullObject)
    }

    /// Gives an object a handle: the next number that no living one has. FFFFFFFF is never given,
    /// because it stands for none.
    pub fn open(&mut self, logon_id: u8, object: Object) -> Result<u32, Refusal> {
        let is_too_much = match &object {
            Object::Table(table) => self.table_bytes() + table.held_bytes() > TABLE_BYTES_MAX,
            _ => false,
        };
        if self.open.len() >= OBJECTS_MAX || is_too_much {
            return Err(Refusal::TooManyObjects);
        }
        loop {
            let handle = u32::from(logon_id) << NUMBER_BITS | self.next;
            self.next = (self.next + 1) % (1 << NUMBER_BITS);
            if handle != u32::MAX && !self.open.contains_key(&handle) {
                self.open.insert(handle, object);
                return Ok(handle);
            }
        }
    }

    /// Closes an object; with a mailbox, all that was opened in it.
    pub fn release(&mut self, logon_id: u8, handle: u32) {
        if !belongs(logon_id, handle) {
            return;
        }
        match self.open.remove(&handle) {
            Some(Object::Logon) => self.log_off(logon_id),
            // What was written shows in the object it belongs to, at the latest now.
            Some(Object::Stream(mut stream)) => self.hand_over(&mut stream),
            _ => {}
        }
    }

    /// Puts what was written into a stream into the message or attachment that it belongs to,
    /// which keeps it when it is saved.
    pub fn hand_over(&mut self, stream: &mut Stream) {
        if !std::mem::take(&mut stream.is_changed) {
            return;
        }
        let (id, value) = (stream.tag.id(), stream.value());
        match self.open.get_mut(&stream.parent) {
            Some(Object::Message(message)) => message.set(id, Some(value)),
            Some(Object::Attachment(open)) => {
                open.attachment.values.insert(id, value);
            }
            _ => {}
        }
    }

    /// The same of a stream that stays open.
    pub fn commit_stream(&mut self, handle: u32) {
        if let Some(Object::Stream(mut stream)) = self.open.remove(&handle) {
            self.hand_over(&mut stream);
            self.open.insert(handle, Object::Stream(stream));
        }
    }

    /// About how many bytes all that is open holds: streams, transfers, and what is not saved yet.
    pub fn held_bytes(&self) -> usize {
        let held = self.open.values().map(|object| match object {
            Object::Stream(stream) => stream.data.len(),
            Object::Source(source) => source.producer.size(),
            Object::Destination(destination) => destination.size(),
            Object::Message(message) => message.held_bytes(),
            Object::Attachment(open) => open.attachment.held_bytes(),
            _ => 0,
        });
        held.sum()
    }

    fn table_bytes(&self) -> usize {
        let tables = self.open.values().filter_map(|object| match object {
            Object::Table(table) => Some(table.held_bytes()),
            _ => None,
        });
        tables.sum()
    }

    fn log_off(&mut self, logon_id: u8) {
        self.logons.remove(&logon_id);
        self.open.retain(|handle, _| !belongs(logon_id, *handle));
    }
}

fn belongs(logon_id: u8, handle: u32) -> bool {
    logon_of(handle) == logon_id
}

/// The logon that a handle belongs to.
fn logon_of(handle: u32) -> u8 {
    u8::try_from(handle >> NUMBER_BITS).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_counted_from_zero_within_their_logon() {
        let mut objects = Objects::default();
        let open = |objects: &mut Objects, logon| {
            objects.open(logon, Object::Folder(FolderId(1))).unwrap()
        };
        assert_eq!(open(&mut objects, 0), 0);
        assert_eq!(open(&mut objects, 0), 1);
        assert_eq!(open(&mut objects, 2), 0x0200_0002);
        assert!(objects.object(2, 1).is_err());
        assert!(objects.object(0, 1).is_ok());
    }

    #[test]
    fn a_number_comes_again_only_when_its_object_is_gone() {
        let mut objects = Objects::default();
        let first = objects.open(0xff, Object::Folder(FolderId(1))).unwrap();
        objects.next = (1 << NUMBER_BITS) - 1;
        // FFFFFFFF is left out, and so is the number that lives.
        let next = objects.open(0xff, Object::Folder(FolderId(2))).unwrap();
        assert_eq!((first, next), (0xff00_0000, 0xff00_0001));
    }

    #[test]
    fn the_rows_of_all_tables_have_a_bound() {
        // Counted for each table, though they share it; nothing ever looks at these bytes.
        let long = Value::Binary(vec![0; 600 << 20].into());
        let table = || {
            let rows = Rows::Values(vec![[(0x3701, long.clone())].into()]);
            Object::Table(Box::new(Table::fixed(rows)))
        };
        let mut objects = Objects::default();
        let first = objects.open(0, table()).unwrap();
        assert_eq!(objects.open(0, table()), Err(Refusal::TooManyObjects));
        objects.release(0, first);
        assert!(objects.open(0, table()).is_ok());
    }
}
