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
    /// There is none.
    NotFound,
    /// Not allowed.
    AccessDenied,
    /// A value of the request makes no sense.
    InvalidParameter,
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
            Self::NullDestination => 0x0000_0503,
            Self::Failed => 0x8000_4005,
            Self::NotSupported => 0x8004_0102,
            Self::NotFound => 0x8004_010f,
            Self::TooComplex => 0x8004_0117,
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
            EngineError::Denied => Self::AccessDenied,
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
