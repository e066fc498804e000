//! Connections to a server with two people, and what only SMTP's dialogues say.
//!
//! Behind `@` stand the port (`relay`, `submission`, `submissions`, `lmtp`, `local USER`) and perhaps `tls`; behind
//! `!` also `inbox address number` and `queue number`.
#![allow(dead_code)] // Each test file uses its part.
#![allow(clippy::unwrap_used, clippy::panic)] // A test fails by panicking.
#![allow(clippy::missing_panics_doc)]

use engine::dialogue::{LocalUser, Peer};
use engine::rehearsal::script::Play;
use engine::rehearsal::{Rehearsal, Wire};
use engine::{Cleartext, Settings};
use smtp::{Examining, Followed, Limits, Role, Service, Session};
use std::sync::Arc;

pub type Stage = Wire<Session>;

pub fn house() -> Rehearsal {
    let settings = Settings {
        hostname: "mx.example.test".to_owned(),
        cleartext: Cleartext::Never,
        limits: engine::Limits {
            message_bytes_max: 1_000_000,
            ..engine::Limits::default()
        },
        ..Settings::default()
    };
    let house = Rehearsal::new(settings).unwrap();
    house.person("alice@example.test").unwrap();
    house.person("bob@example.test").unwrap();
    house
}

pub fn session(house: &Rehearsal, role: Role, limits: Limits) -> Session {
    let service = Service {
        engine: house.engine.clone(),
        role,
        limits,
        examining: Examining::Nobody,
        followed: Followed::No,
    };
    Session::new(Arc::new(service))
}

/// A connection to a server that is soon tired of a peer.
pub fn stage(role: Role, encrypted: bool) -> Stage {
    stage_with(&house(), role, encrypted, narrow())
}

pub fn stage_with(house: &Rehearsal, role: Role, encrypted: bool, limits: Limits) -> Stage {
    Wire::open(house, session(house, role, limits), house.peer(encrypted))
}

fn narrow() -> Limits {
    Limits {
        recipients_max: 3,
        errors_max: 8,
        letters_max: 5,
        ..Limits::default()
    }
}

/// The letters in someone's Inbox, with all that was put before them.
pub fn inbox(house: &Rehearsal, address: &str) -> Vec<Vec<u8>> {
    let account = house
        .engine
        .account_as_server(house.number(address).unwrap());
    let rows = house.inbox(address).unwrap();
    rows.iter()
        .map(|(_, row)| account.read_message(row, 0..u64::MAX).unwrap().to_vec())
        .collect()
}

struct Smtp;

impl Play for Smtp {
    type Session = Session;

    fn house() -> Rehearsal {
        house()
    }

    fn connect(house: &Rehearsal, words: &str) -> (Session, Peer) {
        let (port, encrypted) = match words.strip_suffix(" tls") {
            Some(port) => (port, true),
            None => (words, false),
        };
        let role = match port {
            "relay" => Role::Relay,
            "submission" => Role::Submission,
            "submissions" => Role::Submissions,
            "lmtp" => Role::Lmtp,
            port if port.starts_with("local ") => Role::Local,
            other => panic!("no port {other}"),
        };
        let local_user = port.strip_prefix("local ").map(|name| LocalUser {
            name: name.to_owned(),
            address: format!("{name}@example.test"),
            is_trusted: name == "root",
        });
        let peer = Peer {
            local_user,
            ..house.peer(encrypted)
        };
        (session(house, role, narrow()), peer)
    }

    fn check(wire: &Stage, words: &[&str]) -> bool {
        let (count, expected) = match words {
            ["inbox", address, number] => (inbox(&wire.house, address).len(), number),
            ["queue", number] => (wire.house.engine.queue().unwrap().len(), number),
            _ => panic!("what is {words:?}?"),
        };
        count.to_string() == **expected
    }
}

/// Plays every dialogue of a file.
pub fn run(text: &str) {
    engine::rehearsal::script::run::<Smtp>(text);
}
