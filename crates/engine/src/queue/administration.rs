//! What an administrator sees of the queue, and may do with it.

use super::{EntryKey, NEVER, QueuedLetter, copy};
use crate::engine::Engine;
use crate::error::EngineError;
use bytes::Bytes;
use std::ops::ControlFlow;
use store::backend::{Direction, Pending};
use store::id::{AccountId, BodyNumber, Timestamp};
use store::model::{Due, Origin, QueueEntry, Reads};

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

    /// The body of an entry, without the lines that are put before it when it is sent.
    pub fn queue_body(&self, entry: &QueueState) -> Result<Bytes, EngineError> {
        match entry.body {
            Some(body) => Ok(self.store().read_body(body, 0..entry.size)?),
            None => Ok(Bytes::new()),
        }
    }

    /// How many entries wait, without reading them.
    pub fn queue_length(&self) -> Result<usize, EngineError> {
        let mut count = 0;
        let all = Timestamp(i64::MIN)..=Timestamp(i64::MAX);
        let view = self.directory().view()?;
        view.each_due(all, Direction::Forward, &mut |_, _| {
            count += 1;
            ControlFlow::Continue(())
        })?;
        Ok(count)
    }

    /// What is due now, earliest first, at most `limit`.
    pub fn queue_due(&self, limit: usize) -> Result<Vec<Due>, EngineError> {
        Ok(self.directory().view()?.queue_due(self.now(), limit)?)
    }

    /// Takes an entry out of the queue; nobody is told.
    pub fn queue_remove(&self, account: AccountId, id: u64) -> Result<Pending<()>, EngineError> {
        self.store().write(&[account], Origin::default(), |txn| {
            let entry = txn.queue_entry(account, id)?;
            txn.queue_remove(account, id)?;
            let letter = entry.map(|entry| QueuedLetter::decode(&entry.envelope));
            match letter.transpose()?.and_then(|letter| letter.copy) {
                Some(copy) => copy::give_up(txn, account, copy),
                None => Ok(()),
            }
        })
    }

    /// Keeps an entry from being tried, or lets it be tried again from now on.
    ///
    /// Errors: [`EngineError::NoSuchEntry`].
    pub fn queue_hold(
        &self,
        account: AccountId,
        id: u64,
        held: bool,
    ) -> Result<Pending<()>, EngineError> {
        self.queue_update(account, id, |_, letter, now| {
            letter.held = held;
            if held { NEVER } else { now }
        })
    }

    /// Makes an entry due now.
    ///
    /// Errors: [`EngineError::NoSuchEntry`]; [`EngineError::Denied`] for one that is held.
    pub fn queue_retry(&self, key: EntryKey) -> Result<Pending<()>, EngineError> {
        if self.queue_entry(key.account, key.id)?.letter.held {
            return Err(EngineError::Denied);
        }
        self.queue_update(
            key.account,
            key.id,
            |due, letter, now| {
                if letter.held { due } else { now }
            },
        )
    }

    /// Sets the way that an entry goes, or lets it go its usual one; it is due now.
    ///
    /// Errors: [`EngineError::NoSuchEntry`].
    pub fn queue_route(
        &self,
        key: EntryKey,
        route: Option<&str>,
    ) -> Result<Pending<()>, EngineError> {
        self.queue_update(key.account, key.id, |due, letter, now| {
            letter.route = route.map(str::to_owned);
            if letter.held { due } else { now }
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
            Ok(txn.queue_update(account, id, due, letter.encode(), letter.label())?)
        })
    }
}
