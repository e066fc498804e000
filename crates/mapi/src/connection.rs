//! The beginning and the end of a session with mailboxes.
//!
//! Start at [`connect`].
//!
//! Source: [MS-OXCMAPIHTTP] 2.2.4.1, 2.2.4.3; [MS-OXCRPC] 3.1.4.1 (what is checked), 3.1.4.1.2
//! (what the server tells besides).

use crate::codec::data::Guid;
use crate::codec::transport::auxiliary::{self, Block};
use crate::codec::transport::body::{ConnectRequest, ConnectResponse, DisconnectResponse};
use crate::identity;
use crate::refusal::Refusal;
use crate::request::Session;
use bytes::Bytes;
use engine::{Account, EngineError, User};

/// How often a client that can't wait for notifications should ask, in milliseconds.
const POLLS_MAX_MILLISECONDS: u32 = 60_000;
/// How often a client tries again when the server is too busy, and after how many milliseconds.
const RETRY_COUNT: u32 = 6;
const RETRY_DELAY_MILLISECONDS: u32 = 10_000;
/// The client asks for an administrator's rights. Source: [MS-OXCRPC] 3.1.4.1.
const AS_ADMINISTRATOR: u32 = 1;
/// All mailboxes are reached at this one endpoint. Source: [MS-OXCRPC] 2.2.2.2.20.
const SINGLE_ENDPOINT: u32 = 1;

/// Begins a session for someone who has signed in, or says why not; the response is sent either way.
///
/// `own` is the mailbox of who signed in. Errors: of the store.
pub fn connect(
    request: &ConnectRequest,
    user: &User,
    own: Account,
    server: Guid,
) -> Result<(ConnectResponse, Option<Session>), EngineError> {
    let refusal = refusal(request, user);
    let entry = own.engine().directory().account(user.account)?;
    let display_name = entry.map_or_else(String::new, |entry| {
        identity::display_name(&entry.record.display_name, &entry.record.address)
    });
    let response = ConnectResponse {
        error_code: refusal.map_or(0, Refusal::code),
        polls_max_milliseconds: POLLS_MAX_MILLISECONDS,
        retry_count: RETRY_COUNT,
        retry_delay_milliseconds: RETRY_DELAY_MILLISECONDS,
        name_prefix: "".into(),
        display_name,
        auxiliary: what_there_is(),
    };
    let session = refusal
        .is_none()
        .then(|| Session::new(own, server, request));
    Ok((response, session))
}

/// Source: [MS-OXCRPC] 3.1.4.1 (`szUserDN` must be that of who signed in).
fn refusal(request: &ConnectRequest, user: &User) -> Option<Refusal> {
    let name = str::from_utf8(&request.user_name.0).unwrap_or_default();
    match identity::account_of(name) {
        None if name.is_empty() => Some(Refusal::AccessDenied),
        None => Some(Refusal::UnknownUser),
        Some(account) if account != user.account => Some(Refusal::AccessDenied),
        Some(_) if request.flags & AS_ADMINISTRATOR != 0 && !user.administrator => {
            Some(Refusal::LoginPermission)
        }
        Some(_) => None,
    }
}

/// No public folders: a client that is not told looks for them. Nothing but what every server can.
fn what_there_is() -> Bytes {
    let blocks = [
        Block::organization(0),
        Block::endpoint_capabilities(SINGLE_ENDPOINT),
        Block::server_capabilities(0),
    ];
    // Three blocks of eight bytes are never too long.
    auxiliary::write(&blocks).unwrap_or_default().into()
}

/// What is said when a session ends.
pub fn disconnected() -> DisconnectResponse {
    DisconnectResponse {
        error_code: 0,
        auxiliary: Bytes::new(),
    }
}
