//! Whose turn it is on the threads of a pool: long work never stands before short work.
//!
//! Short work stands in order. *Long* work comes as many steps of some milliseconds each, with the
//! next one put at the end of its queue; so those who search take turns. Each kind has threads of
//! its own, so that neither waits for the other. Of one account at most [`STEPS_PER_ACCOUNT`] jobs
//! of each kind run at a time.
//!
//! Pure: no threads, no locks, no clock. Start at [`Turns::put`] and [`Turns::next`].

use std::collections::{HashMap, VecDeque};
use store::id::AccountId;

/// Steps of one account that may run at the same time.
pub const STEPS_PER_ACCOUNT: usize = 2;

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
}

/// What one account has here of one pace.
struct Share<J> {
    /// Jobs that run or wait for nothing but a thread.
    admitted: usize,
    held_back: VecDeque<J>,
}

impl<J> Default for Turns<J> {
    fn default() -> Self {
        Self {
            short: VecDeque::new(),
            long: VecDeque::new(),
            accounts: HashMap::new(),
            waiting: 0,
        }
    }
}

impl<J> Turns<J> {
    /// Adds a job.
    pub fn put(&mut self, task: Task<J>) {
        self.waiting += 1;
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

    /// The job that a thread for this kind is to run now.
    pub fn next(&mut self, pace: Pace) -> Option<Task<J>> {
        let next = match pace {
            Pace::Short => self.short.pop_front(),
            Pace::Long => self.long.pop_front(),
        }?;
        self.waiting = self.waiting.saturating_sub(1);
        Some(next)
    }

    /// A job that was given out has ended: its place goes to the account's next.
    pub fn ended(&mut self, account: Option<AccountId>, pace: Pace) {
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

    fn given(turns: &mut Turns<&'static str>, pace: Pace) -> Vec<&'static str> {
        let tasks = std::iter::from_fn(|| turns.next(pace));
        tasks.map(|task| task.job).collect()
    }

    #[test]
    fn short_work_passes_all_long_work_that_waits() {
        let mut turns = Turns::default();
        for account in [ANN, BOB, EVE] {
            put(&mut turns, account, Pace::Long, "search");
        }
        put(&mut turns, ANN, Pace::Short, "fetch");
        assert_eq!(turns.waiting(), 4);
        assert_eq!(given(&mut turns, Pace::Short), ["fetch"]);
        assert_eq!(given(&mut turns, Pace::Long), ["search"; 3]);
        assert_eq!(turns.waiting(), 0);
    }

    #[test]
    fn those_who_search_take_turns() {
        let mut turns = Turns::default();
        put(&mut turns, ANN, Pace::Long, "ann");
        put(&mut turns, BOB, Pace::Long, "bob");
        put(&mut turns, EVE, Pace::Long, "eve");
        let mut order = Vec::new();
        for _ in 0..9 {
            let task = turns.next(Pace::Long).unwrap();
            order.push(task.job);
            turns.ended(task.account, task.pace);
            turns.put(task);
        }
        assert_eq!(order, ["ann", "bob", "eve"].repeat(3));
    }

    #[test]
    fn two_steps_of_an_account_run_and_its_short_work_does_not_wait_for_its_long_work() {
        let mut turns = Turns::default();
        for job in ["one", "two", "three"] {
            put(&mut turns, ANN, Pace::Long, job);
        }
        put(&mut turns, ANN, Pace::Short, "fetch");
        put(&mut turns, BOB, Pace::Long, "bob");
        assert_eq!(given(&mut turns, Pace::Short), ["fetch"]);
        assert_eq!(given(&mut turns, Pace::Long), ["one", "two", "bob"]);
        turns.ended(ANN, Pace::Long);
        assert_eq!(given(&mut turns, Pace::Long), ["three"]);
        for pace in [Pace::Long, Pace::Long, Pace::Short] {
            turns.ended(ANN, pace);
        }
        turns.ended(BOB, Pace::Long);
        assert!(turns.accounts.is_empty());
    }
}
