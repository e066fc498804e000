//! What a transaction will write, and reads that see it over what the backend shows.

use super::Txn;
use super::ahead::Run;
use super::writes::{Entries, Writes};
use crate::backend::{Direction, Key, Read};
use crate::error::StoreError;
use crate::id::{AccountId, FolderId};
use crate::model::codec::Row;
use crate::model::error::ModelError;
use crate::model::key::{self, tag};
use crate::model::reads::Reads;
use crate::model::row::uids::UidBlock;
use crate::model::row::{AccountRow, FolderRow};
use crate::model::scan::{Number, fetch};
use crate::model::shelf::Shelf;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A decoded row and whether it differs from what was read.
#[derive(Debug)]
struct Cached<T> {
    row: T,
    dirty: bool,
}

/// A block of UIDs: whose, and its number.
type BlockName = (AccountId, FolderId, Shelf, u32);

/// Writes to come; rows that many verbs touch stay decoded until the end.
#[derive(Debug, Default)]
pub(super) struct Pending {
    writes: Writes,
    accounts: BTreeMap<AccountId, Cached<AccountRow>>,
    folders: BTreeMap<(AccountId, FolderId), Cached<FolderRow>>,
    blocks: BTreeMap<BlockName, Cached<UidBlock>>,
}

impl Pending {
    pub(super) fn put(&mut self, key: Key, row: &impl Row) {
        self.writes.put(key, row);
    }

    pub(super) fn put_empty(&mut self, key: Key) {
        self.writes.insert(key, Some(Bytes::new()));
    }

    /// Writes or removes an encoded row.
    pub(super) fn put_raw(&mut self, key: Key, value: Option<Bytes>) {
        self.writes.insert(key, value);
    }

    pub(super) fn remove(&mut self, key: Key) {
        self.writes.insert(key, None);
    }

    /// All writes, in the order of their keys.
    pub(super) fn into_writes(mut self) -> Vec<(Key, Option<Bytes>)> {
        let mut writes = std::mem::take(&mut self.writes);
        for (key, value) in self.dirty_rows() {
            writes.insert(key, value);
        }
        writes.into_sorted()
    }

    /// The decoded rows that differ from what was read, encoded.
    fn dirty_rows(&self) -> impl Iterator<Item = (Key, Option<Bytes>)> + '_ {
        let accounts = self.accounts.iter().filter(|(_, cached)| cached.dirty);
        let folders = self.folders.iter().filter(|(_, cached)| cached.dirty);
        let blocks = self.blocks.iter().filter(|(_, cached)| cached.dirty);
        accounts
            .map(|(&id, cached)| (key::account(id), Some(cached.row.encode())))
            .chain(folders.map(|(&(account, folder), cached)| {
                (key::folder(account, folder), Some(cached.row.encode()))
            }))
            .chain(blocks.map(|(name, cached)| (block_key(name), block_value(&cached.row))))
    }

    /// The entries of a range that lie over the backend's; copies only where decoded rows may be in
    /// it.
    fn over(&self, range: &Range<&[u8]>) -> BTreeMap<Key, Option<Bytes>> {
        let inside = |key: &Key| range.start <= key.as_slice() && key.as_slice() < range.end;
        let mut over: BTreeMap<_, _> = self
            .writes
            .range(range.clone(), Direction::Forward)
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        over.extend(self.dirty_rows().filter(|(key, _)| inside(key)));
        over
    }
}

fn block_key(&(account, folder, shelf, block): &BlockName) -> Key {
    key::uid_block(account, folder, shelf, block)
}

/// An empty block has no row.
fn block_value(block: &UidBlock) -> Option<Bytes> {
    (!block.is_empty()).then(|| block.encode())
}

/// True for keys whose rows may be decoded in memory.
fn may_be_decoded(key: &[u8]) -> bool {
    key.first()
        .is_none_or(|tag| matches!(*tag, tag::ACCOUNT | tag::FOLDER | tag::UIDS))
}

impl Txn<'_> {
    /// The account's row, to be changed.
    pub(super) fn account_mut(
        &mut self,
        account: AccountId,
    ) -> Result<&mut AccountRow, ModelError> {
        self.check_locked(account)?;
        if !self.pending.accounts.contains_key(&account) {
            let row = self
                .account_row(account)?
                .ok_or(ModelError::NoSuchAccount)?;
            self.add_account(account, row);
        }
        let cached = self
            .pending
            .accounts
            .get_mut(&account)
            .ok_or(ModelError::NoSuchAccount)?;
        cached.dirty = true;
        Ok(&mut cached.row)
    }

    pub(super) fn add_account(&mut self, account: AccountId, row: AccountRow) {
        self.pending
            .accounts
            .insert(account, Cached { row, dirty: true });
    }

    /// A folder, also a removed one; kept for the verbs that follow, so that they need not read it
    /// again.
    pub fn keep_folder(
        &mut self,
        account: AccountId,
        folder: FolderId,
    ) -> Result<Option<&FolderRow>, ModelError> {
        if !self.pending.folders.contains_key(&(account, folder)) {
            let Some(row) = self.folder(account, folder)? else {
                return Ok(None);
            };
            let cached = Cached { row, dirty: false };
            self.pending.folders.insert((account, folder), cached);
        }
        let cached = self.pending.folders.get(&(account, folder));
        Ok(cached.map(|cached| &cached.row))
    }

    /// A folder's row, to be changed; also a removed folder's.
    pub(super) fn any_folder_mut(
        &mut self,
        account: AccountId,
        folder: FolderId,
    ) -> Result<&mut FolderRow, ModelError> {
        self.check_locked(account)?;
        self.keep_folder(account, folder)?;
        let cached = self.pending.folders.get_mut(&(account, folder));
        let cached = cached.ok_or(ModelError::NoSuchFolder)?;
        cached.dirty = true;
        Ok(&mut cached.row)
    }

    /// The row of a folder that was not removed, to be changed.
    pub(super) fn folder_mut(
        &mut self,
        account: AccountId,
        folder: FolderId,
    ) -> Result<&mut FolderRow, ModelError> {
        let row = self.any_folder_mut(account, folder)?;
        if row.removed.is_some() {
            Err(ModelError::NoSuchFolder)
        } else {
            Ok(row)
        }
    }

    /// Writes a folder's row, new or not, and the ways that lead to it.
    pub(super) fn put_folder(
        &mut self,
        account: AccountId,
        folder: FolderId,
        row: FolderRow,
    ) -> Result<(), ModelError> {
        let old = self.folder(account, folder)?;
        if old.is_none() {
            let row = self.account_mut(account)?;
            row.folders = row.folders.saturating_add(1);
        }
        self.change_ways(account, folder, old.as_ref(), Some(&row));
        let cached = Cached { row, dirty: true };
        self.pending.folders.insert((account, folder), cached);
        Ok(())
    }

    /// Removes the ways that no longer lead to a folder and makes those that are new.
    fn change_ways(
        &mut self,
        account: AccountId,
        folder: FolderId,
        old: Option<&FolderRow>,
        new: Option<&FolderRow>,
    ) {
        let ways = |row: Option<&FolderRow>| -> BTreeSet<Key> {
            row.map(|row| row.ways(account).collect())
                .unwrap_or_default()
        };
        let (old, new) = (ways(old), ways(new));
        for way in old.difference(&new) {
            self.pending.remove(way.clone());
        }
        for way in new.difference(&old) {
            self.pending.put(way.clone(), &Number(folder.0));
        }
    }

    /// Forgets an account's row for good.
    pub(super) fn drop_account(&mut self, account: AccountId) {
        self.pending.accounts.remove(&account);
        self.pending.remove(key::account(account));
    }

    /// Forgets a folder's row for good.
    pub(super) fn drop_folder(
        &mut self,
        account: AccountId,
        folder: FolderId,
    ) -> Result<(), ModelError> {
        let old = self.folder(account, folder)?;
        self.change_ways(account, folder, old.as_ref(), None);
        let row = self.account_mut(account)?;
        row.folders = row.folders.saturating_sub(1);
        self.pending.folders.remove(&(account, folder));
        self.pending.remove(key::folder(account, folder));
        Ok(())
    }

    /// A block of UIDs, to be changed.
    pub(super) fn block_mut(
        &mut self,
        account: AccountId,
        folder: FolderId,
        shelf: Shelf,
        block: u32,
    ) -> Result<&mut UidBlock, ModelError> {
        let name = (account, folder, shelf, block);
        if !self.pending.blocks.contains_key(&name) {
            let row = fetch(self, &block_key(&name))?.unwrap_or_default();
            self.pending
                .blocks
                .insert(name, Cached { row, dirty: true });
        }
        let cached = self.pending.blocks.entry(name).or_insert_with(|| Cached {
            row: UidBlock::default(),
            dirty: true,
        });
        cached.dirty = true;
        Ok(&mut cached.row)
    }

    /// The value of a row that is decoded in memory.
    fn decoded(&self, key: &[u8]) -> Option<Decoded> {
        let account = AccountId(key::field32(key, 1).ok()?);
        let folder = || key::field(key, 5, 6).ok().map(FolderId);
        match *key.first()? {
            tag::ACCOUNT => {
                let cached = self.pending.accounts.get(&account)?;
                Some(Decoded(Some(cached.row.encode())))
            }
            tag::FOLDER => {
                let cached = self.pending.folders.get(&(account, folder()?))?;
                Some(Decoded(Some(cached.row.encode())))
            }
            tag::UIDS => {
                let shelf = Shelf::from_number(key::field(key, 11, 1).ok()?).ok()?;
                let block = key::field32(key, 12).ok()?;
                let cached = self
                    .pending
                    .blocks
                    .get(&(account, folder()?, shelf, block))?;
                Some(Decoded(block_value(&cached.row)))
            }
            _ => None,
        }
    }
}

impl Txn<'_> {
    /// The value of a key below what is pending.
    fn below(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.reading_ahead(key, |run| run.value(&*self.base, key))
            .unwrap_or_else(|| self.base.get(key))
    }

    fn scan_below(
        &self,
        range: Range<&[u8]>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        if direction == Direction::Forward
            && let Some(scanned) = self.reading_ahead(range.start, |run| {
                run.scan(&*self.base, range.clone(), visit)
            })
        {
            return scanned;
        }
        self.base.scan(range, direction, visit)
    }

    /// Reads by way of what was read ahead; `None` for rows that are not read so, and for accounts
    /// that others may be changing.
    fn reading_ahead<T>(&self, key: &[u8], read: impl FnOnce(&mut Run) -> T) -> Option<T> {
        let account = AccountId(key::field32(key, 1).ok()?);
        if !self.locked.contains(&account) {
            return None;
        }
        let mut ahead = self.ahead.try_borrow_mut().ok()?;
        ahead.of(key).map(read)
    }
}

/// The value that a decoded row will have, if it will have one.
struct Decoded(Option<Bytes>);

impl Read for Txn<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        if may_be_decoded(key)
            && let Some(Decoded(value)) = self.decoded(key)
        {
            return Ok(value);
        }
        match self.pending.writes.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.noting(self.below(key)),
        }
    }

    fn scan(
        &self,
        range: Range<&[u8]>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        let copied;
        let over: Entries<'_> = if may_be_decoded(range.start) {
            copied = self.pending.over(&range);
            match direction {
                Direction::Forward => Box::new(copied.iter()),
                Direction::Backward => Box::new(copied.iter().rev()),
            }
        } else {
            self.pending.writes.range(range.clone(), direction)
        };
        let mut merge = Merge {
            over: over.peekable(),
            direction,
            visit,
            stopped: false,
        };
        self.noting(self.scan_below(range, direction, &mut |key, value| merge.below(key, value)))?;
        merge.rest();
        Ok(())
    }
}

/// Two ordered runs of entries as one: of two with one key, the pending one is seen.
struct Merge<'a, 'v> {
    over: std::iter::Peekable<Entries<'a>>,
    direction: Direction,
    visit: &'v mut dyn FnMut(&[u8], &[u8]) -> bool,
    stopped: bool,
}

impl Merge<'_, '_> {
    /// Takes one entry of the backend: first what comes before it.
    fn below(&mut self, key: &[u8], value: &[u8]) -> bool {
        let direction = self.direction;
        let comes_first = |over: &Key| match direction {
            Direction::Forward => over.as_slice() < key,
            Direction::Backward => over.as_slice() > key,
        };
        while let Some((key, value)) = self.over.next_if(|(over, _)| comes_first(over)) {
            if !self.show(key, value.as_ref()) {
                return false;
            }
        }
        match self.over.next_if(|(over, _)| over.as_slice() == key) {
            Some((key, value)) => self.show(key, value.as_ref()),
            None => self.show_bytes(key, value),
        }
    }

    /// Shows what comes after the backend's last entry.
    fn rest(&mut self) {
        while !self.stopped
            && let Some((key, value)) = self.over.next()
        {
            self.show(key, value.as_ref());
        }
    }

    fn show(&mut self, key: &[u8], value: Option<&Bytes>) -> bool {
        value.is_none_or(|value| self.show_bytes(key, value))
    }

    fn show_bytes(&mut self, key: &[u8], value: &[u8]) -> bool {
        self.stopped = !(self.visit)(key, value);
        !self.stopped
    }
}

impl Reads for Txn<'_> {
    fn account_row(&self, account: AccountId) -> Result<Option<AccountRow>, StoreError> {
        match self.pending.accounts.get(&account) {
            Some(cached) => Ok(Some(cached.row.clone())),
            None => fetch(self, &key::account(account)),
        }
    }

    fn folder(
        &self,
        account: AccountId,
        folder: FolderId,
    ) -> Result<Option<FolderRow>, StoreError> {
        match self.pending.folders.get(&(account, folder)) {
            Some(cached) => Ok(Some(cached.row.clone())),
            None => fetch(self, &key::folder(account, folder)),
        }
    }
}
