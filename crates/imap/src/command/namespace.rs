//! `NAMESPACE`: where one's own mailboxes stand, where those of others.
//!
//! Standards: RFC 9051 §6.3.10.

use super::{Desk, Reply, Step};
use crate::refusal::Refusal;
use crate::shared::{OTHER_USERS, SHARED};

/// Answers at once.
#[allow(clippy::unnecessary_wraps)] // The signature is that of all commands.
pub(super) fn run(desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    let told = format!(
        "* NAMESPACE ((\"\" \"/\")) ((\"{OTHER_USERS}/\" \"/\")) ((\"{SHARED}/\" \"/\"))\r\n"
    );
    desk.out.extend_from_slice(told.as_bytes());
    Ok(Step::Done(Reply::told("OK NAMESPACE completed")))
}
