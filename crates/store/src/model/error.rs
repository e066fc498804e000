//! Why a verb refused: the state of the account does not allow it.

use crate::error::StoreError;
use std::fmt;

/// A verb that could not be done. Nothing of the transaction is written when its work returns an
/// error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelError {
    /// The store failed.
    Store(StoreError),
    /// There is no such account.
    NoSuchAccount,
    /// There is no such folder, or it was removed.
    NoSuchFolder,
    /// There is no such item at this place.
    NoSuchItem,
    /// There is no such queue entry.
    NoSuchEntry,
    /// A folder, account or address of this name or number exists.
    NameTaken,
    /// Another folder of the account has this role.
    RoleTaken,
    /// The folder would come to stand below itself.
    WouldLoop,
    /// The folder has folders below it, which must go first.
    HasChildren,
    /// A search folder holds no items of its own; a normal folder has no members.
    WrongForm,
    /// A brought UID is below the next one, or the UIDs or numbers of the account are used up.
    NumberRefused,
    /// A brought id is not in a run reserved for clients, or was used before.
    IdNotReserved,
    /// A name, prefix, summary, path or list is longer than allowed.
    TooLong,
    /// The transaction did not lock this account.
    NotLocked,
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Store(error) => return error.fmt(f),
            Self::NoSuchAccount => "no such account",
            Self::NoSuchFolder => "no such folder",
            Self::NoSuchItem => "no such item",
            Self::NoSuchEntry => "no such queue entry",
            Self::NameTaken => "the name is taken",
            Self::RoleTaken => "another folder has this role",
            Self::WouldLoop => "the folder would stand below itself",
            Self::HasChildren => "the folder has folders below it",
            Self::WrongForm => "the folder is not of the form that this needs",
            Self::NumberRefused => "the number is below the next one or all are used up",
            Self::IdNotReserved => "the id was not reserved or was used before",
            Self::TooLong => "longer than allowed",
            Self::NotLocked => "the transaction did not lock this account",
        })
    }
}

impl std::error::Error for ModelError {}

impl From<StoreError> for ModelError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
