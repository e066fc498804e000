//! `STATUS`: what is in a mailbox, out of its folder's counters.
//!
//! Standards: RFC 9051 §6.3.11, RFC 8438 (SIZE), RFC 7162 §3.1.2 (HIGHESTMODSEQ), RFC 7889 §3
//! (APPENDLIMIT), RFC 8474 §4.3 (MAILBOXID), RFC 9208 §4.1.4 (DELETED-STORAGE), RFC 5530 §3
//! (CLIENTBUG).

use super::{Desk, Reply, Step};
use crate::codec::command::StatusItem;
use crate::codec::mailbox::MailboxName;
use crate::codec::write;
use crate::refusal::Refusal;
use crate::sync;
use bytes::BufMut;
use engine::{Account, EngineError, Flags, FolderId, FolderRow, Reading, Rights, Shelf};
use std::ops::ControlFlow;

/// Errors: no such mailbox.
pub(super) fn run(
    name: &MailboxName,
    items: &[StatusItem],
    desk: &mut Desk<'_>,
) -> Result<Step, Refusal> {
    let found = desk.find(name)?;
    let may_read = found.account.read()?.rights_in(&found.row);
    if !may_read.contains(Rights::READ) {
        return Err(EngineError::Denied.into());
    }
    note_use(items, desk);
    write_status(
        desk,
        name,
        &found.account,
        (found.folder, &found.row),
        items,
    )?;
    // What has changed in the open mailbox is told anyway (RFC 9051 §6.3.11).
    let open = desk.state.selected.as_ref();
    let text = if open.is_some_and(|open| open.is(&found.account, found.folder)) {
        "OK [CLIENTBUG] STATUS is for mailboxes that are not open"
    } else {
        "OK STATUS completed"
    };
    Ok(Step::Done(Reply::told(text)))
}

/// To ask for HIGHESTMODSEQ is to use CONDSTORE. Source: RFC 7162 §3.1.
pub(super) fn note_use(items: &[StatusItem], desk: &mut Desk<'_>) {
    desk.state.features.condstore |= items.contains(&StatusItem::HighestModSeq);
}

/// Writes `* STATUS name (…)`.
pub(super) fn write_status(
    desk: &mut Desk<'_>,
    name: &MailboxName,
    account: &Account,
    (folder, row): (FolderId, &FolderRow),
    items: &[StatusItem],
) -> Result<(), Refusal> {
    let append_limit = account.engine().settings().limits.message_bytes_max;
    let out = &mut *desk.out;
    out.put_slice(b"* STATUS ");
    name.write(out, desk.state.name_form());
    out.put_slice(b" (");
    let counters = row.shelf(Shelf::Mail);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.put_u8(b' ');
        }
        let label = StatusItem::NAMES.iter().find(|(known, _)| known == item);
        out.put_slice(label.map_or(&b""[..], |(_, label)| label.as_bytes()));
        out.put_u8(b' ');
        let number = match item {
            StatusItem::Messages => u64::from(counters.count),
            StatusItem::Recent => 0,
            StatusItem::UidNext => u64::from(counters.uid_next.0.max(1)),
            StatusItem::UidValidity => u64::from(row.uid_validity),
            StatusItem::Unseen => u64::from(account.read()?.unseen(folder, row)?),
            StatusItem::Deleted => u64::from(counters.deleted),
            StatusItem::DeletedStorage => deleted_bytes(account, folder, row)?,
            StatusItem::Size => counters.bytes,
            StatusItem::HighestModSeq => sync::highest_modseq(row),
            StatusItem::AppendLimit => append_limit,
            StatusItem::MailboxId => {
                out.put_slice(format!("({})", mailbox_id(account, folder)).as_bytes());
                continue;
            }
        };
        write::number(out, number);
    }
    out.put_slice(b")\r\n");
    Ok(())
}

/// The sizes of the messages marked as deleted; looks no further than the last of them.
fn deleted_bytes(account: &Account, folder: FolderId, row: &FolderRow) -> Result<u64, Refusal> {
    let (mut left, mut bytes) = (row.shelf(Shelf::Mail).deleted, 0);
    if left == 0 {
        return Ok(0);
    }
    let view = account.read()?;
    view.items(folder, Shelf::Mail, 1..=u32::MAX, &mut |_, item| {
        if item.flags.contains(Flags::DELETED) {
            left -= 1;
            bytes += item.size;
        }
        if left > 0 {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    Ok(bytes)
}

/// The permanent name of a mailbox: folders keep theirs when renamed and never share it.
///
/// Folders of different accounts may have the same number; one's own go without the account's.
pub(super) fn mailbox_id(account: &Account, folder: FolderId) -> String {
    if account.is_own() {
        format!("F{}", folder.0)
    } else {
        format!("F{}-{}", account.id().0, folder.0)
    }
}
