//! The verbs that change the directory, for the administration's commands and for people's own settings.
//!
//! Each is one commit, and answers are plain values that `server` writes out. Addresses are brought into
//! canonical form here; every address of an account, alias or group is in a domain that is ours.
//!
//! Start at [`Engine::add_account`].

use super::record::{AccountKind, AccountRecord, AppPassword, DomainRecord, ListRecord};
use super::{Address, FetchPolicy, address, domain_key};
use crate::account::MAIL_ROOT;
use crate::authentication::{imported, password, scram};
use crate::engine::Engine;
use crate::error::EngineError;
use store::StoreError;
use store::backend::Pending;
use store::id::{AccountId, FolderId};
use store::model::{AddressTarget, DirectoryKind, ModelError, NewFolder, Origin, Reads, Role, Txn};

/// App passwords of one account: more than anyone has programs, and small enough for one record.
const APP_PASSWORDS_MAX: usize = 50;
/// Addresses that one alias or group leads to, so that its record fits into one value.
const TARGETS_MAX: usize = 500;
/// Letters of an app password: 5 bits each, so 100 bits.
const APP_PASSWORD_LETTERS: usize = 20;
/// Letters that cannot be mistaken for one another when read aloud or typed.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// How often a number that someone else took meanwhile is tried anew.
const ATTEMPTS_MAX: u32 = 16;

/// The folders of a new account, as people know them from elsewhere.
const FOLDERS: [(&str, Role); 6] = [
    ("Inbox", Role::Inbox),
    ("Drafts", Role::Drafts),
    ("Sent", Role::Sent),
    ("Junk", Role::Junk),
    ("Trash", Role::Trash),
    ("Archive", Role::Archive),
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

/// An alias or group as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListState {
    /// Its number.
    pub number: u32,
    /// True for groups.
    pub is_group: bool,
    /// What the directory says.
    pub record: ListRecord,
}

/// A password to be set.
#[derive(Clone, Copy)]
pub enum NewPassword<'a> {
    /// The password itself.
    Plain(&'a str),
    /// A hash from another server, or `{PLAIN}` with the password.
    Imported(&'a str),
}

impl Engine {
    /// Receives mail for a domain from now on.
    ///
    /// Errors: [`EngineError::NameTaken`], [`EngineError::NameRefused`].
    pub fn add_domain(&self, name: &str) -> Result<Pending<()>, EngineError> {
        let name = address::canonical_domain(name)?;
        self.change_directory(|txn| {
            let key = domain_key(&name);
            if txn.address(&key)?.is_some() {
                return Err(EngineError::NameTaken);
            }
            let record = DomainRecord {
                name: name.clone(),
                catch_all: None,
            };
            let number = txn.add_directory(DirectoryKind::Domain, record.encode())?;
            let target = AddressTarget {
                kind: DirectoryKind::Domain,
                number,
            };
            Ok(txn.put_address(&key, target)?)
        })
    }

    /// The domains whose mail is received here.
    pub fn domains(&self) -> Result<Vec<DomainRecord>, EngineError> {
        Ok(super::domains(&self.directory().view()?)?)
    }

    /// Says who receives what is addressed to nobody in a domain; `None`: it is refused.
    pub fn set_catch_all(
        &self,
        domain: &str,
        target: Option<&str>,
    ) -> Result<Pending<()>, EngineError> {
        let name = address::canonical_domain(domain)?;
        let target = target.map(Address::parse).transpose()?;
        self.change_directory(|txn| {
            let number = domain_number(txn, &name)?;
            let catch_all = target.as_ref().map(Address::to_string);
            let record = DomainRecord {
                name: name.clone(),
                catch_all,
            };
            Ok(txn.put_directory(DirectoryKind::Domain, number, record.encode())?)
        })
    }

    /// No longer receives mail for a domain.
    ///
    /// Errors: [`EngineError::HasChildren`] while an address in it leads somewhere.
    pub fn remove_domain(&self, name: &str) -> Result<Pending<()>, EngineError> {
        let name = address::canonical_domain(name)?;
        self.change_directory(|txn| {
            let number = domain_number(txn, &name)?;
            if all_addresses(txn)?
                .iter()
                .any(|address| address.domain() == name)
            {
                return Err(EngineError::HasChildren);
            }
            txn.remove_address(&domain_key(&name))?;
            Ok(txn.remove_directory(DirectoryKind::Domain, number)?)
        })
    }

    /// Makes an account with its folders. Nobody can sign in to it before it has a password.
    ///
    /// Errors: [`EngineError::NameTaken`], [`EngineError::NoSuchDomain`], [`EngineError::NameRefused`].
    pub fn add_account(
        &self,
        address: &str,
        kind: AccountKind,
        password: Option<NewPassword<'_>>,
    ) -> Result<Pending<AccountId>, EngineError> {
        let address = Address::parse(address)?;
        let mut record = AccountRecord::new(kind, address.to_string());
        if let Some(password) = password {
            self.put_password(&mut record, password)?;
        }
        // The account must be locked before its number is drawn, so the number is guessed and checked.
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
        self.store().write(&locked, Origin::default(), |txn| {
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
        })
    }

    /// Gives an account another first address; the old one stays as a further address of its own.
    pub fn rename_account(
        &self,
        account: AccountId,
        address: &str,
    ) -> Result<Pending<()>, EngineError> {
        let address = Address::parse(address)?;
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

    /// Removes an account from the directory; its addresses are free again. Its data stays until it is purged by
    /// the administration, and its number is never given to another.
    pub fn remove_account(&self, account: AccountId) -> Result<Pending<()>, EngineError> {
        self.change_directory(|txn| {
            let record = read_account(txn, account)?;
            for address in record.other_addresses.iter().chain([&record.address]) {
                remove_address(txn, address)?;
            }
            Ok(txn.remove_directory(DirectoryKind::Account, account.0)?)
        })
    }

    /// Sets an account's password.
    ///
    /// Errors: [`EngineError::NameRefused`] for one that is empty or too long, [`EngineError::UnknownScheme`].
    pub fn set_password(
        &self,
        account: AccountId,
        password: NewPassword<'_>,
    ) -> Result<Pending<()>, EngineError> {
        let mut made = AccountRecord::new(AccountKind::Person, String::new());
        self.put_password(&mut made, password)?;
        self.change_directory(|txn| {
            alter_account(txn, account, |record| {
                record.password.clone_from(&made.password);
                record.scram.clone_from(&made.scram);
                Ok(())
            })
        })
    }

    /// Makes the hash of a password anew that has just been found right.
    pub(crate) fn renew_password(
        &self,
        account: AccountId,
        password: &str,
    ) -> Result<Pending<()>, EngineError> {
        self.set_password(account, NewPassword::Plain(password))
    }

    fn put_password(
        &self,
        record: &mut AccountRecord,
        password: NewPassword<'_>,
    ) -> Result<(), EngineError> {
        let plain = match password {
            NewPassword::Plain(plain) => plain,
            NewPassword::Imported(text) => match plain_text(text) {
                Some(plain) => plain,
                None if imported::is_known(text) => {
                    record.password = Some(text.to_owned());
                    record.scram = None;
                    return Ok(());
                }
                None => return Err(EngineError::UnknownScheme),
            },
        };
        if plain.is_empty() || plain.len() > password::PASSWORD_BYTES_MAX {
            return Err(EngineError::NameRefused("a password has 1 to 1024 bytes"));
        }
        let hash = password::hash(plain, self.random(), self.settings().password_cost);
        record.password =
            Some(hash.ok_or(EngineError::NameRefused("cost of hashing out of range"))?);
        record.scram = Some(scram::Verifier::new(plain, self.random(), scram::ROUNDS));
        Ok(())
    }

    /// Makes a password for one program and answers it; it is shown this once and kept as a hash.
    ///
    /// Errors: [`EngineError::NameTaken`], [`EngineError::TooMany`].
    pub fn add_app_password(
        &self,
        account: AccountId,
        name: &str,
    ) -> Result<Pending<String>, EngineError> {
        let password = self.new_app_password();
        let hash = self.app_password_hash(account, &password);
        let created = self.now();
        let made = self.change_directory(|txn| {
            alter_account(txn, account, |record| {
                if record.app_passwords.len() >= APP_PASSWORDS_MAX {
                    return Err(EngineError::TooMany("app passwords"));
                }
                if record.app_passwords.iter().any(|known| known.name == name) {
                    return Err(EngineError::NameTaken);
                }
                record.app_passwords.push(AppPassword {
                    name: name.to_owned(),
                    hash,
                    created,
                });
                Ok(())
            })
        })?;
        Ok(made.map(|()| password))
    }

    /// Makes a program's password invalid.
    pub fn remove_app_password(
        &self,
        account: AccountId,
        name: &str,
    ) -> Result<Pending<()>, EngineError> {
        self.change_directory(|txn| {
            alter_account(txn, account, |record| {
                let before = record.app_passwords.len();
                record.app_passwords.retain(|known| known.name != name);
                if record.app_passwords.len() == before {
                    return Err(EngineError::NoSuchEntry);
                }
                Ok(())
            })
        })
    }

    fn new_app_password(&self) -> String {
        let random: [u8; APP_PASSWORD_LETTERS] = self.random();
        let letter = |byte: u8| {
            ALPHABET
                .get(usize::from(byte % 32))
                .copied()
                .unwrap_or(b'a')
        };
        let letters: Vec<char> = random
            .iter()
            .map(|&byte| char::from(letter(byte)))
            .collect();
        let groups: Vec<String> = letters
            .chunks(5)
            .map(|group| group.iter().collect())
            .collect();
        groups.join("-")
    }

    /// The keyed hash of an app password. Dashes are for reading only.
    pub(crate) fn app_password_hash(&self, account: AccountId, password: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(self.secret());
        hasher.update(b"app password");
        hasher.update(&account.0.to_be_bytes());
        password
            .bytes()
            .filter(|&byte| byte != b'-')
            .for_each(|byte| {
                hasher.update(&[byte]);
            });
        *hasher.finalize().as_bytes()
    }

    /// Lets an address lead to others: an alias, or with a display name a group.
    ///
    /// Errors: [`EngineError::NameTaken`], [`EngineError::NoSuchDomain`], [`EngineError::TooMany`].
    pub fn add_list(
        &self,
        address: &str,
        display_name: Option<&str>,
        targets: &[&str],
    ) -> Result<Pending<()>, EngineError> {
        let address = Address::parse(address)?;
        let record = ListRecord {
            address: address.to_string(),
            display_name: display_name.unwrap_or_default().to_owned(),
            targets: canonical_targets(targets)?,
        };
        let kind = if display_name.is_some() {
            DirectoryKind::Group
        } else {
            DirectoryKind::Alias
        };
        self.change_directory(|txn| {
            check_domain(txn, &address)?;
            let number = txn.add_directory(kind, record.encode())?;
            put_address(txn, &address, AddressTarget { kind, number })
        })
    }

    /// Replaces where an alias or group leads.
    ///
    /// Errors: [`EngineError::NoSuchAddress`].
    pub fn set_targets(&self, address: &str, targets: &[&str]) -> Result<Pending<()>, EngineError> {
        let address = Address::parse(address)?;
        let targets = canonical_targets(targets)?;
        self.change_directory(|txn| {
            let (target, record) = read_list(txn, &address)?;
            let record = ListRecord {
                targets: targets.clone(),
                ..record
            };
            Ok(txn.put_directory(target.kind, target.number, record.encode())?)
        })
    }

    /// Removes an alias or group.
    ///
    /// Errors: [`EngineError::NoSuchAddress`].
    pub fn remove_list(&self, address: &str) -> Result<Pending<()>, EngineError> {
        let address = Address::parse(address)?;
        self.change_directory(|txn| {
            let (target, _) = read_list(txn, &address)?;
            remove_address(txn, address.as_str())?;
            Ok(txn.remove_directory(target.kind, target.number)?)
        })
    }

    /// All aliases and groups.
    pub fn lists(&self) -> Result<Vec<ListState>, EngineError> {
        let view = self.directory().view()?;
        let mut lists = Vec::new();
        for kind in [DirectoryKind::Alias, DirectoryKind::Group] {
            for (number, row) in view.directory_records(kind)? {
                let record = ListRecord::decode(&row.payload)?;
                lists.push(ListState {
                    number,
                    is_group: kind == DirectoryKind::Group,
                    record,
                });
            }
        }
        Ok(lists)
    }

    fn change_directory<T>(
        &self,
        work: impl Fn(&mut Txn<'_>) -> Result<T, EngineError>,
    ) -> Result<Pending<T>, EngineError> {
        self.store()
            .write(&[AccountId::DIRECTORY], Origin::default(), work)
    }
}

/// The password in `{PLAIN}…`.
fn plain_text(text: &str) -> Option<&str> {
    let (scheme, rest) = text.strip_prefix('{')?.split_once('}')?;
    let schemes = ["PLAIN", "CLEARTEXT", "CLEAR"];
    schemes
        .iter()
        .any(|plain| scheme.eq_ignore_ascii_case(plain))
        .then_some(rest)
}

fn canonical_targets(targets: &[&str]) -> Result<Vec<String>, EngineError> {
    if targets.is_empty() || targets.len() > TARGETS_MAX {
        return Err(EngineError::TooMany("targets, or none"));
    }
    targets
        .iter()
        .map(|target| Ok(Address::parse(target)?.to_string()))
        .collect()
}

fn domain_number(txn: &Txn<'_>, name: &str) -> Result<u32, EngineError> {
    let target = txn.address(&domain_key(name))?;
    Ok(target.ok_or(EngineError::NoSuchDomain)?.number)
}

fn check_domain(txn: &Txn<'_>, address: &Address) -> Result<(), EngineError> {
    domain_number(txn, address.domain()).map(|_| ())
}

/// Lets a free address lead to an object, or one that leads there already.
fn put_address(
    txn: &mut Txn<'_>,
    address: &Address,
    target: AddressTarget,
) -> Result<(), EngineError> {
    Ok(txn.put_address(address.as_str(), target)?)
}

fn remove_address(txn: &mut Txn<'_>, address: &str) -> Result<(), EngineError> {
    match txn.remove_address(address) {
        Ok(()) | Err(ModelError::NoSuchEntry) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn read_account(txn: &Txn<'_>, account: AccountId) -> Result<AccountRecord, EngineError> {
    let row = txn.directory_record(DirectoryKind::Account, account.0)?;
    Ok(AccountRecord::decode(
        &row.ok_or(EngineError::NoSuchAccount)?.payload,
    )?)
}

fn alter_account(
    txn: &mut Txn<'_>,
    account: AccountId,
    alter: impl Fn(&mut AccountRecord) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let mut record = read_account(txn, account)?;
    alter(&mut record)?;
    Ok(txn.put_directory(DirectoryKind::Account, account.0, record.encode())?)
}

fn read_list(txn: &Txn<'_>, address: &Address) -> Result<(AddressTarget, ListRecord), EngineError> {
    let target = txn
        .address(address.as_str())?
        .ok_or(EngineError::NoSuchAddress)?;
    if !matches!(target.kind, DirectoryKind::Alias | DirectoryKind::Group) {
        return Err(EngineError::NoSuchAddress);
    }
    let row = txn.directory_record(target.kind, target.number)?;
    Ok((
        target,
        ListRecord::decode(&row.ok_or(EngineError::NoSuchAddress)?.payload)?,
    ))
}

/// Every address of every object.
fn all_addresses(txn: &Txn<'_>) -> Result<Vec<Address>, EngineError> {
    let mut texts = Vec::new();
    for (_, row) in txn.directory_records(DirectoryKind::Account)? {
        let record = AccountRecord::decode(&row.payload)?;
        texts.push(record.address);
        texts.extend(record.other_addresses);
    }
    for kind in [DirectoryKind::Alias, DirectoryKind::Group] {
        for (_, row) in txn.directory_records(kind)? {
            texts.push(ListRecord::decode(&row.payload)?.address);
        }
    }
    texts.iter().map(|text| Address::parse(text)).collect()
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
