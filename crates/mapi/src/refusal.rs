//! Every way to say no to an operation, and the number it has on the wire.
//!
//! Source: [MS-OXCDATA] 2.4.

use engine::{EngineError, StoreError};

/// Why an operation was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such mailbox.
    UnknownUser,
    /// Nobody has signed in who may use an administrator's rights.
    LoginPermission,
    /// No object has that handle.
    NullObject,
    /// No object has the destination's handle.
    NullDestination,
    /// The object is of another kind, or the operation is not done here.
    NotSupported,
    /// The specification leaves it to servers, and this one does not do it.
    NotImplemented,
    /// There is no such entry in the address book.
    InvalidObject,
    /// Texts can't be told in that code page.
    InvalidCodePage,
    /// Nothing is there in that language.
    InvalidLocale,
    /// There are more rows or columns than may be told.
    TableTooBig,
    /// There is none.
    NotFound,
    /// Not allowed.
    AccessDenied,
    /// Somebody else changed it in the meantime.
    ObjectModified,
    /// It is there already.
    Duplicate,
    /// It has more than may be.
    TooBig,
    /// The account is full.
    OverQuota,
    /// It has folders below it.
    HasFolders,
    /// There are messages in it.
    HasMessages,
    /// It would stand below itself.
    FolderCycle,
    /// A message would stand in itself.
    MessageCycle,
    /// It shows what others hold.
    SearchFolder,
    /// It is no search.
    NotSearchFolder,
    /// Nobody said yet what it is to show.
    NotInitialized,
    /// A search must not look into itself.
    SearchScope,
    /// There is no such bookmark any more, or no such container in the address book.
    InvalidBookmark,
    /// The heading is open already, or closed, or no heading.
    NotCollapsed,
    /// The same, the other way.
    NotExpanded,
    /// It is to nobody.
    NoRecipients,
    /// It is to someone who can't be written to.
    InvalidRecipients,
    /// One may not send for that other.
    SendAsDenied,
    /// Who looks at all letters does not let it through.
    Rejected,
    /// Not now.
    Busy,
    /// It is to more than one letter may be to.
    TooManyRecipients,
    /// It is longer than what may be sent.
    TooLongToSend,
    /// It is on its way already.
    Submitted,
    /// It is being sent, so that it can't be taken back.
    UnableToAbort,
    /// It does not wait to be sent, or no longer.
    NotInQueue,
    /// A stream can't be read or written there.
    StreamSeek,
    /// A value of the request makes no sense.
    InvalidParameter,
    /// It can't be what it says it is.
    CorruptData,
    /// There are more rules, or longer ones, than a folder may have.
    TooManyRules,
    /// It is too much for one request.
    TooComplex,
    /// As many objects as may be are open.
    TooManyObjects,
    /// The store failed. Details go to the log, never to the client.
    Failed,
}

impl Refusal {
    /// Its number.
    pub fn code(self) -> u32 {
        match self {
            Self::UnknownUser => 0x0000_03eb,
            Self::LoginPermission => 0x0000_03f2,
            Self::NullObject => 0x0000_04b9,
            Self::TooManyObjects => 0x0000_04de,
            Self::SearchFolder => 0x0000_0460,
            Self::NotSearchFolder => 0x0000_0461,
            Self::InvalidRecipients => 0x0000_0467,
            Self::SearchScope => 0x0000_0490,
            Self::TooLongToSend => 0x0000_04da,
            Self::SendAsDenied => 0x0000_04dc,
            Self::OverQuota => 0x0000_04dd,
            Self::NotExpanded => 0x0000_04f7,
            Self::NotCollapsed => 0x0000_04f8,
            Self::NullDestination => 0x0000_0503,
            Self::Busy => 0x0000_0480,
            Self::TooManyRecipients => 0x0000_0505,
            Self::Rejected => 0x0000_07ee,
            Self::MessageCycle => 0x0000_0504,
            Self::StreamSeek => 0x8003_0019,
            Self::Failed => 0x8000_4005,
            Self::NotSupported => 0x8004_0102,
            Self::NotImplemented => 0x8004_0fff,
            Self::InvalidObject => 0x8004_0108,
            Self::ObjectModified => 0x8004_0109,
            Self::NotFound => 0x8004_010f,
            Self::UnableToAbort => 0x8004_0114,
            Self::TooBig => 0x8004_0305,
            Self::InvalidBookmark => 0x8004_0405,
            Self::NotInQueue => 0x8004_0601,
            Self::Duplicate => 0x8004_0604,
            Self::NotInitialized => 0x8004_0605,
            Self::NoRecipients => 0x8004_0607,
            Self::Submitted => 0x8004_0608,
            Self::HasFolders => 0x8004_0609,
            Self::HasMessages => 0x8004_060a,
            Self::FolderCycle => 0x8004_060b,
            Self::TooComplex => 0x8004_0117,
            Self::CorruptData => 0x8004_011b,
            Self::TooManyRules => 0x8007_000e,
            Self::InvalidCodePage => 0x8004_011e,
            Self::InvalidLocale => 0x8004_011f,
            Self::TableTooBig => 0x8004_0403,
            Self::AccessDenied => 0x8007_0005,
            Self::InvalidParameter => 0x8007_0057,
        }
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::NoSuchAccount => Self::UnknownUser,
            EngineError::NoSuchFolder | EngineError::NoSuchItem => Self::NotFound,
            EngineError::Denied | EngineError::SpecialFolder => Self::AccessDenied,
            EngineError::NameTaken | EngineError::RoleTaken => Self::Duplicate,
            EngineError::NameRefused(_) => Self::InvalidParameter,
            EngineError::WouldLoop => Self::FolderCycle,
            EngineError::HasChildren => Self::HasFolders,
            EngineError::WrongForm => Self::SearchFolder,
            EngineError::InUse => Self::Submitted,
            EngineError::OverQuota => Self::OverQuota,
            EngineError::TooLarge | EngineError::TooLong | EngineError::TooMany(_) => Self::TooBig,
            _ => Self::Failed,
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(_: StoreError) -> Self {
        Self::Failed
    }
}

/// Why a whole call failed, before or beside its operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFailure {
    /// The buffer can't be read.
    RpcFormat,
    /// There is no room for even one answer.
    BufferTooSmall,
    /// The client allows fewer bytes than a header has.
    RpcFailed,
    /// The client asks for more bytes than are allowed.
    BadStubData,
}

impl CallFailure {
    /// Its number.
    pub fn code(self) -> u32 {
        match self {
            Self::BufferTooSmall => 0x0000_047d,
            Self::RpcFormat => 0x0000_04b6,
            Self::BadStubData => 0x0000_06f7,
            Self::RpcFailed => 0x8004_0115,
        }
    }
}
