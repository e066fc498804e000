//! Who may read what by an authorized URL, and until when.
//!
//! Standards: RFC 4467; RFC 5524 (in which form).

#![allow(clippy::unwrap_used)] // A test may fail.

use crate::wire::{Wire, stage};
use engine::Settings;
use engine::directory::administration::AccountChange;
use engine::rehearsal::Rehearsal;

fn answer(wire: &mut Wire, command: &str) -> String {
    wire.send(format!("a {command}\r\n").as_bytes());
    wire.take()
}

fn signed_in(house: &Rehearsal, name: &str) -> Wire {
    let mut wire = crate::wire::open(house, true);
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
    authorize(alice, PLACE, rest)
}

fn authorize(alice: &mut Wire, place: &str, rest: &str) -> String {
    let told = answer(alice, &format!("GENURLAUTH \"{place}{rest}\" INTERNAL"));
    let url = told.strip_prefix("* GENURLAUTH \"").unwrap();
    let (url, end) = url.split_once('"').unwrap();
    assert_eq!(end, "\r\na OK GENURLAUTH completed\r\n");
    assert!(
        url.starts_with(&format!("{place}{rest}:INTERNAL:01")),
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

/// A text, an encoded part with a NUL, and one whose encoding nobody knows.
const MIXED: &str = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=C3=A9\r\n\
    --b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n\
    --b\r\nContent-Transfer-Encoding: x-own\r\n\r\nx\r\n--b--\r\n";

/// Source: RFC 5524 §3, §4.
#[test]
fn a_part_is_read_decoded_or_with_its_structure() {
    let (_house, mut alice, _) = both();
    let append = format!("APPEND INBOX {{{}+}}\r\n{MIXED}", MIXED.len());
    answer(&mut alice, &append);
    let place = PLACE.replace(";UID=1", ";UID=2");
    let text =
        r#"("text" "plain" ("charset" "us-ascii") NIL NIL "quoted-printable" 9 0 NIL NIL NIL NIL)"#;
    let image = r#"("image" "png" NIL NIL NIL "binary" 4 NIL NIL NIL NIL)"#;
    for (section, parameters, wanted) in [
        ("1", " BINARY", "(BINARY {5}\r\ncaf\u{e9})".to_owned()),
        ("1", " BODY", "(BODY {9}\r\ncaf=C3=A9)".to_owned()),
        ("1", "", "{9}\r\ncaf=C3=A9".to_owned()),
        (
            "1",
            " BODYPARTSTRUCTURE",
            format!("(BODYPARTSTRUCTURE {text})"),
        ),
        (
            "2",
            " BODYPARTSTRUCTURE BINARY",
            format!("(BODYPARTSTRUCTURE {image}) (BINARY ~{{4}}\r\n\0\u{1}\u{2}\u{3})"),
        ),
        (
            "2/;PARTIAL=1.2",
            " BINARY",
            "(BINARY ~{2}\r\n\u{1}\u{2})".to_owned(),
        ),
        (
            "1.MIME",
            " BINARY BODYPARTSTRUCTURE",
            format!("(BINARY {{{}}}\r\n{HEADER})", HEADER.len()),
        ),
        ("1.MIME", " BODYPARTSTRUCTURE", "NIL".to_owned()),
        ("3", " BINARY", "(BINARY NIL)".to_owned()),
        ("3", " BODY", "(BODY {1}\r\nx)".to_owned()),
        ("4", " BINARY", "NIL".to_owned()),
        ("4", " BODYPARTSTRUCTURE", "NIL".to_owned()),
    ] {
        let told = authorize(
            &mut alice,
            &place,
            &format!("/;SECTION={section};URLAUTH=anonymous"),
        );
        let told_of = answer(&mut alice, &format!("URLFETCH (\"{told}\"{parameters})"));
        let wanted = format!("* URLFETCH \"{told}\" {wanted}\r\na OK URLFETCH completed\r\n");
        assert_eq!(told_of, wanted, "{section}{parameters}");
    }
}

const HEADER: &str = "Content-Transfer-Encoding: quoted-printable\r\n\r\n";

#[test]
fn what_nobody_can_want_of_a_url_is_refused() {
    let (_house, mut alice, _) = both();
    let url = authorized(&mut alice, ";URLAUTH=anonymous");
    for bad in [
        "()".to_owned(),
        "(BODY)".to_owned(),
        format!("(\"{url}\" BODY BINARY)"),
        format!("(\"{url}\" HEADER)"),
        format!("(\"{url}\" BINARY"),
        format!("(\"{url}\")(\"{url}\")"),
    ] {
        let told = answer(&mut alice, &format!("URLFETCH {bad}"));
        assert!(
            told.starts_with("a BAD ") || bad == "(BODY)",
            "{bad}: {told}"
        );
    }
    let both = answer(
        &mut alice,
        &format!("URLFETCH (\"{url}\" BODYPARTSTRUCTURE) \"{url}\""),
    );
    assert!(both.contains("(BODYPARTSTRUCTURE (\"text\""), "{both}");
    assert!(both.contains(&format!("\"{url}\" {{21}}\r\n")), "{both}");
}
