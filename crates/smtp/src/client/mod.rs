//! The sending side: how a letter is handed to another server by SMTP or LMTP.
//!
//! Pure, like the receiving side: no sockets, no clock, no disk. The driver in `server` feeds what
//! the other server says and does what comes out. Never decides whether to try again, and never
//! sends a letter in a form from which a second one could be cut: what has bare line ends goes out
//! counted (BDAT) or not at all.
//!
//! Start at [`Client::advance`]; replies are read in [`reply`], what a letter needs in [`form`].
//!
//! Standards: RFC 5321 §3.3, §4.5.3.2 (SMTP, waiting), RFC 2033 (LMTP), RFC 2920 (PIPELINING), RFC
//! 1870 (SIZE), RFC 3030 (BDAT), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8), RFC 3461 (DSN), RFC 3207
//! (STARTTLS), RFC 4954 (AUTH), RFC 8689 (REQUIRETLS), RFC 2852 (DELIVERBY), RFC 6710
//! (MT-PRIORITY), RFC 9422 (LIMITS).

mod authenticate;
mod body;
mod capability;
mod command;
pub mod form;
pub mod reply;
mod session;
mod transaction;

pub use capability::Capabilities;
pub use form::Form;
pub use reply::Reply;
pub use session::Client;

use bytes::Bytes;
use engine::queue::{DeliverBy, Notify, Reason, Return, Verdict};

/// How the other server is to be talked to.
#[derive(Debug, Clone)]
pub struct Manner {
    /// What we call ourselves.
    pub hello: String,
    /// Which protocol.
    pub dialect: Dialect,
    /// Whether to encrypt.
    pub tls: Tls,
    /// With which name and password we sign in, if at all.
    pub credentials: Option<Credentials>,
}

/// SMTP or LMTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// One answer for the letter.
    Smtp,
    /// An answer for each recipient (RFC 2033).
    Lmtp,
}

/// Whether to encrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Not with STARTTLS: it was tried in vain, or the connection is encrypted already.
    Never,
    /// If the other server offers it.
    IfOffered,
    /// Nothing is said without it.
    Always,
}

/// A name and a password.
#[derive(Clone)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
    /// Random text for SCRAM, fresh for each connection.
    pub nonce: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({})", self.user)
    }
}

/// A letter to be sent, without its bytes.
#[derive(Debug, Clone)]
pub struct Message {
    /// Who is told of failures; empty for nobody.
    pub sender: String,
    /// Who is to get it; at least one.
    pub recipients: Vec<Recipient>,
    /// Its bytes, counted.
    pub size_bytes: u64,
    /// What its bytes need of the way.
    pub form: Form,
    /// The sender's own name for it.
    pub envelope_id: Option<String>,
    /// How much of it a notification returns.
    pub returning: Return,
    /// It needs a way on which UTF-8 addresses are understood.
    pub needs_utf8: bool,
    /// It may only go on to servers that promise proven encryption.
    pub needs_tls: bool,
    /// Until when it is to arrive, and how many seconds that are.
    pub deliver_by: Option<(DeliverBy, i64)>,
    /// Higher goes first: -9 … 9.
    pub priority: i8,
}

/// One recipient.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// The address.
    pub address: String,
    /// What the sender wants to be told.
    pub notify: Notify,
    /// The recipient as the sender's program knew it: `rfc822;…`.
    pub original: Option<String>,
}

/// What happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// The connection is there.
    Opened,
    /// The encryption asked for with [`Output::StartTls`] is set up.
    Encrypted,
    /// Bytes of the other server.
    Bytes(&'a [u8]),
    /// A letter, after [`Output::Ready`].
    Send(Box<Message>),
    /// The next bytes of the letter, after [`Output::Pull`]; the flag says that they are the last.
    Piece(Bytes, bool),
    /// No more letters, after [`Output::Ready`].
    Quit,
    /// Nothing came for [`Client::patience_seconds`].
    Timeout,
    /// The connection is gone.
    Closed,
}

/// What is to be done, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Bytes for the other server.
    Send(Bytes),
    /// Begin TLS; nothing received before counts any more.
    StartTls,
    /// Give the next piece of the letter once what was sent is on its way.
    Pull,
    /// A letter can be taken.
    Ready,
    /// What became of the letter: one verdict for each recipient, in order.
    Finished(Vec<Verdict>),
    /// The other server is of no use; no letter was begun.
    Failed(Reason),
    /// Close the connection.
    Close,
}
