//! Properties of mailboxes and folders that clients set: they are kept at once.
//!
//! What the store knows by itself goes there: name, kind and whether mail programs list it; all
//! else is kept beside the folder. A mailbox keeps its own with its root.
//!
//! Source: [MS-OXCFOLD] 2.2.2.2, 3.2.5.15; [MS-OXOSFLD] 2.2 (special folders).

use super::Place;
use super::property::{self, Change};
use crate::codec::data::{PropertyProblem, Value};
use crate::content::Values;
use crate::object::Logon;
use crate::property::folder::COMPUTED;
use crate::property::kept::{self, to_store};
use crate::property::names::{Meaning, number};
use crate::property::store;
use crate::refusal::Refusal;
use crate::request::Session;
use engine::account::values::{self, Holder, PartChanges, ValueChange};
use engine::{
    EngineError, FolderChange, FolderId, Kind, MAIL_ROOT, OverlayValue, PathStep, ROOT, Reading,
    Role, Txn,
};

/// Where a mailbox keeps its own properties, with its root.
const OF_STORE: [PathStep; 1] = [PathStep::Part(1)];
/// Receive folders by class, with the root too; see `receive`.
pub(super) const OF_RECEIVING: [PathStep; 1] = [PathStep::Part(2)];

/// Rules, with the folder that they are of; see `rules`.
pub(super) const OF_RULES: [PathStep; 1] = [PathStep::Part(3)];

/// What clients set of a mailbox.
pub(super) fn of_store(logon: &Logon) -> Result<Values, Refusal> {
    of(logon, ROOT, &OF_STORE)
}

/// What clients set of a folder.
pub(crate) fn of_folder(logon: &Logon, folder: FolderId) -> Result<Values, Refusal> {
    of(logon, folder, &[])
}

pub(super) fn of(logon: &Logon, folder: FolderId, path: &[PathStep]) -> Result<Values, Refusal> {
    let view = logon.account.read()?;
    if view.folder(folder).is_err() {
        // A guest need not see the root.
        return Ok(Values::new());
    }
    let all = values::values(&view, Holder::Folder(folder), path)?;
    Ok(kept::read(&logon.account, &logon.names, &view, &all)?.values)
}

/// The changes as the store has them.
pub(super) fn stored(
    txn: &mut Txn<'_, '_>,
    changes: &[(u16, Option<Value>)],
) -> Result<Vec<ValueChange>, EngineError> {
    let mut all = Vec::new();
    for (id, value) in changes {
        let property = number(txn, Meaning::Property(*id))?;
        all.push(match value.as_ref().and_then(to_store) {
            Some(value) => ValueChange::Set {
                property,
                value,
                is_of_bytes: false,
            },
            None => ValueChange::Remove(property),
        });
    }
    Ok(all)
}

fn keep(
    txn: &mut Txn<'_, '_>,
    folder: FolderId,
    path: &[PathStep],
    changes: &[(u16, Option<Value>)],
) -> Result<(), EngineError> {
    if changes.is_empty() {
        return Ok(());
    }
    let part = PartChanges {
        path: path.to_vec(),
        changes: Some(stored(txn, changes)?),
    };
    txn.set_folder_values(folder, &part)
}

/// Gives a copy of a folder what clients keep with the folder: its properties and its rules.
///
/// Source: [MS-OXCFOLD] 2.2.1.8.
pub(super) fn copy(
    logon: &Logon,
    txn: &mut Txn<'_, '_>,
    from: FolderId,
    to: FolderId,
) -> Result<(), Refusal> {
    for (path, all) in values::value_tree(txn, Holder::Folder(from))? {
        if !path.is_empty() && !path.starts_with(&OF_RULES) {
            continue;
        }
        let mut changes = Vec::new();
        for OverlayValue {
            property, value, ..
        } in all
        {
            // What other programs keep with it says nothing of the copy.
            if let Meaning::Property(_) = logon.names.meaning(txn, property)? {
                changes.push(ValueChange::Set {
                    property,
                    value,
                    is_of_bytes: false,
                });
            }
        }
        let changes = Some(changes);
        txn.set_folder_values(to, &PartChanges { path, changes })?;
    }
    Ok(())
}

/// Keeps values with a folder, apart from its properties.
pub(super) fn keep_apart(
    logon: &Logon,
    folder: FolderId,
    path: &[PathStep],
    changes: &[(u16, Option<Value>)],
) -> Result<(), Refusal> {
    let done = logon
        .account
        .write(|txn| keep(txn, folder, path, changes))?;
    done.wait()?;
    Ok(())
}

/// Changes properties of a mailbox; those that are told by the server are passed over.
pub(super) fn change_store(
    session: &Session,
    at: Place,
    changes: &[(u16, Change)],
) -> Result<(), Refusal> {
    let logon = session.objects.logon(at.logon_id)?;
    let changes: Vec<_> = changes
        .iter()
        .filter(|(_, (tag, _))| !store::COMPUTED.contains(&tag.id()))
        .map(|(_, (tag, value))| (tag.id(), value.clone()))
        .collect();
    keep_apart(logon, ROOT, &OF_STORE, &changes)
}

/// Changes properties of a folder; answers what was refused. An entry id that the server tells
/// may be set to what it is.
pub(super) fn change_folder(
    session: &Session,
    at: Place,
    folder: FolderId,
    changes: &[(u16, Change)],
) -> Result<Vec<PropertyProblem>, Refusal> {
    let mut problems = Vec::new();
    let mut kept = Vec::new();
    let mut row = FolderChange::default();
    let mut name = None;
    for (index, (tag, value)) in changes {
        let id = tag.id();
        let is_special = (0x36d0..=0x36d7).contains(&id);
        let told = if is_special {
            property::of(session, at, |source| source.value(id))?
        } else {
            None
        };
        let is_other =
            is_special && told.is_some() && told != *value && is_server_s(session, at, id)?;
        if COMPUTED.contains(&id) || is_other {
            problems.push(PropertyProblem {
                index: *index,
                tag: *tag,
                error_code: Refusal::AccessDenied.code(),
            });
            continue;
        }
        match (id, value) {
            (0x3001, Some(Value::Unicode(text))) => name = Some(text.clone()),
            (0x10f4, Some(Value::Boolean(hidden))) => row.hidden = Some(*hidden),
            (0x3613, Some(Value::Unicode(class))) => {
                row.kind = kind_of(class);
                kept.push((id, value.clone()));
            }
            _ if is_special && told.is_some() && told == *value => {}
            _ => kept.push((id, value.clone())),
        }
    }
    let logon = session.objects.logon(at.logon_id)?;
    let done = logon.account.write(|txn| {
        if let Some(name) = &name {
            rename(txn, folder, name)?;
        }
        if row.hidden.is_some() || row.kind.is_some() {
            txn.update_folder(folder, &row)?;
        }
        keep(txn, folder, &[], &kept)?;
        Ok::<_, Refusal>(())
    })?;
    done.wait()?;
    Ok(problems)
}

/// Whether the server tells that entry id by itself, rather than a client having set it.
fn is_server_s(session: &Session, at: Place, id: u16) -> Result<bool, Refusal> {
    let logon = session.objects.logon(at.logon_id)?;
    let kept = match session.objects.look(at.logon_id, at.handle)? {
        crate::object::Object::Folder(folder) => of_folder(logon, *folder)?,
        _ => Values::new(),
    };
    Ok(!kept.contains_key(&id))
}

/// The folders that every account has keep their names.
fn rename(txn: &mut Txn<'_, '_>, folder: FolderId, name: &str) -> Result<(), Refusal> {
    let row = txn.folder(folder)?;
    if row.name == name {
        return Ok(());
    }
    if [ROOT, MAIL_ROOT].contains(&folder) || row.role != Role::None {
        return Err(Refusal::AccessDenied);
    }
    let parent = row.parent.filter(|parent| *parent != MAIL_ROOT);
    Ok(txn.rename_folder(folder, parent, name)?)
}

/// What a folder of a class holds. Source: [MS-OXOSFLD] 2.2.1.
pub(super) fn kind_of(class: &str) -> Option<Kind> {
    const CLASSES: [(&str, Kind); 6] = [
        ("IPF.Note", Kind::Mail),
        ("IPF.Appointment", Kind::Event),
        ("IPF.Contact", Kind::Contact),
        ("IPF.Task", Kind::Task),
        ("IPF.StickyNote", Kind::Note),
        ("IPF.Journal", Kind::Other),
    ];
    let known = CLASSES
        .iter()
        .find(|(known, _)| super::save::is_class(class, known));
    known.map(|(_, kind)| *kind)
}
