//! What is kept for a while and then goes: removed items, the change log, fetched letters.
//!
//! Each step is small, so that `server` can run them between other work.

use crate::engine::Engine;
use crate::error::EngineError;
use std::ops::ControlFlow;
use store::backend::{Direction, Pending};
use store::id::{AccountId, FolderId, Timestamp, Uid};
use store::model::{DirectoryKind, Location, Origin, Reads, Shelf};

/// Objects that one step purges.
const STEP_MAX: usize = 1_000;
const SECONDS_PER_DAY: i64 = 24 * 3600;

impl Engine {
    /// Purges what was removed longer ago than it is kept, and more, oldest first, while the
    /// account holds more recoverable bytes than a third of its quota. Answers how many objects
    /// went; call again while it is not 0.
    pub fn purge_recoverable(&self, account: AccountId) -> Result<Pending<usize>, EngineError> {
        let before = self.days_ago(self.settings().retention.recoverable_days);
        self.store().write(&[account], Origin::default(), |txn| {
            let row = txn
                .account_row(account)?
                .ok_or(EngineError::NoSuchAccount)?;
            let too_much = row
                .quota_bytes
                .is_some_and(|quota| row.recoverable_bytes > quota / 3);
            let purged = txn.purge_recoverable(account, before, STEP_MAX)?;
            if purged == 0 && too_much {
                return Ok(txn.purge_recoverable(account, txn.now(), STEP_MAX / 10)?);
            }
            Ok(purged)
        })
    }

    /// Forgets the change log beyond its time. Answers how many records went; call again while it
    /// is not 0.
    pub fn trim_changes(&self, account: AccountId) -> Result<Pending<usize>, EngineError> {
        let before = self.days_ago(self.settings().retention.log_days);
        self.store().write(&[account], Origin::default(), |txn| {
            Ok(txn.trim_changes(account, before, STEP_MAX)?)
        })
    }

    /// Removes the letters of a folder that were received more than so many days ago; they stay
    /// recoverable.
    ///
    /// For clients that fetch mail and for which the policy says how long it stays afterwards.
    pub fn remove_received_before(
        &self,
        account: AccountId,
        folder: FolderId,
        days: u32,
    ) -> Result<Pending<usize>, EngineError> {
        let limit = self.days_ago(days);
        self.store().write(&[account], Origin::default(), |txn| {
            let old = received_before(txn, account, folder, limit)?;
            for &uid in &old {
                txn.remove_item(account, Location::mail(folder, uid))?;
            }
            Ok(old.len())
        })
    }

    /// Erases what is left of an account that was removed from the directory, a step at a time.
    ///
    /// Answers how many objects went; call again while it is not 0. There is no way back.
    /// Errors: [`EngineError::Denied`] while the directory knows the account.
    pub fn erase_account(&self, account: AccountId) -> Result<Pending<usize>, EngineError> {
        let locked = [AccountId::DIRECTORY, account];
        self.store().write(&locked, Origin::default(), |txn| {
            let known = txn
                .directory_record(DirectoryKind::Account, account.0)?
                .is_some();
            if known || account == AccountId::DIRECTORY {
                return Err(EngineError::Denied);
            }
            Ok(txn.erase_account(account, STEP_MAX)?)
        })
    }

    /// All accounts that have data, for work that goes through them.
    pub fn account_numbers(&self) -> Result<Vec<AccountId>, EngineError> {
        Ok(self.directory().view()?.accounts()?)
    }

    fn days_ago(&self, days: u32) -> Timestamp {
        let seconds = i64::from(days) * SECONDS_PER_DAY;
        Timestamp(self.now().0.saturating_sub(seconds * Timestamp::PER_SECOND))
    }
}

fn received_before(
    reads: &dyn Reads,
    account: AccountId,
    folder: FolderId,
    limit: Timestamp,
) -> Result<Vec<Uid>, EngineError> {
    let mut old = Vec::new();
    let all = 1..=u32::MAX;
    reads.items(
        account,
        folder,
        Shelf::Mail,
        all,
        Direction::Forward,
        &mut |uid, row| {
            if row.received < limit {
                old.push(uid);
            }
            if old.len() < STEP_MAX {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        },
    )?;
    Ok(old)
}
