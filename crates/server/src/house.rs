//! An open store with the engine over it: what a server and a command on a stopped store have in
//! common.
//!
//! Holding a [`House`] is holding the data's lock. Dropping it brings everything to disk and gives
//! the lock back.

use crate::configuration::{Cleartext, Configuration, Service};
use crate::leisure::Clients;
use crate::metrics::Metrics;
use crate::reports::tally::Tally;
use crate::world::{SystemClock, SystemRng};
use engine::queue::Scheduler;
use engine::traffic::Allowance;
use engine::{Engine, EngineError, Sending, Settings};
use parking_lot::Mutex;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::StoreError;
use store::backend::embedded::{Embedded, Options, Threads, World};
use store::model::Store;
use store::world::disk::Disk;

/// How often it is tried to open data that another process has open.
const ATTEMPTS: u32 = 300;

/// Wait between two of these.
const PAUSE: Duration = Duration::from_millis(100);

/// The data of a server, opened.
pub struct House {
    /// The rules.
    pub engine: Engine,
    /// What the rules are about.
    pub store: Arc<Store>,
    /// The log and the index below.
    pub backend: Arc<Embedded>,
    /// The folder that holds everything.
    pub data: PathBuf,
    /// What the administrator decided.
    pub configuration: Configuration,
    /// What was seen of others' mail and is not yet in the store.
    pub tally: Arc<Tally>,
    /// What is counted of the services.
    pub metrics: Arc<Metrics>,
    /// When clients leave the machine to work that can wait.
    pub leisure: Arc<Clients>,
    /// In which order letters are sent, and which destinations are not reached.
    pub scheduler: Arc<Mutex<Scheduler>>,
    /// Stops the store's threads when dropped; the last field, so that nothing else uses the store
    /// by then.
    _threads: Threads,
}

/// Everything that the store takes from the world outside.
pub fn world() -> World {
    World {
        vfs: Arc::new(Disk),
        clock: Arc::new(SystemClock),
        rng: Arc::new(SystemRng),
    }
}

/// How the store is to be kept.
pub fn options(configuration: &Configuration) -> Options {
    Options {
        deduplicate: configuration.store.deduplicate,
        ..Options::default()
    }
}

/// True when a store is in the folder, whatever state it is in.
pub fn is_in(data: &Path) -> bool {
    Embedded::is_in(&Disk, data)
}

/// Refuses root the store of another user: what it wrote there would lock that user out.
///
/// Errors: one line that names the user.
pub fn check_owner(data: &Path) -> Result<(), String> {
    let owner = |path: &Path| std::fs::metadata(path).map(|found| found.uid());
    let (Ok(theirs), Ok(mine)) = (owner(&data.join("version")), owner(Path::new("/proc/self")))
    else {
        return Ok(()); // A new store, or no one to compare with.
    };
    if mine == 0 && theirs != 0 {
        return Err(format!(
            "the data belongs to the user with number {theirs}; run this as that user, like \
             `sudo -u '#{theirs}' facteur …`"
        ));
    }
    Ok(())
}

impl House {
    /// Opens the data in a folder, or makes it there.
    ///
    /// Errors: [`StoreError::Refused`] when another process has it open.
    pub fn open(data: &Path, configuration: &Configuration) -> Result<Self, EngineError> {
        std::fs::create_dir_all(data).map_err(StoreError::from)?;
        let backend = Embedded::open(world(), data, options(configuration))?;
        Self::with(backend, data, configuration)
    }

    /// Opens the data once nobody else has it open, if that is soon.
    ///
    /// A command that works on a stopped store has it for a moment; a server has it for good, and
    /// is seen by its control socket, so that `is_served` ends the wait.
    pub fn open_when_free(
        data: &Path,
        configuration: &Configuration,
        mut is_served: impl FnMut() -> bool,
    ) -> Result<Self, EngineError> {
        let mut attempts = 0;
        loop {
            match Self::open(data, configuration) {
                Err(EngineError::Store(StoreError::Refused(_)))
                    if attempts < ATTEMPTS && !is_served() =>
                {
                    attempts += 1;
                    #[allow(clippy::disallowed_methods, reason = "another process is waited for")]
                    std::thread::sleep(PAUSE);
                }
                outcome => return outcome,
            }
        }
    }

    /// Takes an opened backend into use.
    pub fn with(
        backend: Arc<Embedded>,
        data: &Path,
        configuration: &Configuration,
    ) -> Result<Self, EngineError> {
        let (clock, rng) = (Arc::new(SystemClock), Arc::new(SystemRng));
        let metrics = Arc::new(Metrics::default());
        let leisure = Arc::new(Clients::new(Arc::clone(&metrics), clock.clone()));
        let threads = backend.run_threads_beside(leisure.clone());
        let threads = threads.map_err(StoreError::from)?;
        let store = Store::open(backend.clone(), clock.clone(), rng.clone())?;
        let engine = Engine::open(store.clone(), settings(configuration), clock, rng)?;
        engine.use_entry_texts(Arc::new(mapi::texts::Texts));
        Ok(Self {
            engine,
            store,
            backend,
            data: data.to_owned(),
            configuration: configuration.clone(),
            tally: Arc::default(),
            metrics,
            leisure,
            scheduler: Arc::new(Mutex::new(Scheduler::new(configuration.delivery.pace()))),
            _threads: threads,
        })
    }
}

/// What the configuration says, as the engine takes it.
fn settings(configuration: &Configuration) -> Settings {
    let mut settings = Settings {
        hostname: configuration.host_name(),
        ..Settings::default()
    };
    settings.scripts_at = configuration.scripts_port.map(|port| {
        let host = &settings.hostname;
        if Some(port) == Service::Managesieve.port() {
            host.clone()
        } else {
            format!("{host}:{port}")
        }
    });
    settings.cleartext = match configuration.auth.cleartext {
        Cleartext::Never => engine::Cleartext::Never,
        Cleartext::Loopback => engine::Cleartext::Loopback,
    };
    settings.sign_out = configuration.auth.unauthenticate;
    settings.utf8_only = configuration.imap.utf8_only;
    settings.limits.message_bytes_max = configuration.limits.letter_bytes;
    settings.limits.items_per_request_max = configuration.imap.messages_per_command;
    settings.limits.limits_all_requests = configuration.imap.limit_all_commands;
    settings.retention.recoverable_days = configuration.store.recoverable_days;
    let delivery = &configuration.delivery;
    settings.retention.queue_days = delivery.give_up_days;
    settings.sending = Sending {
        retry_first_seconds: delivery.retry_first_seconds,
        retry_most_seconds: delivery.retry_most_seconds,
        warn_after_seconds: delivery.warn_hours.saturating_mul(3_600),
        backup_for: delivery.backup_for.clone(),
    };
    let limits = &configuration.limits;
    let limit = |most: u32| Some(most).filter(|&most| most > 0);
    settings.traffic = Allowance {
        sent: limit(limits.sent_per_hour),
        received: limit(limits.received_per_hour),
        strikes: limit(limits.strikes),
        ban_seconds: limits.ban_minutes.saturating_mul(60),
    };
    settings.spam = configuration.spam.decided();
    settings.quota_bytes = Some(configuration.limits.quota_bytes).filter(|&bytes| bytes > 0);
    settings
}
