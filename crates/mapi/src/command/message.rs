//! Opening and making messages.
//!
//! Source: [MS-OXCMSG] 3.2.5.1, 3.2.5.2.

use super::{Done, Place, recipient};
use crate::codec::data::{ObjectId, TypedString, Value};
use crate::codec::rop::Response;
use crate::codec::rop::message::{CreateMessage, MessageCreated, MessageHead, OpenMessage};
use crate::codec::wire::{Form, Wire, Writer};
use crate::content::Content;
use crate::draft::{Base, Changes, Message};
use crate::identity;
use crate::object::{Logon, Object};
use crate::property::Properties;
use crate::property::item::{ItemProperties, Look};
use crate::property::message::{
    BaseProperties, Facts, MessageProperties, message_flags, subject_parts,
};
use crate::property::names::FIRST_NAMED;
use crate::refusal::Refusal;
use crate::request::Session;
use engine::{FolderForm, FolderId, ItemKey, Location, PlaceId, Reading, Rights, Shelf};

/// Texts of the answer are in the session's code page.
const SESSION_CODE_PAGE: u16 = 0x0fff;
/// How something is opened. Source: [MS-OXCROPS] 2.2.6.1.1.
pub(super) const READ_WRITE: u8 = 1;
/// Whatever is allowed.
pub(super) const BEST_ACCESS: u8 = 3;
/// Also what was deleted.
pub(super) const SOFT_DELETED: u8 = 4;

/// The code page that is meant.
pub(super) fn code_page(session: &Session, told: u16) -> u32 {
    match told {
        0 | SESSION_CODE_PAGE => session.code_page,
        other => other.into(),
    }
}

/// `RopOpenMessage`: by its number alone, because clients name the folder it was moved from.
pub(super) fn open(
    session: &mut Session,
    at: Place,
    request: &OpenMessage,
) -> Result<Done, Refusal> {
    let number = identity::number_of(request.message).ok_or(Refusal::NotFound)?;
    let code_page = code_page(session, request.code_page);
    let logon = session.objects.logon(at.logon_id)?;
    let view = logon.account.read()?;
    let found = view.item_at_place(PlaceId(number))?;
    let (place, row) = found.ok_or(Refusal::NotFound)?;
    let is_deleted =
        place.shelf == Shelf::Recoverable || view.folder(place.folder)?.removed.is_some();
    if is_deleted && request.open_mode & SOFT_DELETED == 0 {
        return Err(Refusal::NotFound);
    }
    let may_write = may_edit(&view, place.folder)? && !is_deleted;
    let mode = request.open_mode & !SOFT_DELETED;
    if mode == READ_WRITE && !may_write {
        return Err(Refusal::AccessDenied);
    }
    let message = Message {
        base: Base::Stored {
            at: place,
            item: row.item,
            changed: row.changed,
        },
        changes: Changes::default(),
        may_write: may_write && [READ_WRITE, BEST_ACCESS].contains(&mode),
        code_page,
        parent: None,
        copied: None,
    };
    let head = head(&properties(logon, &message)?, at.room)?;
    let object = Object::Message(Box::new(message));
    Ok(Done::opened(Response::OpenMessage(head), object))
}

/// Whether one may change messages there.
pub(super) fn may_edit(view: &impl Reading, folder: FolderId) -> Result<bool, Refusal> {
    let rights = view.rights(folder)?;
    let replacing = Rights::INSERT | Rights::DELETE_ANY | Rights::EXPUNGE;
    let any = [Rights::EDIT_ANY, Rights::EDIT_OWN, replacing];
    Ok(any.iter().any(|needed| rights.contains(*needed)))
}

/// `RopCreateMessage`: it has no number before it is saved.
pub(super) fn create(
    session: &mut Session,
    at: Place,
    request: &CreateMessage,
) -> Result<Done, Refusal> {
    let folder = FolderId(identity::number_of(request.folder).ok_or(Refusal::NotFound)?);
    let code_page = code_page(session, request.code_page);
    let logon = session.objects.logon(at.logon_id)?;
    let row = logon
        .account
        .read()?
        .folder_with_rights(folder, Rights::INSERT)?;
    if matches!(row.form, FolderForm::Search(_)) {
        return Err(Refusal::SearchFolder);
    }
    let message = Message {
        base: Base::New {
            folder,
            is_associated: request.is_associated,
        },
        changes: Changes::default(),
        may_write: true,
        code_page,
        parent: None,
        copied: None,
    };
    let response = Response::CreateMessage(MessageCreated { message: None });
    Ok(Done::opened(response, Object::Message(Box::new(message))))
}

/// An open message as it is now: one that is kept may have been moved since it was opened.
pub(super) fn properties<'a>(
    logon: &'a Logon,
    message: &'a Message,
) -> Result<MessageProperties<'a>, Refusal> {
    let base = match &message.base {
        Base::New { is_associated, .. } => BaseProperties::New {
            is_associated: *is_associated,
        },
        Base::Stored { at, item, .. } => BaseProperties::Item(Box::new(stored(logon, *at, *item)?)),
        Base::Content(content) => BaseProperties::Content(content),
    };
    Ok(MessageProperties {
        changes: &message.changes,
        base,
    })
}

/// A message that is kept, wherever it stands by now.
pub(super) fn stored(
    logon: &Logon,
    opened_at: Location,
    item: ItemKey,
) -> Result<ItemProperties<'_>, Refusal> {
    let view = logon.account.read()?;
    let place = view.location(item)?.unwrap_or(opened_at);
    let row = view.item(place)?.filter(|row| row.item == item);
    let row = row.ok_or(Refusal::NotFound)?;
    let item = ItemProperties::load(logon, &view, place, row)?;
    Ok(item.ok_or(Refusal::NotFound)?.looked_at(Look::Open))
}

/// All that a copy of a message is to have: also what is told only of what came, not of what is
/// being written.
pub(super) fn whole(message: &MessageProperties<'_>) -> Result<Content, Refusal> {
    /// When it came, and the header it came with.
    const OF_WHAT_CAME: [u16; 2] = [0x0e06, 0x007d];
    let mut content = message.content()?;
    let is_unsent = match message.raw(0x0e07)? {
        Some(Value::Integer32(flags)) => flags & message_flags::UNSENT != 0,
        _ => true,
    };
    if is_unsent {
        return Ok(content);
    }
    for id in OF_WHAT_CAME {
        if !content.values.contains_key(&id) {
            let value = message.raw(id)?;
            content.values.extend(value.map(|value| (id, value)));
        }
    }
    Ok(content)
}

/// Lets `tell` see the properties of an open message.
pub(super) fn look<T>(
    session: &Session,
    at: Place,
    tell: impl FnOnce(&MessageProperties<'_>, &Message) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let Object::Message(message) = session.objects.look(at.logon_id, at.handle)? else {
        return Err(Refusal::NotSupported);
    };
    let logon = session.objects.logon(at.logon_id)?;
    tell(&properties(logon, message)?, message)
}

/// The number of a message; none of one that has none yet.
pub(super) fn number(logon: &Logon, message: &Message) -> Result<ObjectId, Refusal> {
    match &message.base {
        Base::Stored { at, item, .. } => {
            Ok(identity::message_id(stored(logon, *at, *item)?.row().place))
        }
        Base::New { .. } | Base::Content(_) => Ok(ObjectId::default()),
    }
}

/// Bytes before what is told of a message.
const HEAD_BYTES: usize = 6;
/// The most recipients that an answer counts.
const RECIPIENTS_TOLD_MAX: usize = 255;

/// What is told of a message that is opened.
pub(super) fn head(message: &MessageProperties<'_>, room: usize) -> Result<MessageHead, Refusal> {
    let (prefix, rest) = subject_parts(message)?;
    let recipients = message.recipients()?;
    let is_named = |id: u16| id >= FIRST_NAMED;
    let mut head = MessageHead {
        has_named_properties: message.tags().iter().any(|tag| is_named(tag.id())),
        subject_prefix: TypedString::new(&prefix),
        normalized_subject: TypedString::new(&rest),
        recipient_count: u16::try_from(recipients.len()).unwrap_or(u16::MAX),
        recipient_columns: recipient::columns(&recipients),
        recipients: Vec::new(),
    };
    // Those who don't fit are read one by one.
    let mut room = room.saturating_sub(HEAD_BYTES + size(&head));
    for one in recipients.iter().take(RECIPIENTS_TOLD_MAX) {
        let row = recipient::opened(one, &head.recipient_columns);
        let Some(left) = room.checked_sub(size(&row)) else {
            break;
        };
        room = left;
        head.recipients.push(row);
    }
    Ok(head)
}

pub(super) fn size(value: &impl Wire) -> usize {
    let mut writer = Writer::new(Form::Rop);
    value.write(&mut writer);
    writer.size()
}

/// `RopReloadCachedInformation`.
pub(super) fn reload(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    let head = look(session, at, |message, _| head(message, at.room))?;
    Ok(Done::said(Response::ReloadCachedInformation(head)))
}
