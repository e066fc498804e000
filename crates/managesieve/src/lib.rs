//! `ManageSieve`, as a server: a person's scripts, put in, looked at, switched on and off.
//!
//! Pure: no sockets, no clock, no disk. A script is read and checked before it is stored, so that
//! its writer hears of a fault with its line and column, and no letter ever meets it.
//!
//! Start at [`Session`]; the grammar is in [`codec`], the commands in `command`, every no in
//! [`refusal`].
//!
//! Standards: RFC 5804 (`ManageSieve`), RFC 4616 and others (sign-in mechanisms, in the engine).

pub mod codec;
mod command;
mod limits;
pub mod refusal;
mod session;

pub use limits::Limits;
pub use session::{Service, Session};
