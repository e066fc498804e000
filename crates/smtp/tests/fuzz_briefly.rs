//! A short run of the fuzz targets on mutated examples, the same in each run.

#![allow(clippy::indexing_slicing)] // A test fails by panicking.

#[path = "../fuzz/entry.rs"]
mod entry;

engine::fuzz_briefly! {
    seeds: "mail_with_parameters" "chunks" "authentication" "text" "other_server"
        "other_server_with_tls";
    loved: b"\r\n\0. <>@\"\\\xff0";
    commands = entry::commands, 12_000;
    letters = entry::letter, 12_000;
    sessions = entry::session, 60;
    clients = entry::client, 12_000;
}
