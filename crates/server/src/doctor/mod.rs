//! `facteur doctor`: is everything outside of the server as it must be, and what is to be done next?
//!
//! Asks the names of the world, knocks at the server's own doors and looks at its certificate;
//! changes nothing. Every question has a time of its own, so that an answer always comes.
//!
//! Start at [`examine`].
//!
//! Standards: RFC 1912 §2.1 (PTR), RFC 5782 (blocklists), RFC 4330 (the clock), RFC 8461 (the policy
//! over HTTPS).

mod blocklists;
mod certificate;
mod clock;
mod policy;
mod records;

use crate::configuration::Service;
use crate::outbound::names::Names;
use crate::zone::{Facts, Record, is_public};
use hickory_resolver::TokioResolver;
use hickory_resolver::proto::rr::RData;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a door may stay closed.
const KNOCK: Duration = Duration::from_secs(5);
/// A domain whose servers can be reached by everyone who may send mail at all.
const SOMEONE: &str = "gmail.com";

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// As it must be.
    Good,
    /// Mail works, but not as well as it could.
    Weak,
    /// Mail is lost or refused because of it.
    Bad,
    /// It could not be found out.
    Unknown,
}

impl State {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Weak => "weak",
            Self::Bad => "bad",
            Self::Unknown => "unknown",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// How it stands.
    pub state: State,
    /// What it is.
    pub what: String,
    /// What was found.
    pub found: String,
    /// What to do about it; empty when there is nothing to do.
    pub advice: String,
}

impl Check {
    fn good(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(State::Good, what, found, "")
    }

    fn new(
        state: State,
        what: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            state,
            what: what.into(),
            found: found.into(),
            advice: advice.into(),
        }
    }
}

/// Whom the doctor asks.
pub struct World {
    /// The names of the world.
    pub names: Arc<dyn Names>,
    /// The same, for what is asked here only.
    pub asker: TokioResolver,
    /// Where web servers listen.
    pub https_port: u16,
}

/// Looks at everything that concerns a domain and this server.
pub async fn examine(facts: &Facts, wanted: &[Record], world: &World) -> Vec<Check> {
    let mut checks = records::check(wanted, world).await;
    let addresses = world.names.addresses(&facts.hostname).await;
    let addresses = addresses.map(|found| found.records).unwrap_or_default();
    if addresses.is_empty() {
        let advice = format!(
            "Publish A and AAAA records for {}, or set `hostname` to the name that this server \
                 has",
            facts.hostname
        );
        let found = "no address";
        checks.push(Check::new(State::Bad, &facts.hostname, found, advice));
    }
    for address in &addresses {
        checks.push(reverse(*address, &facts.hostname, world).await);
        checks.extend(blocklists::check(*address, world).await);
    }
    let address = addresses.first().copied();
    checks.extend(doors(facts, address).await);
    if let Some(address) = address {
        checks.extend(certificate::check(facts, address).await);
    }
    checks.extend(policy::check(facts, wanted, world).await);
    if addresses.iter().any(is_public) {
        checks.push(way_out(world).await);
        checks.push(clock::check(world).await);
    }
    checks
}

/// Does the address lead back to the name?
async fn reverse(address: IpAddr, hostname: &str, world: &World) -> Check {
    let what = format!("PTR of {address}");
    let found = match timeout(KNOCK, world.asker.reverse_lookup(address)).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) if error.is_nx_domain() || error.is_no_records_found() => {
            let advice = format!(
                "Have who gives you the address set its reverse name to {hostname}; many servers \
                 refuse mail without it"
            );
            return Check::new(State::Bad, what, "no name", advice);
        }
        Ok(Err(_)) | Err(_) => {
            return Check::new(State::Unknown, what, "no answer", "Try again later");
        }
    };
    let names = found.answers().iter().filter_map(|one| match &one.data {
        RData::PTR(name) => Some(name.0.to_ascii().trim_end_matches('.').to_lowercase()),
        _ => None,
    });
    let names: Vec<String> = names.collect();
    let found = names.join(" ");
    if names.iter().any(|name| name.eq_ignore_ascii_case(hostname)) {
        Check::good(what, found)
    } else {
        let advice = format!("The reverse name should be {hostname}");
        Check::new(State::Bad, what, found, advice)
    }
}

/// Does the server answer at its ports?
async fn doors(facts: &Facts, address: Option<IpAddr>) -> Vec<Check> {
    let mut checks = Vec::new();
    for (service, port) in &facts.services {
        if *service == Service::Metrics {
            continue;
        }
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let at = SocketAddr::new(address, *port);
        let what = format!("{} at {at}", service.name());
        let opened = timeout(KNOCK, TcpStream::connect(at)).await;
        checks.push(if matches!(opened, Ok(Ok(_))) {
            Check::good(what, "open")
        } else {
            let advice = "Is the server running, and does the firewall let this port through?";
            Check::new(State::Bad, what, "closed", advice)
        });
    }
    checks
}

/// Can other servers be reached?
async fn way_out(world: &World) -> Check {
    let what = "the way out, port 25";
    let unknown = || Check::new(State::Unknown, what, "no names", "Try again later");
    let Ok(mut found) = world.names.exchangers(SOMEONE).await else {
        return unknown();
    };
    found.records.sort();
    let Some((_, host)) = found.records.first() else {
        return unknown();
    };
    let Ok(addresses) = world.names.addresses(host).await else {
        return unknown();
    };
    for address in addresses.records {
        let at = SocketAddr::new(address, 25);
        if let Ok(Ok(_)) = timeout(KNOCK, TcpStream::connect(at)).await {
            return Check::good(what, format!("{host} answers"));
        }
    }
    let advice = "Have who gives you the machine open port 25 outwards, or set \
                  `[delivery] relay_host`";
    Check::new(State::Bad, what, format!("{host} does not answer"), advice)
}

#[cfg(test)]
mod tests;
