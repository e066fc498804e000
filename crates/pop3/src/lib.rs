//! POP3, as a server: the Inbox, as it was when the session began.
//!
//! Pure: no sockets, no clock, no disk. Several sessions may have one mailbox open, with each other
//! and with other protocols (as users of Dovecot expect it): each keeps its own list of letters,
//! and reads what others removed meanwhile from the recoverable items. Nothing is changed before
//! QUIT, and then all at once.
//!
//! Start at [`Session`]; the grammar is in [`codec`], the list of letters in `maildrop`, what
//! is read before it is asked for in `ahead`, the commands in `command`, every no in [`refusal`].
//!
//! Standards: RFC 1939 (POP3), RFC 2449 (CAPA and its codes), RFC 2595 (STLS), RFC 3206 (AUTH and
//! SYS codes), RFC 5034 (AUTH), RFC 6856 (UTF8, LANG), RFC 8314 (implicit TLS).

mod ahead;
pub mod codec;
mod command;
mod limits;
mod maildrop;
pub mod quirk;
pub mod refusal;
mod session;

pub use ahead::Readers;
pub use limits::Limits;
pub use session::{Service, Session};
