//! The running server: opens everything in order, waits for the end, and closes in the reverse
//! order.
//!
//! Start at [`run`].

use crate::administration::{Failure, control};
use crate::configuration::{Addresses, Configuration, Endpoint, ListenArguments, Service};
use crate::driver::Surroundings;
use crate::driver::by_name::Files;
use crate::driver::client_certificates::Authorities;
use crate::driver::pool::Pool;
use crate::driver::tls::{Certificates, ClientCertificates};
use crate::examination::authenticate::Authenticator;
use crate::examination::blocklists::Blocklists;
use crate::examination::clamav::ClamAvExaminer;
use crate::examination::greylisting::Greylister;
use crate::examination::milter::Milter;
use crate::examination::outside::Reader;
use crate::examination::rspamd::RspamdExaminer;
use crate::examination::spam::Counter;
use crate::examination::{Examiner, Examiners};
use crate::house::House;
use crate::listeners::{Listeners, remove_socket};
use crate::local_users::LocalUsers;
use crate::metrics::Gauge;
use crate::notify::{State, notify};
use crate::outbound::fetch::Web;
use crate::outbound::names::{Names, Resolver};
use crate::outbound::tls::Keys;
use crate::reports::told::{Addresses as ReportAddresses, Keeper};
use crate::reports::{rounds, task};
use crate::sessions::Sessions;
use crate::tokens::Tokens;
use crate::trace::Trace;
use crate::world::{SystemClock, SystemRng};
use crate::{condition, housekeeping, indexing, outbound, page, signing, web};
use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;
use store::backend::embedded::{Condition, Status};
use store::world::Rng;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// How long conversations may take to end when the server stops.
const DRAIN: Duration = Duration::from_secs(10);

/// How often the certificate's files are looked at.
const CERTIFICATE_CHECK: Duration = Duration::from_secs(5);

/// How often the keys of the domains are looked at.
const KEYS_CHECK: Duration = Duration::from_hours(1);

/// Passwords that may wait to be hashed, for each that is being hashed.
const PASSWORDS_WAITING: usize = 64;

/// Steps that may wait for the disk: no more than connections can be open.
const STEPS_WAITING: usize = 100_000;

/// What is shown once the server can be used.
pub type Announce<'a> = &'a (dyn Fn(&[(Service, Endpoint)]) + Sync);

/// Runs a server until it is told to stop.
///
/// Errors: one line that says what could not be opened.
pub fn run(
    data: &Path,
    configuration: &Configuration,
    arguments: ListenArguments,
    prepare: impl FnOnce(&House) -> Result<(), String>,
    announce: Announce<'_>,
) -> Result<(), String> {
    let addresses = Addresses::resolve(&configuration.listen, arguments, data)
        .map_err(|error| error.to_string())?;
    let configuration = &Configuration {
        scripts_port: addresses.port_of(Service::Managesieve),
        arguments,
        ..configuration.clone()
    };
    let house = House::open(data, configuration)
        .map_err(|error| Failure::of(data.display(), error).to_string())?;
    prepare(&house)?;
    if let Some(settings) = &configuration.auth.tokens {
        let tokens = Tokens::open(settings, Arc::new(SystemClock))?;
        house.engine.use_tokens(Arc::new(tokens));
    }
    let house = Arc::new(house);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("threads: {error}"))?;
    let served = runtime.block_on(serve(&house, configuration, &addresses, announce));
    runtime.shutdown_timeout(Duration::from_secs(1));
    drop(house); // The last handle: brings everything to disk and gives the lock back.
    served
}

async fn serve(
    house: &Arc<House>,
    configuration: &Configuration,
    addresses: &Addresses,
    announce: Announce<'_>,
) -> Result<(), String> {
    let stop_signals = StopSignals::listen()?;
    let (stop, stopping) = watch::channel(false);
    let names = Arc::new(Resolver::new(&configuration.dns)?);
    let reported = Arc::new(ReportAddresses::default());
    let surroundings = surroundings(house, configuration, &names, &reported, stopping)?;
    let surroundings = Arc::new(surroundings);
    let names: Arc<dyn Names> = names;
    let sending = start_sending(house, addresses, &surroundings, &names)?;
    let sessions = Sessions::new(&house.engine, configuration);
    let listeners = Listeners::open(
        addresses,
        &configuration.limits,
        Arc::clone(&surroundings),
        Arc::new(move |service| sessions.session(service)),
        LocalUsers::new(house.engine.clone(), configuration),
        web::site::usual(house, addresses, &surroundings),
    )?;
    let control = control::open(&house.data)
        .map_err(|error| format!("{}: {error}", control::place(&house.data).display()))?;
    let control = tokio::spawn(control::serve(control, Arc::clone(house)));
    let mut open = listeners.addresses().to_vec();
    let sending_gauges = Box::new(sending.gauges());
    let page = open_page(house, addresses, &surroundings, sending_gauges, &mut open).await?;
    let housekeeping = housekeeping::start(Arc::clone(house))?;
    let indexing = indexing::start(house)?;
    let certificates = tokio::spawn(watch_certificates(Arc::clone(&surroundings)));
    let condition = tokio::spawn(condition::watch(Arc::clone(house)));
    let keys = tokio::spawn(tend_keys(Arc::clone(house), Arc::clone(&names)));
    let reports = start_reports(house, names, reported, surroundings.stopping.clone())?;

    tell_start(house, configuration, &open);
    notify(State::Ready);
    announce(&open);
    stop_signals.wait().await;

    notify(State::Stopping);
    tracing::info!("stopping");
    let tasks = [control, certificates, condition, keys];
    for task in tasks.into_iter().chain(page) {
        task.abort();
    }
    remove_socket(&control::place(&house.data));
    let _ = stop.send(true);
    let (.., told) = tokio::join!(listeners.drain(DRAIN), sending.drain(), reports);
    drop(told); // A panic there was reported by its own thread.
    // Both wait for running steps, which may wait for the disk.
    let last = Arc::clone(house);
    let _ = tokio::task::spawn_blocking(move || {
        if let Err(error) = rounds::flush(&last) {
            tracing::error!(%error, "reports");
        }
        drop(last);
        indexing.stop();
        housekeeping.stop();
        surroundings.disk.stop();
        surroundings.passwords.stop();
    })
    .await;
    tracing::info!("stopped");
    Ok(())
}

/// What an administrator wants to see of a start: where it listens, and what is still to be done.
fn tell_start(house: &House, configuration: &Configuration, open: &[(Service, Endpoint)]) {
    for (service, place) in open {
        tracing::info!(service = service.name(), %place, "listening");
    }
    if configuration.tls.certificate.is_none() {
        tracing::info!(
            "the certificate is self-signed: clients will ask; [tls] names a better one"
        );
    }
    let data = house.data.display();
    if house
        .engine
        .domains()
        .is_ok_and(|domains| domains.is_empty())
    {
        tracing::info!("no mail is received yet: `facteur --data {data} domain add NAME`");
    }
    let hostname = configuration.host_name();
    tracing::info!(%data, hostname, version = env!("CARGO_PKG_VERSION"), "started");
}

fn surroundings(
    house: &House,
    configuration: &Configuration,
    names: &Arc<Resolver>,
    addresses: &Arc<ReportAddresses>,
    stopping: watch::Receiver<bool>,
) -> Result<Surroundings, String> {
    let cores = available_parallelism().map_or(1, usize::from);
    let or = |wanted: usize, otherwise: usize| if wanted == 0 { otherwise } else { wanted };
    let limits = &configuration.limits;
    let hashing = or(limits.password_threads, cores.div_ceil(2));
    let failed = |error: std::io::Error| format!("threads: {error}");
    let tls = &configuration.tls;
    let authorities = tls.client_ca.as_deref().map(Authorities::read).transpose();
    let asked = if configuration.auth.client_certificates {
        ClientCertificates::Asked(authorities.map_err(|error| error.to_string())?)
    } else {
        ClientCertificates::Unasked
    };
    let usual = tls.certificate.clone().zip(tls.key.clone());
    let also = tls.also.iter().map(|pair| Files {
        certificate: pair.certificate.clone(),
        key: pair.key.clone(),
    });
    let certificates = Certificates::load(
        usual.map(|(certificate, key)| Files { certificate, key }),
        also.collect(),
        &house.data,
        &configuration.host_name(),
        asked,
    )
    .map_err(|error| error.to_string())?;
    let disk = Pool::start("disk", or(limits.disk_threads, 4 * cores), STEPS_WAITING);
    let disk = Arc::new(disk.map_err(failed)?);
    let examiners = examiners(house, configuration, names, &disk, addresses);
    Ok(Surroundings {
        clock: Arc::new(SystemClock),
        disk,
        examiners,
        passwords: Pool::start("password", hashing, PASSWORDS_WAITING * hashing).map_err(failed)?,
        certificates,
        handshake: Duration::from_secs(limits.tls_handshake_seconds),
        metrics: Arc::clone(&house.metrics),
        trace: Arc::new(Trace::new(&house.data)),
        stopping,
    })
}

fn start_sending(
    house: &House,
    addresses: &Addresses,
    surroundings: &Surroundings,
    names: &Arc<dyn Names>,
) -> Result<outbound::Outbound, String> {
    outbound::start(
        &house.configuration,
        outbound::Surroundings {
            data: &house.data,
            engine: house.engine.clone(),
            scheduler: Arc::clone(&house.scheduler),
            names: Arc::clone(names),
            pool: Arc::clone(&surroundings.disk),
            counters: surroundings.metrics.service("outbound"),
            tally: Arc::clone(&house.tally),
            trace: Arc::clone(&surroundings.trace),
            addresses,
            stopping: surroundings.stopping.clone(),
        },
    )
}

/// Who looks at letters, in order.
fn examiners(
    house: &House,
    configuration: &Configuration,
    names: &Arc<Resolver>,
    disk: &Arc<Pool>,
    addresses: &Arc<ReportAddresses>,
) -> Examiners {
    let settings = &configuration.examination;
    let mut list: Vec<Arc<dyn Examiner>> = Vec::new();
    if settings.authentication {
        let (engine, disk) = (house.engine.clone(), Arc::clone(disk));
        let mut examiner = Authenticator::new(settings, names.asker(), engine, disk);
        if configuration.reports.dmarc {
            examiner = examiner.counting(Arc::clone(&house.tally));
        }
        list.push(Arc::new(examiner));
    }
    let spam = &configuration.spam;
    let (engine, pool) = (house.engine.clone(), Arc::clone(disk));
    let reader = Reader::new(engine.clone(), Arc::clone(&pool));
    if let Some(clamav) = spam.clamav.clone() {
        list.push(Arc::new(ClamAvExaminer::new(clamav, reader.clone())));
    }
    if !spam.blocklist.is_empty() {
        let (lists, names) = (spam.blocklist.clone(), Arc::clone(names) as Arc<dyn Names>);
        list.push(Arc::new(Blocklists::new(lists, names, engine, pool)));
    }
    for milter in &spam.milter {
        list.push(Arc::new(Milter::new(milter.clone(), reader.clone())));
    }
    if let Some(rspamd) = spam.rspamd.clone() {
        list.push(Arc::new(RspamdExaminer::new(rspamd, reader)));
    }
    if spam.greylist_seconds > 0 {
        let (engine, pool) = (house.engine.clone(), Arc::clone(disk));
        let waiting = Greylister::new(engine, pool, spam.greylist_seconds);
        list.push(Arc::new(waiting)); // Before what costs more.
    }
    if spam.enabled {
        let counter = Counter::new(house.engine.clone(), Arc::clone(disk));
        list.push(Arc::new(counter)); // The last: it counts what all others found.
    }
    if configuration.reports.keep {
        let (engine, pool) = (house.engine.clone(), Arc::clone(disk));
        let addresses = Arc::clone(addresses);
        list.push(Arc::new(Keeper::new(engine, pool, addresses)));
    }
    Examiners::new(list)
}

async fn open_page(
    house: &Arc<House>,
    addresses: &Addresses,
    surroundings: &Arc<Surroundings>,
    sending: SendingGauges,
    open: &mut Vec<(Service, Endpoint)>,
) -> Result<Option<tokio::task::JoinHandle<()>>, String> {
    let place = addresses
        .iter()
        .find(|(service, _)| *service == Service::Metrics);
    let Some((service, Endpoint::Tcp(address))) = place else {
        return Ok(None);
    };
    let listener = page::open(*address)
        .await
        .map_err(|error| format!("metrics {address}: {error}"))?;
    open.push((*service, Endpoint::Tcp(*address)));
    let numbers = Numbers {
        house: Arc::clone(house),
        surroundings: Arc::clone(surroundings),
        sending,
    };
    Ok(Some(tokio::spawn(page::serve(listener, Arc::new(numbers)))))
}

/// The numbers behind the page for metrics.
struct Numbers {
    house: Arc<House>,
    surroundings: Arc<Surroundings>,
    sending: SendingGauges,
}

/// What is read of the sending tasks when the page is asked for.
type SendingGauges = Box<dyn Fn() -> [Gauge; 3] + Send + Sync>;

impl page::Source for Numbers {
    fn metrics(&self) -> String {
        let waiting = |pool: &Pool| pool.waiting() as u64;
        let mut gauges = vec![
            Gauge {
                name: "facteur_disk_steps_waiting",
                help: "Steps that wait for a thread.",
                value: waiting(&self.surroundings.disk),
            },
            Gauge {
                name: "facteur_passwords_waiting",
                help: "Passwords that wait to be hashed.",
                value: waiting(&self.surroundings.passwords),
            },
        ];
        gauges.extend((self.sending)());
        if let Ok(queue) = self.house.engine.queue_length() {
            gauges.push(Gauge {
                name: "facteur_queue_letters",
                help: "Letters that wait to be sent.",
                value: queue as u64,
            });
        }
        if let Ok(status) = self.house.backend.status() {
            gauges.extend(store_gauges(&status));
        }
        self.surroundings.metrics.render(&gauges)
    }

    fn health(&self) -> Result<(), String> {
        match self.house.backend.condition() {
            Condition::Failed(why) => Err(format!("read-only: {why}")),
            Condition::Full => Err("too little room on the disk".to_owned()),
            Condition::Sound => Ok(()),
        }
    }
}

fn store_gauges(status: &Status) -> [Gauge; 11] {
    let gauge = |name, help, value| Gauge { name, help, value };
    [
        gauge(
            "facteur_store_settled",
            "Position of the last commit on disk.",
            status.settled,
        ),
        gauge(
            "facteur_store_applied",
            "Position that the index has come to.",
            status.applied,
        ),
        gauge(
            "facteur_store_log_bytes",
            "Bytes of the log.",
            status.log_bytes,
        ),
        gauge(
            "facteur_store_live_bytes",
            "Bytes of rows and bodies that are alive, once.",
            status.holdings.live_bytes(),
        ),
        gauge(
            "facteur_store_dead_bytes",
            "Bytes of the log that are not alive.",
            status.dead_bytes(),
        ),
        gauge(
            "facteur_store_big_bytes",
            "Bytes of living bodies with files of their own.",
            status.holdings.big_bytes,
        ),
        gauge(
            "facteur_store_index_bytes",
            "Bytes of the index.",
            status.index_bytes,
        ),
        gauge(
            "facteur_store_memory_bytes",
            "Bytes not yet in the index.",
            status.memory_bytes,
        ),
        gauge(
            "facteur_disk_free_bytes",
            "Room on the disk.",
            status.space.free_bytes,
        ),
        gauge(
            "facteur_store_full",
            "1 when mail is refused.",
            u64::from(status.is_full),
        ),
        gauge(
            "facteur_store_failed",
            "1 after a failed write.",
            u64::from(status.failure.is_some()),
        ),
    ]
}

/// Sees to the keys of the domains, at once and then every hour.
async fn tend_keys(house: Arc<House>, names: Arc<dyn Names>) {
    let days = house.configuration.signing.rotate_days;
    loop {
        let (house, names) = (Arc::clone(&house), Arc::clone(&names));
        let runtime = tokio::runtime::Handle::current();
        let tend = move || signing::keeping::tend(&house.engine, days, names.as_ref(), &runtime);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(tend).await {
            tracing::error!(%error, "the keys of the domains");
        }
        tokio::time::sleep(KEYS_CHECK).await;
    }
}

/// Begins to tell others what is seen of their mail.
fn start_reports(
    house: &Arc<House>,
    names: Arc<dyn Names>,
    addresses: Arc<ReportAddresses>,
    stopping: watch::Receiver<bool>,
) -> Result<tokio::task::JoinHandle<()>, String> {
    let web = Web {
        names,
        keys: Arc::new(Keys::new()?),
        port: house.configuration.delivery.https_port,
    };
    let mut dice = [0; 8];
    SystemRng.fill(&mut dice);
    let (house, dice) = (Arc::clone(house), u64::from_ne_bytes(dice));
    let run = task::run(house, Arc::new(web), addresses, dice, stopping);
    Ok(tokio::spawn(run))
}

/// Looks at the certificate's files now and then, and at SIGHUP.
async fn watch_certificates(surroundings: Arc<Surroundings>) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else {
        return;
    };
    loop {
        tokio::select! {
            _ = hangup.recv() => {}
            () = tokio::time::sleep(CERTIFICATE_CHECK) => {}
        }
        match surroundings.certificates.reload_if_changed() {
            Ok(true) => tracing::info!("new certificate"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the new certificate cannot be used"),
        }
    }
}

/// SIGTERM and SIGINT. They are heard from here on, so that a stop is orderly from the first port
/// on.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn listen() -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("signals: {error}");
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
        })
    }

    /// Ends at the first of them.
    async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
