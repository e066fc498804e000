//! The first rows of a new store: account 0, which holds the directory.

use super::error::ModelError;
use super::reads::Reads;
use super::row::Origin;
use super::store::Store;
use crate::error::StoreError;
use crate::id::AccountId;

/// Makes the directory's account if this is the first time.
///
/// Errors: why a new store cannot be written, as on a full disk; without that row nothing works, and
/// every later refusal would name the wrong cause.
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
        Err(ModelError::Store(error)) => Err(error),
        Err(other) => Err(StoreError::Refused(other.to_string())),
    }
}
