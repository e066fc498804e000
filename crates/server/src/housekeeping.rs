//! Work that nobody waits for: letters in mailboxes go through scripts, what was kept long enough is
//! purged, one account after the other, what people did with letters is learned from, and what is
//! known in memory only is written down.
//!
//! Runs on a thread of its own in small commits, so that mail is never held up for long.

use crate::house::House;
use crate::leisure::Patience;
use engine::directory::FetchPolicy;
use engine::{AccountId, EngineError, Pending, Reading, Role};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use store::backend::embedded::Leisure;

/// How often everything is looked through.
const ROUND: Duration = Duration::from_hours(1);

/// The first round begins this long after the start, when clients have come back.
const FIRST: Duration = Duration::from_mins(1);

/// Time without a byte from or to a client after which there is leisure.
const QUIET: Duration = Duration::from_secs(5);

/// Looks for which a round is held back at most while clients are served: ten minutes.
const ROUND_HELD_BACK_MAX: u32 = 600;

/// How often it is looked whether there is something to learn.
const LESSONS: Duration = Duration::from_secs(5);

/// How often it is looked whether something happened to letters that scripts are for.
const EVENTS: Duration = Duration::from_secs(1);

/// Looks for which they are held back at most while clients are served: a minute.
const LESSONS_HELD_BACK_MAX: u32 = 60;

/// How often what is in memory only is written down, if it changed.
const REMEMBER: Duration = Duration::from_secs(30);

/// Letters that go through scripts before it is looked whether the server is to stop.
const EVENTS_MAX: usize = 100;

/// Letters that one commit learns from.
const LESSONS_MAX: usize = 100;

/// The running thread.
pub struct Housekeeping {
    bell: Arc<Bell>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Bell {
    stopped: Mutex<bool>,
    rung: Condvar,
}

impl Bell {
    /// Waits; true when it is time to stop.
    fn wait(&self, time: Duration) -> bool {
        let mut stopped = self.stopped.lock();
        if !*stopped {
            self.rung.wait_for(&mut stopped, time);
        }
        *stopped
    }

    fn is_stopped(&self) -> bool {
        *self.stopped.lock()
    }
}

/// Starts the thread.
pub fn start(house: Arc<House>) -> Result<Housekeeping, String> {
    let bell = Arc::new(Bell::default());
    let heard = Arc::clone(&bell);
    let thread = std::thread::Builder::new().name("housekeeping".to_owned());
    let thread = thread
        .spawn(move || {
            let leisure = &*house.leisure;
            let mut rounds = Every::starting(FIRST, ROUND).at_leisure(ROUND_HELD_BACK_MAX);
            let mut lessons = Every::starting(LESSONS, LESSONS).at_leisure(LESSONS_HELD_BACK_MAX);
            let mut memories = Every::starting(REMEMBER, REMEMBER);
            while !heard.wait(EVENTS) {
                run_scripts(&house, &heard);
                if lessons.is_due(EVENTS, leisure) {
                    learn(&house);
                }
                if memories.is_due(EVENTS) {
                    remember(&house);
                }
                if rounds.is_due(EVENTS, leisure) {
                    round(&house, &heard);
                }
            }
            run_scripts(&house, &heard);
            learn(&house);
            remember(&house);
        })
        .map_err(|error| format!("threads: {error}"))?;
    Ok(Housekeeping { bell, thread })
}

/// When something is to be done again.
struct Every {
    period: Duration,
    left: Duration,
}

impl Every {
    fn starting(first: Duration, period: Duration) -> Self {
        Self {
            period,
            left: first,
        }
    }

    /// The same when clients leave the time for it, after so many looks at the latest.
    fn at_leisure(self, looks: u32) -> EveryAtLeisure {
        EveryAtLeisure {
            every: self,
            patience: Patience::until_quiet(QUIET, looks),
        }
    }

    /// Lets time pass; true when it is time.
    fn is_due(&mut self, passed: Duration) -> bool {
        let is_due = self.has_come(passed);
        if is_due {
            self.left = self.period;
        }
        is_due
    }

    fn has_come(&mut self, passed: Duration) -> bool {
        self.left = self.left.saturating_sub(passed);
        self.left.is_zero()
    }
}

/// When something is to be done again that need not be done at once.
struct EveryAtLeisure {
    every: Every,
    patience: Patience,
}

impl EveryAtLeisure {
    /// Lets time pass; true when it is time and clients leave it.
    fn is_due(&mut self, passed: Duration, leisure: &dyn Leisure) -> bool {
        let is_due = self.every.has_come(passed) && self.patience.is_over(leisure);
        if is_due {
            self.every.left = self.every.period;
        }
        is_due
    }
}

impl Housekeeping {
    /// Ends the thread after the commit that it is at.
    pub fn stop(self) {
        *self.bell.stopped.lock() = true;
        self.bell.rung.notify_all();
        // A panic there was reported by its own thread.
        let _ = self.thread.join();
    }
}

/// Lets letters that something happened to go through scripts; at the end of the server no more
/// than a few.
fn run_scripts(house: &House, bell: &Bell) {
    loop {
        let ran = house.engine.run_waiting_scripts(EVENTS_MAX);
        for note in ran.notes {
            tracing::info!("scripts: {note}");
        }
        if ran.count < EVENTS_MAX || bell.is_stopped() {
            return;
        }
    }
}

/// Learns all that waits; what takes longer is written down before.
fn learn(house: &House) {
    let engine = &house.engine;
    if engine.lessons_waiting() > LESSONS_MAX {
        remember(house);
    }
    let taught = all(|| engine.learn_waiting(LESSONS_MAX));
    if let Err(error) = taught.and_then(|()| all(|| engine.meet_waiting(LESSONS_MAX))) {
        tracing::warn!(%error, "letters could not be learned from");
    }
}

fn remember(house: &House) {
    if let Err(error) = house.engine.remember() {
        tracing::warn!(%error, "bans and strangers could not be written down");
    }
}

fn all(mut some: impl FnMut() -> Result<usize, EngineError>) -> Result<(), EngineError> {
    while some()? == LESSONS_MAX {}
    Ok(())
}

fn round(house: &House, bell: &Bell) {
    let accounts = match house.engine.account_numbers() {
        Ok(accounts) => accounts,
        Err(error) => return tracing::error!(%error, "housekeeping failed"),
    };
    for account in accounts {
        let done = clean(house, account, bell);
        if let Err(error) = done {
            tracing::error!(account = account.0, %error, "housekeeping failed");
        }
        if bell.is_stopped() {
            return;
        }
    }
}

fn clean(house: &House, account: AccountId, bell: &Bell) -> Result<(), EngineError> {
    let engine = &house.engine;
    let expired = expire_fetched(house, account, bell)?;
    let purged = repeat(bell, || engine.purge_recoverable(account))?;
    let forgotten = repeat(bell, || engine.trim_changes(account))?;
    if expired + purged + forgotten > 0 {
        tracing::info!(
            account = account.0,
            expired,
            purged,
            forgotten,
            "housekeeping"
        );
    }
    Ok(())
}

/// Letters whose time after downloading has passed, where the account's policy names one.
fn expire_fetched(house: &House, account: AccountId, bell: &Bell) -> Result<usize, EngineError> {
    let engine = &house.engine;
    let policy = engine
        .directory()
        .account(account)?
        .map(|entry| entry.record.fetch_policy);
    let Some(FetchPolicy::KeepDays(days)) = policy else {
        return Ok(0);
    };
    let mailbox = engine.account_as_server(account);
    let Some((inbox, _)) = mailbox.read()?.folder_with_role(Role::Inbox)? else {
        return Ok(0);
    };
    repeat(bell, || {
        engine.remove_received_before(account, inbox, u32::from(days))
    })
}

/// Takes one step after the other until nothing is left; the answer is how much there was.
fn repeat(
    bell: &Bell,
    step: impl Fn() -> Result<Pending<usize>, EngineError>,
) -> Result<usize, EngineError> {
    let mut all = 0;
    while !bell.is_stopped() {
        match step()?.wait()? {
            0 => break,
            some => all += some,
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Always(bool);

    impl Leisure for Always {
        fn is_quiet(&self, _time: Duration) -> bool {
            self.0
        }
    }

    /// Looks, a second apart, until it is due.
    fn looks(every: &mut EveryAtLeisure, is_quiet: bool) -> u32 {
        (1..1_000)
            .find(|_| every.is_due(Duration::from_secs(1), &Always(is_quiet)))
            .unwrap()
    }

    #[test]
    fn what_is_done_at_leisure_waits_for_clients_but_not_for_ever() {
        let five = Duration::from_secs(5);
        let mut every = Every::starting(five, five).at_leisure(60);
        assert_eq!(looks(&mut every, true), 5);
        assert_eq!(looks(&mut every, false), 5 + 60);
        assert_eq!(looks(&mut every, true), 5);
    }
}
