//! The fuzz targets on mutated examples, so that every run of the tests has a little of what
//! fuzzing gives.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

#[path = "../fuzz/entry.rs"]
mod entry;

/// Inputs for each target; some 2 seconds in a debug build.
const ROUNDS: u64 = 1500;

/// Dialogues, each on an engine of its own.
const DIALOGUES: u64 = 100;

const EXAMPLES: &[&[u8]] = &[
    include_bytes!("../fuzz/seeds/append_and_fetch"),
    include_bytes!("../fuzz/seeds/search"),
    include_bytes!("../fuzz/seeds/resync"),
    include_bytes!("../fuzz/seeds/store_and_expunge"),
    include_bytes!("../fuzz/seeds/list"),
    include_bytes!("../fuzz/seeds/folders_and_moves"),
    include_bytes!("../fuzz/seeds/idle_and_sign_in"),
    include_bytes!("../fuzz/seeds/literals"),
    include_bytes!("../fuzz/seeds/sort_and_partial"),
    include_bytes!("../fuzz/seeds/thread_and_esearch"),
    include_bytes!("../fuzz/seeds/contexts_and_languages"),
    include_bytes!("../fuzz/seeds/metadata"),
    include_bytes!("../fuzz/seeds/quota_and_uses"),
    include_bytes!("../fuzz/seeds/rights"),
    include_bytes!("../fuzz/seeds/unauthenticate"),
    include_bytes!("../fuzz/seeds/uid_only"),
    include_bytes!("../fuzz/seeds/catenate"),
    include_bytes!("../fuzz/seeds/replace"),
    include_bytes!("../fuzz/seeds/notify_and_compress"),
];

/// Bytes that mean something in a command.
const LOVED: &[u8] = b"\r\n {}()\"\\*%$+~0\0\xff";

fn run(rounds: u64, target: fn(&[u8])) {
    engine::rehearsal::mutation::run(EXAMPLES, LOVED, rounds, target);
}

#[test]
fn any_bytes_are_cut_and_read() {
    run(ROUNDS, entry::command);
}

#[test]
fn any_bytes_are_a_name_of_a_mailbox_or_none() {
    run(ROUNDS, entry::mailbox_names);
}

#[test]
fn any_bytes_come_to_an_answer_or_an_end() {
    run(DIALOGUES, entry::dialogue);
}
