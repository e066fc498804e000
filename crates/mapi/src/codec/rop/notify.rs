//! What the server tells without being asked, and how a client asks for it.
//!
//! Start at [`Notification`].
//!
//! Source: [MS-OXCROPS] 2.2.14; [MS-OXCNOTIF] 2.2.1.4.1 (which field is there when).

use crate::codec::data::{ObjectId, PropertyTag};
use crate::codec::wire::{
    Counted, Layout, Malformed, Measured, Reader, String8, Wire, Writer, wire,
};
use bytes::Bytes;

/// Asks to be told. Source: [MS-OXCROPS] 2.2.14.1.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterNotification {
    /// Bits of [`kind`].
    pub kinds: u16,
    /// Folder and message (zero for the folder itself); none for the whole store.
    pub scope: Option<(ObjectId, ObjectId)>,
}

/// Of another kind than all that have a name; a byte more stands in the request.
const EXTENDED: u16 = 0x0400;

impl Wire for RegisterNotification {
    const LEAST: usize = 3;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let kinds = u16::read(reader)?;
        if kinds & EXTENDED != 0 {
            u8::read(reader)?;
        }
        let is_whole_store = bool::read(reader)?;
        let mut scope = || Ok((ObjectId::read(reader)?, ObjectId::read(reader)?));
        let scope = (!is_whole_store).then(&mut scope).transpose()?;
        Ok(Self { kinds, scope })
    }

    fn write(&self, writer: &mut Writer) {
        self.kinds.write(writer);
        if self.kinds & EXTENDED != 0 {
            0_u8.write(writer);
        }
        self.scope.is_none().write(writer);
        if let Some((folder, message)) = &self.scope {
            folder.write(writer);
            message.write(writer);
        }
    }
}

/// What can happen. Source: [MS-OXCNOTIF] 2.2.1.1.
pub mod kind {
    /// A message came.
    pub const NEW_MAIL: u16 = 0x0002;
    /// An object was made.
    pub const CREATED: u16 = 0x0004;
    /// An object was deleted.
    pub const DELETED: u16 = 0x0008;
    /// An object was changed.
    pub const MODIFIED: u16 = 0x0010;
    /// An object was moved.
    pub const MOVED: u16 = 0x0020;
    /// An object was copied.
    pub const COPIED: u16 = 0x0040;
    /// A search found all that there is.
    pub const SEARCH_COMPLETED: u16 = 0x0080;
    /// A table changed.
    pub const TABLE_MODIFIED: u16 = 0x0100;
}

const KINDS: u16 = 0x0fff;
const HAS_TOTAL: u16 = 0x1000;
const HAS_UNREAD: u16 = 0x2000;
const IN_SEARCH: u16 = 0x4000;
const OF_MESSAGE: u16 = 0x8000;

/// Something happened. Source: [MS-OXCROPS] 2.2.14.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// The handle that asked to be told, or of the table; not its place in a buffer.
    pub handle: u32,
    /// The logon of that handle.
    pub logon_id: u8,
    /// What happened.
    pub notification: Notification,
}

impl Wire for Notify {
    const LEAST: usize = 7;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            handle: u32::read(reader)?,
            logon_id: u8::read(reader)?,
            notification: Notification::read(reader)?,
        })
    }

    fn write(&self, writer: &mut Writer) {
        self.handle.write(writer);
        self.logon_id.write(writer);
        self.notification.write(writer);
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notification {
    /// To a folder or message.
    Object(ObjectEvent),
    /// To an open table.
    Table(TableEvent),
}

/// What happened to a folder or message.
///
/// What the kind of event does not have is not written, and what it must have and is missing here
/// is written as zero.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectEvent {
    /// One of [`kind`].
    pub kind: u16,
    /// It is seen through a search folder.
    pub is_in_search: bool,
    /// The folder, or that of the message.
    pub folder: ObjectId,
    /// The message; none if it happened to the folder.
    pub message: Option<ObjectId>,
    /// The folder's parent, or the search folder.
    pub parent: Option<ObjectId>,
    /// Where it was before: the folder's or message's former id, and the folder's former parent.
    pub old: Option<OldPlace>,
    /// Which properties changed; none if that is not known. Told when made or modified.
    pub tags: Option<Vec<PropertyTag>>,
    /// Messages now in the folder.
    pub total_count: Option<u32>,
    /// Unread ones among them.
    pub unread_count: Option<u32>,
    /// The message that came.
    pub mail: Option<NewMail>,
}

/// Where an object was before it was moved or copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OldPlace {
    /// The folder, or that of the message.
    pub folder: ObjectId,
    /// The message's former id, or the folder's former parent.
    pub other: ObjectId,
}

/// A message that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMail {
    /// Its marks: read, sent …
    pub message_flags: u32,
    /// Its class.
    pub message_class: NewMailClass,
}

/// The class of a message that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewMailClass {
    /// In ASCII.
    Narrow(String8),
    /// In UTF-16.
    Unicode(String),
}

impl ObjectEvent {
    fn has_parent(&self) -> bool {
        let is_placed = self.kind & (kind::CREATED | kind::DELETED | kind::MOVED | kind::COPIED);
        is_placed != 0 && self.is_in_search == self.message.is_some()
    }

    fn has_old(&self) -> bool {
        self.kind & (kind::MOVED | kind::COPIED) != 0
    }

    fn has_tags(&self) -> bool {
        self.kind & (kind::CREATED | kind::MODIFIED) != 0
    }

    fn flags(&self) -> u16 {
        let bits = [
            (self.total_count.is_some(), HAS_TOTAL),
            (self.unread_count.is_some(), HAS_UNREAD),
            (self.is_in_search, IN_SEARCH),
            (self.message.is_some(), OF_MESSAGE),
        ];
        let set = bits.into_iter().filter(|(is_set, _)| *is_set);
        set.fold(self.kind & KINDS, |flags, (_, bit)| flags | bit)
    }

    fn read(flags: u16, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let is_message = flags & OF_MESSAGE != 0;
        let mut event = Self {
            kind: flags & KINDS,
            is_in_search: flags & IN_SEARCH != 0,
            folder: ObjectId::read(reader)?,
            ..Self::default()
        };
        event.message = is_message.then(|| ObjectId::read(reader)).transpose()?;
        if event.has_parent() {
            event.parent = Some(ObjectId::read(reader)?);
        }
        if event.has_old() {
            event.old = Some(OldPlace {
                folder: ObjectId::read(reader)?,
                other: ObjectId::read(reader)?,
            });
        }
        if event.has_tags() {
            event.tags = read_tags(reader)?;
        }
        let mut count = |bit| (flags & bit != 0).then(|| u32::read(reader)).transpose();
        event.total_count = count(HAS_TOTAL)?;
        event.unread_count = count(HAS_UNREAD)?;
        if event.kind == kind::NEW_MAIL {
            event.mail = Some(NewMail::read(reader)?);
        }
        Ok(event)
    }

    fn write(&self, writer: &mut Writer) {
        self.folder.write(writer);
        writer.values(&self.message);
        if self.has_parent() {
            self.parent.unwrap_or_default().write(writer);
        }
        if self.has_old() {
            let old = self.old.unwrap_or_default();
            writer.values(&[old.folder, old.other]);
        }
        if self.has_tags() {
            write_tags(self.tags.as_ref(), writer);
        }
        writer.values(&self.total_count);
        writer.values(&self.unread_count);
        if self.kind == kind::NEW_MAIL {
            let none = NewMail {
                message_flags: 0,
                message_class: NewMailClass::Narrow(String8::default()),
            };
            self.mail.as_ref().unwrap_or(&none).write(writer);
        }
    }
}

/// Stands for a list that is not known.
const NO_LIST: u16 = 0xffff;

fn read_tags(reader: &mut Reader<'_>) -> Result<Option<Vec<PropertyTag>>, Malformed> {
    let count = u16::read(reader)?;
    if count == NO_LIST {
        return Ok(None);
    }
    reader.list(count.into()).map(Some)
}

fn write_tags(tags: Option<&Vec<PropertyTag>>, writer: &mut Writer) {
    match tags {
        None => NO_LIST.write(writer),
        Some(tags) => Counted::<u16>::write(tags, writer),
    }
}

impl NewMail {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let message_flags = u32::read(reader)?;
        let message_class = if bool::read(reader)? {
            NewMailClass::Unicode(String::read(reader)?)
        } else {
            NewMailClass::Narrow(String8::read(reader)?)
        };
        Ok(Self {
            message_flags,
            message_class,
        })
    }

    fn write(&self, writer: &mut Writer) {
        self.message_flags.write(writer);
        match &self.message_class {
            NewMailClass::Narrow(class) => {
                false.write(writer);
                class.write(writer);
            }
            NewMailClass::Unicode(class) => {
                true.write(writer);
                class.write(writer);
            }
        }
    }
}

wire! {
    /// A message in a table; several rows may show the same.
    #[derive(Copy, Eq, Default)]
    pub struct MessageInRow {
        message: ObjectId,
        instance: u32,
    }
}

/// A row, by what it shows: a folder, or a message in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowPlace {
    /// The folder, or that of the message.
    pub folder: ObjectId,
    /// In tables of messages.
    pub message: Option<MessageInRow>,
}

impl RowPlace {
    fn read(is_message: bool, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let folder = ObjectId::read(reader)?;
        let message = is_message.then(|| MessageInRow::read(reader)).transpose()?;
        Ok(Self { folder, message })
    }

    fn write(&self, is_message: bool, writer: &mut Writer) {
        self.folder.write(writer);
        if is_message {
            self.message.unwrap_or_default().write(writer);
        }
    }
}

/// A row that came, or is another now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowShown {
    /// Which.
    pub row: RowPlace,
    /// The row before it; zero if it is the first.
    pub after: RowPlace,
    /// Its [`crate::codec::data::PropertyRow`], of the columns of the table.
    pub data: Bytes,
}

/// What happened to an open table. Source: [MS-OXCNOTIF] 2.2.1.4.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableEvent {
    /// So much that it must be read anew.
    Changed,
    /// A row came.
    RowAdded(RowShown),
    /// A row went.
    RowDeleted(RowPlace),
    /// A row is another.
    RowModified(RowShown),
    /// Which rows there are was chosen anew.
    RestrictionChanged,
}

impl TableEvent {
    fn flags(&self) -> u16 {
        let row = match self {
            Self::RowAdded(shown) | Self::RowModified(shown) => Some(&shown.row),
            Self::RowDeleted(row) => Some(row),
            Self::Changed | Self::RestrictionChanged => None,
        };
        let is_message = row.is_some_and(|row| row.message.is_some());
        kind::TABLE_MODIFIED | if is_message { OF_MESSAGE } else { 0 }
    }

    fn read(flags: u16, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let is_message = flags & OF_MESSAGE != 0;
        let shown = |reader: &mut Reader<'_>| {
            Ok(RowShown {
                row: RowPlace::read(is_message, reader)?,
                after: RowPlace::read(is_message, reader)?,
                data: Measured::<u16>::read(reader)?,
            })
        };
        Ok(match u16::read(reader)? {
            1 => Self::Changed,
            3 => Self::RowAdded(shown(reader)?),
            4 => Self::RowDeleted(RowPlace::read(is_message, reader)?),
            5 => Self::RowModified(shown(reader)?),
            7 => Self::RestrictionChanged,
            unknown => return Err(Malformed::Unknown(unknown.into())),
        })
    }

    fn write(&self, writer: &mut Writer) {
        let is_message = self.flags() & OF_MESSAGE != 0;
        let number: u16 = match self {
            Self::Changed => 1,
            Self::RowAdded(_) => 3,
            Self::RowDeleted(_) => 4,
            Self::RowModified(_) => 5,
            Self::RestrictionChanged => 7,
        };
        number.write(writer);
        match self {
            Self::Changed | Self::RestrictionChanged => {}
            Self::RowDeleted(row) => row.write(is_message, writer),
            Self::RowAdded(shown) | Self::RowModified(shown) => {
                shown.row.write(is_message, writer);
                shown.after.write(is_message, writer);
                Measured::<u16>::write(&shown.data, writer);
            }
        }
    }
}

impl Wire for Notification {
    const LEAST: usize = 2;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let flags = u16::read(reader)?;
        if flags & KINDS == kind::TABLE_MODIFIED {
            return TableEvent::read(flags, reader).map(Self::Table);
        }
        let kind = flags & KINDS;
        if !kind.is_power_of_two() || kind > kind::TABLE_MODIFIED {
            return Err(Malformed::Unknown(flags.into()));
        }
        ObjectEvent::read(flags, reader).map(Self::Object)
    }

    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Object(event) => {
                event.flags().write(writer);
                event.write(writer);
            }
            Self::Table(event) => {
                event.flags().write(writer);
                event.write(writer);
            }
        }
    }
}
