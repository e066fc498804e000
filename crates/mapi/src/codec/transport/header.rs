//! The `X-` headers, and what the requests are called.
//!
//! Names are compared without regard to case, as the servers that Outlook knows do.
//!
//! Source: [MS-OXCMAPIHTTP] 2.2.2 and 2.2.3.

use std::fmt;

/// Names of headers. Source: [MS-OXCMAPIHTTP] 2.2.3.
pub mod name {
    /// What is asked for.
    pub const REQUEST_TYPE: &str = "X-RequestType";
    /// Which request of the session: echoed.
    pub const REQUEST_ID: &str = "X-RequestId";
    /// Which client: echoed.
    pub const CLIENT_INFO: &str = "X-ClientInfo";
    /// The client's program and version.
    pub const CLIENT_APPLICATION: &str = "X-ClientApplication";
    /// How the request was taken.
    pub const RESPONSE_CODE: &str = "X-ResponseCode";
    /// Milliseconds between signs of life.
    pub const PENDING_PERIOD: &str = "X-PendingPeriod";
    /// Milliseconds until an idle session ends.
    pub const EXPIRATION_INFO: &str = "X-ExpirationInfo";
    /// The server's version.
    pub const SERVER_APPLICATION: &str = "X-ServerApplication";
    /// How long it took, in milliseconds; stands in the body.
    pub const ELAPSED_TIME: &str = "X-ElapsedTime";
    /// When it began; stands in the body.
    pub const START_TIME: &str = "X-StartTime";
}

/// What this server says it is: Exchange 2013 SP1, with all that it obliges to.
///
/// Source: [MS-OXCRPC] 3.1.4.1.3 (what each version must be able to do), [MS-OXCMAPIHTTP]
/// 2.2.3.3.9 (the number of digits).
pub const SERVER_APPLICATION: &str = "Exchange/15.00.0847.040";
/// Content type of all bodies of this protocol.
pub const CONTENT_TYPE: &str = "application/mapi-http";

/// One of the two places that requests go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `/mapi/emsmdb/`.
    Mailbox,
    /// `/mapi/nspi/`.
    AddressBook,
}

impl Endpoint {
    /// Where on the server it is, without the slash that ends it.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Mailbox => "/mapi/emsmdb",
            Self::AddressBook => "/mapi/nspi",
        }
    }
}

macro_rules! request_types {
    ($($(#[$note:meta])* $name:ident = $text:literal at $($endpoint:ident)|+;)*) => {
        /// What a request asks for. Source: [MS-OXCMAPIHTTP] 2.2.3.3.1.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum RequestType {
            $($(#[$note])* $name,)*
        }

        impl RequestType {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The value of the header.
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Whether it may be asked for there.
            pub fn is_served_at(self, endpoint: Endpoint) -> bool {
                match self {
                    $(Self::$name => matches!(endpoint, $(Endpoint::$endpoint)|+),)*
                }
            }
        }
    };
}

request_types! {
    /// Begins a session with a mailbox.
    Connect = "Connect" at Mailbox;
    /// Carries operations.
    Execute = "Execute" at Mailbox;
    /// Ends a session with a mailbox.
    Disconnect = "Disconnect" at Mailbox;
    /// Waits for something to happen.
    NotificationWait = "NotificationWait" at Mailbox;
    /// Keeps a session alive.
    Ping = "PING" at Mailbox | AddressBook;
    /// Begins a session with the address book.
    Bind = "Bind" at AddressBook;
    /// Ends one.
    Unbind = "Unbind" at AddressBook;
    /// The order of two entries.
    CompareMinimalIds = "CompareMIds" at AddressBook;
    /// Entries by their distinguished names.
    NameToMinimalId = "DNToMId" at AddressBook;
    /// Entries that fulfil a condition.
    FindMatches = "GetMatches" at AddressBook;
    /// Which properties an entry has.
    PropertyList = "GetPropList" at AddressBook;
    /// Properties of an entry.
    Properties = "GetProps" at AddressBook;
    /// The containers.
    SpecialTable = "GetSpecialTable" at AddressBook;
    /// How an entry is shown.
    TemplateInfo = "GetTemplateInfo" at AddressBook;
    /// Changes who belongs to an entry.
    ModifyLinks = "ModLinkAtt" at AddressBook;
    /// Changes properties of an entry.
    ModifyProperties = "ModProps" at AddressBook;
    /// Which columns there are.
    QueryColumns = "QueryColumns" at AddressBook;
    /// Rows from a place.
    QueryRows = "QueryRows" at AddressBook;
    /// Entries by what a person typed.
    ResolveNames = "ResolveNames" at AddressBook;
    /// Puts entries in order.
    ResortRestriction = "ResortRestriction" at AddressBook;
    /// The first entry from a name on.
    SeekEntries = "SeekEntries" at AddressBook;
    /// Moves to a place.
    UpdateStat = "UpdateStat" at AddressBook;
    /// Where a mailbox is served.
    MailboxUrl = "GetMailboxUrl" at AddressBook;
    /// Where the address book is served.
    AddressBookUrl = "GetAddressBookUrl" at AddressBook;
}

impl RequestType {
    /// By the value of the header, if it may be asked for at `endpoint`.
    pub fn at(endpoint: Endpoint, text: &str) -> Option<Self> {
        let mut served = Self::ALL.iter().filter(|one| one.is_served_at(endpoint));
        served
            .find(|one| one.text().eq_ignore_ascii_case(text.trim()))
            .copied()
    }
}

/// How a request was taken: the value of `X-ResponseCode`. Source: [MS-OXCMAPIHTTP] 2.2.3.3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseCode {
    /// It was accepted; the body says what came of it.
    Success = 0,
    /// Something failed here.
    UnknownFailure = 1,
    /// Not POST.
    InvalidVerb = 2,
    /// Nothing is served there.
    InvalidPath = 3,
    /// A header's value can't be read.
    InvalidHeader = 4,
    /// `X-RequestType` is unknown at this endpoint.
    InvalidRequestType = 5,
    /// The session's cookie can't be read.
    InvalidContextCookie = 6,
    /// `X-RequestId` or `X-RequestType` is missing.
    MissingHeader = 7,
    /// Nobody signed in.
    AnonymousNotAllowed = 8,
    /// The body is longer than allowed.
    TooLarge = 9,
    /// There is no such session.
    ContextNotFound = 10,
    /// The session is another's.
    NoPrivilege = 11,
    /// The body can't be read.
    InvalidRequestBody = 12,
    /// The session's cookie is missing.
    MissingCookie = 13,
    /// Another request of the session is running, or one was left out.
    InvalidSequence = 15,
    /// Not served for this person.
    EndpointDisabled = 16,
    /// The answer can't be said.
    InvalidResponse = 17,
    /// The server is stopping.
    EndpointShuttingDown = 18,
}

impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (*self as u8).fmt(f)
    }
}

/// The number that counts the requests of a session: what stands behind the colon of
/// `X-RequestId` and `X-ClientInfo`.
///
/// `None` unless the value is `{GUID}:number` or `GUID:number`.
/// Source: [MS-OXCMAPIHTTP] 2.2.3.3.2.
pub fn counted_guid(value: &str) -> Option<u64> {
    let (guid, number) = value.trim().rsplit_once(':')?;
    let bare = guid
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .unwrap_or(guid);
    let is_group = |(group, size): (&str, usize)| {
        group.len() == size && group.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let groups: Vec<&str> = bare.split('-').collect();
    let is_guid =
        groups.len() == GUID_GROUPS.len() && groups.into_iter().zip(GUID_GROUPS).all(is_group);
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    (is_guid && is_number)
        .then(|| number.parse().ok())
        .flatten()
}

/// Digits of each group of a GUID.
const GUID_GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

/// The version of a client: `X-ClientApplication: Outlook/16.0.15928.20006`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientVersion(pub [u16; 4]);

impl ClientVersion {
    /// `None` unless four numbers stand behind a slash. Source: [MS-OXCMAPIHTTP] 2.2.3.3.7.
    pub fn parse(value: &str) -> Option<Self> {
        let (_, numbers) = value.trim().split_once('/')?;
        let mut parts = numbers.split('.').map(|part| part.parse().ok());
        let version = [(); 4].map(|()| parts.next().flatten());
        let [Some(major), Some(minor), Some(build), Some(revision)] = version else {
            return None;
        };
        parts
            .next()
            .is_none()
            .then_some(Self([major, minor, build, revision]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_known_only_where_it_is_served() {
        assert_eq!(
            RequestType::at(Endpoint::Mailbox, "connect"),
            Some(RequestType::Connect)
        );
        assert_eq!(RequestType::at(Endpoint::AddressBook, "Connect"), None);
        assert_eq!(
            RequestType::at(Endpoint::AddressBook, "DNToMId"),
            Some(RequestType::NameToMinimalId)
        );
        for endpoint in [Endpoint::Mailbox, Endpoint::AddressBook] {
            assert_eq!(RequestType::at(endpoint, "PING"), Some(RequestType::Ping));
            assert_eq!(RequestType::at(endpoint, "Nonsense"), None);
        }
    }

    #[test]
    fn request_ids_are_a_guid_and_a_number() {
        let guid = "E2EA6C1C-E61B-49E9-9CFB-38184F907552";
        assert_eq!(counted_guid(&format!("{{{guid}}}:17")), Some(17));
        assert_eq!(counted_guid(&format!("{guid}:17")), Some(17));
        for wrong in [
            "",
            ":",
            "17",
            "{1-2-3-4-5}:1",
            &format!("{guid}:-1"),
            &format!("{guid}:"),
        ] {
            assert_eq!(counted_guid(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn versions_of_clients_are_ordered() {
        let version = |text| ClientVersion::parse(text);
        assert_eq!(
            version("Outlook/16.0.15928.20006"),
            Some(ClientVersion([16, 0, 15928, 20006]))
        );
        assert!(version("Outlook/15.0.4551.1004") < version("Outlook/16.0.1.1"));
        assert_eq!(version("Outlook/16.0.1"), None);
        assert_eq!(version("Outlook"), None);
    }
}
