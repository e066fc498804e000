//! The world as it is: the wall clock and the kernel's randomness. Files are `store::world::disk`.
//!
//! The one place where the workspace asks for either; everything else takes the traits.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::id::Timestamp;
use store::world::{Clock, Rng};

/// The machine's wall clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    // The one implementation of the trait outside tests.
    #[allow(clippy::disallowed_methods, reason = "implements store::world::Clock")]
    fn now(&self) -> Timestamp {
        let ticks = |span: Duration| i64::try_from(span.as_nanos() / 100).unwrap_or(i64::MAX);
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => Timestamp(ticks(since)),
            Err(before) => Timestamp(-ticks(before.duration())),
        }
    }
}

/// The kernel's random numbers (getrandom(2)).
#[derive(Debug, Clone, Copy)]
pub struct SystemRng;

impl Rng for SystemRng {
    // The one implementation of the trait outside tests.
    #[allow(clippy::disallowed_methods, reason = "implements store::world::Rng")]
    fn fill(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            // Without randomness no key, number or salt is safe: going on would be worse than
            // ending.
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_in_units_of_100_ns_since_1970() {
        let year_2026 = Timestamp::from_seconds(1_767_225_600);
        assert!(SystemClock.now() > year_2026);
    }

    #[test]
    fn two_draws_differ() {
        let (mut first, mut second) = ([0; 16], [0; 16]);
        SystemRng.fill(&mut first);
        SystemRng.fill(&mut second);
        assert_ne!(first, second);
    }
}
