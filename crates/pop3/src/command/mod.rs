//! The commands, one file for each that has more to do than to answer.
//!
//! A command changes the [`Session`](crate::Session) and says its reply, or answers with the
//! [`Refusal`](crate::refusal::Refusal) to be said.

pub(crate) mod authenticate;
pub(crate) mod capabilities;
pub(crate) mod language;
pub(crate) mod list;
pub(crate) mod quit;
pub(crate) mod retrieve;
pub(crate) mod start_tls;
