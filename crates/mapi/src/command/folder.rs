//! Opening folders and their tables.
//!
//! Source: [MS-OXCFOLD] 3.2.5.1, 3.2.5.13, 3.2.5.14.

use super::{Done, Place};
use crate::codec::rop::Response;
use crate::codec::rop::folder::{FolderOpened, OpenFolder, OpenTable, RowCount};
use crate::codec::rop::logon::Ghost;
use crate::identity;
use crate::object::{Object, Rows, Table};
use crate::refusal::Refusal;
use crate::request::Session;
use engine::{FolderId, FolderRow, ROOT, Reading, Shelf, Uid};

/// Settings, which no letter is.
const TABLE_ASSOCIATED: u8 = 0x02;
/// All levels below.
const TABLE_DEPTH: u8 = 0x04;
/// What was deleted.
const TABLE_SOFT_DELETES: u8 = 0x20;

/// `RopOpenFolder`: by its number, whatever it is opened from.
pub(super) fn open(
    session: &mut Session,
    at: Place,
    request: &OpenFolder,
) -> Result<Done, Refusal> {
    let number = identity::number_of(request.folder).ok_or(Refusal::NotFound)?;
    let folder = FolderId(number);
    session
        .objects
        .logon(at.logon_id)?
        .account
        .read()?
        .folder(folder)?;
    let response = Response::OpenFolder(FolderOpened {
        has_rules: false,
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
    let folder = folder_of(session, at)?;
    if request.flags & TABLE_SOFT_DELETES != 0 {
        return Err(Refusal::NotSupported);
    }
    let all = session
        .objects
        .logon(at.logon_id)?
        .account
        .read()?
        .all_folders()?;
    let is_below = |row: &FolderRow| {
        if request.flags & TABLE_DEPTH != 0 {
            depth_below(&all, folder, row).is_some()
        } else {
            row.parent == Some(folder)
        }
    };
    let mut below: Vec<_> = all.iter().filter(|(_, row)| is_below(row)).collect();
    below.sort_by_key(|(_, row)| row.name.to_lowercase());
    let rows = Rows::Folders(below.iter().map(|(id, _)| *id).collect());
    let row_count = RowCount {
        row_count: u32::try_from(rows.len()).unwrap_or(u32::MAX),
    };
    Ok(Done::opened(
        Response::HierarchyTable(row_count),
        table(rows),
    ))
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
    if request.flags & TABLE_SOFT_DELETES != 0 {
        return Err(Refusal::NotSupported);
    }
    let view = session.objects.logon(at.logon_id)?.account.read()?;
    // Settings that clients keep in folders are not served yet, so there are none.
    let uids: Vec<Uid> = if request.flags & TABLE_ASSOCIATED != 0 {
        Vec::new()
    } else {
        view.uids(folder, Shelf::Mail)?.iter().collect()
    };
    let rows = Rows::Messages(folder, uids.into_iter().rev().collect());
    let row_count = RowCount {
        row_count: u32::try_from(rows.len()).unwrap_or(u32::MAX),
    };
    Ok(Done::opened(
        Response::ContentsTable(row_count),
        table(rows),
    ))
}

fn table(rows: Rows) -> Object {
    Object::Table(Table {
        natural: rows.clone(),
        rows,
        orders: Vec::new(),
        restriction: None,
        columns: None,
        position: 0,
    })
}
