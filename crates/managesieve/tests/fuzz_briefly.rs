//! A short run of the fuzz targets on mutated examples, the same in each run.

#[path = "../fuzz/entry.rs"]
mod entry;

engine::fuzz_briefly! {
    seeds: "everything" "sign_in";
    loved: b"\r\n\0\"\\{}+ 0(;\xff";
    commands = entry::commands, 6_000;
    sessions = entry::session, 60;
}
