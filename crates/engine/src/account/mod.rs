//! A mailbox as one user may use it: permission-checked reads and writes of one account.
//!
//! [`Account::read`] gives a [`View`] that lives for one step; [`Account::write`] runs work on a
//! [`Txn`] as one commit. Both read through [`Reading`]. The owner has every right; a guest has
//! what the folders' grants say. Here are the rules that hold for every protocol: rights, quota,
//! special folders, limits of names and counts.
//!
//! Start at [`Account`].

mod access_keys;
mod across;
pub mod annotations;
pub(crate) mod event;
mod imported;
mod message;
mod quota;
mod rights;
pub(crate) mod scripts;
mod subscriptions;
mod txn;
pub mod values;
mod view;
mod withdrawal;

pub use access_keys::{AccessKey, AccessKeyMark, Renewal};
pub use imported::RetrievalNames;
pub use message::Message;
pub use quota::{Quota, Use, shows_letters};
pub(crate) use quota::{has_room, has_room_for_folder};
pub use rights::rights_of;
pub use scripts::{SCRIPT_BYTES_MAX, SCRIPTS_MAX, StoredScript};
pub use subscriptions::names_kept;
pub use txn::{NewLetter, Transfer, Txn};
pub use view::{Folder, MAIL_ROOT, ROOT, Reading, View};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::spam::Lesson;
use crate::upload::Upload;
use bytes::Bytes;
use event::Event;
use parking_lot::Mutex;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use store::StoreError;
use store::backend::{Pending, Settlement};
use store::id::{AccountId, ItemKey};
use store::model::{ItemRow, Origin, Reads, Watch};

/// Whether the actor owns the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// All rights.
    Owner,
    /// What the folders' grants give.
    Guest,
}

/// What a transaction's changes lead to once it is placed.
#[derive(Default)]
pub(crate) struct Noted {
    lessons: Vec<Lesson>,
    events: Vec<Event>,
}

impl Noted {
    fn take(txn: &mut Txn<'_, '_>) -> Self {
        Self {
            lessons: txn.take_lessons(),
            events: txn.take_events(),
        }
    }

    /// Hands it to who learns and who runs scripts.
    pub(crate) fn keep(self, engine: &Engine, settlement: &Settlement) {
        engine.lessons().note(self.lessons);
        engine.events().note(settlement, self.events);
    }
}

/// A mailbox as one user may use it. Cheap to clone.
#[derive(Clone)]
pub struct Account {
    engine: Engine,
    owner: AccountId,
    origin: Origin,
    standing: Standing,
    /// Whether the actor may use the administration.
    administrator: bool,
    /// The groups that a guest is in, by their numbers in the directory.
    groups: Arc<[AccountId]>,
    /// Whether folders that were removed are found by their ids.
    shows_removed: bool,
}

impl Account {
    pub(crate) fn of_owner(engine: Engine, owner: AccountId, origin: Origin) -> Self {
        let (standing, groups) = (Standing::Owner, Arc::default());
        Self {
            engine,
            owner,
            origin,
            standing,
            administrator: false,
            groups,
            shows_removed: false,
        }
    }

    pub(crate) fn of_guest(
        engine: Engine,
        owner: AccountId,
        origin: Origin,
        groups: Vec<AccountId>,
    ) -> Self {
        Self {
            engine,
            owner,
            origin,
            standing: Standing::Guest,
            administrator: false,
            groups: groups.into(),
            shows_removed: false,
        }
    }

    pub(crate) fn with_administrator(mut self, administrator: bool) -> Self {
        self.administrator = administrator;
        self
    }

    /// The same mailbox, in which its owner finds folders that were removed, too, by their ids.
    /// They can be read, and what is in them can be taken out; nothing else changes there, and
    /// lists of folders leave them out as ever.
    #[must_use]
    pub fn showing_removed(mut self) -> Self {
        self.shows_removed = self.standing == Standing::Owner;
        self
    }

    /// The mailbox of another, as the same user may use it.
    ///
    /// Errors: [`EngineError::NoSuchAccount`].
    pub fn another(&self, owner: AccountId) -> Result<Self, EngineError> {
        if owner == self.owner {
            return Ok(self.clone());
        }
        let other = self.engine.account_of_actor(self.origin, owner)?;
        Ok(other.with_administrator(self.administrator))
    }

    /// The mailbox of another with all that its owner may do, for administrators; the change log
    /// says who it was.
    ///
    /// Errors: [`EngineError::Denied`] for everyone else, [`EngineError::NoSuchAccount`].
    pub fn another_as_owner(&self, owner: AccountId) -> Result<Self, EngineError> {
        if owner != self.owner && !self.administrator {
            return Err(EngineError::Denied);
        }
        let entry = self.engine.directory().account(owner)?;
        entry.ok_or(EngineError::NoSuchAccount)?;
        let account = Self::of_owner(self.engine.clone(), owner, self.origin);
        Ok(account.with_administrator(self.administrator))
    }

    /// True if it is the mailbox of who acts.
    pub fn is_own(&self) -> bool {
        self.owner == self.origin.actor
    }

    /// Whose mailbox it is.
    pub fn id(&self) -> AccountId {
        self.owner
    }

    /// Who acts, and in which session: what the change log says of changes made here.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn standing(&self) -> Standing {
        self.standing
    }

    pub(crate) fn shows_removed(&self) -> bool {
        self.shows_removed
    }

    pub(crate) fn is_administrator(&self) -> bool {
        self.administrator
    }

    pub(crate) fn groups(&self) -> &[AccountId] {
        &self.groups
    }

    /// What is settled now. Take a new one for each step; none may outlive one.
    pub fn read(&self) -> Result<View<'_>, EngineError> {
        Ok(View::new(self, self.engine.store().view(self.owner)?))
    }

    /// Runs `work` as one atomic change; each object it alters takes the next number.
    ///
    /// `work` may be run again after a conflict: it must only read and change the transaction. On
    /// an error nothing was written. Nothing may be told before the answer is settled.
    pub fn write<T, E: From<EngineError>>(
        &self,
        work: impl Fn(&mut Txn<'_, '_>) -> Result<T, E>,
    ) -> Result<Pending<T>, E> {
        let noted = Mutex::new(Noted::default());
        let written = self
            .engine
            .store()
            .write(&[self.owner], self.origin, |txn| {
                let mut txn = Txn::new(self, txn);
                let answer = work(&mut txn).map_err(Refused);
                *noted.lock() = Noted::take(&mut txn);
                answer
            });
        let written = written.map_err(|refused| refused.0)?;
        let (answer, settlement) = written.split();
        noted.into_inner().keep(&self.engine, &settlement);
        Ok(Pending::new(answer, settlement))
    }

    /// Runs work within a transaction that holds more than this account; what it answers is to be
    /// kept once that is placed.
    pub(crate) fn within(
        &self,
        txn: &mut store::model::Txn<'_>,
        work: &dyn Fn(&mut Txn<'_, '_>) -> Result<(), EngineError>,
    ) -> Result<Noted, EngineError> {
        let mut txn = Txn::new(self, txn);
        work(&mut txn)?;
        Ok(Noted::take(&mut txn))
    }

    /// Is told of every settled commit that changed this account.
    pub fn watch(&self) -> Watch {
        self.engine.store().watch(self.owner)
    }

    /// Starts a letter that comes in pieces.
    pub fn upload(&self) -> Result<Upload, EngineError> {
        self.engine.upload()
    }

    /// An item's bytes, to be read in ranges.
    pub fn message(&self, item: &ItemRow) -> Result<Message, EngineError> {
        let prefix = self.prefix(item.item)?;
        Ok(Message::new(self.engine.clone(), prefix, item))
    }

    /// The same, when the details were read already.
    pub fn message_with_prefix(&self, item: &ItemRow, prefix: Bytes) -> Message {
        Message::new(self.engine.clone(), prefix, item)
    }

    /// A range of an item's bytes, prefix and body together; shorter at its end.
    pub fn read_message(&self, item: &ItemRow, range: Range<u64>) -> Result<Bytes, EngineError> {
        self.message(item)?.read(range)
    }

    fn prefix(&self, item: ItemKey) -> Result<Bytes, EngineError> {
        let view = self.engine.store().view(self.owner)?;
        let details = view
            .details(self.owner, item)?
            .ok_or(EngineError::NoSuchItem)?;
        Ok(details.prefix)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Account");
        let shown = shown.field("owner", &self.owner);
        shown.field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Carries the error of some work through the store's write.
struct Refused<E>(E);

impl<E: From<EngineError>> From<StoreError> for Refused<E> {
    fn from(error: StoreError) -> Self {
        Self(EngineError::from(error).into())
    }
}
