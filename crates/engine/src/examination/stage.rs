//! What a peer says before its letter, for those who follow it from the beginning.
//!
//! Who follows is told of each [`Stage`] before the peer gets its answer, and may refuse it with a
//! [`Decision`](super::Decision). What became of the letter that all this led to is asked with an
//! [`Examination`](super::Examination), as of every letter.
//!
//! A letter that is given up has no stage: the next one, or the end of the connection, says so.

use crate::sign_in::User;
use std::net::IpAddr;

/// One thing that the peer has said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// It is there.
    Connected(Caller),
    /// It has said who it is; once more when the connection has been encrypted.
    Greeted(Greeting),
    /// It begins a letter.
    Sender(Sender),
    /// It names one more who is to get the letter.
    Recipient(String),
}

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Its address; `None` for a program of this machine.
    pub address: Option<IpAddr>,
    /// Its port; 0 where that is not known.
    pub port: u16,
    /// The address of ours that it has called.
    pub called: Option<IpAddr>,
    /// It may bring letters of users only.
    pub submits: bool,
}

/// What it calls itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// The name.
    pub name: String,
    /// Version and cipher, if the connection is encrypted by now.
    pub tls: Option<(&'static str, &'static str)>,
}

/// The beginning of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The name that the letter will have here.
    pub letter: String,
    /// Who is told of failures; empty for nobody.
    pub address: String,
    /// Who has signed in.
    pub submitter: Option<User>,
}
