//! The first rows of a new store: account 0, which holds the directory.

use super::error::ModelError;
use super::reads::Reads;
use super::row::Origin;
use super::store::Store;
use crate::error::StoreError;
use crate::id::AccountId;

/// Makes the directory's account if this is the first time.
pub(crate) fn prepare(store: &Store) -> Result<(), StoreError> {
    let view = store.view(AccountId::DIRECTORY)?;
    if view.account_row(AccountId::DIRECTORY)?.is_some() {
        return Ok(());
    }
    drop(view);
    let made = store.write(&[AccountId::DIRECTORY], Origin::default(), |txn| match txn
        .create_account(AccountId::DIRECTORY)
    {
        Err(ModelError::NameTaken) => Ok(()),
        other => other,
    });
    match made {
        Ok(pending) => pending.wait(),
        // A store that cannot be written can still be read, even when it is empty.
        Err(ModelError::Store(StoreError::ReadOnly(_) | StoreError::Full)) => Ok(()),
        Err(ModelError::Store(error)) => Err(error),
        Err(other) => Err(StoreError::Refused(other.to_string())),
    }
}
