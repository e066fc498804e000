//! Passwords of accounts, and passwords for single programs.

use super::super::record::{AccountKind, AccountRecord, AppPassword};
use super::alter_account;
use crate::authentication::{imported, password, scram};
use crate::engine::Engine;
use crate::error::EngineError;
use store::backend::Pending;
use store::id::AccountId;

/// App passwords of one account: more than anyone has programs, and small enough for one record.
const APP_PASSWORDS_MAX: usize = 50;
/// Letters of an app password: 5 bits each, so 100 bits.
const APP_PASSWORD_LETTERS: usize = 20;
/// Letters that cannot be mistaken for one another when read aloud or typed.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A password to be set.
#[derive(Clone, Copy)]
pub enum NewPassword<'a> {
    /// The password itself.
    Plain(&'a str),
    /// A hash from another server, or `{PLAIN}` with the password.
    Imported(&'a str),
}

impl Engine {
    /// Sets an account's password.
    ///
    /// Errors: [`EngineError::NameRefused`] for one that is empty or too long,
    /// [`EngineError::UnknownScheme`].
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

    pub(super) fn put_password(
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
