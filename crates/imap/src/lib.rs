//! `IMAP4rev2` and `IMAP4rev1`: a mailbox as mail programs keep it in step with theirs.
//!
//! Pure: no sockets, no clock, no disk. A session is fed bytes and says what is to be sent, asked or awaited;
//! what a user may do is decided in `engine`.
//!
//! Start at [`codec`] for the grammar.
//!
//! Standards: RFC 9051 (`IMAP4rev2`), RFC 3501 (`IMAP4rev1`).

pub mod codec;
pub mod quirk;
