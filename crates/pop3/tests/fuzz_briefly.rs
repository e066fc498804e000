//! A short run of the fuzz targets on mutated examples, the same in each run.

#[path = "../fuzz/entry.rs"]
mod entry;

engine::fuzz_briefly! {
    seeds: "everything" "capabilities" "letter";
    loved: b"\r\n\0. <>@\"\\\xff0";
    commands = entry::commands, 12_000;
    letters = entry::letter, 12_000;
    sessions = entry::session, 60;
}
