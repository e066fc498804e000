//! `CLOSE`: removes what is marked as deleted, tells nothing, and leaves the mailbox.
//!
//! Standards: RFC 9051 §6.4.1.

use super::expunge::{deleted_uids, remove};
use super::{Desk, Reply, Step, Work};
use crate::refusal::Refusal;

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
                let settlement = remove(desk.account, selected.folder, &uids)?;
                return Ok(Step::Settle(settlement));
            }
        }
        desk.state.selected = None;
        Ok(Step::Done(Reply::silent("OK CLOSE completed")))
    }
}
