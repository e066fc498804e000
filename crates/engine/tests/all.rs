//! What the engine promises, tested from outside: one program for all, so that it is linked once.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

mod account;
mod delivery;
mod directory;
mod events;
mod filters;
mod fuzz_briefly;
mod fuzz_notice_briefly;
mod fuzz_signature_briefly;
mod imported;
mod notice_examples;
mod queue;
mod queue_many;
mod readers;
mod reputation;
mod scheduler;
mod scripts;
mod search_index;
mod search_kept;
mod sign_in;
mod signing_in;
mod spam;
