//! The ways that lead to a folder besides its id: its name below its parent, its role, its
//! UIDVALIDITY.
//!
//! Each is a row (`K`) that holds the folder's id, so that none of them needs a look at all
//! folders. They follow from the folders' rows and are changed with them, in one place:
//! [`FolderRow::ways`] says which ways lead to a folder.

use super::key;
use super::row::{FolderRow, Role};
use crate::backend::Key;
use crate::id::AccountId;

impl FolderRow {
    /// The keys that lead to this folder. A removed folder is only known by its UIDVALIDITY, which
    /// is never given again.
    pub(crate) fn ways(&self, account: AccountId) -> impl Iterator<Item = Key> {
        let lives = self.removed.is_none();
        let name = lives.then(|| key::child(account, self.parent, &self.name));
        let role = Some(self.role).filter(|role| lives && *role != Role::None);
        let validity = Some(self.uid_validity).filter(|&validity| validity != 0);
        name.into_iter()
            .chain(role.map(|role| key::role(account, role)))
            .chain(validity.map(|validity| key::uid_validity(account, validity)))
    }
}
