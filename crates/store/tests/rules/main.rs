//! The rules of the store, as tests: what every backend promises, what the verbs of the model do,
//! and that from any earlier change number an old picture of an account can be brought up to date.
//!
//! A test may unwrap, index and narrow: when it goes wrong, it is to fail loudly.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod accounts;
mod conformance;
mod conversations;
mod folders;
mod history;
mod items;
mod suite;
mod world;
mod writes;
