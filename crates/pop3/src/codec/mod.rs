//! Bytes ⇄ typed values: command lines, and letters made transparent.
//!
//! Start at [`command::parse`] and [`letter::Writer`]. Source: RFC 1939 §3.

pub mod command;
pub mod letter;
