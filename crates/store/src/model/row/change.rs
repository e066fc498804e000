//! The change log: what happened under each number, and what left each folder.

use super::directory::DirectoryKind;
use crate::error::StoreError;
use crate::id::{AccountId, ChangeSeq, ContentId, FolderId, ItemKey, PlaceId, Timestamp, Uid};
use crate::model::codec::{Decoder, Encoder, Row, corrupt};
use crate::model::shelf::{Location, Shelf};
use std::ops::BitOr;

/// Who caused a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Origin {
    /// The session, so that it can tell its own changes from those of others; 0 for the server
    /// itself.
    pub session: u64,
    /// The account that was signed in; 0 for the server itself.
    pub actor: AccountId,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    /// The account's own settings, such as its quota.
    Account,
    /// A folder's own properties.
    Folder(FolderId),
    /// An item.
    Item(ItemKey),
    /// An object of the directory; only in the log of account 0.
    Directory(DirectoryKind, u32),
    /// A queue entry.
    Queue(u64),
    /// An item's membership of a search folder.
    Member(FolderId, ItemKey),
}

/// What happened to it: a set, since one number stands for all that one commit did to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct What(pub u16);

impl What {
    /// It was made.
    pub const CREATED: Self = Self(1);
    /// It arrived as a new letter; comes with [`What::CREATED`].
    pub const DELIVERED: Self = Self(1 << 1);
    /// Body, summary, overlay or other content changed.
    pub const CONTENT: Self = Self(1 << 2);
    /// Flags or keywords other than the seen flag changed.
    pub const FLAGS: Self = Self(1 << 3);
    /// The seen flag changed.
    pub const READ: Self = Self(1 << 4);
    /// It went to another folder.
    pub const MOVED: Self = Self(1 << 5);
    /// It was made as a copy of another; comes with [`What::CREATED`].
    pub const COPIED: Self = Self(1 << 6);
    /// It was removed and can be brought back.
    pub const REMOVED: Self = Self(1 << 7);
    /// It was brought back.
    pub const RESTORED: Self = Self(1 << 8);
    /// It is gone for good.
    pub const PURGED: Self = Self(1 << 9);
    /// A folder's name, parent or other property changed.
    pub const PROPERTIES: Self = Self(1 << 10);
    /// A folder's rights changed.
    pub const RIGHTS: Self = Self(1 << 11);

    /// Any of these gives an item a text that nobody has read yet where it now stands.
    pub const NEW_TEXT: Self = Self(Self::CREATED.0 | Self::CONTENT.0 | Self::RESTORED.0);

    /// True when something of `other` happened.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for What {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Where an item stood or stands, with the names it has there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stand {
    /// Folder, shelf and UID.
    pub at: Location,
    /// Its place id there.
    pub place: PlaceId,
    /// Its content id.
    pub content: ContentId,
}

/// One line of the change log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRecord {
    /// What changed.
    pub object: Object,
    /// What happened to it.
    pub what: What,
    /// Where the item stood before the commit; `None` for new ones and for what is no item.
    pub from: Option<Stand>,
    /// Where the item stands after the commit; `None` for purged ones and for what is no item.
    pub to: Option<Stand>,
    /// Who caused it.
    pub origin: Origin,
    /// When.
    pub at: Timestamp,
}

const HAS_FROM: u8 = 1;
const HAS_TO: u8 = 2;
/// It stands where it stood: written once.
const STAYED: u8 = 4;

impl ChangeRecord {
    fn bits(&self) -> u8 {
        match (&self.from, &self.to) {
            (None, None) => 0,
            (Some(_), None) => HAS_FROM,
            (None, Some(_)) => HAS_TO,
            (Some(from), Some(to)) if from == to => STAYED,
            (Some(_), Some(_)) => HAS_FROM | HAS_TO,
        }
    }
}

impl Row for ChangeRecord {
    fn write(&self, out: &mut Encoder) {
        let bits = self.bits();
        out.byte(bits);
        self.object.write(out);
        out.number(u64::from(self.what.0));
        let from = self.from.iter();
        let to = self.to.iter().filter(|_| bits != STAYED);
        from.chain(to).for_each(|stand| stand.write(out));
        out.number(self.origin.session);
        out.number(u64::from(self.origin.actor.0));
        out.signed(self.at.0);
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, StoreError> {
        let bits = input.byte()?;
        let object = Object::read(input)?;
        let what = input.number()?;
        let from = if bits & (HAS_FROM | STAYED) == 0 {
            None
        } else {
            Some(Stand::read(input)?)
        };
        let to = match bits {
            STAYED => from,
            _ if bits & HAS_TO != 0 => Some(Stand::read(input)?),
            _ => None,
        };
        Ok(Self {
            object,
            what: What(u16::try_from(what).map_err(|_| corrupt("unknown kind of change"))?),
            from,
            to,
            origin: Origin {
                session: input.number()?,
                actor: AccountId(input.number32()?),
            },
            at: Timestamp(input.signed()?),
        })
    }
}

impl Object {
    fn write(self, out: &mut Encoder) {
        match self {
            Self::Account => out.byte(0),
            Self::Folder(folder) => numbered(out, 1, folder.0),
            Self::Item(item) => numbered(out, 2, item.0),
            Self::Directory(kind, number) => {
                numbered(out, 3, u64::from(number));
                out.byte(kind.number());
            }
            Self::Queue(id) => numbered(out, 4, id),
            Self::Member(folder, item) => {
                numbered(out, 5, folder.0);
                out.number(item.0);
            }
        }
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, StoreError> {
        Ok(match input.byte()? {
            0 => Self::Account,
            1 => Self::Folder(FolderId(input.number()?)),
            2 => Self::Item(ItemKey(input.number()?)),
            3 => {
                let number = input.number32()?;
                Self::Directory(DirectoryKind::from_number(input.byte()?)?, number)
            }
            4 => Self::Queue(input.number()?),
            5 => Self::Member(FolderId(input.number()?), ItemKey(input.number()?)),
            _ => return Err(corrupt("unknown object in the change log")),
        })
    }
}

fn numbered(out: &mut Encoder, kind: u8, number: u64) {
    out.byte(kind);
    out.number(number);
}

impl Stand {
    fn write(&self, out: &mut Encoder) {
        out.number(self.at.folder.0);
        out.byte(self.at.shelf.number());
        out.number(u64::from(self.at.uid.0));
        out.number(self.place.0);
        out.number(self.content.0);
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            at: Location {
                folder: FolderId(input.number()?),
                shelf: Shelf::from_number(u64::from(input.byte()?))?,
                uid: Uid(input.number32()?),
            },
            place: PlaceId(input.number()?),
            content: ContentId(input.number()?),
        })
    }
}

/// What left a folder or one of its shelves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departed {
    /// Under which number it left.
    pub change: ChangeSeq,
    /// The item, which may still stand elsewhere.
    pub item: ItemKey,
    /// The shelf it left.
    pub shelf: Shelf,
    /// The UID it had there.
    pub uid: Uid,
    /// The place id it had there.
    pub place: PlaceId,
    /// The content id it had.
    pub content: ContentId,
}

/// The row of a [`Departed`]: all but the change number, which is in the key.
pub(crate) struct DepartedRow {
    pub(crate) item: ItemKey,
    pub(crate) shelf: Shelf,
    pub(crate) uid: Uid,
    pub(crate) place: PlaceId,
    pub(crate) content: ContentId,
}

impl DepartedRow {
    pub(crate) fn under(self, change: ChangeSeq) -> Departed {
        let Self {
            item,
            shelf,
            uid,
            place,
            content,
        } = self;
        Departed {
            change,
            item,
            shelf,
            uid,
            place,
            content,
        }
    }
}

impl Row for DepartedRow {
    fn write(&self, out: &mut Encoder) {
        out.number(self.item.0);
        out.byte(self.shelf.number());
        out.number(u64::from(self.uid.0));
        out.number(self.place.0);
        out.number(self.content.0);
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            item: ItemKey(input.number()?),
            shelf: Shelf::from_number(u64::from(input.byte()?))?,
            uid: Uid(input.number32()?),
            place: PlaceId(input.number()?),
            content: ContentId(input.number()?),
        })
    }
}
