//! Letters that wait to be sent to other servers, and what became of each attempt.
//!
//! An entry is kept under its sender's account (relayed mail under account 0) and lies in one
//! schedule for the whole server. What is due is read from the store in small portions; the
//! [`Scheduler`] says in which order and how much at a time it is sent; what an attempt led to goes
//! back with [`Engine::queue_settle`](crate::Engine::queue_settle), in one commit with the
//! notification that the sender is owed. Never: sockets, DNS, a clock of its own, protocol words.
//!
//! Start at [`QueuedLetter`] for what is kept, at [`Scheduler`] for the order, at `settle` for
//! results.
//!
//! Standards: RFC 3461 (what a sender may ask to be told), RFC 5321 §4.5.4.1 (trying again), RFC
//! 6710 (priorities).

mod administration;
pub(crate) mod copy;
pub(crate) mod notice;
mod outgoing;
mod record;
mod release;
mod retry;
mod scheduler;
mod settle;
mod settle_all;
mod status;
mod waiting;

pub use administration::QueueState;
pub use copy::{Filing, WaitingCopy, Withdrawal};
pub use outgoing::Outgoing;
pub use scheduler::{Ending, Entry, EntryKey, Job, Pace, Scheduler, Standing, Step};
pub use settle::{Attempt, NextHop, Reason, RecipientResult, Settled, Verdict};
pub use settle_all::{Ended, Kept};
pub use status::Status;
pub use waiting::{Found, Mark, Portion};

pub use store::model::Due;

use bytes::Bytes;
use store::id::{AccountId, Timestamp};
use store::model::LABEL_BYTES_MAX;

/// Attempts of which a letter keeps a record: the first and the latest.
pub const HISTORY_MAX: usize = 12;

/// Bytes of another server's answer that are kept; a line of a reply has at most 512.
pub const ANSWER_BYTES_MAX: usize = 400;

/// When an entry that is held is due: never, so that the schedule does not stumble over it.
///
/// The last day of the year 9999.
pub const NEVER: Timestamp = Timestamp(253_402_214_400 * Timestamp::PER_SECOND);

/// What the sender wants to be told of a recipient (RFC 3461 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools)] // The standard asks for each by itself.
pub struct Notify {
    /// Nothing at all; the others are false then.
    pub never: bool,
    /// That it arrived.
    pub success: bool,
    /// That it failed.
    pub failure: bool,
    /// That it takes longer.
    pub delay: bool,
}

impl Notify {
    /// What a sender who says nothing is told of (RFC 3461 §4.1): failures, and delays as this
    /// server likes.
    pub const USUAL: Self = Self {
        never: false,
        success: false,
        failure: true,
        delay: true,
    };
}

/// How much of the letter a notification returns (RFC 3461 §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Return {
    /// Not said.
    #[default]
    Unspecified,
    /// All of it.
    Full,
    /// Its header.
    Headers,
}

/// A recipient elsewhere to whom the letter is still to be sent. Who got it, or never will, leaves
/// the entry with the commit that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedRecipient {
    /// The address.
    pub address: String,
    /// What the sender wants to be told.
    pub notify: Notify,
    /// The recipient as the sender's program knew it: `rfc822;…` (RFC 3461 §4.2).
    pub original: Option<String>,
    /// Why the last attempt failed: a status and, perhaps, the other server's words.
    pub answer: Option<String>,
}

/// Until when a letter is to arrive, and what then (RFC 2852 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliverBy {
    /// The time.
    pub at: Timestamp,
    /// What becomes of a letter that is late.
    pub late: Late,
    /// The sender wants to be told of each server that passes the letter on.
    pub trace: bool,
}

/// What becomes of a letter that is late (RFC 2852 §4: by-mode).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// It goes back.
    Return,
    /// It is still sent; its sender is told.
    Notify,
}

/// What a sender asks for on the way, beside notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wishes {
    /// The letter may only go over connections that are encrypted and proven (RFC 8689).
    pub needs_tls: bool,
    /// Until when it is to arrive.
    pub deliver_by: Option<DeliverBy>,
    /// Higher goes first (RFC 6710 §2: -9 … 9).
    pub priority: i8,
    /// Not delivered to anyone before (RFC 4865).
    pub hold_until: Option<Timestamp>,
    /// How long that was when it was asked for, if no time was named.
    pub hold_seconds: Option<u32>,
    /// The sender's own copy of a letter that is held, which is filed when the letter goes, and in
    /// whose account it is: there the letter waits.
    pub copy: Option<(AccountId, WaitingCopy)>,
}

/// One attempt to send a letter, for people who ask what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// When it ended.
    pub at: Timestamp,
    /// Who was talked to: name and address; empty when nobody was reached.
    pub host: String,
    /// The version of TLS, `none`, or why it could not be had.
    pub tls: String,
    /// Recipients that were accepted.
    pub delivered: u32,
    /// Recipients that are to be tried again.
    pub delayed: u32,
    /// Recipients that were refused for good.
    pub failed: u32,
    /// What was said, of one recipient for all.
    pub answer: String,
}

/// What is known of a queued letter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // Facts that have nothing to do with one another.
pub struct QueuedLetter {
    /// The letter's name in the log, from its arrival on.
    pub letter: String,
    /// Who is told of failures; empty for nobody.
    pub sender: String,
    /// The sender's own name for the letter (RFC 3461 §4.4).
    pub envelope_id: Option<String>,
    /// How much of the letter a notification returns.
    pub returning: Return,
    /// The letter needs a way on which UTF-8 addresses are understood (RFC 6531).
    pub needs_utf8: bool,
    /// The letter may only go over connections that are encrypted and proven (RFC 8689).
    pub needs_tls: bool,
    /// Until when it is to arrive.
    pub deliver_by: Option<DeliverBy>,
    /// The recipients that are still to be served.
    pub recipients: Vec<QueuedRecipient>,
    /// Lines to put before the body when it is sent.
    pub prefix: Bytes,
    /// How often it was tried.
    pub attempts: u32,
    /// When trying ends.
    pub expires: Timestamp,
    /// The sender was told that it takes longer.
    pub delay_told: bool,
    /// It was written here, by someone who signed in or by this server: such letters are signed
    /// with the keys of their author's domain, and no others.
    pub is_ours: bool,
    /// Higher goes first (RFC 6710 §2: -9 … 9).
    pub priority: i8,
    /// Not tried until it is released, whatever the schedule says.
    pub held: bool,
    /// The way that an administrator set for it, in the words of the configuration.
    pub route: Option<String>,
    /// The first and the latest attempts.
    pub history: Vec<Tried>,
    /// When its sender wanted it to be sent first (RFC 4865).
    pub hold_until: Option<Timestamp>,
    /// How long that was when it was asked for, if no time was named.
    pub hold_seconds: Option<u32>,
    /// The sender's own copy, which waits in the same account until the letter goes.
    pub copy: Option<WaitingCopy>,
}

/// The way of a letter that waits here for recipients of this server.
pub const HERE: &str = "here";

impl QueuedLetter {
    /// A letter that was never tried.
    pub fn new(letter: String, sender: String, expires: Timestamp) -> Self {
        Self {
            letter,
            sender,
            envelope_id: None,
            returning: Return::default(),
            needs_utf8: false,
            needs_tls: false,
            deliver_by: None,
            recipients: Vec::new(),
            prefix: Bytes::new(),
            attempts: 0,
            expires,
            delay_told: false,
            is_ours: false,
            priority: 0,
            held: false,
            route: None,
            history: Vec::new(),
            hold_until: None,
            hold_seconds: None,
            copy: None,
        }
    }

    /// What the schedule shows of it: the domain that all recipients are in, in lower case. Empty
    /// where there are more, where the letter goes a way of its own, and where it must be looked at
    /// exactly when it falls due.
    pub(crate) fn label(&self) -> Bytes {
        let domain_of = |one: &QueuedRecipient| {
            let (_, domain) = one.address.rsplit_once('@')?;
            Some(domain.to_ascii_lowercase())
        };
        let is_special = self.route.is_some() || self.deliver_by.is_some() || self.copy.is_some();
        let mut domains = self.recipients.iter().map(domain_of);
        let Some(Some(first)) = domains.next().filter(|_| !is_special) else {
            return Bytes::new();
        };
        let is_one =
            first.len() <= LABEL_BYTES_MAX && domains.all(|other| other.as_ref() == Some(&first));
        Bytes::from(if is_one { first } else { String::new() })
    }

    /// Keeps the first attempt and the latest ones.
    pub(crate) fn remember(&mut self, tried: Tried) {
        if self.history.len() >= HISTORY_MAX {
            self.history.remove(1);
        }
        self.history.push(tried);
        self.attempts = self.attempts.saturating_add(1);
    }
}

/// The beginning of a text, at most so many bytes, in one line without control characters.
pub(crate) fn shortened(text: &str, bytes_max: usize) -> String {
    let mut short = String::new();
    for letter in text.chars() {
        let letter = if letter.is_control() { ' ' } else { letter };
        if short.len() + letter.len_utf8() > bytes_max {
            break;
        }
        short.push(letter);
    }
    short
}
