//! What a client may expect of IMAP: one program for all, so that it is linked once.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

mod binary;
mod capabilities;
mod dialogues;
mod expunge;
mod failures;
mod fuzz_briefly;
mod object_ids;
mod progress;
mod scram;
mod search_model;
mod threads;
mod tokens;
mod two_clients;
mod url_auth;
mod wire;
