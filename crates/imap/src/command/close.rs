//! `CLOSE`: removes what is marked as deleted, tells nothing, and leaves the mailbox.
//!
//! Standards: RFC 9051 §6.4.1.

use super::expunge::{Looking, remove};
use super::{Desk, Reply, Step, Work};
use crate::refusal::Refusal;
use engine::EngineError;

/// First it looks, then it removes.
#[derive(Default)]
pub(super) struct Close {
    looking: Option<Looking>,
    removed: bool,
}

impl Work for Close {
    fn step(&mut self, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
        let selected = desk.state.selected()?;
        if !self.removed && !selected.read_only {
            let looking = match &mut self.looking {
                Some(looking) => looking,
                None => self.looking.insert(Looking::begin(
                    desk.account,
                    selected.folder,
                    &selected.told,
                )?),
            };
            if !looking.step(desk.account)? {
                return Ok(Step::More);
            }
            self.removed = true;
            let uids = looking.found();
            if !uids.is_empty() {
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
