//! What people here thought of earlier letters that came the same way: signed by the same domain,
//! in the name of the same sender's domain from the same network, or from the same address.
//!
//! Counted in the ledger of all accounts with the lessons that words are learned from, under keyed
//! hashes; the counts are halved with those of the words, so that what is long ago fades. Only a
//! signature that holds counts for its domain: nobody can spoil the name of another.
//!
//! Start at [`Origins::of_arrival`] and [`Engine::reputation`]. What an item's origins were is read
//! from the lines that this server put before it.

use super::content::domain_of;
use super::ledger::{Key, Ledger, Table};
use super::{Points, Reason};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::examination::Examination;
use crate::examination::authentication::{Authentication, Outcome};
use formats::message::header;
use std::net::{IpAddr, Ipv6Addr};
use store::id::AccountId;
use store::model::Role;

/// Letters below which nothing is said.
const LETTERS_MIN: u32 = 3;
/// How sure one must be: with so many letters more, the points would be half.
const DOUBT: f64 = 4.0;
/// Points for an origin whose letters are all unwanted; for wanted ones half of it, the other way.
const POINTS_MOST: f64 = 2.5;
/// Signatures of one letter that count.
const SIGNATURES_MAX: usize = 4;

/// Where a letter came from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origins(Vec<Origin>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// A domain that signed it.
    Domain(String),
    /// The domain of the envelope's sender, and the network of the peer.
    Sender(String, IpAddr),
    /// The peer.
    Address(IpAddr),
}

impl Origins {
    /// Of a letter that has just come.
    pub fn of_arrival(letter: &Examination, found: &Authentication) -> Self {
        let held = found.signatures.iter();
        let held = held.filter(|one| one.outcome == Outcome::Pass);
        let signers = held.map(|one| one.domain.clone());
        Self::new(signers, &letter.sender, letter.peer)
    }

    /// Of a letter that lies in a mailbox, by the lines that this server put before it.
    pub(super) fn of_prefix(prefix: &[u8]) -> Self {
        let text = |name| {
            let found = header::find(prefix, name);
            found.map(|field| String::from_utf8_lossy(field.value).into_owned())
        };
        let results = text("Authentication-Results").unwrap_or_default();
        // Only this server ends lines there; within a value of others there may be anything else.
        let held = results.split(";\r\n\t").filter_map(|one| {
            let facts = one.trim().strip_prefix("dkim=pass ")?;
            let mut facts = facts.split_ascii_whitespace();
            let domain = facts.find_map(|fact| fact.strip_prefix("header.d="))?;
            Some(domain.trim_matches('"').to_owned())
        });
        let sender = text("Return-Path").unwrap_or_default();
        let sender = sender.trim().trim_matches(['<', '>']).to_owned();
        let received = text("Received").unwrap_or_default();
        Self::new(held, &sender, peer_in(&received))
    }

    fn new(signers: impl Iterator<Item = String>, sender: &str, peer: Option<IpAddr>) -> Self {
        let mut signers: Vec<String> = signers.map(|one| one.to_lowercase()).collect();
        signers.sort_unstable();
        signers.dedup();
        signers.truncate(SIGNATURES_MAX);
        let mut all: Vec<Origin> = signers.into_iter().map(Origin::Domain).collect();
        let Some(peer) = peer
            .map(|peer| peer.to_canonical())
            .filter(|one| !one.is_loopback())
        else {
            return Self(all);
        };
        let domain = domain_of(sender).to_lowercase();
        if !domain.is_empty() {
            all.push(Origin::Sender(domain, network(peer)));
        }
        all.push(Origin::Address(peer));
        Self(all)
    }
}

impl Origin {
    fn name(&self) -> String {
        match self {
            Self::Domain(domain) => format!("domain {domain}"),
            Self::Sender(domain, network) => format!("sender {domain} {network}"),
            Self::Address(address) => format!("address {address}"),
        }
    }

    /// The reason's name, and how the letters are called.
    fn words(&self) -> (&'static str, String) {
        match self {
            Self::Domain(domain) => ("REPUTATION_DOMAIN", format!("signed by {domain}")),
            Self::Sender(domain, network) => (
                "REPUTATION_SENDER",
                format!("from {domain} by way of {network}"),
            ),
            Self::Address(address) => ("REPUTATION_ADDRESS", format!("from {address}")),
        }
    }

    fn reason(&self, (unwanted, wanted): (u32, u32)) -> Option<Reason> {
        let letters = unwanted.saturating_add(wanted);
        let points = points(unwanted, wanted);
        if letters < LETTERS_MIN || points == Points(0) {
            return None;
        }
        let (name, called) = self.words();
        let (count, verb) = if points > Points(0) {
            (unwanted, "unwanted")
        } else {
            (wanted, "wanted")
        };
        let text = format!("of {letters} letters {called} {count} were {verb} here");
        Some(Reason::new(name, points, &text))
    }
}

fn points(unwanted: u32, wanted: u32) -> Points {
    let (bad, good) = (f64::from(unwanted), f64::from(wanted));
    let share = (bad - good) / (bad + good + DOUBT);
    let most = if share > 0.0 {
        POINTS_MOST
    } else {
        POINTS_MOST / 2.0
    };
    Points::of(share * most)
}

impl Engine {
    /// What speaks for or against a letter because of where it comes from. Reads the disk.
    pub fn reputation(&self, origins: &Origins) -> Result<Vec<Reason>, EngineError> {
        let all = AccountId::DIRECTORY;
        let learns = self.settings().spam.learn_for_all;
        if !learns || !self.store().may_have_role(all, Role::Learned)? {
            return Ok(Vec::new());
        }
        let view = self.store().view(all)?;
        let mut ledger = Ledger::open(&view, all)?;
        let mut reasons = Vec::new();
        for origin in &origins.0 {
            let key = self.key(Table::Reputations, origin.name().as_bytes());
            let known = ledger.find(&view, Table::Reputations, key)?;
            reasons.extend(known.and_then(|counts| origin.reason(counts)));
        }
        Ok(reasons)
    }

    /// What stands for the origins of a letter.
    pub(super) fn origin_keys(&self, origins: &Origins) -> Vec<Key> {
        let names = origins.0.iter().map(Origin::name);
        names
            .map(|name| self.key(Table::Reputations, name.as_bytes()))
            .collect()
    }
}

/// The address in a line like `from name ([192.0.2.1])`.
fn peer_in(received: &str) -> Option<IpAddr> {
    let (_, rest) = received.split_once("([")?;
    let (address, _) = rest.split_once("])")?;
    address
        .strip_prefix("IPv6:")
        .unwrap_or(address)
        .parse()
        .ok()
}

/// The network around an address: servers of one provider take turns.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(four) => {
            let [a, b, c, _] = four.octets();
            IpAddr::from([a, b, c, 0])
        }
        IpAddr::V6(six) => {
            let [a, b, c, d, ..] = six.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: &[u8] = b"Return-Path: <Bob@Far.test>\r\nDelivered-To: alice@example.test\r\n\
        Authentication-Results: mx.example.test;\r\n\tspf=pass smtp.mailfrom=bob@far.test;\r\n\t\
        dkim=pass header.d=far.test header.s=a;\r\n\tdkim=fail header.d=bank.test header.s=b;\r\n\t\
        dkim=pass header.d=FAR.test header.s=c;\r\n\tiprev=pass policy.iprev=192.0.2.7\r\n\
        Received: from mail.far.test ([192.0.2.7])\r\n\tby mx.example.test with ESMTP id 1;\r\n\t\
        Thu, 1 Jan 2026 00:00:00 +0000\r\n";

    #[test]
    fn what_stands_before_a_letter_tells_where_it_came_from() {
        let network = "192.0.2.0".parse().unwrap();
        let expected = Origins(vec![
            Origin::Domain("far.test".to_owned()),
            Origin::Sender("far.test".to_owned(), network),
            Origin::Address("192.0.2.7".parse().unwrap()),
        ]);
        assert_eq!(Origins::of_prefix(PREFIX), expected);
        assert_eq!(Origins::of_prefix(b""), Origins::default());
        let six = "from x ([IPv6:2001:db8::1])\r\n\tby y";
        assert_eq!(peer_in(six), Some("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn a_few_letters_say_nothing_and_many_say_much_but_never_all() {
        let domain = Origin::Domain("far.test".to_owned());
        assert_eq!(domain.reason((2, 0)), None);
        assert_eq!(domain.reason((5, 5)), None, "opinions are divided");
        let bad = domain.reason((20, 0)).unwrap();
        assert_eq!(bad.points, Points(21));
        assert_eq!(
            bad.text,
            "of 20 letters signed by far.test 20 were unwanted here"
        );
        assert_eq!(domain.reason((0, 20)).unwrap().points, Points(-10));
        assert!(points(u32::MAX, 0) <= Points::of(POINTS_MOST));
    }
}
