//! The commands, one file for each that has something to do, and what ends a letter.
//!
//! A command changes the [`Session`](crate::Session) and says its reply, or answers with the
//! [`Refusal`](crate::refusal::Refusal) to be said. It never writes to the store: that is
//! [`deliver`]'s.

pub(crate) mod authenticate;
pub(crate) mod chunk;
pub(crate) mod data;
pub(crate) mod deliver;
pub(crate) mod hello;
pub(crate) mod mail;
pub(crate) mod recipient;
pub(crate) mod start_tls;
