//! A summary as bytes: compact enough to lie in an item's row, read without allocating.
//!
//! ```text
//! version, flags, size, lines, [sent, zone], preview, references, [layout], envelope,
//! number of parts, parts
//! ```
//! Numbers are LEB128; a text is its length and its bytes; a text that may be absent stores its
//! length plus one and 0 for absent. References, envelopes, address lists, parameters and parts are
//! preceded by their length in bytes, so that a reader skips what it does not want. Damaged bytes
//! end an iteration early, never panic.
//!
//! Start at [`SummaryRef::new`]; the writing half is [`Summary::encode`](super::Summary::encode).

mod read;
mod write;

pub use read::{
    Addresses, DispositionRef, EntryRef, EnvelopeRef, Parameters, PartRef, Parts, Strings,
    SummaryError, SummaryRef,
};

/// Bytes of an encoded summary; what the store allows in the row of an item.
pub const SUMMARY_BYTES_MAX: usize = 20 * 1024;

/// The first byte; a change of layout takes the next number.
const VERSION: u8 = 1;
const FLAG_TRUNCATED: u8 = 1;
const FLAG_ATTACHMENT: u8 = 2;
const FLAG_SENT: u8 = 4;
const FLAG_LAYOUT: u8 = 8;

const KIND_LEAF: u8 = 0;
const KIND_MULTIPART: u8 = 1;
const KIND_MESSAGE: u8 = 2;

const ENTRY_GROUP_END: u8 = 0;
const ENTRY_GROUP_START: u8 = 1;
const ENTRY_ADDRESS: u8 = 2;
const ENTRY_NAMED: u8 = 3;

#[cfg(test)]
mod tests;
