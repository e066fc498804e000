//! A short run of the fuzz targets on mutated examples, the same in each run.

#![allow(clippy::indexing_slicing)] // A test fails by panicking.

#[path = "../fuzz/entry.rs"]
mod entry;

/// Inputs for each target.
const ROUNDS: u64 = 12_000;

const EXAMPLES: &[&[u8]] = &[
    b"USER alice@example.test\r\nPASS alice\r\nSTAT\r\nLIST\r\nUIDL\r\nRETR 1\r\nTOP 2 1\r\n\
      DELE 2\r\nRSET\r\nNOOP\r\nQUIT\r\n",
    b"CAPA\r\nLANG en\r\nUTF8\r\nAUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABhbGljZQ==\r\n\
      AUTH LOGIN\r\nYWxpY2U=\r\n*\r\nSTLS\r\nCAPA\r\n",
    b"A: b\r\n\r\n.a\r\n..\r\n.\r\n\r\nend\r",
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
