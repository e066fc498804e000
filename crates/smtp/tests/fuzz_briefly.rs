//! A short run of the fuzz targets on mutated examples, the same in each run.

#![allow(clippy::indexing_slicing)] // A test fails by panicking.

#[path = "../fuzz/entry.rs"]
mod entry;

/// Inputs for each target.
const ROUNDS: u64 = 12_000;

const EXAMPLES: &[&[u8]] = &[
    include_bytes!("../fuzz/seeds/mail_with_parameters"),
    include_bytes!("../fuzz/seeds/chunks"),
    include_bytes!("../fuzz/seeds/authentication"),
    include_bytes!("../fuzz/seeds/text"),
    include_bytes!("../fuzz/seeds/other_server"),
    include_bytes!("../fuzz/seeds/other_server_with_tls"),
];

/// Bytes that mean something in a dialogue.
const LOVED: &[u8] = b"\r\n\0. <>@\"\\\xff0";

fn run(rounds: u64, target: fn(&[u8])) {
    engine::rehearsal::mutation::run(EXAMPLES, LOVED, rounds, target);
}

#[test]
fn commands() {
    run(ROUNDS, entry::commands);
}

#[test]
fn letters() {
    run(ROUNDS, entry::letter);
}

#[test]
fn sessions() {
    run(ROUNDS / 200, entry::session);
}

#[test]
fn clients() {
    run(ROUNDS, entry::client);
}
