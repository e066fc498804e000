//! The verbs that change the directory, for the administration's commands and for people's own
//! settings.
//!
//! Each is one commit, and answers are plain values that `server` writes out. Addresses are brought
//! into canonical form here; every address of an account, alias or group is in a domain that is
//! ours.
//!
//! Start at [`Engine::add_account`].

mod accounts;
mod domains;
mod lists;
mod passwords;

pub use accounts::{AccountChange, AccountState};
pub use lists::ListState;
pub use passwords::NewPassword;

use super::record::AccountRecord;
use super::{Address, domain_key};
use crate::engine::Engine;
use crate::error::EngineError;
use store::backend::Pending;
use store::id::AccountId;
use store::model::{AddressTarget, DirectoryKind, ModelError, Origin, Reads, Txn};

impl Engine {
    fn change_directory<T>(
        &self,
        work: impl Fn(&mut Txn<'_>) -> Result<T, EngineError>,
    ) -> Result<Pending<T>, EngineError> {
        self.store()
            .write(&[AccountId::DIRECTORY], Origin::default(), work)
    }
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
