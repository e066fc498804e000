//! Tells in the log when the store ceases to take mail and when it takes mail again, and when want
//! of room made the time shorter to which it can be restored.
//!
//! Never decides that: the store does, and refuses by itself. Start at [`watch`].

use crate::house::House;
use formats::moment::rfc3339;
use std::sync::Arc;
use std::time::Duration;
use store::backend::embedded::Condition;
use store::id::Timestamp;

/// How often the store is asked; it costs next to nothing.
const EVERY: Duration = Duration::from_secs(1);

/// Runs until the task is dropped.
pub async fn watch(house: Arc<House>) {
    let mut known = Condition::Sound;
    let mut known_window = None;
    loop {
        let now = house.backend.condition();
        if now != known {
            tell(&now);
            known = now;
        }
        let window = house.backend.window_shortened_to();
        if window != known_window {
            tell_window(window);
            known_window = window;
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn tell(condition: &Condition) {
    match condition {
        Condition::Sound => tracing::info!("there is room again: mail is taken"),
        Condition::Full => tracing::error!(
            "the disk is nearly full: mail is refused for now; reading and deleting go on"
        ),
        Condition::Failed(why) => {
            tracing::error!(why, "the store failed: nothing is written until a restart");
        }
    }
}

fn tell_window(shortened_to: Option<Timestamp>) {
    if let Some(since) = shortened_to {
        tracing::warn!(
            since = rfc3339(since.seconds()),
            "the disk is nearly full: the store can be restored to no earlier moment than this"
        );
    } else {
        tracing::info!("the store can be restored to any moment of its window again");
    }
}
