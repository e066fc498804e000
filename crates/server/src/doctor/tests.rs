//! A domain with the names of the test's own.

use super::*;
use crate::examination::tests::zone::{Zone, names, text};
use crate::outbound::names::Resolver;
use crate::outbound::settings::{Dns, Dnssec};
use crate::zone::records;
use engine::Timestamp;
use engine::directory::record::DomainRecord;
use engine::signature::key::{Algorithm, DomainKey, Stage};
use tokio::net::TcpListener;

fn domain() -> DomainRecord {
    DomainRecord {
        name: "example.test".to_owned(),
        catch_all: None,
        keys: vec![DomainKey {
            selector: "s".to_owned(),
            algorithm: Algorithm::Ed25519,
            secret: Vec::new(),
            public: vec![7; 32],
            made: Timestamp(0),
            stage: Stage::InUse,
        }],
    }
}

async fn resolver(zone: Zone) -> Resolver {
    let dns = Dns {
        servers: vec![names(zone).await],
        dnssec: Dnssec::Off,
        trust_anchor: None,
    };
    Resolver::new(&dns).unwrap()
}

/// What is found with this zone, when port 25 is served and port 993 is not.
async fn checks(zone: Zone) -> Vec<Check> {
    let open = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let closed = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let port = |door: &TcpListener| door.local_addr().unwrap().port();
    let facts = Facts {
        hostname: "mx.example.test".to_owned(),
        services: vec![(Service::Smtp, port(&open)), (Service::Imap, port(&closed))],
        ..Facts::default()
    };
    drop(closed);
    let names = resolver(zone).await;
    let world = World {
        asker: names.asker(),
        names: Arc::new(names),
        https_port: 443,
    };
    examine(&facts, &records(&facts, &domain()), &world).await
}

fn state(checks: &[Check], what: &str) -> State {
    let found = checks.iter().find(|check| check.what.starts_with(what));
    found.unwrap_or_else(|| panic!("{what}: {checks:?}")).state
}

#[tokio::test]
async fn everything_in_its_place_is_good() {
    let mut zone = vec![("mx.example.test".into(), 1, "127.0.0.2".into())];
    for record in records(&Facts::default(), &domain()) {
        if record.kind == "TXT" && record.is_ready && !record.name.is_empty() {
            zone.push(text(&record.name, &record.value));
        }
    }
    let checks = checks(zone).await;
    for what in [
        "SPF of example.test",
        "DKIM key of s._domainkey",
        "DMARC policy",
        "blocklists",
        "smtp at",
    ] {
        assert_eq!(state(&checks, what), State::Good, "{what}: {checks:?}");
    }
}

#[tokio::test]
async fn the_reverse_name_of_an_address_must_be_the_servers() {
    let of = |host: &str| ("25.2.0.192.in-addr.arpa".into(), 12, host.into());
    for (zone, wanted) in [
        (vec![of("MX.example.test")], State::Good),
        (vec![of("host7.provider.test")], State::Bad),
        (Vec::new(), State::Bad),
    ] {
        let names = resolver(zone).await;
        let world = World {
            asker: names.asker(),
            names: Arc::new(names),
            https_port: 443,
        };
        let address = "192.0.2.25".parse().unwrap();
        let check = reverse(address, "mx.example.test", &world).await;
        assert_eq!(check.state, wanted, "{check:?}");
    }
}

#[tokio::test]
async fn a_list_that_does_not_answer_is_no_list_that_says_no() {
    let of = |list: &str, answer: &str| (format!("7.2.0.192.{list}"), 1, answer.to_owned());
    let refused = of("zen.spamhaus.org", "127.255.255.254");
    let names = resolver(vec![refused, of("bl.spamcop.net", "127.0.0.2")]).await;
    let world = World {
        asker: names.asker(),
        names: Arc::new(names),
        https_port: 443,
    };
    let checks = blocklists::check("192.0.2.7".parse().unwrap(), &world).await;
    for (what, wanted) in [
        ("192.0.2.7 on bl.spamcop.net", State::Bad),
        ("blocklists of 192.0.2.7", State::Good),
        ("zen.spamhaus.org of 192.0.2.7", State::Unknown),
    ] {
        assert_eq!(state(&checks, what), wanted, "{what}: {checks:?}");
    }
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_told_with_what_to_do() {
    let zone = vec![
        ("mx.example.test".into(), 1, "127.0.0.2".into()),
        (
            "2.0.0.127.in-addr.arpa".into(),
            12,
            "host7.provider.test".into(),
        ),
        ("2.0.0.127.bl.spamcop.net".into(), 1, "127.0.0.2".into()),
        text("example.test", "v=spf1 ip4:192.0.2.1 ~all"),
        text("s._domainkey.example.test", "v=DKIM1; k=ed25519; p=AAAA"),
        text("_dmarc.example.test", "v=DMARC1; p=none"),
        text("_dmarc.example.test", "v=DMARC1; p=reject"),
    ];
    let checks = checks(zone).await;
    for (what, wanted) in [
        ("MX of example.test", State::Bad),
        ("SPF of example.test", State::Weak),
        ("DKIM key of s._domainkey", State::Bad),
        ("DMARC policy", State::Bad),
        ("PTR of 127.0.0.2", State::Bad),
        ("127.0.0.2 on bl.spamcop.net", State::Bad),
        ("smtp at", State::Good),
        ("imap at", State::Bad),
    ] {
        assert_eq!(state(&checks, what), wanted, "{what}: {checks:?}");
    }
    let advised = |check: &Check| check.state != State::Bad || !check.advice.is_empty();
    assert!(checks.iter().all(advised));
}
