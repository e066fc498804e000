//! What must stand in derived rows, computed anew from the rows that are the truth.
//!
//! Items (`M`) with their details (`E`), overlays (`O`), the queue (`q`), folders (`F`) and the change log (`C`) are the
//! truth; counters, blocks of UIDs (`U`), locations (`L`), aliases (`I`), ways to folders (`K`) and conversations (`J`, `j`),
//! tombstones (`T`), references (`R`) and the account's use follow from them. Both the check and the repair compare
//! what is there with this.

use super::codec::Row;
use super::key::{self, tag};
use super::reads::Reads;
use super::row::uids::{UidBlock, block_of};
use super::row::{
    ChangeRecord, Conversation, Details, FolderForm, FolderRow, ItemRow, ShelfCounters,
};
use super::scan::{Number, each};
use super::shelf::{Location, Shelf};
use super::txn::tombstone;
use crate::backend::Key;
use crate::error::StoreError;
use crate::id::{AccountId, BodyNumber, ChangeSeq, FolderId, ItemKey, Uid};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Tags of the rows that are rebuilt as a whole.
pub(crate) const REBUILT: [u8; 7] = [
    tag::CONVERSATION_NAME,
    tag::CONVERSATION,
    tag::UIDS,
    tag::LOCATION,
    tag::ALIAS,
    tag::DEPARTED,
    tag::WAY,
];

/// Everything that follows from an account's true rows.
#[derive(Debug, Default)]
pub(crate) struct Derived {
    /// The rows with the tags of [`REBUILT`].
    pub(crate) rows: BTreeMap<Key, Bytes>,
    /// The reference rows.
    pub(crate) references: BTreeSet<Key>,
    /// Counters by folder; the next UIDs are the lowest possible.
    pub(crate) counters: BTreeMap<(FolderId, Shelf), ShelfCounters>,
    /// Bytes of visible items.
    pub(crate) used_bytes: u64,
    /// Bytes of recoverable items.
    pub(crate) recoverable_bytes: u64,
    /// Folders, the removed ones too.
    pub(crate) folders: u32,
    /// The highest stamp or number found anywhere.
    pub(crate) newest: ChangeSeq,
    /// The highest id found anywhere.
    pub(crate) highest_id: u64,
    /// Items found, for comparing with details.
    pub(crate) items: BTreeSet<ItemKey>,
    /// Items on shelves of folders that do not exist.
    pub(crate) homeless: Vec<Location>,
    blocks: BTreeMap<(FolderId, Shelf, u32), UidBlock>,
    born: BTreeMap<ItemKey, Location>,
}

impl Derived {
    /// Reads an account's true rows.
    pub(crate) fn of<R: Reads>(read: &R, account: AccountId) -> Result<Self, StoreError> {
        let mut derived = Self::default();
        let folders: BTreeMap<_, _> = read.folders(account)?.into_iter().collect();
        for (&id, row) in &folders {
            derived.add_folder(read, account, id, row)?;
        }
        each(
            read,
            &key::of_account(tag::DETAILS, account),
            &mut |key, value| {
                let details = Details::decode(value)?;
                let item = ItemKey(key::tail48(key)?);
                derived.born.extend(details.born.map(|at| (item, at)));
                derived.add_conversation(account, item, details.conversation);
                Ok(ControlFlow::Continue(()))
            },
        )?;
        each(
            read,
            &key::of_account(tag::ITEM, account),
            &mut |key, value| {
                derived.add_item(account, &folders, key, &ItemRow::decode(value)?)?;
                Ok(ControlFlow::Continue(()))
            },
        )?;
        each(
            read,
            &key::of_account(tag::CHANGE, account),
            &mut |key, value| {
                derived.add_change(account, key, &ChangeRecord::decode(value)?)?;
                Ok(ControlFlow::Continue(()))
            },
        )?;
        derived.add_overlays(read, account)?;
        for (id, entry) in read.queue_entries(account)? {
            derived.add_id(id);
            derived.add_stamp(entry.changed);
            if let Some((body, _)) = entry.body {
                derived.refer(account, id, body);
            }
        }
        derived.finish_blocks(account);
        Ok(derived)
    }

    fn add_folder<R: Reads>(
        &mut self,
        read: &R,
        account: AccountId,
        id: FolderId,
        row: &FolderRow,
    ) -> Result<(), StoreError> {
        self.add_id(id.0);
        self.add_stamp(row.last_change());
        self.folders = self.folders.saturating_add(1);
        for way in row.ways(account) {
            self.rows.insert(way, Number(id.0).encode());
        }
        if matches!(row.form, FolderForm::Search(_)) {
            let members = read.members(account, id)?.len();
            let counters = self.counters.entry((id, Shelf::Mail)).or_default();
            counters.count = u32::try_from(members).unwrap_or(u32::MAX);
        }
        Ok(())
    }

    fn add_item(
        &mut self,
        account: AccountId,
        folders: &BTreeMap<FolderId, FolderRow>,
        key: &[u8],
        row: &ItemRow,
    ) -> Result<(), StoreError> {
        let at = location_of(key)?;
        let Some(folder) = folders.get(&at.folder) else {
            self.homeless.push(at);
            return Ok(());
        };
        self.items.insert(row.item);
        self.add_names(account, row);
        self.add_stamp(row.last_change());
        if self.born.get(&row.item) != Some(&at) {
            self.rows
                .insert(key::location(account, row.item), at.encode());
        }
        if let Some(body) = row.body {
            self.refer(account, row.item.0, body);
        }
        self.counters
            .entry((at.folder, at.shelf))
            .or_default()
            .add(row);
        self.reach(at);
        self.blocks
            .entry((at.folder, at.shelf, block_of(at.uid)))
            .or_default()
            .set(at.uid, true);
        if at.shelf == Shelf::Recoverable || folder.removed.is_some() {
            self.recoverable_bytes += row.size;
        } else {
            self.used_bytes += row.size;
        }
        Ok(())
    }

    fn add_names(&mut self, account: AccountId, row: &ItemRow) {
        let item = Number(row.item.0).encode();
        if row.place.0 != row.item.0 {
            self.rows
                .insert(key::place(account, row.place.0), item.clone());
        }
        if row.content.0 != row.item.0 {
            self.rows.insert(key::content(account, row.content.0), item);
        }
        self.add_id(row.item.0.max(row.place.0).max(row.content.0));
    }

    fn add_change(
        &mut self,
        account: AccountId,
        key: &[u8],
        record: &ChangeRecord,
    ) -> Result<(), StoreError> {
        let change = ChangeSeq(key::tail48(key)?);
        self.add_stamp(change);
        if let Some((folder, row)) = tombstone(record) {
            self.rows
                .insert(key::departed(account, folder, change), row.encode());
        }
        Ok(())
    }

    fn add_conversation(
        &mut self,
        account: AccountId,
        item: ItemKey,
        conversation: Option<Conversation>,
    ) {
        let Some(Conversation { id, names }) = conversation else {
            return;
        };
        for name in names {
            let key = key::conversation_name(account, name, item);
            self.rows.insert(key, Number(id.0).encode());
        }
        if id.0 != item.0 {
            let key = key::conversation(account, id, item);
            self.rows.insert(key, Bytes::new());
        }
    }

    fn add_overlays<R: Reads>(&mut self, read: &R, account: AccountId) -> Result<(), StoreError> {
        let mut objects = BTreeSet::new();
        each(
            read,
            &key::of_account(tag::OVERLAY, account),
            &mut |key, _| {
                objects.insert(key::field(key, 5, 6)?);
                Ok(ControlFlow::Continue(()))
            },
        )?;
        for object in objects {
            for (_, values) in read.overlay_tree(account, object)? {
                let bodies = values.iter().filter_map(|entry| entry.value.body());
                bodies.for_each(|body| self.refer(account, object, body));
            }
        }
        Ok(())
    }

    fn finish_blocks(&mut self, account: AccountId) {
        for ((folder, shelf, block), bits) in std::mem::take(&mut self.blocks) {
            self.rows
                .insert(key::uid_block(account, folder, shelf, block), bits.encode());
        }
    }

    fn refer(&mut self, account: AccountId, object: u64, body: BodyNumber) {
        self.references
            .insert(key::reference(body, account, object));
    }

    /// The next UID must lie above this one.
    fn reach(&mut self, at: Location) {
        let counters = self.counters.entry((at.folder, at.shelf)).or_default();
        counters.uid_next = counters.uid_next.max(Uid(at.uid.0.saturating_add(1)));
    }

    fn add_stamp(&mut self, stamp: ChangeSeq) {
        self.newest = self.newest.max(stamp);
    }

    fn add_id(&mut self, id: u64) {
        self.highest_id = self.highest_id.max(id);
    }

    /// What a folder's counters must be, given how far it got: the next UID never goes back.
    pub(crate) fn counters_of(&self, folder: FolderId, row: &FolderRow) -> [ShelfCounters; 4] {
        Shelf::ALL.map(|shelf| {
            let now = row.shelf(shelf);
            let derived = self
                .counters
                .get(&(folder, shelf))
                .copied()
                .unwrap_or_default();
            ShelfCounters {
                uid_next: derived.uid_next.max(now.uid_next),
                ..derived
            }
        })
    }

    /// The rows of a tag that differ from what is there, with the value they must have.
    pub(crate) fn differences<R: Reads>(
        &self,
        read: &R,
        account: AccountId,
        tag: u8,
    ) -> Result<Vec<(Key, Option<Bytes>)>, StoreError> {
        let prefix = key::of_account(tag, account);
        let mut wanted: BTreeMap<&Key, &Bytes> = self
            .rows
            .range(prefix.clone()..key::after(&prefix))
            .collect();
        let mut differences = Vec::new();
        each(read, &prefix, &mut |key, value| {
            let key = Key::from_slice(key);
            match wanted.remove(&key) {
                Some(right) if right == value => {}
                right => differences.push((key, right.cloned())),
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let missing = wanted
            .into_iter()
            .map(|(key, value)| (key.clone(), Some(value.clone())));
        differences.extend(missing);
        Ok(differences)
    }
}

/// The place that an item's key names.
pub(crate) fn location_of(key: &[u8]) -> Result<Location, StoreError> {
    Ok(Location {
        folder: FolderId(key::field(key, 5, 6)?),
        shelf: Shelf::from_number(key::field(key, 11, 1)?)?,
        uid: Uid(key::field32(key, 12)?),
    })
}
