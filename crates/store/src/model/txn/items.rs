//! New items and their flags.

use super::Txn;
use super::numbering::Aspect;
use crate::backend::StagedBody;
use crate::id::{
    AccountId, BodyHash, BodyNumber, ChangeSeq, ContentId, FolderId, ItemKey, PlaceId, Timestamp,
    Uid,
};
use crate::model::error::ModelError;
use crate::model::flags::{FlagChange, FlagSet, Flags, KEYWORDS_MAX};
use crate::model::key;
use crate::model::reads::Reads;
use crate::model::row::details::{LINEAGE_BYTES_MAX, PREFIX_BYTES_MAX, SUMMARY_BYTES_MAX};
use crate::model::row::{Details, ItemRow, Kind, Lineage, Object, What};
use crate::model::shelf::{Location, Shelf};
use bytes::Bytes;
use std::sync::Arc;

/// A body that an item or queue entry is to refer to.
#[derive(Debug, Clone)]
pub enum Body {
    /// New in this commit.
    Staged(Arc<StagedBody>),
    /// Kept already, as some item of a locked account refers to it: its number and length in bytes.
    Stored(BodyNumber, u64),
}

impl Body {
    /// Its number.
    pub fn number(&self) -> BodyNumber {
        match self {
            Self::Staged(body) => body.number,
            Self::Stored(number, _) => *number,
        }
    }

    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Staged(body) => body.len,
            Self::Stored(_, len) => *len,
        }
    }

    /// True when it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its hash, where it is at hand.
    pub(super) fn hash(&self) -> Option<BodyHash> {
        match self {
            Self::Staged(body) => Some(body.hash),
            Self::Stored(..) => None,
        }
    }
}

/// An item to be made.
#[derive(Debug, Clone)]
pub struct NewItem {
    /// Where to.
    pub folder: FolderId,
    /// On which shelf; not the recoverable one.
    pub shelf: Shelf,
    /// What it is.
    pub kind: Kind,
    /// Its flags and keywords.
    pub flags: FlagSet,
    /// When it was received; the time of the transaction if not given.
    pub received: Option<Timestamp>,
    /// The zone in which that time was given, in minutes east of Greenwich.
    pub received_zone_minutes: i16,
    /// Its bytes behind the prefix, if it has any.
    pub body: Option<Body>,
    /// Size in bytes of an item without a body; otherwise prefix and body are counted.
    pub size: Option<u64>,
    /// Header lines before the body.
    pub prefix: Bytes,
    /// What lists need, opaque.
    pub summary: Bytes,
    /// The date the sender gave.
    pub sent: Option<Timestamp>,
    /// When it was made, if not now.
    pub created: Option<Timestamp>,
    /// When it last changed, if not now.
    pub modified: Option<Timestamp>,
    /// Its history in the store it came from; its stamp is set to the number given here.
    pub lineage: Option<Lineage>,
    /// A UID brought by an import; not below the folder's next one.
    pub uid: Option<Uid>,
    /// An id brought by a client, out of a run reserved for this account and not used before.
    pub id: Option<u64>,
    /// By which names its conversation is found, the surest first; see [`Conversation`].
    ///
    /// [`Conversation`]: crate::model::Conversation
    pub names: Vec<u64>,
    /// It arrived as a letter, rather than being put there by its owner.
    pub delivered: bool,
}

impl NewItem {
    /// A letter with nothing but its place; the other fields are to be filled in.
    pub fn mail(folder: FolderId) -> Self {
        Self {
            folder,
            shelf: Shelf::Mail,
            kind: Kind::Mail,
            flags: FlagSet::default(),
            received: None,
            received_zone_minutes: 0,
            body: None,
            size: None,
            prefix: Bytes::new(),
            summary: Bytes::new(),
            sent: None,
            created: None,
            modified: None,
            lineage: None,
            uid: None,
            id: None,
            names: Vec::new(),
            delivered: false,
        }
    }

    fn size_bytes(&self) -> u64 {
        match &self.body {
            Some(body) => body.len() + self.prefix.len() as u64,
            None => self.size.unwrap_or(self.prefix.len() as u64),
        }
    }
}

/// What an item was given by a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Its internal name.
    pub item: ItemKey,
    /// Its place id.
    pub place: PlaceId,
    /// Its content id.
    pub content: ContentId,
    /// Folder, shelf and UID.
    pub at: Location,
    /// The number of the change.
    pub change: ChangeSeq,
}

impl Receipt {
    pub(super) fn of(row: &ItemRow, at: Location) -> Self {
        Self {
            item: row.item,
            place: row.place,
            content: row.content,
            at,
            change: row.changed,
        }
    }
}

/// What became of a change of flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagOutcome {
    /// The item as it is now.
    pub row: ItemRow,
    /// False when it had these flags already, so that no number was used.
    pub changed: bool,
}

impl Txn<'_> {
    /// Makes an item. One new number is its key, its first place and its first content id.
    ///
    /// Errors: [`ModelError::NoSuchFolder`], [`ModelError::WrongForm`] in search folders and for
    /// the recoverable shelf, [`ModelError::NumberRefused`] for a UID that is too low,
    /// [`ModelError::IdNotReserved`], [`ModelError::TooLong`].
    pub fn insert_item(
        &mut self,
        account: AccountId,
        new: &NewItem,
    ) -> Result<Receipt, ModelError> {
        self.takes_room();
        if new.shelf == Shelf::Recoverable {
            return Err(ModelError::WrongForm);
        }
        check_keywords(&new.flags)?;
        let at = self.new_uid(account, new.folder, new.shelf, new.uid)?;
        let id = match new.id {
            Some(id) => {
                self.use_reserved(account, id)?;
                id
            }
            None => self.new_id(account)?,
        };
        let mut row = self.fresh_row(id, new);
        let what = if new.delivered {
            What::CREATED | What::DELIVERED
        } else {
            What::CREATED
        };
        let stands = (None, Some(row.stand(at)));
        row.changed = self.touch(
            account,
            Object::Item(row.item),
            Aspect::Content,
            what,
            stands,
        )?;
        self.arrive(account, at, &row)?;
        self.stamp_contents(account, at.folder, row.changed)?;
        let mut details = self.fresh_details(new, at, row.changed);
        details.conversation = self.converse(account, row.item, None, &new.names)?;
        self.put_details(account, row.item, &details)?;
        if let Some(body) = &new.body {
            self.refer(account, Self::object_of(row.item), body);
        }
        Ok(Receipt::of(&row, at))
    }

    /// Changes flags and keywords. Numbers the seen flag apart from all others.
    ///
    /// Errors: [`ModelError::NoSuchItem`], [`ModelError::NoSuchFolder`], [`ModelError::TooLong`]
    /// for too many keywords.
    pub fn set_flags(
        &mut self,
        account: AccountId,
        at: Location,
        change: &FlagChange,
    ) -> Result<FlagOutcome, ModelError> {
        let old = self.item_row(account, at)?.ok_or(ModelError::NoSuchItem)?;
        let set = change.apply(&old.flag_set());
        let differing = Flags(old.flags.0 ^ set.flags.0);
        let read = differing.contains(Flags::SEEN);
        let other = differing & !Flags::SEEN != Flags::NONE || set.keywords != old.keywords;
        if !read && !other {
            return Ok(FlagOutcome {
                row: old,
                changed: false,
            });
        }
        check_keywords(&set)?;
        let modified = self.now;
        let mut row = ItemRow {
            flags: set.flags,
            keywords: set.keywords,
            modified,
            ..old.clone()
        };
        if read {
            row.read_changed = self.touch_in_place(account, at, &row, Aspect::Read, What::READ)?;
        }
        if other {
            row.changed = self.touch_in_place(account, at, &row, Aspect::Content, What::FLAGS)?;
        }
        self.update_row(account, at, &old, &row)?;
        self.stamp_contents(account, at.folder, row.last_change())?;
        Ok(FlagOutcome { row, changed: true })
    }

    fn fresh_row(&self, id: u64, new: &NewItem) -> ItemRow {
        ItemRow {
            item: ItemKey(id),
            place: PlaceId(id),
            content: ContentId(id),
            kind: new.kind,
            flags: new.flags.flags,
            keywords: new.flags.keywords.clone(),
            changed: ChangeSeq::default(),
            read_changed: ChangeSeq::default(),
            size: new.size_bytes(),
            received: new.received.unwrap_or(self.now),
            received_zone_minutes: new.received_zone_minutes,
            modified: new.modified.unwrap_or(self.now),
            body: new.body.as_ref().map(Body::number),
            removed: None,
            placed: None,
            annotation_bytes: 0,
        }
    }

    fn fresh_details(&self, new: &NewItem, at: Location, change: ChangeSeq) -> Details {
        Details {
            born: Some(at),
            original: None,
            prefix: new.prefix.clone(),
            summary: new.summary.clone(),
            sent: new.sent,
            created: new.created.unwrap_or(self.now),
            creator: self.origin.actor,
            modifier: self.origin.actor,
            lineage: new.lineage.clone().map(|lineage| Lineage {
                changed: change,
                ..lineage
            }),
            conversation: None,
        }
    }

    /// Writes an item's details if they fit.
    pub(super) fn put_details(
        &mut self,
        account: AccountId,
        item: ItemKey,
        details: &Details,
    ) -> Result<(), ModelError> {
        let lineage = details.lineage.as_ref();
        let lineage_len = lineage.map_or(0, |l| l.change_key.len() + l.predecessors.len());
        if details.prefix.len() > PREFIX_BYTES_MAX
            || details.summary.len() > SUMMARY_BYTES_MAX
            || lineage_len > LINEAGE_BYTES_MAX
        {
            return Err(ModelError::TooLong);
        }
        self.pending.put(key::details(account, item), details);
        Ok(())
    }

    /// Says that an object refers to a body, and brings the body into the commit if it is new.
    pub(super) fn refer(&mut self, account: AccountId, object: u64, body: &Body) {
        self.bring(body);
        self.pending
            .put_empty(key::reference(body.number(), account, object));
    }

    /// Brings a body into the commit if it is new.
    pub(super) fn bring(&mut self, body: &Body) {
        if let Body::Staged(staged) = body {
            self.stage(staged);
        }
    }
}

fn check_keywords(set: &FlagSet) -> Result<(), ModelError> {
    if set.keywords.len() > KEYWORDS_MAX {
        Err(ModelError::TooLong)
    } else {
        Ok(())
    }
}
