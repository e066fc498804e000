//! Why the engine refused, told by whose fault it is and what can be done.

use std::fmt;
use store::StoreError;
use store::model::ModelError;

/// A refusal of the engine. Protocols turn each into their own words, in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineError {
    /// The store failed; trying again later may help. Details go to the log, never to the client.
    Store(StoreError),
    /// There is no such account, or this user may not know of it.
    NoSuchAccount,
    /// There is no such domain here.
    NoSuchDomain,
    /// There is no such address here.
    NoSuchAddress,
    /// There is no such folder, or this user may not know of it.
    NoSuchFolder,
    /// There is no such item at this place.
    NoSuchItem,
    /// There is no such queue entry.
    NoSuchEntry,
    /// The name is taken.
    NameTaken,
    /// Another folder of the account has this role.
    RoleTaken,
    /// A name, address or password of a form that cannot be taken; the text says why.
    NameRefused(&'static str),
    /// The folder would come to stand below itself.
    WouldLoop,
    /// There are folders below it.
    HasChildren,
    /// A search folder holds no items of its own.
    WrongForm,
    /// The numbers of the folder or account are used up, or a brought one is taken.
    NumberRefused,
    /// This user lacks the right.
    Denied,
    /// Folders with a role of the system cannot be removed.
    SpecialFolder,
    /// The account is full.
    OverQuota,
    /// The letter is larger than allowed.
    TooLarge,
    /// Too many folders, keywords, recipients or items; the text says which.
    TooMany(&'static str),
    /// A value is longer than allowed.
    TooLong,
    /// The letter goes in circles.
    Loop,
    /// A password hash of a scheme that is not known.
    UnknownScheme,
    /// It is in use and can only be removed once it is not.
    InUse,
    /// There is no such script.
    NoSuchScript,
    /// The recipient does not want the letter, for this reason.
    Rejected(String),
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Store(error) => return error.fmt(f),
            Self::NoSuchAccount => "no such account",
            Self::NoSuchDomain => "no such domain",
            Self::NoSuchAddress => "no such address",
            Self::NoSuchFolder => "no such folder",
            Self::NoSuchItem => "no such item",
            Self::NoSuchEntry => "no such queue entry",
            Self::NameTaken => "the name is taken",
            Self::RoleTaken => "another folder has this role",
            Self::NameRefused(why) => why,
            Self::WouldLoop => "the folder would stand below itself",
            Self::HasChildren => "the folder has folders below it",
            Self::WrongForm => "a search folder holds no items of its own",
            Self::NumberRefused => "the number is taken or all are used up",
            Self::Denied => "permission denied",
            Self::SpecialFolder => "the folder is needed by the account",
            Self::OverQuota => "the account is full",
            Self::TooLarge => "the letter is too large",
            Self::TooMany(what) => return write!(f, "too many {what}"),
            Self::TooLong => "longer than allowed",
            Self::Loop => "the letter goes in circles",
            Self::UnknownScheme => "unknown password scheme",
            Self::InUse => "it is in use",
            Self::NoSuchScript => "no such script",
            Self::Rejected(reason) => return write!(f, "the recipient refused it: {reason}"),
        })
    }
}

impl std::error::Error for EngineError {}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ModelError> for EngineError {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::Store(error) => Self::Store(error),
            ModelError::NoSuchAccount => Self::NoSuchAccount,
            ModelError::NoSuchFolder => Self::NoSuchFolder,
            ModelError::NoSuchItem => Self::NoSuchItem,
            ModelError::NoSuchEntry => Self::NoSuchEntry,
            ModelError::NameTaken => Self::NameTaken,
            ModelError::RoleTaken => Self::RoleTaken,
            ModelError::WouldLoop => Self::WouldLoop,
            ModelError::HasChildren => Self::HasChildren,
            ModelError::WrongForm => Self::WrongForm,
            ModelError::NumberRefused | ModelError::IdNotReserved => Self::NumberRefused,
            ModelError::TooLong => Self::TooLong,
            // A programming error that must not look like data.
            ModelError::NotLocked => Self::Store(StoreError::Refused(error.to_string())),
        }
    }
}
