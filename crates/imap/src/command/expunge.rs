//! `EXPUNGE` and `UID EXPUNGE`: removes what is marked as deleted; it stays recoverable for a
//! while.
//!
//! What went is told as any session's expunges are, by [`crate::sync::announce`].
//!
//! Standards: RFC 9051 §6.4.3, §6.4.9; RFC 7162 §3.2.7 (HIGHESTMODSEQ in the answer); RFC 9738
//! (MESSAGELIMIT).

use super::{Desk, Reply, State, Step, Work};
use crate::codec::command::Numbering;
use crate::codec::sequence::SequenceSet;
use crate::limit::{self, Cut};
use crate::refusal::Refusal;
use crate::sync;
use engine::search::{Plan, Query, Run, Test};
use engine::{
    Account, EngineError, Flags, FolderId, Location, Reading, Settlement, Shelf, Uid, UidSet,
};

/// Letters whose rows are read one by one. More are asked of the folder's sets of flags, whose
/// making reads every row once.
const FEW: u32 = 256;

/// First it looks, then it removes.
pub(super) struct Expunge {
    within: UidSet,
    looking: Option<Looking>,
    removed: bool,
    /// `UID EXPUNGE`, which may be limited; EXPUNGE never is (RFC 9738 §3.1).
    is_of_set: bool,
    cut: Option<Cut>,
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
            looking: None,
            removed: false,
            is_of_set: set.is_some(),
            cut: None,
        }))
    }
}

impl Work for Expunge {
    fn step(&mut self, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
        let folder = desk.state.selected()?.folder;
        if !self.removed {
            let looking = match &mut self.looking {
                Some(looking) => looking,
                None => self
                    .looking
                    .insert(Looking::begin(desk.account, folder, &self.within)?),
            };
            if !looking.step(desk.account)? {
                return Ok(Step::More);
            }
            self.removed = true;
            let mut uids = looking.found();
            if self.is_of_set {
                self.cut = desk.state.limit.cut(&mut uids);
            }
            if !uids.is_empty() {
                return Ok(Step::Settle(remove(desk.account, folder, &uids)?));
            }
        }
        if !desk.state.features.condstore {
            let reply = Ok(Reply::removed("OK EXPUNGE completed"));
            return limit::tell(self.cut, reply, desk.out).map(Step::Done);
        }
        let highest = sync::highest_modseq(&desk.account.read()?.folder(folder)?);
        let text = format!("OK [HIGHESTMODSEQ {highest}] EXPUNGE completed");
        limit::tell(self.cut, Ok(Reply::removed(text)), desk.out).map(Step::Done)
    }
}

/// A look at which of some letters are marked as deleted.
pub(super) struct Looking {
    /// What is left to do; nothing where few rows told all.
    run: Option<Run>,
    found: Vec<Uid>,
}

impl Looking {
    pub(super) fn begin(
        account: &Account,
        folder: FolderId,
        within: &UidSet,
    ) -> Result<Self, Refusal> {
        let (run, mut found) = (None, Vec::new());
        let view = account.read()?;
        if view.folder(folder)?.shelf(Shelf::Mail).deleted == 0 {
            return Ok(Self { run, found });
        }
        if within.len() > FEW {
            let plan = Plan::new(Query::Test(Test::Flags(Flags::DELETED)))?;
            let run = Run::new(plan, folder, Shelf::Mail, within.clone());
            return Ok(Self {
                run: Some(run),
                found,
            });
        }
        for uid in within.iter() {
            let row = view.item(Location::mail(folder, uid))?;
            if row.is_some_and(|row| row.flags.contains(Flags::DELETED)) {
                found.push(uid);
            }
        }
        Ok(Self { run, found })
    }

    /// Looks at the next letters. True when it was the last step.
    pub(super) fn step(&mut self, account: &Account) -> Result<bool, Refusal> {
        match &mut self.run {
            Some(run) => Ok(run.step(account, &mut self.found)?),
            None => Ok(true),
        }
    }

    /// Those that are marked, after the last step.
    pub(super) fn found(&self) -> UidSet {
        self.found.iter().copied().collect()
    }
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
