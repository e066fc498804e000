//! Autodiscover: how Outlook finds out that its mailbox is served here, and where.
//!
//! Pure: what was asked and who that is go in, bodies come out. Only what is served is published:
//! no Exchange Web Services and no offline address book.
//!
//! Start at [`request::read`], then [`response`]; [`json`] answers the question that comes before.
//!
//! Source: [MS-OXDSCLI] 2.2, 3.2; [MS-OXDISCO].

pub mod json;
pub mod request;
pub mod response;

/// Why a request gets no settings. Source: [MS-OXDSCLI] 2.2.4.1.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody of that address is here, or not for who asks.
    UnknownAddress,
    /// The request can't be read.
    InvalidRequest,
    /// It wants an answer for another kind of program.
    NoProvider,
}

impl Refusal {
    /// Number and text that stand in the answer.
    pub fn code(self) -> (u16, &'static str) {
        match self {
            Self::UnknownAddress => (500, "The e-mail address cannot be found."),
            Self::InvalidRequest => (600, "Invalid Request"),
            Self::NoProvider => (601, "Provider is not available"),
        }
    }
}
