//! Those who follow the dialogue hear each stage before the peer gets its answer, and may refuse it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test fails by panicking.

mod harness;

use engine::examination::stage::Stage;
use engine::examination::{Decision, Refusal};
use engine::rehearsal::{Rehearsal, Wire};
use harness::{house, inbox};
use smtp::{Examining, Followed, Limits, Role, Service, Session};
use std::sync::Arc;

fn connect(
    house: &Rehearsal,
    role: Role,
    examining: Examining,
    follower: fn(&Stage) -> Decision,
) -> harness::Stage {
    let service = Service {
        engine: house.engine.clone(),
        role,
        limits: Limits {
            errors_max: 5,
            ..Limits::default()
        },
        examining,
        followed: Followed::Yes,
    };
    let session = Session::new(Arc::new(service));
    Wire::open_followed(house, session, house.peer(true), follower)
}

fn relay(house: &Rehearsal, follower: fn(&Stage) -> Decision) -> harness::Stage {
    connect(house, Role::Relay, Examining::Everyone, follower)
}

fn no(text: &str) -> Decision {
    Decision::Refuse(Refusal::new("7.1", text))
}

fn later(text: &str) -> Decision {
    Decision::Defer(Refusal::new("7.1", text))
}

/// The stages in one word each.
fn told(stage: &harness::Stage) -> Vec<String> {
    let word = |stage: &Stage| match stage {
        Stage::Connected(caller) => format!("from {}", caller.address.unwrap()),
        Stage::Greeted(greeting) => format!("hello {}", greeting.name),
        Stage::Sender(sender) => format!("by {}", sender.address),
        Stage::Recipient(address) => format!("to {address}"),
    };
    stage.stages.iter().map(word).collect()
}

#[test]
fn each_stage_is_told_once_and_in_the_order_of_the_dialogue() {
    let house = house();
    let mut wire = relay(&house, |_| Decision::Accept);
    wire.send(b"EHLO client.example\r\nMAIL FROM:<a@elsewhere.test>\r\n");
    wire.send(b"RCPT TO:<alice@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n");
    wire.send(b"From: a@elsewhere.test\r\n\r\nbody\r\n.\r\n");
    let said = wire.take();
    assert!(said.contains("354 "), "{said}");
    let peer = house.peer(true).remote.ip();
    let wanted = [
        &format!("from {peer}"),
        "hello client.example",
        "by a@elsewhere.test",
        "to alice@example.test",
        "to bob@example.test",
    ];
    assert_eq!(told(&wire), wanted);
    assert_eq!(inbox(&house, "alice@example.test").len(), 1);
}

#[test]
fn the_letter_has_the_name_that_was_told() {
    let house = house();
    let mut wire = relay(&house, |_| Decision::Accept);
    wire.send(b"EHLO client.example\r\nMAIL FROM:<a@elsewhere.test>\r\n");
    wire.send(b"RCPT TO:<alice@example.test>\r\nDATA\r\n");
    wire.send(b"From: a@elsewhere.test\r\n\r\nbody\r\n.\r\n");
    let said = wire.take();
    let Some(Stage::Sender(sender)) = wire.stages.get(2) else {
        panic!("no sender was told");
    };
    let end = format!("250 2.0.0 Ok: {}\r\n", sender.letter);
    assert!(said.ends_with(&end), "{said}");
}

#[test]
fn what_the_server_refuses_itself_is_not_told() {
    let house = house();
    let mut wire = relay(&house, |_| Decision::Accept);
    wire.send(b"MAIL FROM:<a@elsewhere.test>\r\nEHLO client.example\r\n");
    wire.send(b"RCPT TO:<alice@example.test>\r\nMAIL FROM:<a@elsewhere.test>\r\n");
    wire.send(b"RCPT TO:<x@far.test>\r\nRCPT TO:<nobody@example.test>\r\n");
    assert_eq!(
        told(&wire)[1..],
        ["hello client.example", "by a@elsewhere.test"]
    );
}

#[test]
fn a_refused_connection_is_told_so_instead_of_greeted_and_ends() {
    let house = house();
    let mut wire = relay(&house, |_| no("not you"));
    assert_eq!(wire.take(), "554 5.7.1 not you\r\n");
    assert!(wire.is_closed);
    let mut wire = relay(&house, |_| later("not now"));
    assert_eq!(wire.take(), "421 4.7.1 not now\r\n");
    assert!(wire.is_closed);
}

#[test]
fn after_a_refused_greeting_no_letter_is_taken() {
    let house = house();
    let mut wire = relay(&house, |stage| match stage {
        Stage::Greeted(greeting) if greeting.name == "bad.example" => no("liar"),
        _ => Decision::Accept,
    });
    wire.take();
    wire.send(b"EHLO bad.example\r\nMAIL FROM:<a@elsewhere.test>\r\n");
    let said = wire.take();
    let wanted = "550 5.7.1 liar\r\n503 5.5.1 Wrong order of commands\r\n";
    assert_eq!(said, wanted);
    wire.send(b"EHLO good.example\r\nMAIL FROM:<a@elsewhere.test>\r\n");
    assert!(wire.take().ends_with("250 2.1.0 Ok\r\n"));
}

#[test]
fn a_refused_sender_opens_no_letter() {
    let house = house();
    let mut wire = relay(&house, |stage| match stage {
        Stage::Sender(sender) if sender.address.starts_with("bad") => later("not now"),
        _ => Decision::Accept,
    });
    wire.send(b"EHLO client.example\r\n");
    wire.take();
    wire.send(b"MAIL FROM:<bad@elsewhere.test>\r\nRCPT TO:<alice@example.test>\r\n");
    let said = wire.take();
    let wanted = "450 4.7.1 not now\r\n503 5.5.1 Wrong order of commands\r\n";
    assert_eq!(said, wanted);
    wire.send(b"MAIL FROM:<good@elsewhere.test>\r\n");
    assert_eq!(wire.take(), "250 2.1.0 Ok\r\n");
}

#[test]
fn a_refused_recipient_does_not_get_the_letter_and_the_others_do() {
    let house = house();
    let mut wire = relay(&house, |stage| match stage {
        Stage::Recipient(address) if address.starts_with("bob") => no("not for Bob"),
        _ => Decision::Accept,
    });
    wire.send(b"EHLO client.example\r\nMAIL FROM:<a@elsewhere.test>\r\n");
    wire.take();
    wire.send(b"RCPT TO:<bob@example.test>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n");
    let said = wire.take();
    assert!(
        said.starts_with("550 5.7.1 not for Bob\r\n250 2.1.5 Ok\r\n354"),
        "{said}"
    );
    wire.send(b"From: a@elsewhere.test\r\n\r\nbody\r\n.\r\n");
    assert!(wire.take().starts_with("250 2.0.0"));
    assert_eq!(wire.examinations[0].recipients, ["alice@example.test"]);
    assert!(inbox(&house, "bob@example.test").is_empty());
    assert_eq!(inbox(&house, "alice@example.test").len(), 1);
    let logged = wire
        .log
        .iter()
        .find(|line| line.event == "recipient refused");
    let facts = &logged.unwrap().facts;
    assert!(
        facts.contains(&("to", "bob@example.test".to_owned())),
        "{facts:?}"
    );
}

#[test]
fn who_is_refused_too_often_is_sent_away() {
    let house = house();
    let mut wire = relay(&house, |stage| match stage {
        Stage::Recipient(_) => no("no"),
        _ => Decision::Accept,
    });
    wire.send(b"EHLO client.example\r\nMAIL FROM:<a@elsewhere.test>\r\n");
    for _ in 0..5 {
        wire.send(b"RCPT TO:<bob@example.test>\r\n");
    }
    assert!(wire.take().ends_with("421 4.7.0 Too many errors\r\n"));
    assert!(wire.is_closed);
}

#[test]
fn nobody_is_told_of_those_whose_letters_are_not_examined() {
    let house = house();
    for (role, examining, hello) in [
        (Role::Relay, Examining::Nobody, "EHLO"),
        (Role::Lmtp, Examining::Everyone, "LHLO"),
    ] {
        let mut wire = connect(&house, role, examining, |_| no("no"));
        wire.send(format!("{hello} client.example\r\n").as_bytes());
        wire.send(b"MAIL FROM:<a@elsewhere.test>\r\nRCPT TO:<alice@example.test>\r\n");
        assert!(wire.take().ends_with("250 2.1.5 Ok\r\n"));
        assert!(wire.stages.is_empty());
    }
}

#[test]
fn of_a_submission_it_is_told_who_has_signed_in() {
    let house = house();
    let mut wire = connect(&house, Role::Submission, Examining::Everyone, |_| {
        Decision::Accept
    });
    let plain = "AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABhbGljZQ==\r\n";
    wire.send(format!("EHLO client.example\r\n{plain}").as_bytes());
    wire.send(b"MAIL FROM:<alice@example.test>\r\n");
    let Some(Stage::Sender(sender)) = wire.stages.last() else {
        panic!("no sender was told: {}", wire.take());
    };
    assert_eq!(
        sender.submitter.as_ref().unwrap().address,
        "alice@example.test"
    );
}
