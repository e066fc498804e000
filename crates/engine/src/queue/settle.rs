//! What an attempt led to goes into the store: who got the letter leaves the entry, the others wait
//! or are given up, and the sender is told what is owed, all in one commit.
//!
//! So a letter is sent again after a crash only if the other server's answer was in flight, and a
//! notification exists exactly when its reason does. There is never a notification about one.
//!
//! Start at [`Engine::queue_settle`]; [`Outcome::of`] is the rule, without the store.
//!
//! Standards: RFC 3461 §4.1, §5, §6 (who is told what), RFC 5321 §6.1 (null sender), RFC 2852 §4.1
//! (late letters).

use super::notice::{Action, Report, Reported};
use super::{
    DeliverBy, EntryKey, Late, Outgoing, QueuedLetter, QueuedRecipient, Status, Tried, WaitingCopy,
    copy, notice, retry,
};
use crate::delivery::Plan;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::settings::Sending;
use store::StoreError;
use store::backend::Pending;
use store::id::{AccountId, ChangeSeq, Timestamp};
use store::model::{Origin, Reads, Txn};

/// How often a result is worked out anew because the entry changed meanwhile.
const STALE_MAX: usize = 5;

/// One attempt and all its results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Who was talked to: name and address; empty when nobody was reached.
    pub host: String,
    /// The version of TLS, `none`, or why it could not be had.
    pub tls: String,
    /// What became of recipients; those that are not named are as before.
    pub results: Vec<RecipientResult>,
    /// The letter was not tried because its destination is known to be resting until then.
    pub put_off_until: Option<Timestamp>,
}

/// What became of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientResult {
    /// The address as the entry has it.
    pub address: String,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The next server took it, with this answer.
    Accepted(NextHop, String),
    /// Not yet; it is tried again until the time is up.
    Later(Reason),
    /// Never.
    Never(Reason),
}

/// What the server that took a letter will tell the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextHop {
    /// Whatever was asked; it was told so.
    Informs,
    /// Whatever was asked, but it does not know until when the letter is to arrive.
    Untimed,
    /// Nothing: it does not know of notifications.
    Silent,
    /// It is the mailbox's own server and knows of no notifications, but nothing can fail any more.
    Mailbox,
}

/// Why a recipient was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The code.
    pub status: Status,
    /// The other server's reply as it came, code first; or our own words, if the code does not
    /// say it all.
    pub reply: Option<String>,
}

/// What was settled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settled {
    /// When it is tried again; `None` when nobody is left, or the entry was gone.
    pub due: Option<Timestamp>,
    /// Recipients given up by this commit: also those whose time is up.
    pub failed: Vec<String>,
    /// Names of the notifications that were sent.
    pub notices: Vec<String>,
}

/// What becomes of an entry.
pub(super) struct Outcome {
    letter: QueuedLetter,
    /// The sender's copy that waited for this.
    copy: Option<WaitingCopy>,
    due: Timestamp,
    reports: Vec<Report>,
    failed: Vec<String>,
}

/// When something happened, as the rule needs it.
#[derive(Clone, Copy)]
pub(super) struct Times {
    created: Timestamp,
    due: Timestamp,
    now: Timestamp,
}

impl Engine {
    /// Keeps the results of an attempt. `dice` is any number; it spreads the next attempt.
    ///
    /// An entry that is gone meanwhile, because someone cancelled it, stays gone.
    /// Errors: [`EngineError::Store`]; then nothing was kept and the letter is sent again.
    pub fn queue_settle(
        &self,
        key: EntryKey,
        attempt: &Attempt,
        dice: u64,
    ) -> Result<Pending<Settled>, EngineError> {
        for _ in 0..STALE_MAX {
            let found = self.entry_to_settle(&self.directory().view()?, key)?;
            let Some((seen, times, outgoing)) = found else {
                let nothing = store::backend::Settlement::done();
                return Ok(Pending::new(Settled::default(), nothing));
            };
            let settings = &self.settings().sending;
            let outcome = Outcome::of(settings, outgoing.letter.clone(), attempt, times, dice);
            let mut letters = Vec::new();
            for report in &outcome.reports {
                letters.extend(notice::compose(self, &outgoing, &attempt.host, report)?);
            }
            let plans: Vec<Plan<'_>> = letters
                .iter()
                .map(|(envelope, staged)| Plan::new(self, envelope, staged))
                .collect();
            let mut accounts: Vec<AccountId> = plans.iter().flat_map(Plan::accounts).collect();
            accounts.push(key.account);
            accounts.sort_unstable();
            accounts.dedup();
            let work = |txn: &mut Txn<'_>| outcome.carry_out(txn, key, seen, &plans);
            let (settled, settlement) = self
                .store()
                .write(&accounts, Origin::default(), work)?
                .split();
            if let Some(settled) = settled {
                return Ok(Pending::new(settled, settlement));
            }
            // Another attempt's results are on their way to the disk, and can be seen then.
            settlement.wait()?;
        }
        Err(StoreError::Conflict.into())
    }

    /// The entry, and the change that it was seen at.
    pub(super) fn entry_to_settle(
        &self,
        reads: &impl Reads,
        key: EntryKey,
    ) -> Result<Option<(ChangeSeq, Times, Outgoing)>, EngineError> {
        let Some(entry) = reads.queue_entry(key.account, key.id)? else {
            return Ok(None);
        };
        let outgoing = Outgoing::of(self, &entry)?;
        let times = Times {
            // Of a letter that was held, waiting began when it was let go.
            created: outgoing
                .letter
                .hold_until
                .unwrap_or_default()
                .max(entry.created),
            due: entry.due,
            now: self.now(),
        };
        Ok(Some((entry.changed, times, outgoing)))
    }
}

impl Outcome {
    /// Works out what becomes of the entry.
    pub(super) fn of(
        settings: &Sending,
        mut letter: QueuedLetter,
        attempt: &Attempt,
        times: Times,
        dice: u64,
    ) -> Self {
        let mut sorted = Sorted {
            was_tried: attempt.put_off_until.is_none(),
            deliver_by: letter.deliver_by,
            ..Sorted::default()
        };
        let is_over = is_over(&letter, times.now);
        for recipient in std::mem::take(&mut letter.recipients) {
            let result = attempt
                .results
                .iter()
                .find(|result| result.address == recipient.address);
            match result {
                Some(result) => sorted.put(recipient, &result.verdict, is_over),
                None => sorted.untouched.push(recipient),
            }
        }
        if sorted.was_tried {
            letter.remember(sorted.tried(attempt, times.now));
        }
        let warn = is_owed_a_warning(settings, &letter, times);
        if warn {
            sorted.warn(letter.expires);
            letter.delay_told = true;
        }
        let due = match (sorted.waiting.is_empty(), attempt.put_off_until) {
            (true, _) => times.due,
            (false, Some(until)) => until,
            (false, None) => retry::next(settings, times.created, times.now, dice),
        };
        let due = if letter.held {
            times.due
        } else {
            earliest(due, settings, &letter, times)
        };
        let failed = sorted.failed_addresses();
        letter.recipients = sorted.untouched;
        letter.recipients.append(&mut sorted.waiting);
        let waiting_copy = letter.copy.take_if(|_| sorted.was_tried);
        Self {
            reports: if letter.sender.is_empty() {
                Vec::new()
            } else {
                sorted.reports
            },
            letter,
            copy: waiting_copy,
            due,
            failed,
        }
    }

    /// True when someone is to be told.
    pub(super) fn is_told(&self) -> bool {
        !self.reports.is_empty()
    }

    /// Within the commit: `None` when the entry is not as it was seen. May be run again.
    pub(super) fn carry_out(
        &self,
        txn: &mut Txn<'_>,
        key: EntryKey,
        seen: ChangeSeq,
        plans: &[Plan<'_>],
    ) -> Result<Option<Settled>, EngineError> {
        let entry = txn.queue_entry(key.account, key.id)?;
        if entry.is_none_or(|entry| entry.changed != seen) {
            return Ok(None);
        }
        let mut notices = Vec::new();
        for plan in plans {
            notices.push(plan.carry_out(txn)?.letter);
        }
        if let Some(copy) = self.copy {
            copy::file(txn, key, copy)?;
        }
        let is_done = self.letter.recipients.is_empty();
        if is_done {
            txn.queue_remove(key.account, key.id)?;
        } else {
            let (envelope, label) = (self.letter.encode(), self.letter.label());
            txn.queue_update(key.account, key.id, self.due, envelope, label)?;
        }
        Ok(Some(Settled {
            due: (!is_done).then_some(self.due),
            failed: self.failed.clone(),
            notices,
        }))
    }
}

/// Recipients by what became of them.
#[derive(Default)]
struct Sorted {
    /// False for what was put off: then the answers of the last real attempt stay.
    was_tried: bool,
    deliver_by: Option<DeliverBy>,
    untouched: Vec<QueuedRecipient>,
    waiting: Vec<QueuedRecipient>,
    reports: Vec<Report>,
    delivered: u32,
    failed: Vec<String>,
    answer: Option<String>,
}

impl Sorted {
    fn put(&mut self, mut recipient: QueuedRecipient, verdict: &Verdict, is_over: bool) {
        match verdict {
            Verdict::Accepted(next, answer) => {
                self.delivered += 1;
                self.say(answer.clone());
                self.accepted(&recipient, *next);
            }
            Verdict::Later(reason) if !is_over => {
                self.say(reason.to_string());
                if self.was_tried || recipient.answer.is_none() {
                    recipient.answer = Some(reason.to_string());
                }
                self.waiting.push(recipient);
            }
            Verdict::Later(reason) => {
                let known = recipient.answer.as_deref().map(Reason::read);
                let reason = Reason {
                    status: Status::EXPIRED,
                    reply: reason.reply.clone().or(known.and_then(|(_, reply)| reply)),
                };
                self.fail(recipient, &reason);
            }
            Verdict::Never(reason) => self.fail(recipient, reason),
        }
    }

    /// The next server tells what it was asked to; if it cannot, the sender who wants to know of
    /// success hears how far the letter was followed (RFC 3461 §5.2.2). So does who set a time, when
    /// the next server does not know of it, or always if the way is to be traced (RFC 2852 §4.1.4.2,
    /// §4.1.5).
    fn accepted(&mut self, recipient: &QueuedRecipient, next: NextHop) {
        let is_traced = self.deliver_by.is_some_and(|by| by.trace);
        let is_timed = self.deliver_by.is_some() && !recipient.notify.never;
        let (action, is_owed) = match next {
            NextHop::Informs => (Action::Relayed, is_timed && is_traced),
            NextHop::Untimed => (Action::Relayed, is_timed),
            NextHop::Silent => (Action::Relayed, is_timed || recipient.notify.success),
            NextHop::Mailbox => (Action::Delivered, recipient.notify.success),
        };
        if is_owed {
            self.report(action, recipient, Status::DONE, None);
        }
    }

    fn fail(&mut self, recipient: QueuedRecipient, reason: &Reason) {
        self.say(reason.to_string());
        if recipient.notify.failure {
            let status = reason.status.with_class(5);
            self.report(Action::Failed, &recipient, status, reason.reply.clone());
        }
        self.failed.push(recipient.address);
    }

    fn warn(&mut self, expires: Timestamp) {
        let waiting = std::mem::take(&mut self.waiting);
        for recipient in waiting.iter().filter(|one| one.notify.delay) {
            let answer = recipient.answer.as_deref().unwrap_or_default();
            let (status, reply) = Reason::read(answer);
            self.report(Action::Delayed(expires), recipient, status, reply);
        }
        self.waiting = waiting;
    }

    fn report(
        &mut self,
        action: Action,
        recipient: &QueuedRecipient,
        status: Status,
        reply: Option<String>,
    ) {
        let reported = Reported {
            address: recipient.address.clone(),
            original: recipient.original.clone(),
            status,
            reply,
        };
        match self
            .reports
            .iter_mut()
            .find(|report| report.action == action)
        {
            Some(report) => report.recipients.push(reported),
            None => self.reports.push(Report {
                action,
                recipients: vec![reported],
            }),
        }
    }

    /// The history shows one answer for all: the first bad one, else the first.
    fn say(&mut self, answer: String) {
        let is_bad = |answer: &str| !answer.starts_with('2');
        if self
            .answer
            .as_deref()
            .is_none_or(|known| !is_bad(known) && is_bad(&answer))
        {
            self.answer = Some(answer);
        }
    }

    fn failed_addresses(&self) -> Vec<String> {
        self.failed.clone()
    }

    fn tried(&self, attempt: &Attempt, now: Timestamp) -> Tried {
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        Tried {
            at: now,
            host: attempt.host.clone(),
            tls: attempt.tls.clone(),
            delivered: self.delivered,
            delayed: count(self.waiting.len()),
            failed: count(self.failed.len()),
            answer: self.answer.clone().unwrap_or_default(),
        }
    }
}

/// True when nothing may be tried any more.
fn is_over(letter: &QueuedLetter, now: Timestamp) -> bool {
    let too_late = letter
        .deliver_by
        .is_some_and(|by| by.late == Late::Return && now >= by.at);
    now >= letter.expires || too_late
}

/// When the sender is told that it takes longer.
fn warning_time(settings: &Sending, letter: &QueuedLetter, created: Timestamp) -> Timestamp {
    let usual = i64::from(settings.warn_after_seconds) * Timestamp::PER_SECOND;
    let usual = Timestamp(created.0.saturating_add(usual));
    match letter.deliver_by {
        Some(by) if by.late == Late::Notify => by.at.min(usual),
        _ => usual,
    }
}

fn is_owed_a_warning(settings: &Sending, letter: &QueuedLetter, times: Times) -> bool {
    !letter.delay_told && times.now >= warning_time(settings, letter, times.created)
}

/// No later than something else falls due: the warning, the end.
fn earliest(due: Timestamp, settings: &Sending, letter: &QueuedLetter, times: Times) -> Timestamp {
    let warning = warning_time(settings, letter, times.created);
    let warning = (!letter.delay_told && !letter.sender.is_empty()).then_some(warning);
    let by = letter.deliver_by.map(|by| by.at);
    [warning, by, Some(letter.expires)]
        .into_iter()
        .flatten()
        .filter(|&at| at > times.now)
        .fold(due, Timestamp::min)
}

impl Reason {
    /// A reason of our own.
    pub fn ours(status: Status) -> Self {
        Self {
            status,
            reply: None,
        }
    }

    /// What [`Reason::to_string`] wrote.
    fn read(text: &str) -> (Status, Option<String>) {
        match Status::take(text) {
            Some((status, "")) => (status, None),
            Some((status, reply)) => (status, Some(reply.to_owned())),
            None => (Status::NO_ANSWER, None),
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.reply {
            Some(reply) => write!(f, "{} {reply}", self.status),
            None => write!(f, "{}", self.status),
        }
    }
}
