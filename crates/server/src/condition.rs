//! Tells in the log when the store ceases to take mail and when it takes mail again.
//!
//! Never decides that: the store does, and refuses by itself. Start at [`watch`].

use crate::house::House;
use std::sync::Arc;
use std::time::Duration;
use store::backend::embedded::Condition;

/// How often the store is asked; it costs next to nothing.
const EVERY: Duration = Duration::from_secs(1);

/// Runs until the task is dropped.
pub async fn watch(house: Arc<House>) {
    let mut known = Condition::Sound;
    loop {
        let now = house.backend.condition();
        if now != known {
            tell(&now);
            known = now;
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
