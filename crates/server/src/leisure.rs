//! When clients leave the machine to work that nobody waits for.
//!
//! Such work takes no more than it must while somebody waits for an answer: it is held back until
//! nobody is served, but never for long ([`Patience`]).

use crate::metrics::Metrics;
use engine::Timestamp;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use store::backend::embedded::Leisure;
use store::world::Clock;

/// Tells by the bytes that connections move whether clients are served.
pub struct Clients {
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    last: Mutex<Last>,
}

/// What was found when it was last looked.
struct Last {
    /// Bytes that clients had received and sent.
    bytes: u64,
    /// Since when at the latest it had been so many.
    since: Timestamp,
}

impl Clients {
    /// Watches what the metrics count.
    pub fn new(metrics: Arc<Metrics>, clock: Arc<dyn Clock>) -> Self {
        let last = Last {
            bytes: metrics.bytes(),
            since: clock.now(),
        };
        Self {
            metrics,
            clock,
            last: Mutex::new(last),
        }
    }
}

impl Leisure for Clients {
    /// Nobody looks while nothing is to be done: what moved since the last look may have moved just
    /// now.
    fn is_quiet(&self, time: Duration) -> bool {
        let (bytes, now) = (self.metrics.bytes(), self.clock.now());
        let mut last = self.last.lock();
        if bytes != last.bytes {
            *last = Last { bytes, since: now };
        }
        let ticks = now.0.saturating_sub(last.since.0).max(0).unsigned_abs();
        Duration::from_nanos(ticks.saturating_mul(100)) >= time
    }
}

/// For how long work is held back for the sake of those who are served.
#[derive(Debug)]
pub struct Patience {
    /// For how long nobody must have been served.
    quiet: Duration,
    /// Pauses that it was held back so far.
    held_back: u32,
    /// Pauses that it is held back at most.
    most: u32,
}

impl Patience {
    /// Holds back until nobody was served for a time, and for so many pauses at most.
    pub fn until_quiet(quiet: Duration, most: u32) -> Self {
        Self {
            quiet,
            held_back: 0,
            most,
        }
    }

    /// Asked after each pause in which there is work: whether it is done now.
    pub fn is_over(&mut self, leisure: &dyn Leisure) -> bool {
        if leisure.is_quiet(self.quiet) || self.held_back >= self.most {
            self.held_back = 0;
            return true;
        }
        self.held_back += 1;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI64, Ordering};

    const IDLE: Duration = Duration::from_millis(500);

    /// A clock that is set by hand.
    struct Watch(AtomicI64);

    impl Clock for Watch {
        fn now(&self) -> Timestamp {
            Timestamp(self.0.load(Ordering::SeqCst))
        }
    }

    impl Watch {
        fn pass(&self, time: Duration) {
            let ticks = i64::try_from(time.as_nanos() / 100).unwrap();
            self.0.fetch_add(ticks, Ordering::SeqCst);
        }
    }

    struct Busy;

    impl Leisure for Busy {
        fn is_quiet(&self, _time: Duration) -> bool {
            false
        }
    }

    #[test]
    fn it_is_quiet_a_while_after_a_byte_was_last_seen_to_have_moved() {
        let (metrics, clock) = (
            Arc::new(Metrics::default()),
            Arc::new(Watch(AtomicI64::new(0))),
        );
        let clients = Clients::new(Arc::clone(&metrics), clock.clone());
        assert!(!clients.is_quiet(IDLE));
        clock.pass(IDLE);
        assert!(clients.is_quiet(IDLE));
        metrics.service("imap").received(1);
        clock.pass(Duration::from_mins(1));
        assert!(!clients.is_quiet(IDLE)); // It may have come just now.
        clock.pass(IDLE / 2);
        assert!(!clients.is_quiet(IDLE));
        clock.pass(IDLE / 2);
        assert!(clients.is_quiet(IDLE));
    }

    #[test]
    fn work_is_held_back_while_clients_are_served_but_not_for_ever() {
        let mut patience = Patience::until_quiet(IDLE, 50);
        for _ in 0..2 {
            for _ in 0..50 {
                assert!(!patience.is_over(&Busy));
            }
            assert!(patience.is_over(&Busy));
        }
    }
}
