//! Letting go of a whole account, in steps.

use super::Txn;
use crate::backend::Key;
use crate::id::{AccountId, Timestamp};
use crate::model::error::ModelError;
use crate::model::key::{self, tag};
use crate::model::reads::Reads;
use crate::model::row::{Object, What};
use crate::model::scan::each;
use std::ops::ControlFlow;

/// What is left of an account when its folders, items and queue entries are gone.
const LAST: [u8; 4] = [tag::NAME, tag::NAME_NUMBER, tag::CHANGE, tag::DEPARTED];

impl Txn<'_> {
    /// Erases an account with everything in it, at most about `limit` objects or rows at a time.
    ///
    /// Answers how many; 0 says that the account is gone. Nothing of it can be brought back except
    /// from a backup. Errors: [`ModelError::NoSuchAccount`].
    pub fn erase_account(&mut self, account: AccountId, limit: usize) -> Result<usize, ModelError> {
        self.check_locked(account)?;
        self.account_row(account)?
            .ok_or(ModelError::NoSuchAccount)?;
        let mut erased = self.remove_all_folders(account)?;
        erased += self.purge_recoverable(account, Timestamp(i64::MAX), limit)?;
        for (id, _) in self.queue_entries(account)?.into_iter().take(limit) {
            self.queue_remove(account, id)?;
            erased += 1;
        }
        if erased > 0 {
            return Ok(erased); // What this wrote into the log goes in a later step.
        }
        for tag in LAST {
            erased += self.erase_rows(&key::of_account(tag, account), limit)?;
        }
        if erased == 0 {
            self.drop_account(account);
            self.changed.insert(account);
        }
        Ok(erased)
    }

    /// Removes folders whatever stands below them: all of them go.
    fn remove_all_folders(&mut self, account: AccountId) -> Result<usize, ModelError> {
        let folders = self.folders(account)?;
        let living = folders.into_iter().filter(|(_, row)| row.removed.is_none());
        let mut removed = 0;
        for (folder, mut row) in living {
            let bytes = row.visible_bytes();
            row.changed = self.touch_object(account, Object::Folder(folder), What::REMOVED)?;
            row.removed = Some(self.now);
            self.put_folder(account, folder, row)?;
            let account = self.account_mut(account)?;
            account.used_bytes = account.used_bytes.saturating_sub(bytes);
            account.recoverable_bytes = account.recoverable_bytes.saturating_add(bytes);
            removed += 1;
        }
        Ok(removed)
    }

    /// Removes at most `limit` rows whose keys begin with `prefix`.
    fn erase_rows(&mut self, prefix: &[u8], limit: usize) -> Result<usize, ModelError> {
        let mut keys: Vec<Key> = Vec::new();
        each(self, prefix, &mut |key, _| {
            if keys.len() == limit {
                return Ok(ControlFlow::Break(()));
            }
            keys.push(Key::from_slice(key));
            Ok(ControlFlow::Continue(()))
        })?;
        let erased = keys.len();
        for key in keys {
            self.pending.remove(key);
        }
        Ok(erased)
    }
}
