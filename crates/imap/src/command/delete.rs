//! `DELETE`: the mailbox goes; its messages stay recoverable for a while.
//!
//! Standards: RFC 9051 §6.3.5.

use super::{Desk, Reply, Step};
use crate::codec::mailbox::MailboxName;
use crate::folders;
use crate::refusal::Refusal;

/// Errors: INBOX and mailboxes with a special use; those with others below them.
pub(super) fn run(name: &MailboxName, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    let (folder, _) = folders::find(&desk.account.read()?, name)?;
    let ((), settlement) = desk.account.write(|txn| txn.remove_folder(folder))?.split();
    if desk
        .state
        .selected
        .as_ref()
        .is_some_and(|selected| selected.folder == folder)
    {
        desk.state.selected = None;
    }
    Ok(Step::SettleDone(
        settlement,
        Reply::told("OK DELETE completed"),
    ))
}
