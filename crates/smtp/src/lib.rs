//! SMTP, message submission and LMTP: the receiving side, and in [`client`] the sending side.
//!
//! Pure: no sockets, no clock, no disk. The driver in `server` feeds bytes and answers, and does
//! what the session asks for. Never relays: what is not for a local domain is taken from signed-in
//! submitters only.
//!
//! Start at [`Session`], or at [`client::Client`] for what is sent; the grammar is in [`codec`], the commands in `command`, every no in
//! [`refusal`].
//!
//! Standards: RFC 5321 (SMTP), RFC 6409 (submission), RFC 2033 (LMTP), RFC 2920 (PIPELINING), RFC
//! 1870 (SIZE), RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 2034 (ENHANCEDSTATUSCODES), RFC 6152
//! (8BITMIME), RFC 3030 (CHUNKING, BINARYMIME), RFC 6531 (SMTPUTF8), RFC 3461 (DSN), RFC 9422
//! (LIMITS).

pub mod client;
pub mod codec;
mod command;
mod following;
mod letter;
mod limits;
pub mod quirk;
pub mod refusal;
mod session;

pub use limits::Limits;
pub use session::{Examining, Followed, Role, Service, Session};

use formats::address::Mailbox;

/// An address as the directory wants it: without quotes.
fn plain(mailbox: &Mailbox) -> String {
    [mailbox.local(), "@", mailbox.domain()].concat()
}
