//! The verbs that change the directory, for the administration's commands and for people's own
//! settings.
//!
//! Each is one commit, and answers are plain values that `server` writes out. Addresses are brought
//! into canonical form here; every address of an account, alias or group is in a domain that is
//! ours, and can be written in an envelope without quotes.
//!
//! Start at [`Engine::add_account`]. Standards: RFC 5321 §4.1.2 (addresses), RFC 1035 §2.3.1 (names
//! of domains).

mod accounts;
mod certificates;
mod domains;
mod lists;
mod passwords;

pub use accounts::{AccountChange, AccountState};
pub use lists::ListState;
pub use passwords::NewPassword;

use super::address::canonical_domain;
use super::record::AccountRecord;
use super::{Address, domain_key};
use crate::engine::Engine;
use crate::error::EngineError;
use formats::address::Mailbox;
use store::backend::Pending;
use store::id::AccountId;
use store::model::{AddressTarget, DirectoryKind, ModelError, Origin, Reads, Txn};

/// Longest label of a domain. Source: RFC 1035 §2.3.4.
const LABEL_BYTES_MAX: usize = 63;

impl Engine {
    fn change_directory<T>(
        &self,
        work: impl Fn(&mut Txn<'_>) -> Result<T, EngineError>,
    ) -> Result<Pending<T>, EngineError> {
        self.store()
            .write(&[AccountId::DIRECTORY], Origin::default(), work)
    }
}

/// An address that is to be given to someone here.
fn new_address(text: &str) -> Result<Address, EngineError> {
    check_grammar(text)?;
    let address = Address::parse(text)?;
    new_domain(address.domain())?;
    Ok(address)
}

/// Refuses what cannot stand in an envelope, and what only could in quotes: people and forms take
/// that for a mistake.
fn check_grammar(text: &str) -> Result<(), EngineError> {
    const REFUSED: EngineError = EngineError::NameRefused("not an address like alice@example.test");
    let is_quoted = text.starts_with('"');
    match Mailbox::parse(text.as_bytes()) {
        Ok(_) if !is_quoted => Ok(()),
        _ => Err(REFUSED),
    }
}

/// A domain that is to be ours: labels of letters, digits and inner hyphens, and no IP address.
fn new_domain(text: &str) -> Result<String, EngineError> {
    let name = canonical_domain(text)?;
    let is_label = |label: &str| {
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit());
    if is_number || !name.split('.').all(is_label) {
        return Err(EngineError::NameRefused("not a domain like example.test"));
    }
    Ok(name)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_letters_could_not_be_sent_to_is_refused() {
        for good in [
            "alice@example.test",
            "o'neil+x@b\u{fc}cher.example",
            "\u{e9}@lan",
        ] {
            assert!(new_address(good).is_ok(), "{good}");
        }
        for bad in [
            "we ird@example.test",
            "x@@example.test",
            ".x@example.test",
            "x..y@example.test",
            "\"x y\"@example.test",
            "x@[192.0.2.1]",
            "x@bad..name",
            "x",
            "@example.test",
        ] {
            assert!(new_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_that_no_domain_can_have_is_refused() {
        for good in [
            "example.test",
            "B\u{fc}cher.example",
            "lan",
            "a-b.3com.test",
            "x.test.",
        ] {
            assert!(new_domain(good).is_ok(), "{good}");
        }
        let long = "x".repeat(64) + ".test";
        for bad in [
            "bad..name",
            "-x.test",
            "x-.test",
            "a/b.test",
            "127.0.0.1",
            "[::1]",
            &long,
            "",
        ] {
            assert!(new_domain(bad).is_err(), "{bad}");
        }
    }
}
