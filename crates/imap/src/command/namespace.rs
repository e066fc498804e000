//! `NAMESPACE`: one's own mailboxes, and no others yet.
//!
//! Standards: RFC 9051 §6.3.10.

use super::{Desk, Reply, Step};
use crate::refusal::Refusal;

/// Answers at once.
#[allow(clippy::unnecessary_wraps)] // The signature is that of all commands.
pub(super) fn run(desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    desk.out
        .extend_from_slice(b"* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
    Ok(Step::Done(Reply::told("OK NAMESPACE completed")))
}
