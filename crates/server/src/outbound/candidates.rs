//! To which addresses a letter is offered, and in which order.
//!
//! Start at [`find`].
//!
//! Standards: RFC 5321 §5 (order, falling back to the address, loops), RFC 7505 (no mail at all).

use super::names::{Found, Names, NamesError};
use super::route::Place;
use engine::queue::{Reason, Status};
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// Mail servers of a domain that are looked at.
const HOSTS_MAX: usize = 16;
/// Addresses that are tried in one attempt.
pub const ADDRESSES_MAX: usize = 12;

/// One address to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The host's name, as a certificate would have it.
    pub host: String,
    /// Where it listens.
    pub address: SocketAddr,
}

/// Who we are, so that we don't send to ourselves.
#[derive(Debug, Clone)]
pub struct Ourselves {
    /// Our name.
    pub hostname: String,
    /// Addresses on which we take mail.
    pub addresses: Vec<SocketAddr>,
}

impl Ourselves {
    fn is(&self, candidate: &Candidate) -> bool {
        let there = candidate.address;
        self.addresses.iter().any(|own| {
            let everywhere = own.ip().is_unspecified()
                && own.port() == there.port()
                && (own.is_ipv6() || there.is_ipv4());
            *own == there || (everywhere && is_of_this_machine(there.ip()))
        })
    }

    fn is_named(&self, host: &str) -> bool {
        host.eq_ignore_ascii_case(&self.hostname)
    }
}

/// Only an address of this machine can be bound to.
fn is_of_this_machine(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// Why there is nowhere to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nowhere {
    /// For now.
    Later(Reason),
    /// For ever.
    Never(Reason),
}

/// The addresses of a place, best first.
///
/// `dice` is any number: it orders what is equally good.
pub async fn find(
    names: &dyn Names,
    place: &Place,
    port: u16,
    ourselves: &Ourselves,
    dice: u64,
) -> Result<Found<Vec<Candidate>>, Nowhere> {
    match place {
        Place::Socket(_) | Place::Here => Err(Nowhere::Never(Reason::ours(Status::NO_ROUTE))),
        Place::Host(host, port) => {
            let found = addresses(names, host).await;
            let addresses = found.map_err(|error| of_host(&error))?;
            Ok(Found {
                records: candidates(host, &addresses, *port),
                secure: false,
            })
        }
        Place::Exchangers(domain) => {
            let hosts = exchangers(names, domain, ourselves, dice).await?;
            Ok(Found {
                records: of_hosts(names, &hosts.records, port, ourselves).await?,
                secure: hosts.secure,
            })
        }
    }
}

/// The hosts of a domain in order; those no better than ourselves are left out.
async fn exchangers(
    names: &dyn Names,
    domain: &str,
    ourselves: &Ourselves,
    dice: u64,
) -> Result<Found<Vec<String>>, Nowhere> {
    let (mut found, secure) = match names.exchangers(domain).await {
        Ok(Found { records, secure }) => (records, secure),
        // Without mail servers the domain is its own (RFC 5321 §5.1).
        Err(NamesError::Nothing) => {
            return Ok(Found {
                records: vec![domain.to_owned()],
                secure: false,
            });
        }
        Err(error) => return Err(of_domain(&error)),
    };
    if found.iter().all(|(_, host)| host.is_empty()) {
        return Err(Nowhere::Never(Reason::ours(Status::NULL_EXCHANGE)));
    }
    found.retain(|(_, host)| !host.is_empty());
    let own = found.iter().filter(|(_, host)| ourselves.is_named(host));
    if let Some(own) = own.map(|(preference, _)| *preference).min() {
        found.retain(|(preference, _)| *preference < own);
        if found.is_empty() {
            return Err(Nowhere::Never(Reason::ours(Status::LOOP)));
        }
    }
    let mut shuffled: Vec<(u16, u64, String)> = found
        .into_iter()
        .zip(0_u64..)
        .map(|((preference, host), at)| (preference, mixed(dice, at), host))
        .collect();
    shuffled.sort();
    shuffled.truncate(HOSTS_MAX);
    Ok(Found {
        records: shuffled.into_iter().map(|(_, _, host)| host).collect(),
        secure,
    })
}

/// A number that looks random for each place (the finalizer of `SplitMix64`).
fn mixed(dice: u64, at: u64) -> u64 {
    let mut value = dice.wrapping_add(at.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Addresses of hosts in order, until there are enough. An address of ours ends the list: those
/// behind it are no better than ourselves.
async fn of_hosts(
    names: &dyn Names,
    hosts: &[String],
    port: u16,
    ourselves: &Ourselves,
) -> Result<Vec<Candidate>, Nowhere> {
    let mut all: Vec<Candidate> = Vec::new();
    let mut problem = None;
    for host in hosts {
        match addresses(names, host).await {
            Ok(found) => {
                let found = candidates(host, &found, port);
                if found.iter().any(|candidate| ourselves.is(candidate)) {
                    problem.get_or_insert(Nowhere::Never(Reason::ours(Status::LOOP)));
                    break;
                }
                all.extend(found);
            }
            // One host that is not known for now may be the only one that is right.
            Err(error @ NamesError::Unavailable(_)) => problem = Some(of_host(&error)),
            Err(error) => _ = problem.get_or_insert(of_host(&error)),
        }
        if all.len() >= ADDRESSES_MAX {
            break;
        }
    }
    all.truncate(ADDRESSES_MAX);
    match (all.is_empty(), problem) {
        (true, problem) => Err(problem.unwrap_or(Nowhere::Never(Reason::ours(Status::NO_ROUTE)))),
        (false, _) => Ok(all),
    }
}

async fn addresses(names: &dyn Names, host: &str) -> Result<Vec<IpAddr>, NamesError> {
    match host.parse() {
        Ok(address) => Ok(vec![address]),
        Err(_) => Ok(names.addresses(host).await?.records),
    }
}

/// Families take turns, so that a broken one costs one wait and not many.
fn candidates(host: &str, addresses: &[IpAddr], port: u16) -> Vec<Candidate> {
    let (six, four): (Vec<IpAddr>, Vec<IpAddr>) =
        addresses.iter().partition(|address| address.is_ipv6());
    let longest = six.len().max(four.len());
    let turns = (0..longest).flat_map(|at| [six.get(at), four.get(at)]);
    let candidate = |address: &IpAddr| Candidate {
        host: host.to_owned(),
        address: SocketAddr::new(*address, port),
    };
    turns.flatten().map(candidate).collect()
}

fn of_domain(error: &NamesError) -> Nowhere {
    match error {
        NamesError::NoSuchName | NamesError::Nothing => {
            Nowhere::Never(Reason::ours(Status::NO_DOMAIN))
        }
        NamesError::Unavailable(_) => Nowhere::Later(Reason::ours(Status::NO_NAMES)),
    }
}

fn of_host(error: &NamesError) -> Nowhere {
    match error {
        NamesError::NoSuchName | NamesError::Nothing => {
            Nowhere::Never(Reason::ours(Status::NO_ROUTE))
        }
        NamesError::Unavailable(_) => Nowhere::Later(Reason::ours(Status::NO_NAMES)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::dane::Record;
    use crate::outbound::names::Answer;
    use std::collections::HashMap;

    /// Names of a test; what is not in it does not exist, and `lame.` never answers.
    #[derive(Default)]
    struct Zone {
        exchangers: HashMap<&'static str, Vec<(u16, &'static str)>>,
        addresses: HashMap<&'static str, Vec<&'static str>>,
    }

    impl Zone {
        fn mx(mut self, domain: &'static str, records: &[(u16, &'static str)]) -> Self {
            self.exchangers.insert(domain, records.to_vec());
            self
        }

        fn host(mut self, host: &'static str, addresses: &[&'static str]) -> Self {
            self.addresses.insert(host, addresses.to_vec());
            self
        }

        fn missing(&self, name: &str) -> NamesError {
            if name.starts_with("lame") {
                return NamesError::Unavailable("no answer".to_owned());
            }
            if self.exchangers.contains_key(name) || self.addresses.contains_key(name) {
                NamesError::Nothing
            } else {
                NamesError::NoSuchName
            }
        }
    }

    impl Names for Zone {
        fn exchangers<'a>(&'a self, domain: &'a str) -> Answer<'a, Found<Vec<(u16, String)>>> {
            let found = self.exchangers.get(domain).map(|records| {
                let owned = records.iter().map(|(at, host)| (*at, (*host).to_owned()));
                owned.collect()
            });
            let found = found.map(unsigned);
            Box::pin(async move { found.ok_or_else(|| self.missing(domain)) })
        }

        fn addresses<'a>(&'a self, host: &'a str) -> Answer<'a, Found<Vec<IpAddr>>> {
            let found = self.addresses.get(host).map(|addresses| {
                addresses
                    .iter()
                    .map(|address| address.parse().unwrap())
                    .collect()
            });
            let found = found.map(unsigned);
            Box::pin(async move { found.ok_or_else(|| self.missing(host)) })
        }

        fn texts<'a>(&'a self, name: &'a str) -> Answer<'a, Vec<String>> {
            Box::pin(async move { Err(self.missing(name)) })
        }

        fn keys<'a>(&'a self, _: u16, host: &'a str) -> Answer<'a, Vec<Record>> {
            Box::pin(async move { Err(self.missing(host)) })
        }
    }

    fn unsigned<T>(records: T) -> Found<T> {
        Found {
            records,
            secure: false,
        }
    }

    fn look(zone: &Zone, domain: &str, dice: u64) -> Result<Vec<String>, Nowhere> {
        look_from("192.0.2.99:25", zone, domain, dice)
    }

    fn look_from(own: &str, zone: &Zone, domain: &str, dice: u64) -> Result<Vec<String>, Nowhere> {
        let ourselves = Ourselves {
            hostname: "us.test".to_owned(),
            addresses: vec![own.parse().unwrap()],
        };
        let place = Place::Exchangers(domain.to_owned());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let found = runtime
            .block_on(find(zone, &place, 25, &ourselves, dice))?
            .records;
        Ok(found
            .iter()
            .map(|one| one.address.ip().to_string())
            .collect())
    }

    fn never(status: Status) -> Result<Vec<String>, Nowhere> {
        Err(Nowhere::Never(Reason::ours(status)))
    }

    fn later() -> Result<Vec<String>, Nowhere> {
        Err(Nowhere::Later(Reason::ours(Status::NO_NAMES)))
    }

    fn two_hosts() -> Zone {
        Zone::default()
            .host("a.test", &["192.0.2.1"])
            .host("b.test", &["192.0.2.2"])
    }

    #[test]
    fn lower_preferences_go_first() {
        let zone = two_hosts().mx("d.test", &[(20, "a.test"), (10, "b.test")]);
        for dice in 0..8 {
            assert_eq!(
                look(&zone, "d.test", dice).unwrap(),
                ["192.0.2.2", "192.0.2.1"]
            );
        }
    }

    #[test]
    fn equal_preferences_are_spread_by_chance() {
        let zone = two_hosts().mx("d.test", &[(10, "a.test"), (10, "b.test")]);
        let firsts: std::collections::HashSet<String> = (0..32)
            .map(|dice| look(&zone, "d.test", dice).unwrap()[0].clone())
            .collect();
        assert_eq!(firsts.len(), 2);
    }

    #[test]
    fn without_mail_servers_the_domain_is_its_own() {
        let zone = Zone::default().host("d.test", &["192.0.2.7", "2001:db8::7", "192.0.2.8"]);
        assert_eq!(
            look(&zone, "d.test", 0).unwrap(),
            ["2001:db8::7", "192.0.2.7", "192.0.2.8"]
        );
    }

    #[test]
    fn a_null_exchanger_takes_no_mail() {
        let zone = Zone::default().mx("d.test", &[(0, "")]);
        assert_eq!(look(&zone, "d.test", 0), never(Status::NULL_EXCHANGE));
    }

    #[test]
    fn a_domain_that_does_not_exist_is_given_up_and_one_that_is_not_known_is_not() {
        assert_eq!(
            look(&Zone::default(), "d.test", 0),
            never(Status::NO_DOMAIN)
        );
        assert_eq!(look(&Zone::default(), "lame.test", 0), later());
        let zone = Zone::default().mx("d.test", &[(1, "gone.test"), (2, "lame.test")]);
        assert_eq!(look(&zone, "d.test", 0), later());
        let zone = Zone::default().mx("d.test", &[(1, "gone.test")]);
        assert_eq!(look(&zone, "d.test", 0), never(Status::NO_ROUTE));
    }

    #[test]
    fn only_servers_better_than_ourselves_are_tried() {
        let zone = two_hosts().mx("d.test", &[(5, "a.test"), (10, "us.test"), (10, "b.test")]);
        assert_eq!(look(&zone, "d.test", 0).unwrap(), ["192.0.2.1"]);
        let zone = two_hosts().mx("d.test", &[(10, "us.test"), (20, "b.test")]);
        assert_eq!(look(&zone, "d.test", 0), never(Status::LOOP));
    }

    #[test]
    fn a_host_with_our_own_address_is_ourselves_whatever_its_name() {
        let zone = Zone::default()
            .mx("d.test", &[(10, "alias.test")])
            .host("alias.test", &["192.0.2.99"]);
        assert_eq!(look(&zone, "d.test", 0), never(Status::LOOP));
    }

    #[test]
    fn who_listens_everywhere_is_at_every_address_of_the_machine() {
        let zone = Zone::default()
            .mx("d.test", &[(10, "alias.test")])
            .host("alias.test", &["127.0.0.1"]);
        for own in ["0.0.0.0:25", "[::]:25"] {
            assert_eq!(look_from(own, &zone, "d.test", 0), never(Status::LOOP));
        }
        assert!(look_from("[::]:26", &zone, "d.test", 0).is_ok());
        let zone = two_hosts().mx("d.test", &[(10, "a.test")]);
        assert!(look_from("[::]:25", &zone, "d.test", 0).is_ok());
    }
}
