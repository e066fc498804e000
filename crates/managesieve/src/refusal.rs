//! Every way to say no, and its one place on the wire.
//!
//! Source: RFC 5804 §1.3 (codes), §2 (which command answers with which).

use crate::codec::command::Malformed;
use engine::dialogue::signing_in;
use engine::{EngineError, SignInRefusal};
use formats::script::Fault;

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The words are no command.
    Malformed(Malformed),
    /// The line is too long, does not end in CRLF, or cannot be read.
    Line,
    /// The command is known but not now.
    WrongState,
    /// Something came behind STARTTLS in the same group.
    SpokeTooSoon,
    /// Who signs in was not recognised, or may not.
    SignIn(SignInRefusal),
    /// It did not come to an attempt to sign in.
    SigningIn(signing_in::Fault),
    /// The script is faulty.
    Script(Vec<Fault>),
    /// The script is longer than any may be.
    TooLarge,
    /// There is a script of this name already.
    NameTaken,
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
        match error {
            EngineError::NameTaken => Self::NameTaken,
            EngineError::TooLarge => Self::TooLarge,
            error => Self::Engine(error),
        }
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl Refusal {
    /// The code in parentheses, if there is one, and the text.
    pub fn words(&self) -> (Option<&'static str>, String) {
        if let Self::Script(faults) = self {
            let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
            return (None, told.join("\r\n"));
        }
        let (code, text) = self.fixed();
        (code, text.to_owned())
    }

    fn fixed(&self) -> (Option<&'static str>, &'static str) {
        match self {
            Self::Malformed(Malformed::Verb) => (None, "Unknown command"),
            Self::Malformed(Malformed::Arguments) => (None, "Wrong arguments"),
            Self::Line => (None, "Not understood"),
            Self::WrongState => (None, "Not now"),
            Self::SpokeTooSoon => (None, "Wait for the reply before speaking"),
            Self::SignIn(refusal) => of_sign_in(refusal),
            Self::SigningIn(fault) => of_signing_in(*fault),
            Self::Script(_) => (None, "The script is faulty"),
            Self::TooLarge => (Some("QUOTA/MAXSIZE"), "The script is too long"),
            Self::NameTaken => (Some("ALREADYEXISTS"), "There is a script of this name"),
            Self::Engine(error) => of_engine(error),
            Self::Busy => (Some("TRYLATER"), "Too busy, try again later"),
            Self::TooManyErrors => (None, "Too many errors"),
            Self::Slow => (None, "Time is up"),
            Self::Stopping => (Some("TRYLATER"), "Server is stopping"),
        }
    }

    /// True when the fault is the store's, so that someone must look at it.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Engine(EngineError::Store(_)))
    }
}

fn of_engine(error: &EngineError) -> (Option<&'static str>, &'static str) {
    match error {
        EngineError::NoSuchScript => (Some("NONEXISTENT"), "There is no script of this name"),
        EngineError::InUse => (Some("ACTIVE"), "The active script cannot be deleted"),
        EngineError::OverQuota => (Some("QUOTA"), "The account is full"),
        EngineError::TooMany(_) => (Some("QUOTA/MAXSCRIPTS"), "There are too many scripts"),
        EngineError::NameRefused(why) => (None, why),
        EngineError::Denied => (None, "Not allowed"),
        _ => (Some("TRYLATER"), "Try again later"),
    }
}

fn of_sign_in(refusal: &SignInRefusal) -> (Option<&'static str>, &'static str) {
    match refusal {
        SignInRefusal::Wrong | SignInRefusal::Disabled => (None, "Wrong user or password"),
        SignInRefusal::NotAllowed => (None, "Not allowed"),
        SignInRefusal::Malformed => (None, "Answer not understood"),
        SignInRefusal::TooMany => (Some("TRYLATER"), "Too many attempts, try later"),
        SignInRefusal::Unavailable => (Some("TRYLATER"), "Try again later"),
    }
}

fn of_signing_in(fault: signing_in::Fault) -> (Option<&'static str>, &'static str) {
    use signing_in::Fault;
    match fault {
        Fault::EncryptFirst => (Some("ENCRYPT-NEEDED"), "Encryption required for signing in"),
        Fault::Cancelled => (None, "Signing in was cancelled"),
        Fault::Mechanism => (None, "Mechanism not offered"),
        Fault::Coding => (None, "Not base64"),
    }
}
