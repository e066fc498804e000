//! The results of many attempts in one commit.
//!
//! Most attempts end without anyone being told: what they change is a row or two. Together they
//! share one look, one lock and one commit, so that sending fast, and putting off what waits for a
//! server that is down, costs little for each letter. Whatever is told to someone is a commit of
//! its own.
//!
//! Start at [`Engine::queue_settle_all`].

use super::settle::Outcome;
use super::{Attempt, EntryKey, Settled};
use crate::engine::Engine;
use crate::error::EngineError;
use store::backend::Pending;
use store::id::{AccountId, ChangeSeq};
use store::model::{Origin, Txn};

/// Attempts in one commit: enough to share what it costs, few enough that other writers to the
/// same accounts wait a millisecond or two.
const TOGETHER_MAX: usize = 64;

/// One attempt that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The entry.
    pub key: EntryKey,
    /// What it led to.
    pub attempt: Attempt,
    /// Any number; it spreads the next attempt.
    pub dice: u64,
}

/// What became of one attempt; nothing is told before it is settled.
pub type Kept = Result<Pending<Settled>, EngineError>;

/// An outcome of which nobody is told.
struct Plain {
    /// Which of the attempts it belongs to.
    at: usize,
    key: EntryKey,
    seen: ChangeSeq,
    outcome: Outcome,
}

impl Engine {
    /// Keeps the results of many attempts, each as [`Engine::queue_settle`] does; the answers stand
    /// in the same order.
    pub fn queue_settle_all(&self, ended: &[Ended]) -> Vec<Kept> {
        let together = ended.chunks(TOGETHER_MAX);
        together.flat_map(|some| self.settle_some(some)).collect()
    }

    fn settle_some(&self, ended: &[Ended]) -> Vec<Kept> {
        // Where they cannot be kept together each finds out by itself why.
        let together = self
            .plain(ended)
            .and_then(|plain| self.settle_plain(&plain));
        let mut kept: Vec<Option<Kept>> = ended.iter().map(|_| None).collect();
        for (at, pending) in together.unwrap_or_default() {
            if let Some(place) = kept.get_mut(at) {
                *place = Some(Ok(pending));
            }
        }
        let alone = |one: &Ended| self.queue_settle(one.key, &one.attempt, one.dice);
        let both = kept.into_iter().zip(ended);
        both.map(|(kept, one)| kept.unwrap_or_else(|| alone(one)))
            .collect()
    }

    fn plain(&self, ended: &[Ended]) -> Result<Vec<Plain>, EngineError> {
        let view = self.directory().view()?;
        let settings = &self.settings().sending;
        let mut plain = Vec::new();
        for (at, Ended { key, attempt, dice }) in ended.iter().enumerate() {
            let Ok(Some((seen, times, outgoing))) = self.entry_to_settle(&view, *key) else {
                continue;
            };
            let outcome = Outcome::of(settings, outgoing.letter, attempt, times, *dice);
            if !outcome.is_told() {
                let key = *key;
                plain.push(Plain {
                    at,
                    key,
                    seen,
                    outcome,
                });
            }
        }
        Ok(plain)
    }

    /// One commit for all; those whose entry changed meanwhile are not among the answers.
    fn settle_plain(&self, plain: &[Plain]) -> Result<Vec<(usize, Pending<Settled>)>, EngineError> {
        let mut accounts: Vec<AccountId> = plain.iter().map(|one| one.key.account).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let work = |txn: &mut Txn<'_>| -> Result<Vec<Option<Settled>>, EngineError> {
            let each = plain.iter();
            each.map(|one| one.outcome.carry_out(txn, one.key, one.seen, &[]))
                .collect()
        };
        let written = self.store().write(&accounts, Origin::default(), work)?;
        let (settled, settlement) = written.split();
        let kept = plain.iter().zip(settled);
        let kept = kept.filter_map(|(one, settled)| {
            let pending = Pending::new(settled?, settlement.clone());
            Some((one.at, pending))
        });
        Ok(kept.collect())
    }
}
