//! A short run of the fuzz targets of signatures on mutated examples, the same in each run.

#[path = "../fuzz/signature.rs"]
mod entry;

/// Inputs for each target.
const ROUNDS: u64 = 5_000;

const EXAMPLES: &[&[u8]] = &[include_bytes!("../fuzz/seeds/signed")];

/// Bytes that mean something in a letter.
const LOVED: &[u8] = b"\r\n\0 \t:;=()\"";

fn run(target: fn(&[u8])) {
    engine::rehearsal::mutation::run(EXAMPLES, LOVED, ROUNDS, target);
}

#[test]
fn headers() {
    run(entry::header);
}

#[test]
fn bodies() {
    run(entry::body);
}
