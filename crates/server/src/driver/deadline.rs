//! A timer that is moved with every command but seldom runs out.
//!
//! Moving it later costs nothing: only when the old time comes is the runtime's timer set anew.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use store::id::Timestamp;
use tokio::time::{Instant, Sleep};

/// The one time at which a session wants to be called.
#[derive(Debug, Default)]
pub struct Deadline {
    at: Option<Timestamp>,
    armed: Option<(Timestamp, Pin<Box<Sleep>>)>,
}

impl Deadline {
    /// Names another time; the earlier one is forgotten.
    pub fn set(&mut self, at: Timestamp) {
        self.at = Some(at);
        // A timer that would run out too late is of no use.
        if self.armed.as_ref().is_some_and(|(armed, _)| *armed > at) {
            self.armed = None;
        }
    }

    /// Ready once for each time that was named. `now` is the wall clock.
    pub fn poll(&mut self, context: &mut Context<'_>, now: impl Fn() -> Timestamp) -> Poll<()> {
        let Some(at) = self.at else {
            return Poll::Pending;
        };
        loop {
            let (_, sleep) = self.armed.get_or_insert_with(|| {
                (
                    at,
                    Box::pin(tokio::time::sleep_until(instant_of(at, now()))),
                )
            });
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.armed = None;
            if now() >= at {
                self.at = None;
                return Poll::Ready(());
            }
        }
    }
}

fn instant_of(at: Timestamp, now: Timestamp) -> Instant {
    let ticks = u64::try_from(at.0.saturating_sub(now.0)).unwrap_or(0);
    // One tick more, so that the wall clock has come to `at` when the timer ends.
    let wait = Duration::from_micros(ticks / 10 + 1);
    Instant::now() + wait
}
