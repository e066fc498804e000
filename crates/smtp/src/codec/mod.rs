//! Bytes ⇄ typed values: command lines, parameters, letters in transparency, replies.
//!
//! Paths are read by [`formats::address`]. Never: decides anything. What is syntactically right may
//! still be refused by the session. Start at [`command::parse`] and [`data::Unstuffer`].
//!
//! Sources: RFC 5321 §4.1 (grammar), RFC 6531 §3.3 (UTF-8 in it), RFC 3461 §4 (DSN), RFC 3030
//! (BDAT).

pub mod command;
pub mod data;
pub mod parameter;
pub mod reply;
pub mod xtext;
