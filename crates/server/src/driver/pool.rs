//! Threads that may block: for steps that read the disk, and for hashing passwords.
//!
//! A pool has a fixed number of threads for short work and a few for long, which the system lets
//! wait for all others; whose turn it is is said by [`Turns`]. A job that panics is lost, its thread
//! is not.
//!
//! Start at [`Pool::run`].

use super::turns::{Pace, Task, Turns};
use parking_lot::{Condvar, Mutex};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use store::id::AccountId;
use tokio::sync::oneshot;

/// For so many threads there is one more, for long work.
const LONG_SHARE: usize = 4;
/// How far threads for long work stand back behind those that people wait for: the kernel's nice
/// value.
const NICE: i32 = 10;

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
    short_work: Condvar,
    long_work: Condvar,
    waiting_max: usize,
}

#[derive(Default)]
struct Queue {
    turns: Turns<Job>,
    stopped: bool,
}

impl Pool {
    /// Starts `threads` threads; the pool calls itself full when `waiting_max` jobs wait.
    pub fn start(name: &str, threads: usize, waiting_max: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            short_work: Condvar::new(),
            long_work: Condvar::new(),
            waiting_max,
        });
        let start = |pace| {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || shared.serve(pace))
        };
        let short = (0..threads.max(1)).map(|_| Pace::Short);
        let long = (0..(threads / LONG_SHARE).max(1)).map(|_| Pace::Long);
        let threads = short.chain(long).map(start);
        let threads = threads.collect::<Result<Vec<_>, _>>()?;
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
        self.run_at(Pace::Short, account, job).await
    }

    /// The same for a job that may be one of many.
    pub async fn run_at<T: Send + 'static>(
        &self,
        pace: Pace,
        account: Option<AccountId>,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Lost> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move || {
            // The asker may be gone; then nobody needs the answer.
            let _ = answer.send(job());
        });
        self.shared.put(Task { account, pace, job })?;
        answered.await.map_err(|_| Lost)
    }

    /// True when as many jobs wait as should.
    pub fn is_full(&self) -> bool {
        self.shared.queue.lock().turns.waiting() >= self.shared.waiting_max
    }

    /// Jobs that wait for a thread.
    pub fn waiting(&self) -> usize {
        self.shared.queue.lock().turns.waiting()
    }

    /// Lets running jobs end, drops those that wait, and joins the threads.
    pub fn stop(&self) {
        let dropped = {
            let mut queue = self.shared.queue.lock();
            queue.stopped = true;
            std::mem::take(&mut queue.turns)
        };
        drop(dropped); // Outside of the lock: a job's end wakes its asker.
        self.shared.short_work.notify_all();
        self.shared.long_work.notify_all();
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
    fn put(&self, task: Task<Job>) -> Result<(), Lost> {
        let work = self.work(task.pace);
        let mut queue = self.queue.lock();
        if queue.stopped {
            return Err(Lost);
        }
        queue.turns.put(task);
        drop(queue);
        work.notify_one();
        Ok(())
    }

    /// What threads of this kind wait for.
    fn work(&self, pace: Pace) -> &Condvar {
        match pace {
            Pace::Short => &self.short_work,
            Pace::Long => &self.long_work,
        }
    }

    /// A thread's life.
    fn serve(&self, pace: Pace) {
        if pace == Pace::Long {
            // Without it the work is done all the same, only less politely.
            let _ = rustix::process::setpriority_process(None, NICE);
        }
        while let Some(Task { account, job, .. }) = self.take(pace) {
            // The job's state is dropped with it, so nothing broken is seen afterwards.
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                tracing::error!("a step panicked; its connection is closed");
            }
            self.queue.lock().turns.ended(account, pace);
            if pace == Pace::Long {
                // The system would let it go on for some milliseconds, whoever woke meanwhile.
                std::thread::yield_now();
            }
        }
    }

    fn take(&self, pace: Pace) -> Option<Task<Job>> {
        let mut queue = self.queue.lock();
        loop {
            if queue.stopped {
                return None;
            }
            if let Some(next) = queue.turns.next(pace) {
                return Some(next);
            }
            self.work(pace).wait(&mut queue);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::turns::STEPS_PER_ACCOUNT;
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
    }
}
