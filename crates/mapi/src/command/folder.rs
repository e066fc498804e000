//! Opening folders and their tables.
//!
//! Source: [MS-OXCFOLD] 3.2.5.1, 3.2.5.13, 3.2.5.14.

use super::{Done, Place, attributes, rules, table};
use crate::codec::rop::Response;
use crate::codec::rop::folder::{FolderOpened, OpenFolder, OpenTable, RowCount};
use crate::codec::rop::logon::Ghost;
use crate::identity;
use crate::object::{Object, Rows};
use crate::refusal::Refusal;
use crate::request::Session;
use engine::{FolderForm, FolderId, FolderRow, ROOT, Reading};

/// Also a folder that was deleted. Source: [MS-OXCFOLD] 2.2.1.1.1.
const OPEN_SOFT_DELETED: u8 = 0x04;

/// Settings, which no letter is.
const TABLE_ASSOCIATED: u8 = 0x02;
/// All levels below.
const TABLE_DEPTH: u8 = 0x04;
/// Its client does not want to be told of changes.
const TABLE_NO_NOTIFICATIONS: u8 = 0x10;
/// What was deleted.
const TABLE_SOFT_DELETES: u8 = 0x20;
/// Its client's own changes are not to be told; here, none are.
const TABLE_SUPPRESSES: u8 = 0x80;

/// `RopOpenFolder`: by its number, whatever it is opened from. One that was deleted shows what was
/// in it, and what is in it can be moved out and copied.
pub(super) fn open(
    session: &mut Session,
    at: Place,
    request: &OpenFolder,
) -> Result<Done, Refusal> {
    let number = identity::number_of(request.folder).ok_or(Refusal::NotFound)?;
    let folder = FolderId(number);
    let logon = session.objects.logon(at.logon_id)?;
    let row = logon.account.read()?.folder(folder)?;
    if row.removed.is_some() && request.open_mode & OPEN_SOFT_DELETED == 0 {
        return Err(Refusal::NotFound);
    }
    let response = Response::OpenFolder(FolderOpened {
        has_rules: rules::has_rules(&attributes::of_folder(logon, folder)?),
        ghost: Ghost { servers: None },
    });
    Ok(Done::opened(response, Object::Folder(folder)))
}

/// The folder that an object is; a logon is its root.
pub(super) fn folder_of(session: &mut Session, at: Place) -> Result<FolderId, Refusal> {
    match session.objects.object(at.logon_id, at.handle)? {
        Object::Folder(folder) => Ok(*folder),
        Object::Logon => Ok(ROOT),
        _ => Err(Refusal::NotSupported),
    }
}

/// `RopGetHierarchyTable`: the folders below, by name.
pub(super) fn hierarchy(
    session: &mut Session,
    at: Place,
    request: &OpenTable,
) -> Result<Done, Refusal> {
    let rows = Rows::Folders {
        above: folder_of(session, at)?,
        is_deep: request.flags & TABLE_DEPTH != 0,
        is_removed: request.flags & TABLE_SOFT_DELETES != 0,
    };
    // Two bits say the same. Source: [MS-OXCFOLD] 2.2.1.13.1.
    let is_told = request.flags & (TABLE_NO_NOTIFICATIONS | TABLE_SUPPRESSES) == 0;
    let (row_count, table) = table::open(session, at, rows, is_told)?;
    let response = Response::HierarchyTable(RowCount { row_count });
    Ok(Done::opened(response, table))
}

/// How many levels a folder stands below another: 1 for its child. A chain has no more links than
/// there are folders.
pub(crate) fn depth_below(
    all: &[(FolderId, FolderRow)],
    above: FolderId,
    row: &FolderRow,
) -> Option<u32> {
    let mut parent = row.parent;
    for depth in 1..=u32::try_from(all.len()).unwrap_or(u32::MAX) {
        let next = parent?;
        if next == above {
            return Some(depth);
        }
        let found = all.binary_search_by_key(&next, |(id, _)| *id).ok()?;
        parent = all.get(found)?.1.parent;
    }
    None
}

/// `RopGetContentsTable`: the letters, the latest first.
pub(super) fn contents(
    session: &mut Session,
    at: Place,
    request: &OpenTable,
) -> Result<Done, Refusal> {
    let folder = folder_of(session, at)?;
    let logon = session.objects.logon(at.logon_id)?;
    let row = logon.account.read()?.folder(folder)?;
    let is_associated = request.flags & TABLE_ASSOCIATED != 0;
    let rows = match row.form {
        FolderForm::Search(_) => Rows::Found(folder),
        FolderForm::Normal if request.flags & TABLE_SOFT_DELETES != 0 => Rows::Removed {
            folder,
            is_associated,
        },
        FolderForm::Normal => Rows::Messages {
            folder,
            is_associated,
        },
    };
    let is_told = request.flags & TABLE_NO_NOTIFICATIONS == 0;
    let (row_count, table) = table::open(session, at, rows, is_told)?;
    let response = Response::ContentsTable(RowCount { row_count });
    Ok(Done::opened(response, table))
}
