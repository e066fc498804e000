//! When a letter is tried again.
//!
//! The wait grows with the letter's age, so nothing has to be counted: a letter that has waited for
//! an hour waits about another hour. Chance spreads what failed together.
//!
//! Standards: RFC 5321 §4.5.4.1.

use crate::settings::Sending;
use store::id::Timestamp;

/// The part of a wait that chance adds or takes away: an eighth each way.
const SPREAD: i64 = 4;

/// The time of the next attempt of a letter that came at `created` and failed `now`.
///
/// `dice` is any number; equal numbers give equal times.
pub(super) fn next(settings: &Sending, created: Timestamp, now: Timestamp, dice: u64) -> Timestamp {
    let first = i64::from(settings.retry_first_seconds);
    let most = i64::from(settings.retry_most_seconds).max(first);
    let age = now.0.saturating_sub(created.0) / Timestamp::PER_SECOND;
    let wait = age.clamp(first, most).saturating_mul(Timestamp::PER_SECOND);
    after(now, wait, dice)
}

/// A time about so many ticks later: chance moves it by an eighth of the wait, earlier or later.
pub(super) fn after(now: Timestamp, wait: i64, dice: u64) -> Timestamp {
    let spread = (wait / SPREAD).max(1);
    let moved = (dice % spread.unsigned_abs()).cast_signed() - spread / 2;
    Timestamp(now.0.saturating_add(wait).saturating_add(moved))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = Timestamp::PER_SECOND;

    fn wait(age_seconds: i64, dice: u64) -> i64 {
        let now = Timestamp(age_seconds * SECOND);
        (next(&Sending::default(), Timestamp(0), now, dice).0 - now.0) / SECOND
    }

    #[test]
    fn the_wait_grows_with_the_letters_age_between_two_bounds() {
        let exactly = 300 * u64::try_from(SECOND).unwrap() / 8; // The middle of the spread.
        assert_eq!(wait(0, exactly), 300);
        assert!((525..=675).contains(&wait(600, 1)), "{}", wait(600, 1));
        assert!((3_000..=4_100).contains(&wait(1_000_000, 7)));
    }

    #[test]
    fn chance_moves_a_wait_by_at_most_an_eighth() {
        for dice in [0, 1, 12_345_678_901, u64::MAX] {
            assert!((262..=338).contains(&wait(0, dice)), "{}", wait(0, dice));
        }
    }
}
