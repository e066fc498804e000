//! `DELETE`: the mailbox goes; its messages stay recoverable for a while.
//!
//! Standards: RFC 9051 §6.3.5.

use super::{Desk, Reply, Step};
use crate::codec::mailbox::MailboxName;
use crate::refusal::Refusal;

/// Errors: INBOX and mailboxes with a special use; those with others below them.
pub(super) fn run(name: &MailboxName, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    let found = desk.find(name)?;
    let removed = found.account.write(|txn| txn.remove_folder(found.folder));
    let ((), settlement) = removed?.split();
    if desk
        .state
        .selected
        .as_ref()
        .is_some_and(|selected| selected.is(&found.account, found.folder))
    {
        desk.state.selected = None;
    }
    Ok(Step::SettleDone(
        settlement,
        Reply::told("OK DELETE completed"),
    ))
}
