//! One request and its answer, as pages see them.
//!
//! Start at [`Request`] and [`Response`].
//!
//! Source: RFC 9110.

use bytes::{Bytes, BytesMut};
use engine::dialogue::Peer;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long the next bytes of a request's body may take.
const BODY_STALL: Duration = Duration::from_secs(30);
/// Bytes that are read and thrown away of a body that is too long: who is cut off while sending
/// does not hear why.
const DISCARDED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A request.
pub struct Request {
    head: Parts,
    /// Its body, not yet read.
    pub body: Body,
    /// Who sent it, over which encryption.
    pub peer: Peer,
}

/// The body of a request, which comes in pieces.
pub struct Body(Source);

enum Source {
    Network(Incoming),
    /// What is already here.
    #[cfg(test)]
    Here(Option<Bytes>),
}

/// Why a body cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// It is longer than allowed.
    TooLarge,
    /// Nothing came for too long.
    Slow,
    /// The connection broke.
    Gone,
}

impl Request {
    /// A request from the network.
    pub(super) fn received(request: hyper::Request<Incoming>, peer: Peer) -> Self {
        let (head, body) = request.into_parts();
        let body = Body(Source::Network(body));
        Self { head, body, peer }
    }

    /// A request whose body is already here.
    #[cfg(test)]
    pub fn whole(request: hyper::Request<Bytes>, peer: Peer) -> Self {
        let (head, body) = request.into_parts();
        let body = Body(Source::Here(Some(body)));
        Self { head, body, peer }
    }

    /// What is to be done.
    pub fn method(&self) -> &Method {
        &self.head.method
    }

    /// The path as it came, without the query; escapes are not undone.
    pub fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// What stands behind the question mark.
    pub fn query(&self) -> Option<&str> {
        self.head.uri.query()
    }

    /// The host that is asked, in lower case and without port; empty when the client says none.
    ///
    /// Source: RFC 9110 §7.2, RFC 9113 §8.3.1 (`:authority`).
    pub fn host(&self) -> String {
        let named = self
            .head
            .uri
            .authority()
            .map(hyper::http::uri::Authority::as_str);
        let named = named.or_else(|| self.header(&HOST)).unwrap_or_default();
        let port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let host = match named.rsplit_once(':') {
            Some((host, behind)) if port(behind) => host,
            _ => named,
        };
        host.trim_end_matches('.').to_ascii_lowercase()
    }

    /// A field of the header, where it is text.
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// All of the header.
    pub fn headers(&self) -> &hyper::HeaderMap {
        &self.head.headers
    }
}

impl Body {
    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Broken> {
        match &mut self.0 {
            #[cfg(test)]
            Source::Here(bytes) => Ok(bytes.take().filter(|bytes| !bytes.is_empty())),
            Source::Network(incoming) => {
                let next = timeout(BODY_STALL, piece(incoming)).await;
                next.unwrap_or(Err(Broken::Slow))
            }
        }
    }

    /// All of it, if it has at most so many bytes. What it says of its own length is not believed.
    pub async fn whole(mut self, bytes_max: usize) -> Result<Bytes, Broken> {
        let mut all = BytesMut::new();
        while let Some(piece) = self.next().await? {
            if all.len().saturating_add(piece.len()) > bytes_max {
                self.discard().await?;
                return Err(Broken::TooLarge);
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }

    /// Reads it without keeping it, so that the client hears the answer and the connection can be
    /// used again; gives up on one that is very long.
    pub async fn discard(&mut self) -> Result<(), Broken> {
        let mut discarded = 0_usize;
        while let Some(piece) = self.next().await? {
            discarded = discarded.saturating_add(piece.len());
            if discarded > DISCARDED_BYTES_MAX {
                break;
            }
        }
        Ok(())
    }
}

/// The next piece of data; trailers are passed over.
async fn piece(incoming: &mut Incoming) -> Result<Option<Bytes>, Broken> {
    loop {
        let frame = poll_fn(|context| Pin::new(&mut *incoming).poll_frame(context)).await;
        match frame {
            None => return Ok(None),
            Some(Err(_)) => return Err(Broken::Gone),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

impl Broken {
    /// What the client hears.
    pub fn response(self) -> Response {
        match self {
            Self::TooLarge => plain(StatusCode::PAYLOAD_TOO_LARGE, "too large\n"),
            Self::Slow | Self::Gone => plain(StatusCode::REQUEST_TIMEOUT, "too slow\n"),
        }
    }
}

/// An answer.
pub type Response = hyper::Response<Content>;

/// The body of an answer.
pub enum Content {
    /// All of it at once.
    Whole(Option<Bytes>),
    /// Piece by piece; the end of the channel is the end of the body. Its bound holds back who
    /// writes faster than the client reads.
    Pieces(mpsc::Receiver<Bytes>),
}

impl hyper::body::Body for Content {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let next = match self.get_mut() {
            Self::Whole(bytes) => bytes.take(),
            Self::Pieces(pieces) => ready!(pieces.poll_recv(context)),
        };
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Pieces(_) => SizeHint::default(),
        }
    }
}

/// An answer that is all here.
pub fn reply(status: StatusCode, kind: &'static str, bytes: impl Into<Bytes>) -> Response {
    let bytes: Bytes = bytes.into();
    let content = Content::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()));
    with_kind(status, kind, content)
}

/// An answer that comes piece by piece.
pub fn stream(status: StatusCode, kind: &'static str, pieces: mpsc::Receiver<Bytes>) -> Response {
    with_kind(status, kind, Content::Pieces(pieces))
}

/// A line of text.
pub fn plain(status: StatusCode, line: &'static str) -> Response {
    reply(status, "text/plain; charset=utf-8", line)
}

fn with_kind(status: StatusCode, kind: &'static str, content: Content) -> Response {
    let mut response = Response::new(content);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
