//! What examiners say of a letter, and what becomes of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test fails by panicking.

mod harness;

use engine::examination::{Decision, Examined, Refusal, Rewritten};
use engine::rehearsal::Rehearsal;
use engine::spam::{Assessment, Points, Reason};
use engine::{ItemRow, Reading, Role as FolderRole, Shelf};
use harness::{Stage, house, inbox};
use smtp::{Examining, Followed, Limits, Role, Service, Session};
use std::ops::ControlFlow;
use std::sync::Arc;

fn stage(house: &Rehearsal, role: Role) -> Stage {
    let service = Service {
        engine: house.engine.clone(),
        role,
        limits: Limits::default(),
        examining: Examining::Everyone,
        followed: Followed::No,
    };
    let session = Session::new(Arc::new(service));
    engine::rehearsal::Wire::open(house, session, house.peer(false))
}

fn send(stage: &mut Stage, header: &str) -> String {
    stage.send(b"EHLO client.example\r\nMAIL FROM:<a@elsewhere.test>\r\n");
    stage.send(b"RCPT TO:<alice@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n");
    stage.take();
    stage.send(format!("{header}\r\nbody\r\n.\r\n").as_bytes());
    stage.take()
}

#[test]
fn examiners_see_the_letter_and_all_that_is_known_of_it() {
    let house = house();
    let mut stage = stage(&house, Role::Relay);
    send(&mut stage, "From: x@y.test\r\n");
    let [seen] = stage.examinations.as_slice() else {
        panic!("examined {} times", stage.examinations.len());
    };
    assert_eq!(seen.greeting, "client.example");
    assert_eq!(seen.sender, "a@elsewhere.test");
    assert_eq!(seen.recipients, ["alice@example.test", "bob@example.test"]);
    assert_eq!(seen.header, "From: x@y.test\r\n\r\n");
    let all = house.engine.read_staged(&seen.letter, 0..u64::MAX).unwrap();
    assert_eq!(all, "From: x@y.test\r\n\r\nbody\r\n");
}

#[test]
fn what_is_said_of_a_letter_stands_before_it() {
    let house = house();
    let mut stage = stage(&house, Role::Relay);
    stage.examined.lines = "Authentication-Results: mx.example.test; spf=pass\r\n".to_owned();
    let reply = send(&mut stage, "From: x@y.test\r\n");
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    let letter = inbox(&house, "alice@example.test").remove(0);
    let letter = String::from_utf8(letter).unwrap();
    let at = |text: &str| {
        letter
            .find(text)
            .unwrap_or_else(|| panic!("{text}: {letter}"))
    };
    assert!(
        at("Delivered-To:") < at("Authentication-Results: mx"),
        "{letter}"
    );
    assert!(
        at("Authentication-Results: mx") < at("Received:"),
        "{letter}"
    );
}

#[test]
fn a_refusal_is_the_reply_and_nobody_gets_the_letter() {
    for (decision, start) in [
        (
            Decision::Refuse(Refusal::new("7.26", "not yours")),
            "550 5.7.26 not yours\r\n",
        ),
        (
            Decision::Defer(Refusal::new("7.1", "come back")),
            "450 4.7.1 come back\r\n",
        ),
        (
            Decision::Defer(Refusal::new("3.0", "nobody looked at it")),
            "451 4.3.0 nobody looked at it\r\n",
        ),
    ] {
        let house = house();
        let mut stage = stage(&house, Role::Relay);
        stage.examined.decision = decision;
        assert_eq!(send(&mut stage, "From: x@y.test\r\n"), start);
        assert!(inbox(&house, "alice@example.test").is_empty());
        let logged = stage.log.iter().any(|line| line.event == "letter refused");
        assert!(logged, "{:?}", stage.log);
        stage.examined = Examined::default();
        assert!(send(&mut stage, "From: x@y.test\r\n").starts_with("250 "));
    }
}

#[test]
fn a_quarantined_letter_goes_to_junk() {
    let house = house();
    let mut stage = stage(&house, Role::Relay);
    stage.examined.decision = Decision::Quarantine;
    assert!(send(&mut stage, "From: x@y.test\r\n").starts_with("250 "));
    assert!(inbox(&house, "alice@example.test").is_empty());
    for address in ["alice@example.test", "bob@example.test"] {
        assert_eq!(letters_in_junk(&house, address), 1);
    }
}

fn letters_in_junk(house: &Rehearsal, address: &str) -> usize {
    let account = house.number(address).unwrap();
    let mailbox = house.engine.account_as_server(account);
    let view = mailbox.read().unwrap();
    let (junk, _) = view.folder_with_role(FolderRole::Junk).unwrap().unwrap();
    let mut count = 0;
    let mut see = |_, _: ItemRow| {
        count += 1;
        ControlFlow::Continue(())
    };
    view.items(junk, Shelf::Mail, 1..=u32::MAX, &mut see)
        .unwrap();
    count
}

fn counted(tenths: i32) -> Assessment {
    let reason = Reason::new(
        "LINK_DISGUISED",
        Points(tenths),
        "a link shows another host",
    );
    Assessment::new(vec![reason], Points(50))
}

#[test]
fn a_letter_that_too_much_speaks_against_goes_to_junk_with_the_reasons_before_it() {
    let house = house();
    let mut stage = stage(&house, Role::Relay);
    stage.examined.spam = Some(counted(50));
    assert!(send(&mut stage, "From: x@y.test\r\n").starts_with("250 "));
    assert_eq!(letters_in_junk(&house, "alice@example.test"), 1);
    stage.examined.spam = Some(counted(49));
    send(&mut stage, "From: x@y.test\r\n");
    assert_eq!(letters_in_junk(&house, "alice@example.test"), 1);
    let letter = inbox(&house, "alice@example.test").remove(0);
    let letter = String::from_utf8(letter).unwrap();
    let field = "X-Spam-Status: No, score=4.9 required=5.0\r\n\
                 X-Spam-Report: 4.9 LINK_DISGUISED: a link shows another host\r\nReceived:";
    assert!(letter.contains(field), "{letter}");
}

#[test]
fn scripts_see_how_sure_it_is_that_nobody_wants_a_letter() {
    let house = house();
    let alice = house.number("alice@example.test").unwrap();
    let script = "require [\"spamtestplus\", \"relational\", \"comparator-i;ascii-numeric\"];
        if spamtest :percent :value \"ge\" :comparator \"i;ascii-numeric\" \"40\" { discard; }";
    let account = house.engine.account_as_server(alice);
    let mut upload = house.engine.upload().unwrap();
    upload.write(script.as_bytes()).unwrap();
    let script = upload.finish().unwrap();
    let written = account.write(|txn| {
        txn.put_script("mine", &script)?;
        txn.activate_script(Some("mine"))
    });
    written.unwrap().wait().unwrap();
    let mut stage = stage(&house, Role::Relay);
    stage.examined.spam = Some(counted(39));
    send(&mut stage, "From: x@y.test\r\n");
    assert_eq!(inbox(&house, "alice@example.test").len(), 1);
    stage.examined.spam = Some(counted(40));
    send(&mut stage, "From: x@y.test\r\n");
    assert_eq!(inbox(&house, "alice@example.test").len(), 1);
    assert_eq!(inbox(&house, "bob@example.test").len(), 2);
}

#[test]
fn a_letter_that_an_examiner_has_changed_is_delivered_as_it_is_now() {
    let house = house();
    let mut stage = stage(&house, Role::Relay);
    let new = b"From: x@y.test\r\nX-New: yes\r\n\r\nother\r\n";
    let mut upload = house.engine.upload().unwrap();
    upload.write(new).unwrap();
    stage.examined.rewritten = Some(Rewritten {
        header: new[..31].to_vec().into(),
        letter: upload.finish().unwrap(),
    });
    assert!(send(&mut stage, "From: x@y.test\r\n").starts_with("250 "));
    let letter = inbox(&house, "alice@example.test").remove(0);
    assert!(letter.ends_with(new));
}

#[test]
fn a_trusted_servers_letters_are_not_examined() {
    let house = house();
    let mut stage = stage(&house, Role::Lmtp);
    stage.examined.decision = Decision::Refuse(Refusal::new("7.1", "no"));
    stage.send(b"LHLO client.example\r\nMAIL FROM:<a@elsewhere.test>\r\n");
    stage.send(b"RCPT TO:<alice@example.test>\r\nDATA\r\n");
    stage.take();
    stage.send(b"From: x@y.test\r\n\r\nbody\r\n.\r\n");
    assert!(stage.take().starts_with("250 "));
    assert!(stage.examinations.is_empty());
}

#[test]
fn what_a_user_submits_is_examined_in_their_name() {
    let house = house();
    let service = Service {
        engine: house.engine.clone(),
        role: Role::Submission,
        limits: Limits::default(),
        examining: Examining::Everyone,
        followed: Followed::No,
    };
    let session = Session::new(Arc::new(service));
    let mut stage = engine::rehearsal::Wire::open(&house, session, house.peer(true));
    stage.examined.decision = Decision::Refuse(Refusal::new("7.1", "it harms others"));
    let plain = "AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABhbGljZQ==\r\n";
    stage.send(format!("EHLO client.example\r\n{plain}").as_bytes());
    stage.take();
    stage.send(b"MAIL FROM:<alice@example.test>\r\nRCPT TO:<x@far.test>\r\nDATA\r\n");
    stage.take();
    stage.send(b"From: alice@example.test\r\n\r\nbody\r\n.\r\n");
    assert_eq!(stage.take(), "550 5.7.1 it harms others\r\n");
    let submitter = stage.examinations[0].submitter.as_ref().unwrap();
    assert_eq!(submitter.address, "alice@example.test");
    // With the fields that were missing, so that what follows the header is the body.
    let seen = &stage.examinations[0];
    let all = house.engine.read_staged(&seen.letter, 0..u64::MAX).unwrap();
    assert_eq!(all, [&seen.header[..], b"body\r\n"].concat());
    assert!(seen.header.starts_with(b"Date: "), "{:?}", seen.header);
    assert!(house.engine.queue().unwrap().is_empty());
}

#[test]
fn results_that_a_letter_brings_in_the_name_of_this_server_are_taken_out() {
    let house = house();
    let mut stage = stage(&house, Role::Relay);
    let forged = "Authentication-Results: mx.example.test;\r\n dkim=pass header.d=bank.test\r\n";
    let other = "Authentication-Results: mx.other.test; dkim=pass\r\n";
    let long = format!("X: {}\r\n", "x".repeat(900)).repeat(100);
    send(
        &mut stage,
        &[other, &long, forged, "From: x@y.test\r\n"].concat(),
    );
    let letter = inbox(&house, "alice@example.test").remove(0);
    let letter = String::from_utf8(letter).unwrap();
    let kept = [other, &long, "From: x@y.test\r\n\r\nbody\r\n"].concat();
    assert!(letter.ends_with(&kept), "{}", &letter[..200]);
}
