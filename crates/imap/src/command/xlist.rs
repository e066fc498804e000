//! `XLIST`: LIST as programs know it from before there was SPECIAL-USE.
//!
//! It tells the same mailboxes as LIST, with the special uses under their older names and with one
//! for INBOX. Source: Google's description of its IMAP extensions, and what Apple Mail and others
//! ask for still.

use super::list::{Telling, tell};
use super::{Desk, Reply, Step};
use crate::codec::command::ListRequest;
use crate::refusal::Refusal;

/// Tells every mailbox that matches one of the patterns.
pub(super) fn run(request: &ListRequest, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    tell(request, Telling::Xlist, desk)?;
    Ok(Step::Done(Reply::told("OK XLIST completed")))
}
