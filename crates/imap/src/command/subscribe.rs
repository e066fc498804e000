//! `SUBSCRIBE` and `UNSUBSCRIBE`.
//!
//! Standards: RFC 9051 §6.3.7, §6.3.8.

use super::{Desk, Reply, Step};
use crate::codec::command::Subscription;
use crate::codec::mailbox::MailboxName;
use crate::folders;
use crate::refusal::Refusal;

/// Errors: no such mailbox.
pub(super) fn run(
    name: &MailboxName,
    how: Subscription,
    desk: &mut Desk<'_>,
) -> Result<Step, Refusal> {
    let (folder, _) = folders::find(&desk.account.read()?, name)?;
    let wanted = how == Subscription::Subscribed;
    let ((), settlement) = desk
        .account
        .write(|txn| txn.subscribe(folder, wanted))?
        .split();
    let text = match how {
        Subscription::Subscribed => "OK SUBSCRIBE completed",
        Subscription::Unsubscribed => "OK UNSUBSCRIBE completed",
    };
    Ok(Step::SettleDone(settlement, Reply::told(text)))
}
