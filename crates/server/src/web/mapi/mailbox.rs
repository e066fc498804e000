//! What is spoken at the mailboxes' endpoint.
//!
//! Source: [MS-OXCMAPIHTTP] 2.2.4.

use super::Shared;
use super::endpoint::{Begun, News, Spoken};
use crate::driver::Surroundings;
use ::mapi::codec::transport::body::{
    Answer, ConnectRequest, DisconnectRequest, ExecuteRequest, NotificationWaitRequest,
    NotificationWaitResponse,
};
use ::mapi::codec::transport::header::{ClientVersion, Endpoint, RequestType, ResponseCode};
use ::mapi::codec::wire::{Form, Wire, decode, encode};
use ::mapi::connection;
use ::mapi::request::{Lists, Session};
use bytes::Bytes;
use engine::User;
use engine::examination::{Examination, Examine, Examined};
use std::fmt;
use std::sync::Arc;
use tokio::runtime::Handle;

/// Mailboxes, for whoever may open them.
pub struct Mailboxes {
    shared: Arc<Shared>,
    /// Sorted lists that all sessions use.
    lists: Arc<Lists>,
    examiner: Arc<dyn Examine>,
}

/// Waits for the examiners on a thread that may block, where all sessions are answered.
struct Waiting {
    surroundings: Arc<Surroundings>,
    runtime: Handle,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").finish_non_exhaustive()
    }
}

impl Examine for Waiting {
    fn examine(&self, letter: &Examination) -> Examined {
        self.runtime
            .block_on(self.surroundings.examiners.examine(letter))
    }
}

impl Mailboxes {
    /// All of this server; must be called where tasks can be started.
    pub fn new(shared: &Arc<Shared>) -> Self {
        let waiting = Waiting {
            surroundings: Arc::clone(&shared.surroundings),
            runtime: Handle::current(),
        };
        Self {
            shared: Arc::clone(shared),
            lists: Arc::default(),
            examiner: Arc::new(waiting),
        }
    }
}

/// What is asked for.
pub enum Request {
    Connect(ConnectRequest),
    Execute(ExecuteRequest),
    Disconnect,
    NotificationWait,
}

/// The body of a response.
fn body<T: Wire>(said: T) -> Result<Vec<u8>, ResponseCode> {
    written(&Answer::Said(said))
}

fn written<T: Wire>(answer: &Answer<T>) -> Result<Vec<u8>, ResponseCode> {
    encode(answer, Form::Rop).map_err(|_| ResponseCode::InvalidResponse)
}

impl Spoken for Mailboxes {
    type Session = Session;
    type Request = Request;
    const ENDPOINT: Endpoint = Endpoint::Mailbox;

    fn read(kind: RequestType, body: &[u8]) -> Option<Request> {
        match kind {
            RequestType::Connect => decode(body, Form::Rop).map(Request::Connect).ok(),
            RequestType::Execute => decode(body, Form::Rop).map(Request::Execute).ok(),
            RequestType::Disconnect => {
                let read = decode::<DisconnectRequest>(body, Form::Rop);
                read.map(|_| Request::Disconnect).ok()
            }
            RequestType::NotificationWait => {
                let read = decode::<NotificationWaitRequest>(body, Form::Rop);
                read.map(|_| Request::NotificationWait).ok()
            }
            _ => None,
        }
    }

    fn begin(
        &self,
        request: Request,
        user: &User,
        client: Option<ClientVersion>,
    ) -> Result<Begun<Session>, ResponseCode> {
        let Request::Connect(request) = request else {
            return Err(ResponseCode::InvalidRequestType);
        };
        let own = self.shared.engine.account(user, self.shared.next_session());
        let begun = connection::connect(&request, user, own, self.shared.server);
        let (response, session) = begun.map_err(|error| {
            tracing::error!(%error, user = %user.address, "a session could not begin");
            ResponseCode::UnknownFailure
        })?;
        let session = session.map(|session| {
            let session = session.sharing(&self.lists).with_client(client);
            session.examined_by(Arc::clone(&self.examiner))
        });
        Ok((body(response)?, session))
    }

    fn answer(&self, session: &mut Session, request: Request) -> Result<Vec<u8>, ResponseCode> {
        match request {
            Request::Execute(request) => written(&session.execute(&request)),
            _ => Err(ResponseCode::InvalidRequestType),
        }
    }

    fn said(&self, request: Request, is_pending: bool) -> Result<Vec<u8>, ResponseCode> {
        match request {
            Request::Disconnect => body(connection::disconnected()),
            Request::NotificationWait => body(NotificationWaitResponse {
                error_code: 0,
                event_pending: is_pending.into(),
                auxiliary: Bytes::new(),
            }),
            Request::Connect(_) | Request::Execute(_) => Err(ResponseCode::InvalidRequestType),
        }
    }

    fn news(session: &mut Session) -> Result<News, ResponseCode> {
        let watches = session.watches();
        let is_pending = session.has_news();
        Ok(News {
            is_pending: is_pending.map_err(|_| ResponseCode::UnknownFailure)?,
            watches,
        })
    }
}
