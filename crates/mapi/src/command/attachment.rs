//! Attachments of an open message, and the messages in them.
//!
//! Source: [MS-OXCMSG] 3.2.5.12 to 3.2.5.18.

use super::message::{BEST_ACCESS, READ_WRITE};
use super::{Done, Place, message, stream, table};
use crate::codec::data::{ObjectId, Value};
use crate::codec::rop::Response;
use crate::codec::rop::folder::OpenTable;
use crate::codec::rop::message::{
    Attachment as AttachmentNumber, EmbeddedMessageOpened, OpenAttachment, OpenEmbeddedMessage,
    ValidAttachments,
};
use crate::codec::wire::Nothing;
use crate::content::{Attachment, Content};
use crate::draft::{self, ATTACHMENTS_MAX, Base, Changes, Message};
use crate::object::{Object, Rows};
use crate::property::Properties;
use crate::property::attachment::{AttachmentProperties, METHOD};
use crate::property::names;
use crate::property::parts::Data;
use crate::refusal::Refusal;
use crate::request::Session;

/// A message is attached. Source: [MS-OXCMSG] 2.2.2.9.
const EMBEDDED: i32 = 5;
/// The message in it is to be made.
const CREATE: u8 = 2;

/// `RopGetAttachmentTable`: as they are now; later changes show in a new table.
pub(super) fn table(
    session: &mut Session,
    at: Place,
    _request: &OpenTable,
) -> Result<Done, Refusal> {
    let all = message::look(session, at, |message, _| message.attachments(Data::Without))?;
    let mut rows = Vec::new();
    for attachment in &all {
        let properties = AttachmentProperties(attachment);
        let mut values = attachment.values.clone();
        for tag in properties.tags() {
            let value = properties.value(tag.id())?;
            values.extend(value.map(|value| (tag.id(), value)));
        }
        rows.push(values);
    }
    Ok(Done::opened(
        Response::AttachmentTable(Nothing),
        table::opened(Rows::Values(rows)),
    ))
}

/// `RopGetValidAttachments`.
pub(super) fn valid(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    let all = message::look(session, at, |message, _| message.attachments(Data::Without))?;
    let attachments = all.iter().map(|attachment| attachment.number).collect();
    Ok(Done::said(Response::ValidAttachments(ValidAttachments {
        attachments,
    })))
}

/// `RopOpenAttachment`.
pub(super) fn open(
    session: &mut Session,
    at: Place,
    request: &OpenAttachment,
) -> Result<Done, Refusal> {
    let wanted = |attachment: &Attachment| attachment.number == request.attachment;
    let (found, may_write) = message::look(session, at, |message, open| {
        let all = message.attachments(Data::Of(request.attachment))?;
        Ok((all.into_iter().find(wanted), open.may_write))
    })?;
    let attachment = found.ok_or(Refusal::NotFound)?;
    if attachment.held_bytes() > stream::room(session) {
        return Err(Refusal::TooBig);
    }
    if request.open_mode == READ_WRITE && !may_write {
        return Err(Refusal::AccessDenied);
    }
    let opened = draft::OpenAttachment {
        parent: at.handle,
        attachment,
        may_write: may_write && [READ_WRITE, BEST_ACCESS].contains(&request.open_mode),
    };
    Ok(Done::opened(
        Response::OpenAttachment(Nothing),
        Object::Attachment(Box::new(opened)),
    ))
}

/// `RopCreateAttachment`: its number is the next that no attachment has.
pub(super) fn create(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    let (numbers, may_write) = message::look(session, at, |message, open| {
        let all = message.attachments(Data::Without)?;
        let numbers: Vec<u32> = all.iter().map(|attachment| attachment.number).collect();
        Ok((numbers, open.may_write))
    })?;
    if !may_write {
        return Err(Refusal::AccessDenied);
    }
    if numbers.len() >= ATTACHMENTS_MAX {
        return Err(Refusal::TooBig);
    }
    let message = session.objects.message(at.logon_id, at.handle)?;
    let removed = message.changes.attachments.keys().copied();
    let number = numbers
        .into_iter()
        .chain(removed)
        .max()
        .map_or(0, |last| last + 1);
    // Taken from now on; it shows when it is saved.
    message.changes.attachments.insert(number, None);
    let opened = draft::OpenAttachment {
        parent: at.handle,
        attachment: Attachment {
            number,
            ..Attachment::default()
        },
        may_write: true,
    };
    Ok(Done::opened(
        Response::CreateAttachment(AttachmentNumber { attachment: number }),
        Object::Attachment(Box::new(opened)),
    ))
}

/// `RopDeleteAttachment`.
pub(super) fn delete(
    session: &mut Session,
    at: Place,
    request: &AttachmentNumber,
) -> Result<Done, Refusal> {
    let number = request.attachment;
    let (is_there, may_write) = message::look(session, at, |message, open| {
        let all = message.attachments(Data::Without)?;
        Ok((all.iter().any(|one| one.number == number), open.may_write))
    })?;
    if !may_write {
        return Err(Refusal::AccessDenied);
    }
    if !is_there {
        return Err(Refusal::NotFound);
    }
    let message = session.objects.message(at.logon_id, at.handle)?;
    message.changes.attachments.insert(number, None);
    Ok(Done::said(Response::DeleteAttachment(Nothing)))
}

/// `RopSaveChangesAttachment`: into the message that it belongs to, which keeps it when that is
/// saved.
pub(super) fn save(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    let open = session.objects.attachment(at.logon_id, at.handle)?;
    if !open.may_write {
        return Err(Refusal::AccessDenied);
    }
    let (parent, attachment) = (open.parent, open.attachment.clone());
    let message = session.objects.message(at.logon_id, parent)?;
    let number = attachment.number;
    message.changes.attachments.insert(number, Some(attachment));
    Ok(Done::said(Response::SaveChangesAttachment(Nothing)))
}

/// `RopOpenEmbeddedMessage`: the message in an attachment, or a new one to be put there.
pub(super) fn open_message(
    session: &mut Session,
    at: Place,
    request: &OpenEmbeddedMessage,
) -> Result<Done, Refusal> {
    let code_page = message::code_page(session, request.code_page);
    let open = session.objects.attachment(at.logon_id, at.handle)?;
    let is_new = request.open_mode == CREATE;
    if (is_new || request.open_mode == READ_WRITE) && !open.may_write {
        return Err(Refusal::AccessDenied);
    }
    let content = match (&open.attachment.embedded, is_new) {
        (Some(content), _) => content.as_ref().clone(),
        (None, true) => Content::default(),
        (None, false) => return Err(Refusal::NotFound),
    };
    if is_new {
        let method = Value::Integer32(EMBEDDED);
        open.attachment.values.entry(METHOD).or_insert(method);
    }
    let may_write = open.may_write && request.open_mode != 0;
    let logon = session.objects.logon(at.logon_id)?;
    let content = names::by_identifier(&logon.account.read()?, content)?;
    let message = Message {
        base: Base::Content(Box::new(content)),
        changes: Changes::default(),
        may_write,
        code_page,
        parent: Some(at.handle),
        copied: None,
    };
    let head = message::head(&message::properties(logon, &message)?, at.room)?;
    let response = Response::OpenEmbeddedMessage(EmbeddedMessageOpened {
        reserved: 0,
        message: ObjectId::default(),
        head,
    });
    Ok(Done::opened(response, Object::Message(Box::new(message))))
}
