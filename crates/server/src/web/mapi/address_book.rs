//! What is spoken at the address book's endpoint.
//!
//! Source: [MS-OXCMAPIHTTP] 2.2.5.

use super::Shared;
use super::endpoint::{Begun, News, Spoken};
use ::mapi::address_book::{self, Session};
use ::mapi::codec::nspi::{Request, Response};
use ::mapi::codec::transport::header::{ClientVersion, Endpoint, RequestType, ResponseCode};
use engine::User;
use std::sync::Arc;

/// The address book, as each user may see it.
pub struct AddressBook(Arc<Shared>);

impl AddressBook {
    /// That of this server.
    pub fn new(shared: &Arc<Shared>) -> Self {
        Self(Arc::clone(shared))
    }
}

fn body(response: &Response) -> Result<Vec<u8>, ResponseCode> {
    response.write().map_err(|_| ResponseCode::InvalidResponse)
}

impl Spoken for AddressBook {
    type Session = Session;
    type Request = Request;
    const ENDPOINT: Endpoint = Endpoint::AddressBook;

    fn read(kind: RequestType, body: &[u8]) -> Option<Request> {
        Request::read(kind, body).ok()
    }

    fn begin(
        &self,
        request: Request,
        user: &User,
        _: Option<ClientVersion>,
    ) -> Result<Begun<Session>, ResponseCode> {
        let Request::Bind(request) = request else {
            return Err(ResponseCode::InvalidRequestType);
        };
        let shared = &self.0;
        let (engine, server) = (&shared.engine, shared.server);
        let (response, session) = address_book::bind(&request, user, engine, server, &shared.place);
        Ok((body(&response)?, session))
    }

    fn answer(&self, session: &mut Session, request: Request) -> Result<Vec<u8>, ResponseCode> {
        let answered = session.answer(&request).map_err(|error| {
            tracing::error!(%error, "the address book could not be read");
            ResponseCode::UnknownFailure
        })?;
        body(&answered)
    }

    fn said(&self, _: Request, _: bool) -> Result<Vec<u8>, ResponseCode> {
        body(&address_book::unbound())
    }

    /// Nobody waits for news of the address book.
    fn news(_: &mut Session) -> Result<News, ResponseCode> {
        Ok(News {
            is_pending: false,
            watches: Vec::new(),
        })
    }
}
