//! A short run of the fuzz target for notices on mutated examples, the same in each run.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test fails by panicking.

#[path = "../fuzz/notice.rs"]
mod notice;

// Each seed is a letter, a NUL, and what the next server says of it.
engine::fuzz_briefly! {
    seeds: "notice" "notice_of_many_lines" "notice_without_header";
    loved: b"\r\n\0\t :;-=<>\"\xff\xc3";
    notices = notice::notice, 150;
}
