//! Takes what is due into the schedule, and puts off what its destination does not take now.
//!
//! Everything here reads or writes the disk and runs on the pool that may. Start at
//! [`Shared::look`].

use super::{BREATH, LOOK, Shared, dice, letter, now};
use engine::queue::{
    Attempt, Due, Ended, Ending, Entry, EntryKey, Job, Kept, Outgoing, Portion, QueuedRecipient,
    Reason, RecipientResult, Standing, Status, Step, Verdict,
};
use engine::{EngineError, StoreError, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Entries that are read from the store at a time.
const PORTION: usize = 256;
/// How many times as long as putting letters off took the next ones are left alone.
const EASE: u32 = 40;
/// Ticks after which a letter for a destination that is down is looked at all the same: its sender
/// may be owed a notice.
const PASSED_MOST: i64 = 1_800 * Timestamp::PER_SECOND;

impl Shared {
    /// Takes what is due into the schedule; the answer is how long there is nothing new.
    pub(super) async fn look(self: &Arc<Self>) -> Result<Duration, EngineError> {
        let shared = Arc::clone(self);
        let looked = self.pool.run(None, move || shared.take_due()).await;
        looked.unwrap_or(Ok(LOOK))
    }

    fn take_due(&self) -> Result<Duration, EngineError> {
        let room = self.scheduler.lock().room().min(PORTION);
        if room == 0 {
            return Ok(LOOK);
        }
        let eased = self
            .eased_until
            .lock()
            .saturating_duration_since(Instant::now());
        let portion = Portion {
            most: room,
            overdue: room.div_ceil(2), // The rest is for what just came.
        };
        let found = {
            let (mut mark, damaged) = (self.mark.lock(), self.damaged.lock());
            let now = now();
            let standing = |due: Due, label: &[u8]| {
                let (account, id) = (due.account, due.id);
                let key = EntryKey { account, id };
                if damaged.contains(&key) {
                    return Standing::Known;
                }
                let standing = self.standing(key, label, now);
                let is_stale = due.at.0 < now.0.saturating_sub(PASSED_MOST);
                match standing {
                    Standing::Passed if is_stale && eased.is_zero() => Standing::Wanted,
                    standing => standing,
                }
            };
            self.engine.queue_look(&mut mark, portion, standing)?
        };
        let now = now();
        let opened = self.engine.queue_open_all(&found.entries)?;
        for (key, opened) in found.entries.into_iter().zip(opened) {
            if let Some(entry) = self.entry(key, opened, now)? {
                self.scheduler.lock().admit(&entry, now);
            }
        }
        let ticks = found.next.map_or(i64::MAX, |at| at.0.saturating_sub(now.0));
        let wait = Duration::from_nanos(u64::try_from(ticks).unwrap_or(0).saturating_mul(100));
        Ok(if found.more { BREATH } else { wait.min(LOOK) })
    }

    /// What is to be done with an entry all of whose recipients are in the domain `label`.
    fn standing(&self, key: EntryKey, label: &[u8], now: Timestamp) -> Standing {
        let domain = std::str::from_utf8(label).unwrap_or_default();
        match self.scheduler.lock().standing(key, domain, now) {
            // Where a letter goes is not seen from outside.
            Standing::Passed if domain.is_empty() || !self.routes.go_by_recipient() => {
                Standing::Wanted
            }
            standing => standing,
        }
    }

    /// An entry as the scheduler wants it, if it is still due.
    fn entry(
        &self,
        key: EntryKey,
        opened: Result<Option<Outgoing>, EngineError>,
        now: Timestamp,
    ) -> Result<Option<Entry>, EngineError> {
        let outgoing = match opened {
            Ok(Some(outgoing)) if outgoing.due <= now => outgoing,
            Ok(_) => return Ok(None),
            Err(error @ EngineError::Store(StoreError::Corrupt(_))) => {
                tracing::error!(account = key.account.0, id = key.id, %error, "a queued letter is damaged");
                self.damaged.lock().insert(key);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let letter = &outgoing.letter;
        let mut destinations: Vec<Arc<str>> = letter
            .recipients
            .iter()
            .map(|to| {
                self.routes
                    .hop(&letter.sender, &to.address, letter.route.as_deref())
                    .name
            })
            .collect();
        destinations.sort_unstable();
        destinations.dedup();
        Ok(Some(Entry {
            key,
            priority: letter.priority,
            destinations,
        }))
    }

    /// Moves letters in the schedule whose destination does not take them now.
    ///
    /// What was passed over for long is left alone afterwards for some time, so that letters for
    /// servers that are down, however many, take a small part of the machine from others.
    pub(super) fn put_off(&self, steps: &[Step]) {
        let begun = Instant::now();
        for some in steps.chunks(PORTION) {
            if let Err(error) = self.put_off_some(some) {
                tracing::error!(%error, "the queue cannot be written");
            }
        }
        let spent = begun.elapsed();
        *self.eased_until.lock() = begun + spent * EASE;
        let (now, dice) = (now(), dice());
        let mut scheduler = self.scheduler.lock();
        for step in steps {
            scheduler.finished(step, Ending::Nothing, now, dice);
        }
    }

    fn put_off_some(&self, steps: &[Step]) -> Result<(), EngineError> {
        let ended = self.not_tried(steps)?;
        // All are on their way before the first is waited for.
        let kept: Vec<Kept> = self.engine.queue_settle_all(&ended);
        for pending in kept {
            pending?.wait()?;
        }
        Ok(())
    }

    /// What jobs that were not tried led to, without those where nothing is to be done any more.
    fn not_tried(&self, steps: &[Step]) -> Result<Vec<Ended>, EngineError> {
        let put_off = steps.iter().filter_map(|step| match step {
            Step::PutOff(job, until) => Some((job, *until)),
            Step::Send(_) => None,
        });
        let jobs: Vec<(&Job, Timestamp)> = put_off.collect();
        let keys: Vec<EntryKey> = jobs.iter().map(|(job, _)| job.key).collect();
        let mut ended = Vec::new();
        for (opened, (job, until)) in self.engine.queue_open_all(&keys)?.into_iter().zip(jobs) {
            let Some(outgoing) = opened? else { continue };
            let found = letter::recipients(&outgoing, &self.routes, &job.destination);
            ended.extend(found.map(|(_, recipients)| Ended {
                key: job.key,
                attempt: untried(recipients, until),
                dice: dice(),
            }));
        }
        Ok(ended)
    }
}

/// An attempt that was not made, because the destination rests until then.
fn untried(recipients: Vec<QueuedRecipient>, until: Timestamp) -> Attempt {
    let result = |one: QueuedRecipient| RecipientResult {
        address: one.address,
        verdict: Verdict::Later(Reason::ours(Status::NO_ANSWER)),
    };
    Attempt {
        host: String::new(),
        tls: String::new(),
        results: recipients.into_iter().map(result).collect(),
        put_off_until: Some(until),
    }
}
