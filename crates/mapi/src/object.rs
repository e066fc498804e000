//! What a session has open, and the handles by which it is named.
//!
//! Source: [MS-OXCROPS] 3.2.5.1 to 3.2.5.3.

use crate::codec::data::{PropertyTag, Restriction, SortOrder};
use crate::identity::MailboxIdentity;
use crate::refusal::Refusal;
use bytes::Bytes;
use engine::{Account, FolderId, ItemKey, Location, Uid};
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
    Table(Table),
    /// A message.
    Message(Location, ItemKey),
    /// A value as a stream.
    Stream(Stream),
}

/// A value that is read piece by piece.
#[derive(Debug)]
pub struct Stream {
    /// All of it.
    pub data: Bytes,
    /// The next byte to be read.
    pub position: usize,
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
    /// The row that comes next.
    pub position: usize,
}

/// The rows of a table, in its order.
#[derive(Debug, Clone)]
pub enum Rows {
    /// Folders.
    Folders(Vec<FolderId>),
    /// Messages of a folder.
    Messages(FolderId, Vec<Uid>),
}

impl Rows {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Folders(folders) => folders.len(),
            Self::Messages(_, uids) => uids.len(),
        }
    }

    /// The rows at these places, in their order.
    pub fn of_places(&self, places: impl Iterator<Item = usize>) -> Self {
        match self {
            Self::Folders(all) => {
                Self::Folders(places.filter_map(|place| all.get(place).copied()).collect())
            }
            Self::Messages(folder, all) => {
                let uids = places.filter_map(|place| all.get(place).copied());
                Self::Messages(*folder, uids.collect())
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
}

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

    /// Opens a mailbox in place of what the logon had open.
    pub fn log_on(&mut self, logon_id: u8, logon: Logon) -> Result<u32, Refusal> {
        self.log_off(logon_id);
        self.logons.insert(logon_id, logon);
        self.open(logon_id, Object::Logon)
    }

    /// The object of a handle, if it belongs to this logon.
    pub fn object(&mut self, logon_id: u8, handle: u32) -> Result<&mut Object, Refusal> {
        if !belongs(logon_id, handle) {
            return Err(Refusal::NullObject);
        }
        self.open.get_mut(&handle).ok_or(Refusal::NullObject)
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
        if let Some(Object::Logon) = self.open.remove(&handle) {
            self.log_off(logon_id);
        }
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
