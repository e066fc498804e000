//! Sends what waits in the queue.
//!
//! One task looks for what is due and asks the engine's scheduler what to do; a worker for each
//! connection does it. Names are looked up and connections opened here only; what is said over them
//! is `smtp::client`, what becomes of a letter `engine::queue`.
//!
//! Start at [`start`].

mod candidates;
mod connection;
pub mod dane;
mod demand;
pub mod fetch;
#[cfg(any(test, feature = "fuzzed"))]
pub mod fuzzed;
mod letter;
mod look;
pub mod names;
mod observing;
pub mod route;
pub mod settings;
mod settling;
pub mod sts;
pub mod tls;
mod worker;

use crate::configuration::{Addresses, Configuration, Endpoint, Service};
use crate::driver::pool::Pool;
use crate::metrics::{Gauge, ServiceMetrics};
use crate::reports::tally::Tally;
use crate::signing::Signer;
use crate::trace::Trace;
use crate::world::{SystemClock, SystemRng};
use candidates::Ourselves;
use engine::dialogue::{Level, Record};
use engine::queue::{Ending, EntryKey, Job, Mark, Scheduler, Step};
use engine::{Engine, Timestamp};
use names::Names;
use parking_lot::Mutex;
use route::Routes;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::world::{Clock, Rng};
use tls::Keys;
use tokio::sync::{Notify, Semaphore, oneshot, watch};
use tokio::time::{Instant, timeout};

/// Least time between two looks into the store, so that many small commits cost few looks.
const BREATH: Duration = Duration::from_millis(2);
/// Longest time between two looks, whatever the schedule says.
const LOOK: Duration = Duration::from_mins(1);
/// How long letters that are being sent may take when the server stops.
const DRAIN: Duration = Duration::from_secs(10);

/// What the sending tasks share.
pub struct Shared {
    engine: Engine,
    pool: Arc<Pool>,
    routes: Routes,
    signer: Signer,
    names: Arc<dyn Names>,
    keys: Arc<Keys>,
    /// MTA-STS policies, and where they come from.
    policies: sts::Memory,
    web: fetch::Web,
    ourselves: Ourselves,
    sources: Vec<IpAddr>,
    port: u16,
    scheduler: Arc<Mutex<Scheduler>>,
    /// How far the schedule was looked through.
    mark: Mutex<Mark>,
    /// Until then what is passed over is left alone, however long that was.
    eased_until: Mutex<Instant>,
    settling: settling::Settling,
    /// Entries that do not parse; each was told once, and none holds up the others.
    damaged: Mutex<HashSet<EntryKey>>,
    /// Workers with an open connection and nothing to do.
    idle: Mutex<HashMap<Arc<str>, Vec<oneshot::Sender<Job>>>>,
    /// Rung when a job ended.
    bell: Notify,
    /// One permit for each of them, no more than letters are sent at a time.
    idle_places: Semaphore,
    /// One permit for each worker.
    workers: Arc<Semaphore>,
    workers_max: u32,
    counters: Arc<ServiceMetrics>,
    trace: Arc<Trace>,
    /// Where it is counted whether connections could be encrypted, if anyone is to be told.
    tally: Option<Arc<Tally>>,
    stopping: watch::Receiver<bool>,
}

/// The running tasks.
pub struct Outbound {
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

/// What sending needs of the server around it.
pub struct Surroundings<'a> {
    /// The folder that holds everything.
    pub data: &'a Path,
    /// The rules.
    pub engine: Engine,
    /// In which order letters are sent.
    pub scheduler: Arc<Mutex<Scheduler>>,
    /// Who knows names.
    pub names: Arc<dyn Names>,
    /// Threads that may block.
    pub pool: Arc<Pool>,
    /// Counters.
    pub counters: Arc<ServiceMetrics>,
    /// What happened to each letter.
    pub trace: Arc<Trace>,
    /// What is counted for reports.
    pub tally: Arc<Tally>,
    /// Where we listen ourselves.
    pub addresses: &'a Addresses,
    /// Becomes true once, when the server stops.
    pub stopping: watch::Receiver<bool>,
}

/// Begins to send.
///
/// Errors: a line that says what of the configuration is wrong.
pub fn start(configuration: &Configuration, around: Surroundings<'_>) -> Result<Outbound, String> {
    let settings = &configuration.delivery;
    let sendings = settings.pace().sendings_max;
    let own = around
        .addresses
        .iter()
        .filter_map(|(service, at)| match at {
            Endpoint::Tcp(address) if *service == Service::Smtp => Some(*address),
            _ => None,
        });
    let workers_max = u32::try_from(sendings.saturating_mul(2)).unwrap_or(u32::MAX);
    let names = around.names;
    let keys = Arc::new(Keys::new()?);
    let shared = Arc::new(Shared {
        engine: around.engine,
        pool: around.pool,
        routes: Routes::new(settings)?,
        signer: Signer::default(),
        policies: sts::Memory::open(around.data.join("mta-sts.json")),
        web: fetch::Web {
            names: Arc::clone(&names),
            keys: Arc::clone(&keys),
            port: settings.https_port,
        },
        names,
        keys,
        ourselves: Ourselves {
            hostname: configuration.host_name(),
            addresses: own.collect(),
        },
        sources: settings.source_addresses.clone(),
        port: settings.port,
        scheduler: around.scheduler,
        mark: Mutex::default(),
        eased_until: Mutex::new(Instant::now()),
        settling: settling::Settling::default(),
        damaged: Mutex::default(),
        idle: Mutex::default(),
        idle_places: Semaphore::new(sendings),
        bell: Notify::new(),
        workers: Arc::new(Semaphore::new(workers_max as usize)),
        workers_max,
        counters: around.counters,
        trace: around.trace,
        tally: configuration.reports.tls.then_some(around.tally),
        stopping: around.stopping,
    });
    let task = tokio::spawn(Arc::clone(&shared).dispatch());
    Ok(Outbound { shared, task })
}

impl Outbound {
    /// Waits for letters that are being sent, for a while.
    pub async fn drain(self) {
        self.shared.bell.notify_one();
        let shared = Arc::clone(&self.shared);
        let finished = async {
            let _ = self.task.await;
            let _ = shared.workers.acquire_many(shared.workers_max).await;
        };
        let _ = timeout(DRAIN, finished).await;
    }

    /// What the metrics show of it.
    pub fn gauges(&self) -> impl Fn() -> [Gauge; 3] + Send + Sync + use<> {
        let shared = Arc::clone(&self.shared);
        move || {
            let (running, known, resting) = {
                let scheduler = shared.scheduler.lock();
                let resting = scheduler.resting(now()).len();
                (scheduler.running(), scheduler.len(), resting)
            };
            let gauge = |name, help, value: usize| Gauge {
                name,
                help,
                value: value as u64,
            };
            [
                gauge(
                    "facteur_queue_sending",
                    "Letters that are being sent.",
                    running,
                ),
                gauge(
                    "facteur_queue_in_memory",
                    "Letters that are due and scheduled.",
                    known,
                ),
                gauge(
                    "facteur_queue_resting",
                    "Destinations that are not reached.",
                    resting,
                ),
            ]
        }
    }
}

fn now() -> Timestamp {
    SystemClock.now()
}

/// A number that nobody can foresee.
fn dice() -> u64 {
    let mut bytes = [0; 8];
    SystemRng.fill(&mut bytes);
    u64::from_ne_bytes(bytes)
}

/// A time when something that can't be done now may be tried again.
fn in_an_hour(now: Timestamp) -> Timestamp {
    Timestamp(now.0.saturating_add(3_600 * Timestamp::PER_SECOND))
}

impl Shared {
    /// A line for the log, and for who asks what happened to a letter.
    fn announce(&self, event: &'static str, facts: Vec<(&'static str, String)>) {
        self.counters.event(event);
        let record = Record {
            level: Level::Info,
            event,
            facts,
        };
        crate::log::record("outbound", 0, &record);
        self.trace.note("outbound", &record, now().seconds());
    }

    fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Looks for what is due and has it sent, until the server stops.
    async fn dispatch(self: Arc<Self>) {
        let mut changed = self.engine.watch_queue();
        let mut stopping = self.stopping.clone();
        while !self.is_stopping() {
            let wait = match self.look().await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::error!(%error, "the queue cannot be read");
                    LOOK
                }
            };
            self.carry_out();
            tokio::time::sleep(BREATH).await;
            tokio::select! {
                () = &mut changed => {}
                () = self.bell.notified() => {}
                () = tokio::time::sleep(wait) => {}
                _ = stopping.wait_for(|stopping| *stopping) => {}
            }
        }
    }

    /// Begins everything that the scheduler wants begun.
    fn carry_out(self: &Arc<Self>) {
        let mut put_off = Vec::new();
        loop {
            let step = self.scheduler.lock().next_step();
            match step {
                Some(Step::Send(job)) => self.launch(job),
                Some(step @ Step::PutOff(..)) => put_off.push(step),
                None => break,
            }
        }
        if !put_off.is_empty() {
            let shared = Arc::clone(self);
            *shared.eased_until.lock() = Instant::now() + LOOK; // Until it is known how long it took.
            tokio::spawn(async move {
                let pool = Arc::clone(&shared.pool);
                let bell = Arc::clone(&shared);
                let _ = pool.run(None, move || shared.put_off(&put_off)).await;
                bell.bell.notify_one();
            });
        }
    }

    /// Gives a job to a worker that has a connection, or to a new one.
    fn launch(self: &Arc<Self>, job: Job) {
        let mut job = job;
        loop {
            let waiting = self
                .idle
                .lock()
                .get_mut(&job.destination)
                .and_then(Vec::pop);
            let Some(waiting) = waiting else { break };
            match waiting.send(job) {
                Ok(()) => return,
                Err(back) => job = back,
            }
        }
        let Ok(place) = Arc::clone(&self.workers).try_acquire_owned() else {
            // All places are taken by those that wait with a connection; they leave soon.
            let (shared, step) = (Arc::clone(self), Step::Send(job));
            tokio::spawn(async move {
                tokio::time::sleep(BREATH).await;
                let (now, dice) = (now(), dice());
                // While a look is under way the next one goes through all anyhow.
                if let Some(mut mark) = shared.mark.try_lock() {
                    mark.forget();
                }
                shared
                    .scheduler
                    .lock()
                    .finished(&step, Ending::Nothing, now, dice);
                shared.bell.notify_one();
            });
            return;
        };
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            worker::run(shared, job).await;
            drop(place);
        });
    }
}
