//! What a session has open, and the handles by which it is named.
//!
//! Source: [MS-OXCROPS] 3.2.5.1 to 3.2.5.3.

use crate::codec::data::{
    PropertyTag, PropertyType, Restriction, SortOrder, Value, from_code_page,
};
use crate::content::Values;
use crate::draft::{Message, OpenAttachment};
use crate::identity::MailboxIdentity;
use crate::notification::Subscription;
use crate::property::names::Names;
use crate::refusal::Refusal;
use engine::{Account, FolderId, Location};
use std::collections::BTreeMap;

/// Objects that one session may have open: Outlook has some hundreds.
const OBJECTS_MAX: usize = 10_000;
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

/// A table as its client sees it.
#[derive(Debug, Clone)]
pub struct Table {
    /// All that could be its rows, in their first order.
    pub natural: Rows,
    /// What its rows are: those that fulfil the restriction, sorted.
    pub rows: Rows,
    /// By what they are sorted.
    pub orders: Vec<SortOrder>,
    /// What they fulfil.
    pub restriction: Option<Restriction>,
    /// Chosen by the client; none before that.
    pub columns: Option<Vec<PropertyTag>>,
    /// The row that comes next, among those that are shown.
    pub position: usize,
    /// Its headings, if it has some.
    pub grouping: Option<Grouping>,
    /// Places that were marked.
    pub bookmarks: BTreeMap<u32, Bookmark>,
    /// The number of the next bookmark.
    pub next_bookmark: u32,
}

/// Headings above rows.
#[derive(Debug, Clone, Default)]
pub struct Grouping {
    /// How many stand above one another.
    pub levels: usize,
    /// How many of these levels are open at first.
    pub open_levels: usize,
    /// All of them, each before what stands below it.
    pub headings: Vec<Heading>,
    /// What is shown: headings, and the rows below those that are open.
    pub shown: Vec<Shown>,
}

/// A heading.
#[derive(Debug, Clone)]
pub struct Heading {
    /// Its name: the same whenever the same values stand above the same values.
    pub id: u64,
    /// How many stand above it.
    pub depth: usize,
    /// What stands below it is shown.
    pub is_open: bool,
    /// The first row below it.
    pub first: usize,
    /// Rows below it.
    pub count: usize,
    /// Those of them that were not read.
    pub unread: usize,
}

/// What a client sees at one place of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// The heading of that place among all.
    Heading(usize),
    /// The row of that place among all.
    Row(usize),
}

/// A place that was marked: what stood there, and where that was.
#[derive(Debug, Clone)]
pub struct Bookmark {
    /// What stood there; nothing at the end.
    pub mark: Option<Mark>,
    /// Where.
    pub position: usize,
}

/// What stands at a place of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A heading.
    Heading(u64),
    /// A folder.
    Folder(FolderId),
    /// A message.
    Message(Location),
    /// A row of what never changes.
    Row(usize),
}

impl Table {
    /// Rows and headings that are shown.
    pub fn len(&self) -> usize {
        match &self.grouping {
            Some(grouping) => grouping.shown.len(),
            None => self.rows.len(),
        }
    }

    /// What is shown at a place.
    pub fn shown(&self, place: usize) -> Option<Shown> {
        match &self.grouping {
            Some(grouping) => grouping.shown.get(place).copied(),
            None => Some(Shown::Row(place)).filter(|_| place < self.rows.len()),
        }
    }

    /// What stands at a place.
    pub fn mark(&self, place: usize) -> Option<Mark> {
        match self.shown(place)? {
            Shown::Heading(heading) => {
                let headings = self.grouping.as_ref().map(|grouping| &grouping.headings);
                Some(Mark::Heading(headings?.get(heading)?.id))
            }
            Shown::Row(row) => Some(match &self.rows {
                Rows::Folders(all) => Mark::Folder(*all.get(row)?),
                Rows::Messages(all) => Mark::Message(*all.get(row)?),
                Rows::Values(_) => Mark::Row(row),
            }),
        }
    }
}

/// The rows of a table, in its order.
#[derive(Debug, Clone)]
pub enum Rows {
    /// Folders.
    Folders(Vec<FolderId>),
    /// Messages.
    Messages(Vec<Location>),
    /// What is all there is to know of each: attachments, permissions, rules.
    Values(Vec<Values>),
}

impl Rows {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Folders(folders) => folders.len(),
            Self::Messages(places) => places.len(),
            Self::Values(rows) => rows.len(),
        }
    }

    /// The rows at these places, in their order.
    pub fn of_places(&self, places: impl Iterator<Item = usize>) -> Self {
        match self {
            Self::Folders(all) => {
                Self::Folders(places.filter_map(|place| all.get(place).copied()).collect())
            }
            Self::Messages(all) => {
                Self::Messages(places.filter_map(|place| all.get(place).copied()).collect())
            }
            Self::Values(all) => {
                Self::Values(places.filter_map(|place| all.get(place).cloned()).collect())
            }
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
        if self.open.len() >= OBJECTS_MAX {
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

    /// Bytes in all streams that are open.
    pub fn stream_bytes(&self) -> usize {
        let streams = self.open.values().map(|object| match object {
            Object::Stream(stream) => stream.data.len(),
            _ => 0,
        });
        streams.sum()
    }

    fn log_off(&mut self, logon_id: u8) {
        self.logons.remove(&logon_id);
        self.open.retain(|handle, _| !belongs(logon_id, *handle));
    }
}

fn belongs(logon_id: u8, handle: u32) -> bool {
    handle >> NUMBER_BITS == u32::from(logon_id)
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
}
