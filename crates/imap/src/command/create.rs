//! `CREATE`: a mailbox and those above it that are missing.
//!
//! Standards: RFC 9051 §6.3.4, RFC 6154 §3 (USE), RFC 8474 §4.1 (MAILBOXID in the answer).

use super::status::mailbox_id;
use super::{Desk, Reply, Step};
use crate::codec::mailbox::{MailboxName, SEPARATOR};
use crate::folders;
use crate::refusal::Refusal;
use crate::shared::{Place, place};
use engine::{EngineError, Role};

/// Errors: a taken name; INBOX; more than one special use, or one that is not kept.
pub(super) fn run(
    name: &MailboxName,
    uses: &[String],
    desk: &mut Desk<'_>,
) -> Result<Step, Refusal> {
    let role = match uses {
        [] => Role::None,
        [special_use] => folders::role_of(special_use).ok_or(Refusal::SpecialUse)?,
        _ => return Err(Refusal::SpecialUse),
    };
    let Place { account, name } = place(desk.home, name)?;
    if name.is_inbox() {
        return Err(EngineError::NameTaken.into());
    }
    let path = path_to_make(&account.read()?, &name)?;
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let written = account.write(|txn| txn.create_path(&path, role))?;
    let (folder, settlement) = written.split();
    let text = format!(
        "OK [MAILBOXID ({})] CREATE completed",
        mailbox_id(&account, folder)
    );
    Ok(Step::SettleDone(settlement, Reply::told(text)))
}

/// The path of a name; a separator at its end only says that others will lie below it.
pub(super) fn path_to_make(
    view: &impl engine::Reading,
    name: &MailboxName,
) -> Result<Vec<String>, Refusal> {
    let trimmed = name
        .as_str()
        .strip_suffix(SEPARATOR)
        .unwrap_or(name.as_str());
    let path = folders::folder_path(view, &MailboxName::from_path(trimmed))?;
    if path.iter().any(String::is_empty) {
        return Err(EngineError::NameRefused("a level of the name is empty").into());
    }
    Ok(path)
}
