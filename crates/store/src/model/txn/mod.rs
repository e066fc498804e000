//! A transaction: the only way to change data.
//!
//! Each verb gives what it changed the next number, keeps counters and derived rows right and
//! remembers whom to wake, so that none of it can be forgotten. Account rows, folder rows and
//! blocks of UIDs are kept decoded and written once at the end; reads see them as if they were
//! written. The change log's new lines are written last and cannot be read in the transaction that
//! makes them.
//!
//! Start at [`Txn::insert_item`] in `items`; numbering is in `numbering`, what is pending in
//! `pending`.

mod accounts;
mod ahead;
mod content;
mod conversations;
mod directory;
mod epochs;
mod erase;
mod folders;
mod items;
mod members;
mod names;
mod numbering;
mod overlay;
mod pending;
mod purge;
mod queue;
mod repair;
mod shelving;
mod transfer;
mod writes;

pub use accounts::Allowance;
pub use content::{ItemChange, NewBody};
pub use epochs::CHANGES_KEPT_MAX;
pub use folders::{FolderChange, NewFolder};
pub use items::{Body, FlagOutcome, NewItem, Receipt};
pub use members::{Membership, ReadState};
pub use overlay::{OverlayInput, OverlayObject};
pub use queue::{LABEL_BYTES_MAX, QueueItem};

use super::error::ModelError;
use super::row::Origin;
use super::store::Store;
use crate::backend::{Batch, Purpose, Settlement, StagedBody, Transaction};
use crate::error::StoreError;
use crate::id::{AccountId, BodyNumber, Timestamp};
use ahead::Ahead;
use numbering::Numbering;
pub(crate) use numbering::tombstone;
use pending::Pending;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// Reads and changes of the accounts that were locked for it.
pub struct Txn<'a> {
    store: &'a Store,
    base: Box<dyn Transaction + 'a>,
    locked: Vec<AccountId>,
    origin: Origin,
    now: Timestamp,
    pending: Pending,
    ahead: RefCell<Ahead>,
    numbering: Numbering,
    bodies: Vec<Arc<StagedBody>>,
    bodies_known: HashSet<BodyNumber>,
    changed: BTreeSet<AccountId>,
    purpose: Purpose,
    conflict: Cell<bool>,
}

impl<'a> Txn<'a> {
    pub(crate) fn new(
        store: &'a Store,
        base: Box<dyn Transaction + 'a>,
        accounts: &[AccountId],
        origin: Origin,
    ) -> Self {
        Self {
            store,
            base,
            locked: accounts.to_vec(),
            origin,
            now: store.clock.now(),
            pending: Pending::default(),
            ahead: RefCell::default(),
            numbering: Numbering::default(),
            bodies: Vec::new(),
            bodies_known: HashSet::new(),
            changed: BTreeSet::new(),
            purpose: Purpose::Free,
            conflict: Cell::new(false),
        }
    }

    /// The time that everything in this transaction happens at.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Who causes it.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// True when a read found that the work must be run again.
    pub(crate) fn met_conflict(&self) -> bool {
        self.conflict.get()
    }

    /// Hands everything to the backend. Without a change the answer waits for what was seen.
    pub(crate) fn place(mut self) -> Result<Settlement, StoreError> {
        self.numbering.write_to(&mut self.pending); // Nothing reads them here any more.
        let texts = self.numbering.new_texts();
        let batch = Batch {
            writes: self.pending.into_writes(),
            bodies: self.bodies,
            changed: self.changed.into_iter().collect(),
            purpose: self.purpose,
        };
        let settlement = self.base.commit(batch)?;
        self.store.count_texts(texts);
        Ok(settlement)
    }

    /// Says that the transaction takes room, so that it is refused when the disk is nearly full.
    fn takes_room(&mut self) {
        self.purpose = Purpose::Store;
    }

    fn check_locked(&self, account: AccountId) -> Result<(), ModelError> {
        if self.locked.contains(&account) {
            Ok(())
        } else {
            Err(ModelError::NotLocked)
        }
    }

    /// Makes a body part of the commit; once is enough however many refer to it.
    fn stage(&mut self, body: &Arc<StagedBody>) {
        if self.bodies_known.insert(body.number) {
            self.bodies.push(Arc::clone(body));
        }
    }

    /// Passes a result of the backend on and remembers whether it was a conflict.
    fn noting<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if matches!(result, Err(StoreError::Conflict)) {
            self.conflict.set(true);
        }
        result
    }
}
