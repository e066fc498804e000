//! Is an address on a list of those who send what nobody wants?
//!
//! Source: RFC 5782 §2.1 (addresses of four bytes), §2.4 (of sixteen), §2.3 (answers).

use super::{Check, KNOCK, State, World};
use crate::outbound::names::NamesError;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use tokio::time::timeout;

/// A list that many servers ask.
struct List {
    zone: &'static str,
    /// It has addresses of sixteen bytes, too.
    knows_six: bool,
}

const LISTS: [List; 3] = [
    List {
        zone: "zen.spamhaus.org",
        knows_six: true,
    },
    List {
        zone: "bl.spamcop.net",
        knows_six: false,
    },
    List {
        zone: "b.barracudacentral.org",
        knows_six: false,
    },
];

/// What a list says.
enum Said {
    Listed,
    Unlisted,
    /// It does not answer, or not to who asks by this way.
    Nothing,
}

/// Asks all lists that know such addresses.
pub async fn check(address: IpAddr, world: &World) -> Vec<Check> {
    let (mut checks, mut silent, mut heard) = (Vec::new(), Vec::new(), Vec::new());
    for list in LISTS
        .iter()
        .filter(|list| address.is_ipv4() || list.knows_six)
    {
        let zone = list.zone;
        match ask(address, zone, world).await {
            Said::Listed => {
                let what = format!("{address} on {zone}");
                let advice = format!("Ask {zone} why, mend the cause and have it taken off");
                checks.push(Check::new(State::Bad, what, "listed", advice));
            }
            Said::Unlisted => heard.push(zone),
            Said::Nothing => silent.push(zone),
        }
    }
    let what = format!("blocklists of {address}");
    if !heard.is_empty() {
        checks.push(Check::good(what, format!("not on {}", heard.join(", "))));
    }
    if !silent.is_empty() {
        let advice = "Many lists answer nobody who asks by a large public resolver: one of your \
                      own, named in [dns], is answered";
        let silent = silent.join(", ");
        let what = format!("{silent} of {address}");
        checks.push(Check::new(State::Unknown, what, "no answer", advice));
    }
    checks
}

async fn ask(address: IpAddr, zone: &str, world: &World) -> Said {
    let name = format!("{}.{zone}", reversed(address));
    match timeout(KNOCK, world.names.addresses(&name)).await {
        Ok(Ok(found)) if found.records.iter().any(|one| is_verdict(*one)) => Said::Listed,
        // What is outside of 127.0.0.0/16 says that we may not ask (127.255.255.254 and the like).
        Ok(Ok(found)) if !found.records.is_empty() => Said::Nothing,
        Ok(Ok(_) | Err(NamesError::NoSuchName | NamesError::Nothing)) => Said::Unlisted,
        Ok(Err(NamesError::Unavailable(_))) | Err(_) => Said::Nothing,
    }
}

/// An address as lists name it.
fn reversed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(four) => {
            let [a, b, c, d] = four.octets();
            format!("{d}.{c}.{b}.{a}")
        }
        IpAddr::V6(six) => {
            let digits = six.octets().into_iter().rev();
            let mut name = String::new();
            for byte in digits {
                // Writing to a string never fails.
                _ = write!(name, "{:x}.{:x}.", byte & 0xf, byte >> 4);
            }
            name.trim_end_matches('.').to_owned()
        }
    }
}

fn is_verdict(answer: IpAddr) -> bool {
    matches!(answer, IpAddr::V4(four) if four.octets().starts_with(&[127, 0]))
        && answer != IpAddr::V4(Ipv4Addr::LOCALHOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 5782 §2.1 and §2.4.
    #[test]
    fn addresses_are_turned_around() {
        let of = |address: &str| reversed(address.parse().unwrap());
        assert_eq!(of("192.0.2.99"), "99.2.0.192");
        assert_eq!(
            of("2001:db8:1:2:3:4:567:89ab"),
            "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2"
        );
    }

    #[test]
    fn only_answers_of_the_lists_own_network_are_verdicts() {
        let is = |answer: &str| is_verdict(answer.parse().unwrap());
        assert!(is("127.0.0.2") && is("127.0.1.2"));
        assert!(!is("127.0.0.1") && !is("127.255.255.254") && !is("192.0.2.1"));
    }
}
