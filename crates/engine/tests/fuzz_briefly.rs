//! A short run of the fuzz targets on mutated examples, the same in each run.

#[path = "../fuzz/entry.rs"]
mod entry;

// Each seed is a script, a NUL and a letter.
engine::fuzz_briefly! {
    seeds: "variables" "parts" "replies";
    loved: b"\r\n\0\"\\{}()[];:,* ?$-";
    filters = entry::filter, 4_000;
}
