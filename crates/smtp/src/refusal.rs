//! Every way to say no, and its one place on the wire.
//!
//! Sources: RFC 5321 §4.2.2 (codes), RFC 3463 §3 (enhanced codes), RFC 4954 §6, RFC 3207 §4, RFC
//! 6531 §4.

use crate::codec::command::Malformed;
use crate::codec::data::Fault;
use crate::codec::reply::Reply;
use engine::dialogue::signing_in;
use engine::{EngineError, SignInRefusal, StoreError};

/// Why something is refused; by whose fault, and whether trying again may help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The line is no command.
    Malformed(Malformed),
    /// The line is too long, or does not end in CRLF.
    Line,
    /// The command is known but not here or not now.
    WrongOrder,
    /// The command is not offered on this connection.
    NotOffered,
    /// The client spoke before it was greeted, or behind STARTTLS.
    SpokeTooSoon,
    /// This is not a web server.
    Web,
    /// Too many errors in one session.
    TooManyErrors,
    /// Too many letters in one session.
    TooManyLetters,
    /// Nothing came for too long, or the session lasted too long.
    Slow,
    /// The server is being stopped.
    Stopping,
    /// Submission needs a signed-in user.
    SignInFirst,
    /// Who signs in was not recognised, or may not.
    SignIn(SignInRefusal),
    /// It did not come to an attempt to sign in.
    SigningIn(signing_in::Fault),
    /// The sender's address is not one of the submitter's.
    NotYourAddress,
    /// The From field of the header is not one of the submitter's.
    NotYourFrom,
    /// The header must have one From field with an address in it.
    From,
    /// The recipient's domain is elsewhere, and this port does not relay.
    Relay,
    /// A recipient elsewhere whose local part needs quotes; such addresses only serve attacks.
    QuotedRecipient,
    /// An address in UTF-8 without SMTPUTF8.
    NeedsUtf8,
    /// Too many recipients for one letter.
    TooManyRecipients,
    /// No recipient was accepted.
    NoRecipients,
    /// `BODY=BINARYMIME` is only for BDAT.
    BinaryNeedsChunks,
    /// A letter is either DATA or BDAT.
    Mixed,
    /// Content came before the server had said that it may.
    EarlyData,
    /// The letter is larger than allowed.
    TooLarge,
    /// The letter's header is longer than allowed, or has too many fields.
    Header,
    /// A bare CR or LF, or a NUL, in a letter.
    Content(Fault),
    /// The engine refused.
    Engine(EngineError),
    /// Too many letters came from this address lately.
    TooFast,
    /// The account has sent to too many lately.
    SentTooMuch,
    /// This address is banned for a while.
    Banned,
    /// Too busy for now.
    Busy,
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
    /// What the client hears.
    pub fn reply(&self) -> Reply {
        let (code, enhanced, text) = match self {
            Self::Malformed(malformed) => return of_malformed(*malformed),
            Self::SignIn(refusal) => return of_sign_in(refusal),
            Self::SigningIn(fault) => return of_signing_in(*fault),
            Self::Engine(error) => return of_engine(error),
            Self::Line => (500, "5.5.2", "Lines are short and end in CRLF"),
            Self::WrongOrder => (503, "5.5.1", "Wrong order of commands"),
            Self::NotOffered => (502, "5.5.1", "Command not offered here"),
            Self::SpokeTooSoon => (554, "5.5.1", "Wait for the reply before speaking"),
            Self::Web => (554, "5.5.1", "This is a mail server"),
            Self::TooManyErrors => (421, "4.7.0", "Too many errors"),
            Self::TooManyLetters => (421, "4.7.0", "Too many letters in one session"),
            Self::Slow => (421, "4.4.2", "Time is up"),
            Self::Stopping => (421, "4.3.2", "Server is stopping"),
            Self::SignInFirst => (530, "5.7.0", "Sign in first"),
            Self::NotYourAddress => (550, "5.7.1", "Sender address is not yours"),
            Self::NotYourFrom => (550, "5.7.1", "From address is not yours"),
            Self::From => (550, "5.6.0", "One From field with an address is needed"),
            Self::Relay => (550, "5.7.1", "Relaying denied"),
            Self::QuotedRecipient => (553, "5.1.3", "Quoted addresses elsewhere are not served"),
            Self::NeedsUtf8 => (553, "5.6.7", "Address needs SMTPUTF8"),
            Self::TooManyRecipients => (452, "4.5.3", "Too many recipients"),
            Self::NoRecipients => (554, "5.5.1", "No valid recipients"),
            Self::BinaryNeedsChunks => (503, "5.5.1", "BINARYMIME needs BDAT"),
            Self::Mixed => (503, "5.5.1", "DATA and BDAT do not mix"),
            Self::EarlyData => (503, "5.5.1", "Letter was sent before it was asked for"),
            Self::TooLarge => (552, "5.3.4", "Letter is too large"),
            Self::Header => (552, "5.3.4", "Header is too large"),
            Self::Content(Fault::BareCr) => (550, "5.6.0", "Bare CR in letter"),
            Self::Content(Fault::BareLf) => (550, "5.6.0", "Bare LF in letter"),
            Self::Content(Fault::Nul) => (550, "5.6.0", "NUL in letter"),
            Self::TooFast => (
                451,
                "4.7.28",
                "Too many letters from your address, try later",
            ),
            Self::SentTooMuch => (451, "4.7.28", "Your account has sent too much, try later"),
            Self::Banned => (554, "5.7.1", "Your address is banned for a while"),
            Self::Busy => (451, "4.3.2", "Too busy, try again later"),
        };
        Reply::new(code, enhanced, text)
    }

    /// The recipient's own words, where they stand in the place of ours (RFC 5429 §2.1).
    pub fn words(&self) -> Option<&str> {
        match self {
            Self::Engine(EngineError::Rejected(reason)) => Some(reason),
            _ => None,
        }
    }

    /// True when the fault is the store's, so that someone must look at it.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Engine(EngineError::Store(_)))
    }
}

fn of_malformed(malformed: Malformed) -> Reply {
    match malformed {
        Malformed::Verb => Reply::new(500, "5.5.1", "Unknown command"),
        Malformed::Syntax => Reply::new(501, "5.5.4", "Wrong arguments"),
        Malformed::Path => Reply::new(501, "5.1.3", "Not an address"),
        Malformed::Parameter => Reply::new(501, "5.5.4", "Wrong parameter"),
        Malformed::UnknownParameter => Reply::new(555, "5.5.4", "Unknown parameter"),
        Malformed::Chunk => Reply::new(501, "5.5.4", "Size of chunk not understood"),
    }
}

fn of_sign_in(refusal: &SignInRefusal) -> Reply {
    match refusal {
        SignInRefusal::Wrong | SignInRefusal::Disabled => {
            Reply::new(535, "5.7.8", "Wrong user or password")
        }
        SignInRefusal::NotAllowed => Reply::new(535, "5.7.8", "Not allowed"),
        SignInRefusal::Malformed => Reply::new(501, "5.5.2", "Answer not understood"),
        SignInRefusal::TooMany => Reply::new(454, "4.7.0", "Too many attempts, try later"),
        SignInRefusal::Unavailable => Reply::new(454, "4.7.0", "Try again later"),
    }
}

fn of_signing_in(fault: signing_in::Fault) -> Reply {
    use signing_in::Fault;
    match fault {
        Fault::EncryptFirst => Reply::new(538, "5.7.11", "Encryption required for signing in"),
        Fault::Cancelled => Reply::new(501, "5.7.0", "Signing in was cancelled"),
        Fault::Mechanism => Reply::new(504, "5.5.4", "Mechanism not offered"),
        Fault::Coding => Reply::new(501, "5.5.2", "Not base64"),
    }
}

fn of_engine(error: &EngineError) -> Reply {
    match error {
        EngineError::Store(StoreError::Full) => Reply::new(452, "4.3.1", "Disk is full"),
        EngineError::Store(StoreError::TooLarge) | EngineError::TooLarge => {
            Refusal::TooLarge.reply()
        }
        EngineError::NoSuchAddress
        | EngineError::NoSuchAccount
        | EngineError::NoSuchDomain
        | EngineError::NameRefused(_) => Reply::new(550, "5.1.1", "No such user here"),
        EngineError::OverQuota => Reply::new(452, "4.2.2", "Mailbox is full"),
        EngineError::Loop => Reply::new(554, "5.4.6", "Letter goes in circles"),
        EngineError::TooMany(_) => Reply::new(550, "5.1.6", "Address leads to too many"),
        EngineError::Denied => Reply::new(550, "5.7.1", "Not allowed"),
        EngineError::Rejected(_) => Reply::new(550, "5.7.1", "Recipient refused the letter"),
        _ => Reply::new(451, "4.3.0", "Try again later"),
    }
}
