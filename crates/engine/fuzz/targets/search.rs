#![no_main]

#[path = "../entry.rs"]
// Each target uses one of the functions.
#[allow(dead_code)]
mod entry;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| entry::search(bytes));
