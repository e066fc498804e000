//! Where messages of a class come to.
//!
//! Source: [MS-OXCSTOR] 2.2.1.2 to 2.2.1.4, 3.2.5.2 to 3.2.5.4.

use super::attributes::{self, OF_RECEIVING};
use super::{Done, Place};
use crate::codec::data::{Cell, FileTime, PropertyRow, Value};
use crate::codec::rop::Response;
use crate::codec::rop::logon::{MessageClass, ReceiveFolder, ReceiveFolderTable};
use crate::codec::wire::{Nothing, String8};
use crate::identity;
use crate::object::Logon;
use crate::refusal::Refusal;
use crate::request::Session;
use engine::{FolderId, ROOT, Reading, Role};

/// Classes with folders of their own that one mailbox keeps.
const CLASSES_MAX: usize = 1000;
/// The lists that are kept: classes, and the folder of each.
const CLASSES: u16 = 0x001a;
const FOLDERS: u16 = 0x6748;

/// A class with its folder.
#[derive(Debug, Clone)]
struct Entry {
    /// In capitals.
    class: String,
    folder: FolderId,
}

/// All classes that have a folder: the longest that a class stands below counts.
fn entries(logon: &Logon) -> Result<Vec<Entry>, Refusal> {
    let inbox = logon.account.read()?.folder_with_role(Role::Inbox)?;
    let (inbox, _) = inbox.ok_or(Refusal::NotFound)?;
    let entry = |class: &str, folder| Entry {
        class: class.to_owned(),
        folder,
    };
    let mut all = vec![
        entry("", inbox),
        entry("IPM", inbox),
        entry("REPORT.IPM", inbox),
        entry("IPC", ROOT),
    ];
    for set in set_by_clients(logon)? {
        all.retain(|known| known.class != set.class);
        all.push(set);
    }
    Ok(all)
}

fn set_by_clients(logon: &Logon) -> Result<Vec<Entry>, Refusal> {
    let kept = attributes::of(logon, ROOT, &OF_RECEIVING)?;
    let (Some(Value::MultipleUnicode(classes)), Some(Value::MultipleInteger64(folders))) =
        (kept.get(&CLASSES), kept.get(&FOLDERS))
    else {
        return Ok(Vec::new());
    };
    let entry = |(class, folder): (&String, &i64)| Entry {
        class: class.clone(),
        folder: FolderId(folder.cast_unsigned()),
    };
    Ok(classes.iter().zip(folders).map(entry).collect())
}

/// `RopGetReceiveFolder`: the longest known class at whose dots the asked one ends.
pub(super) fn folder(
    session: &mut Session,
    at: Place,
    request: &MessageClass,
) -> Result<Done, Refusal> {
    let logon = session.objects.logon(at.logon_id)?;
    let class = class_of(&request.message_class)?;
    let is_below = |entry: &&Entry| {
        let rest = class.strip_prefix(&entry.class);
        entry.class.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let all = entries(logon)?;
    let found = all.iter().filter(is_below);
    let found = found.max_by_key(|entry| entry.class.len());
    let found = found.ok_or(Refusal::NotFound)?;
    Ok(Done::said(Response::ReceiveFolder(ReceiveFolder {
        folder: identity::folder_id(found.folder),
        message_class: found.class.as_str().into(),
    })))
}

/// `RopSetReceiveFolder`: no folder gives the class up. What all mail comes to stays.
pub(super) fn set(
    session: &mut Session,
    at: Place,
    request: &ReceiveFolder,
) -> Result<Done, Refusal> {
    let logon = session.objects.logon(at.logon_id)?;
    let class = class_of(&request.message_class)?;
    if ["IPM", "REPORT.IPM"].contains(&class.as_str()) {
        return Err(Refusal::AccessDenied);
    }
    let number = request.folder.counter.number();
    if number == 0 && class.is_empty() {
        return Err(Refusal::InvalidParameter);
    }
    let mut all = set_by_clients(logon)?;
    all.retain(|known| known.class != class);
    if number != 0 {
        let folder = FolderId(identity::number_of(request.folder).ok_or(Refusal::NotFound)?);
        let row = logon.account.read()?.folder(folder)?;
        if row.removed.is_some() {
            return Err(Refusal::NotFound);
        }
        all.push(Entry { class, folder });
    }
    if all.len() > CLASSES_MAX {
        return Err(Refusal::TooBig);
    }
    let classes = all.iter().map(|entry| entry.class.clone()).collect();
    let folders = all
        .iter()
        .map(|entry| entry.folder.0.cast_signed())
        .collect();
    let is_empty = all.is_empty();
    let kept = |value| Some(value).filter(|_| !is_empty);
    let changes = [
        (CLASSES, kept(Value::MultipleUnicode(classes))),
        (FOLDERS, kept(Value::MultipleInteger64(folders))),
    ];
    attributes::keep_apart(logon, ROOT, &OF_RECEIVING, &changes)?;
    Ok(Done::said(Response::SetReceiveFolder(Nothing)))
}

/// `RopGetReceiveFolderTable`
pub(super) fn table(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    let logon = session.objects.logon(at.logon_id)?;
    let created = logon.account.read()?.folder(ROOT)?.created;
    let row = |entry: &Entry| {
        let folder = identity::as_integer(identity::folder_id(entry.folder));
        PropertyRow(vec![
            Cell::value(Value::Integer64(folder)),
            Cell::value(Value::String8(entry.class.as_str().into())),
            Cell::value(Value::Time(FileTime::from_unix(created.0))),
        ])
    };
    let rows = entries(logon)?.iter().map(row).collect();
    Ok(Done::said(Response::ReceiveFolderTable(
        ReceiveFolderTable(rows),
    )))
}

/// A class in capitals. Source: [MS-OXCSTOR] 2.2.1.2.1.1.
fn class_of(class: &String8) -> Result<String, Refusal> {
    let class = &class.0;
    let is_printable = class.iter().all(|byte| (0x20..0x7f).contains(byte));
    let has_no_gaps = class.is_empty()
        || class
            .split(|&byte| byte == b'.')
            .all(|part| !part.is_empty());
    if class.len() > 255 || !is_printable || !has_no_gaps {
        return Err(Refusal::InvalidParameter);
    }
    Ok(String::from_utf8_lossy(class).to_ascii_uppercase())
}
