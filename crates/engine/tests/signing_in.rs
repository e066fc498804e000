//! Signing in within a dialogue, as a protocol sees it that has its own form for messages.
#![allow(clippy::unwrap_used, clippy::panic)] // A test fails by panicking.

use engine::dialogue::signing_in::{Fault, SigningIn, Turn};
use engine::dialogue::{Answer, Peer};
use engine::rehearsal::Rehearsal;
use engine::{Engine, Settings, SignInRefusal};

/// alice@example.test and her password, as PLAIN has them.
const RIGHT: &[u8] = b"AGFsaWNlQGV4YW1wbGUudGVzdABhbGljZQ==";
const WRONG: &[u8] = b"AGFsaWNlQGV4YW1wbGUudGVzdABib2I=";

fn stage() -> (Rehearsal, Engine, Peer) {
    let house = Rehearsal::new(Settings::default()).unwrap();
    house.person("alice@example.test").unwrap();
    let (engine, peer) = (house.engine.clone(), house.peer(true));
    (house, engine, peer)
}

#[test]
fn a_challenge_an_answer_and_a_check_lead_to_the_user() {
    let (_house, engine, peer) = stage();
    let mut signing_in = SigningIn::new(5);
    let turn = signing_in.begin(&engine, &peer, "PLAIN", None);
    assert!(matches!(turn, Turn::Challenge(text) if text.is_empty()));
    assert!(matches!(signing_in.answer(&engine, RIGHT), Turn::Ask(_)));
    let turn = signing_in.check(&engine, &Answer::Work);
    assert!(matches!(turn, Turn::Done(user) if user.address == "alice@example.test"));
}

#[test]
fn an_empty_first_message_is_an_equals_sign_or_nothing_at_all() {
    let (_house, engine, peer) = stage();
    for empty in ["=", ""] {
        let mut signing_in = SigningIn::new(5);
        let turn = signing_in.begin(&engine, &peer, "LOGIN", Some(empty.as_bytes()));
        assert!(
            matches!(turn, Turn::Refused(SignInRefusal::Malformed)),
            "{turn:?}"
        );
    }
}

#[test]
fn what_is_no_attempt_is_counted_against_nobody() {
    let (house, engine, peer) = stage();
    let mut signing_in = SigningIn::new(1);
    let mut fault = |peer: &Peer, mechanism, initial: Option<&[u8]>, answer: Option<&[u8]>| {
        let mut turn = signing_in.begin(&engine, peer, mechanism, initial);
        if let Some(answer) = answer {
            turn = signing_in.answer(&engine, answer);
        }
        assert!(!signing_in.has_failed_too_often());
        match turn {
            Turn::Fault(fault) => fault,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(fault(&peer, "PLAIN", None, Some(b"*")), Fault::Cancelled);
    assert_eq!(fault(&peer, "PLAIN", None, Some(b"?")), Fault::Coding);
    assert_eq!(fault(&peer, "PLAIN", Some(b"?"), None), Fault::Coding);
    assert_eq!(fault(&peer, "NONE", None, None), Fault::Mechanism);
    let in_clear = house.peer(false);
    assert_eq!(fault(&in_clear, "PLAIN", None, None), Fault::EncryptFirst);
}

#[test]
fn after_a_fault_there_is_nothing_left_to_answer() {
    let (_house, engine, peer) = stage();
    let mut signing_in = SigningIn::new(5);
    signing_in.begin(&engine, &peer, "PLAIN", None);
    signing_in.answer(&engine, b"*");
    let turn = signing_in.answer(&engine, RIGHT);
    assert!(matches!(turn, Turn::Fault(Fault::Cancelled)));
}

#[test]
fn failures_and_a_busy_server_are_counted() {
    let (_house, engine, peer) = stage();
    let mut signing_in = SigningIn::new(2);
    for (message, answer, expected) in [
        (RIGHT, Answer::Busy, SignInRefusal::Unavailable),
        (WRONG, Answer::Work, SignInRefusal::Wrong),
    ] {
        assert!(!signing_in.has_failed_too_often());
        let turn = signing_in.begin(&engine, &peer, "PLAIN", Some(message));
        assert!(matches!(turn, Turn::Ask(_)));
        let turn = signing_in.check(&engine, &answer);
        assert!(matches!(turn, Turn::Refused(refusal) if refusal == expected));
    }
    assert!(signing_in.has_failed_too_often());
}
