//! A place that requests go to: who asks, in which session, and the answer on its way.
//!
//! A session is used by one request at a time, and one may wait for news beside it. The work goes
//! where it may take long, and goes on when the client breaks off: a session is never lost with its
//! connection.
//!
//! Start at [`Page`]; what is spoken there is a [`Spoken`].
//!
//! Source: [MS-OXCMAPIHTTP] 3.1.5, 3.2.5.

use super::super::exchange::{Broken, Request, Response};
use super::super::site::{self, Answering};
use super::frame::{Frame, PENDING_PERIOD};
use super::{Shared, head, waiting};
use crate::driver::pool::Lost;
use ::mapi::codec::transport::framing;
use ::mapi::codec::transport::header::{ClientVersion, Endpoint, RequestType, ResponseCode};
use ::mapi::contexts::{Contexts, Cookies};
use bytes::Bytes;
use engine::{User, Watch};
use parking_lot::Mutex;
use std::future::Future;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::sleep;

/// Bytes of a request's body: the longest Execute carries 256 KiB, the longest list of names in the
/// address book less.
const BODY_BYTES_MAX: usize = 512 * 1024;
/// Pieces of an answer that wait for the client: it has at most one sign of life to come.
const PIECES_WAITING: usize = 2;
/// How often sessions are looked for of which nothing is heard any more.
const SWEEP: Duration = Duration::from_mins(1);

/// A session begun, if it was, and what is said.
pub type Begun<S> = (Vec<u8>, Option<S>);

/// Whether something happened, and what wakes who wants to know.
pub struct News {
    /// Something did.
    pub is_pending: bool,
    /// Made before it was looked.
    pub watches: Vec<Watch>,
}

/// What is spoken at an endpoint.
pub trait Spoken: Send + Sync + 'static {
    /// What a client has open.
    type Session: Send + 'static;
    /// What it asks for.
    type Request: Send + 'static;
    /// Which endpoint.
    const ENDPOINT: Endpoint;

    /// Reads the body of a request; none where it can't be read.
    fn read(kind: RequestType, body: &[u8]) -> Option<Self::Request>;

    /// Begins a session, with a client of that version.
    fn begin(
        &self,
        request: Self::Request,
        user: &User,
        client: Option<ClientVersion>,
    ) -> Result<Begun<Self::Session>, ResponseCode>;

    /// Answers a request within a session.
    fn answer(
        &self,
        session: &mut Self::Session,
        request: Self::Request,
    ) -> Result<Vec<u8>, ResponseCode>;

    /// What is said to who asks for nothing more than to end, or to wait.
    fn said(&self, request: Self::Request, is_pending: bool) -> Result<Vec<u8>, ResponseCode>;

    /// Looks for what a client that waits is to be told.
    fn news(session: &mut Self::Session) -> Result<News, ResponseCode>;
}

/// A session, and what those do who want it at the same time.
pub struct Desk<S> {
    pub session: Mutex<S>,
    /// Rung when the session was used or has ended.
    pub bell: Notify,
    /// How many have waited here; only the last still does.
    pub waits: AtomicU64,
}

/// All sessions of an endpoint.
pub type Desks<S> = Mutex<Contexts<Arc<Desk<S>>>>;

/// What all requests to an endpoint share.
pub struct Counter<P: Spoken> {
    pub spoken: P,
    pub shared: Arc<Shared>,
    pub desks: Desks<P::Session>,
}

/// The page.
pub struct Page<P: Spoken>(Arc<Counter<P>>);

/// What kind of thing is asked for.
enum Part {
    Begin,
    Work,
    Wait,
    Ping,
    End,
}

impl Part {
    fn of(kind: RequestType) -> Self {
        match kind {
            RequestType::Connect | RequestType::Bind => Self::Begin,
            RequestType::Disconnect | RequestType::Unbind => Self::End,
            RequestType::NotificationWait => Self::Wait,
            RequestType::Ping => Self::Ping,
            _ => Self::Work,
        }
    }
}

/// A request that was let in.
pub struct Admitted<R> {
    pub user: User,
    pub frame: Frame,
    pub cookies: Cookies,
    pub request: R,
}

impl<P: Spoken> Page<P> {
    /// The page of what is spoken; must be called where tasks can be started.
    pub fn new(spoken: P, shared: &Arc<Shared>) -> Self {
        let counter = Arc::new(Counter {
            spoken,
            shared: Arc::clone(shared),
            desks: Mutex::new(Contexts::new(shared.settings.session_seconds())),
        });
        tokio::spawn(sweep(Arc::downgrade(&counter)));
        Self(counter)
    }
}

/// Forgets idle sessions until there is no page any more.
async fn sweep<P: Spoken>(counter: Weak<Counter<P>>) {
    loop {
        sleep(SWEEP).await;
        let Some(counter) = counter.upgrade() else {
            return;
        };
        let now = counter.shared.engine.now();
        counter.desks.lock().forget_idle(now);
    }
}

impl<P: Spoken> site::Page for Page<P> {
    fn answer(&self, mut request: Request) -> Answering<'_> {
        Box::pin(async move {
            let shared = &self.0.shared;
            let user = match shared.door.user(&mut request).await {
                Ok(user) => user,
                Err(response) => return response,
            };
            let frame = Frame::of(&request, shared.engine.now())
                .with_idle_seconds(shared.settings.session_seconds());
            let refused = frame.clone();
            let taken = take(&self.0, request, user, frame).await;
            taken.unwrap_or_else(|code| refused.refused(code))
        })
    }
}

/// Looks at a request from the outside in, and does what it asks for.
async fn take<P: Spoken>(
    counter: &Arc<Counter<P>>,
    request: Request,
    user: User,
    frame: Frame,
) -> Result<Response, ResponseCode> {
    let kind = head::request_type(&request, P::ENDPOINT);
    let cookies = head::cookies(&request);
    let client = head::client(&request);
    let body = request.body.whole(BODY_BYTES_MAX).await;
    // Only now, so that the client has sent all and hears what was wrong.
    let kind = kind?;
    if counter.shared.is_stopping() {
        return Err(ResponseCode::EndpointShuttingDown);
    }
    let body = body.map_err(broken)?;
    let read = || P::read(kind, &body).ok_or(ResponseCode::InvalidRequestBody);
    let part = Part::of(kind);
    match part {
        Part::Begin => {
            let before = cookies.ok();
            return begin(counter, (read()?, client), user, frame, before).await;
        }
        Part::Ping => return counter.ping(&user, &frame, cookies),
        Part::Work | Part::Wait | Part::End => {}
    }
    let admitted = Admitted {
        cookies: cookies?,
        request: read()?,
        user,
        frame,
    };
    match part {
        Part::End => counter.end(admitted),
        Part::Wait => waiting::wait(counter, admitted),
        Part::Work | Part::Begin | Part::Ping => work(counter, admitted),
    }
}

fn broken(broken: Broken) -> ResponseCode {
    match broken {
        Broken::TooLarge => ResponseCode::TooLarge,
        Broken::Slow | Broken::Gone => ResponseCode::InvalidRequestBody,
    }
}

/// Begins a session, in place of the one that the client names, if it names one.
async fn begin<P: Spoken>(
    counter: &Arc<Counter<P>>,
    (request, client): (P::Request, Option<ClientVersion>),
    user: User,
    frame: Frame,
    before: Option<Cookies>,
) -> Result<Response, ResponseCode> {
    let (account, address) = (user.account, user.address.clone());
    let ours = Arc::clone(counter);
    let job = move || ours.spoken.begin(request, &user, client);
    let pool = &counter.shared.surroundings.disk;
    let begun = pool.run(Some(account), job).await;
    let (body, session) = begun.unwrap_or_else(|Lost| Err(ResponseCode::UnknownFailure))?;
    let now = counter.shared.engine.now();
    let cookies = session.map(|session| {
        let desk = Arc::new(Desk {
            session: Mutex::new(session),
            bell: Notify::new(),
            waits: AtomicU64::new(0),
        });
        let random = counter.shared.engine.random();
        let mut desks = counter.desks.lock();
        desks.begin(account, before, desk, random, now)
    });
    let cookies = cookies.transpose()?;
    if cookies.is_some() {
        tracing::info!(service = "mapi", user = %address, endpoint = ?P::ENDPOINT, "signed in");
    }
    let fields = cookies.map(|given| given.fields(P::ENDPOINT));
    Ok(frame.ready(fields, &body, now))
}

/// Answers within a session. The client hears at once that it is being worked on.
fn work<P: Spoken>(
    counter: &Arc<Counter<P>>,
    admitted: Admitted<P::Request>,
) -> Result<Response, ResponseCode> {
    let Admitted {
        user,
        frame,
        cookies,
        request,
    } = admitted;
    let now = counter.shared.engine.now();
    let (desk, next) = counter.desks.lock().claim(cookies, user.account, now)?;
    let (give, take) = mpsc::channel(PIECES_WAITING);
    let response = frame.streamed(next.fields(P::ENDPOINT), take);
    let ours = Arc::clone(counter);
    tokio::spawn(async move {
        let (used, spoken) = (Arc::clone(&desk), Arc::clone(&ours));
        let job = move || spoken.spoken.answer(&mut used.session.lock(), request);
        let pool = &ours.shared.surroundings.disk;
        let answered = patiently(pool.run(Some(user.account), job), &give).await;
        let now = ours.shared.engine.now();
        let answered = if let Ok(answered) = answered {
            ours.desks.lock().release(next, now);
            answered
        } else {
            // Whatever it has left open is not to be trusted.
            ours.desks.lock().abandon(next);
            Err(ResponseCode::UnknownFailure)
        };
        desk.bell.notify_waiters();
        let body = answered.as_deref().map_err(|code| *code);
        // A client that is gone asks again.
        let _ = give.send(frame.done(body, now)).await;
    });
    Ok(response)
}

/// Gives signs of life until something is done.
async fn patiently<T>(done: impl Future<Output = T>, give: &mpsc::Sender<Bytes>) -> T {
    // There is room for the first; the client may be gone by any later one.
    let _ = give.try_send(Bytes::from_static(framing::PROCESSING));
    tokio::pin!(done);
    loop {
        tokio::select! {
            done = &mut done => return done,
            () = sleep(PENDING_PERIOD) => {
                let _ = give.try_send(Bytes::from_static(framing::PENDING));
            }
        }
    }
}

impl<P: Spoken> Counter<P> {
    /// Keeps a session alive, if the client names one.
    fn ping(
        &self,
        user: &User,
        frame: &Frame,
        cookies: Result<Cookies, ResponseCode>,
    ) -> Result<Response, ResponseCode> {
        let now = self.shared.engine.now();
        let next = match cookies {
            Ok(cookies) => {
                let mut desks = self.desks.lock();
                let (_, next) = desks.begin_beside(cookies, user.account, now)?;
                desks.end_beside(next, now);
                Some(next)
            }
            Err(ResponseCode::MissingCookie) => None,
            Err(code) => return Err(code),
        };
        let fields = next.map(|given| given.fields(P::ENDPOINT));
        Ok(frame.ready(fields, &[], now))
    }

    fn end(&self, admitted: Admitted<P::Request>) -> Result<Response, ResponseCode> {
        let now = self.shared.engine.now();
        let (cookies, owner) = (admitted.cookies, admitted.user.account);
        let mut desks = self.desks.lock();
        let (desk, _) = desks.begin_beside(cookies, owner, now)?;
        desks.end(cookies, owner);
        drop(desks);
        desk.bell.notify_waiters();
        let body = self.spoken.said(admitted.request, false)?;
        Ok(admitted.frame.ready(None, &body, now))
    }
}
