//! One connection to another server: the socket below the pure dialogue of [`smtp::client`].
//!
//! Start at [`Connection::open`], then [`Connection::send`] for each letter.

use super::candidates::Candidate;
use super::demand::Demand;
use super::observing::result_of;
use super::settings::Encryption;
use super::tls::{Keys, server_name};
use bytes::Bytes;
use engine::queue::{Reason, Status, Verdict};
use smtp::client::{Client, Credentials, Dialect, Input, Manner, Message, Output, Tls};
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How long a host may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(30);
/// How long TLS may take to be set up.
const HANDSHAKE: Duration = Duration::from_mins(1);
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(5);
/// Bytes read at a time; replies are short.
const READ_BYTES: usize = 4 * 1024;
/// Bytes that are put together for one write.
const GATHER_BYTES_MAX: usize = 64 * 1024;

/// How to connect.
#[derive(Debug, Clone)]
pub struct Terms {
    /// What we call ourselves.
    pub hello: String,
    /// Which protocol.
    pub dialect: Dialect,
    /// Name and password.
    pub credentials: Option<Credentials>,
    /// Addresses of ours to connect from.
    pub sources: Vec<IpAddr>,
}

/// What became of encryption; kept for the report to the other domain (RFC 8460 §4.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encrypted {
    /// With this version and cipher.
    Yes(String),
    /// It was not offered or not wanted.
    No,
    /// It failed for this reason, and the letter went without.
    Failed(TlsFailure),
}

/// Why encryption failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFailure {
    /// A word of RFC 8460 §4.3.
    pub result: &'static str,
    /// The error.
    pub why: String,
}

impl std::fmt::Display for Encrypted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Yes(how) => f.write_str(how),
            Self::No => f.write_str("none"),
            Self::Failed(failure) => write!(f, "none: {}", failure.why),
        }
    }
}

/// Where a letter's bytes come from, piece by piece.
pub trait Pieces: Send {
    /// The next piece, and whether it is the last.
    fn next(&mut self) -> NextPiece<'_>;
}

/// A piece that is being read.
pub type NextPiece<'a> = Pin<Box<dyn Future<Output = Result<(Bytes, bool), String>> + Send + 'a>>;

/// An open connection that can take letters.
pub struct Connection {
    stream: Stream,
    client: Client,
    /// Name and address of the other server.
    pub host: String,
    /// What became of encryption.
    pub encrypted: Encrypted,
    /// Why it is not proven as its domain wants it, where that did not matter.
    pub unproven: Option<TlsFailure>,
    /// The address of this machine that it comes from.
    pub source: Option<IpAddr>,
    /// Letters that went over it.
    pub letters: u32,
    closed: bool,
}

/// Why there is no connection.
#[derive(Debug)]
pub struct NoConnection {
    /// What is told.
    pub reason: Reason,
    /// Encryption failed on the way; without it there might be a connection.
    pub tls_failed: Option<TlsFailure>,
    /// The address of this machine that it was tried from, once it is known.
    pub source: Option<IpAddr>,
}

impl NoConnection {
    fn because(status: Status, why: &str) -> Self {
        Self {
            reason: Reason {
                status,
                reply: Some(why.to_owned()),
            },
            tls_failed: None,
            source: None,
        }
    }
}

enum Stream {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
    Gone,
}

/// Anything that bytes go through both ways.
trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

impl Stream {
    fn both_ways(&mut self) -> io::Result<&mut dyn Duplex> {
        match self {
            Self::Tcp(stream) => Ok(stream),
            Self::Tls(stream) => Ok(stream.as_mut()),
            Self::Unix(stream) => Ok(stream),
            Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

/// What a step of the dialogue led to.
enum Event {
    Ready,
    Pull,
    Finished(Vec<Verdict>),
    Failed(Reason),
}

impl Connection {
    /// Connects to one address and leads the dialogue until a letter can be taken.
    ///
    /// Where less than what failed will do, a second connection is tried with that.
    pub async fn open(
        candidate: &Candidate,
        terms: &Terms,
        keys: &Keys,
        demand: &Demand,
    ) -> Result<Self, NoConnection> {
        let mut demand = demand.clone();
        let mut failed: Option<TlsFailure> = None;
        loop {
            let none = match Self::connect(candidate, terms, keys, &demand).await {
                Ok(mut connection) => {
                    // Also where a weaker proof would do: what was wanted failed.
                    if let Some(failure) = failed {
                        connection.unproven = Some(failure.clone());
                        if connection.encrypted == Encrypted::No {
                            connection.encrypted = Encrypted::Failed(failure);
                        }
                    }
                    return Ok(connection);
                }
                Err(none) => none,
            };
            let (Some(failure), Some(weaker)) = (&none.tls_failed, demand.weaker()) else {
                return Err(none);
            };
            let why = &failure.why;
            tracing::warn!(host = candidate.host, why, by = demand.by, "TLS failed");
            failed.get_or_insert_with(|| failure.clone());
            demand = weaker;
        }
    }

    async fn connect(
        candidate: &Candidate,
        terms: &Terms,
        keys: &Keys,
        demand: &Demand,
    ) -> Result<Self, NoConnection> {
        let stream = tcp(candidate, &terms.sources)
            .await
            .map_err(|error| NoConnection::because(Status::NO_ANSWER, &error.to_string()))?;
        let source = stream.local_addr().ok().map(|local| local.ip());
        let host = format!("{} [{}]", candidate.host, candidate.address.ip());
        let mut connection = Self::new(Stream::Tcp(stream), host, terms, demand.encryption);
        connection.source = source;
        let met = connection.meet(&candidate.host, keys, demand).await;
        met.map_err(|none| NoConnection { source, ..none })?;
        Ok(connection)
    }

    /// Encrypts at once, if that is to be, and leads the dialogue up to the first letter.
    async fn meet(&mut self, host: &str, keys: &Keys, demand: &Demand) -> Result<(), NoConnection> {
        if demand.encryption == Encryption::Immediate {
            self.encrypt(host, keys, demand).await?;
        }
        self.greet(host, keys, demand).await
    }

    /// Connects to a socket of this machine.
    pub async fn open_socket(
        path: &Path,
        terms: &Terms,
        keys: &Keys,
    ) -> Result<Self, NoConnection> {
        let stream = timeout(CONNECT, UnixStream::connect(path))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(|error| NoConnection::because(Status::NO_ANSWER, &error.to_string()))?;
        let host = path.display().to_string();
        let mut connection = Self::new(Stream::Unix(stream), host, terms, Encryption::Never);
        let demand = Demand::configured(Encryption::Never);
        connection.greet("localhost", keys, &demand).await?;
        Ok(connection)
    }

    fn new(stream: Stream, host: String, terms: &Terms, tls: Encryption) -> Self {
        let manner = Manner {
            hello: terms.hello.clone(),
            dialect: terms.dialect,
            tls: match tls {
                Encryption::Never => Tls::Never,
                Encryption::Offered => Tls::IfOffered,
                Encryption::Verified | Encryption::Immediate => Tls::Always,
            },
            credentials: terms.credentials.clone(),
        };
        Self {
            stream,
            client: Client::new(manner, tls == Encryption::Immediate),
            host,
            encrypted: Encrypted::No,
            unproven: None,
            source: None,
            letters: 0,
            closed: false,
        }
    }

    /// Leads the dialogue up to the first letter.
    async fn greet(
        &mut self,
        host: &str,
        keys: &Keys,
        demand: &Demand,
    ) -> Result<(), NoConnection> {
        let mut out = Vec::new();
        self.client.advance(Input::Opened, &mut out);
        loop {
            if matches!(out.last(), Some(Output::StartTls)) {
                self.flush(&mut out).await.map_err(|error| broken(&error))?;
                self.encrypt(host, keys, demand).await?;
                out.clear();
                self.client.advance(Input::Encrypted, &mut out);
                continue;
            }
            match self.step(&mut out).await {
                Some(Event::Ready) => return Ok(()),
                Some(Event::Failed(reason)) => {
                    return Err(NoConnection {
                        reason,
                        tls_failed: None,
                        source: None,
                    });
                }
                Some(Event::Pull | Event::Finished(_)) => {
                    return Err(NoConnection::because(Status::PROTOCOL, "out of turn"));
                }
                None => {}
            }
        }
    }

    async fn encrypt(
        &mut self,
        host: &str,
        keys: &Keys,
        demand: &Demand,
    ) -> Result<(), NoConnection> {
        let broken = |result, why: &str| NoConnection {
            tls_failed: Some(TlsFailure {
                result,
                why: why.to_owned(),
            }),
            ..NoConnection::because(Status::new(4, 7, 5), why)
        };
        let failed = |why| broken("validation-failure", why);
        let config = keys
            .config(&demand.proof)
            .ok_or_else(|| failed("no certificate authorities here"))?;
        let name = server_name(host).ok_or_else(|| failed("not the name of a host"))?;
        let Stream::Tcp(stream) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            return Err(failed("not over this connection"));
        };
        let handshake = TlsConnector::from(config).connect(name, stream);
        let stream = timeout(HANDSHAKE, handshake)
            .await
            .map_err(|_| failed("the handshake took too long"))?
            .map_err(|error| broken(result_of(&error), &error.to_string()))?;
        self.encrypted = Encrypted::Yes(facts(&stream, demand.by));
        self.stream = Stream::Tls(Box::new(stream));
        Ok(())
    }

    /// What the other server offers.
    pub fn offered(&self) -> &smtp::client::Capabilities {
        self.client.offered()
    }

    /// True when a further letter can go over it.
    pub fn is_usable(&self) -> bool {
        !self.closed && self.client.is_ready()
    }

    /// Sends one letter: one verdict for each recipient, in order.
    pub async fn send(&mut self, message: Message, pieces: &mut dyn Pieces) -> Vec<Verdict> {
        let recipients = message.recipients.len();
        self.letters += 1;
        let mut out = Vec::new();
        self.client
            .advance(Input::Send(Box::new(message)), &mut out);
        loop {
            match self.step(&mut out).await {
                Some(Event::Finished(verdicts)) => {
                    self.closed |= out.iter().any(|output| matches!(output, Output::Close));
                    return verdicts;
                }
                Some(Event::Pull) => match pieces.next().await {
                    Ok((piece, is_last)) => {
                        self.client.advance(Input::Piece(piece, is_last), &mut out);
                    }
                    Err(why) => {
                        tracing::error!(why, "a queued letter cannot be read");
                        self.closed = true;
                        return vec![later(Status::new(4, 3, 0)); recipients];
                    }
                },
                Some(Event::Failed(_)) => return vec![later(Status::PROTOCOL); recipients],
                Some(Event::Ready) | None => {}
            }
        }
    }

    /// Ends the conversation in a friendly way, if that is quick.
    pub async fn quit(mut self) {
        if !self.is_usable() {
            return;
        }
        let mut out = Vec::new();
        self.client.advance(Input::Quit, &mut out);
        let farewell = async {
            self.flush(&mut out).await?;
            let mut reply = [0; 256];
            let _ = self.stream.both_ways()?.read(&mut reply).await?;
            self.stream.both_ways()?.shutdown().await
        };
        // Whatever comes of it, all letters are settled.
        let _ = timeout(FAREWELL, farewell).await;
    }

    /// Does what the dialogue said, up to the first thing that the caller must know; waits for the
    /// other server when there is nothing else to do.
    async fn step(&mut self, out: &mut Vec<Output>) -> Option<Event> {
        if let Err(error) = self.flush(out).await {
            self.gone(&error, out);
        }
        if !out.is_empty() {
            return self.event(out);
        }
        let patience = Duration::from_secs(self.client.patience_seconds());
        let mut bytes = [0; READ_BYTES];
        let reading = async { self.stream.both_ways()?.read(&mut bytes).await };
        match timeout(patience, reading).await {
            Err(_) => self.client.advance(Input::Timeout, out),
            Ok(Err(error)) => self.gone(&error, out),
            Ok(Ok(0)) => self.client.advance(Input::Closed, out),
            Ok(Ok(count)) => {
                let bytes = bytes.get(..count).unwrap_or_default();
                self.client.advance(Input::Bytes(bytes), out);
            }
        }
        None
    }

    /// The connection broke; what the other server may still have said is lost.
    fn gone(&mut self, error: &io::Error, out: &mut Vec<Output>) {
        tracing::debug!(host = self.host, %error, "connection broke");
        self.closed = true;
        out.clear();
        self.client.advance(Input::Closed, out);
    }

    /// Takes the first output that concerns the caller.
    fn event(&mut self, out: &mut Vec<Output>) -> Option<Event> {
        if matches!(out.first(), Some(Output::StartTls)) {
            return None; // Done by who is greeting.
        }
        match out.remove(0) {
            Output::Pull => Some(Event::Pull),
            Output::Ready => Some(Event::Ready),
            Output::Finished(verdicts) => Some(Event::Finished(verdicts)),
            Output::Failed(reason) => Some(Event::Failed(reason)),
            Output::Close => {
                self.closed = true;
                Some(Event::Failed(Reason::ours(Status::BROKEN)))
            }
            Output::Send(_) | Output::StartTls => None,
        }
    }

    /// Writes what stands at the front to be sent, small pieces together.
    async fn flush(&mut self, out: &mut Vec<Output>) -> io::Result<()> {
        let count = out
            .iter()
            .take_while(|output| matches!(output, Output::Send(_)))
            .count();
        if count == 0 {
            return Ok(());
        }
        let patience = Duration::from_secs(self.client.patience_seconds());
        let mut gathered = Vec::new();
        for output in out.drain(..count) {
            let Output::Send(bytes) = output else {
                continue;
            };
            if gathered.len() + bytes.len() > GATHER_BYTES_MAX && !gathered.is_empty() {
                write(&mut self.stream, &gathered, patience).await?;
                gathered.clear();
            }
            if bytes.len() > GATHER_BYTES_MAX {
                write(&mut self.stream, &bytes, patience).await?;
            } else {
                gathered.extend_from_slice(&bytes);
            }
        }
        write(&mut self.stream, &gathered, patience).await
    }
}

async fn write(stream: &mut Stream, bytes: &[u8], patience: Duration) -> io::Result<()> {
    let writing = async {
        let stream = stream.both_ways()?;
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    timeout(patience, writing)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn tcp(candidate: &Candidate, sources: &[IpAddr]) -> io::Result<TcpStream> {
    let address = candidate.address;
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    let source = sources
        .iter()
        .find(|source| source.is_ipv4() == address.is_ipv4());
    if let Some(source) = source {
        socket.bind((*source, 0).into())?;
    }
    let stream = timeout(CONNECT, socket.connect(address))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    // Commands are small and wait for replies.
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn facts(stream: &TlsStream<TcpStream>, by: &str) -> String {
    let (_, session) = stream.get_ref();
    let version = match session.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "TLS",
    };
    let cipher = session
        .negotiated_cipher_suite()
        .and_then(|suite| suite.suite().as_str())
        .unwrap_or("unknown");
    match by {
        "" => format!("{version} {cipher}"),
        by => format!("{version} {cipher}, {by}"),
    }
}

fn broken(error: &io::Error) -> NoConnection {
    NoConnection::because(Status::BROKEN, &error.to_string())
}

fn later(status: Status) -> Verdict {
    Verdict::Later(Reason::ours(status))
}
