//! Recipients of an open message.
//!
//! Source: [MS-OXCMSG] 3.2.5.4 to 3.2.5.6; [MS-OXCDATA] 2.8.3 (rows).

use super::{Done, Place, message};
use crate::codec::data::{
    AddressKind, AddressTexts, Cell, Outcome, PropertyRow, PropertyTag, RecipientRow,
    RecipientTexts, Value, X500Address,
};
use crate::codec::rop::Response;
use crate::codec::rop::message::{
    ModifyRecipients, OpenRecipientRow, ReadRecipientRow, ReadRecipients, Recipients,
};
use crate::codec::wire::Nothing;
use crate::content::{Recipient, Values, text_of};
use crate::identity;
use crate::object::Logon;
use crate::property::message::Facts;
use crate::property::{in_unicode, kept};
use crate::refusal::Refusal;
use crate::request::Session;

/// Texts are in the session's code page.
const SESSION_CODE_PAGE: u16 = 0x0fff;
/// The most recipients that an answer counts.
const RECIPIENTS_TOLD_MAX: usize = 255;
/// Bytes before the rows of an answer.
const RECIPIENTS_HEAD_BYTES: usize = 7;

const DISPLAY_NAME: u16 = 0x3001;
const ADDRESS_TYPE: u16 = 0x3002;
const EMAIL_ADDRESS: u16 = 0x3003;
const TRANSMITTABLE_NAME: u16 = 0x3a20;
const SMTP_ADDRESS: u16 = 0x39fe;
const SIMPLE_NAME: u16 = 0x39ff;
/// Whoever is named there is responsible for what becomes of the message.
const RESPONSIBILITY: u16 = 0x0e0f;
/// What rows tell in fields of their own. Source: [MS-OXCDATA] 2.8.3.2.
const IN_FIELDS: [u16; 9] = [
    DISPLAY_NAME,
    ADDRESS_TYPE,
    EMAIL_ADDRESS,
    TRANSMITTABLE_NAME,
    0x0c15,
    0x0ff6,
    0x0fff,
    0x300b,
    0x3a40,
];

/// What rows of these recipients tell beyond name and address.
pub(super) fn columns(recipients: &[Recipient]) -> Vec<PropertyTag> {
    let mut columns = Vec::new();
    for recipient in recipients {
        let is_smtp = text_of(&recipient.values, ADDRESS_TYPE) == Some("SMTP");
        let told = recipient.values.iter().filter(|(id, _)| {
            // The address of who has one of the Internet is told already.
            let is_told = is_smtp && **id == SMTP_ADDRESS;
            !IN_FIELDS.contains(id) && !is_told
        });
        columns.extend(told.map(|(id, value)| PropertyTag::new(*id, value.property_type())));
    }
    columns.sort_unstable();
    columns.dedup_by_key(|tag| tag.id());
    columns
}

fn row(recipient: &Recipient, columns: &[PropertyTag]) -> RecipientRow {
    let text = |id| text_of(&recipient.values, id).map(str::to_owned);
    let address = text(EMAIL_ADDRESS);
    let (kind, email) = match text(ADDRESS_TYPE).as_deref() {
        Some("SMTP") => (AddressKind::Smtp, address),
        Some("EX") => {
            let name = address.unwrap_or_default();
            let x500 = X500Address {
                prefix_used: 0,
                display_type: 0,
                name: name.as_str().into(),
            };
            (AddressKind::X500(x500), None)
        }
        Some(other) => (AddressKind::Other(other.into()), address),
        None => (AddressKind::None, address),
    };
    let transmittable = text(TRANSMITTABLE_NAME);
    let texts = AddressTexts {
        email,
        display_name: text(DISPLAY_NAME),
        simple_name: None,
        transmittable_name: transmittable.clone(),
    };
    RecipientRow {
        kind,
        texts: RecipientTexts::Unicode(texts),
        is_transmittable_same: transmittable.is_none(),
        is_responsible: recipient.values.get(&RESPONSIBILITY) == Some(&Value::Boolean(true)),
        has_no_rich_info: true,
        properties: PropertyRow(columns.iter().map(|tag| cell(recipient, *tag)).collect()),
    }
}

fn cell(recipient: &Recipient, tag: PropertyTag) -> Cell {
    let value = recipient.values.get(&tag.id());
    let value = value.filter(|value| value.property_type() == tag.property_type());
    value.map_or_else(
        || Cell::error(tag.property_type(), Refusal::NotFound.code()),
        |value| Cell::value(value.clone()),
    )
}

/// A row as it is told when the message is opened.
pub(super) fn opened(recipient: &Recipient, columns: &[PropertyTag]) -> OpenRecipientRow {
    OpenRecipientRow {
        recipient_type: recipient.kind,
        code_page: SESSION_CODE_PAGE,
        reserved: 0,
        recipient: row(recipient, columns),
    }
}

/// `RopReadRecipients`: those from a row on, as many as fit.
///
/// Source: [MS-OXCMSG] 3.2.5.6.
pub(super) fn read(
    session: &mut Session,
    at: Place,
    request: &ReadRecipients,
) -> Result<Done, Refusal> {
    let all = message::look(session, at, |message, _| message.recipients())?;
    let columns = columns(&all);
    let mut room = at.room.saturating_sub(RECIPIENTS_HEAD_BYTES);
    let mut rows = Vec::new();
    let later = all.iter().filter(|one| one.row >= request.row);
    for recipient in later.take(RECIPIENTS_TOLD_MAX) {
        let told = ReadRecipientRow {
            row: recipient.row,
            recipient_type: recipient.kind,
            code_page: SESSION_CODE_PAGE,
            reserved: 0,
            recipient: row(recipient, &columns),
        };
        let Some(left) = room.checked_sub(message::size(&told)) else {
            break;
        };
        room = left;
        rows.push(told);
    }
    if rows.is_empty() {
        return Err(Refusal::NotFound);
    }
    Ok(Done::said(Response::ReadRecipients(Recipients { rows })))
}

/// `RopModifyRecipients`: a row without a recipient removes it.
pub(super) fn modify(
    session: &mut Session,
    at: Place,
    request: &ModifyRecipients,
) -> Result<Done, Refusal> {
    let known = message::look(session, at, |message, _| message.recipients())?;
    let logon = session.objects.logon(at.logon_id)?.clone();
    let message = session.objects.message(at.logon_id, at.handle)?;
    if !message.may_write {
        return Err(Refusal::AccessDenied);
    }
    let code_page = message.code_page;
    let mut new = Vec::new();
    for change in &request.rows {
        let told = change.recipient.as_ref();
        let values = told.map(|row| values(&logon, row, &request.columns, code_page));
        let (row, kind) = (change.row, change.recipient_type);
        let recipient = values.transpose()?;
        let recipient = recipient.map(|values| Recipient { row, kind, values });
        new.push((row, recipient));
    }
    message.changes.set_recipients(known, new)?;
    Ok(Done::said(Response::ModifyRecipients(Nothing)))
}

/// `RopRemoveAllRecipients`.
pub(super) fn remove_all(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    let message = session.objects.message(at.logon_id, at.handle)?;
    if !message.may_write {
        return Err(Refusal::AccessDenied);
    }
    message.changes.recipients = Some(Vec::new());
    Ok(Done::said(Response::RemoveAllRecipients(Nothing)))
}

/// What a row says.
fn values(
    logon: &Logon,
    row: &RecipientRow,
    columns: &[PropertyTag],
    code_page: u32,
) -> Result<Values, Refusal> {
    let mut values = Values::new();
    let mut set = |id: u16, value: Option<Value>| {
        let value = value.map(|value| in_unicode(value, code_page));
        values.extend(value.map(|value| (id, value)));
    };
    let text = |text: &str| Some(Value::Unicode(text.to_owned()));
    match &row.texts {
        RecipientTexts::Unicode(texts) => {
            for (id, text) in fields(texts) {
                set(id, text.map(|text| Value::Unicode(text.clone())));
            }
        }
        RecipientTexts::Narrow(texts) => {
            for (id, text) in fields(texts) {
                set(id, text.map(|text| Value::String8(text.clone())));
            }
        }
    }
    match &row.kind {
        AddressKind::X500(x500) => {
            let name = String::from_utf8_lossy(&x500.name.0).into_owned();
            set(ADDRESS_TYPE, text("EX"));
            set(
                SMTP_ADDRESS,
                smtp_address(logon, &name)?.map(Value::Unicode),
            );
            set(EMAIL_ADDRESS, Some(Value::Unicode(name)));
        }
        AddressKind::Smtp => set(ADDRESS_TYPE, text("SMTP")),
        AddressKind::Other(kind) => set(ADDRESS_TYPE, Some(Value::String8(kind.clone()))),
        AddressKind::Fax => set(ADDRESS_TYPE, text("FAX")),
        AddressKind::MsMail => set(ADDRESS_TYPE, text("MS")),
        AddressKind::ProfessionalOffice => set(ADDRESS_TYPE, text("PROFS")),
        AddressKind::PersonalList(_, list) => {
            set(ADDRESS_TYPE, text("MAPIPDL"));
            set(0x0fff, Some(Value::Binary(list.entry_id.clone())));
        }
        AddressKind::None => {}
    }
    if row.is_responsible {
        set(RESPONSIBILITY, Some(Value::Boolean(true)));
    }
    for (tag, cell) in columns.iter().zip(&row.properties.0) {
        if let Outcome::Value(value) = &cell.outcome
            && kept::to_store(value).is_some()
        {
            set(tag.id(), Some(value.clone()));
        }
    }
    Ok(values)
}

fn fields<T>(texts: &AddressTexts<T>) -> [(u16, Option<&T>); 4] {
    [
        (EMAIL_ADDRESS, texts.email.as_ref()),
        (DISPLAY_NAME, texts.display_name.as_ref()),
        (SIMPLE_NAME, texts.simple_name.as_ref()),
        (TRANSMITTABLE_NAME, texts.transmittable_name.as_ref()),
    ]
}

/// The Internet address behind a distinguished name of this server.
fn smtp_address(logon: &Logon, name: &str) -> Result<Option<String>, Refusal> {
    let Some(account) = identity::account_of(name) else {
        return Ok(None);
    };
    let found = logon.account.engine().directory().account(account)?;
    Ok(found.map(|found| found.record.address.clone()))
}
