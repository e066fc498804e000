//! Every way to say no, and its one place on the wire.
//!
//! Sources: RFC 2449 §8 (codes in brackets), RFC 3206 §3 (AUTH, SYS/TEMP, SYS/PERM), RFC 6856 §3
//! (LANG).

use crate::codec::command::Malformed;
use engine::dialogue::signing_in;
use engine::{EngineError, SignInRefusal};

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The line is no command.
    Malformed(Malformed),
    /// The line is too long, or does not end in CRLF.
    Line,
    /// The command is known but not now.
    WrongState,
    /// Something came behind STLS in the same group.
    SpokeTooSoon,
    /// Who signs in was not recognised, or may not.
    SignIn(SignInRefusal),
    /// It did not come to an attempt to sign in.
    SigningIn(signing_in::Fault),
    /// No letter has this number, or it is marked as deleted.
    NoSuchLetter,
    /// The letter was there at sign-in, and has been removed for good since.
    Purged,
    /// No such language here.
    Language,
    /// The letters could not be deleted.
    NotDeleted,
    /// The engine refused.
    Engine(EngineError),
    /// Too busy for now.
    Busy,
    /// Too many errors in one session.
    TooManyErrors,
    /// Nothing came for too long.
    Slow,
    /// The server is being stopped.
    Stopping,
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl Refusal {
    /// What stands behind `-ERR `.
    pub fn text(&self) -> &'static str {
        match self {
            Self::Malformed(Malformed::Verb) => "Unknown command",
            Self::Malformed(Malformed::Arguments) => "Wrong arguments",
            Self::Line => "Lines are short and end in CRLF",
            Self::WrongState => "Not now",
            Self::SpokeTooSoon => "Wait for the reply before speaking",
            Self::SignIn(refusal) => of_sign_in(refusal),
            Self::SigningIn(fault) => of_signing_in(*fault),
            Self::NoSuchLetter => "No such letter",
            Self::Purged => "[SYS/PERM] The letter has been removed",
            Self::Language => "No such language",
            Self::NotDeleted => "[SYS/TEMP] Nothing was deleted, try again later",
            Self::Engine(EngineError::Denied) => "[SYS/PERM] Not allowed",
            Self::Engine(_) => "[SYS/TEMP] Try again later",
            Self::Busy => "[SYS/TEMP] Too busy, try again later",
            Self::TooManyErrors => "Too many errors",
            Self::Slow => "Time is up",
            Self::Stopping => "[SYS/TEMP] Server is stopping",
        }
    }
}

fn of_sign_in(refusal: &SignInRefusal) -> &'static str {
    match refusal {
        SignInRefusal::Wrong | SignInRefusal::Disabled => "[AUTH] Wrong user or password",
        SignInRefusal::NotAllowed => "[AUTH] Not allowed",
        SignInRefusal::Malformed => "Answer not understood",
        SignInRefusal::TooMany => "[SYS/TEMP] Too many attempts, try later",
        SignInRefusal::Unavailable => "[SYS/TEMP] Try again later",
    }
}

fn of_signing_in(fault: signing_in::Fault) -> &'static str {
    use signing_in::Fault;
    match fault {
        Fault::EncryptFirst => "[SYS/PERM] Encryption required for signing in",
        Fault::Cancelled => "Signing in was cancelled",
        Fault::Mechanism => "Mechanism not offered",
        Fault::Coding => "Not base64",
    }
}
