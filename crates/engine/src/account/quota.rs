//! How much an account may hold, and how much it does.
//!
//! Bytes are counted as they come and go. Letters are not: they are summed up over the folders where
//! a limit of them asks for it, which is rare.
//!
//! Start at [`Account::quota`]. Source: RFC 9208 §5.1, §5.2 (what the two resources mean).

use super::view::Reading;
use super::{Account, Standing};
use crate::error::EngineError;
use store::StoreError;
use store::backend::Pending;
use store::id::AccountId;
use store::model::{AccountRow, Reads, Shelf};

/// What is used of one resource, and the most that may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Use {
    /// As much as there is.
    pub used: u64,
    /// Without limit, if `None`.
    pub limit: Option<u64>,
}

/// What an account holds and may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    /// Bytes of visible items.
    pub bytes: Use,
    /// Letters in folders that live.
    pub letters: Use,
}

impl Account {
    /// What the account holds and may hold. Who may read none of its folders is not to be told.
    pub fn quota(&self) -> Result<Quota, EngineError> {
        let view = self.read()?;
        let state = view.state()?;
        Ok(Quota {
            bytes: Use {
                used: state.used_bytes,
                limit: state.quota_bytes,
            },
            letters: Use {
                used: letters(view.reads(), self.id())?,
                limit: state.quota_letters,
            },
        })
    }

    /// True if this user may know and set how much the whole account holds: its owner may know,
    /// administrators may do both.
    pub fn may_see_quota(&self) -> bool {
        self.standing() == Standing::Owner || self.is_administrator()
    }

    /// Sets both limits; `None` is without limit. What is there already stays.
    ///
    /// Errors: [`EngineError::Denied`] for everyone but administrators.
    pub fn set_quota(
        &self,
        bytes: Option<u64>,
        letters: Option<u64>,
    ) -> Result<Pending<()>, EngineError> {
        if !self.is_administrator() {
            return Err(EngineError::Denied);
        }
        let (store, owner) = (self.engine().store(), self.id());
        let pending = store.write(&[owner], self.origin(), |txn| {
            txn.set_quota(owner, bytes)?;
            Ok::<_, EngineError>(txn.set_letter_quota(owner, letters)?)
        });
        self.engine().directory().forget_unlimited(owner);
        pending
    }
}

/// True if one item more of so many bytes stays within both limits.
pub(crate) fn has_room(
    reads: &dyn Reads,
    owner: AccountId,
    state: &AccountRow,
    bytes: u64,
) -> Result<bool, StoreError> {
    let used = state.used_bytes.saturating_add(bytes);
    if state.quota_bytes.is_some_and(|quota| used > quota) {
        return Ok(false);
    }
    match state.quota_letters {
        None => Ok(true),
        Some(quota) => Ok(letters(reads, owner)? < quota),
    }
}

fn letters(reads: &dyn Reads, owner: AccountId) -> Result<u64, StoreError> {
    let folders = reads.folders(owner)?;
    let living = folders.iter().filter(|(_, row)| row.removed.is_none());
    Ok(living
        .map(|(_, row)| u64::from(row.shelf(Shelf::Mail).count))
        .sum())
}
