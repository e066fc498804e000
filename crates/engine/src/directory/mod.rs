//! Who and what has an address here: domains, accounts, aliases, groups.
//!
//! Objects have permanent numbers; addresses lead to them and may change. Reading goes through a
//! cache that a change of the directory empties, so that a recipient costs about a microsecond.
//! [`administration`] has the verbs that change it.
//!
//! Start at [`Directory::resolve`] for recipients, at [`Directory::sign_in_name`] for users.
//!
//! Standards: RFC 5321 §4.5.1 (postmaster), RFC 2142 §2, §4 (abuse), RFC 5233 (sub-addresses).

pub mod address;
pub mod administration;
pub mod book;
mod cache;
mod posting;
pub mod record;
mod resolve;

use crate::error::EngineError;
use crate::signature::Signing;
pub use address::Address;
pub use book::{ANY_LANGUAGE, Book, BookEntry, BookKind, NameOrder};
use cache::Cache;
pub use cache::Entry;
pub use posting::May;
use record::DomainRecord;
pub use record::{
    AccountKind, AccountRecord, AppPassword, ClientCertificate, FetchPolicy, ListRecord, Posting,
};
pub use resolve::{Mailbox, Resolution};
use std::sync::Arc;
use store::StoreError;
use store::id::{AccountId, Timestamp};
use store::model::{DirectoryKind, Reads, Store, View};

/// The directory, for reading.
pub struct Directory {
    store: Arc<Store>,
    tag_separator: Option<char>,
    cache: Cache,
}

impl Directory {
    pub(crate) fn new(store: Arc<Store>, tag_separator: Option<char>) -> Self {
        let cache = Cache::new(store.watch(AccountId::DIRECTORY));
        Self {
            store,
            tag_separator,
            cache,
        }
    }

    pub(crate) fn view(&self) -> Result<View<'_>, StoreError> {
        self.store.view(AccountId::DIRECTORY)
    }

    /// Where a letter to this address goes. The address is `local@domain` as it came, without
    /// brackets.
    pub fn resolve(&self, recipient: &str) -> Result<Arc<Resolution>, EngineError> {
        self.cache.resolution(recipient, || {
            resolve::Lookup::new(&self.view()?, self.tag_separator).resolve(recipient)
        })
    }

    /// What [`Directory::resolve`] would say, if that is known without the disk and none of the
    /// mailboxes can be full.
    pub(crate) fn open_resolution(
        &self,
        recipient: &str,
        now: Timestamp,
    ) -> Option<Arc<Resolution>> {
        self.cache.open_resolution(recipient, now)
    }

    /// Remembers for a while that an account has no quota.
    pub(crate) fn learn_unlimited(&self, account: AccountId, now: Timestamp) {
        self.cache.learn_unlimited(account, now);
    }

    /// Forgets it: the account is given a quota.
    pub(crate) fn forget_unlimited(&self, account: AccountId) {
        self.cache.forget_unlimited(account);
    }

    /// An account's record.
    pub fn account(&self, account: AccountId) -> Result<Option<Arc<Entry>>, EngineError> {
        self.cache.account(account, || {
            let found = self
                .view()?
                .directory_record(DirectoryKind::Account, account.0)?;
            found.map(|row| Entry::decode(account, &row)).transpose()
        })
    }

    /// The account that this certificate was given to.
    pub(crate) fn certificate(
        &self,
        fingerprint: &[u8; 32],
    ) -> Result<Option<Arc<Entry>>, EngineError> {
        let target = self.view()?.address(&certificate_key(fingerprint))?;
        let target = target.filter(|target| target.kind == DirectoryKind::Account);
        target.map_or(Ok(None), |target| self.account(AccountId(target.number)))
    }

    /// The account that someone means who signs in with this name: one of its own addresses.
    ///
    /// A name without a domain is looked for in the only domain, if there is only one.
    pub fn sign_in_name(&self, name: &str) -> Result<Option<Arc<Entry>>, EngineError> {
        let Some(account) = self.cache.name(name, || self.find_name(name))? else {
            return Ok(None);
        };
        self.account(account)
    }

    fn find_name(&self, name: &str) -> Result<Option<AccountId>, StoreError> {
        let Some(address) = self.sign_in_address(name)? else {
            return Ok(None);
        };
        let target = self.view()?.address(address.as_str())?;
        Ok(target
            .filter(|target| target.kind == DirectoryKind::Account)
            .map(|target| AccountId(target.number)))
    }

    /// The address that someone means who signs in with this name, whether or not it is anyone's.
    pub(crate) fn sign_in_address(&self, name: &str) -> Result<Option<Address>, StoreError> {
        if name.contains('@') {
            return Ok(Address::parse(name).ok());
        }
        Ok(match domains(&self.view()?)?.as_slice() {
            [only] => Address::of(name, &only.name).ok(),
            _ => None,
        })
    }

    /// True when a user may send with this address: it is the account's own, with or without a tag,
    /// or an alias that leads to it alone or among others. Groups do not count.
    pub fn owns(&self, account: AccountId, address: &str) -> Result<bool, EngineError> {
        let Ok(address) = Address::parse(address) else {
            return Ok(false);
        };
        self.cache.owned(account, address.as_str(), || {
            let view = self.view()?;
            let lookup = resolve::Lookup::new(&view, self.tag_separator);
            lookup.is_of(&address, account)
        })
    }

    /// The same, if it is known without reading the disk.
    pub fn recall_owned(&self, account: AccountId, address: &str) -> Option<bool> {
        let address = Address::parse(address).ok()?;
        self.cache.known_owned(account, address.as_str())
    }

    /// What `read` says of a domain's keys, read once after each change of the directory.
    pub(crate) fn signing(
        &self,
        domain: &str,
        read: impl FnOnce() -> Result<Option<Signing>, EngineError>,
    ) -> Result<Option<Arc<Signing>>, EngineError> {
        self.cache.signing(domain, read)
    }

    /// The groups that an account is in, also through other groups.
    pub fn groups_of(&self, account: AccountId) -> Result<Vec<AccountId>, EngineError> {
        let mut groups = Vec::new();
        for (number, row) in self.view()?.directory_records(DirectoryKind::Group)? {
            let group = ListRecord::decode(&row.payload)?;
            if let Resolution::Local { mailboxes, .. } = &*self.resolve(&group.address)?
                && mailboxes.iter().any(|mailbox| mailbox.account == account)
            {
                groups.push(AccountId(number));
            }
        }
        Ok(groups)
    }

    /// The account or group that has this address, as rights name it: by its number.
    pub fn grantee(&self, address: &str) -> Result<Option<AccountId>, EngineError> {
        if let Some(entry) = self.sign_in_name(address)? {
            return Ok(Some(entry.account));
        }
        let Ok(address) = Address::parse(address) else {
            return Ok(None);
        };
        let target = self.view()?.address(address.as_str())?;
        let group = target.filter(|target| target.kind == DirectoryKind::Group);
        Ok(group.map(|target| AccountId(target.number)))
    }

    /// The address of an account or group; `None` for one that was removed.
    pub fn grantee_address(&self, number: AccountId) -> Result<Option<String>, EngineError> {
        if let Some(entry) = self.account(number)? {
            return Ok(Some(entry.record.address.clone()));
        }
        let view = self.view()?;
        let group = view.directory_record(DirectoryKind::Group, number.0)?;
        let group = group
            .map(|row| ListRecord::decode(&row.payload))
            .transpose()?;
        Ok(group.map(|group| group.address))
    }

    /// True when mail for this domain is received here.
    pub fn has_domain(&self, domain: &str) -> Result<bool, EngineError> {
        let Ok(domain) = address::canonical_domain(domain) else {
            return Ok(false);
        };
        Ok(self.view()?.address(&domain_key(&domain))?.is_some())
    }
}

/// The name under which a certificate stands among the addresses; no address is without an `@`.
pub(crate) fn certificate_key(fingerprint: &[u8; 32]) -> String {
    format!(
        "certificate {}",
        blake3::Hash::from_bytes(*fingerprint).to_hex()
    )
}

/// The name under which a domain stands among the addresses.
pub(crate) fn domain_key(domain: &str) -> String {
    format!("@{domain}")
}

/// All domains, in the order they were made.
pub(crate) fn domains(view: &impl Reads) -> Result<Vec<DomainRecord>, StoreError> {
    let rows = view.directory_records(DirectoryKind::Domain)?;
    rows.iter()
        .map(|(_, row)| DomainRecord::decode(&row.payload))
        .collect()
}
