//! Returns to an earlier state, and forgetting old changes.

use super::Txn;
use super::numbering::{NUMBER_MAX, tombstone};
use crate::backend::Direction;
use crate::id::{AccountId, ChangeSeq, Timestamp};
use crate::model::codec::Row;
use crate::model::error::ModelError;
use crate::model::key::{self, tag};
use crate::model::reads::Reads;
use crate::model::row::{ChangeRecord, FolderRow, Object};
use crate::model::scan::rows;
use std::ops::ControlFlow;

/// Most changes that an account remembers; older ones are forgotten and clients that are further
/// back start again.
pub const CHANGES_KEPT_MAX: u64 = 1_000_000;
/// How far the counters jump, so that nothing given since the state that is returned to can be
/// given again.
const EPOCH_STEP: u64 = 1 << 32;

impl Txn<'_> {
    /// Declares that the account returned to an earlier state: every token given before is refused.
    ///
    /// New UIDVALIDITY for each folder, counters advanced by 2^32, new replica GUID, horizon =
    /// head.
    pub fn new_epoch(&mut self, account: AccountId) -> Result<(), ModelError> {
        let replica = self.new_guid();
        let row = self.account_mut(account)?;
        let head = row.head.0 + EPOCH_STEP;
        let next_id = row.next_id + EPOCH_STEP;
        if head > NUMBER_MAX || next_id > NUMBER_MAX {
            return Err(ModelError::NumberRefused);
        }
        row.head = ChangeSeq(head);
        row.horizon = row.head;
        row.next_id = next_id;
        row.epoch = row.epoch.saturating_add(1);
        row.replica = replica;
        row.id_runs.clear();
        for (folder, row) in self.folders(account)? {
            let uid_validity = self.new_uid_validity(account, None)?;
            let row = FolderRow {
                uid_validity,
                ..row
            };
            self.put_folder(account, folder, row)?;
        }
        self.changed.insert(account);
        Ok(())
    }

    /// Forgets changes made before a time or beyond [`CHANGES_KEPT_MAX`], oldest first, at most
    /// `limit`.
    ///
    /// Answers how many; when that is `limit`, there may be more. Moves the horizon; wakes nobody.
    pub fn trim_changes(
        &mut self,
        account: AccountId,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize, ModelError> {
        let row = self
            .account_row(account)?
            .ok_or(ModelError::NoSuchAccount)?;
        let beyond = row
            .horizon
            .0
            .max(row.head.0.saturating_sub(CHANGES_KEPT_MAX));
        let old = self.old_changes(
            account,
            &|change, record| change.0 <= beyond || record.at < before,
            limit,
        )?;
        for (change, record) in &old {
            self.pending.remove(key::change(account, *change));
            let folder = match record.object {
                Object::Member(folder, _) => Some(folder),
                _ => tombstone(record).map(|(folder, _)| folder),
            };
            if let Some(folder) = folder {
                self.pending.remove(key::departed(account, folder, *change));
            }
        }
        if let Some((last, _)) = old.last() {
            let row = self.account_mut(account)?;
            row.horizon = row.horizon.max(*last);
        }
        Ok(old.len())
    }

    /// The first lines of the log, as long as they are old.
    fn old_changes(
        &self,
        account: AccountId,
        is_old: &dyn Fn(ChangeSeq, &ChangeRecord) -> bool,
        limit: usize,
    ) -> Result<Vec<(ChangeSeq, ChangeRecord)>, ModelError> {
        let start = key::of_account(tag::CHANGE, account);
        let mut old = Vec::new();
        rows(
            self,
            &start..&key::after(&start),
            Direction::Forward,
            &mut |key, value| {
                let change = ChangeSeq(key::tail48(key)?);
                let record = ChangeRecord::decode(value)?;
                if old.len() == limit || !is_old(change, &record) {
                    return Ok(ControlFlow::Break(()));
                }
                old.push((change, record));
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(old)
    }
}
