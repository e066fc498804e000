//! `COPY` and `MOVE`.
//!
//! COPY is one commit, all or nothing. MOVE may be several, since each message is moved for itself;
//! what is told waits for the last of them. A message number whose message another session expunged
//! is refused, so that no client takes for copied what is gone; a UID without a message is passed
//! over. What is moved to the mailbox that it is in gets a new UID (RFC 6851 §3.3).
//!
//! Standards: RFC 9051 §6.4.7, §6.4.8; RFC 2180 §4.4 (COPY of expunged messages); RFC 4315 §3
//! (COPYUID); RFC 6851 (MOVE; §4.4: HIGHESTMODSEQ in the answer); RFC 9738 (MESSAGELIMIT,
//! SAVELIMIT).

use super::{Desk, Reply, State, Step, Work};
use crate::codec::command::{Numbering, Transfer as How};
use crate::codec::mailbox::MailboxName;
use crate::codec::sequence::{NumberSet, SequenceSet};
use crate::limit::{self, Cut};
use crate::refusal::Refusal;
use crate::shared::Found;
use crate::sync;
use engine::{Account, EngineError, FolderId, Pending, Reading, Settlement, Transfer, Uid, UidSet};

/// A COPY or MOVE on its way.
pub(super) struct TransferWork {
    numbering: Numbering,
    uids: UidSet,
    target: MailboxName,
    how: How,
    /// There were more messages than one MOVE works on.
    cut: Option<Cut>,
    /// All is moved, and on disk.
    is_moved: bool,
}

/// The UIDs of messages before and after.
type Pairs = Vec<(Uid, Uid)>;

/// What a command has done.
struct Transferred {
    pairs: Pairs,
    /// Of the last commit.
    settlement: Settlement,
    /// Why it is not all.
    failure: Option<Refusal>,
}

impl Default for Transferred {
    fn default() -> Self {
        Self {
            pairs: Pairs::new(),
            settlement: Settlement::done(),
            failure: None,
        }
    }
}

impl Transferred {
    fn whole(written: Pending<Pairs>) -> Self {
        let (pairs, settlement) = written.split();
        Self {
            pairs,
            settlement,
            failure: None,
        }
    }
}

impl TransferWork {
    /// Errors: MOVE after EXAMINE; numbers that were never told; too many messages to copy.
    pub(super) fn begin(
        numbering: Numbering,
        set: &SequenceSet,
        target: MailboxName,
        how: How,
        state: &mut State,
    ) -> Result<Box<dyn Work>, Refusal> {
        if how == How::Move && state.selected()?.read_only {
            return Err(Refusal::ReadOnly);
        }
        let mut uids = state.resolve(set, numbering)?;
        let cut = match how {
            How::Move => state.limit.cut(&mut uids),
            How::Copy => state.limit.admit_copy(&uids).map(|()| None)?,
        };
        Ok(Box::new(Self {
            numbering,
            uids,
            target,
            how,
            cut,
            is_moved: false,
        }))
    }

    fn transfer(
        &self,
        account: &Account,
        from: FolderId,
        target: &Found,
    ) -> Result<Transferred, Refusal> {
        let to = target.folder;
        if target.account.id() != account.id() {
            return self.transfer_across(account, from, target);
        }
        if self.how == How::Copy {
            let copied = account.write(|txn| {
                let pairs = txn.transfer_all(Transfer::Copy, from, &self.uids, to)?;
                if self.lacks_some_of(&pairs) {
                    return Err(Refusal::Expunged);
                }
                Ok(pairs)
            })?;
            return Ok(Transferred::whole(copied));
        }
        self.move_parts(account, |part| {
            Ok(account.write(|txn| txn.transfer_all(Transfer::Move, from, part, to))?)
        })
    }

    /// The same into another account.
    fn transfer_across(
        &self,
        account: &Account,
        from: FolderId,
        target: &Found,
    ) -> Result<Transferred, Refusal> {
        let to = (&target.account, target.folder);
        if self.how == How::Copy {
            let whole = |pairs: &[(Uid, Uid)]| {
                if self.lacks_some_of(pairs) {
                    Err(Refusal::Expunged)
                } else {
                    Ok(())
                }
            };
            let copied = account.transfer_to(Transfer::Copy, (from, &self.uids), to, whole)?;
            return Ok(Transferred::whole(copied));
        }
        self.move_parts(account, |part| {
            let any = |_: &[(Uid, Uid)]| Ok::<_, Refusal>(());
            account.transfer_to(Transfer::Move, (from, part), to, any)
        })
    }

    /// Moves part by part. What was moved stays so, and is told, when a later part fails.
    fn move_parts(
        &self,
        account: &Account,
        move_part: impl Fn(&UidSet) -> Result<Pending<Pairs>, Refusal>,
    ) -> Result<Transferred, Refusal> {
        let mut moved = Transferred::default();
        for part in parts(&self.uids, account) {
            match move_part(&part) {
                Ok(written) => {
                    let (pairs, settlement) = written.split();
                    moved.pairs.extend(pairs);
                    moved.settlement = settlement;
                }
                Err(refusal) if moved.pairs.is_empty() => return Err(refusal),
                Err(refusal) => {
                    moved.failure = Some(refusal);
                    break;
                }
            }
        }
        Ok(moved)
    }

    /// True if a message that the client named by its number is not among these.
    fn lacks_some_of(&self, pairs: &[(Uid, Uid)]) -> bool {
        let named = usize::try_from(self.uids.len()).unwrap_or(usize::MAX);
        self.numbering == Numbering::Sequence && pairs.len() < named
    }
}

impl Work for TransferWork {
    fn step(&mut self, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
        let from = desk.state.selected()?.folder;
        if self.is_moved {
            // The number is only known by now (RFC 6851 §4.4).
            let highest = sync::highest_modseq(&desk.account.read()?.folder(from)?);
            let text = format!("OK [HIGHESTMODSEQ {highest}] MOVE completed");
            return limit::tell(self.cut, Ok(Reply::removed(text)), desk.out).map(Step::Done);
        }
        let target = match desk.find(&self.target) {
            Err(Refusal::Engine(EngineError::NoSuchFolder)) => return Err(Refusal::NoTarget),
            found => found?,
        };
        let Transferred {
            pairs,
            settlement,
            failure,
        } = self.transfer(desk.account, from, &target)?;
        let code = copy_uid(target.row.uid_validity, &pairs);
        if self.how == How::Copy {
            let text = format!("OK {code}COPY completed");
            return Ok(Step::SettleDone(settlement, Reply::told(text)));
        }
        if !code.is_empty() {
            let moved = format!("* OK {code}Moved\r\n");
            desk.out.extend_from_slice(moved.as_bytes());
        }
        let is_lost = self.lacks_some_of(&pairs);
        if let Some(refusal) = failure.or(is_lost.then_some(Refusal::Expunged)) {
            let reply = Ok(Reply::removed(refusal.text()));
            let reply = limit::tell(self.cut, reply, desk.out)?;
            return Ok(Step::SettleDone(settlement, reply));
        }
        if desk.state.features.condstore && !pairs.is_empty() {
            self.is_moved = true;
            return Ok(Step::Settle(settlement));
        }
        let reply = Ok(Reply::removed("OK MOVE completed"));
        let reply = limit::tell(self.cut, reply, desk.out)?;
        Ok(Step::SettleDone(settlement, reply))
    }
}

/// `[COPYUID 38505 304,319:320 3956:3958] `; nothing if nothing was copied.
fn copy_uid(uid_validity: u32, pairs: &[(Uid, Uid)]) -> String {
    if pairs.is_empty() {
        return String::new();
    }
    // Both ascend, so that sorted sets belong together pair by pair.
    let old: NumberSet = pairs.iter().map(|(old, _)| old.0).collect();
    let new: NumberSet = pairs.iter().map(|(_, new)| new.0).collect();
    format!("[COPYUID {uid_validity} {old} {new}] ")
}

/// Splits a set so that each part is one commit of sensible size.
pub(super) fn parts(uids: &UidSet, account: &Account) -> Vec<UidSet> {
    let most = account
        .engine()
        .settings()
        .limits
        .items_per_commit_max
        .max(1);
    let most = u32::try_from(most).unwrap_or(u32::MAX);
    let mut parts = Vec::new();
    let mut rank = 0;
    while let Some(first) = uids.nth(rank) {
        let last = uids.nth(rank.saturating_add(most - 1)).or(uids.last());
        parts.push(uids.within(first.0..=last.map_or(u32::MAX, |last| last.0)));
        rank = rank.saturating_add(most);
    }
    parts
}
