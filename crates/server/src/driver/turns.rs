//! Whose turn it is on the threads of a pool: short work first, long work in fair turns.
//!
//! Short work stands in order. *Long* work comes as many steps of some milliseconds each, with the
//! next one put at the end of its queue; so those who search take turns. They have a part of the
//! threads as long as nothing else is to be done, and half of that while short work comes, so that
//! a processor is left for it. Of one account at most [`STEPS_PER_ACCOUNT`] jobs of each kind run
//! at a time.
//!
//! Pure: no threads, no locks, no clock. Start at [`Turns::put`] and [`Turns::next`].

use std::collections::{HashMap, VecDeque};
use store::id::AccountId;

/// Steps of one account that may run at the same time.
pub const STEPS_PER_ACCOUNT: usize = 2;
/// Of so many threads one may do long work.
const LONG_SHARE: usize = 4;
/// Long steps begun after the last short job until there is taken to be no short work: about a
/// tenth of a second.
const CALM_STEPS: usize = 32;

/// How much work a job is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pace {
    /// Someone waits for it, and it is soon over.
    Short,
    /// One of many steps.
    Long,
}

/// A job with what is needed when it ends.
#[derive(Debug)]
pub struct Task<J> {
    /// Whose it is, if it counts as someone's.
    pub account: Option<AccountId>,
    /// What kind it is.
    pub pace: Pace,
    /// The job itself.
    pub job: J,
}

/// The jobs that wait and the counts of those that run.
pub struct Turns<J> {
    short: VecDeque<Task<J>>,
    long: VecDeque<Task<J>>,
    accounts: HashMap<(AccountId, Pace), Share<J>>,
    waiting: usize,
    long_running: usize,
    long_max: usize,
    /// Long steps begun since short work was seen.
    calm: usize,
}

/// What one account has here of one pace.
struct Share<J> {
    /// Jobs that run or wait for nothing but a thread.
    admitted: usize,
    held_back: VecDeque<J>,
}

impl<J> Turns<J> {
    /// For so many threads.
    pub fn new(threads: usize) -> Self {
        Self {
            short: VecDeque::new(),
            long: VecDeque::new(),
            accounts: HashMap::new(),
            waiting: 0,
            long_running: 0,
            long_max: (threads / LONG_SHARE).max(1),
            calm: CALM_STEPS,
        }
    }

    /// Adds a job.
    pub fn put(&mut self, task: Task<J>) {
        self.waiting += 1;
        if task.pace == Pace::Short {
            self.calm = 0;
        }
        if let Some(account) = task.account {
            let share = self.accounts.entry((account, task.pace));
            let share = share.or_insert_with(|| Share {
                admitted: 0,
                held_back: VecDeque::new(),
            });
            if share.admitted >= STEPS_PER_ACCOUNT {
                share.held_back.push_back(task.job);
                return;
            }
            share.admitted += 1;
        }
        self.admit(task);
    }

    fn admit(&mut self, task: Task<J>) {
        match task.pace {
            Pace::Short => self.short.push_back(task),
            Pace::Long => self.long.push_back(task),
        }
    }

    /// True if a thread that asks gets a job.
    pub fn has_next(&self) -> bool {
        let is_long_next = self.long_running < self.long_bound() && !self.long.is_empty();
        is_long_next || !self.short.is_empty()
    }

    /// The job that is to run now.
    pub fn next(&mut self) -> Option<Task<J>> {
        let next = match self.short.pop_front() {
            Some(short) => short,
            None if self.long_running < self.long_bound() => {
                let long = self.long.pop_front()?;
                self.long_running += 1;
                self.calm = self.calm.saturating_add(1);
                long
            }
            None => return None,
        };
        self.waiting = self.waiting.saturating_sub(1);
        Some(next)
    }

    /// A job that was given out has ended: its place goes to the account's next.
    pub fn ended(&mut self, account: Option<AccountId>, pace: Pace) {
        if pace == Pace::Long {
            self.long_running = self.long_running.saturating_sub(1);
        }
        let Some(owner) = account else { return };
        let Some(share) = self.accounts.get_mut(&(owner, pace)) else {
            return;
        };
        if let Some(job) = share.held_back.pop_front() {
            self.admit(Task { account, pace, job });
            return;
        }
        share.admitted = share.admitted.saturating_sub(1);
        if share.admitted == 0 {
            self.accounts.remove(&(owner, pace));
        }
    }

    /// Jobs that wait.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Long steps that may run now.
    fn long_bound(&self) -> usize {
        if self.calm < CALM_STEPS {
            (self.long_max / 2).max(1)
        } else {
            self.long_max
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: Option<AccountId> = Some(AccountId(1));
    const BOB: Option<AccountId> = Some(AccountId(2));
    const EVE: Option<AccountId> = Some(AccountId(3));

    fn put(
        turns: &mut Turns<&'static str>,
        account: Option<AccountId>,
        pace: Pace,
        job: &'static str,
    ) {
        turns.put(Task { account, pace, job });
    }

    fn given(turns: &mut Turns<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| turns.next())
            .map(|task| task.job)
            .collect()
    }

    #[test]
    fn short_work_passes_all_long_work_that_waits() {
        let mut turns = Turns::new(8);
        for account in [ANN, BOB, EVE] {
            put(&mut turns, account, Pace::Long, "search");
        }
        put(&mut turns, ANN, Pace::Short, "fetch");
        assert_eq!(turns.next().map(|task| task.job), Some("fetch"));
    }

    #[test]
    fn long_work_leaves_most_threads_free_and_more_while_short_work_comes() {
        let mut turns = Turns::new(8);
        for account in [ANN, BOB, EVE] {
            put(&mut turns, account, Pace::Long, "search");
        }
        assert_eq!(given(&mut turns), ["search", "search"]);
        turns.ended(ANN, Pace::Long);
        turns.ended(BOB, Pace::Long);
        put(&mut turns, ANN, Pace::Long, "next");
        put(&mut turns, BOB, Pace::Short, "fetch");
        assert_eq!(given(&mut turns), ["fetch", "search"]);
        assert!(!turns.has_next());
        assert_eq!(turns.waiting(), 1);
        turns.ended(EVE, Pace::Long);
        assert_eq!(given(&mut turns), ["next"]);
    }

    #[test]
    fn all_threads_for_long_work_are_used_again_when_no_short_work_has_come_for_a_while() {
        let mut turns = Turns::new(8);
        put(&mut turns, EVE, Pace::Short, "fetch");
        assert_eq!(given(&mut turns), ["fetch"]);
        for _ in 0..CALM_STEPS {
            put(&mut turns, ANN, Pace::Long, "search");
            assert_eq!(given(&mut turns), ["search"]);
            turns.ended(ANN, Pace::Long);
        }
        put(&mut turns, ANN, Pace::Long, "ann");
        put(&mut turns, BOB, Pace::Long, "bob");
        assert_eq!(given(&mut turns), ["ann", "bob"]);
    }

    #[test]
    fn those_who_search_take_turns() {
        let mut turns = Turns::new(4);
        put(&mut turns, ANN, Pace::Long, "ann");
        put(&mut turns, BOB, Pace::Long, "bob");
        put(&mut turns, EVE, Pace::Long, "eve");
        let mut order = Vec::new();
        for _ in 0..9 {
            let task = turns.next().unwrap();
            assert!(turns.next().is_none(), "a fourth of four threads");
            order.push(task.job);
            turns.ended(task.account, task.pace);
            turns.put(task);
        }
        assert_eq!(order, ["ann", "bob", "eve"].repeat(3));
    }

    #[test]
    fn two_steps_of_an_account_run_and_its_short_work_does_not_wait_for_its_long_work() {
        let mut turns = Turns::new(16);
        for job in ["one", "two", "three"] {
            put(&mut turns, ANN, Pace::Long, job);
        }
        put(&mut turns, ANN, Pace::Short, "fetch");
        put(&mut turns, BOB, Pace::Long, "bob");
        turns.calm = CALM_STEPS;
        assert_eq!(given(&mut turns), ["fetch", "one", "two", "bob"]);
        turns.ended(ANN, Pace::Long);
        assert_eq!(given(&mut turns), ["three"]);
        for pace in [Pace::Long, Pace::Long, Pace::Short] {
            turns.ended(ANN, pace);
        }
        turns.ended(BOB, Pace::Long);
        assert!(turns.accounts.is_empty());
    }
}
