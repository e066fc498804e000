//! A search that takes long tells how far it has come, and ends when nobody waits for it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use engine::Settings;
use engine::dialogue::{Answer, Closed, Dialogue, Input, Output, Question};
use engine::rehearsal::Rehearsal;
use imap::Session;

/// Steps after which a test is stuck.
const STEPS_MAX: usize = 10_000;

/// Sends commands and answers whatever is asked; `pause` seconds pass before each step of work.
fn talk(stage: &Rehearsal, session: &mut Session, text: &str, pause: i64) -> String {
    let (mut received, mut question, mut sent) = (Vec::new(), None, false);
    let mut unread = text.as_bytes();
    for _ in 0..STEPS_MAX {
        let input = match question.take() {
            Some(Question::Work(_)) => {
                stage.pass(pause);
                Input::Answer(Answer::Work)
            }
            Some(Question::Settled(settlement)) => {
                Input::Answer(Answer::Settled(settlement.wait()))
            }
            Some(Question::Examine(_) | Question::Follow(_)) => {
                panic!("nobody examines what a client brings")
            }
            None if std::mem::take(&mut sent) => Input::Sent,
            None if unread.is_empty() => return String::from_utf8(received).unwrap(),
            None => Input::Bytes(unread),
        };
        let mut outputs = Vec::new();
        let taken = session.advance(input, stage.engine.now(), &mut outputs);
        unread = &unread[taken..];
        for output in outputs {
            match output {
                Output::Send(bytes) => {
                    received.extend_from_slice(&bytes);
                    sent = true;
                }
                Output::Ask(asked) => question = Some(asked),
                _ => {}
            }
        }
    }
    panic!("the dialogue does not come to rest");
}

/// A mailbox with so many letters, selected.
fn with_letters(count: usize) -> (Rehearsal, Session) {
    let stage = Rehearsal::new(Settings::default()).unwrap();
    stage.person("alice@example.test").unwrap();
    let mut session = Session::new(stage.engine.clone());
    session.advance(
        Input::Opened(stage.peer(true)),
        stage.engine.now(),
        &mut Vec::new(),
    );
    let mut text = "a LOGIN alice@example.test alice\r\n".to_owned();
    for _ in 0..count {
        text.push_str("b APPEND INBOX {14+}\r\nSubject: x\r\n\r\n\r\n");
    }
    text.push_str("c SELECT INBOX\r\n");
    talk(&stage, &mut session, &text, 0);
    (stage, session)
}

#[test]
fn a_long_search_gives_signs_of_life_now_and_then() {
    let (stage, mut session) = with_letters(350);
    let told = talk(&stage, &mut session, "d SORT (SUBJECT) UTF-8 ALL\r\n", 12);
    let signs: Vec<&str> = told
        .lines()
        .filter(|line| line.contains("INPROGRESS"))
        .collect();
    // Three steps of 128 letters, each after 12 seconds: told after the second, done after the
    // third.
    assert_eq!(signs, ["* OK [INPROGRESS (\"d\" 256 350)] Still searching"]);
    let quick = talk(&stage, &mut session, "e THREAD REFS UTF-8 ALL\r\n", 1);
    assert!(!quick.contains("INPROGRESS"), "{quick}");
}

#[test]
fn a_search_ends_with_the_connection_of_who_asked() {
    let (stage, mut session) = with_letters(700);
    let mut step = |input: Input<'_>| {
        let mut outputs = Vec::new();
        session.advance(input, stage.engine.now(), &mut outputs);
        let is_work = |output: &Output| matches!(output, Output::Ask(Question::Work(_)));
        outputs.iter().any(is_work)
    };
    assert!(step(Input::Bytes(b"d SEARCH TEXT absent\r\n")));
    assert!(
        step(Input::Answer(Answer::Work)),
        "there is more to look at"
    );
    assert!(!step(Input::Closed(Closed::ByPeer)));
    assert!(
        !step(Input::Answer(Answer::Work)),
        "nobody waits for the rest"
    );
}
