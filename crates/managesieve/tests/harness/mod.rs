//! Connections to a server with one person, and what only `ManageSieve`'s dialogues say.
//!
//! Behind `@` stands `clear` or `tls`, behind `!` also `script NAME`, `active NAME` and `scripts
//! NUMBER`.
#![allow(dead_code)] // Each test file uses its part.
#![allow(clippy::unwrap_used, clippy::panic)] // A test fails by panicking.
#![allow(clippy::missing_panics_doc)]

use engine::Settings;
use engine::dialogue::Peer;
use engine::rehearsal::script::Play;
use engine::rehearsal::{Rehearsal, Wire};
use managesieve::{Limits, Service, Session};
use std::sync::Arc;

pub const ALICE: &str = "alice@example.test";
/// What signs Alice in: her password is `alice`.
pub const SIGN_IN: &[u8] = b"AUTHENTICATE \"PLAIN\" \"AGFsaWNlQGV4YW1wbGUudGVzdABhbGljZQ==\"\r\n";

pub type Stage = Wire<Session>;

pub fn house() -> Rehearsal {
    let settings = Settings {
        hostname: "mx.example.test".to_owned(),
        ..Settings::default()
    };
    let house = Rehearsal::new(settings).unwrap();
    house.person(ALICE).unwrap();
    house
}

fn session(house: &Rehearsal) -> Session {
    let limits = Limits {
        errors_max: 8,
        ..Limits::default()
    };
    let service = Service {
        engine: house.engine.clone(),
        limits,
    };
    Session::new(Arc::new(service))
}

/// One more connection to the same server.
pub fn connect(house: &Rehearsal, encrypted: bool) -> Stage {
    Wire::open(house, session(house), house.peer(encrypted))
}

/// Signed in as Alice, with all that was said forgotten.
pub fn signed_in(house: &Rehearsal) -> Stage {
    let mut stage = connect(house, true);
    stage.send(SIGN_IN);
    let said = std::mem::take(&mut stage.said);
    assert!(said.ends_with(b"OK \"Signed in\"\r\n"));
    stage
}

struct ManageSieve;

impl Play for ManageSieve {
    type Session = Session;

    fn house() -> Rehearsal {
        house()
    }

    fn connect(house: &Rehearsal, words: &str) -> (Session, Peer) {
        (session(house), house.peer(words == "tls"))
    }

    fn check(wire: &Stage, words: &[&str]) -> bool {
        let account = wire
            .house
            .engine
            .account_as_server(wire.house.number(ALICE).unwrap());
        let scripts = account.scripts().unwrap();
        match words {
            ["script", name] => scripts.iter().any(|script| script.name == *name),
            ["active", name] => scripts.iter().any(|s| s.name == *name && s.is_active),
            ["scripts", count] => scripts.len().to_string() == **count,
            _ => panic!("what is {words:?}?"),
        }
    }
}

/// Plays every dialogue of a file.
pub fn run(text: &str) {
    engine::rehearsal::script::run::<ManageSieve>(text);
}
