//! Making, removing, moving, copying and emptying folders.
//!
//! What is removed stays recoverable for a while: it is listed and opened as deleted, and comes back
//! by being moved or copied. What is dropped for good is gone at once.
//!
//! Source: [MS-OXCFOLD] 3.2.5.2, 3.2.5.3, 3.2.5.7 to 3.2.5.9, 3.2.5.12.

use super::{Done, Place, attributes, folder};
use crate::codec::data::from_code_page;
use crate::codec::rop::folder::{
    Completion, CopyFolder, CreateFolder, DeleteFolder, EmptyFolder, FolderCreated, FolderOpened,
    FolderText, FolderTexts, MoveFolder,
};
use crate::codec::rop::logon::Ghost;
use crate::codec::rop::{Request, Response};
use crate::identity;
use crate::object::{Logon, Object};
use crate::refusal::Refusal;
use crate::request::Session;
use bytes::Bytes;
use engine::{
    EngineError, FolderForm, FolderId, FolderRow, Location, MAIL_ROOT, NewFolder, ROOT, Reading,
    Role, Shelf, Transfer, Txn, View,
};

/// Characters of a folder's name. Source: [MS-OXCFOLD] 2.2.1.2.1.
const NAME_UNITS_MAX: usize = 255;
/// A folder that shows what others hold. Source: [MS-OXCFOLD] 2.2.1.2.1.
const SEARCH: u8 = 2;
/// With what is in it. Source: [MS-OXCFOLD] 2.2.1.3.1.
const WITH_MESSAGES: u8 = 0x01;
const WITH_FOLDERS: u8 = 0x04;
/// For good: nothing of what was in it can be brought back.
const FOR_GOOD: u8 = 0x10;

/// The shelves of what people and programs put into folders.
const SHELVES: [Shelf; 3] = [Shelf::Mail, Shelf::Other, Shelf::Associated];

fn name_of(session: &Session, text: &FolderText) -> Result<String, Refusal> {
    let name = match text {
        FolderText::Unicode(text) => text.clone(),
        FolderText::Narrow(text) => from_code_page(session.code_page, &text.0),
    };
    checked(name)
}

/// A name that a folder may have.
pub(super) fn checked(name: String) -> Result<String, Refusal> {
    if name.is_empty() || name.encode_utf16().count() > NAME_UNITS_MAX {
        return Err(Refusal::InvalidParameter);
    }
    Ok(name)
}

/// `RopCreateFolder`: one of that name may be as good.
pub(super) fn create(
    session: &mut Session,
    at: Place,
    request: &CreateFolder,
) -> Result<Done, Refusal> {
    let parent = folder::folder_of(session, at)?;
    let name = checked(match &request.texts {
        FolderTexts::Unicode([name, _]) => name.clone(),
        FolderTexts::Narrow([name, _]) => from_code_page(session.code_page, &name.0),
    })?;
    let logon = session.objects.logon(at.logon_id)?;
    let all = logon.account.read()?.all_folders()?;
    let known = all
        .iter()
        .find(|(_, row)| row.parent == Some(parent) && row.name == name);
    if let Some((found, _)) = known {
        if !request.open_existing {
            return Err(Refusal::Duplicate);
        }
        return Ok(created(*found, true));
    }
    let row = all.iter().find(|(id, _)| *id == parent);
    let (_, row) = row.ok_or(Refusal::NotFound)?;
    let is_search = request.folder_type == SEARCH;
    let new = NewFolder {
        parent: Some(parent),
        name,
        kind: row.kind,
        form: if is_search {
            FolderForm::Search(Bytes::new())
        } else {
            FolderForm::Normal
        },
        // What it shows stands elsewhere, so that other programs would show it twice. The folder
        // above all mail is never shown itself, but what is made there is.
        hidden: is_search || (row.hidden && parent != MAIL_ROOT),
        ..NewFolder::default()
    };
    let made = logon.account.write(|txn| txn.create_folder(&new))?;
    Ok(created(made.wait()?, false))
}

fn created(folder: FolderId, is_existing: bool) -> Done {
    let opened = || FolderOpened {
        has_rules: false,
        ghost: Ghost { servers: None },
    };
    let response = Response::CreateFolder(FolderCreated {
        folder: identity::folder_id(folder),
        existing: is_existing.then(opened),
    });
    Done::opened(response, Object::Folder(folder))
}

/// A folder and all below it, those farthest down first.
fn with_all_below(all: &[(FolderId, FolderRow)], folder: FolderId) -> Vec<FolderId> {
    let depth = |row| folder::depth_below(all, folder, row);
    let below = all.iter().filter_map(|(id, row)| Some((depth(row)?, *id)));
    let mut below: Vec<_> = below.collect();
    below.sort_unstable_by(|left, right| right.cmp(left));
    below
        .into_iter()
        .map(|(_, id)| id)
        .chain([folder])
        .collect()
}

/// Whether a folder is one that every account has.
fn is_special(folder: FolderId, row: &FolderRow) -> bool {
    [ROOT, MAIL_ROOT].contains(&folder) || row.role != Role::None
}

/// `RopDeleteFolder`: with what is in it only if the client says so; else it stays, and the answer
/// says that something was left out. One that was deleted before can be deleted for good.
pub(super) fn delete(
    session: &mut Session,
    at: Place,
    request: &DeleteFolder,
) -> Result<Done, Refusal> {
    folder::folder_of(session, at)?;
    let number = identity::number_of(request.folder).ok_or(Refusal::NotFound)?;
    let folder = FolderId(number);
    let how = Deletion::of(request.flags & FOR_GOOD != 0);
    let logon = session.objects.logon(at.logon_id)?;
    let view = logon.account.read()?;
    let row = view.folder(folder)?;
    if is_special(folder, &row) {
        return Err(Refusal::AccessDenied);
    }
    let was_removed = row.removed.is_some();
    if was_removed && how == Deletion::Recoverable {
        return Err(Refusal::NotFound);
    }
    let all = doomed_among(&view, how)?;
    drop(view);
    let doomed = with_all_below(&all, folder);
    let holds: u32 = SHELVES.iter().map(|shelf| row.shelf(*shelf).count).sum();
    let is_search = matches!(row.form, FolderForm::Search(_));
    let holds_folders = all.iter().any(|(id, row)| {
        *id != folder && doomed.contains(id) && (was_removed || row.removed.is_none())
    });
    let is_left = (holds > 0 && !is_search && request.flags & WITH_MESSAGES == 0)
        || (holds_folders && request.flags & WITH_FOLDERS == 0);
    if !is_left {
        let done = logon.account.write(|txn| {
            let mut doomed = doomed.iter();
            doomed.try_for_each(|folder| remove(txn, *folder, how))
        })?;
        done.wait()?;
    }
    Ok(Done::said(Response::DeleteFolder(Completion {
        is_partial: is_left,
    })))
}

/// Whether what is deleted can be brought back for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deletion {
    Recoverable,
    ForGood,
}

impl Deletion {
    fn of(is_hard: bool) -> Self {
        if is_hard {
            Self::ForGood
        } else {
            Self::Recoverable
        }
    }
}

/// The folders that such a deletion can concern: for good, also those that were removed before.
fn doomed_among(view: &View<'_>, how: Deletion) -> Result<Vec<(FolderId, FolderRow)>, EngineError> {
    let mut all = view.all_folders()?;
    if how == Deletion::ForGood {
        all.extend(view.removed_folders()?);
        all.sort_unstable_by_key(|(id, _)| *id);
    }
    Ok(all)
}

fn remove(txn: &mut Txn<'_, '_>, folder: FolderId, how: Deletion) -> Result<(), EngineError> {
    if txn.folder(folder)?.removed.is_none() {
        txn.remove_folder(folder)?;
    }
    match how {
        Deletion::Recoverable => Ok(()),
        Deletion::ForGood => txn.purge_folder(folder),
    }
}

/// A removed folder and those below it that were removed with it, the topmost first.
fn removed_together(
    view: &View<'_>,
    folder: FolderId,
    row: &FolderRow,
) -> Result<Vec<(FolderId, FolderRow)>, EngineError> {
    let all = view.removed_folders()?;
    let below = with_all_below(&all, folder).into_iter().rev();
    let found = below.filter_map(|id| all.iter().find(|(known, _)| *known == id));
    let together = found.filter(|(_, below)| below.removed == row.removed);
    Ok(together.cloned().collect())
}

/// The folder that things are to come to.
fn destination(session: &mut Session, at: Place) -> Result<FolderId, Refusal> {
    match session.objects.look(at.logon_id, at.target) {
        Ok(Object::Folder(folder)) => Ok(*folder),
        Ok(Object::Logon) => Ok(ROOT),
        Ok(_) => Err(Refusal::NotSupported),
        Err(_) => Err(Refusal::NullDestination),
    }
}

/// `RopMoveFolder`; one that was removed comes back so, with what was removed with it.
pub(super) fn move_folder(
    session: &mut Session,
    at: Place,
    request: &MoveFolder,
) -> Result<Done, Refusal> {
    let to = destination(session, at)?;
    let folder = FolderId(identity::number_of(request.folder).ok_or(Refusal::NotFound)?);
    let name = name_of(session, &request.new_name)?;
    let logon = session.objects.logon(at.logon_id)?;
    let view = logon.account.read()?;
    let parent = Some(to).filter(|to| *to != MAIL_ROOT);
    let row = view.folder(folder)?;
    let removed = match row.removed {
        None if is_special(folder, &row) => return Err(Refusal::AccessDenied),
        None => Vec::new(),
        Some(_) => removed_together(&view, folder, &row)?,
    };
    drop(view);
    let done = logon.account.write(|txn| {
        if removed.is_empty() {
            return txn.rename_folder(folder, parent, &name);
        }
        for (id, row) in &removed {
            if *id == folder {
                txn.restore_folder(folder, parent, &name)?;
            } else {
                txn.restore_folder(*id, row.parent, &row.name)?;
            }
        }
        Ok(())
    })?;
    done.wait()?;
    Ok(Done::said(Response::MoveFolder(Completion {
        is_partial: false,
    })))
}

/// `RopCopyFolder`: with what is in it, and with the folders below if the client says so. Of one
/// that was removed, what was removed with it is copied.
pub(super) fn copy_folder(
    session: &mut Session,
    at: Place,
    request: &CopyFolder,
) -> Result<Done, Refusal> {
    let to = destination(session, at)?;
    let folder = FolderId(identity::number_of(request.folder).ok_or(Refusal::NotFound)?);
    let name = name_of(session, &request.new_name)?;
    let logon = session.objects.logon(at.logon_id)?;
    let view = logon.account.read()?;
    let row = view.folder(folder)?;
    let mut below: Vec<_> = if row.removed.is_some() {
        let together = removed_together(&view, folder, &row)?;
        together.into_iter().map(|(id, _)| id).collect()
    } else {
        // The topmost first, so that each finds the copy of its parent.
        let below = with_all_below(&view.all_folders()?, folder);
        below.into_iter().rev().collect()
    };
    drop(view);
    if below.contains(&to) {
        return Err(Refusal::FolderCycle);
    }
    if !request.want_recursive {
        below.truncate(1);
    }
    let done = logon
        .account
        .write(|txn| copy_folders(logon, txn, &below, to, Some((folder, name.as_str()))))?;
    done.wait()?;
    Ok(Done::said(Response::CopyFolder(Completion {
        is_partial: false,
    })))
}

/// Copies folders with what is in them, each before those below it, to a folder. One of them may
/// get another name. Who may use a copy follows from where it is made, as with every new folder.
fn copy_folders(
    logon: &Logon,
    txn: &mut Txn<'_, '_>,
    sources: &[FolderId],
    to: FolderId,
    named: Option<(FolderId, &str)>,
) -> Result<(), Refusal> {
    let mut copies: Vec<(FolderId, FolderId)> = Vec::new();
    for source in sources {
        let row = txn.folder(*source)?;
        let above = copies.iter().find(|(old, _)| row.parent == Some(*old));
        let name = named.filter(|(renamed, _)| renamed == source);
        let new = NewFolder {
            parent: Some(above.map_or(to, |(_, new)| *new)),
            name: name.map_or(row.name.as_str(), |(_, name)| name).to_owned(),
            kind: row.kind,
            form: row.form.clone(),
            hidden: row.hidden,
            ..NewFolder::default()
        };
        let copy = txn.create_folder(&new)?;
        copies.push((*source, copy));
        attributes::copy(logon, txn, *source, copy)?;
        if row.form == FolderForm::Normal {
            transfer_messages(txn, [*source, copy], &SHELVES, Transfer::Copy)?;
        }
    }
    Ok(())
}

/// What of a folder is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Wanted {
    /// Folders below it.
    pub folders: bool,
    /// Its messages.
    pub messages: bool,
    /// Its settings.
    pub associated: bool,
}

/// Copies or moves what is in one folder to another, in one commit.
pub(super) fn transfer_below(
    logon: &Logon,
    [from, to]: [FolderId; 2],
    how: Transfer,
    wanted: Wanted,
) -> Result<(), Refusal> {
    let all = logon.account.read()?.all_folders()?;
    let mut below = with_all_below(&all, from);
    if wanted.folders && below.contains(&to) {
        return Err(Refusal::FolderCycle);
    }
    below.pop();
    // The topmost first, so that each finds the copy of its parent.
    below.reverse();
    let mut shelves = Vec::new();
    if wanted.messages {
        shelves.extend([Shelf::Mail, Shelf::Other]);
    }
    if wanted.associated {
        shelves.push(Shelf::Associated);
    }
    let done = logon.account.write(|txn| {
        transfer_messages(txn, [from, to], &shelves, how)?;
        match how {
            _ if !wanted.folders => Ok(()),
            Transfer::Copy => copy_folders(logon, txn, &below, to, None),
            Transfer::Move => move_folders(txn, &below, [from, to]),
        }
    })?;
    done.wait()?;
    Ok(())
}

/// Moves those of these folders that stand in one to another, with all below them.
fn move_folders(
    txn: &mut Txn<'_, '_>,
    below: &[FolderId],
    [from, to]: [FolderId; 2],
) -> Result<(), Refusal> {
    let parent = Some(to).filter(|to| *to != MAIL_ROOT);
    for folder in below {
        let row = txn.folder(*folder)?;
        if row.parent != Some(from) {
            continue;
        }
        if is_special(*folder, &row) {
            return Err(Refusal::AccessDenied);
        }
        txn.rename_folder(*folder, parent, &row.name)?;
    }
    Ok(())
}

fn transfer_messages(
    txn: &mut Txn<'_, '_>,
    [from, to]: [FolderId; 2],
    shelves: &[Shelf],
    how: Transfer,
) -> Result<(), EngineError> {
    for &shelf in shelves {
        let uids: Vec<_> = txn.uids(from, shelf)?.iter().collect();
        for uid in uids {
            let at = Location {
                folder: from,
                shelf,
                uid,
            };
            txn.transfer(how, at, to)?;
        }
    }
    Ok(())
}

/// `RopEmptyFolder` and `RopHardDeleteMessagesAndSubfolders`: settings stay unless the client says
/// otherwise.
pub(super) fn empty(
    session: &mut Session,
    at: Place,
    request: &EmptyFolder,
    which: &Request,
) -> Result<Done, Refusal> {
    let folder = folder::folder_of(session, at)?;
    let is_hard = matches!(which, Request::HardDeleteMessagesAndSubfolders(_));
    let logon = session.objects.logon(at.logon_id)?;
    if matches!(
        logon.account.read()?.folder(folder)?.form,
        FolderForm::Search(_)
    ) {
        return Err(Refusal::NotSupported);
    }
    let how = Deletion::of(is_hard);
    let is_partial = empty_folder(logon, folder, how, request.want_delete_associated)?;
    let completion = Completion { is_partial };
    Ok(Done::said(if is_hard {
        Response::HardDeleteMessagesAndSubfolders(completion)
    } else {
        Response::EmptyFolder(completion)
    }))
}

/// Answers whether something was left: folders that every account has, and what is being sent. For
/// good, what was deleted before goes too.
fn empty_folder(
    logon: &Logon,
    folder: FolderId,
    how: Deletion,
    with_associated: bool,
) -> Result<bool, Refusal> {
    let all = doomed_among(&logon.account.read()?, how)?;
    let mut below = with_all_below(&all, folder);
    below.pop();
    let row_of = |id: &FolderId| all.iter().find(|(known, _)| known == id);
    let total = below.len();
    below.retain(|id| row_of(id).is_some_and(|(id, row)| !is_special(*id, row)));
    let is_partial = below.len() < total;
    let done = logon.account.write(|txn| {
        let mut is_left = empty_shelves(txn, folder, how, with_associated)?;
        for folder in &below {
            match remove(txn, *folder, how) {
                Ok(()) => {}
                Err(EngineError::HasChildren | EngineError::InUse) => is_left = true,
                Err(error) => return Err(error),
            }
        }
        Ok::<_, EngineError>(is_left)
    })?;
    Ok(done.wait()? || is_partial)
}

/// Answers whether something was left.
fn empty_shelves(
    txn: &mut Txn<'_, '_>,
    folder: FolderId,
    how: Deletion,
    with_associated: bool,
) -> Result<bool, EngineError> {
    let mut is_left = false;
    let removed = (how == Deletion::ForGood).then_some(Shelf::Recoverable);
    for shelf in SHELVES.into_iter().chain(removed) {
        if shelf == Shelf::Associated && !with_associated {
            continue;
        }
        let uids: Vec<_> = txn.uids(folder, shelf)?.iter().collect();
        for uid in uids {
            let at = Location { folder, shelf, uid };
            let done = match how {
                Deletion::Recoverable => txn.expunge(at),
                Deletion::ForGood => txn.purge(at),
            };
            match done {
                Err(EngineError::InUse) => is_left = true,
                done => done?,
            }
        }
    }
    Ok(is_left)
}
