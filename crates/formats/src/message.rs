//! Internet messages: what they say about themselves, how they are built, and what they read like.
//!
//! Never keeps a letter whole: bodies are looked at as they pass, and only [`compose`] writes
//! letters. Nothing here changes one.
//!
//! Start at [`scan::Scanner`] (or [`Summary::of`] for a letter in memory); what it leaves is stored
//! as bytes and read through [`SummaryRef`]. The other modules read single pieces: fields,
//! parameters, encoded words, transfer encodings, charsets, HTML.
//!
//! Standards: RFC 5322 (messages), RFC 2045 to 2049 (MIME), RFC 2231 (parameters).

pub mod base_subject;
pub mod charset;
pub mod compose;
pub mod decode;
pub mod encoded_word;
pub mod header;
pub mod html;
pub mod parameter;
mod preview;
pub mod scan;
mod structure;
mod summary;
mod verbatim;

pub use structure::{Disposition, Envelope, Part, PartKind, Summary};
pub use summary::{
    Addresses, DispositionRef, EntryRef, EnvelopeRef, Parameters, PartRef, Parts,
    SUMMARY_BYTES_MAX, Strings, SummaryError, SummaryRef,
};
pub use verbatim::Layout;
