//! Autodiscover: where Outlook learns that its mailbox is here.
//!
//! Paths are compared without regard to case, as Outlook writes them in more ways than one.
//!
//! Source: [MS-OXDSCLI] 3.2.5; [MS-OXDISCO].

use super::super::exchange::{Broken, Request, Response, plain, reply};
use super::super::site::{self, Answering};
use super::Shared;
use crate::driver::pool::Lost;
use ::mapi::autodiscover::json::{self, Question};
use ::mapi::autodiscover::request::{Asked, REQUEST_BYTES_MAX};
use ::mapi::autodiscover::response::{self, Mailbox, SharedMailbox};
use ::mapi::autodiscover::{Refusal, request};
use ::mapi::identity;
use engine::directory::AccountKind;
use engine::{Account, AccountId, EngineError, Reading, Role, Timestamp, User};
use hyper::{Method, StatusCode};
use std::sync::Arc;

const XML: &str = "/autodiscover/autodiscover.xml";
const JSON: &str = "/autodiscover/autodiscover.json";
/// Header by which a client says that it speaks MAPI over HTTP. Source: [MS-OXDSCLI] 2.2.2.1.
const CAPABILITY: &str = "x-mapihttpcapability";
/// Bytes of an address or a protocol in a question.
const VALUE_BYTES_MAX: usize = 1024;
/// Shared mailboxes that Outlook is told to open along; it would open each at its start.
const SHARED_MAX: usize = 50;

/// The page.
pub struct Page(Arc<Shared>);

impl Page {
    /// With the addresses of this server.
    pub fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }
}

impl site::Page for Page {
    fn answer(&self, request: Request) -> Answering<'_> {
        Box::pin(async move {
            let path = request.path().to_ascii_lowercase();
            if path == XML {
                self.settings(request).await
            } else if path == JSON || path.starts_with(&format!("{JSON}/")) {
                self.place(&request)
            } else {
                plain(StatusCode::NOT_FOUND, "not found\n")
            }
        })
    }
}

impl Page {
    /// Where the settings are told: nobody needs to have signed in.
    fn place(&self, request: &Request) -> Response {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "GET only\n");
        }
        let query = request.query().unwrap_or_default();
        let in_path = request.path().rsplit_once('/').map(|(_, last)| last);
        let in_path = in_path
            .and_then(unescaped)
            .filter(|last| last.contains('@'));
        let address = parameter(query, "Email").or(in_path);
        let protocol = parameter(query, "Protocol");
        let question = Question {
            address: address.as_deref(),
            protocol: protocol.as_deref(),
        };
        let (status, body) = json::answer(question, &self.0.place.origin);
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        reply(status, "application/json; charset=utf-8", body)
    }

    /// The settings of a mailbox, for who has signed in.
    async fn settings(&self, mut request: Request) -> Response {
        let user = match self.0.door.user(&mut request).await {
            Ok(user) => user,
            Err(response) => return response,
        };
        if !matches!(*request.method(), Method::POST | Method::GET | Method::HEAD) {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "POST only\n");
        }
        let capability = request.headers().get(CAPABILITY);
        let capability = capability.and_then(|value| value.to_str().ok());
        let version = response::protocol_version(capability);
        let asked = match request.body.whole(REQUEST_BYTES_MAX).await {
            Ok(body) => request::read(&body),
            Err(Broken::TooLarge) => Err(Refusal::InvalidRequest),
            Err(broken) => return broken.response(),
        };
        let told = match asked {
            Ok(asked) => self.looked_up(user, asked).await,
            Err(refusal) => Err(refusal),
        };
        let document = match told {
            Ok((mailbox, shared)) => response::settings(&mailbox, &shared, &self.0.place, version),
            Err(refusal) => self.refused(refusal),
        };
        reply(StatusCode::OK, "text/xml; charset=utf-8", document)
    }

    async fn looked_up(
        &self,
        user: User,
        asked: Asked,
    ) -> Result<(Mailbox, Vec<SharedMailbox>), Refusal> {
        let shared = Arc::clone(&self.0);
        let owner = user.account;
        let job = move || look_up(&shared, &user, &asked);
        let found = self.0.surroundings.disk.run(Some(owner), job).await;
        match found {
            Ok(Ok(found)) => found.ok_or(Refusal::UnknownAddress),
            Ok(Err(error)) => {
                tracing::error!(%error, "settings could not be looked up");
                Err(Refusal::UnknownAddress)
            }
            Err(Lost) => Err(Refusal::UnknownAddress),
        }
    }

    fn refused(&self, refusal: Refusal) -> String {
        const DAY: i64 = 24 * 3600 * Timestamp::PER_SECOND;
        let time = self.0.engine.now().0.rem_euclid(DAY);
        let id = u32::from_le_bytes(self.0.engine.random());
        response::refusal(refusal, u64::try_from(time).unwrap_or_default(), id)
    }
}

type Found = Option<(Mailbox, Vec<SharedMailbox>)>;

/// One's own mailbox, or one of which one may see something.
fn look_up(shared: &Shared, user: &User, asked: &Asked) -> Result<Found, EngineError> {
    let directory = shared.engine.directory();
    let account = match asked {
        Asked::Address(address) => directory.sign_in_name(address)?.map(|entry| entry.account),
        Asked::LegacyName(name) => identity::account_of(name),
    };
    let Some(account) = account else {
        return Ok(None);
    };
    let own = shared.engine.account(user, shared.next_session());
    if account != user.account && !is_shown(&own, account)? {
        return Ok(None);
    }
    let Some(entry) = directory.account(account)? else {
        return Ok(None);
    };
    let record = &entry.record;
    let mailbox = Mailbox {
        display_name: identity::display_name(&record.display_name, &record.address),
        legacy_name: identity::legacy_name(account),
        address: record.address.clone(),
        mailbox_id: identity::mailbox_id(shared.server, account, &record.address),
    };
    let along = if account == user.account {
        opened_along(shared, &own)?
    } else {
        Vec::new()
    };
    Ok(Some((mailbox, along)))
}

/// Whether any folder of a mailbox is shown to this user.
fn is_shown(own: &Account, account: AccountId) -> Result<bool, EngineError> {
    match own.another(account) {
        Ok(other) => Ok(!other.read()?.all_folders()?.is_empty()),
        Err(EngineError::NoSuchAccount) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Mailboxes that nobody signs in to and whose Inbox this user sees.
fn opened_along(shared: &Shared, own: &Account) -> Result<Vec<SharedMailbox>, EngineError> {
    let mut along = Vec::new();
    for account in shared.engine.sharing_accounts(own)? {
        let Some(entry) = shared.engine.directory().account(account)? else {
            continue;
        };
        let is_mailbox = entry.record.kind == AccountKind::Shared;
        if !is_mailbox || along.len() == SHARED_MAX {
            continue;
        }
        let other = own.another(account)?;
        if other.read()?.folder_with_role(Role::Inbox)?.is_some() {
            let record = &entry.record;
            along.push(SharedMailbox {
                display_name: identity::display_name(&record.display_name, &record.address),
                address: record.address.clone(),
            });
        }
    }
    Ok(along)
}

/// The value of a parameter of the query, whose name is compared without regard to case.
fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(known, _)| known.eq_ignore_ascii_case(name));
    values.next().and_then(|(_, value)| unescaped(value))
}

/// A text with its escapes undone; none where they are wrong. A plus is a plus: it stands in
/// addresses, which clients do not escape. Source: RFC 3986 §2.1.
fn unescaped(text: &str) -> Option<String> {
    if text.len() > VALUE_BYTES_MAX {
        return None;
    }
    let mut bytes = Vec::new();
    let mut pieces = text.split('%');
    bytes.extend_from_slice(pieces.next().unwrap_or_default().as_bytes());
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        let is_number = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let byte = is_number.then(|| u8::from_str_radix(digits, 16).ok())??;
        bytes.push(byte);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_without_regard_to_case() {
        let query = "email=a%2Bb%40example.test&Protocol=AutodiscoverV1&x";
        assert_eq!(parameter(query, "Email").unwrap(), "a+b@example.test");
        assert_eq!(parameter(query, "Protocol").unwrap(), "AutodiscoverV1");
        assert_eq!(parameter(query, "RedirectCount"), None);
        assert_eq!(unescaped("a+b@x").unwrap(), "a+b@x");
        for wrong in ["%", "%4", "%zz", "%ff", "%é"] {
            assert_eq!(unescaped(wrong), None, "{wrong}");
        }
    }
}
