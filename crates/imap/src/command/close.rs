//! `CLOSE`: removes what is marked as deleted, tells nothing, and leaves the mailbox.
//!
//! Standards: RFC 9051 §6.4.1.

use super::expunge::{deleted_uids, remove};
use super::{Desk, Reply, Step, Work};
use crate::refusal::Refusal;
use engine::EngineError;

/// The two steps of it.
#[derive(Debug, Default)]
pub(super) struct Close {
    removed: bool,
}

impl Work for Close {
    fn step(&mut self, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
        let selected = desk.state.selected()?;
        if !self.removed && !selected.read_only {
            let uids = deleted_uids(&desk.account.read()?, selected.folder, &selected.told)?;
            if !uids.is_empty() {
                self.removed = true;
                match remove(desk.account, selected.folder, &uids) {
                    Ok(settlement) => return Ok(Step::Settle(settlement)),
                    // Who may not remove them leaves all the same (RFC 4314 §4).
                    Err(EngineError::Denied) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        desk.state.selected = None;
        Ok(Step::Done(Reply::silent("OK CLOSE completed")))
    }
}
