//! Threads that may block: for steps that read the disk, and for hashing passwords.
//!
//! A pool has a fixed number of threads and takes jobs in order. Of one account at most
//! [`STEPS_PER_ACCOUNT`] run at a time, so that one busy account leaves threads to the others. A
//! job that panics is lost, its thread is not.
//!
//! Start at [`Pool::run`].

use parking_lot::{Condvar, Mutex};
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use store::id::AccountId;
use tokio::sync::oneshot;

/// Steps of one account that may run at the same time.
pub const STEPS_PER_ACCOUNT: usize = 2;

type Job = Box<dyn FnOnce() + Send>;

/// A job gave no answer: it panicked, or the pool was stopped before its turn came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost;

/// Some threads and the jobs that wait for them.
pub struct Pool {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
    waiting_max: usize,
}

#[derive(Default)]
struct Queue {
    ready: VecDeque<(Option<AccountId>, Job)>,
    accounts: HashMap<AccountId, Share>,
    waiting: usize,
    idle: usize,
    stopped: bool,
}

/// What one account has in the pool.
#[derive(Default)]
struct Share {
    /// Jobs that run or stand in `ready`.
    admitted: usize,
    held_back: VecDeque<Job>,
}

impl Pool {
    /// Starts `threads` threads; the pool calls itself full when `waiting_max` jobs wait.
    pub fn start(name: &str, threads: usize, waiting_max: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            work: Condvar::new(),
            waiting_max,
        });
        let start = |_| {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || shared.serve())
        };
        let threads = (0..threads.max(1))
            .map(start)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            shared,
            threads: Mutex::new(threads),
        })
    }

    /// Runs `job` on one of the threads and gives its answer. Who can refuse asks
    /// [`Self::is_full`] first.
    pub async fn run<T: Send + 'static>(
        &self,
        account: Option<AccountId>,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Lost> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move || {
            // The asker may be gone; then nobody needs the answer.
            let _ = answer.send(job());
        });
        self.shared.put(account, job)?;
        answered.await.map_err(|_| Lost)
    }

    /// True when as many jobs wait as should.
    pub fn is_full(&self) -> bool {
        self.shared.queue.lock().waiting >= self.shared.waiting_max
    }

    /// Jobs that wait for a thread.
    pub fn waiting(&self) -> usize {
        self.shared.queue.lock().waiting
    }

    /// Lets running jobs end, drops those that wait, and joins the threads.
    pub fn stop(&self) {
        let dropped = {
            let mut queue = self.shared.queue.lock();
            queue.stopped = true;
            (
                std::mem::take(&mut queue.ready),
                std::mem::take(&mut queue.accounts),
            )
        };
        drop(dropped); // Outside of the lock: a job's end wakes its asker.
        self.shared.work.notify_all();
        for thread in self.threads.lock().drain(..) {
            // A thread only ends by a stop; its jobs' panics are caught.
            let _ = thread.join();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn put(&self, account: Option<AccountId>, job: Job) -> Result<(), Lost> {
        let mut queue = self.queue.lock();
        if queue.stopped {
            return Err(Lost);
        }
        queue.waiting += 1;
        if let Some(account) = account {
            let share = queue.accounts.entry(account).or_default();
            if share.admitted >= STEPS_PER_ACCOUNT {
                share.held_back.push_back(job);
                return Ok(());
            }
            share.admitted += 1;
        }
        queue.ready.push_back((account, job));
        let somebody_sleeps = queue.idle > 0;
        drop(queue);
        if somebody_sleeps {
            self.work.notify_one();
        }
        Ok(())
    }

    /// A thread's life.
    fn serve(&self) {
        while let Some((account, job)) = self.take() {
            // The job's state is dropped with it, so nothing broken is seen afterwards.
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                tracing::error!("a step panicked; its connection is closed");
            }
            if let Some(account) = account {
                self.queue.lock().finished(account);
            }
        }
    }

    fn take(&self) -> Option<(Option<AccountId>, Job)> {
        let mut queue = self.queue.lock();
        loop {
            if let Some(next) = queue.ready.pop_front() {
                queue.waiting = queue.waiting.saturating_sub(1);
                return Some(next);
            }
            if queue.stopped {
                return None;
            }
            queue.idle += 1;
            self.work.wait(&mut queue);
            queue.idle -= 1;
        }
    }
}

impl Queue {
    /// A job of this account ended: its place goes to the account's next.
    fn finished(&mut self, account: AccountId) {
        let Some(share) = self.accounts.get_mut(&account) else {
            return;
        };
        if let Some(next) = share.held_back.pop_front() {
            // The thread that calls this takes from the queue next, so nobody need be woken.
            self.ready.push_back((Some(account), next));
            return;
        }
        share.admitted = share.admitted.saturating_sub(1);
        if share.admitted == 0 {
            self.accounts.remove(&account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    #[tokio::test]
    async fn a_job_gives_its_answer() {
        let pool = Pool::start("test", 1, 8).unwrap();
        assert_eq!(pool.run(None, || 6 * 7).await, Ok(42));
    }

    #[tokio::test]
    async fn a_panic_costs_its_job_and_not_the_thread() {
        let pool = Pool::start("test", 1, 8).unwrap();
        assert_eq!(
            pool.run(None, || panic!("on purpose")).await,
            Err::<(), _>(Lost)
        );
        assert_eq!(pool.run(None, || 1).await, Ok(1));
    }

    #[tokio::test]
    async fn a_full_queue_says_so() {
        let pool = Arc::new(Pool::start("test", 1, 1).unwrap());
        let (release, held) = mpsc::channel::<()>();
        let (started, running) = oneshot::channel();
        let first = Arc::clone(&pool);
        let first = tokio::spawn(async move {
            let job = move || {
                started.send(()).unwrap();
                held.recv().unwrap();
            };
            first.run(None, job).await
        });
        running.await.unwrap();
        let second = Arc::clone(&pool);
        let second = tokio::spawn(async move { second.run(None, || 2).await });
        while !pool.is_full() {
            tokio::task::yield_now().await;
        }
        release.send(()).unwrap();
        assert_eq!(first.await.unwrap(), Ok(()));
        assert_eq!(second.await.unwrap(), Ok(2));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_steps_of_one_account_run_at_a_time_and_others_pass_by() {
        let pool = Arc::new(Pool::start("test", 4, 64).unwrap());
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut busy = Vec::new();
        for _ in 0..12 {
            let (pool, running, most) = (Arc::clone(&pool), running.clone(), most.clone());
            busy.push(tokio::spawn(async move {
                let job = move || {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::yield_now();
                    running.fetch_sub(1, Ordering::SeqCst);
                };
                pool.run(Some(AccountId(1)), job).await
            }));
        }
        assert_eq!(pool.run(Some(AccountId(2)), || 7).await, Ok(7));
        for job in busy {
            assert_eq!(job.await.unwrap(), Ok(()));
        }
        assert!(most.load(Ordering::SeqCst) <= STEPS_PER_ACCOUNT);
        pool.stop(); // The last job's account is struck off just after its answer.
        assert!(pool.shared.queue.lock().accounts.is_empty());
    }
}
