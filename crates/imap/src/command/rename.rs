//! `RENAME`: a mailbox and all below it; INBOX hands over its messages and stays.
//!
//! Standards: RFC 9051 §6.3.6.

use super::create::path_to_make;
use super::{Desk, Reply, Step};
use crate::codec::mailbox::MailboxName;
use crate::refusal::Refusal;
use crate::shared::{Found, place};
use engine::{EngineError, FolderId, Reading, Role, Shelf, Transfer, Txn};

/// Errors: no such mailbox; the new name is taken, or lies below the old one.
pub(super) fn run(
    from: &MailboxName,
    to: &MailboxName,
    desk: &mut Desk<'_>,
) -> Result<Step, Refusal> {
    let Found {
        account,
        name: from,
        folder,
        ..
    } = desk.find(from)?;
    let to = place(desk.home, to)?;
    if to.name.is_inbox() {
        return Err(EngineError::NameTaken.into());
    }
    if to.account.id() != account.id() {
        return Err(Refusal::Never(
            "NO [CANNOT] Mailboxes stay in their account",
        ));
    }
    let view = account.read()?;
    let path = path_to_make(&view, &to.name)?;
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    drop(view);
    let written = account.write(|txn| {
        if from.is_inbox() {
            move_inbox(txn, folder, &path)
        } else {
            rename(txn, folder, &path)
        }
    })?;
    let ((), settlement) = written.split();
    Ok(Step::SettleDone(
        settlement,
        Reply::told("OK RENAME completed"),
    ))
}

fn rename(txn: &mut Txn<'_, '_>, folder: FolderId, path: &[&str]) -> Result<(), EngineError> {
    if txn.folder_at(path)?.is_some() {
        return Err(EngineError::NameTaken);
    }
    let Some((name, above)) = path.split_last() else {
        return Err(EngineError::NameTaken);
    };
    let parent = match txn.folder_at(above)? {
        Some((parent, _)) => Some(parent),
        None if above.is_empty() => None,
        None => Some(txn.create_path(above, Role::None)?),
    };
    txn.rename_folder(folder, parent, name)
}

fn move_inbox(txn: &mut Txn<'_, '_>, inbox: FolderId, path: &[&str]) -> Result<(), EngineError> {
    let target = txn.create_path(path, Role::None)?;
    let uids = txn.uids(inbox, Shelf::Mail)?;
    txn.transfer_all(Transfer::Move, inbox, &uids, target)?;
    // Both keep them (RFC 5464 §4.1).
    txn.copy_annotations(inbox, target)?;
    Ok(())
}
