//! Threads for the step functions, for a server that is not simulated.

use super::Embedded;
use crate::id::Timestamp;
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long nothing may happen before the index is brought up to date.
const IDLE: Duration = Duration::from_secs(2);

/// How often the collector looks for work.
const COLLECT_EVERY: Duration = Duration::from_secs(5);
/// How many times as long as a piece of work took the collector then rests: a slow disk is left to
/// those who wait for it.
const EASE: u32 = 4;
/// The same while the disk is nearly full.
const EASE_LOW: u32 = 1;
/// Longest of these rests.
const EASE_MOST: Duration = Duration::from_secs(1);

/// Time in which nobody was served before the collector works: a base dump writes as much as the
/// whole index, and whoever comes meanwhile waits for the same disk.
const QUIET: Duration = Duration::from_secs(5);
/// Pause between two looks whether those who are served have left the disk to the collector.
const HOLD_BACK: Duration = Duration::from_millis(500);
/// Such pauses after which it works all the same: five minutes.
const HELD_BACK_MAX: u32 = 600;

/// Tells when work that nobody waits for is in nobody's way.
pub trait Leisure: Send + Sync {
    /// True when nobody was served for so long.
    fn is_quiet(&self, time: Duration) -> bool;
}

/// For a store without clients: work is done as soon as there is some.
struct Always;

impl Leisure for Always {
    fn is_quiet(&self, _time: Duration) -> bool {
        true
    }
}

/// The running threads of a store. Dropping it stops them, after what was placed is on disk.
pub struct Threads {
    store: Arc<Embedded>,
    stopping: Arc<AtomicBool>,
    joined: Mutex<Vec<JoinHandle<()>>>,
}

impl Embedded {
    /// Starts committer, applier and collector.
    pub fn run_threads(self: &Arc<Self>) -> io::Result<Threads> {
        self.run_threads_beside(Arc::new(Always))
    }

    /// The same beside others: collector and base dumps wait for their leisure, for minutes at most
    /// and never while the disk is nearly full.
    pub fn run_threads_beside(self: &Arc<Self>, leisure: Arc<dyn Leisure>) -> io::Result<Threads> {
        let threads = Threads {
            store: Arc::clone(self),
            stopping: Arc::default(),
            joined: Mutex::default(),
        };
        self.threads.fetch_add(1, Ordering::SeqCst);
        threads.spawn("store-commit", Self::run_committer)?;
        threads.spawn("store-apply", Self::run_applier)?;
        threads.spawn("store-collect", move |store, stopping| {
            store.run_collector(&*leisure, stopping);
        })?;
        Ok(threads)
    }

    pub(super) fn has_threads(&self) -> bool {
        self.threads.load(Ordering::SeqCst) > 0
    }

    fn run_committer(&self, stopping: &AtomicBool) {
        loop {
            while self.step_commit() {}
            let mut placing = self.placing.lock();
            if !placing.span.waiting.is_empty() {
                continue;
            }
            if stopping.load(Ordering::SeqCst) {
                return;
            }
            self.placed.wait(&mut placing);
        }
    }

    fn run_applier(&self, stopping: &AtomicBool) {
        loop {
            while self.step_apply() {
                if self.checkpoint_is_due() {
                    self.step_checkpoint();
                }
            }
            if stopping.load(Ordering::SeqCst) {
                return;
            }
            while self.step_merge() {}
            let mut placing = self.placing.lock();
            if self
                .tables
                .list()
                .frozen
                .last()
                .is_some_and(|table| table.sealed().is_some())
            {
                continue;
            }
            let before = self.tables.settled();
            let waited = self.progress.wait_for(&mut placing, IDLE);
            drop(placing);
            if waited.timed_out() && before == self.tables.settled() && !self.step_freeze() {
                self.step_checkpoint();
            }
        }
    }

    fn run_collector(&self, leisure: &dyn Leisure, stopping: &AtomicBool) {
        let mut held_back = 0;
        while !stopping.load(Ordering::SeqCst) {
            // Room comes and goes by other hands, also while nobody writes.
            self.space.look();
            // Soon, since what comes in masses is what it is worth most for.
            self.step_learn();
            let may_work =
                leisure.is_quiet(QUIET) || self.space.is_low() || held_back >= HELD_BACK_MAX;
            let begun = self.world.clock.now();
            if !may_work {
                held_back += 1;
                self.rest(HOLD_BACK, stopping);
            } else if self.step_base() || self.step_collect() {
                self.settle_collected(stopping);
                self.rest(self.ease_after(begun), stopping);
            } else {
                held_back = 0; // Nothing is left.
                self.rest(COLLECT_EVERY, stopping);
            }
        }
    }

    /// Waits until the collector's last commit is on disk or has failed.
    fn settle_collected(&self, stopping: &AtomicBool) {
        let Some(commit) = self.collector_waits_for() else {
            return;
        };
        let mut placing = self.placing.lock();
        // When the store is to be closed, the committer may be gone already.
        while commit.result().is_none() && !stopping.load(Ordering::SeqCst) {
            self.progress.wait(&mut placing);
        }
    }

    /// How long the collector leaves the disk to others after a piece of work.
    fn ease_after(&self, begun: Timestamp) -> Duration {
        let ticks = self.world.clock.now().0.saturating_sub(begun.0).max(0);
        let spent = Duration::from_nanos(ticks.unsigned_abs().saturating_mul(100));
        let times = if self.space.is_low() { EASE_LOW } else { EASE };
        spent.saturating_mul(times).min(EASE_MOST)
    }

    /// Waits, unless the store is to be closed.
    fn rest(&self, time: Duration, stopping: &AtomicBool) {
        let mut placing = self.placing.lock();
        if !stopping.load(Ordering::SeqCst) {
            self.background.wait_for(&mut placing, time);
        }
    }
}

impl Threads {
    fn spawn(
        &self,
        name: &str,
        run: impl FnOnce(&Embedded, &AtomicBool) + Send + 'static,
    ) -> io::Result<()> {
        let (store, stopping) = (Arc::clone(&self.store), Arc::clone(&self.stopping));
        let thread = std::thread::Builder::new().name(name.to_owned());
        self.joined
            .lock()
            .push(thread.spawn(move || run(&store, &stopping))?);
        Ok(())
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        {
            // Under the lock nobody is between looking at the flag and waiting.
            let _placing = self.store.placing.lock();
            self.store.placed.notify_all();
            self.store.progress.notify_all();
            self.store.background.notify_all();
        }
        for thread in self.joined.lock().drain(..) {
            let _ = thread.join(); // A panic there was reported by its own thread.
        }
        self.store.threads.fetch_sub(1, Ordering::SeqCst);
        self.store.flush();
        self.store.announce(); // Whoever still waits for a thread does its work now.
    }
}
