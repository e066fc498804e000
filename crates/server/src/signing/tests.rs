//! Our signatures, judged by another implementation.

use super::*;
use engine::rehearsal::Rehearsal;
use engine::signature::key::{Algorithm, Stage};
use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::DomainKey as Published;
use mail_auth::hickory_resolver::config::{ResolverConfig, ResolverOpts};
use mail_auth::{
    AuthenticatedMessage, DkimResult, MX, MessageAuthenticator, Parameters, RecordSet,
    ResolverCache, Txt,
};
use std::borrow::Borrow;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const LETTER: &str = "From: Alice <alice@example.test>\r\nTo: Bob <bob@elsewhere.test>\r\n\
                      Subject: A long\r\n  folded subject\r\nDate: Sun, 1 Mar 2026 12:00:00 +0000\r\n\
                      \r\nHello \t Bob,\r\n\r\nbye. \r\n\r\n\r\n";

/// Published keys, as a cache of names would have them.
#[derive(Default)]
struct Zone(HashMap<Box<str>, Txt>);

impl ResolverCache<Box<str>, Txt> for Zone {
    fn get<Q: Hash + Eq + ?Sized>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
    {
        self.0.get(name).cloned()
    }
    fn remove<Q: Hash + Eq + ?Sized>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
    {
        None
    }
    fn insert(&self, _: Box<str>, _: Txt, _: std::time::Instant) {}
}

macro_rules! holds_nothing {
    ($key:ty, $value:ty) => {
        impl ResolverCache<$key, $value> for Zone {
            fn get<Q: Hash + Eq + ?Sized>(&self, _: &Q) -> Option<$value>
            where
                $key: Borrow<Q>,
            {
                None
            }
            fn remove<Q: Hash + Eq + ?Sized>(&self, _: &Q) -> Option<$value>
            where
                $key: Borrow<Q>,
            {
                None
            }
            fn insert(&self, _: $key, _: $value, _: std::time::Instant) {}
        }
    };
}
holds_nothing!(Box<str>, RecordSet<MX>);
holds_nothing!(Box<str>, RecordSet<Ipv4Addr>);
holds_nothing!(Box<str>, RecordSet<Ipv6Addr>);
holds_nothing!(IpAddr, RecordSet<Box<str>>);

fn house() -> Rehearsal {
    let house = Rehearsal::new(engine::Settings::default()).unwrap();
    keeping::complete(&house.engine, "example.test").unwrap();
    house
}

fn keys(house: &Rehearsal) -> Vec<DomainKey> {
    let domains = house.engine.domains().unwrap();
    let found = domains.into_iter().find(|one| one.name == "example.test");
    found.unwrap().keys
}

/// The letter with its signatures, signed in pieces of this size.
fn signed(house: &Rehearsal, letter: &str, piece: usize) -> String {
    let mut unsigned = Unsigned::default();
    for piece in letter.as_bytes().chunks(piece) {
        unsigned.push(piece);
    }
    let lines = Signer::default().lines(&house.engine, unsigned).unwrap();
    [&lines, letter].concat()
}

/// What another implementation says of each signature.
async fn verdicts(house: &Rehearsal, letter: &str) -> Vec<DkimResult> {
    let zone = zone(house);
    let judge = judge();
    let message = AuthenticatedMessage::parse(letter.as_bytes()).unwrap();
    let verdicts = judge.verify_dkim(question(&message, &zone)).await;
    verdicts.iter().map(|one| one.result().clone()).collect()
}

fn zone(house: &Rehearsal) -> Zone {
    let mut zone = Zone::default();
    for key in keys(house) {
        let name = format!("{}._domainkey.example.test.", key.selector);
        let published = Published::parse(keeping::record(&key).as_bytes()).unwrap();
        zone.0
            .insert(name.into(), Txt::DomainKey(Arc::new(published)));
    }
    zone
}

fn judge() -> MessageAuthenticator {
    MessageAuthenticator::new(ResolverConfig::default(), ResolverOpts::default()).unwrap()
}

type Question<'a, P> = Parameters<'a, P, Zone, Zone, Zone, Zone, Zone>;

fn question<'a>(
    message: &'a AuthenticatedMessage<'a>,
    zone: &'a Zone,
) -> Question<'a, &'a AuthenticatedMessage<'a>> {
    Parameters::new(message)
        .with_txt_cache(zone)
        .with_mx_cache(zone)
        .with_ptr_cache(zone)
        .with_ipv4_cache(zone)
        .with_ipv6_cache(zone)
}

#[tokio::test]
async fn a_letter_is_signed_with_both_keys_of_its_authors_domain() {
    let house = house();
    for piece in [1, 7, 4096] {
        let letter = signed(&house, LETTER, piece);
        let found = verdicts(&house, &letter).await;
        assert_eq!(found, [DkimResult::Pass, DkimResult::Pass], "{letter}");
    }
}

#[tokio::test]
async fn nothing_of_a_signed_letter_can_be_changed_or_added() {
    let house = house();
    let letter = signed(&house, LETTER, 4096);
    let changes = [
        letter.replace("bye", "buy"),
        letter.replace("Bob <", "Rob <"),
        letter.replace("From: ", "From: Mallory <m@example.test>\r\nFrom: "),
        letter.replace("\r\nDate", "\r\nReply-To: m@elsewhere.test\r\nDate"),
        letter.replace("\r\nDate", "\r\nContent-Type: text/html\r\nDate"),
    ];
    for changed in changes {
        assert_ne!(changed, letter);
        let found = verdicts(&house, &changed).await;
        assert!(
            found.iter().all(|one| *one != DkimResult::Pass),
            "{changed}"
        );
    }
}

#[tokio::test]
async fn blanks_may_change_on_the_way() {
    let house = house();
    let letter = signed(&house, LETTER, 4096);
    let changed = letter
        .replace("Hello \t Bob", "Hello Bob")
        .replace("long\r\n  folded", "long folded");
    let found = verdicts(&house, &changed).await;
    assert_eq!(found, [DkimResult::Pass, DkimResult::Pass]);
}

#[test]
fn a_letter_of_another_domain_or_with_two_authors_fields_is_not_signed() {
    let house = house();
    for letter in [
        LETTER.replace("example.test", "elsewhere.test"),
        LETTER.replace("To: ", "From: x@example.test\r\nTo: "),
        LETTER.replace("From: ", "X: "),
    ] {
        assert_eq!(signed(&house, &letter, 4096), letter);
    }
}

#[tokio::test]
async fn a_host_below_the_domain_is_signed_for_by_the_domain() {
    let house = house();
    let letter = LETTER.replace("alice@example.test", "MAILER-DAEMON@mx.example.test");
    let found = verdicts(&house, &signed(&house, &letter, 4096)).await;
    assert_eq!(found, [DkimResult::Pass, DkimResult::Pass]);
}

#[test]
fn a_domain_has_one_key_of_each_kind_however_often_it_is_seen_to() {
    let house = house();
    keeping::complete(&house.engine, "example.test").unwrap();
    let keys = keys(&house);
    let kinds: Vec<Algorithm> = keys.iter().map(|key| key.algorithm).collect();
    assert_eq!(kinds, Algorithm::ALL);
    assert!(keys.iter().all(|key| key.stage == Stage::InUse));
}

/// The letter with a further seal of the domain's own.
fn sealed(house: &Rehearsal, letter: &str, arc: &str) -> String {
    let letter = format!("Authentication-Results: mx.example.test; arc={arc}\r\n{letter}");
    let mut unsigned = Unsigned::default();
    unsigned.push(letter.as_bytes());
    let sender = "SRS0=x@example.test";
    let lines = Signer::default().seal(&house.engine, unsigned, sender);
    [&lines.unwrap(), letter.as_str()].concat()
}

#[tokio::test]
async fn what_is_passed_on_is_sealed_again_and_again() {
    let house = house();
    let foreign = LETTER.replace("example.test", "elsewhere.test");
    let (zone, judge) = (zone(&house), judge());
    let first = sealed(&house, &foreign, "none");
    let second = sealed(&house, &first, "pass");
    for letter in [&first, &second] {
        let message = AuthenticatedMessage::parse(letter.as_bytes()).unwrap();
        let found = judge.verify_arc(question(&message, &zone)).await;
        assert_eq!(*found.result(), DkimResult::Pass, "{letter}");
    }
    let changed = second.replace("bye", "buy");
    let message = AuthenticatedMessage::parse(changed.as_bytes()).unwrap();
    let found = judge.verify_arc(question(&message, &zone)).await;
    assert_ne!(*found.result(), DkimResult::Pass);
}
