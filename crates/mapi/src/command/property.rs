//! Properties of whatever is open.
//!
//! Source: [MS-OXCPRPT] 3.2.5.1 to 3.2.5.5.

use super::{Done, Place, attributes, message};
use crate::codec::data::{
    NameKind, Outcome, PropertyProblem, PropertyRow, PropertyTag, TaggedValue, Value,
};
use crate::codec::rop::property::{
    Problems, Properties as PropertyValues, PropertiesAll, PropertiesRow, PropertiesSpecific,
    PropertyTags, SetProperties,
};
use crate::codec::rop::{Request, Response};
use crate::draft::{NORMALIZED_SUBJECT, SUBJECT, SUBJECT_PREFIX};
use crate::object::Object;
use crate::property::attachment::AttachmentProperties;
use crate::property::folder::FolderProperties;
use crate::property::message::{COMPUTED, subject_parts};
use crate::property::names::{self, FIRST_NAMED};
use crate::property::store::StoreProperties;
use crate::property::{Properties, Wanted, cell, in_unicode, kept};
use crate::refusal::Refusal;
use crate::request::Session;
use engine::Reading;

/// Bytes that one value may have within an answer; what is longer is read as a stream.
const VALUE_BYTES_MAX: usize = 8 * 1024;

/// Lets `tell` see the properties of what is open.
pub(super) fn of<T>(
    session: &Session,
    at: Place,
    tell: impl FnOnce(&dyn Properties) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let logon = session.objects.logon(at.logon_id)?;
    match session.objects.look(at.logon_id, at.handle)? {
        Object::Logon => {
            let engine = logon.account.engine();
            let owner = engine.directory().account(logon.account.id())?;
            let owner = owner.ok_or(Refusal::UnknownUser)?;
            let named = Some(&owner.record.display_name).filter(|name| !name.is_empty());
            let state = logon.account.read()?.state()?;
            tell(&StoreProperties {
                owner: logon.account.id(),
                actor: logon.account.origin().actor,
                display_name: named.unwrap_or(&owner.record.address).clone(),
                identity: logon.identity,
                used_bytes: state.used_bytes,
                quota_bytes: state.quota_bytes.filter(|_| logon.account.may_see_quota()),
                message_bytes_max: engine.settings().limits.message_bytes_max,
                kept: attributes::of_store(logon)?,
            })
        }
        Object::Folder(id) => {
            let all = logon.account.read()?.all_folders()?;
            let found = all.iter().find(|(known, _)| known == id);
            let (_, row) = found.ok_or(Refusal::NotFound)?;
            tell(&FolderProperties {
                id: *id,
                row,
                all: &all,
                identity: &logon.identity,
                depth: 0,
                kept: attributes::of_folder(logon, *id)?,
            })
        }
        Object::Message(open) => tell(&message::properties(logon, open)?),
        Object::Attachment(open) => tell(&AttachmentProperties(&open.attachment)),
        _ => Err(Refusal::NotSupported),
    }
}

fn wanted(session: &Session, bytes_max: u16) -> Wanted {
    let asked = Some(usize::from(bytes_max)).filter(|asked| *asked > 0);
    Wanted {
        code_page: session.code_page,
        bytes_max: asked.unwrap_or(VALUE_BYTES_MAX).min(VALUE_BYTES_MAX),
    }
}

/// `RopGetPropertiesSpecific`.
pub(super) fn specific(
    session: &mut Session,
    at: Place,
    request: &PropertiesSpecific,
) -> Result<Done, Refusal> {
    let wanted = wanted(session, request.property_bytes_max);
    let row = of(session, at, |source| {
        let cells = request.tags.iter().map(|&tag| cell(source, tag, wanted));
        cells.collect::<Result<_, _>>().map(PropertyRow)
    })?;
    Ok(Done::said(Response::PropertiesSpecific(PropertiesRow {
        row,
    })))
}

/// `RopGetPropertiesAll`: what is too long is told as an error.
pub(super) fn all(
    session: &mut Session,
    at: Place,
    request: &PropertiesAll,
) -> Result<Done, Refusal> {
    let wanted = wanted(session, request.property_bytes_max);
    let mut values = Vec::new();
    of(session, at, |source| {
        for tag in source.tags() {
            let value = match cell(source, tag, wanted)?.outcome {
                Outcome::Value(value) => value,
                Outcome::Error(code) if code != Refusal::NotFound.code() => Value::ErrorCode(code),
                Outcome::Error(_) | Outcome::Absent => continue,
            };
            values.push(TaggedValue::new(tag, value));
        }
        Ok(())
    })?;
    Ok(Done::said(Response::PropertiesAll(PropertyValues {
        values,
    })))
}

/// `RopGetPropertiesList`.
pub(super) fn list(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    let mut tags = Vec::new();
    of(session, at, |source| {
        for tag in source.tags() {
            if source.value(tag.id())?.is_some() {
                tags.push(tag);
            }
        }
        Ok(())
    })?;
    Ok(Done::said(Response::PropertiesList(PropertyTags { tags })))
}

/// `RopSetProperties` and its sister. What can't be set is told; all else is done.
pub(super) fn set(
    session: &mut Session,
    at: Place,
    request: &SetProperties,
    which: &Request,
) -> Result<Done, Refusal> {
    let code_page = code_page(session, at)?;
    let values = request.values.values.iter();
    let changes: Vec<_> = values
        .map(|set| (set.tag, Some(in_unicode(set.value.clone(), code_page))))
        .collect();
    let problems = change(session, at, &changes)?;
    let problems = Problems { problems };
    Ok(Done::said(match which {
        Request::SetPropertiesNoReplicate(_) => Response::SetPropertiesNoReplicate(problems),
        _ => Response::SetProperties(problems),
    }))
}

/// `RopDeleteProperties` and its sister.
pub(super) fn delete(
    session: &mut Session,
    at: Place,
    request: &PropertyTags,
    which: &Request,
) -> Result<Done, Refusal> {
    let changes: Vec<_> = request.tags.iter().map(|tag| (*tag, None)).collect();
    let problems = change(session, at, &changes)?;
    let problems = Problems { problems };
    Ok(Done::said(match which {
        Request::DeletePropertiesNoReplicate(_) => Response::DeletePropertiesNoReplicate(problems),
        _ => Response::DeleteProperties(problems),
    }))
}

/// Of the 8-bit texts of what is open.
fn code_page(session: &Session, at: Place) -> Result<u32, Refusal> {
    Ok(match session.objects.look(at.logon_id, at.handle)? {
        Object::Message(message) => message.code_page,
        _ => session.code_page,
    })
}

/// A property with its value to be, or with none.
pub(super) type Change = (PropertyTag, Option<Value>);

/// Changes properties of what is open; answers what could not be done. Folders change at once,
/// messages and attachments when they are saved.
pub(super) fn change(
    session: &mut Session,
    at: Place,
    changes: &[Change],
) -> Result<Vec<PropertyProblem>, Refusal> {
    let mut problems = Vec::new();
    let mut possible = Vec::new();
    for (index, change) in (0..).zip(changes) {
        match why_not(session, at, change)? {
            Some(error_code) => problems.push(PropertyProblem {
                index,
                tag: change.0,
                error_code,
            }),
            None => possible.push((index, change.clone())),
        }
    }
    match session.objects.look(at.logon_id, at.handle)? {
        Object::Logon => attributes::change_store(session, at, &possible)?,
        Object::Folder(folder) => {
            let folder = *folder;
            let refused = attributes::change_folder(session, at, folder, &possible)?;
            problems.extend(refused);
        }
        Object::Message(_) => change_message(session, at, &possible)?,
        Object::Attachment(_) => {
            let open = session.objects.attachment(at.logon_id, at.handle)?;
            if !open.may_write {
                return Err(Refusal::AccessDenied);
            }
            for (_, (tag, value)) in possible {
                open.attachment.values.remove(&tag.id());
                let value = value.map(|value| (tag.id(), value));
                open.attachment.values.extend(value);
            }
        }
        _ => return Err(Refusal::NotSupported),
    }
    problems.sort_by_key(|problem| problem.index);
    Ok(problems)
}

/// Why a property can't be set to that, if it can't.
fn why_not(session: &Session, at: Place, (tag, value): &Change) -> Result<Option<u32>, Refusal> {
    /// `ecComputed`
    const COMPUTED_ONLY: u32 = 0x8004_011a;
    /// `ecUnregisteredNamedProp`
    const UNREGISTERED: u32 = 0x0000_04fa;
    let id = tag.id();
    if COMPUTED.contains(&id) {
        return Ok(Some(COMPUTED_ONLY));
    }
    let can_be_kept = |value: &Value| kept::to_store(value).is_some();
    if value.as_ref().is_some_and(|value| !can_be_kept(value)) {
        return Ok(Some(Refusal::NotSupported.code()));
    }
    if id >= FIRST_NAMED {
        let view = session.objects.logon(at.logon_id)?.account.read()?;
        let name = names::name_of_id(&view, id)?;
        return Ok((name.kind == NameKind::Nameless).then_some(UNREGISTERED));
    }
    Ok(None)
}

fn change_message(
    session: &mut Session,
    at: Place,
    changes: &[(u16, Change)],
) -> Result<(), Refusal> {
    // The subject's rest goes behind the prefix as it is by then.
    let prefix = message::look(session, at, |message, _| Ok(subject_parts(message)?.0))?;
    let message = session.objects.message(at.logon_id, at.handle)?;
    if !message.may_write {
        return Err(Refusal::AccessDenied);
    }
    let mut prefix = prefix;
    for (_, (tag, value)) in changes {
        match (tag.id(), value) {
            (NORMALIZED_SUBJECT, Some(Value::Unicode(rest))) => {
                let text = |text: String| Some(Value::Unicode(text));
                message.set(SUBJECT, text(format!("{prefix}{rest}")));
                message.set(SUBJECT_PREFIX, text(prefix.clone()));
            }
            (SUBJECT_PREFIX, Some(Value::Unicode(set))) => {
                prefix.clone_from(set);
                message.set(SUBJECT_PREFIX, value.clone());
            }
            (id, value) => message.set(id, value.clone()),
        }
    }
    Ok(())
}
