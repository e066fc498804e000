//! What was read of the directory lately; any change of the directory empties it.
//!
//! Bounded: a full table is emptied, which costs less than remembering who was used last.

use super::book::Book;
use super::record::{AccountRecord, ListRecord};
use super::resolve::Resolution;
use crate::error::EngineError;
use crate::signature::Signing;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use store::StoreError;
use store::id::{AccountId, ChangeSeq, Timestamp};
use store::model::{DirectoryRecord, Watch};

/// Entries of each table; an entry is about 200 bytes.
const ENTRIES_MAX: usize = 50_000;
/// How long an account is taken for one without a quota. A quota is no part of the directory, so that
/// one given elsewhere empties no table; who is over it is then refused this much later.
const UNLIMITED_SECONDS: i64 = 60;
/// Mailboxes that are looked at one by one in the thread that asks; larger groups are left to one
/// that may take its time.
const MAILBOXES_MAX: usize = 100;
/// Longer names are looked up each time; RFC 5321 §4.5.3.1.3 ends at 256.
const NAME_BYTES_MAX: usize = 320;

/// An account's record with its number and stamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub account: AccountId,
    /// The last change of the record, which login caches are tied to.
    pub changed: ChangeSeq,
    /// What it says.
    pub record: AccountRecord,
}

impl Entry {
    pub(super) fn decode(account: AccountId, row: &DirectoryRecord) -> Result<Self, EngineError> {
        let record = AccountRecord::decode(&row.payload)?;
        Ok(Self {
            account,
            changed: row.changed,
            record,
        })
    }
}

pub(super) struct Cache(Mutex<Tables>);

struct Tables {
    watch: Watch,
    /// How often the directory changed; what was read before a change must not be kept after it.
    generation: u64,
    resolutions: HashMap<String, Arc<Resolution>>,
    accounts: HashMap<AccountId, Option<Arc<Entry>>>,
    names: HashMap<String, Option<AccountId>>,
    /// What letters are signed with, by the domain of their author.
    signings: HashMap<String, Option<Arc<Signing>>>,
    /// Whether addresses are an account's own.
    owned: HashMap<(AccountId, String), bool>,
    /// Accounts that had no quota lately, and until when they count as such.
    unlimited: HashMap<AccountId, Timestamp>,
    /// The lists that not everyone may write to; under no key, since there is one answer for all.
    restricted: HashMap<(), Arc<Restricted>>,
    /// Address books, by the domains whose addresses stand in them.
    books: HashMap<String, Arc<Book>>,
}

/// Lists that not everyone may write to, by their addresses.
pub(super) type Restricted = HashMap<String, ListRecord>;

impl Tables {
    fn forget_if_changed(&mut self) {
        if self.watch.has_changed() {
            self.generation = self.generation.wrapping_add(1);
            self.resolutions.clear();
            self.accounts.clear();
            self.names.clear();
            self.owned.clear();
            self.signings.clear();
            self.unlimited.clear();
            self.restricted.clear();
            self.books.clear();
        }
    }
}

impl Cache {
    pub(super) fn new(watch: Watch) -> Self {
        Self(Mutex::new(Tables {
            watch,
            generation: 0,
            resolutions: HashMap::new(),
            accounts: HashMap::new(),
            names: HashMap::new(),
            owned: HashMap::new(),
            signings: HashMap::new(),
            unlimited: HashMap::new(),
            restricted: HashMap::new(),
            books: HashMap::new(),
        }))
    }

    pub(super) fn resolution(
        &self,
        recipient: &str,
        read: impl FnOnce() -> Result<Resolution, EngineError>,
    ) -> Result<Arc<Resolution>, EngineError> {
        if recipient.len() > NAME_BYTES_MAX {
            return read().map(Arc::new);
        }
        self.remembered(
            |tables| &mut tables.resolutions,
            |table| table.get(recipient).cloned(),
            || recipient.to_owned(),
            || read().map(Arc::new),
        )
    }

    /// A resolution that is known already, if no mailbox in it can be full.
    pub(super) fn open_resolution(
        &self,
        recipient: &str,
        now: Timestamp,
    ) -> Option<Arc<Resolution>> {
        let mut tables = self.0.lock();
        tables.forget_if_changed();
        let found = tables.resolutions.get(recipient)?;
        let mailboxes = found.mailboxes();
        let is_open = |account| tables.unlimited.get(account).is_some_and(|end| now < *end);
        let is_known = mailboxes.len() <= MAILBOXES_MAX
            && mailboxes.iter().all(|mailbox| is_open(&mailbox.account));
        is_known.then(|| Arc::clone(found))
    }

    /// Remembers for a while that an account has no quota.
    pub(super) fn learn_unlimited(&self, account: AccountId, now: Timestamp) {
        let mut tables = self.0.lock();
        if tables.unlimited.len() >= ENTRIES_MAX {
            tables.unlimited.clear();
        }
        let lasting = UNLIMITED_SECONDS * Timestamp::PER_SECOND;
        let end = Timestamp(now.0.saturating_add(lasting));
        tables.unlimited.insert(account, end);
    }

    /// Forgets it: the account is given a quota.
    pub(super) fn forget_unlimited(&self, account: AccountId) {
        self.0.lock().unlimited.remove(&account);
    }

    pub(super) fn account(
        &self,
        account: AccountId,
        read: impl FnOnce() -> Result<Option<Entry>, EngineError>,
    ) -> Result<Option<Arc<Entry>>, EngineError> {
        self.remembered(
            |tables| &mut tables.accounts,
            |table| table.get(&account).cloned(),
            || account,
            || Ok(read()?.map(Arc::new)),
        )
    }

    pub(super) fn name(
        &self,
        name: &str,
        read: impl FnOnce() -> Result<Option<AccountId>, StoreError>,
    ) -> Result<Option<AccountId>, EngineError> {
        if name.len() > NAME_BYTES_MAX {
            return Ok(None);
        }
        self.remembered(
            |tables| &mut tables.names,
            |table| table.get(name).copied(),
            || name.to_owned(),
            || Ok(read()?),
        )
    }

    pub(super) fn signing(
        &self,
        domain: &str,
        read: impl FnOnce() -> Result<Option<Signing>, EngineError>,
    ) -> Result<Option<Arc<Signing>>, EngineError> {
        self.remembered(
            |tables| &mut tables.signings,
            |table| table.get(domain).cloned(),
            || domain.to_owned(),
            || Ok(read()?.map(Arc::new)),
        )
    }

    /// Whether an address is an account's own; the address in canonical form.
    pub(super) fn owned(
        &self,
        account: AccountId,
        address: &str,
        read: impl FnOnce() -> Result<bool, EngineError>,
    ) -> Result<bool, EngineError> {
        let key = (account, address.to_owned());
        self.remembered(
            |tables| &mut tables.owned,
            |table| table.get(&key).copied(),
            || key.clone(),
            read,
        )
    }

    /// The same, if it is known already.
    pub(super) fn known_owned(&self, account: AccountId, address: &str) -> Option<bool> {
        let mut tables = self.0.lock();
        tables.forget_if_changed();
        tables.owned.get(&(account, address.to_owned())).copied()
    }

    pub(super) fn restricted(
        &self,
        read: impl FnOnce() -> Result<Restricted, EngineError>,
    ) -> Result<Arc<Restricted>, EngineError> {
        self.remembered(
            |tables| &mut tables.restricted,
            |table| table.get(&()).cloned(),
            || (),
            || read().map(Arc::new),
        )
    }

    pub(super) fn book(
        &self,
        domains: &str,
        read: impl FnOnce() -> Result<Book, EngineError>,
    ) -> Result<Arc<Book>, EngineError> {
        self.remembered(
            |tables| &mut tables.books,
            |table| table.get(domains).cloned(),
            || domains.to_owned(),
            || read().map(Arc::new),
        )
    }

    /// What the table has, else what `read` gives, which is kept unless the directory changed
    /// meanwhile.
    fn remembered<K: Hash + Eq, V: Clone>(
        &self,
        table: impl Fn(&mut Tables) -> &mut HashMap<K, V>,
        find: impl FnOnce(&HashMap<K, V>) -> Option<V>,
        key: impl FnOnce() -> K,
        read: impl FnOnce() -> Result<V, EngineError>,
    ) -> Result<V, EngineError> {
        let mut tables = self.0.lock();
        tables.forget_if_changed();
        if let Some(found) = find(table(&mut tables)) {
            return Ok(found);
        }
        let generation = tables.generation;
        drop(tables);
        let value = read()?;
        let mut tables = self.0.lock();
        tables.forget_if_changed();
        if tables.generation == generation {
            let table = table(&mut tables);
            if table.len() >= ENTRIES_MAX {
                table.clear();
            }
            table.insert(key(), value.clone());
        }
        Ok(value)
    }
}
