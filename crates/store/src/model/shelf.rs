//! The parts of a folder whose UIDs and counters are kept apart, and where an item stands.

use super::codec::{Decoder, Encoder, Row, corrupt};
use crate::error::StoreError;
use crate::id::{FolderId, Uid};

/// A part of a folder. UIDs and counters are per shelf, so that mail never counts what is not mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shelf {
    /// Letters.
    Mail,
    /// Events, contacts, tasks, notes and whatever else is no letter.
    Other,
    /// Hidden settings that clients keep in folders (MAPI's folder associated information).
    Associated,
    /// What was removed and can still be brought back.
    Recoverable,
}

impl Shelf {
    /// All shelves, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Mail, Self::Other, Self::Associated, Self::Recoverable];

    /// Its number in keys and rows.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Mail => 0,
            Self::Other => 1,
            Self::Associated => 2,
            Self::Recoverable => 3,
        }
    }

    /// The shelf of a number in a key or row.
    pub(crate) fn from_number(number: u64) -> Result<Self, StoreError> {
        usize::try_from(number)
            .ok()
            .and_then(|index| Self::ALL.get(index).copied())
            .ok_or_else(|| corrupt("unknown shelf"))
    }
}

/// Where an item stands: the address by which verbs find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The folder.
    pub folder: FolderId,
    /// The part of the folder.
    pub shelf: Shelf,
    /// The number within that part.
    pub uid: Uid,
}

impl Location {
    /// An address on the shelf of letters.
    pub fn mail(folder: FolderId, uid: Uid) -> Self {
        Self {
            folder,
            shelf: Shelf::Mail,
            uid,
        }
    }
}

impl Row for Location {
    fn write(&self, out: &mut Encoder) {
        out.number(self.folder.0);
        out.byte(self.shelf.number());
        out.number(u64::from(self.uid.0));
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            folder: FolderId(input.number()?),
            shelf: Shelf::from_number(u64::from(input.byte()?))?,
            uid: Uid(input.number32()?),
        })
    }
}
