//! Connections to a server with one person in it.

use engine::Settings;
use engine::rehearsal::Rehearsal;
use imap::Session;

pub type Wire = engine::rehearsal::Wire<Session>;

/// An engine with a person in it: alice@example.test, whose password is `alice`.
pub fn stage(settings: Settings) -> Rehearsal {
    let rehearsal = Rehearsal::new(settings).unwrap();
    rehearsal.person("alice@example.test").unwrap();
    rehearsal
}

pub fn open(house: &Rehearsal, encrypted: bool) -> Wire {
    Wire::open(
        house,
        Session::new(house.engine.clone()),
        house.peer(encrypted),
    )
}
