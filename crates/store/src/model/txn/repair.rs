//! Making what is derived anew from what is true.

use super::Txn;
use crate::id::{AccountId, ChangeSeq};
use crate::model::derived::{Derived, REBUILT};
use crate::model::error::ModelError;
use crate::model::reads::Reads;

impl Txn<'_> {
    /// Rewrites counters, blocks of UIDs, locations, aliases, ways to folders, tombstones,
    /// references and the account's use where they differ from what follows from the items, the overlays, the queue
    /// and the log.
    ///
    /// Answers how many rows were wrong. Must come before other verbs of the transaction. Needless
    /// references are not looked for, since they stand by body; the check of the whole store finds
    /// them.
    pub fn rebuild_derived(&mut self, account: AccountId) -> Result<usize, ModelError> {
        let derived = Derived::of(self, account)?;
        let mut wrong = 0;
        for tag in REBUILT {
            let differences = derived.differences(self, account, tag)?;
            wrong += differences.len();
            for (key, value) in differences {
                self.pending.put_raw(key, value);
            }
        }
        for key in &derived.references {
            if crate::backend::Read::get(self, key)?.is_none() {
                wrong += 1;
                self.pending.put_empty(key.clone());
            }
        }
        wrong += self.rebuild_counters(account, &derived)?;
        if wrong > 0 {
            self.changed.insert(account);
        }
        Ok(wrong)
    }

    fn rebuild_counters(
        &mut self,
        account: AccountId,
        derived: &Derived,
    ) -> Result<usize, ModelError> {
        let mut wrong = 0;
        for (folder, row) in self.folders(account)? {
            let wanted = derived.counters_of(folder, &row);
            if row.shelves != wanted {
                self.any_folder_mut(account, folder)?.shelves = wanted;
                wrong += 1;
            }
        }
        let row = self
            .account_row(account)?
            .ok_or(ModelError::NoSuchAccount)?;
        let mut right = row.clone();
        right.used_bytes = derived.used_bytes;
        right.recoverable_bytes = derived.recoverable_bytes;
        right.folders = derived.folders;
        right.head = ChangeSeq(row.head.0.max(derived.newest.0));
        right.next_id = row.next_id.max(derived.highest_id.saturating_add(1));
        if right != row {
            *self.account_mut(account)? = right;
            wrong += 1;
        }
        Ok(wrong)
    }
}
