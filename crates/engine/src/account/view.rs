//! Reads of one account, each checked against the folders' rights.
//!
//! Where a folder keeps for each reader what they have read, a guest is shown their own seen flag in
//! every row, and the owner that of the item.

use super::quota::{has_room, has_room_for_annotations, has_room_for_folder, is_within};
use super::rights::rights_of;
use super::{Account, Standing};
use crate::error::EngineError;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::{ControlFlow, RangeInclusive};
use store::backend::Direction;
use store::id::{AccountId, ChangeSeq, ContentId, ConversationId, FolderId, ItemKey, PlaceId, Uid};
use store::model::{
    AccountRow, Changes, Departed, Details, Flags, FolderRow, ItemRow, Location, Name, Object,
    Reads, Rights, Role, Shelf, Stand, UidSet,
};
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// The folder at the top of an account's mail tree; it is in nobody's list.
///
/// The first two objects of every account are its root and this one, so their numbers are known.
pub const MAIL_ROOT: FolderId = FolderId(2);
/// The folder at the top of everything an account has: the mail tree, and what stands beside it.
pub const ROOT: FolderId = FolderId(MAIL_ROOT.0 - 1);

/// A folder with its place in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its number.
    pub id: FolderId,
    /// The names from below [`MAIL_ROOT`] down to its own. A name may hold any character.
    pub path: Vec<String>,
    /// What it says.
    pub row: FolderRow,
    /// What this user may do in it.
    pub rights: Rights,
}

/// What is settled, of one account.
pub struct View<'a> {
    account: &'a Account,
    view: store::model::View<'a>,
}

impl<'a> View<'a> {
    pub(super) fn new(account: &'a Account, view: store::model::View<'a>) -> Self {
        Self { account, view }
    }
}

impl Reading for View<'_> {
    fn account(&self) -> &Account {
        self.account
    }

    fn reads(&self) -> &dyn Reads {
        &self.view
    }
}

/// Reads that views and transactions share.
///
/// Folders that were removed, or that this user may not see, are [`EngineError::NoSuchFolder`];
/// those that may be seen but not read are [`EngineError::Denied`].
pub trait Reading {
    /// The account that is read.
    fn account(&self) -> &Account;

    /// The store's own reads, unchecked: for the engine only.
    #[doc(hidden)]
    fn reads(&self) -> &dyn Reads;

    /// Counters of the account: head, horizon, epoch, quota and use.
    fn state(&self) -> Result<AccountRow, EngineError> {
        self.reads()
            .account_row(self.account().id())?
            .ok_or(EngineError::NoSuchAccount)
    }

    /// The last change of the account.
    fn head(&self) -> Result<ChangeSeq, EngineError> {
        Ok(self.state()?.head)
    }

    /// All living folders of the mail tree that this user may see, in the order of their ids.
    /// Hidden ones are among them.
    fn folders(&self) -> Result<Vec<Folder>, EngineError> {
        let rows = self.reads().folders(self.account().id())?;
        let index: HashMap<FolderId, &FolderRow> =
            rows.iter().map(|(id, row)| (*id, row)).collect();
        let seen = rows.iter().filter_map(|(id, row)| {
            let rights = self.rights_in(row);
            let visible = row.removed.is_none() && rights.contains(Rights::VISIBLE);
            let path = path_of(&index, row).filter(|_| visible)?;
            Some(Folder {
                id: *id,
                path,
                row: row.clone(),
                rights,
            })
        });
        Ok(seen.collect())
    }

    /// All living folders that this user may see, those beside the mail tree too, in the order of
    /// their ids.
    fn all_folders(&self) -> Result<Vec<(FolderId, FolderRow)>, EngineError> {
        let mut rows = self.reads().folders(self.account().id())?;
        rows.retain(|(_, row)| {
            row.removed.is_none() && self.rights_in(row).contains(Rights::VISIBLE)
        });
        Ok(rows)
    }

    /// Folders that were removed and can still be brought back, with the time of removal. Owners
    /// only.
    fn removed_folders(&self) -> Result<Vec<(FolderId, FolderRow)>, EngineError> {
        if self.account().standing() == Standing::Guest {
            return Err(EngineError::Denied);
        }
        let mut rows = self.reads().folders(self.account().id())?;
        rows.retain(|(_, row)| row.removed.is_some());
        Ok(rows)
    }

    /// A folder; a removed one only where the account shows them.
    fn folder(&self, folder: FolderId) -> Result<FolderRow, EngineError> {
        self.reads()
            .folder(self.account().id(), folder)?
            .filter(|row| row.removed.is_none() || self.account().shows_removed())
            .filter(|row| self.rights_in(row).contains(Rights::VISIBLE))
            .ok_or(EngineError::NoSuchFolder)
    }

    /// The folder at the end of a path of names from the top; `None` also for what this user may
    /// not see.
    fn folder_at(&self, path: &[&str]) -> Result<Option<(FolderId, FolderRow)>, EngineError> {
        let path: Vec<_> = path.iter().map(|name| one_form(name)).collect();
        let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
        let found = self
            .reads()
            .folder_at(self.account().id(), Some(MAIL_ROOT), &path)?;
        Ok(found.filter(|(_, row)| self.rights_in(row).contains(Rights::VISIBLE)))
    }

    /// The folder with this role.
    fn folder_with_role(&self, role: Role) -> Result<Option<(FolderId, FolderRow)>, EngineError> {
        let found = self.reads().folder_with_role(self.account().id(), role)?;
        Ok(found.filter(|(_, row)| self.rights_in(row).contains(Rights::VISIBLE)))
    }

    /// What this user may do in a folder.
    fn rights(&self, folder: FolderId) -> Result<Rights, EngineError> {
        Ok(self.rights_in(&self.folder(folder)?))
    }

    /// What this user may do in a folder whose row is at hand.
    fn rights_in(&self, row: &FolderRow) -> Rights {
        match self.account().standing() {
            Standing::Owner => Rights::ALL,
            Standing::Guest => {
                rights_of(row, self.account().origin().actor, self.account().groups())
            }
        }
    }

    /// The folder, if this user has these rights in it. What was removed can be read and emptied,
    /// not changed otherwise.
    fn folder_with_rights(
        &self,
        folder: FolderId,
        needed: Rights,
    ) -> Result<FolderRow, EngineError> {
        let of_removed = Rights::VISIBLE | Rights::READ | Rights::DELETE_ANY | Rights::EXPUNGE;
        let row = self.folder(folder)?;
        if row.removed.is_some() && !of_removed.contains(needed) {
            return Err(EngineError::NoSuchFolder);
        }
        if self.rights_in(&row).contains(needed) {
            Ok(row)
        } else {
            Err(EngineError::Denied)
        }
    }

    /// Whether the account has room for one item more, of so many bytes.
    ///
    /// Errors: [`EngineError::OverQuota`].
    fn check_quota(&self, bytes: u64) -> Result<(), EngineError> {
        let owner = self.account().id();
        if has_room(self.reads(), owner, &self.state()?, bytes)? {
            Ok(())
        } else {
            Err(EngineError::OverQuota)
        }
    }

    /// Whether what the account holds by now is no more than it may.
    ///
    /// Errors: [`EngineError::OverQuota`].
    fn check_quota_of_all(&self) -> Result<(), EngineError> {
        let owner = self.account().id();
        if is_within(self.reads(), owner, &self.state()?)? {
            Ok(())
        } else {
            Err(EngineError::OverQuota)
        }
    }

    /// Whether so many bytes more may be noted of letters.
    ///
    /// Errors: [`EngineError::OverQuota`].
    fn check_annotation_quota(&self, bytes: u64) -> Result<(), EngineError> {
        let owner = self.account().id();
        if has_room_for_annotations(self.reads(), owner, &self.state()?, bytes)? {
            Ok(())
        } else {
            Err(EngineError::OverQuota)
        }
    }

    /// Whether the account may have one folder more that mail programs see.
    ///
    /// Errors: [`EngineError::OverQuota`].
    fn check_folder_quota(&self) -> Result<(), EngineError> {
        let owner = self.account().id();
        if has_room_for_folder(self.reads(), owner, &self.state()?)? {
            Ok(())
        } else {
            Err(EngineError::OverQuota)
        }
    }

    /// The UIDs on a shelf.
    fn uids(&self, folder: FolderId, shelf: Shelf) -> Result<UidSet, EngineError> {
        self.folder_with_rights(folder, Rights::READ)?;
        Ok(self.reads().uids(self.account().id(), folder, shelf)?)
    }

    /// Calls `visit` for the items of a shelf whose UIDs are in the range, ascending, until it
    /// breaks.
    fn items(
        &self,
        folder: FolderId,
        shelf: Shelf,
        uids: RangeInclusive<u32>,
        visit: &mut dyn FnMut(Uid, ItemRow) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        let row = self.folder_with_rights(folder, Rights::READ)?;
        let (owner, reads) = (self.account().id(), self.reads());
        let forward = Direction::Forward;
        let Some(reader) = self.reader_of(&row).filter(|_| shelf == Shelf::Mail) else {
            return Ok(reads.items(owner, folder, shelf, uids, forward, visit)?);
        };
        let read = reads.read_by(owner, folder, reader)?;
        let mut visit = |uid, row| visit(uid, with_seen(row, read.contains(uid)));
        Ok(reads.items(owner, folder, shelf, uids, forward, &mut visit)?)
    }

    /// The row of the item at a place.
    fn item(&self, at: Location) -> Result<Option<ItemRow>, EngineError> {
        self.folder_with_rights(at.folder, Rights::READ)?;
        let row = self.reads().item_row(self.account().id(), at)?;
        row.map(|row| self.as_read_here(at, row)).transpose()
    }

    /// How many letters of a folder this user has not read.
    fn unseen(&self, folder: FolderId, row: &FolderRow) -> Result<u32, EngineError> {
        let counters = row.shelf(Shelf::Mail);
        let Some(reader) = self.reader_of(row) else {
            return Ok(counters.unseen);
        };
        let owner = self.account().id();
        let read = self.reads().read_by(owner, folder, reader)?;
        let there = self.reads().uids(owner, folder, Shelf::Mail)?;
        Ok(there.difference(&read).len())
    }

    /// Who this user is to a folder that keeps what was read for each reader; `None` for the owner
    /// and in all other folders, where the items' own flag counts.
    #[doc(hidden)]
    fn reader_of(&self, row: &FolderRow) -> Option<AccountId> {
        let is_reader = row.read_by_each && self.account().standing() == Standing::Guest;
        is_reader.then(|| self.account().origin().actor)
    }

    /// An item's row with the seen flag that this user has there.
    #[doc(hidden)]
    fn as_read_here(&self, at: Location, row: ItemRow) -> Result<ItemRow, EngineError> {
        if at.shelf != Shelf::Mail || self.account().standing() == Standing::Owner {
            return Ok(row);
        }
        let Some(reader) = self.reader_of(&self.folder(at.folder)?) else {
            return Ok(row);
        };
        let owner = self.account().id();
        let read = self.reads().is_read_by(owner, at.folder, at.uid, reader)?;
        Ok(with_seen(row, read))
    }

    /// Where an item stands now, if this user may know.
    fn location(&self, item: ItemKey) -> Result<Option<Location>, EngineError> {
        let found = self.reads().location(self.account().id(), item)?;
        let Some(at) = found else { return Ok(None) };
        match self.folder_with_rights(at.folder, Rights::READ) {
            Ok(_) => Ok(Some(at)),
            Err(EngineError::NoSuchFolder | EngineError::Denied) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The item that has this place id now.
    fn item_at_place(&self, place: PlaceId) -> Result<Option<(Location, ItemRow)>, EngineError> {
        let found = self.reads().item_at_place(self.account().id(), place)?;
        let Some((at, row)) = found else {
            return Ok(None);
        };
        if self.location(row.item)? != Some(at) {
            return Ok(None);
        }
        Ok(Some((at, self.as_read_here(at, row)?)))
    }

    /// The item that has this content id now.
    fn item_with_content(
        &self,
        content: ContentId,
    ) -> Result<Option<(Location, ItemRow)>, EngineError> {
        let found = self
            .reads()
            .item_with_content(self.account().id(), content)?;
        let Some((at, row)) = found else {
            return Ok(None);
        };
        if self.location(row.item)? != Some(at) {
            return Ok(None);
        }
        Ok(Some((at, self.as_read_here(at, row)?)))
    }

    /// Prefix, summary and dates of an item.
    fn details(&self, item: ItemKey) -> Result<Option<Details>, EngineError> {
        if self.account().standing() == Standing::Guest && self.location(item)?.is_none() {
            return Ok(None);
        }
        Ok(self.reads().details(self.account().id(), item)?)
    }

    /// Calls `visit` with the details of each of these items, in their order; cheapest when
    /// ascending.
    fn details_of(
        &self,
        items: &[ItemKey],
        visit: &mut dyn FnMut(ItemKey, Option<Details>),
    ) -> Result<(), EngineError> {
        if self.account().standing() == Standing::Owner {
            return Ok(self.reads().details_of(self.account().id(), items, visit)?);
        }
        for &item in items {
            visit(item, self.details(item)?);
        }
        Ok(())
    }

    /// The items of a conversation, the first that came first, as far as this user may see them.
    fn conversation_items(&self, id: ConversationId) -> Result<Vec<ItemKey>, EngineError> {
        let mut items = self.reads().conversation_items(self.account().id(), id)?;
        if self.account().standing() == Standing::Guest {
            let mut visible = Vec::new();
            for item in items {
                if self.location(item)?.is_some() {
                    visible.push(item);
                }
            }
            items = visible;
        }
        Ok(items)
    }

    /// The change log after a number, at most `limit` records. Owners only, since it tells of every
    /// folder.
    fn changes(&self, since: ChangeSeq, limit: usize) -> Result<Changes, EngineError> {
        if self.account().standing() == Standing::Guest {
            return Err(EngineError::Denied);
        }
        Ok(self.reads().changes(self.account().id(), since, limit)?)
    }

    /// The same for one folder, for all who may read it: to a guest the records of what is elsewhere
    /// say nothing.
    fn changes_in(
        &self,
        folder: FolderId,
        since: ChangeSeq,
        limit: usize,
    ) -> Result<Changes, EngineError> {
        self.folder_with_rights(folder, Rights::READ)?;
        let mut changes = self.reads().changes(self.account().id(), since, limit)?;
        if let (Standing::Guest, Changes::Page { records, .. }) =
            (self.account().standing(), &mut changes)
        {
            for (_, record) in records {
                let is_here = |stand: &Option<Stand>| {
                    stand
                        .as_ref()
                        .is_some_and(|stand| stand.at.folder == folder)
                };
                if !is_here(&record.from) && !is_here(&record.to) {
                    (record.from, record.to) = (None, None);
                    record.object = Object::Account;
                }
                record.from = record.from.take().filter(|from| from.at.folder == folder);
                record.to = record.to.take().filter(|to| to.at.folder == folder);
            }
        }
        Ok(changes)
    }

    /// What left a folder after a number, ascending, at most `limit`; `None` when that is
    /// forgotten.
    fn departed(
        &self,
        folder: FolderId,
        since: ChangeSeq,
        limit: usize,
    ) -> Result<Option<Vec<Departed>>, EngineError> {
        self.folder_with_rights(folder, Rights::READ)?;
        Ok(self
            .reads()
            .departed(self.account().id(), folder, since, limit)?)
    }

    /// The keyword of a number.
    fn keyword(&self, number: u32) -> Result<Option<String>, EngineError> {
        Ok(self.reads().keyword(self.account().id(), number)?)
    }

    /// All keywords ever used in the account, with their numbers.
    fn keywords(&self) -> Result<Vec<(u32, String)>, EngineError> {
        Ok(self.reads().keywords(self.account().id())?)
    }

    /// The number of a keyword that was used before; case does not count.
    fn keyword_number(&self, keyword: &str) -> Result<Option<u32>, EngineError> {
        let name = Name::Keyword(keyword.to_owned());
        Ok(self.reads().number_of(self.account().id(), &name)?)
    }
}

fn with_seen(row: ItemRow, is_read: bool) -> ItemRow {
    let others = row.flags & !Flags::SEEN;
    let flags = if is_read {
        others | Flags::SEEN
    } else {
        others
    };
    ItemRow { flags, ..row }
}

/// A folder's name as it is kept and looked up: names that look alike because a letter with an
/// accent is one character or two are the same (RFC 5198 §3).
pub(super) fn one_form(name: &str) -> Cow<'_, str> {
    if is_nfc(name) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(name.nfc().collect())
    }
}

/// The names from below the top of the mail tree to this folder; `None` for what does not stand
/// below it.
fn path_of(index: &HashMap<FolderId, &FolderRow>, row: &FolderRow) -> Option<Vec<String>> {
    let mut path = vec![row.name.clone()];
    let mut above = row.parent?;
    while above != MAIL_ROOT {
        // No path is longer than there are folders: a loop, which the store refuses, would end
        // here.
        let parent = index.get(&above).filter(|_| path.len() <= index.len())?;
        path.push(parent.name.clone());
        above = parent.parent?;
    }
    path.reverse();
    Some(path)
}
