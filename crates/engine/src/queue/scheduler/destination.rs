//! One destination: what waits for it, how many connections it takes, and when it rests.

use super::lanes::Lanes;
use super::{Ending, EntryKey, Pace};
use crate::queue::retry;
use store::id::Timestamp;

/// Failures in a row after which a destination rests.
const FAILURES_BEFORE_REST: u32 = 3;
/// Ticks over which it is counted how fast a destination takes letters.
const RATE_SPAN: i64 = 30 * Timestamp::PER_SECOND;
/// Ticks after which a destination's failures are forgotten.
const FORGET: i64 = 6 * 3_600 * Timestamp::PER_SECOND;

/// What is known of a destination.
#[derive(Debug)]
pub(super) struct Destination {
    lanes: Lanes,
    running: usize,
    /// Connections it may have now; never 0.
    limit: usize,
    /// Successes since the limit last changed.
    successes: usize,
    /// Failures since the last success.
    failures: u32,
    /// Rests so far without a success between.
    rests: u32,
    rests_until: Timestamp,
    in_ring: bool,
    /// Its servers talked to us and did not fail since.
    proven: bool,
    rate: Rate,
    /// Letters put off because too many waited, since there was room.
    overflowed: u64,
}

/// What destinations take of which nothing good is known.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Unproven {
    pub(super) running: usize,
    pub(super) waiting: usize,
}

impl Unproven {
    /// The same with one destination's share changed.
    pub(super) fn with(self, before: Self, after: Self) -> Self {
        let change = |all: usize, before: usize, after: usize| {
            all.saturating_add(after).saturating_sub(before)
        };
        Self {
            running: change(self.running, before.running, after.running),
            waiting: change(self.waiting, before.waiting, after.waiting),
        }
    }
}

/// How fast letters were taken.
#[derive(Debug, Default)]
struct Rate {
    since: Timestamp,
    count: u64,
    per_span: u64,
}

impl Destination {
    pub(super) fn new(pace: &Pace) -> Self {
        Self {
            lanes: Lanes::default(),
            running: 0,
            limit: pace.connections_first.clamp(1, pace.connections_max.max(1)),
            successes: 0,
            failures: 0,
            rests: 0,
            rests_until: Timestamp(i64::MIN),
            in_ring: false,
            proven: false,
            rate: Rate::default(),
            overflowed: 0,
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.lanes.len()
    }

    pub(super) fn is_proven(&self) -> bool {
        self.proven
    }

    /// What it takes of the part that is left to destinations of which nothing good is known:
    /// sendings, and letters in memory.
    pub(super) fn unproven(&self) -> Unproven {
        if self.proven {
            return Unproven::default();
        }
        Unproven {
            running: self.running,
            waiting: self.lanes.len(),
        }
    }

    pub(super) fn rests_until(&self, now: Timestamp) -> Option<Timestamp> {
        (self.rests_until > now).then_some(self.rests_until)
    }

    /// True while it rests, and afterwards while one letter finds out whether it is back.
    pub(super) fn is_down(&self, now: Timestamp) -> bool {
        let is_tried = self.running > 0 || self.lanes.len() > 0;
        self.rests_until > now || (self.rests > 0 && is_tried)
    }

    /// Ends a rest. If it is in vain, the next one is as long.
    pub(super) fn wake(&mut self) {
        if self.rests_until > Timestamp(i64::MIN) {
            self.rests_until = Timestamp(i64::MIN);
            self.rests = self.rests.saturating_sub(1);
            self.failures = FAILURES_BEFORE_REST - 1;
        }
    }

    /// True while its state is worth the memory.
    pub(super) fn is_wanted(&self, now: Timestamp) -> bool {
        self.lanes.len() > 0 || self.running > 0 || self.rests_until > now
    }

    pub(super) fn wait(&mut self, key: EntryKey, priority: i8) {
        self.lanes.push(key, priority);
    }

    /// Ticks until a letter more than fit would have its turn, as fast as letters are taken now.
    pub(super) fn overflow_wait(&mut self, now: Timestamp) -> i64 {
        self.overflowed += 1;
        let ahead = self.overflowed.saturating_add(self.lanes.len() as u64);
        let spans = ahead / self.rate.per_span(now).max(1);
        RATE_SPAN.saturating_mul(i64::try_from(spans).unwrap_or(i64::MAX))
    }

    fn can_start(&self) -> bool {
        self.lanes.len() > 0 && self.running < self.limit
    }

    /// True when it belongs into the ring and does not stand there yet; it does from now on.
    pub(super) fn enter_ring(&mut self) -> bool {
        let enters = !self.in_ring && self.can_start();
        self.in_ring |= enters;
        enters
    }

    pub(super) fn leave_ring(&mut self) {
        self.in_ring = false;
    }

    /// Starts the next letter if there is one and a connection is free.
    pub(super) fn start(&mut self) -> Option<EntryKey> {
        if !self.can_start() {
            return None;
        }
        let key = self.lanes.pop()?;
        self.running += 1;
        if self.lanes.len() == 0 {
            self.overflowed = 0;
        }
        Some(key)
    }

    /// A letter's sending has ended. Answers what waited if it rests from now on: that is as the
    /// store has it, and is passed over there.
    pub(super) fn ended(
        &mut self,
        ending: Ending,
        pace: &Pace,
        now: Timestamp,
        dice: u64,
    ) -> Vec<EntryKey> {
        self.running = self.running.saturating_sub(1);
        match ending {
            Ending::Nothing => Vec::new(),
            Ending::Served => {
                self.served(pace, now);
                Vec::new()
            }
            Ending::Unreachable => self.failed(pace, now, dice),
        }
    }

    /// One connection more for each round of successes.
    fn served(&mut self, pace: &Pace, now: Timestamp) {
        (self.failures, self.rests) = (0, 0);
        self.proven = true;
        self.rests_until = Timestamp(i64::MIN);
        self.rate.count(now);
        self.successes += 1;
        if self.successes >= self.limit && self.limit < pace.connections_max {
            self.limit += 1;
            self.successes = 0;
        }
    }

    fn failed(&mut self, pace: &Pace, now: Timestamp, dice: u64) -> Vec<EntryKey> {
        if self.rests > 0 && now.0.saturating_sub(self.rests_until.0) > FORGET {
            self.rests = 0;
        }
        self.limit = (self.limit / 2).max(1);
        self.successes = 0;
        self.proven = false;
        self.failures = self.failures.saturating_add(1);
        let known_dead = self.rests > 0;
        if self.failures < FAILURES_BEFORE_REST && !known_dead {
            return Vec::new();
        }
        if self.rests_until > now {
            // Others that were under way when the rest began end now; what waits goes along.
            return self.lanes.drain();
        }
        let first = i64::from(pace.rest_first_seconds.max(1));
        let most = i64::from(pace.rest_most_seconds).max(first);
        let seconds = first.saturating_mul(1 << self.rests.min(16)).min(most);
        let wait = seconds.saturating_mul(Timestamp::PER_SECOND);
        self.rests_until = retry::after(now, wait, dice);
        self.rests = self.rests.saturating_add(1);
        self.failures = 0;
        self.limit = 1;
        self.lanes.drain()
    }
}

impl Rate {
    fn count(&mut self, now: Timestamp) {
        self.turn(now);
        self.count += 1;
    }

    fn per_span(&mut self, now: Timestamp) -> u64 {
        self.turn(now);
        self.per_span.max(self.count)
    }

    fn turn(&mut self, now: Timestamp) {
        if now.0.saturating_sub(self.since.0) >= RATE_SPAN {
            self.per_span = self.count;
            self.count = 0;
            self.since = now;
        }
    }
}
