//! Why the store could not do what it was asked, told by what the caller may do about it.

use std::fmt;

/// A failure of the store. Protocols turn it into "try again later", never into data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// A write or sync failed earlier: reading goes on, nothing more is written until a restart.
    ReadOnly(String),
    /// There is too little free space for this kind of commit; it may succeed later.
    Full,
    /// Stored bytes do not match their checksum, or a record does not parse.
    Corrupt(String),
    /// The operating system refused a read or write.
    Io(String),
    /// What was read changed before the commit found its place; the work is run again.
    Conflict,
    /// A key, value or batch is larger than the backend takes.
    TooLarge,
    /// The store is of a format this program does not know, or belongs to another process.
    Refused(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadOnly(why) => write!(f, "the store is read-only after a failed write: {why}"),
            Self::Full => f.write_str("the disk is too full for this"),
            Self::Corrupt(what) => write!(f, "stored data is damaged: {what}"),
            Self::Io(why) => write!(f, "input/output error: {why}"),
            Self::Conflict => f.write_str("the data changed meanwhile"),
            Self::TooLarge => f.write_str("too large for the store"),
            Self::Refused(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error.to_string()),
        }
    }
}
