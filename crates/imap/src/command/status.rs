//! `STATUS`: what is in a mailbox, out of its folder's counters.
//!
//! Standards: RFC 9051 §6.3.11, RFC 8438 (SIZE), RFC 7162 §3.1.2 (HIGHESTMODSEQ), RFC 7889 §3
//! (APPENDLIMIT), RFC 8474 §4.3 (MAILBOXID).

use super::{Desk, Reply, Step};
use crate::codec::command::StatusItem;
use crate::codec::mailbox::MailboxName;
use crate::codec::write;
use crate::folders;
use crate::refusal::Refusal;
use crate::sync;
use bytes::BufMut;
use engine::{FolderId, FolderRow, Shelf};

/// Errors: no such mailbox.
pub(super) fn run(
    name: &MailboxName,
    items: &[StatusItem],
    desk: &mut Desk<'_>,
) -> Result<Step, Refusal> {
    let (folder, row) = folders::find(&desk.account.read()?, name)?;
    write_status(desk, name, folder, &row, items);
    Ok(Step::Done(Reply::told("OK STATUS completed")))
}

/// Writes `* STATUS name (…)`.
pub(super) fn write_status(
    desk: &mut Desk<'_>,
    name: &MailboxName,
    folder: FolderId,
    row: &FolderRow,
    items: &[StatusItem],
) {
    // Asking for it is using CONDSTORE (RFC 7162 §3.1).
    desk.state.features.condstore |= items.contains(&StatusItem::HighestModSeq);
    let append_limit = desk.account.engine().settings().limits.message_bytes_max;
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
            StatusItem::Unseen => u64::from(counters.unseen),
            StatusItem::Deleted => u64::from(counters.deleted),
            StatusItem::Size => counters.bytes,
            StatusItem::HighestModSeq => sync::highest_modseq(row),
            StatusItem::AppendLimit => append_limit,
            StatusItem::MailboxId => {
                out.put_slice(format!("({})", mailbox_id(folder)).as_bytes());
                continue;
            }
        };
        write::number(out, number);
    }
    out.put_slice(b")\r\n");
}

/// The permanent name of a mailbox: folders keep theirs when renamed and never share it.
pub(super) fn mailbox_id(folder: FolderId) -> String {
    format!("F{}", folder.0)
}
