//! In which order letters are sent, and how many at a time.
//!
//! Pure: no thread, no clock, no store. The driver hands in entries that are due, asks for the next
//! step, and says how each ended. Only a window of the queue is ever in memory, and no destination
//! may fill it: what a slow destination has too much of is put off in the store. What is for a
//! destination that is down is passed over where it lies in the schedule, so that a million letters
//! for it cost the others next to nothing; one of them at a time finds out whether it is back.
//!
//! Each destination has a number of connections that grows by one for each round of successes and
//! is halved when its servers cannot be reached; after a few failures in a row it rests, longer
//! each time, and is then tried with a single letter. Within a destination higher priorities go
//! first, and senders of one priority take turns.
//!
//! Destinations of which nothing good is known (never tried, or failing) have three quarters of the
//! sendings and half of the memory at most, all together: however many are dead, the others go on.
//!
//! Start at [`Scheduler::next_step`].

mod destination;
mod lanes;

use destination::{Destination, Unproven};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use store::id::{AccountId, Timestamp};

/// Destinations that are remembered though nothing waits for them: how fast they were.
const REMEMBERED_MAX: usize = 20_000;
/// Most ticks that what a destination has too much of is put off.
const OVERFLOW_MOST: i64 = 1_800 * Timestamp::PER_SECOND;
/// Least ticks likewise.
const OVERFLOW_LEAST: i64 = 10 * Timestamp::PER_SECOND;

/// Names an entry of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryKey {
    /// Whose it is.
    pub account: AccountId,
    /// Its number there.
    pub id: u64,
}

/// An entry that is due.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name.
    pub key: EntryKey,
    /// Higher goes first.
    pub priority: i8,
    /// Where its recipients are, each destination once.
    pub destinations: Vec<Arc<str>>,
}

/// The recipients of one entry at one destination.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Job {
    /// The entry.
    pub key: EntryKey,
    /// The destination.
    pub destination: Arc<str>,
}

/// What is to be done next. Each step is ended by [`Scheduler::finished`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send it.
    Send(Job),
    /// Put it off in the store without trying; the destination is known not to take it before.
    PutOff(Job, Timestamp),
}

/// What is to be done with an entry that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is to be taken.
    Wanted,
    /// It is in memory already.
    Known,
    /// It would not be sent now: it stays where it is.
    Passed,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The destination's server talked to us, whatever it said of the letter.
    Served,
    /// No server of the destination could be reached, or it turned us away altogether.
    Unreachable,
    /// Nothing was learnt of the destination: the letter was put off, or is gone.
    Nothing,
}

/// How much at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Entries in memory.
    pub window: usize,
    /// Sendings at once, all destinations together.
    pub sendings_max: usize,
    /// Sendings at once to one destination when nothing is known of it.
    pub connections_first: usize,
    /// Sendings at once to one destination at most.
    pub connections_max: usize,
    /// Seconds that a destination rests when it could not be reached.
    pub rest_first_seconds: u32,
    /// Most seconds that it rests.
    pub rest_most_seconds: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            window: 8_192,
            sendings_max: 256,
            connections_first: 4,
            connections_max: 20,
            rest_first_seconds: 60,
            rest_most_seconds: 3_600,
        }
    }
}

impl Pace {
    /// Letters of one destination that may lie in the window: a quarter of it.
    fn share(&self) -> usize {
        (self.window / 4).max(1)
    }

    /// Letters in memory for destinations of which nothing good is known.
    fn unproven_waiting_max(&self) -> usize {
        (self.window / 2).max(1)
    }

    /// Sendings at once to such.
    fn unproven_running_max(&self) -> usize {
        (self.sendings_max - self.sendings_max / 4).max(1)
    }
}

/// The order of sending.
#[derive(Debug)]
pub struct Scheduler {
    pace: Pace,
    destinations: HashMap<Arc<str>, Destination>,
    /// Destinations that have something to send and a connection free; they take turns.
    proven: VecDeque<Arc<str>>,
    /// The same, where nothing good is known of them.
    others: VecDeque<Arc<str>>,
    /// Whose turn it is not, of the two.
    others_went: bool,
    unproven: Unproven,
    /// Entries in memory, with how many of their jobs have not ended.
    entries: HashMap<EntryKey, usize>,
    put_off: VecDeque<(Job, Timestamp)>,
    running: usize,
}

impl Scheduler {
    /// Nothing is known and nothing waits.
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            destinations: HashMap::new(),
            proven: VecDeque::new(),
            others: VecDeque::new(),
            others_went: false,
            unproven: Unproven::default(),
            entries: HashMap::new(),
            put_off: VecDeque::new(),
            running: 0,
        }
    }

    /// Entries that can be taken now.
    pub fn room(&self) -> usize {
        self.pace.window.saturating_sub(self.entries.len())
    }

    /// Entries in memory.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when nothing is in memory.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Jobs that are being sent.
    pub fn running(&self) -> usize {
        self.running
    }

    /// True while an entry is in memory: it must not be taken again, and only who ends its last job
    /// knows what became of it.
    pub fn knows(&self, key: EntryKey) -> bool {
        self.entries.contains_key(&key)
    }

    /// What is to be done with an entry that is due and all of whose recipients are at `destination`.
    pub fn standing(&self, key: EntryKey, destination: &str, now: Timestamp) -> Standing {
        if self.knows(key) {
            return Standing::Known;
        }
        let is_crowded = self.unproven.waiting >= self.pace.unproven_waiting_max();
        let passes = match self.destinations.get(destination) {
            Some(known) => known.is_down(now) || (is_crowded && !known.is_proven()),
            None => is_crowded,
        };
        if passes {
            Standing::Passed
        } else {
            Standing::Wanted
        }
    }

    /// Destinations that rest, with the time until which.
    pub fn resting(&self, now: Timestamp) -> Vec<(Arc<str>, Timestamp)> {
        let rest = self.destinations.iter().filter_map(|(name, destination)| {
            let until = destination.rests_until(now)?;
            Some((Arc::clone(name), until))
        });
        rest.collect()
    }

    /// Ends every rest: someone knows better, or wants to.
    pub fn wake(&mut self) {
        self.destinations.values_mut().for_each(Destination::wake);
    }

    /// Takes an entry that is due. One that is known already is passed over.
    pub fn admit(&mut self, entry: &Entry, now: Timestamp) {
        if self.knows(entry.key) || entry.destinations.is_empty() {
            return;
        }
        self.entries.insert(entry.key, entry.destinations.len());
        for name in &entry.destinations {
            self.admit_job(entry, name, now);
        }
    }

    fn admit_job(&mut self, entry: &Entry, name: &Arc<str>, now: Timestamp) {
        let pace = self.pace;
        let is_crowded = self.unproven.waiting >= pace.unproven_waiting_max();
        let destination = self
            .destinations
            .entry(Arc::clone(name))
            .or_insert_with(|| Destination::new(&pace));
        let job = Job {
            key: entry.key,
            destination: Arc::clone(name),
        };
        let is_too_much =
            destination.waiting() >= pace.share() || (is_crowded && !destination.is_proven());
        if let Some(until) = destination.rests_until(now) {
            self.put_off.push_back((job, until));
        } else if is_too_much {
            let wait = destination
                .overflow_wait(now)
                .clamp(OVERFLOW_LEAST, OVERFLOW_MOST);
            self.put_off
                .push_back((job, Timestamp(now.0.saturating_add(wait))));
        } else {
            self.change(name, |known| known.wait(entry.key, entry.priority));
            self.queue_up(name);
        }
    }

    /// Changes what is known of a destination, and counts what it takes if nothing good is.
    fn change<T>(&mut self, name: &str, work: impl FnOnce(&mut Destination) -> T) -> Option<T> {
        let destination = self.destinations.get_mut(name)?;
        let before = destination.unproven();
        let answer = work(destination);
        self.unproven = self.unproven.with(before, destination.unproven());
        Some(answer)
    }

    /// Puts a destination into its ring if it has something to do there.
    fn queue_up(&mut self, name: &Arc<str>) {
        let Some(destination) = self.destinations.get_mut(name) else {
            return;
        };
        if destination.enter_ring() {
            let ring = if destination.is_proven() {
                &mut self.proven
            } else {
                &mut self.others
            };
            ring.push_back(Arc::clone(name));
        }
    }

    /// The destination whose turn it is; the two rings take turns as long as both may go.
    fn next_in_turn(&mut self) -> Option<Arc<str>> {
        let may_go = self.unproven.running < self.pace.unproven_running_max();
        if may_go && (!self.others_went || self.proven.is_empty()) {
            self.others_went = true;
            if let Some(name) = self.others.pop_front() {
                return Some(name);
            }
        }
        self.others_went = false;
        self.proven.pop_front()
    }

    /// What is to be done now; `None` when nothing can be done before something ends or comes.
    pub fn next_step(&mut self) -> Option<Step> {
        if let Some((job, until)) = self.put_off.pop_front() {
            return Some(Step::PutOff(job, until));
        }
        while self.running < self.pace.sendings_max {
            let name = self.next_in_turn()?;
            let taken = self.change(&name, |destination| {
                destination.leave_ring();
                destination.start()
            });
            if let Some(key) = taken.flatten() {
                self.running += 1;
                self.queue_up(&name);
                return Some(Step::Send(Job {
                    key,
                    destination: name,
                }));
            }
        }
        None
    }

    /// A further job for a destination to which a connection is open; none when the last sending
    /// that may begin now is for those who take turns.
    pub fn next_for(&mut self, destination: &Arc<str>) -> Option<Job> {
        let others_wait = usize::from(!self.proven.is_empty() || !self.others.is_empty());
        if self.running + others_wait >= self.pace.sendings_max {
            return None;
        }
        let key = self.change(destination, Destination::start)??;
        self.running += 1;
        Some(Job {
            key,
            destination: Arc::clone(destination),
        })
    }

    /// A step has ended, and what became of it is in the store.
    ///
    /// `dice` is any number; it spreads the end of a rest.
    pub fn finished(&mut self, step: &Step, ending: Ending, now: Timestamp, dice: u64) {
        let (Step::Send(job) | Step::PutOff(job, _)) = step;
        self.forget(job.key);
        if matches!(step, Step::Send(_)) {
            self.sent(job, ending, now, dice);
        }
        if self.destinations.len() > REMEMBERED_MAX {
            self.destinations.retain(|_, known| known.is_wanted(now));
        }
    }

    /// One job of an entry is no longer in memory.
    fn forget(&mut self, key: EntryKey) {
        if let Some(left) = self.entries.get_mut(&key) {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.entries.remove(&key);
            }
        }
    }

    fn sent(&mut self, job: &Job, ending: Ending, now: Timestamp, dice: u64) {
        self.running = self.running.saturating_sub(1);
        let pace = self.pace;
        let given_back = self.change(&job.destination, |destination| {
            destination.ended(ending, &pace, now, dice)
        });
        for key in given_back.unwrap_or_default() {
            self.forget(key);
        }
        self.queue_up(&job.destination);
    }
}
