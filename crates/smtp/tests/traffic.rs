//! How much one may bring and send, and what becomes of those whom nobody wants.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test fails by panicking.

mod harness;

use engine::rehearsal::{Rehearsal, Wire};
use engine::traffic::Allowance;
use engine::{Cleartext, Settings};
use harness::{Stage, session};
use smtp::{Limits, Role};

const STRANGER: &str = "192.0.2.66:4000";

fn house() -> Rehearsal {
    let settings = Settings {
        hostname: "mx.example.test".to_owned(),
        cleartext: Cleartext::Never,
        traffic: Allowance {
            sent: Some(3),
            received: Some(2),
            strikes: Some(2),
            ban_seconds: 60,
        },
        ..Settings::default()
    };
    let house = Rehearsal::new(settings).unwrap();
    house.person("alice@example.test").unwrap();
    house
}

fn from(house: &Rehearsal, role: Role, remote: &str, encrypted: bool) -> Stage {
    let limits = Limits {
        greeting_pause_milliseconds: 0,
        ..Limits::default()
    };
    let mut peer = house.peer(encrypted);
    peer.remote = remote.parse().unwrap();
    Wire::open(house, session(house, role, limits), peer)
}

fn say(stage: &mut Stage, line: &str) -> String {
    stage.take();
    stage.send(format!("{line}\r\n").as_bytes());
    stage.take()
}

#[test]
fn another_server_brings_so_many_letters_an_hour_and_no_more() {
    let house = house();
    let mut stage = from(&house, Role::Relay, STRANGER, false);
    say(&mut stage, "EHLO out.test");
    for reply in ["250 ", "250 ", "451 4.7.28 "] {
        let said = say(&mut stage, "MAIL FROM:<a@elsewhere.test>");
        assert!(said.starts_with(reply), "{said}");
        say(&mut stage, "RSET");
    }
    let mut local = from(&house, Role::Relay, "127.0.0.1:4000", false);
    say(&mut local, "EHLO out.test");
    for _ in 0..5 {
        assert!(say(&mut local, "MAIL FROM:<a@elsewhere.test>").starts_with("250 "));
        say(&mut local, "RSET");
    }
}

#[test]
fn who_guesses_addresses_is_banned_for_a_while() {
    let house = house();
    let mut stage = from(&house, Role::Relay, STRANGER, false);
    say(&mut stage, "EHLO out.test");
    say(&mut stage, "MAIL FROM:<a@elsewhere.test>");
    say(&mut stage, "RCPT TO:<sales@example.test>");
    say(&mut stage, "RCPT TO:<info@example.test>");
    assert!(stage.log.iter().any(|line| line.event == "address banned"));
    let mut again = from(&house, Role::Relay, STRANGER, false);
    assert!(again.take().starts_with("554 5.7.1 Your address is banned"));
    let mut user = from(&house, Role::Submissions, STRANGER, true);
    assert!(user.take().starts_with("220 "), "users may come");
    house.pass(61);
    let mut later = from(&house, Role::Relay, STRANGER, false);
    assert!(later.take().starts_with("220 "));
}

#[test]
fn an_account_that_sends_too_much_is_stopped_with_an_alarm() {
    let house = house();
    let mut stage = from(&house, Role::Submissions, STRANGER, true);
    say(&mut stage, "EHLO laptop.test");
    assert!(
        say(
            &mut stage,
            "AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABhbGljZQ=="
        )
        .starts_with("235")
    );
    let send = |stage: &mut Stage| {
        say(stage, "MAIL FROM:<alice@example.test>");
        say(stage, "RCPT TO:<a@elsewhere.test>");
        say(stage, "RCPT TO:<b@elsewhere.test>");
        say(stage, "DATA");
        say(stage, "From: alice@example.test\r\n\r\nHello\r\n.")
    };
    assert!(send(&mut stage).starts_with("250 "));
    let refused = send(&mut stage);
    assert!(refused.starts_with("451 4.7.28 Your account"), "{refused}");
    send(&mut stage);
    let alarms = stage.log.iter();
    let alarms = alarms.filter(|line| line.event.starts_with("account sends too much"));
    assert_eq!(alarms.count(), 1, "one alarm an hour");
    house.pass(3_600);
    assert!(send(&mut stage).starts_with("250 "));
}
