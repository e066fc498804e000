//! How much an account may hold, and how much it does.
//!
//! Bytes are counted as they come and go. All else is not: it is summed up over the folders where a
//! limit asks for it, which is rare.
//!
//! Start at [`Account::quota`]. Source: RFC 9208 §5 (what the resources mean).

use super::view::Reading;
use super::{Account, Standing};
use crate::error::EngineError;
use store::StoreError;
use store::backend::Pending;
use store::id::AccountId;
use store::model::{AccountRow, Allowance, FolderForm, FolderRow, Kind, Reads, Role, Shelf};

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
    /// Bytes of what is noted of these, whoever noted it.
    pub annotation_bytes: Use,
    /// Folders that live and that mail programs see.
    pub folders: Use,
}

/// Whether mail programs see a folder, as far as its row says.
pub fn shows_letters(row: &FolderRow) -> bool {
    row.kind == Kind::Mail
        && !row.hidden
        && row.form == FolderForm::Normal
        && row.role != Role::Outbox
}

impl Account {
    /// What the account holds and may hold. Who may read none of its folders is not to be told.
    pub fn quota(&self) -> Result<Quota, EngineError> {
        let view = self.read()?;
        let state = view.state()?;
        let folders = living(view.reads(), self.id())?;
        let of = |used, limit| Use { used, limit };
        Ok(Quota {
            bytes: of(state.used_bytes, state.quota_bytes),
            letters: of(letters(&folders), state.quota_letters),
            annotation_bytes: of(annotation_bytes(&folders), state.quota_annotation_bytes),
            folders: of(shown(&folders), state.quota_folders),
        })
    }

    /// True if this user may know and set how much the whole account holds: its owner may know,
    /// administrators may do both.
    pub fn may_see_quota(&self) -> bool {
        self.standing() == Standing::Owner || self.is_administrator()
    }

    /// Sets all limits. What is there already stays.
    ///
    /// Errors: [`EngineError::Denied`] for everyone but administrators.
    pub fn set_quota(&self, allowance: Allowance) -> Result<Pending<()>, EngineError> {
        if !self.is_administrator() {
            return Err(EngineError::Denied);
        }
        let (store, owner) = (self.engine().store(), self.id());
        let pending = store.write(&[owner], self.origin(), |txn| {
            Ok::<_, EngineError>(txn.set_allowance(owner, allowance)?)
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
    fits(reads, owner, state, (bytes, 1))
}

/// True if what is there stays within both limits.
pub(super) fn is_within(
    reads: &dyn Reads,
    owner: AccountId,
    state: &AccountRow,
) -> Result<bool, StoreError> {
    fits(reads, owner, state, (0, 0))
}

/// True if what is there, with so many bytes and letters more, stays within both limits.
fn fits(
    reads: &dyn Reads,
    owner: AccountId,
    state: &AccountRow,
    (bytes, more): (u64, u64),
) -> Result<bool, StoreError> {
    let used = state.used_bytes.saturating_add(bytes);
    if state.quota_bytes.is_some_and(|quota| used > quota) {
        return Ok(false);
    }
    match state.quota_letters {
        None => Ok(true),
        Some(quota) => Ok(letters(&living(reads, owner)?).saturating_add(more) <= quota),
    }
}

/// True if what is noted of letters, with so many bytes more, stays within its limit.
pub(super) fn has_room_for_annotations(
    reads: &dyn Reads,
    owner: AccountId,
    state: &AccountRow,
    bytes: u64,
) -> Result<bool, StoreError> {
    let Some(quota) = state.quota_annotation_bytes else {
        return Ok(true);
    };
    Ok(annotation_bytes(&living(reads, owner)?).saturating_add(bytes) <= quota)
}

/// True if one folder more, which mail programs see, stays within the limit.
pub(crate) fn has_room_for_folder(
    reads: &dyn Reads,
    owner: AccountId,
    state: &AccountRow,
) -> Result<bool, StoreError> {
    let Some(quota) = state.quota_folders else {
        return Ok(true);
    };
    Ok(shown(&living(reads, owner)?) < quota)
}

fn living(reads: &dyn Reads, owner: AccountId) -> Result<Vec<FolderRow>, StoreError> {
    let rows = reads.folders(owner)?.into_iter().map(|(_, row)| row);
    Ok(rows.filter(|row| row.removed.is_none()).collect())
}

fn letters(folders: &[FolderRow]) -> u64 {
    let counts = folders.iter().map(|row| row.shelf(Shelf::Mail).count);
    counts.map(u64::from).sum()
}

fn annotation_bytes(folders: &[FolderRow]) -> u64 {
    let noted = folders
        .iter()
        .map(|row| row.shelf(Shelf::Mail).annotation_bytes);
    noted.sum()
}

fn shown(folders: &[FolderRow]) -> u64 {
    folders.iter().filter(|row| shows_letters(row)).count() as u64
}
