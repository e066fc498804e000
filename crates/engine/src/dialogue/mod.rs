//! What a dialogue protocol and its driver say to one another.
//!
//! A session is a pure state machine: it is handed bytes and answers, and says what is to be sent, asked or
//! awaited. It owns no socket, thread, clock or buffer of received bytes, so an idle one is a few hundred bytes.
//! The driver in `server` owns all of these and is the same for every dialogue.
//!
//! Start at [`Dialogue::advance`]. What dialogues have in common besides is in [`lines`], [`link`]
//! and [`signing_in`].

pub mod lines;
pub mod link;
pub mod signing_in;

use crate::examination::stage::Stage;
use crate::examination::{Decision, Examination, Examined};
use crate::sign_in::User;
use bytes::Bytes;
use std::net::SocketAddr;
use store::StoreError;
use store::backend::Settlement;
use store::id::{AccountId, Timestamp};
use store::model::Watch;

/// What happened to a session.
#[derive(Debug)]
pub enum Input<'a> {
    /// The connection is there, or TLS has just been set up on it (then the protocol's own state is as new).
    Opened(Peer),
    /// All bytes received and not yet taken; the session answers how many it takes now.
    ///
    /// Comes again with more. Not while a question is open. When the driver's buffer is full
    /// ([`RECEIVE_BYTES_MAX`]) the session must take something or close.
    Bytes(&'a [u8]),
    /// The answer to the one open question.
    Answer(Answer),
    /// An account that [`Output::Watch`] named has changed.
    Woken,
    /// All that was given to [`Output::Send`] is with the kernel; long replies go on here.
    Sent,
    /// The time of the last [`Output::WaitUntil`] has come.
    Timeout,
    /// The peer is gone or the server stops; nothing more is sent unless it is said at once.
    Closed(Closed),
}

/// Why a session ends from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// The peer closed the connection, or it broke.
    ByPeer,
    /// The server is being stopped: a parting line may be sent.
    ByServer,
}

/// The most bytes that the driver keeps for a session that has not taken them.
///
/// Longer than the longest line of any dialogue (IMAP allows 64 KiB here), so that a full buffer is an error of the peer.
pub const RECEIVE_BYTES_MAX: usize = 128 * 1024;

/// Bytes that a session may give out in one step before it waits for [`Input::Sent`].
pub const SEND_BYTES_MAX: usize = 1024 * 1024;

/// What a session wants done, in order.
#[derive(Debug)]
pub enum Output {
    /// Bytes for the peer.
    Send(Bytes),
    /// A question; the session gets no bytes until its answer. At most one is open.
    Ask(Question),
    /// Wake the session with [`Input::Woken`] when one of these accounts changes; replaces earlier
    /// watches.
    Watch(Vec<Watch>),
    /// No longer wake it.
    Unwatch,
    /// Send what is pending, drop all received bytes, take the TLS handshake, then give `Opened`.
    StartTls,
    /// Send what is pending; compress (RFC 1951) what is sent from here on, and take for compressed
    /// what was received and not taken.
    Compress,
    /// Send what is pending; compress nothing from here on, and take nothing for compressed that the
    /// peer sends behind what it has compressed till now.
    EndCompression,
    /// Give `Timeout` at this time unless another time is named before.
    WaitUntil(Timestamp),
    /// A line for the log.
    Log(Record),
    /// Send what is pending and close.
    Close,
}

/// What a session can't do in the thread that reads the socket.
#[derive(Debug)]
pub enum Question {
    /// "Call me again with [`Answer::Work`] where I may take this long."
    Work(Effort),
    /// "Tell me when this commit is on disk."
    Settled(Settlement),
    /// "What is to be thought of this letter?"
    Examine(Box<Examination>),
    /// "What do those who follow the dialogue say of this?"
    Follow(Box<Stage>),
}

/// How heavy a step is, which decides on which threads it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// May read the disk or compute for milliseconds; at most two steps of one account run at a time.
    Disk(AccountId),
    /// The same, as the next of many steps that send nothing: those of others go first.
    Long(AccountId),
    /// Hashes a password: memory and tens of milliseconds, on a pool of few threads with a bounded queue.
    Password,
}

/// The answer to a [`Question`].
#[derive(Debug)]
pub enum Answer {
    /// Go on with the heavy step now.
    Work,
    /// The pool's queue is full: refuse for now.
    Busy,
    /// How the commit ended.
    Settled(Result<(), StoreError>),
    /// What the examiners say.
    Examined(Box<Examined>),
    /// What those who follow the dialogue say.
    Followed(Decision),
}

/// Who is at the other end, and how.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The remote address and port.
    pub remote: SocketAddr,
    /// The address and port that it connected to.
    pub local: SocketAddr,
    /// Set once the connection is encrypted.
    pub tls: Option<Tls>,
    /// Number of the connection, unique while the server runs; stands in the log.
    pub connection: u64,
    /// Who runs the program at the other end, where the system vouches for it.
    pub local_user: Option<LocalUser>,
}

/// A user of this machine, as its system knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalUser {
    /// Their name.
    pub name: String,
    /// Their address, made of the name and this machine's domain for mail.
    pub address: String,
    /// May send with any address.
    pub is_trusted: bool,
}

/// Facts of an encrypted connection.
#[derive(Debug, Clone)]
pub struct Tls {
    /// `TLSv1.3`, as it stands in a Received line.
    pub version: &'static str,
    /// The cipher suite's IANA name.
    pub cipher: &'static str,
    /// `tls-exporter` channel binding (RFC 9266 §2) with TLS 1.3; absent before.
    pub exporter: Option<[u8; 32]>,
    /// Hash of the server's certificate for `tls-server-end-point` (RFC 5929 §4.1).
    pub server_end_point: Option<Vec<u8>>,
    /// The certificate that the client has shown and whose key it has proved to hold.
    pub client: Option<Box<ShownCertificate>>,
}

/// What is known of a client's certificate.
#[derive(Debug, Clone)]
pub struct ShownCertificate {
    /// SHA-256 of its bytes.
    pub fingerprint: [u8; 32],
    /// The addresses in it, if an authority that this server was told to believe says that they are
    /// its owner's.
    pub addresses: Vec<String>,
}

/// One line for the log: what happened, and the facts that belong to it.
#[derive(Debug, Clone)]
pub struct Record {
    /// How much it matters.
    pub level: Level,
    /// What happened, in fixed words that are the same in every dialogue; the driver adds which
    /// service it was.
    pub event: &'static str,
    /// The facts; values are escaped by the log.
    pub facts: Vec<(&'static str, String)>,
}

impl Record {
    /// The same, with who is at the other end and who has signed in, as far as that is known.
    #[must_use]
    pub fn with_parties(mut self, peer: Option<&Peer>, user: Option<&User>) -> Self {
        self.facts
            .extend(peer.map(|peer| ("peer", peer.remote.ip().to_string())));
        self.facts
            .extend(user.map(|user| ("user", user.address.clone())));
        self
    }
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Ordinary business.
    Info,
    /// Someone should look at it some day.
    Warn,
    /// Someone must look at it now.
    Error,
}

/// A session of any dialogue protocol, as its driver sees it.
pub trait Dialogue: Send {
    /// Takes one input and appends what is to be done to `out`.
    ///
    /// Returns how many of the bytes in [`Input::Bytes`] were taken; 0 for every other input.
    fn advance(&mut self, input: Input<'_>, now: Timestamp, out: &mut Vec<Output>) -> usize;
}
