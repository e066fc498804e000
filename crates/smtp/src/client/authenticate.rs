//! Signing in to a server that we send through.
//!
//! The strongest way that both know is taken; a password in clear is never sent over a connection
//! that is not encrypted.
//!
//! Sources: RFC 4954 §4, RFC 4616 (PLAIN), RFC 5802 and RFC 7677 (SCRAM-SHA-256).

use super::Credentials;
use super::capability::Capabilities;
use super::reply::Reply;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::authentication::scram_client::Proving;

/// A sign-in that has begun.
#[derive(Debug)]
pub(super) enum SigningIn {
    /// Everything was said.
    Plain,
    /// The name is asked for next, then the password.
    Login(LoginStep),
    /// A proof, and whether the server has given its own.
    Scram(Box<Proving>, bool),
}

/// Which answer LOGIN wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoginStep {
    /// The name.
    Name,
    /// The password.
    Password,
    /// Nothing more.
    Done,
}

/// What follows a reply.
pub(super) enum Next {
    /// This line is sent.
    Say(String),
    /// We are in.
    Done,
    /// We are not.
    Refused,
}

impl SigningIn {
    /// The first line, if there is a way that may be used.
    pub(super) fn begin(
        offered: &Capabilities,
        credentials: &Credentials,
        encrypted: bool,
    ) -> Option<(Self, String)> {
        let has = |name: &str| offered.mechanisms.iter().any(|known| known == name);
        if has("SCRAM-SHA-256") {
            let proving = Proving::new(&credentials.user, &credentials.nonce);
            let first = STANDARD.encode(proving.first());
            let line = format!("AUTH SCRAM-SHA-256 {first}\r\n");
            return Some((Self::Scram(Box::new(proving), false), line));
        }
        if !encrypted {
            return None;
        }
        if has("PLAIN") {
            let Credentials { user, password, .. } = credentials;
            let message = STANDARD.encode(format!("\0{user}\0{password}"));
            return Some((Self::Plain, format!("AUTH PLAIN {message}\r\n")));
        }
        has("LOGIN").then(|| (Self::Login(LoginStep::Name), "AUTH LOGIN\r\n".to_owned()))
    }

    /// What the reply leads to.
    pub(super) fn go_on(&mut self, reply: &Reply, credentials: &Credentials) -> Next {
        if reply.is_success() {
            // A server that says yes before its own proof is not the one that knows the password.
            let proven = match self {
                Self::Scram(proving, proven) => *proven || proving.is_proven(&last_message(reply)),
                Self::Plain | Self::Login(_) => true,
            };
            return if proven { Next::Done } else { Next::Refused };
        }
        if reply.code != 334 {
            return Next::Refused;
        }
        self.answer(reply, credentials)
            .map_or(Next::Refused, |line| Next::Say(line + "\r\n"))
    }

    fn answer(&mut self, reply: &Reply, credentials: &Credentials) -> Option<String> {
        match self {
            Self::Plain | Self::Login(LoginStep::Done) => None,
            Self::Login(step @ LoginStep::Name) => {
                *step = LoginStep::Password;
                Some(STANDARD.encode(&credentials.user))
            }
            Self::Login(step @ LoginStep::Password) => {
                *step = LoginStep::Done;
                Some(STANDARD.encode(&credentials.password))
            }
            Self::Scram(proving, proven) => {
                let message = last_message(reply);
                if proving.is_proven(&message) {
                    *proven = true;
                    return Some(String::new()); // Nothing to add to the server's proof.
                }
                let answer = proving.answer(&message, &credentials.password)?;
                Some(STANDARD.encode(answer))
            }
        }
    }
}

/// The message in a reply: base64 behind the code, and behind a status where there is one.
fn last_message(reply: &Reply) -> Vec<u8> {
    let line = reply.lines.last().map_or("", String::as_str);
    let word = line
        .split_ascii_whitespace()
        .next_back()
        .unwrap_or_default();
    STANDARD.decode(word).unwrap_or_default()
}
