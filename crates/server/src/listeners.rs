//! The listeners: accept connections, hold them to the limits, and give each to a driver.
//!
//! Never reads a byte itself. Start at [`Listeners::open`].

use crate::configuration::{Addresses, Endpoint, Limits, Service};
use crate::driver::tls::Alpn;
use crate::driver::transport::Transport;
use crate::driver::{Arrival, Surroundings, converse};
use crate::local_users::LocalUsers;
use crate::web::{self, Site};
use engine::dialogue::{Dialogue, LocalUser, Peer};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

/// Connections that the kernel keeps until they are accepted.
const BACKLOG: u32 = 4096;

/// Wait after a failed accept: most often descriptors are used up, and trying at once would only
/// heat the processor.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Refusals are logged once in this time, with their number.
const BURST: Duration = Duration::from_mins(1);

/// Descriptors that stay free for the store's files and the administration.
const DESCRIPTORS_RESERVED: u64 = 256;

/// Makes a session for a service.
pub type Sessions = Arc<dyn Fn(Service) -> Option<Box<dyn Dialogue>> + Send + Sync>;

/// All open listeners.
pub struct Listeners {
    tasks: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
    open: Vec<(Service, Endpoint)>,
}

/// A conversation under way.
type Conversation = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Shared {
    surroundings: Arc<Surroundings>,
    sessions: Sessions,
    local: Arc<LocalUsers>,
    site: Arc<Site>,
    doorkeeper: Doorkeeper,
    numbers: AtomicU64,
    conversations: Mutex<JoinSet<()>>,
}

impl Listeners {
    /// Opens every address that carries a dialogue. All or none.
    ///
    /// Errors: one line that names the service and address.
    pub fn open(
        addresses: &Addresses,
        limits: &Limits,
        surroundings: Arc<Surroundings>,
        sessions: Sessions,
        local: LocalUsers,
        site: Site,
    ) -> Result<Self, String> {
        let doorkeeper = Doorkeeper::new(limits, descriptors());
        let shared = Arc::new(Shared {
            surroundings,
            sessions,
            local: Arc::new(local),
            site: Arc::new(site),
            doorkeeper,
            numbers: AtomicU64::new(1),
            conversations: Mutex::default(),
        });
        let mut listeners = Self {
            tasks: Vec::new(),
            shared,
            open: Vec::new(),
        };
        for (service, endpoint) in addresses
            .iter()
            .filter(|(service, _)| is_dialogue(*service))
        {
            listeners
                .add(*service, endpoint)
                .map_err(|error| format!("{} {endpoint}: {error}", service.name()))?;
        }
        Ok(listeners)
    }

    fn add(&mut self, service: Service, endpoint: &Endpoint) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        match endpoint {
            Endpoint::Off => return Ok(()),
            Endpoint::Tcp(address) => {
                let listener = listen(*address)?;
                self.open
                    .push((service, Endpoint::Tcp(listener.local_addr()?)));
                self.tasks
                    .push(tokio::spawn(accept_tcp(listener, service, shared)));
            }
            Endpoint::Unix(path) => {
                let listener = listen_unix(path, audience(service))?;
                self.open.push((service, endpoint.clone()));
                self.tasks
                    .push(tokio::spawn(accept_unix(listener, service, shared)));
            }
        }
        Ok(())
    }

    /// Where connections are accepted, with the ports that were really given.
    pub fn addresses(&self) -> &[(Service, Endpoint)] {
        &self.open
    }

    /// Accepts nothing more and waits until every conversation has ended, or `limit` has passed.
    ///
    /// The conversations themselves were told by [`Surroundings::stopping`].
    pub async fn drain(self, limit: Duration) {
        for task in &self.tasks {
            task.abort();
        }
        for (_, endpoint) in &self.open {
            if let Endpoint::Unix(path) = endpoint {
                remove_socket(path);
            }
        }
        let mut conversations = std::mem::take(&mut *self.shared.conversations.lock());
        let all = async { while conversations.join_next().await.is_some() {} };
        if tokio::time::timeout(limit, all).await.is_err() {
            tracing::warn!(
                connections = conversations.len(),
                "connections cut off at the stop"
            );
        }
    }
}

/// Every service but the page for metrics, which has a listener of its own.
fn is_dialogue(service: Service) -> bool {
    service != Service::Metrics
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let bound = bind(address);
    // A machine without IPv6 still has all its IPv4 addresses.
    let unspecified = address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    if bound.is_err() && unspecified {
        return bind(SocketAddr::new(
            Ipv4Addr::UNSPECIFIED.into(),
            address.port(),
        ))
        .or(bound);
    }
    bound
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Who may open a socket of this machine: for programs that send mail everyone, else the server's
/// own user.
fn audience(service: Service) -> u32 {
    if service == Service::Local {
        0o666
    } else {
        0o600
    }
}

/// A unix socket, in place of what a killed server left.
fn listen_unix(path: &Path, mode: u32) -> io::Result<UnixListener> {
    remove_socket(path);
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(listener)
}

/// Removes a socket that nobody listens on; that it is missing is as good.
pub fn remove_socket(path: &Path) {
    // A socket is no file of the store.
    #[allow(clippy::disallowed_methods, reason = "not a file of the store")]
    let _ = std::fs::remove_file(path);
}

async fn accept_tcp(listener: TcpListener, service: Service, shared: Arc<Shared>) {
    let Ok(local) = listener.local_addr() else {
        return;
    };
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
                // A dialogue is short lines that wait for one another.
                let _ = stream.set_nodelay(true);
                let local = stream.local_addr().unwrap_or(local);
                shared.welcome(service, Transport::Tcp(stream), remote, local, None);
            }
            Err(error) => shared.pause(service, &error).await,
        }
    }
}

async fn accept_unix(listener: UnixListener, service: Service, shared: Arc<Shared>) {
    let here = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
    loop {
        match listener.accept().await {
            Ok((stream, _)) if service == Service::Local => {
                tokio::spawn(welcome_user(Arc::clone(&shared), stream, here));
            }
            Ok((stream, _)) => shared.welcome(service, Transport::Unix(stream), here, here, None),
            Err(error) => shared.pause(service, &error).await,
        }
    }
}

/// Starts the conversation with a program once the system has said whose it is.
async fn welcome_user(shared: Arc<Shared>, stream: UnixStream, here: SocketAddr) {
    let Ok(credentials) = stream.peer_cred() else {
        return;
    };
    let local = Arc::clone(&shared.local);
    // The machine's users may be kept elsewhere, and so it may take time to find one.
    let found = tokio::task::spawn_blocking(move || local.user(credentials.uid())).await;
    if let Ok(Some(user)) = found {
        let transport = Transport::Unix(stream);
        shared.welcome(Service::Local, transport, here, here, Some(user));
    }
}

impl Shared {
    /// Starts the conversation, if the limits allow another.
    fn welcome(
        self: &Arc<Self>,
        service: Service,
        transport: Transport,
        remote: SocketAddr,
        local: SocketAddr,
        local_user: Option<LocalUser>,
    ) {
        let counters = self.surroundings.metrics.service(service.name());
        let Some(admitted) = self.admit(remote.ip()) else {
            counters.refused();
            return;
        };
        let connection = self.numbers.fetch_add(1, Ordering::Relaxed);
        counters.opened();
        let arrival = Arrival {
            service: service.name(),
            counters: Arc::clone(&counters),
            alpn: alpn(service),
            starts_with_tls: service.starts_with_tls(),
            peer: Peer {
                remote,
                local,
                tls: None,
                connection,
                local_user,
            },
        };
        let Some(conversation) = self.conversation(service, transport, arrival) else {
            return;
        };
        let mut conversations = self.conversations.lock();
        while conversations.try_join_next().is_some() {}
        conversations.spawn(async move {
            conversation.await;
            counters.closed();
            drop(admitted);
        });
    }

    /// What is spoken on a connection from its first byte to its end.
    fn conversation(
        &self,
        service: Service,
        transport: Transport,
        arrival: Arrival,
    ) -> Option<Conversation> {
        let surroundings = Arc::clone(&self.surroundings);
        let transport = match (service, transport) {
            (Service::Https, Transport::Tcp(stream)) => {
                let (peer, counters) = (arrival.peer, arrival.counters);
                let site = Arc::clone(&self.site);
                return Some(Box::pin(web::converse(
                    stream,
                    peer,
                    site,
                    counters,
                    surroundings,
                )));
            }
            (_, transport) => transport,
        };
        let dialogue = (self.sessions)(service)?;
        Some(Box::pin(converse(
            dialogue,
            transport,
            arrival,
            surroundings,
        )))
    }

    fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Admitted> {
        self.doorkeeper.admit(address).then(|| Admitted {
            shared: Arc::clone(self),
            address,
        })
    }

    async fn pause(&self, service: Service, error: &io::Error) {
        self.doorkeeper
            .refusals
            .lock()
            .note("accept failed", service.name(), error);
        tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
    }
}

fn alpn(service: Service) -> Alpn {
    match service {
        Service::Imap | Service::Imaps => Alpn::Only("imap"),
        Service::Pop3 | Service::Pop3s => Alpn::Only("pop3"),
        _ => Alpn::Any,
    }
}

/// A place that is given back when the conversation ends.
struct Admitted {
    shared: Arc<Shared>,
    address: IpAddr,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.shared.doorkeeper.leave(self.address);
    }
}

/// Counts who is inside.
struct Doorkeeper {
    total_max: usize,
    per_address_max: usize,
    inside: Mutex<Inside>,
    refusals: Mutex<Burst>,
}

#[derive(Default)]
struct Inside {
    total: usize,
    addresses: HashMap<IpAddr, usize>,
}

impl Doorkeeper {
    fn new(limits: &Limits, descriptors: u64) -> Self {
        let possible = descriptors.saturating_sub(DESCRIPTORS_RESERVED).max(16);
        let possible = usize::try_from(possible).unwrap_or(usize::MAX);
        Self {
            total_max: limits.connections.min(possible),
            per_address_max: limits.connections_per_address,
            inside: Mutex::default(),
            refusals: Mutex::default(),
        }
    }

    fn admit(&self, address: IpAddr) -> bool {
        let mut inside = self.inside.lock();
        if inside.total >= self.total_max {
            drop(inside);
            self.refusals
                .lock()
                .note("too many connections", "all", &address);
            return false;
        }
        if !address.is_loopback() {
            let of_address = inside.addresses.entry(address).or_default();
            if *of_address >= self.per_address_max {
                drop(inside);
                self.refusals
                    .lock()
                    .note("too many connections", "one address", &address);
                return false;
            }
            *of_address += 1;
        }
        inside.total += 1;
        true
    }

    fn leave(&self, address: IpAddr) {
        let mut inside = self.inside.lock();
        inside.total = inside.total.saturating_sub(1);
        if let Some(of_address) = inside.addresses.get_mut(&address) {
            *of_address = of_address.saturating_sub(1);
            if *of_address == 0 {
                inside.addresses.remove(&address);
            }
        }
    }
}

/// Refusals come in thousands; the log gets one line for each burst.
#[derive(Default)]
struct Burst {
    count: u64,
    told: Option<Instant>,
}

impl Burst {
    fn note(&mut self, event: &'static str, of: &str, last: &dyn std::fmt::Display) {
        self.count += 1;
        let now = Instant::now();
        if self
            .told
            .is_none_or(|told| now.duration_since(told) >= BURST)
        {
            tracing::warn!(of, %last, refused = self.count, "{event}");
            (self.count, self.told) = (0, Some(now));
        }
    }
}

/// The number of files this process may have open, after asking for as many as it may ask for.
fn descriptors() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    )
    .is_ok()
    {
        return maximum.unwrap_or(u64::MAX);
    }
    current.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doorkeeper(total: usize, per_address: usize) -> Doorkeeper {
        let limits = Limits {
            connections: total,
            connections_per_address: per_address,
            ..Limits::default()
        };
        Doorkeeper::new(&limits, u64::MAX)
    }

    #[test]
    fn one_address_may_not_take_all_places() {
        let door = doorkeeper(10, 2);
        let (greedy, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        assert!(door.admit(greedy) && door.admit(greedy) && !door.admit(greedy));
        assert!(door.admit(other));
        door.leave(greedy);
        assert!(door.admit(greedy));
    }

    #[test]
    fn the_local_machine_is_held_only_to_the_total() {
        let door = doorkeeper(3, 1);
        let here = IpAddr::from([127, 0, 0, 1]);
        assert!(door.admit(here) && door.admit(here) && door.admit(here) && !door.admit(here));
    }

    #[test]
    fn nothing_is_kept_of_addresses_that_left() {
        let door = doorkeeper(10, 10);
        let address = IpAddr::from([192, 0, 2, 1]);
        assert!(door.admit(address));
        door.leave(address);
        assert!(door.inside.lock().addresses.is_empty());
    }
}
