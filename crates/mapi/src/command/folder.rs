//! Opening folders and their tables.
//!
//! Source: [MS-OXCFOLD] 3.2.5.1, 3.2.5.13, 3.2.5.14.

use super::{Done, Place, search, table};
use crate::codec::rop::Response;
use crate::codec::rop::folder::{FolderOpened, OpenFolder, OpenTable, RowCount};
use crate::codec::rop::logon::Ghost;
use crate::identity;
use crate::object::{Logon, Object, Rows};
use crate::refusal::Refusal;
use crate::request::Session;
use engine::account::values;
use engine::{FolderForm, FolderId, FolderRow, Location, ROOT, Reading, Shelf, Uid};
use std::ops::ControlFlow;

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
    let view = session.objects.logon(at.logon_id)?.account.read()?;
    let all = if request.flags & TABLE_SOFT_DELETES != 0 {
        view.removed_folders()?
    } else {
        view.all_folders()?
    };
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
        table::opened(rows),
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
    let code_page = session.code_page;
    let logon = session.objects.logon(at.logon_id)?;
    let row = logon.account.read()?.folder(folder)?;
    if matches!(row.form, FolderForm::Search(_)) {
        search::refresh(logon, folder, code_page)?;
    }
    let rows = Rows::Messages(messages(logon, folder, request.flags)?);
    let row_count = RowCount {
        row_count: u32::try_from(rows.len()).unwrap_or(u32::MAX),
    };
    Ok(Done::opened(
        Response::ContentsTable(row_count),
        table::opened(rows),
    ))
}

/// The messages that a table of these flags shows.
fn messages(logon: &Logon, folder: FolderId, flags: u8) -> Result<Vec<Location>, Refusal> {
    let view = logon.account.read()?;
    let row = view.folder(folder)?;
    if matches!(row.form, FolderForm::Search(_)) {
        let mut found = Vec::new();
        for item in values::members(&view, folder)? {
            found.extend(view.location(item)?);
        }
        found.reverse();
        return Ok(found);
    }
    let is_associated = flags & TABLE_ASSOCIATED != 0;
    if flags & TABLE_SOFT_DELETES != 0 {
        return removed(&view, folder, is_associated);
    }
    let shelves: &[Shelf] = if is_associated {
        &[Shelf::Associated]
    } else {
        &[Shelf::Mail, Shelf::Other]
    };
    let mut all = Vec::new();
    for &shelf in shelves {
        let uids: Vec<Uid> = view.uids(folder, shelf)?.iter().collect();
        let at = |uid| Location { folder, shelf, uid };
        all.extend(uids.into_iter().rev().map(at));
    }
    Ok(all)
}

/// What was deleted from a folder and can still be brought back, the latest first.
fn removed(
    view: &impl Reading,
    folder: FolderId,
    is_associated: bool,
) -> Result<Vec<Location>, Refusal> {
    let mut all = Vec::new();
    let shelf = Shelf::Recoverable;
    view.items(folder, shelf, 0..=u32::MAX, &mut |uid, row| {
        let was_associated = row.removed.is_some_and(|was| was.from == Shelf::Associated);
        if was_associated == is_associated {
            all.push(Location { folder, shelf, uid });
        }
        ControlFlow::Continue(())
    })?;
    all.reverse();
    Ok(all)
}
