//! What was seen in the last minute, before it is in the store.
//!
//! It is put there once a minute and when the server stops, so that a kill loses what came since and
//! never counts anything twice. A batch never goes over midnight. Start at [`Tally::take`].

use super::observed::{Batch, Judged, Session};
use crate::world::SystemClock;
use parking_lot::Mutex;
use std::collections::VecDeque;
use store::world::Clock;

/// Seconds of a day.
pub const DAY: i64 = 24 * 3_600;
/// Batches that wait to be put into the store: one is enough unless the disk is ill.
const WAITING_MAX: usize = 4;

/// Counts for all who see something.
#[derive(Debug)]
pub struct Tally(Mutex<Open>);

#[derive(Debug)]
struct Open {
    batch: Batch,
    full: VecDeque<Batch>,
}

impl Default for Tally {
    fn default() -> Self {
        Self::starting(SystemClock.now().seconds())
    }
}

impl Tally {
    fn starting(now: i64) -> Self {
        Self(Mutex::new(Open {
            batch: Batch::new(now),
            full: VecDeque::new(),
        }))
    }

    /// Counts a letter of an author domain that is told of such.
    pub fn note_letter(&self, domain: &str, judged: Judged, now: i64) {
        self.with(now, |batch| batch.add_letter(domain, judged));
    }

    /// Counts a connection.
    pub fn note_session(&self, session: Session, now: i64) {
        self.with(now, |batch| batch.add_session(session));
    }

    fn with(&self, now: i64, add: impl FnOnce(&mut Batch)) {
        let mut open = self.0.lock();
        open.turn(now);
        add(&mut open.batch);
    }

    /// Everything that was seen since this was last asked.
    pub fn take(&self, now: i64) -> Vec<Batch> {
        let mut open = self.0.lock();
        open.turn(now);
        open.close(now);
        open.full.drain(..).collect()
    }
}

impl Open {
    /// Ends the batch at midnight, and when it is full.
    fn turn(&mut self, now: i64) {
        let midnight = (self.batch.begin.div_euclid(DAY) + 1) * DAY;
        if now >= midnight {
            self.close(midnight);
            self.batch = Batch::new(now.div_euclid(DAY) * DAY);
        } else if self.batch.is_full() && self.full.len() < WAITING_MAX {
            self.close(now);
        }
    }

    fn close(&mut self, now: i64) {
        let mut batch = std::mem::replace(&mut self.batch, Batch::new(now));
        // An empty one goes into the next, which then tells that nothing was seen earlier.
        if batch.is_empty() {
            self.batch.begin = batch.begin;
        } else {
            batch.end = (now - 1).max(batch.begin);
            self.full.push_back(batch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::observed::Policy;

    fn session() -> Session {
        Session {
            domain: "far.test".to_owned(),
            policy: Policy {
                kind: "sts".to_owned(),
                texts: Vec::new(),
                hosts: Vec::new(),
            },
            outcome: Ok(()),
        }
    }

    #[test]
    fn a_batch_reaches_from_the_last_one_to_now_and_never_over_midnight() {
        let tally = Tally::starting(DAY - 100);
        tally.note_session(session(), DAY - 50);
        tally.note_session(session(), DAY + 10);
        let found = tally.take(DAY + 60);
        let times: Vec<_> = found.iter().map(|one| (one.begin, one.end)).collect();
        assert_eq!(times, [(DAY - 100, DAY - 1), (DAY, DAY + 59)]);
        assert!(tally.take(DAY + 70).is_empty());
        tally.note_session(session(), DAY + 80);
        let found = tally.take(DAY + 90);
        assert_eq!((found[0].begin, found[0].end), (DAY + 60, DAY + 89));
    }
}
