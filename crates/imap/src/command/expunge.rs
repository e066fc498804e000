//! `EXPUNGE` and `UID EXPUNGE`: removes what is marked as deleted; it stays recoverable for a
//! while.
//!
//! What went is told as any session's expunges are, by [`crate::sync::announce`].
//!
//! Standards: RFC 9051 §6.4.3, §6.4.9; RFC 7162 §3.2.7 (HIGHESTMODSEQ in the answer).

use super::{Desk, Reply, State, Step, Work};
use crate::codec::command::Numbering;
use crate::codec::sequence::SequenceSet;
use crate::refusal::Refusal;
use crate::sync;
use engine::{Account, EngineError, Flags, FolderId, Reading, Settlement, Shelf, UidSet};
use std::ops::ControlFlow;

/// The two steps of it.
#[derive(Debug)]
pub(super) struct Expunge {
    within: UidSet,
    removed: bool,
}

impl Expunge {
    /// Errors: [`Refusal::ReadOnly`] after EXAMINE.
    pub(super) fn begin(
        set: Option<&SequenceSet>,
        state: &State,
    ) -> Result<Box<dyn Work>, Refusal> {
        let selected = state.selected()?;
        if selected.read_only {
            return Err(Refusal::ReadOnly);
        }
        let within = match set {
            Some(set) => state.resolve(set, Numbering::Uid)?,
            None => selected.told.clone(),
        };
        Ok(Box::new(Self {
            within,
            removed: false,
        }))
    }
}

impl Work for Expunge {
    fn step(&mut self, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
        let folder = desk.state.selected()?.folder;
        if !self.removed {
            let uids = deleted_uids(&desk.account.read()?, folder, &self.within)?;
            if !uids.is_empty() {
                self.removed = true;
                return Ok(Step::Settle(remove(desk.account, folder, &uids)?));
            }
        }
        if !desk.state.features.condstore {
            return Ok(Step::Done(Reply::removed("OK EXPUNGE completed")));
        }
        let highest = sync::highest_modseq(&desk.account.read()?.folder(folder)?);
        let text = format!("OK [HIGHESTMODSEQ {highest}] EXPUNGE completed");
        Ok(Step::Done(Reply::removed(text)))
    }
}

/// Which of these are marked as deleted.
pub(super) fn deleted_uids(
    view: &impl Reading,
    folder: FolderId,
    within: &UidSet,
) -> Result<UidSet, EngineError> {
    let mut marked = Vec::new();
    if view.folder(folder)?.shelf(Shelf::Mail).deleted == 0 {
        return Ok(UidSet::default());
    }
    if let (Some(first), Some(last)) = (within.first(), within.last()) {
        view.items(folder, Shelf::Mail, first.0..=last.0, &mut |uid, row| {
            if row.flags.contains(Flags::DELETED) {
                marked.push(uid);
            }
            ControlFlow::Continue(())
        })?;
    }
    Ok(marked.into_iter().collect::<UidSet>().intersection(within))
}

/// Removes them in several commits; the last one's settlement holds for all, as the log is in
/// order.
pub(super) fn remove(
    account: &Account,
    folder: FolderId,
    uids: &UidSet,
) -> Result<Settlement, EngineError> {
    let mut last = Settlement::done();
    for part in super::transfer::parts(uids, account) {
        let (_, settlement) = account.write(|txn| txn.expunge_all(folder, &part))?.split();
        last = settlement;
    }
    Ok(last)
}
