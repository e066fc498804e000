//! The store as the engine sees it: views, writes, watches, bodies.

use super::codec::Row;
use super::key;
use super::reads::View;
use super::row::{AccountRow, Origin, Role};
use super::txn::Txn;
use super::watch::{QUEUE_OF_ALL, Watch, Watchers};
use crate::backend::{Backend, Pending, Spool};
use crate::error::StoreError;
use crate::id::{AccountId, BodyNumber};
use crate::world::{Clock, Rng};
use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;

/// How often the work of a write is run before [`StoreError::Conflict`] is given back. After two
/// runs a backend without locks takes the rows' locks first, so more than a few means that
/// something else is wrong.
pub const ATTEMPTS_MAX: u32 = 8;

/// The store of all accounts.
pub struct Store {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    watchers: Arc<Watchers>,
}

impl Store {
    /// Takes a backend into use. There must be only one `Store` over a backend.
    pub fn open(
        backend: Arc<dyn Backend>,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Arc<Self>, StoreError> {
        let watchers = Arc::new(Watchers::default());
        let told = Arc::clone(&watchers);
        backend.watch(Box::new(move |accounts| told.announce(accounts)));
        let store = Arc::new(Self {
            backend,
            clock,
            rng,
            watchers,
        });
        super::setup::prepare(&store)?;
        Ok(store)
    }

    /// What is settled now. Short-lived: take a new one for each step.
    pub fn view(&self, account: AccountId) -> Result<View<'_>, StoreError> {
        Ok(View::new(account, self.backend.snapshot()?))
    }

    /// The settled counters of an account; `None` when there is no such account.
    ///
    /// Cheaper than a view, for questions that end with this one row.
    pub fn account_row(&self, account: AccountId) -> Result<Option<AccountRow>, StoreError> {
        let value = self.backend.value(&key::account(account))?;
        value.map(|value| AccountRow::decode(&value)).transpose()
    }

    /// Whether an account may have a folder with this role; where it says no there is none.
    ///
    /// Cheaper than a view, for what most accounts have not.
    pub fn may_have_role(&self, account: AccountId, role: Role) -> Result<bool, StoreError> {
        Ok(self.backend.value(&key::role(account, role))?.is_some())
    }

    /// Runs `work` as one atomic change of these accounts; each object it alters takes the next
    /// number.
    ///
    /// Work that alters nothing uses no number and wakes nobody; its answer still waits for what it
    /// has seen. `work` may be run again after a conflict: it must only read and change the
    /// transaction. It must not begin another write. On an error, from `work` or from the backend,
    /// nothing was written.
    pub fn write<T, E: From<StoreError>>(
        &self,
        accounts: &[AccountId],
        origin: Origin,
        work: impl Fn(&mut Txn<'_>) -> Result<T, E>,
    ) -> Result<Pending<T>, E> {
        for _ in 0..ATTEMPTS_MAX {
            let mut txn = match self.backend.begin(accounts) {
                Ok(base) => Txn::new(self, base, accounts, origin),
                Err(StoreError::Conflict) => continue,
                Err(error) => return Err(error.into()),
            };
            let answer = work(&mut txn);
            if txn.met_conflict() {
                continue;
            }
            let answer = answer?;
            match txn.place() {
                Ok(settlement) => return Ok(Pending::new(answer, settlement)),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Is told of every settled commit that changed this account.
    pub fn watch(&self, account: AccountId) -> Watch {
        self.watchers.watch(account)
    }

    /// Is told of every settled commit that changed the queue of any account.
    pub fn watch_queue(&self) -> Watch {
        self.watchers.watch(QUEUE_OF_ALL)
    }

    /// The accounts that settled commits have changed since this was last asked, each once.
    /// Nothing is noted before it is first asked.
    pub fn changed_accounts(&self) -> Vec<AccountId> {
        self.watchers.changed_accounts()
    }

    /// Has [`Store::changed_accounts`] tell this account as well, although nothing in it changed.
    pub fn note_changed(&self, account: AccountId) {
        self.watchers.note_changed(account);
    }

    /// How often an item was given a new text since the store was opened, by commits that may still
    /// be on their way to disk. Tells how much there is to read for who reads what is new.
    pub fn texts_written(&self) -> u64 {
        self.watchers.texts()
    }

    pub(super) fn count_texts(&self, texts: u64) {
        self.watchers.count_texts(texts);
    }

    /// Starts a body.
    pub fn spool(&self) -> Result<Box<dyn Spool>, StoreError> {
        self.backend.spool()
    }

    /// Reads a range of a body; shorter at its end.
    ///
    /// Errors: [`StoreError::Corrupt`] when a checksum does not match.
    pub fn read_body(&self, body: BodyNumber, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.backend.read_body(body, range)
    }
}
