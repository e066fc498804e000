//! Looking names up: mail servers of a domain, addresses of a host.
//!
//! Behind a trait, so that tests bring names of their own. What is not known for the moment and
//! what does not exist are never confused: a letter is given up for the second only.
//!
//! Start at [`Names`]; [`Resolver`] asks real servers.
//!
//! Standards: RFC 1035, RFC 4035 (what "secure" means).

use super::dane::{Matching, Record, Selector, Usage};
use super::settings::{Dns, Dnssec};
use crate::world::SystemClock;
use engine::Timestamp;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ProtocolConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::dnssec::TrustAnchors;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::rdata::TLSA;
use hickory_resolver::proto::rr::{RData, RecordType};
use hickory_resolver::{Resolver as Hickory, TokioResolver};
use parking_lot::Mutex;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use store::world::Clock;

/// How long one server is given for an answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How often a question is repeated.
const ATTEMPTS: usize = 2;
/// Answers that are remembered.
const CACHE_MAX: u64 = 16_384;
/// Seconds after which it is tried again whether signatures come through.
const PROBE_SECONDS: i64 = 3_600;
/// Records of one answer that are looked at.
const RECORDS_MAX: usize = 100;
/// Where the system names its servers.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamesError {
    /// The name does not exist.
    NoSuchName,
    /// It exists, but not with this kind of record.
    Nothing,
    /// Nobody could be asked, or the answer is not to be believed: ask again later.
    Unavailable(String),
}

/// An answer that is being waited for.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, NamesError>> + Send + 'a>>;

/// An answer, and whether its signatures prove that it is the domain's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    /// What was found.
    pub records: T,
    /// It is signed, and the signatures were checked up to a key that this machine trusts.
    pub secure: bool,
}

/// Someone who knows names.
pub trait Names: Send + Sync {
    /// The mail servers of a domain with their preferences; the root is written as nothing.
    fn exchangers<'a>(&'a self, domain: &'a str) -> Answer<'a, Found<Vec<(u16, String)>>>;

    /// The addresses of a host, IPv6 first.
    fn addresses<'a>(&'a self, host: &'a str) -> Answer<'a, Found<Vec<IpAddr>>>;

    /// The texts of a name, each with its pieces joined.
    fn texts<'a>(&'a self, name: &'a str) -> Answer<'a, Vec<String>>;

    /// What a host says of its certificate at this port: signed records only.
    fn keys<'a>(&'a self, port: u16, host: &'a str) -> Answer<'a, Vec<Record>>;
}

/// Asks the servers of the configuration or of the system.
pub struct Resolver {
    plain: TokioResolver,
    /// Checks signatures; absent where that was turned off.
    validator: Option<TokioResolver>,
    /// When it was last tried whether signatures come through, and whether they do.
    probed: Mutex<Option<(Timestamp, bool)>>,
    must_validate: bool,
}

impl Resolver {
    /// Prepares to ask these servers; the system's if there are none.
    ///
    /// Errors: a line that says what is wrong.
    pub fn new(settings: &Dns) -> Result<Self, String> {
        let servers = if settings.servers.is_empty() {
            system_servers(Path::new(RESOLV_CONF))
        } else {
            settings.servers.clone()
        };
        let servers: Vec<NameServerConfig> = servers.into_iter().map(server).collect();
        let builder = || {
            let config = ResolverConfig::from_parts(None, Vec::new(), servers.clone());
            Hickory::builder_with_config(config, TokioRuntimeProvider::default())
                .with_options(options())
        };
        let refuse = |error: NetError| format!("DNS: {error}");
        let validator = match settings.dnssec {
            Dnssec::Off => None,
            Dnssec::Auto | Dnssec::On => {
                let anchors = match &settings.trust_anchor {
                    Some(path) => TrustAnchors::from_file(path)
                        .map_err(|error| format!("{}: {error}", path.display()))?,
                    None => TrustAnchors::default(),
                };
                let builder = builder().with_trust_anchor(Arc::new(anchors));
                Some(builder.build().map_err(refuse)?)
            }
        };
        Ok(Self {
            plain: builder().build().map_err(refuse)?,
            validator,
            probed: Mutex::new(None),
            must_validate: settings.dnssec == Dnssec::On,
        })
    }

    /// One who asks the same servers, for crates that want one of their own.
    pub fn asker(&self) -> TokioResolver {
        self.plain.clone()
    }

    /// Who checks signatures, if they come through to this machine: some servers drop them, and
    /// then every signed name would look forged.
    async fn validator(&self) -> Option<&TokioResolver> {
        let validator = self.validator.as_ref()?;
        if self.must_validate {
            return Some(validator);
        }
        let now = SystemClock.now();
        let known = *self.probed.lock();
        let fresh = known.filter(|(at, _)| now.seconds() - at.seconds() < PROBE_SECONDS);
        let works = if let Some((_, works)) = fresh {
            works
        } else {
            let before = known.map(|(_, works)| works);
            let (works, at) = match validator.lookup(".", RecordType::SOA).await {
                Ok(found) => (is_secure(&found), now),
                // Whoever can silence the servers for a moment must not turn DANE off.
                Err(_) => (before.unwrap_or(false), soon(now)),
            };
            if before != Some(works) {
                tracing::info!(works, "DNSSEC");
            }
            *self.probed.lock() = Some((at, works));
            works
        };
        works.then_some(validator)
    }

    async fn lookup(&self, name: &str, kind: RecordType) -> Result<Lookup, NamesError> {
        let name = format!("{}.", name.trim_end_matches('.'));
        self.plain
            .lookup(name, kind)
            .await
            .map_err(|error| read(&error))
    }

    async fn of_family(&self, host: &str, kind: RecordType) -> Result<Vec<IpAddr>, NamesError> {
        let found = self.lookup(host, kind).await?;
        let addresses = found
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::A(address) => Some(IpAddr::V4(address.0)),
                RData::AAAA(address) => Some(IpAddr::V6(address.0)),
                _ => None,
            });
        Ok(addresses.take(RECORDS_MAX).collect())
    }

    async fn both_families(&self, host: &str) -> Result<Vec<IpAddr>, NamesError> {
        let (six, four) = tokio::join!(
            self.of_family(host, RecordType::AAAA),
            self.of_family(host, RecordType::A)
        );
        match (six, four) {
            (Ok(mut six), Ok(four)) => {
                six.extend(four);
                Ok(six)
            }
            // One family is enough, whatever became of the other.
            (Ok(found), Err(_)) | (Err(_), Ok(found)) => Ok(found),
            (Err(NamesError::Unavailable(why)), _) | (_, Err(NamesError::Unavailable(why))) => {
                Err(NamesError::Unavailable(why))
            }
            (Err(NamesError::NoSuchName), _) | (_, Err(NamesError::NoSuchName)) => {
                Err(NamesError::NoSuchName)
            }
            (Err(NamesError::Nothing), Err(NamesError::Nothing)) => Err(NamesError::Nothing),
        }
    }
}

impl Names for Resolver {
    fn exchangers<'a>(&'a self, domain: &'a str) -> Answer<'a, Found<Vec<(u16, String)>>> {
        Box::pin(async move {
            let resolver = self.validator().await.unwrap_or(&self.plain);
            let found = ask(resolver, domain, RecordType::MX).await?;
            let exchangers = found
                .answers()
                .iter()
                .filter_map(|record| match &record.data {
                    RData::MX(mx) => Some((mx.preference, host_name(&mx.exchange.to_ascii()))),
                    _ => None,
                });
            let secure = is_secure(&found);
            let records: Vec<(u16, String)> = exchangers.take(RECORDS_MAX).collect();
            // A chain of aliases may end without the record.
            if records.is_empty() {
                Err(NamesError::Nothing)
            } else {
                Ok(Found { records, secure })
            }
        })
    }

    fn addresses<'a>(&'a self, host: &'a str) -> Answer<'a, Found<Vec<IpAddr>>> {
        Box::pin(async move {
            match self.both_families(host).await? {
                found if found.is_empty() => Err(NamesError::Nothing),
                records => Ok(Found {
                    records,
                    secure: false,
                }),
            }
        })
    }

    fn texts<'a>(&'a self, name: &'a str) -> Answer<'a, Vec<String>> {
        Box::pin(async move {
            let found = self.lookup(name, RecordType::TXT).await?;
            let texts = found
                .answers()
                .iter()
                .filter_map(|record| match &record.data {
                    RData::TXT(text) => {
                        let joined = text.txt_data.concat();
                        Some(String::from_utf8_lossy(&joined).into_owned())
                    }
                    _ => None,
                });
            Ok(texts.take(RECORDS_MAX).collect())
        })
    }

    fn keys<'a>(&'a self, port: u16, host: &'a str) -> Answer<'a, Vec<Record>> {
        Box::pin(async move {
            let Some(validator) = self.validator().await else {
                return Err(NamesError::Nothing);
            };
            let name = format!("_{port}._tcp.{host}");
            let found = ask(validator, &name, RecordType::TLSA).await?;
            if !is_secure(&found) {
                return Err(NamesError::Nothing);
            }
            let records = found
                .answers()
                .iter()
                .filter_map(|record| match &record.data {
                    RData::TLSA(tlsa) => Some(tlsa_record(tlsa)),
                    _ => None,
                });
            Ok(records.take(RECORDS_MAX).collect())
        })
    }
}

async fn ask(resolver: &TokioResolver, name: &str, kind: RecordType) -> Result<Lookup, NamesError> {
    let name = format!("{}.", name.trim_end_matches('.'));
    resolver
        .lookup(name, kind)
        .await
        .map_err(|error| read(&error))
}

/// A time of probing such that the next one comes after a minute.
fn soon(now: Timestamp) -> Timestamp {
    Timestamp::from_seconds(now.seconds() - PROBE_SECONDS + 60)
}

/// True when every record of the answer is proven.
fn is_secure(found: &Lookup) -> bool {
    let answers = found.answers();
    !answers.is_empty() && answers.iter().all(|record| record.proof.is_secure())
}

pub(super) fn tlsa_record(tlsa: &TLSA) -> Record {
    Record {
        usage: match u8::from(tlsa.cert_usage) {
            2 => Usage::Authority,
            3 => Usage::Server,
            other => Usage::Other(other),
        },
        selector: match u8::from(tlsa.selector) {
            0 => Selector::Whole,
            1 => Selector::Key,
            other => Selector::Other(other),
        },
        matching: match u8::from(tlsa.matching) {
            0 => Matching::Exact,
            1 => Matching::Sha256,
            2 => Matching::Sha512,
            other => Matching::Other(other),
        },
        data: tlsa.cert_data.clone(),
    }
}

fn host_name(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn options() -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.timeout = ANSWER;
    options.attempts = ATTEMPTS;
    options.cache_size = CACHE_MAX;
    options.use_hosts_file = ResolveHosts::Never;
    options.edns0 = true;
    options
}

fn server(address: SocketAddr) -> NameServerConfig {
    let connection = |protocol| {
        let mut connection = ConnectionConfig::new(protocol);
        connection.port = address.port();
        connection
    };
    let connections = vec![
        connection(ProtocolConfig::Udp),
        connection(ProtocolConfig::Tcp),
    ];
    NameServerConfig::new(address.ip(), true, connections)
}

/// The `nameserver` lines of the system's file; the machine itself when there are none.
fn system_servers(path: &Path) -> Vec<SocketAddr> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let servers = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next()? == "nameserver").then_some(())?;
        let address: IpAddr = words.next()?.parse().ok()?;
        Some(SocketAddr::new(address, 53))
    });
    let mut servers: Vec<SocketAddr> = servers.take(8).collect();
    if servers.is_empty() {
        servers.push(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53));
    }
    servers
}

/// What an error means.
pub fn read(error: &NetError) -> NamesError {
    match error {
        error if error.is_nx_domain() => NamesError::NoSuchName,
        error if error.is_no_records_found() => NamesError::Nothing,
        // That there is nothing was proven, or need not be.
        NetError::Dns(DnsError::Nsec {
            response, proof, ..
        }) if proof.is_secure() || proof.is_insecure() => match response.response_code {
            ResponseCode::NXDomain => NamesError::NoSuchName,
            _ => NamesError::Nothing,
        },
        error => NamesError::Unavailable(error.to_string()),
    }
}
