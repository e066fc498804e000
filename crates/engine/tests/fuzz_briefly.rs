//! A short run of the fuzz targets on mutated examples, the same in each run.

#[path = "../fuzz/entry.rs"]
mod entry;

/// Inputs for each target.
const ROUNDS: u64 = 4_000;

/// A script, a NUL and a letter each.
const EXAMPLES: &[&[u8]] = &[
    include_bytes!("../fuzz/seeds/variables"),
    include_bytes!("../fuzz/seeds/parts"),
    include_bytes!("../fuzz/seeds/replies"),
];

/// Bytes that mean something in a script or a letter.
const LOVED: &[u8] = b"\r\n\0\"\\{}()[];:,* ?$-";

#[test]
fn filters() {
    engine::rehearsal::mutation::run(EXAMPLES, LOVED, ROUNDS, entry::filter);
}
