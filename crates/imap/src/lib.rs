//! `IMAP4rev2` and `IMAP4rev1`: a mailbox as mail programs keep it in step with theirs.
//!
//! Pure: no sockets, no clock, no disk. A session is fed bytes and says what is to be sent, asked
//! or awaited; what a user may do is decided in `engine`.
//!
//! Start at [`Session`]. The grammar is in [`codec`]; each command has its own file in `command`;
//! what a client was told of its open mailbox is `selected`, what it has to be told is `sync`.
//!
//! Standards: RFC 9051 (`IMAP4rev2`), RFC 3501 (`IMAP4rev1`), and those that `command::capability`
//! offers.

pub mod codec;
mod command;
mod folders;
mod keywords;
mod limit;
pub mod quirk;
pub mod refusal;
pub mod rights;
mod selected;
mod session;
mod shared;
mod sync;

pub use session::Session;
