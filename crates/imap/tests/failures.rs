//! When the store fails or forgets: nothing is told that is not on disk, and clients can go on.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::wire::{Wire, open, stage};
use engine::dialogue::Input;
use engine::rehearsal::Rehearsal;
use engine::{Settings, StoreError};

fn signed_in(rehearsal: &Rehearsal) -> Wire {
    let mut wire = open(rehearsal, true);
    wire.send(b"a LOGIN alice@example.test alice\r\nb SELECT INBOX\r\n");
    wire.take();
    wire
}

fn ask(wire: &mut Wire, text: &str) -> String {
    wire.send(format!("{text}\r\n").as_bytes());
    wire.take()
}

const APPEND: &str = "c APPEND INBOX {12+}\r\nSubject: x\r\n";

#[test]
fn a_commit_that_never_reaches_the_disk_is_not_acknowledged() {
    let rehearsal = stage(Settings::default());
    let mut wire = signed_in(&rehearsal);
    assert!(ask(&mut wire, APPEND).contains("c OK"));
    rehearsal.fail_next_settling();
    let answer = ask(&mut wire, "d STORE 1 +FLAGS (\\Seen)");
    assert_eq!(
        answer, "d NO [UNAVAILABLE] Try again later\r\n",
        "no flags are told either"
    );
}

#[test]
fn an_append_that_never_reaches_the_disk_is_not_acknowledged() {
    let rehearsal = stage(Settings::default());
    let mut wire = signed_in(&rehearsal);
    rehearsal.fail_next_settling();
    let answer = ask(&mut wire, APPEND);
    assert!(answer.contains("c NO [UNAVAILABLE]"), "{answer}");
}

#[test]
fn a_full_disk_refuses_and_reading_goes_on() {
    let rehearsal = stage(Settings::default());
    let mut wire = signed_in(&rehearsal);
    assert!(ask(&mut wire, APPEND).contains("c OK"));
    rehearsal.fail_next_commit(StoreError::Full);
    let answer = ask(&mut wire, APPEND);
    assert!(answer.contains("c NO [UNAVAILABLE]"), "{answer}");
    let answer = ask(&mut wire, "d FETCH 1 BODY.PEEK[]");
    assert!(
        answer.contains("Subject: x") && answer.contains("d OK"),
        "{answer}"
    );
    assert!(ask(&mut wire, APPEND).contains("c OK"));
}

#[test]
fn a_full_account_refuses_with_overquota() {
    let settings = Settings {
        quota_bytes: Some(20),
        ..Settings::default()
    };
    let rehearsal = stage(settings);
    let mut wire = signed_in(&rehearsal);
    assert!(ask(&mut wire, APPEND).contains("c OK"));
    let answer = ask(&mut wire, APPEND);
    assert!(answer.contains("c NO [OVERQUOTA]"), "{answer}");
    let answer = ask(&mut wire, "d APPEND INBOX {21}");
    assert_eq!(
        answer, "d NO [OVERQUOTA] Account is full\r\n",
        "a client that waits need not send it"
    );
}

#[test]
fn what_the_log_has_forgotten_is_told_from_what_still_lives() {
    let rehearsal = stage(Settings::default());
    let mut wire = signed_in(&rehearsal);
    for _ in 0..4 {
        ask(&mut wire, APPEND);
    }
    ask(&mut wire, "d STORE 2:3 +FLAGS.SILENT (\\Deleted)");
    ask(&mut wire, "e EXPUNGE");
    let status = ask(&mut wire, "f STATUS INBOX (UIDVALIDITY)");
    let validity = status
        .split("UIDVALIDITY ")
        .nth(1)
        .unwrap()
        .split(')')
        .next()
        .unwrap();
    rehearsal.pass(400 * 86_400);
    let account = rehearsal.number("alice@example.test").unwrap();
    while rehearsal
        .engine
        .trim_changes(account)
        .unwrap()
        .wait()
        .unwrap()
        > 0
    {}
    let mut back = open(&rehearsal, true);
    back.send(b"a LOGIN alice@example.test alice\r\nb ENABLE QRESYNC\r\n");
    back.take();
    let select = format!("c SELECT INBOX (QRESYNC ({validity} 1))");
    let answer = ask(&mut back, &select);
    assert!(answer.contains("* VANISHED (EARLIER) 2:3\r\n"), "{answer}");
    assert!(
        answer.contains("FETCH (UID 1 ") && answer.contains("FETCH (UID 4 "),
        "{answer}"
    );
    // Known pairs of number and UID leave out what lies below them (RFC 7162 §3.2.5.2).
    let select = format!("d SELECT INBOX (QRESYNC ({validity} 1 1:4 (2 4)))");
    let answer = ask(&mut back, &select);
    assert!(!answer.contains("VANISHED"), "{answer}");
}

#[test]
fn a_message_that_was_purged_before_it_was_told_is_refused() {
    let rehearsal = stage(Settings::default());
    let mut wire = signed_in(&rehearsal);
    ask(&mut wire, APPEND);
    ask(&mut wire, APPEND);
    let mut other = signed_in(&rehearsal);
    ask(&mut other, "c STORE 1 +FLAGS.SILENT (\\Deleted)");
    ask(&mut other, "d EXPUNGE");
    rehearsal.pass(60 * 86_400);
    let account = rehearsal.number("alice@example.test").unwrap();
    while rehearsal
        .engine
        .purge_recoverable(account)
        .unwrap()
        .wait()
        .unwrap()
        > 0
    {}
    let answer = ask(&mut wire, "e FETCH 1:2 (UID)");
    assert_eq!(
        answer,
        "* 2 FETCH (UID 2)\r\ne NO [EXPUNGEISSUED] Some messages were expunged\r\n"
    );
    let answer = ask(&mut wire, "f NOOP");
    assert_eq!(answer, "* 1 EXPUNGE\r\nf OK NOOP completed\r\n");
}

#[test]
fn silence_is_ended_by_the_server() {
    let rehearsal = stage(Settings::default());
    let mut wire = open(&rehearsal, true);
    wire.take();
    rehearsal.pass(121);
    wire.give(Input::Timeout);
    assert!(wire.take().starts_with("* BYE"));
    let mut wire = signed_in(&rehearsal);
    rehearsal.pass(30 * 60);
    wire.give(Input::Timeout);
    assert_eq!(wire.take(), "", "RFC 9051 §5.4 grants 30 minutes");
    rehearsal.pass(10 * 60);
    wire.give(Input::Timeout);
    assert!(wire.take().starts_with("* BYE"));
}

#[test]
fn a_move_that_fails_in_the_middle_tells_what_was_moved() {
    let mut settings = Settings::default();
    settings.limits.items_per_commit_max = 2;
    let rehearsal = stage(settings);
    let mut wire = signed_in(&rehearsal);
    for _ in 0..4 {
        assert!(ask(&mut wire, APPEND).contains("c OK"));
    }
    rehearsal.pass_next_commit();
    rehearsal.fail_next_commit(StoreError::Full);
    wire.send(b"d MOVE 1:4 Trash\r\n");
    let told = wire.lines();
    assert!(told[0].starts_with("* OK [COPYUID "), "{told:?}");
    assert!(told[0].ends_with(" 1:2 1:2] Moved"), "{told:?}");
    assert_eq!(told[1..3], ["* 2 EXPUNGE", "* 1 EXPUNGE"]);
    assert!(told[3].starts_with("d NO [UNAVAILABLE]"), "{told:?}");
    assert!(ask(&mut wire, "e MOVE 1:2 Trash").contains("e OK"));
}
