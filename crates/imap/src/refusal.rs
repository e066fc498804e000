//! Every way to say no, and its one place on the wire.
//!
//! Start at [`Refusal::text`]. Standards: RFC 9051 §7.1, RFC 5530 §3 (codes), RFC 7162 §3, RFC 4469
//! §4 (BADURL, TOOBIG).

use crate::codec::Fault;
use engine::dialogue::signing_in;
use engine::search::TooComplex;
use engine::{EngineError, SignInRefusal, StoreError};
use std::borrow::Cow;

/// What [`crate::codec::notify::Events`] knows. Source: RFC 5465 §5.
const BAD_EVENT: &str = "NO [BADEVENT (MessageNew MessageExpunge FlagChange AnnotationChange \
    MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange)] Only these are supported";

/// Why a command was refused; each variant is one tagged reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The bytes are no command that this server takes.
    Fault(Fault),
    /// The command is not allowed now.
    WrongState(&'static str),
    /// The engine refused.
    Engine(EngineError),
    /// The target of COPY, MOVE or APPEND does not exist, but could be made.
    NoTarget,
    /// The mailbox was opened with EXAMINE.
    ReadOnly,
    /// Messages that this session knows of are gone for good.
    Expunged,
    /// Signing in failed.
    SignIn(SignInRefusal),
    /// It did not come to an attempt to sign in.
    SigningIn(signing_in::Fault),
    /// The message is larger than is taken.
    TooBig,
    /// A special use that is not kept here.
    SpecialUse,
    /// A part's transfer encoding is not known.
    UnknownEncoding,
    /// NOTIFY for events that are not supported.
    BadEvent,
    /// No search is kept by this name.
    UndefinedFilter(String),
    /// What this URL names is not here.
    BadUrl(String),
    /// More messages than one command works on: how many it does, and the last UID that these would
    /// reach down to. Source: RFC 9738 §3.1.
    TooManyMessages(u32, Option<u32>),
    /// Something that this server never does.
    Never(&'static str),
    /// Too much work waits already.
    Busy,
    /// An answer was begun that can't be ended as it should: the connection is closed.
    Broken,
}

/// Source: RFC 6855 §6.
pub(crate) const UTF8_REQUIRED: Refusal =
    Refusal::Never("NO [CANNOT] ENABLE UTF8=ACCEPT is needed here");

/// Message numbers are of no use once UIDONLY is enabled. Source: RFC 9586 §3.2.
pub const UID_REQUIRED: Refusal =
    Refusal::WrongState("BAD [UIDREQUIRED] Message numbers are not allowed with UIDONLY");

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<TooComplex> for Refusal {
    fn from(_: TooComplex) -> Self {
        Self::Fault(Fault::Limit("Search has too many keys"))
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::UnknownEncoding => Self::UnknownEncoding,
            fault => Self::Fault(fault),
        }
    }
}

impl Refusal {
    /// What stands behind the tag.
    pub fn text(&self) -> Cow<'static, str> {
        if let Self::Fault(Fault::Syntax(why)) = self {
            return format!("BAD {why}").into();
        }
        if let Self::UndefinedFilter(name) = self {
            return Cow::Owned(format!(
                "NO [UNDEFINED-FILTER {name}] There is no such filter"
            ));
        }
        if let Self::TooManyMessages(most, lowest) = self {
            let lowest = lowest.map_or_else(String::new, |uid| format!(" {uid}"));
            return format!("NO [MESSAGELIMIT {most}{lowest}] Too many messages at once").into();
        }
        if let Self::BadUrl(url) = self {
            let url = url
                .replace('"', "%22")
                .replace('\\', "%5C")
                .replace(']', "%5D");
            return format!("NO [BADURL \"{url}\"] There is nothing of this name").into();
        }
        self.fixed_text().into()
    }

    fn fixed_text(&self) -> &'static str {
        match self {
            Self::Fault(fault) => of_fault(*fault),
            Self::WrongState(why) | Self::Never(why) => why,
            Self::Engine(error) => of_engine(error),
            Self::NoTarget => "NO [TRYCREATE] Mailbox does not exist",
            Self::ReadOnly => "NO [READ-ONLY] Mailbox is open read-only",
            Self::Expunged => "NO [EXPUNGEISSUED] Some messages were expunged",
            Self::SignIn(refusal) => of_sign_in(refusal),
            Self::SigningIn(fault) => of_signing_in(*fault),
            Self::TooBig => "NO [TOOBIG] Message is too large",
            Self::SpecialUse => "NO [USEATTR] Special use is not supported",
            Self::UnknownEncoding => "NO [UNKNOWN-CTE] Transfer encoding is not known",
            Self::UndefinedFilter(_) => "NO [UNDEFINED-FILTER] There is no such filter",
            Self::BadUrl(_) => "NO [BADURL] There is nothing of this name",
            Self::TooManyMessages(..) => "NO [LIMIT] Too many messages at once",
            Self::BadEvent => BAD_EVENT,
            Self::Busy => "NO [UNAVAILABLE] Server is busy",
            Self::Broken => "BYE Something is damaged here",
        }
    }

    /// True if the command was none at all: too many of these end the connection.
    pub fn is_bad(&self) -> bool {
        self.text().starts_with("BAD")
    }
}

fn of_fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Syntax(_) => "BAD Command is not valid",
        Fault::Limit(_) => "NO [LIMIT] Command asks for too much at once",
        Fault::Charset => "NO [BADCHARSET (UTF-8 US-ASCII)] Charset is not supported",
        Fault::Name(_) => "NO [CANNOT] Name of mailbox is not valid",
        Fault::UnknownEncoding => "NO [UNKNOWN-CTE] Transfer encoding is not known",
    }
}

fn of_engine(error: &EngineError) -> &'static str {
    match error {
        EngineError::NoSuchAccount | EngineError::NoSuchDomain | EngineError::NoSuchAddress => {
            "NO [NONEXISTENT] No such account"
        }
        EngineError::NoSuchFolder => "NO [NONEXISTENT] Mailbox does not exist",
        EngineError::NoSuchItem | EngineError::NoSuchEntry => {
            "NO [EXPUNGEISSUED] Message does not exist"
        }
        EngineError::NameTaken => "NO [ALREADYEXISTS] Mailbox exists already",
        EngineError::RoleTaken => "NO [USEATTR] Another mailbox has this special use",
        EngineError::WouldLoop => "NO [CANNOT] Mailbox would be its own parent",
        EngineError::HasChildren => "NO [HASCHILDREN] Mailbox has others below it",
        EngineError::Denied => "NO [NOPERM] Permission denied",
        EngineError::InUse => "NO [INUSE] A message in it is being sent",
        EngineError::SpecialFolder => "NO [CANNOT] Mailbox is needed by the account",
        EngineError::OverQuota => "NO [OVERQUOTA] Account is full",
        EngineError::TooLarge => "NO [TOOBIG] Message is too large",
        EngineError::TooMany(_) | EngineError::TooLong | EngineError::NumberRefused => {
            "NO [LIMIT] More than is allowed"
        }
        EngineError::NameRefused(_) | EngineError::WrongForm => "NO [CANNOT] Not possible here",
        // Details are in the log, never on the wire.
        EngineError::Store(StoreError::Corrupt(_)) => "NO [CORRUPTION] Something stored is damaged",
        EngineError::Store(StoreError::TooLarge)
        | EngineError::Loop
        | EngineError::UnknownScheme
        | EngineError::NoSuchScript
        | EngineError::Rejected(_) => "NO [SERVERBUG] This should never happen",
        EngineError::Store(_) => "NO [UNAVAILABLE] Try again later",
    }
}

fn of_sign_in(refusal: &SignInRefusal) -> &'static str {
    match refusal {
        SignInRefusal::Wrong => "NO [AUTHENTICATIONFAILED] Wrong name or password",
        SignInRefusal::TooMany => "NO [LIMIT] Too many attempts, try again later",
        SignInRefusal::Disabled => "NO [CONTACTADMIN] Account is disabled",
        SignInRefusal::NotAllowed => "NO [AUTHORIZATIONFAILED] Not allowed",
        SignInRefusal::Malformed => "BAD Authentication message is not valid",
        SignInRefusal::Unavailable => "NO [UNAVAILABLE] Try again later",
    }
}

fn of_signing_in(fault: signing_in::Fault) -> &'static str {
    use signing_in::Fault;
    match fault {
        Fault::EncryptFirst => "NO [PRIVACYREQUIRED] Use TLS first",
        Fault::Mechanism => "NO [CANNOT] Mechanism is not supported",
        Fault::Coding => "BAD Authentication message is not valid",
        Fault::Cancelled => "BAD Authentication cancelled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(error: EngineError) -> String {
        Refusal::Engine(error).text().into_owned()
    }

    /// What a dialogue can hardly bring about. Source: RFC 5530 §3.
    #[test]
    fn each_failure_has_the_code_that_says_whose_it_is() {
        let damaged = StoreError::Corrupt("x".into());
        assert!(text(EngineError::Store(damaged)).starts_with("NO [CORRUPTION] "));
        assert!(text(EngineError::Store(StoreError::Full)).starts_with("NO [UNAVAILABLE] "));
        assert!(text(EngineError::Store(StoreError::TooLarge)).starts_with("NO [SERVERBUG] "));
        assert!(text(EngineError::UnknownScheme).starts_with("NO [SERVERBUG] "));
        assert!(text(EngineError::InUse).starts_with("NO [INUSE] "));
    }
}
