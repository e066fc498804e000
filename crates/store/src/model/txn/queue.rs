//! The queue: what is to be sent or tried again.

use super::Txn;
use super::items::Body;
use crate::id::{AccountId, ChangeSeq, Timestamp};
use crate::model::error::ModelError;
use crate::model::key;
use crate::model::reads::Reads;
use crate::model::row::queue::ENVELOPE_BYTES_MAX;
use crate::model::row::{Object, QueueEntry, What};
use crate::model::watch::QUEUE_OF_ALL;
use bytes::Bytes;

/// Bytes of a label: a domain's name fits.
pub const LABEL_BYTES_MAX: usize = 255;

/// A queue entry to be made.
#[derive(Debug, Clone)]
pub struct QueueItem {
    /// When it is to be tried first.
    pub due: Timestamp,
    /// Recipients and whatever else the engine needs, opaque.
    pub envelope: Bytes,
    /// What is seen of it in the schedule already, opaque; at most [`LABEL_BYTES_MAX`].
    pub label: Bytes,
    /// What is to be sent.
    pub body: Option<Body>,
}

impl Txn<'_> {
    /// Puts an entry into the queue of an account and answers its id.
    ///
    /// Errors: [`ModelError::TooLong`].
    pub fn queue_add(&mut self, account: AccountId, new: &QueueItem) -> Result<u64, ModelError> {
        self.takes_room();
        let id = self.new_id(account)?;
        if let Some(body) = &new.body {
            self.refer(account, id, body);
        }
        let entry = QueueEntry {
            due: new.due,
            created: self.now,
            changed: ChangeSeq::default(),
            envelope: new.envelope.clone(),
            body: new.body.as_ref().map(|body| (body.number(), body.len())),
        };
        self.put_entry(account, id, entry, new.label.clone(), What::CREATED)?;
        Ok(id)
    }

    /// Changes when an entry is due, what is known of it, and what is seen in the schedule.
    ///
    /// Errors: [`ModelError::NoSuchEntry`], [`ModelError::TooLong`].
    pub fn queue_update(
        &mut self,
        account: AccountId,
        id: u64,
        due: Timestamp,
        envelope: Bytes,
        label: Bytes,
    ) -> Result<(), ModelError> {
        let entry = self
            .queue_entry(account, id)?
            .ok_or(ModelError::NoSuchEntry)?;
        self.pending.remove(key::queue_due(entry.due, account, id));
        let entry = QueueEntry {
            due,
            envelope,
            ..entry
        };
        self.put_entry(account, id, entry, label, What::PROPERTIES)
    }

    /// Takes an entry out of the queue.
    ///
    /// Errors: [`ModelError::NoSuchEntry`].
    pub fn queue_remove(&mut self, account: AccountId, id: u64) -> Result<(), ModelError> {
        let entry = self
            .queue_entry(account, id)?
            .ok_or(ModelError::NoSuchEntry)?;
        self.touch_object(account, Object::Queue(id), What::PURGED)?;
        self.pending.remove(key::queue_due(entry.due, account, id));
        self.pending.remove(key::queue(account, id));
        if let Some((body, _)) = entry.body {
            self.pending.remove(key::reference(body, account, id));
        }
        self.changed.insert(QUEUE_OF_ALL);
        Ok(())
    }

    fn put_entry(
        &mut self,
        account: AccountId,
        id: u64,
        mut entry: QueueEntry,
        label: Bytes,
        what: What,
    ) -> Result<(), ModelError> {
        if entry.envelope.len() > ENVELOPE_BYTES_MAX || label.len() > LABEL_BYTES_MAX {
            return Err(ModelError::TooLong);
        }
        entry.changed = self.touch_object(account, Object::Queue(id), what)?;
        self.pending.put(key::queue(account, id), &entry);
        let due = key::queue_due(entry.due, account, id);
        self.pending.put_raw(due, Some(label));
        self.changed.insert(QUEUE_OF_ALL);
        Ok(())
    }
}
