#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| store::backend::embedded::fuzz::bodies(bytes));
