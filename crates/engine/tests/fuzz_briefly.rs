//! A short run of the fuzz targets on mutated examples, the same in each run.

#[path = "../fuzz/entry.rs"]
mod entry;

// Each seed is a script, a NUL and a letter, or a letter, a NUL and what is looked for.
engine::fuzz_briefly! {
    seeds: "variables" "parts" "replies" "searched";
    loved: b"\r\n\0\"\\{}()[];:,* ?$-";
    filters = entry::filter, 4_000;
    searches = entry::search, 4_000;
}
