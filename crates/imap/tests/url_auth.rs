//! Who may read what by an authorized URL, and until when.
//!
//! Standard: RFC 4467.

#![allow(clippy::unwrap_used)] // A test may fail.

mod wire;

use engine::Settings;
use engine::directory::administration::AccountChange;
use engine::rehearsal::Rehearsal;
use wire::{Wire, stage};

fn answer(wire: &mut Wire, command: &str) -> String {
    wire.send(format!("a {command}\r\n").as_bytes());
    wire.take()
}

fn signed_in(house: &Rehearsal, name: &str) -> Wire {
    let mut wire = wire::open(house, true);
    answer(&mut wire, &format!("LOGIN {name}@example.test {name}"));
    wire
}

/// Alice, who has a letter, and Bob.
fn both() -> (Rehearsal, Wire, Wire) {
    let house = stage(Settings::default());
    house.person("bob@example.test").unwrap();
    let (mut alice, bob) = (signed_in(&house, "alice"), signed_in(&house, "bob"));
    answer(
        &mut alice,
        "APPEND INBOX {21+}\r\nSubject: x\r\n\r\nwords\r\n",
    );
    (house, alice, bob)
}

const PLACE: &str = "imap://alice%40example.test@mail.example.test/INBOX/;UID=1";

/// Has Alice authorize what stands behind the UID.
fn authorized(alice: &mut Wire, rest: &str) -> String {
    let told = answer(alice, &format!("GENURLAUTH \"{PLACE}{rest}\" INTERNAL"));
    let url = told.strip_prefix("* GENURLAUTH \"").unwrap();
    let (url, end) = url.split_once('"').unwrap();
    assert_eq!(end, "\r\na OK GENURLAUTH completed\r\n");
    assert!(
        url.starts_with(&format!("{PLACE}{rest}:INTERNAL:01")),
        "{url}"
    );
    url.to_owned()
}

/// What this user reads by a URL; `None` for NIL.
fn read(wire: &mut Wire, url: &str) -> Option<String> {
    let told = answer(wire, &format!("URLFETCH \"{url}\""));
    let told = told
        .strip_suffix("\r\na OK URLFETCH completed\r\n")
        .unwrap();
    let value = told
        .strip_prefix(&format!("* URLFETCH \"{url}\" "))
        .unwrap();
    if value == "NIL" {
        return None;
    }
    let (size, text) = value
        .strip_prefix('{')
        .unwrap()
        .split_once("}\r\n")
        .unwrap();
    assert_eq!(size, text.len().to_string());
    Some(text.to_owned())
}

#[test]
fn a_url_is_read_by_those_whom_it_is_for() {
    let (house, mut alice, mut bob) = both();
    let for_all = authorized(&mut alice, "/;SECTION=TEXT;URLAUTH=anonymous");
    assert_eq!(read(&mut bob, &for_all).unwrap(), "words\r\n");
    assert_eq!(read(&mut alice, &for_all).unwrap(), "words\r\n");
    let for_bob = authorized(&mut alice, ";URLAUTH=user+bob%40example.test");
    assert_eq!(
        read(&mut bob, &for_bob).unwrap(),
        "Subject: x\r\n\r\nwords\r\n"
    );
    assert_eq!(read(&mut alice, &for_bob), None);
    let to_submit = authorized(&mut alice, "/;section=header;urlauth=submit+alice");
    assert_eq!(read(&mut bob, &to_submit), None);
    let change = AccountChange {
        administrator: Some(true),
        ..AccountChange::default()
    };
    let number = house.number("bob@example.test").unwrap();
    house
        .engine
        .change_account(number, &change)
        .unwrap()
        .wait()
        .unwrap();
    assert_eq!(read(&mut bob, &to_submit).unwrap(), "Subject: x\r\n\r\n");
    let part = authorized(&mut alice, "/;SECTION=TEXT/;PARTIAL=1.3;URLAUTH=authuser");
    assert_eq!(read(&mut bob, &part).unwrap(), "ord");
}

#[test]
fn a_url_that_was_changed_or_is_of_nobody_reads_nothing() {
    let (_house, mut alice, mut bob) = both();
    let url = authorized(&mut alice, ";URLAUTH=authuser");
    for changed in [
        url.replace("UID=1", "UID=2"),
        url.replace("UID=1", "uid=1"),
        url.replace("alice%40", "bob%40"),
        url.replace("alice%40", "nobody%40"),
        url.replace("INBOX", "Drafts"),
        url.replace("INBOX", "Nowhere"),
        url.replace("authuser", "anonymous"),
        url.replace(":01", ":02"),
        url.split(":INTERNAL").next().unwrap().to_owned(),
        "/INBOX/;UID=1".to_owned(),
        "imap://alice@example.test/INBOX".to_owned(),
        "x".to_owned(),
    ] {
        assert_eq!(read(&mut bob, &changed), None, "{changed}");
    }
    assert!(read(&mut bob, &url).is_some());
}

#[test]
fn a_url_ends_when_it_says_and_when_its_key_does() {
    let (house, mut alice, mut bob) = both();
    let now = house.engine.now().seconds();
    let end = formats::moment::rfc3339(now + 60);
    let url = authorized(&mut alice, &format!(";EXPIRE={end};URLAUTH=authuser"));
    assert!(read(&mut bob, &url).is_some());
    house.pass(61);
    assert_eq!(read(&mut bob, &url), None);
    for reset in ["RESETKEY INBOX", "RESETKEY INBOX INTERNAL", "RESETKEY"] {
        let url = authorized(&mut alice, ";URLAUTH=authuser");
        assert!(read(&mut bob, &url).is_some());
        assert!(answer(&mut bob, "RESETKEY").starts_with("a OK "));
        assert!(read(&mut bob, &url).is_some(), "Bob's keys are not Alice's");
        assert!(answer(&mut alice, reset).starts_with("a OK "));
        assert_eq!(read(&mut bob, &url), None, "{reset}");
    }
}

#[test]
fn a_url_grants_what_its_owner_may_read_now() {
    let (_house, mut alice, mut bob) = both();
    answer(&mut alice, "SETACL INBOX bob@example.test lr");
    let place = "imap://bob%40example.test@x/Other%20Users/alice@example.test/INBOX/;UID=1";
    let told = answer(
        &mut bob,
        &format!("GENURLAUTH \"{place};URLAUTH=authuser\" INTERNAL"),
    );
    let url = told.split('"').nth(1).unwrap().to_owned();
    assert!(read(&mut alice, &url).is_some(), "{told}");
    answer(&mut alice, "DELETEACL INBOX bob@example.test");
    assert_eq!(read(&mut alice, &url), None);
    let told = answer(
        &mut bob,
        &format!("GENURLAUTH \"{place};URLAUTH=authuser\" INTERNAL"),
    );
    assert!(told.starts_with("a BAD "), "{told}");
}

#[test]
fn a_message_is_put_together_from_what_another_has_authorized() {
    let (_house, mut alice, mut bob) = both();
    let url = authorized(&mut alice, "/;SECTION=TEXT;URLAUTH=user+bob@example.test");
    let append =
        format!("APPEND Drafts CATENATE (TEXT {{14+}}\r\nSubject: y\r\n\r\n URL \"{url}\")");
    let told = answer(&mut bob, &append);
    assert!(told.starts_with("a OK [APPENDUID "), "{told}");
    answer(&mut bob, "SELECT Drafts");
    let told = answer(&mut bob, "FETCH 1 BODY.PEEK[]");
    assert!(told.contains("Subject: y\r\n\r\nwords\r\n"), "{told}");
    let told = answer(&mut alice, &append);
    assert!(told.starts_with("a NO [BADURL "), "{told}");
}

#[test]
fn several_urls_are_answered_in_their_order() {
    let (_house, mut alice, mut bob) = both();
    let one = authorized(&mut alice, "/;SECTION=TEXT;URLAUTH=authuser");
    let told = answer(&mut bob, &format!("URLFETCH \"{one}\" bad \"{one}\""));
    let text = "{7}\r\nwords\r\n";
    assert_eq!(
        told,
        format!(
            "* URLFETCH \"{one}\" {text} \"bad\" NIL \"{one}\" {text}\r\na OK URLFETCH completed\r\n"
        )
    );
}
