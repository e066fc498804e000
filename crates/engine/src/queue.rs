//! Letters that wait to be sent to other servers, and everything else that is tried again.
//!
//! An entry is kept under its sender's account (relayed mail under account 0) and lies in one
//! schedule for the whole server. Sending is not done here: this says what is there, what is due,
//! and keeps what became of it.
//!
//! Start at [`QueuedLetter`].
//!
//! Standards: RFC 3461 (what a sender may ask to be told), RFC 5321 §4.5.4.1 (trying again).

use crate::engine::Engine;
use crate::error::EngineError;
use crate::record::{Reader, Writer, corrupt};
use bytes::Bytes;
use store::StoreError;
use store::backend::Pending;
use store::id::{AccountId, BodyNumber, Timestamp};
use store::model::{Due, Origin, QueueEntry, Reads};

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

/// Where a recipient of a queued letter stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Progress {
    /// Still to be sent.
    #[default]
    Waiting,
    /// Accepted by the next server.
    Sent,
    /// Refused for good, with what was said.
    Failed(String),
}

/// A recipient elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedRecipient {
    /// The address.
    pub address: String,
    /// What the sender wants to be told.
    pub notify: Notify,
    /// The recipient as the sender's program knew it: `rfc822;…` (RFC 3461 §4.2).
    pub original: Option<String>,
    /// Where it stands.
    pub progress: Progress,
    /// What the last server said, if it said anything.
    pub answer: Option<String>,
}

/// What is known of a queued letter.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// The recipients.
    pub recipients: Vec<QueuedRecipient>,
    /// Lines to put before the body when it is sent.
    pub prefix: Bytes,
    /// How often it was tried.
    pub attempts: u32,
    /// When trying ends.
    pub expires: Timestamp,
    /// Higher goes first (RFC 6710 §2: -9 … 9).
    pub priority: i8,
    /// Not tried until it is released, whatever the schedule says.
    pub held: bool,
}

impl QueuedLetter {
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = Writer::new();
        out.text(&self.letter).text(&self.sender);
        out.optional_text(self.envelope_id.as_deref());
        out.number(match self.returning {
            Return::Unspecified => 0,
            Return::Full => 1,
            Return::Headers => 2,
        });
        out.flag(self.needs_utf8);
        out.list(&self.recipients, |out, recipient| recipient.write(out));
        out.bytes(&self.prefix);
        out.number(u64::from(self.attempts)).signed(self.expires.0);
        out.signed(i64::from(self.priority)).flag(self.held);
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut input = Reader::new(bytes)?;
        Ok(Self {
            letter: input.text()?,
            sender: input.text()?,
            envelope_id: input.optional_text()?,
            returning: match input.number()? {
                0 => Return::Unspecified,
                1 => Return::Full,
                2 => Return::Headers,
                _ => return Err(corrupt()),
            },
            needs_utf8: input.flag()?,
            recipients: input.list(QueuedRecipient::read)?,
            prefix: Bytes::copy_from_slice(input.bytes()?),
            attempts: input.number32()?,
            expires: Timestamp(input.signed()?),
            priority: i8::try_from(input.signed()?).map_err(|_| corrupt())?,
            held: input.flag()?,
        })
    }
}

impl QueuedRecipient {
    fn write(&self, out: &mut Writer) {
        out.text(&self.address).number(self.notify.bits());
        out.optional_text(self.original.as_deref());
        match &self.progress {
            Progress::Waiting => out.number(0),
            Progress::Sent => out.number(1),
            Progress::Failed(why) => out.number(2).text(why),
        };
        out.optional_text(self.answer.as_deref());
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            address: input.text()?,
            notify: Notify::from_bits(input.number()?),
            original: input.optional_text()?,
            progress: match input.number()? {
                0 => Progress::Waiting,
                1 => Progress::Sent,
                2 => Progress::Failed(input.text()?),
                _ => return Err(corrupt()),
            },
            answer: input.optional_text()?,
        })
    }
}

impl Notify {
    fn bits(self) -> u64 {
        u64::from(self.never)
            | u64::from(self.success) << 1
            | u64::from(self.failure) << 2
            | u64::from(self.delay) << 3
    }

    fn from_bits(bits: u64) -> Self {
        let has = |bit: u32| bits & (1 << bit) != 0;
        Self {
            never: has(0),
            success: has(1),
            failure: has(2),
            delay: has(3),
        }
    }
}

/// An entry of the queue, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueState {
    /// Whose it is.
    pub account: AccountId,
    /// Its number there.
    pub id: u64,
    /// When it is tried next.
    pub due: Timestamp,
    /// When it came.
    pub created: Timestamp,
    /// Prefix and body together, in bytes.
    pub size: u64,
    /// The body.
    pub body: Option<BodyNumber>,
    /// What is known of it.
    pub letter: QueuedLetter,
}

impl QueueState {
    fn decode(account: AccountId, id: u64, entry: &QueueEntry) -> Result<Self, EngineError> {
        let letter = QueuedLetter::decode(&entry.envelope)?;
        let size = letter.prefix.len() as u64 + entry.body.map_or(0, |(_, len)| len);
        let body = entry.body.map(|(body, _)| body);
        let (due, created) = (entry.due, entry.created);
        Ok(Self {
            account,
            id,
            due,
            created,
            size,
            body,
            letter,
        })
    }
}

impl Engine {
    /// All entries of the queue, by account and age.
    pub fn queue(&self) -> Result<Vec<QueueState>, EngineError> {
        let view = self.directory().view()?;
        let mut states = Vec::new();
        for account in view.accounts()? {
            for (id, entry) in view.queue_entries(account)? {
                states.push(QueueState::decode(account, id, &entry)?);
            }
        }
        Ok(states)
    }

    /// One entry.
    ///
    /// Errors: [`EngineError::NoSuchEntry`].
    pub fn queue_entry(&self, account: AccountId, id: u64) -> Result<QueueState, EngineError> {
        let entry = self.directory().view()?.queue_entry(account, id)?;
        QueueState::decode(account, id, &entry.ok_or(EngineError::NoSuchEntry)?)
    }

    /// What is due now, earliest first, at most `limit`.
    pub fn queue_due(&self, limit: usize) -> Result<Vec<Due>, EngineError> {
        Ok(self.directory().view()?.queue_due(self.now(), limit)?)
    }

    /// Takes an entry out of the queue; nobody is told.
    pub fn queue_remove(&self, account: AccountId, id: u64) -> Result<Pending<()>, EngineError> {
        self.store().write(&[account], Origin::default(), |txn| {
            Ok(txn.queue_remove(account, id)?)
        })
    }

    /// Keeps an entry from being tried, or lets it be tried again from now on.
    pub fn queue_hold(
        &self,
        account: AccountId,
        id: u64,
        held: bool,
    ) -> Result<Pending<()>, EngineError> {
        self.queue_update(account, id, |due, letter, now| {
            letter.held = held;
            if held { due } else { now }
        })
    }

    /// Changes what is known of an entry; `change` gets when it is due, the letter and the time,
    /// and answers when it is due next.
    pub fn queue_update(
        &self,
        account: AccountId,
        id: u64,
        change: impl Fn(Timestamp, &mut QueuedLetter, Timestamp) -> Timestamp,
    ) -> Result<Pending<()>, EngineError> {
        self.store().write(&[account], Origin::default(), |txn| {
            let entry = txn
                .queue_entry(account, id)?
                .ok_or(EngineError::NoSuchEntry)?;
            let mut letter = QueuedLetter::decode(&entry.envelope)?;
            let due = change(entry.due, &mut letter, txn.now());
            Ok(txn.queue_update(account, id, due, letter.encode())?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queued_letter_comes_back_as_it_was() {
        let recipient = |progress| QueuedRecipient {
            address: "b@elsewhere.test".to_owned(),
            notify: Notify {
                failure: true,
                delay: true,
                ..Notify::default()
            },
            original: Some("rfc822;B@elsewhere.test".to_owned()),
            progress,
            answer: Some("451 later".to_owned()),
        };
        let letter = QueuedLetter {
            letter: "abc".to_owned(),
            sender: String::new(),
            envelope_id: Some("x+2Dy".to_owned()),
            returning: Return::Headers,
            needs_utf8: true,
            recipients: vec![
                recipient(Progress::Waiting),
                recipient(Progress::Sent),
                recipient(Progress::Failed("550 no".to_owned())),
            ],
            prefix: Bytes::from_static(b"Received: x\r\n"),
            attempts: 3,
            expires: Timestamp(-5),
            priority: -9,
            held: true,
        };
        assert_eq!(QueuedLetter::decode(&letter.encode()).unwrap(), letter);
    }
}
