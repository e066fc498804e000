//! HTTPS: a connection, its requests, and who answers them.
//!
//! HTTP/1.1 and HTTP/2 in TLS, never in clear. What comes is bounded in bytes and in time, and what
//! is sent must be taken in time. Knows nothing of what it carries: a protocol is put on it as a
//! [`site::Page`] at its paths, in [`site::usual`].
//!
//! Start at [`converse`] for a connection, at [`Site`] for who answers what, at
//! [`exchange::Request`] for what a page gets.
//!
//! Standards: RFC 9110 (HTTP), RFC 9112 (HTTP/1.1), RFC 9113 (HTTP/2), RFC 7301 (ALPN).

pub mod autoconfig;
pub mod exchange;
pub mod health;
pub mod mapi;
pub mod mta_sts;
pub mod sign_in;
pub mod site;
mod stall;

pub use exchange::Request;
pub use site::Site;

use crate::driver::Surroundings;
use crate::driver::tls::{self, Alpn};
use crate::metrics::ServiceMetrics;
use engine::dialogue::Peer;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use stall::Stalling;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// How long a request's header may take, and a connection may wait for its next request.
const HEADER: Duration = Duration::from_secs(30);
/// How long what we send may lie unread before the connection is given up.
const SEND_STALL: Duration = Duration::from_mins(1);
/// Bytes of a request's header; browsers with their cookies stay below 16 KiB.
const HEADER_BYTES_MAX: usize = 64 * 1024;
/// Requests at the same time on one HTTP/2 connection (RFC 9113 §6.5.2: at least 100).
const STREAMS_MAX: u32 = 100;
/// How often a silent HTTP/2 connection is asked whether it is still there.
const PING: Duration = Duration::from_mins(1);
/// How long requests under way may take once the server stops.
const FAREWELL: Duration = Duration::from_secs(8);

/// Serves one connection until it ends.
pub async fn converse(
    stream: TcpStream,
    peer: Peer,
    site: Arc<Site>,
    counters: Arc<ServiceMetrics>,
    surroundings: Arc<Surroundings>,
) {
    let offer = surroundings.certificates.offer(Alpn::Web);
    let handshake = TlsAcceptor::from(Arc::clone(&offer.config)).accept(stream);
    let Ok(Ok(stream)) = timeout(surroundings.handshake, handshake).await else {
        return counters.event("tls failed");
    };
    let facts = tls::facts(stream.get_ref().1, &offer);
    let peer = Peer {
        tls: Some(facts),
        ..peer
    };
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (site, peer) = (Arc::clone(&site), peer.clone());
        async move { Ok::<_, Infallible>(site.answer(Request::received(request, peer)).await) }
    });
    let builder = builder();
    let stream = TokioIo::new(Stalling::new(stream, SEND_STALL));
    let connection = builder.serve_connection(stream, service);
    tokio::pin!(connection);
    let mut stopping = surroundings.stopping.clone();
    tokio::select! {
        outcome = connection.as_mut() => return told(outcome),
        // The sender lives as long as the server; its end is a stop too.
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(FAREWELL, connection).await;
}

/// A client that breaks off concerns only who looks for a fault.
fn told(outcome: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = outcome {
        tracing::debug!(%error, "an HTTP connection broke off");
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    let mut one = builder.http1();
    one.timer(TokioTimer::new())
        .header_read_timeout(HEADER)
        .max_buf_size(HEADER_BYTES_MAX);
    let mut two = builder.http2();
    two.timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(HEADER_BYTES_MAX).unwrap_or(u32::MAX))
        .keep_alive_interval(PING)
        .keep_alive_timeout(HEADER);
    builder
}

#[cfg(test)]
mod tests;
