//! A short run of the fuzz targets on mutated examples, the same in each run.

#[path = "../fuzz/entry.rs"]
mod entry;

/// Inputs for each target.
const ROUNDS: u64 = 6_000;

const EXAMPLES: &[&[u8]] = &[
    include_bytes!("../fuzz/seeds/everything"),
    include_bytes!("../fuzz/seeds/sign_in"),
];

/// Bytes that mean something in a dialogue.
const LOVED: &[u8] = b"\r\n\0\"\\{}+ 0(;\xff";

fn run(rounds: u64, target: fn(&[u8])) {
    engine::rehearsal::mutation::run(EXAMPLES, LOVED, rounds, target);
}

#[test]
fn commands() {
    run(ROUNDS, entry::commands);
}

#[test]
fn sessions() {
    run(ROUNDS / 100, entry::session);
}
