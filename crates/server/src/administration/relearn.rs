//! The index of letters, made anew while the server runs.
//!
//! One mailbox after the other is forgotten and learned again by the thread that feeds the index,
//! so that at any time only one is searched without it. That takes longer and finds the same.

use super::{Failure, Progress, Reply, Watcher};
use crate::house::House;
use ::store::id::AccountId;
use serde_json::json;
use std::time::Duration;

/// How often it is looked how far a mailbox has come.
const PAUSE: Duration = Duration::from_millis(50);
/// Pauses without any progress after which the thread is taken to be unable: two minutes.
const PAUSES_MAX: u32 = 2400;

/// Has the running server learn all letters anew. Ends early when nobody waits for it any more;
/// what was forgotten by then is learned all the same.
pub fn search(house: &House, watcher: Watcher<'_>) -> Result<Reply, Failure> {
    let accounts = house.engine.accounts()?;
    let (mut letters, total) = (0, accounts.len() as u64);
    for (done, account) in (0_u64..).zip(&accounts) {
        let progress = Progress {
            done,
            total,
            what: account.record.address.clone(),
        };
        if house.engine.relearn_for_search(account.account) {
            letters += wait(house, account.account, &progress, watcher)?;
        }
    }
    let text = format!("the index of letters is new: {letters} letters in {total} mailboxes");
    let data = json!({ "accounts": total, "letters": letters });
    Ok(Reply::new(text, data))
}

/// Waits until a mailbox is known; the answer is how many letters it has.
fn wait(
    house: &House,
    account: AccountId,
    progress: &Progress,
    watcher: Watcher<'_>,
) -> Result<u64, Failure> {
    let (mut before, mut pauses) = (0, 0);
    loop {
        let Some(known) = house.engine.known_for_search(account) else {
            return Ok(0);
        };
        if known.mark.is_some() {
            return Ok(known.sketches);
        }
        pauses = if known.sketches == before {
            pauses + 1
        } else {
            0
        };
        before = known.sketches;
        if pauses > PAUSES_MAX {
            let why = "the index does not get further; the server's log tells why";
            return Err(Failure::of(&progress.what, why));
        }
        if !watcher(progress) {
            return Err(Failure::of(
                "rebuild search",
                "nobody waits for it any more",
            ));
        }
        // The thread that feeds the index tells nobody how far it is.
        std::thread::park_timeout(PAUSE);
    }
}
