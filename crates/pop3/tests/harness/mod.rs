//! Connections to a server with one person and her letters, and what only POP3's dialogues say.
//!
//! Behind `@` stands `clear` or `tls`, behind `!` also `inbox number`. Alice's Inbox holds three
//! letters: see [`LETTERS`].
#![allow(dead_code)] // Each test file uses its part.
#![allow(clippy::unwrap_used, clippy::panic)] // A test fails by panicking.
#![allow(clippy::missing_panics_doc)]

use engine::dialogue::Peer;
use engine::rehearsal::script::Play;
use engine::rehearsal::{Rehearsal, Wire};
use engine::{Flags, NewLetter, Reading, Role, Settings, Uid};
use pop3::{Limits, Readers, Service, Session};
use std::sync::Arc;

/// Alice's letters, put in without trace lines.
pub const LETTERS: [&[u8]; 3] = [
    b"Subject: one\r\n\r\nfirst\r\n.dot\r\n..\r\n",
    b"Subject: two\r\n\r\n1\r\n\r\n3\r\n",
    b"Subject: three\r\n\r\nno end",
];

pub const ALICE: &str = "alice@example.test";

pub type Stage = Wire<Session>;

pub fn house() -> Rehearsal {
    let settings = Settings {
        hostname: "mx.example.test".to_owned(),
        ..Settings::default()
    };
    let house = Rehearsal::new(settings).unwrap();
    house.person(ALICE).unwrap();
    for letter in LETTERS {
        append(&house, letter);
    }
    house
}

/// Puts a letter into Alice's Inbox as it is.
pub fn append(house: &Rehearsal, letter: &[u8]) {
    let account = house.engine.account_as_server(house.number(ALICE).unwrap());
    let mut upload = account.upload().unwrap();
    upload.write(letter).unwrap();
    let staged = upload.finish().unwrap();
    let (inbox, _) = account
        .read()
        .unwrap()
        .folder_with_role(Role::Inbox)
        .unwrap()
        .unwrap();
    let pending = account.write(|txn| txn.append(&NewLetter::new(inbox, &staged)));
    pending.unwrap().wait().unwrap();
}

/// Delivers a letter, so that it has trace lines.
pub fn deliver(house: &Rehearsal, letter: &[u8]) {
    let envelope = house.envelope("", &[ALICE]).unwrap();
    let staged = house.staged(letter).unwrap();
    let delivered = house.engine.deliver(&envelope, &staged);
    delivered.unwrap().wait().unwrap();
}

/// Uids and whether each letter is seen, of Alice's Inbox.
pub fn inbox(house: &Rehearsal) -> Vec<(Uid, bool)> {
    let rows = house.inbox(ALICE).unwrap().into_iter();
    rows.map(|(uid, row)| (uid, row.flags.contains(Flags::SEEN)))
        .collect()
}

fn session(house: &Rehearsal, limits: Limits) -> Session {
    let service = Service {
        engine: house.engine.clone(),
        limits,
        readers: Readers::default(),
    };
    Session::new(Arc::new(service))
}

/// A connection to a server that is soon tired of a peer.
pub fn stage(encrypted: bool) -> Stage {
    connect(&house(), encrypted)
}

/// One more connection to the same server.
pub fn connect(house: &Rehearsal, encrypted: bool) -> Stage {
    let limits = Limits {
        errors_max: 8,
        ..Limits::default()
    };
    connect_with(house, encrypted, limits)
}

pub fn connect_with(house: &Rehearsal, encrypted: bool, limits: Limits) -> Stage {
    Wire::open(house, session(house, limits), house.peer(encrypted))
}

/// Signed in as Alice, with all that was said forgotten.
pub fn signed_in() -> Stage {
    let mut stage = stage(true);
    sign_in(&mut stage);
    stage
}

pub fn sign_in(stage: &mut Stage) {
    stage.send(b"USER alice@example.test\r\nPASS alice\r\n");
    let lines = stage.lines();
    assert!(
        lines.iter().all(|line| line.starts_with("+OK")),
        "{lines:?}"
    );
}

struct Pop3;

impl Play for Pop3 {
    type Session = Session;

    fn house() -> Rehearsal {
        house()
    }

    fn connect(house: &Rehearsal, words: &str) -> (Session, Peer) {
        let limits = Limits {
            errors_max: 8,
            ..Limits::default()
        };
        (session(house, limits), house.peer(words == "tls"))
    }

    fn check(wire: &Stage, words: &[&str]) -> bool {
        match words {
            ["inbox", number] => inbox(&wire.house).len().to_string() == **number,
            _ => panic!("what is {words:?}?"),
        }
    }
}

/// Plays every dialogue of a file.
pub fn run(text: &str) {
    engine::rehearsal::script::run::<Pop3>(text);
}
