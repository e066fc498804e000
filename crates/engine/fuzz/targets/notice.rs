#![no_main]

#[path = "../notice.rs"]
mod notice;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| notice::notice(bytes));
