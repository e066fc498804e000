//! A folder's row: its properties, its stamps and its counters.

use super::item::Kind;
use super::rights::{self, Grant};
use crate::error::StoreError;
use crate::id::{ChangeSeq, FolderId, Timestamp, Uid};
use crate::model::codec::{Decoder, Encoder, Row, bit, corrupt};
use crate::model::shelf::Shelf;
use bytes::Bytes;

macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$variant_doc:meta])* $variant:ident = $number:literal),* $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub enum $name {
            #[default]
            $($(#[$variant_doc])* $variant),*
        }

        impl $name {
            /// Its number in rows.
            pub(crate) fn number(self) -> u8 {
                match self { $(Self::$variant => $number),* }
            }

            /// The value of a number in a row.
            pub(crate) fn from_number(number: u8) -> Result<Self, StoreError> {
                match number {
                    $($number => Ok(Self::$variant),)*
                    _ => Err(corrupt(concat!("unknown ", stringify!($name)))),
                }
            }
        }
    };
}
pub(crate) use numbered;

numbered! {
    /// What a folder is for. At most one folder of an account has each role but `None`.
    Role {
        /// Nothing special.
        None = 0,
        /// Where letters arrive.
        Inbox = 1,
        /// Copies of what was sent.
        Sent = 2,
        /// Letters being written.
        Drafts = 3,
        /// What was thrown away.
        Trash = 4,
        /// Unwanted letters.
        Junk = 5,
        /// Kept for good.
        Archive = 6,
        /// What waits to be sent.
        Outbox = 7,
        /// Events.
        Calendar = 8,
        /// Contacts.
        Contacts = 9,
        /// Tasks.
        Tasks = 10,
        /// Notes.
        Notes = 11,
        /// A record of activities.
        Journal = 12,
        /// The account's root, above everything.
        Root = 13,
        /// The root of what mail clients list.
        MailRoot = 14,
        /// Letters that are important.
        Important = 15,
        /// All letters.
        All = 16,
        /// Letters that are flagged.
        Flagged = 17,
        /// What is done with letters that arrive; hidden.
        Scripts = 18,
        /// What was learned from the owner's letters; hidden.
        Learned = 19,
    }
}

/// How a folder comes by its contents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum FolderForm {
    /// Items stand in it.
    #[default]
    Normal,
    /// It shows items of other folders; the criteria are the engine's, opaque here.
    Search(Bytes),
}

/// Counters of one shelf of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShelfCounters {
    /// The UID that the next item takes.
    pub uid_next: Uid,
    /// Items.
    pub count: u32,
    /// Items without the seen flag.
    pub unseen: u32,
    /// Items with the deleted flag.
    pub deleted: u32,
    /// Sum of the items' sizes in bytes.
    pub bytes: u64,
    /// Sum of what was noted of the items ([`ItemRow::annotation_bytes`]).
    ///
    /// [`ItemRow::annotation_bytes`]: super::ItemRow::annotation_bytes
    pub annotation_bytes: u64,
}

impl Default for ShelfCounters {
    fn default() -> Self {
        Self {
            uid_next: Uid(1),
            count: 0,
            unseen: 0,
            deleted: 0,
            bytes: 0,
            annotation_bytes: 0,
        }
    }
}

/// A folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FolderRow {
    /// The folder above; `None` only for the account's root.
    pub parent: Option<FolderId>,
    /// Its name below its parent; unique there, compared byte for byte.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// What kind of item it holds by default.
    pub kind: Kind,
    /// Normal or search.
    pub form: FolderForm,
    /// Kept out of the lists of mail clients.
    pub hidden: bool,
    /// Its owner wants it in the list of subscribed folders.
    pub subscribed: bool,
    /// What was read is kept for each reader by themselves; the owner's are the items' own flags.
    pub read_by_each: bool,
    /// Names one life of the folder's UIDs; given at creation, kept on renaming, never reused.
    pub uid_validity: u32,
    /// The position wanted in lists, lowest first (JMAP's sortOrder).
    pub sort_order: u32,
    /// Who may do what, beside the owner.
    pub grants: Vec<Grant>,
    /// The last change of the folder itself: name, parent, rights, properties.
    pub changed: ChangeSeq,
    /// The last change of anything inside, removals too.
    pub contents_changed: ChangeSeq,
    /// When that was.
    pub contents_changed_at: Timestamp,
    /// When the folder was made.
    pub created: Timestamp,
    /// When the folder itself last changed.
    pub modified: Timestamp,
    /// When it was removed, if it was; it can be restored until it is purged.
    pub removed: Option<Timestamp>,
    /// Counters, in the order of [`Shelf::ALL`].
    pub shelves: [ShelfCounters; 4],
}

const HIDDEN: u8 = 1;
const SUBSCRIBED: u8 = 2;
const REMOVED: u8 = 4;
const SEARCH: u8 = 8;
const READ_BY_EACH: u8 = 16;

impl FolderRow {
    /// The counters of one shelf.
    pub fn shelf(&self, shelf: Shelf) -> ShelfCounters {
        self.shelves
            .get(usize::from(shelf.number()))
            .copied()
            .unwrap_or_default()
    }

    pub(crate) fn shelf_mut(&mut self, shelf: Shelf) -> &mut ShelfCounters {
        let [mail, other, associated, recoverable] = &mut self.shelves;
        match shelf {
            Shelf::Mail => mail,
            Shelf::Other => other,
            Shelf::Associated => associated,
            Shelf::Recoverable => recoverable,
        }
    }

    /// The later of the two stamps.
    pub fn last_change(&self) -> ChangeSeq {
        self.changed.max(self.contents_changed)
    }

    /// Bytes on all shelves but the recoverable one.
    pub(crate) fn visible_bytes(&self) -> u64 {
        let [mail, other, associated, _] = &self.shelves;
        mail.bytes + other.bytes + associated.bytes
    }

    fn bits(&self) -> u8 {
        let search = matches!(self.form, FolderForm::Search(_));
        bit(self.hidden, HIDDEN)
            | bit(self.subscribed, SUBSCRIBED)
            | bit(self.removed.is_some(), REMOVED)
            | bit(search, SEARCH)
            | bit(self.read_by_each, READ_BY_EACH)
    }
}

impl Row for FolderRow {
    fn write(&self, out: &mut Encoder) {
        out.byte(self.bits());
        out.number(self.parent.map_or(0, |parent| parent.0));
        out.text(&self.name);
        out.byte(self.role.number());
        out.byte(self.kind.number());
        if let FolderForm::Search(criteria) = &self.form {
            out.bytes(criteria);
        }
        out.number(u64::from(self.uid_validity));
        out.number(u64::from(self.sort_order));
        rights::write(&self.grants, out);
        out.number(self.changed.0);
        out.number(self.contents_changed.0);
        out.signed(self.contents_changed_at.0);
        out.signed(self.created.0);
        out.signed(self.modified.0);
        if let Some(removed) = self.removed {
            out.signed(removed.0);
        }
        self.shelves.iter().for_each(|shelf| shelf.write(out));
        // Rare, and younger than the other fields: rows without them end before them.
        let annotations = self.shelves.iter().map(|shelf| shelf.annotation_bytes);
        if annotations.clone().any(|bytes| bytes > 0) {
            annotations.for_each(|bytes| out.number(bytes));
        }
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, StoreError> {
        let bits = input.byte()?;
        let mut row = Self {
            parent: Some(input.number()?)
                .filter(|&parent| parent != 0)
                .map(FolderId),
            name: input.text()?,
            role: Role::from_number(input.byte()?)?,
            kind: Kind::from_number(input.byte()?)?,
            form: match bits & SEARCH {
                0 => FolderForm::Normal,
                _ => FolderForm::Search(Bytes::copy_from_slice(input.bytes()?)),
            },
            hidden: bits & HIDDEN != 0,
            subscribed: bits & SUBSCRIBED != 0,
            read_by_each: bits & READ_BY_EACH != 0,
            uid_validity: input.number32()?,
            sort_order: input.number32()?,
            grants: rights::read(input)?,
            changed: ChangeSeq(input.number()?),
            contents_changed: ChangeSeq(input.number()?),
            contents_changed_at: Timestamp(input.signed()?),
            created: Timestamp(input.signed()?),
            modified: Timestamp(input.signed()?),
            removed: match bits & REMOVED {
                0 => None,
                _ => Some(Timestamp(input.signed()?)),
            },
            shelves: [
                ShelfCounters::read(input)?,
                ShelfCounters::read(input)?,
                ShelfCounters::read(input)?,
                ShelfCounters::read(input)?,
            ],
        };
        if !input.is_empty() {
            for shelf in &mut row.shelves {
                shelf.annotation_bytes = input.number()?;
            }
        }
        Ok(row)
    }
}

impl ShelfCounters {
    fn write(&self, out: &mut Encoder) {
        out.number(u64::from(self.uid_next.0));
        out.number(u64::from(self.count));
        out.number(u64::from(self.unseen));
        out.number(u64::from(self.deleted));
        out.number(self.bytes);
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            uid_next: Uid(input.number32()?),
            count: input.number32()?,
            unseen: input.number32()?,
            deleted: input.number32()?,
            bytes: input.number()?,
            annotation_bytes: 0, // They come behind all shelves.
        })
    }
}
