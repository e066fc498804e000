//! Keeps the results of attempts: those that come while a commit is made go together into the next.
//!
//! One round runs at a time, on a thread that may block. Who hands in a result waits until it is on
//! disk, each for itself.
//!
//! Start at [`Shared::keep`].

use super::{Shared, dice};
use engine::queue::{Attempt, Ended, EntryKey, Kept, Settled};
use engine::{EngineError, StoreError};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Results that wait for the next round.
#[derive(Default)]
pub struct Settling(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    ended: Vec<Ended>,
    /// Who is told, in the same order.
    told: Vec<oneshot::Sender<Kept>>,
    /// Someone sees to it that what waits is kept.
    is_tended: bool,
}

impl Settling {
    /// Takes a result in; true when nobody tends them, so that the caller has to.
    fn put(&self, ended: Ended, told: oneshot::Sender<Kept>) -> bool {
        let mut waiting = self.0.lock();
        waiting.ended.push(ended);
        waiting.told.push(told);
        !std::mem::replace(&mut waiting.is_tended, true)
    }

    /// All that waits; when that is nothing, nobody tends it from now on.
    fn take(&self) -> (Vec<Ended>, Vec<oneshot::Sender<Kept>>) {
        let mut waiting = self.0.lock();
        waiting.is_tended = !waiting.ended.is_empty();
        (
            std::mem::take(&mut waiting.ended),
            std::mem::take(&mut waiting.told),
        )
    }
}

impl Shared {
    /// Commits what an attempt led to, and waits until that is on disk.
    pub(super) async fn keep(
        self: &Arc<Self>,
        key: EntryKey,
        attempt: Attempt,
    ) -> Result<Settled, EngineError> {
        let ended = Ended {
            key,
            attempt,
            dice: dice(),
        };
        let (tell, told) = oneshot::channel();
        if self.settling.put(ended, tell) {
            tokio::spawn(Arc::clone(self).tend());
        }
        // A round is lost only when the server stops.
        let stopped = || StoreError::Refused("the server stops".to_owned());
        let (settled, settlement) = told.await.map_err(|_| stopped())??.split();
        settlement.await?;
        Ok(settled)
    }

    /// Keeps what waits, round by round, until nothing does.
    async fn tend(self: Arc<Self>) {
        loop {
            let (ended, told) = self.settling.take();
            if ended.is_empty() {
                return;
            }
            let engine = self.engine.clone();
            let round = move || engine.queue_settle_all(&ended);
            let Ok(kept) = self.pool.run(None, round).await else {
                continue;
            };
            for (kept, told) in kept.into_iter().zip(told) {
                let _ = told.send(kept); // Who asked may be gone: it is kept all the same.
            }
        }
    }
}
