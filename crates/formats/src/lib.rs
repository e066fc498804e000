//! The documents people keep and the words they are written in: messages, addresses, dates.
//!
//! Pure: no clock, no randomness, no network, no files; only bytes in and values out. It knows nothing of
//! accounts or protocols. Every parser takes bytes from outside, has a named limit for whatever it keeps, does
//! not recurse, and answers damaged input with what could still be read.

pub mod address;
mod cursor;
pub mod date;
