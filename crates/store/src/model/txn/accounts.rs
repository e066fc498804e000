//! Accounts themselves: making them, their quota, and ids for clients.

use super::Txn;
use super::numbering::NUMBER_MAX;
use crate::id::{AccountId, Guid};
use crate::model::error::ModelError;
use crate::model::reads::Reads;
use crate::model::row::{AccountRow, IdRun, Object, What};

/// Most unused runs of reserved ids that are remembered; the lowest are forgotten first, so ids of
/// them can no longer be brought. The account's row is rewritten by every commit and must stay
/// small.
pub const ID_RUNS_MAX: usize = 64;
/// Most ids reserved at once: the number that clients ask for in practice ([MS-OXCROPS] 2.2.13.13
/// has 32 bits).
pub const IDS_RESERVED_MAX: u64 = 1 << 20;

/// The most that an account may hold; `None` is without limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowance {
    /// Bytes of visible items.
    pub bytes: Option<u64>,
    /// Letters in living folders.
    pub letters: Option<u64>,
    /// Bytes of what is noted of them.
    pub annotation_bytes: Option<u64>,
    /// Folders that mail programs see.
    pub folders: Option<u64>,
}

impl Txn<'_> {
    /// Makes an account under its number in the directory.
    ///
    /// Errors: [`ModelError::NameTaken`] when it exists.
    pub fn create_account(&mut self, account: AccountId) -> Result<(), ModelError> {
        self.takes_room();
        self.check_locked(account)?;
        if self.account_row(account)?.is_some() {
            return Err(ModelError::NameTaken);
        }
        let row = AccountRow {
            epoch: 1,
            replica: self.new_guid(),
            next_id: 1,
            next_keyword: 1,
            next_property: 1,
            next_object: 1,
            created: self.now,
            ..AccountRow::default()
        };
        self.add_account(account, row);
        self.touch_object(account, Object::Account, What::CREATED)?;
        Ok(())
    }

    /// Sets the most bytes of visible items; `None` is without limit. Whether it is kept to is the
    /// engine's, as with [`Txn::set_allowance`].
    pub fn set_quota(
        &mut self,
        account: AccountId,
        quota_bytes: Option<u64>,
    ) -> Result<(), ModelError> {
        let row = self
            .account_row(account)?
            .ok_or(ModelError::NoSuchAccount)?;
        if row.quota_bytes == quota_bytes {
            return Ok(());
        }
        self.account_mut(account)?.quota_bytes = quota_bytes;
        self.touch_object(account, Object::Account, What::PROPERTIES)?;
        Ok(())
    }

    /// Sets all that is limited in an account.
    pub fn set_allowance(
        &mut self,
        account: AccountId,
        allowance: Allowance,
    ) -> Result<(), ModelError> {
        let row = self
            .account_row(account)?
            .ok_or(ModelError::NoSuchAccount)?;
        let allowed = AccountRow {
            quota_bytes: allowance.bytes,
            quota_letters: allowance.letters,
            quota_annotation_bytes: allowance.annotation_bytes,
            quota_folders: allowance.folders,
            ..row.clone()
        };
        if row == allowed {
            return Ok(());
        }
        *self.account_mut(account)? = allowed;
        self.touch_object(account, Object::Account, What::PROPERTIES)?;
        Ok(())
    }

    /// Hands a run of ids to a client that names objects itself.
    ///
    /// Errors: [`ModelError::TooLong`] for none or more than [`IDS_RESERVED_MAX`].
    pub fn reserve_ids(&mut self, account: AccountId, count: u64) -> Result<IdRun, ModelError> {
        if count == 0 || count > IDS_RESERVED_MAX {
            return Err(ModelError::TooLong);
        }
        let row = self.account_mut(account)?;
        let first = row.next_id;
        let last = first + (count - 1);
        if last > NUMBER_MAX {
            return Err(ModelError::NumberRefused);
        }
        row.next_id = last + 1;
        match row.id_runs.last_mut() {
            Some(before) if before.last + 1 == first => before.last = last,
            _ => row.id_runs.push(run(first, last)),
        }
        let excess = row.id_runs.len().saturating_sub(ID_RUNS_MAX);
        row.id_runs.drain(..excess);
        Ok(run(first, last))
    }

    pub(super) fn new_guid(&self) -> Guid {
        let mut bytes = [0; 16];
        self.store.rng.fill(&mut bytes);
        let [.., version, _, variant, _, _, _, _, _, _, _] = &mut bytes;
        *version = *version & 0x0f | 0x40; // RFC 4122 §4.4: version 4, random.
        *variant = *variant & 0x3f | 0x80;
        Guid(bytes)
    }
}

pub(super) fn run(first: u64, last: u64) -> IdRun {
    IdRun { first, last }
}
