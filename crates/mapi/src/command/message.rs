//! Opening messages.
//!
//! Source: [MS-OXCMSG] 3.2.5.1.

use super::{Done, Place, property};
use crate::codec::data::{
    AddressKind, AddressTexts, PropertyRow, RecipientRow, RecipientTexts, TypedString,
};
use crate::codec::rop::Response;
use crate::codec::rop::message::{
    MessageHead, OpenMessage, OpenRecipientRow, ReadRecipientRow, ReadRecipients, Recipients,
};
use crate::codec::wire::{Form, Wire, Writer};
use crate::identity;
use crate::object::Object;
use crate::property::item::{Correspondent, ItemProperties};
use crate::refusal::Refusal;
use crate::request::Session;
use engine::{PlaceId, Reading, Shelf};

/// Texts of the answer are in the session's code page.
const SESSION_CODE_PAGE: u16 = 0x0fff;
/// Only to read.
const READ_ONLY: u8 = 0;
/// Whatever is allowed: here, to read.
const BEST_ACCESS: u8 = 3;
/// The most recipients that an answer counts.
const RECIPIENTS_TOLD_MAX: usize = 255;

/// `RopOpenMessage`: by its number alone, because clients name the folder it was moved from.
pub(super) fn open(
    session: &mut Session,
    at: Place,
    request: &OpenMessage,
) -> Result<Done, Refusal> {
    if ![READ_ONLY, BEST_ACCESS].contains(&request.open_mode) {
        return Err(Refusal::AccessDenied);
    }
    let number = identity::number_of(request.message).ok_or(Refusal::NotFound)?;
    let logon = session.objects.logon(at.logon_id)?;
    let view = logon.account.read()?;
    let found = view.item_at_place(PlaceId(number))?;
    let found = found.filter(|(place, _)| place.shelf == Shelf::Mail);
    let (place, row) = found.ok_or(Refusal::NotFound)?;
    let details = view.details(row.item)?.ok_or(Refusal::NotFound)?;
    let item = row.item;
    let message = ItemProperties::new(&logon.account, &logon.identity, place, row, details);
    let head = head(&message, at.room);
    let object = Object::Message(place, item);
    Ok(Done::opened(Response::OpenMessage(head), object))
}

fn head(message: &ItemProperties<'_>, room: usize) -> MessageHead {
    let (prefix, rest) = message.subject_parts();
    let recipients = message.recipients();
    let mut head = MessageHead {
        has_named_properties: false,
        subject_prefix: TypedString::new(&prefix),
        normalized_subject: TypedString::new(&rest),
        recipient_count: u16::try_from(recipients.len()).unwrap_or(u16::MAX),
        recipient_columns: Vec::new(),
        recipients: Vec::new(),
    };
    // Six bytes stand before the answer; those who don't fit are read one by one.
    let mut room = room.saturating_sub(6 + size(&head));
    for (kind, person) in recipients.into_iter().take(RECIPIENTS_TOLD_MAX) {
        let row = recipient(kind, person);
        let Some(left) = room.checked_sub(size(&row)) else {
            break;
        };
        room = left;
        head.recipients.push(row);
    }
    head
}

fn size(value: &impl Wire) -> usize {
    let mut writer = Writer::new(Form::Rop);
    value.write(&mut writer);
    writer.size()
}

fn recipient(kind: u8, person: Correspondent) -> OpenRecipientRow {
    let texts = AddressTexts {
        email: Some(person.address),
        display_name: Some(person.name),
        simple_name: None,
        transmittable_name: None,
    };
    OpenRecipientRow {
        recipient_type: kind,
        code_page: SESSION_CODE_PAGE,
        reserved: 0,
        recipient: RecipientRow {
            kind: AddressKind::Smtp,
            texts: RecipientTexts::Unicode(texts),
            is_transmittable_same: true,
            is_responsible: false,
            has_no_rich_info: true,
            properties: PropertyRow::default(),
        },
    }
}

/// Bytes before the rows of an answer.
const RECIPIENTS_HEAD_BYTES: usize = 7;

/// `RopReadRecipients`: those from a row on, as many as fit; the rows are counted from 0.
///
/// Source: [MS-OXCMSG] 3.2.5.6.
pub(super) fn recipients(
    session: &mut Session,
    at: Place,
    request: &ReadRecipients,
) -> Result<Done, Refusal> {
    let all = property::of_message(session, at, |message| Ok(message.recipients()))?;
    let mut room = at.room.saturating_sub(RECIPIENTS_HEAD_BYTES);
    let mut rows = Vec::new();
    let from = usize::try_from(request.row).unwrap_or(usize::MAX);
    let later = (0_u32..).zip(all).skip(from).take(RECIPIENTS_TOLD_MAX);
    for (number, (kind, person)) in later {
        let told = recipient(kind, person);
        let row = ReadRecipientRow {
            row: number,
            recipient_type: told.recipient_type,
            code_page: told.code_page,
            reserved: 0,
            recipient: told.recipient,
        };
        let Some(left) = room.checked_sub(size(&row)) else {
            break;
        };
        room = left;
        rows.push(row);
    }
    if rows.is_empty() {
        return Err(Refusal::NotFound);
    }
    Ok(Done::said(Response::ReadRecipients(Recipients { rows })))
}
