//! Properties of whatever is open.
//!
//! Source: [MS-OXCPRPT] 3.2.5.1 to 3.2.5.3.

use super::{Done, Place};
use crate::codec::data::{Outcome, PropertyRow, TaggedValue, Value};
use crate::codec::rop::Response;
use crate::codec::rop::property::{
    Properties as PropertyValues, PropertiesAll, PropertiesRow, PropertiesSpecific, PropertyTags,
};
use crate::object::{Logon, Object};
use crate::property::folder::FolderProperties;
use crate::property::item::ItemProperties;
use crate::property::store::StoreProperties;
use crate::property::{Properties, Wanted, cell};
use crate::refusal::Refusal;
use crate::request::Session;
use engine::{FolderId, ItemKey, Location, Reading};

/// Bytes that one value may have within an answer; what is longer is read as a stream.
const VALUE_BYTES_MAX: usize = 8 * 1024;

/// What is open under a handle.
enum Opened {
    Store,
    Folder(FolderId),
    Message(Location, ItemKey),
}

/// Lets `tell` see the properties of what is open.
pub(super) fn of<T>(
    session: &mut Session,
    at: Place,
    tell: impl FnOnce(&dyn Properties) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let opened = match session.objects.object(at.logon_id, at.handle)? {
        Object::Logon => Opened::Store,
        Object::Folder(folder) => Opened::Folder(*folder),
        Object::Message(place, item) => Opened::Message(*place, *item),
        Object::Table(_) | Object::Stream(_) => return Err(Refusal::NotSupported),
    };
    let logon = session.objects.logon(at.logon_id)?;
    let view = logon.account.read()?;
    match opened {
        Opened::Store => {
            let engine = logon.account.engine();
            let owner = engine.directory().account(logon.account.id())?;
            let owner = owner.ok_or(Refusal::UnknownUser)?;
            let named = Some(&owner.record.display_name).filter(|name| !name.is_empty());
            tell(&StoreProperties {
                owner: logon.account.id(),
                actor: logon.account.origin().actor,
                display_name: named.unwrap_or(&owner.record.address).clone(),
                identity: logon.identity,
                used_bytes: view.state()?.used_bytes,
            })
        }
        Opened::Folder(id) => {
            let all = view.all_folders()?;
            let found = all.iter().find(|(known, _)| *known == id);
            let (_, row) = found.ok_or(Refusal::NotFound)?;
            tell(&FolderProperties {
                id,
                row,
                all: &all,
                identity: &logon.identity,
                depth: 0,
            })
        }
        Opened::Message(opened_at, item) => tell(&message(logon, opened_at, item)?),
    }
}

/// The same of a message alone.
pub(super) fn of_message<T>(
    session: &mut Session,
    at: Place,
    tell: impl FnOnce(&ItemProperties<'_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let (opened_at, item) = match session.objects.object(at.logon_id, at.handle)? {
        Object::Message(place, item) => (*place, *item),
        _ => return Err(Refusal::NotSupported),
    };
    let logon = session.objects.logon(at.logon_id)?;
    tell(&message(logon, opened_at, item)?)
}

/// A message as it is now; it may have been moved since it was opened.
fn message(
    logon: &Logon,
    opened_at: Location,
    item: ItemKey,
) -> Result<ItemProperties<'_>, Refusal> {
    let view = logon.account.read()?;
    let place = view.location(item)?.unwrap_or(opened_at);
    let row = view.item(place)?.filter(|row| row.item == item);
    let row = row.ok_or(Refusal::NotFound)?;
    let details = view.details(item)?.ok_or(Refusal::NotFound)?;
    let (account, identity) = (&logon.account, &logon.identity);
    Ok(ItemProperties::new(account, identity, place, row, details))
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
