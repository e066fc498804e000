//! Accounts: made with their folders, changed, renamed, removed.

use super::super::record::{AccountKind, AccountRecord};
use super::super::{Address, FetchPolicy, certificate_key};
use super::{
    NewPassword, alter_account, check_domain, new_address, put_address, read_account,
    remove_address,
};
use crate::account::MAIL_ROOT;
use crate::engine::Engine;
use crate::error::EngineError;
use store::StoreError;
use store::backend::Pending;
use store::id::{AccountId, FolderId};
use store::model::{AddressTarget, DirectoryKind, NewFolder, Origin, Reads, Role, Txn};

/// How often a number that someone else took meanwhile is tried anew.
const ATTEMPTS_MAX: u32 = 16;

/// The folders of a new account, as people know them from elsewhere. No archive: programs that want
/// one make it themselves, under the name they like.
const FOLDERS: [(&str, Role); 5] = [
    ("Inbox", Role::Inbox),
    ("Drafts", Role::Drafts),
    ("Sent", Role::Sent),
    ("Junk", Role::Junk),
    ("Trash", Role::Trash),
];

/// What is to be changed of an account: what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    /// The name people read.
    pub display_name: Option<String>,
    /// Whether it may be signed in to.
    pub enabled: Option<bool>,
    /// Whether it may use the administration.
    pub administrator: Option<bool>,
    /// What becomes of fetched letters.
    pub fetch_policy: Option<FetchPolicy>,
    /// Most bytes; `Some(None)` is without limit.
    pub quota_bytes: Option<Option<u64>>,
}

/// An account as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountState {
    /// Its number.
    pub account: AccountId,
    /// What the directory says.
    pub record: AccountRecord,
    /// Most bytes.
    pub quota_bytes: Option<u64>,
    /// Bytes in use.
    pub used_bytes: u64,
    /// Bytes that can still be brought back.
    pub recoverable_bytes: u64,
}

impl Engine {
    /// Makes an account with its folders. Nobody can sign in to it before it has a password.
    ///
    /// Errors: [`EngineError::NameTaken`], [`EngineError::NoSuchDomain`],
    /// [`EngineError::NameRefused`].
    pub fn add_account(
        &self,
        address: &str,
        kind: AccountKind,
        password: Option<NewPassword<'_>>,
    ) -> Result<Pending<AccountId>, EngineError> {
        let address = new_address(address)?;
        let mut record = AccountRecord::new(kind, address.to_string());
        if let Some(password) = password {
            self.put_password(&mut record, password)?;
        }
        // The account must be locked before its number is drawn, so the number is guessed and
        // checked.
        for _ in 0..ATTEMPTS_MAX {
            let account = self.next_account()?;
            let locked = [AccountId::DIRECTORY, account];
            let made = self.store().write(&locked, Origin::default(), |txn| {
                self.make_account(txn, account, &address, &record)
            });
            if !matches!(made, Err(EngineError::Store(StoreError::Conflict))) {
                return made;
            }
        }
        Err(EngineError::Store(StoreError::Conflict))
    }

    fn next_account(&self) -> Result<AccountId, EngineError> {
        let row = self.directory().view()?.account_row(AccountId::DIRECTORY)?;
        Ok(AccountId(
            row.ok_or(EngineError::NoSuchAccount)?.next_object,
        ))
    }

    fn make_account(
        &self,
        txn: &mut Txn<'_>,
        account: AccountId,
        address: &Address,
        record: &AccountRecord,
    ) -> Result<AccountId, EngineError> {
        check_domain(txn, address)?;
        let number = txn.add_directory(DirectoryKind::Account, record.encode())?;
        if number != account.0 {
            return Err(StoreError::Conflict.into());
        }
        put_address(
            txn,
            address,
            AddressTarget {
                kind: DirectoryKind::Account,
                number,
            },
        )?;
        txn.create_account(account)?;
        txn.set_quota(account, self.settings().quota_bytes)?;
        make_folders(txn, account)?;
        Ok(account)
    }

    /// All accounts.
    pub fn accounts(&self) -> Result<Vec<AccountState>, EngineError> {
        let view = self.directory().view()?;
        let mut states = Vec::new();
        for (number, row) in view.directory_records(DirectoryKind::Account)? {
            let record = AccountRecord::decode(&row.payload)?;
            let account = AccountId(number);
            let counters = view.account_row(account)?.unwrap_or_default();
            states.push(AccountState {
                account,
                record,
                quota_bytes: counters.quota_bytes,
                used_bytes: counters.used_bytes,
                recoverable_bytes: counters.recoverable_bytes,
            });
        }
        Ok(states)
    }

    /// The account with this address, also one of its other addresses.
    ///
    /// Errors: [`EngineError::NoSuchAccount`].
    pub fn account_at(&self, address: &str) -> Result<AccountId, EngineError> {
        let entry = self.directory().sign_in_name(address)?;
        Ok(entry.ok_or(EngineError::NoSuchAccount)?.account)
    }

    /// Changes what the directory says of an account, and its quota.
    pub fn change_account(
        &self,
        account: AccountId,
        change: &AccountChange,
    ) -> Result<Pending<()>, EngineError> {
        let locked = [AccountId::DIRECTORY, account];
        let pending = self.store().write(&locked, Origin::default(), |txn| {
            if let Some(quota_bytes) = change.quota_bytes {
                txn.set_quota(account, quota_bytes)?;
            }
            alter_account(txn, account, |record| {
                if let Some(name) = &change.display_name {
                    record.display_name.clone_from(name);
                }
                record.enabled = change.enabled.unwrap_or(record.enabled);
                record.administrator = change.administrator.unwrap_or(record.administrator);
                record.fetch_policy = change.fetch_policy.unwrap_or(record.fetch_policy);
                Ok(())
            })
        });
        self.directory().forget_unlimited(account);
        pending
    }

    /// Gives an account another first address; the old one stays as a further address of its own.
    pub fn rename_account(
        &self,
        account: AccountId,
        address: &str,
    ) -> Result<Pending<()>, EngineError> {
        let address = new_address(address)?;
        self.change_directory(|txn| {
            check_domain(txn, &address)?;
            let number = account.0;
            put_address(
                txn,
                &address,
                AddressTarget {
                    kind: DirectoryKind::Account,
                    number,
                },
            )?;
            alter_account(txn, account, |record| {
                let new = address.to_string();
                let old = std::mem::replace(&mut record.address, new.clone());
                record.other_addresses.push(old);
                record.other_addresses.retain(|other| *other != new);
                Ok(())
            })
        })
    }

    /// Removes an account from the directory; its addresses are free again. Its data stays until it
    /// is purged by the administration, and its number is never given to another.
    pub fn remove_account(&self, account: AccountId) -> Result<Pending<()>, EngineError> {
        self.change_directory(|txn| {
            let record = read_account(txn, account)?;
            for address in record.other_addresses.iter().chain([&record.address]) {
                remove_address(txn, address)?;
            }
            for known in &record.certificates {
                remove_address(txn, &certificate_key(&known.fingerprint))?;
            }
            Ok(txn.remove_directory(DirectoryKind::Account, account.0)?)
        })
    }
}

/// The root, the top of the mail tree, and the folders people expect.
fn make_folders(txn: &mut Txn<'_>, account: AccountId) -> Result<(), EngineError> {
    let hidden = |parent, name: &str, role| NewFolder {
        parent,
        name: name.to_owned(),
        role,
        hidden: true,
        ..NewFolder::default()
    };
    let root = txn.create_folder(account, &hidden(None, "Root", Role::Root))?;
    let top = txn.create_folder(account, &hidden(Some(root), "Mail", Role::MailRoot))?;
    if (root, top) != (FolderId(1), MAIL_ROOT) {
        return Err(EngineError::NumberRefused); // Other code counts on these numbers.
    }
    for (name, role) in FOLDERS {
        let new = NewFolder {
            parent: Some(MAIL_ROOT),
            name: name.to_owned(),
            role,
            subscribed: true,
            ..NewFolder::default()
        };
        txn.create_folder(account, &new)?;
    }
    Ok(())
}
