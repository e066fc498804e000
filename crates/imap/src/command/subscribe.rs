//! `SUBSCRIBE` and `UNSUBSCRIBE`.
//!
//! Standards: RFC 9051 §6.3.7, §6.3.8.

use super::create::path_to_make;
use super::{Desk, Reply, Step};
use crate::codec::command::Subscription;
use crate::codec::mailbox::MailboxName;
use crate::folders;
use crate::refusal::Refusal;
use crate::shared::is_of_others;
use engine::EngineError;

/// A name needs no mailbox to be subscribed. Errors: unsubscribing a name that is not; too many
/// names without mailbox.
pub(super) fn run(
    name: &MailboxName,
    how: Subscription,
    desk: &mut Desk<'_>,
) -> Result<Step, Refusal> {
    let wanted = how == Subscription::Subscribed;
    let view = desk.home.read()?;
    // What others own stands on one's own list by its name.
    let found = if is_of_others(name) {
        Err(EngineError::NoSuchFolder.into())
    } else {
        folders::find(&view, name)
    };
    let written = match found {
        Ok((folder, _)) => {
            drop(view);
            desk.home.write(|txn| txn.subscribe(folder, wanted))?
        }
        Err(Refusal::Engine(EngineError::NoSuchFolder)) => {
            let path = path_to_make(&view, name)?;
            drop(view);
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            desk.home.write(|txn| txn.subscribe_path(&path, wanted))?
        }
        Err(refusal) => return Err(refusal),
    };
    let ((), settlement) = written.split();
    let text = match how {
        Subscription::Subscribed => "OK SUBSCRIBE completed",
        Subscription::Unsubscribed => "OK UNSUBSCRIBE completed",
    };
    Ok(Step::SettleDone(settlement, Reply::told(text)))
}
