//! What can be read of accounts, from a view of what is settled or from within a transaction.
//!
//! A read names the account it is about, so that one view or transaction serves several.

use super::codec::Row;
use super::key::{self, tag};
use super::row::change::DepartedRow;
use super::row::overlay::{OverlayRow, path_bytes, path_from_bytes};
use super::row::uids::{self, BLOCK_UIDS};
use super::row::{
    AccountRow, AddressTarget, ChangeRecord, Departed, Details, DirectoryKind, DirectoryRecord,
    FolderRow, ItemRow, Name, OverlayPath, OverlayValue, PathStep, QueueEntry, Role,
};
use super::scan::{Interned, Number, each, fetch, rows};
use super::shelf::{Location, Shelf};
use super::uid_set::{UidSet, UidSetBuilder};
use crate::backend::{Direction, Key, Read};
use crate::error::StoreError;
use crate::id::{
    AccountId, BodyNumber, ChangeSeq, ContentId, ConversationId, FolderId, ItemKey, PlaceId,
    Timestamp, Uid,
};
use bytes::Bytes;
use std::ops::{ControlFlow, Range, RangeInclusive};

/// How many details are asked of the backend at once: enough to read in order, few enough to stay
/// small.
const DETAILS_AT_ONCE: usize = 256;

/// A page of the change log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// The records after the number asked for, ascending.
    Page {
        /// The records with their numbers.
        records: Vec<(ChangeSeq, ChangeRecord)>,
        /// True when there are more; the next page begins after the last number given.
        more: bool,
    },
    /// The number lies below the horizon: what happened since is forgotten, and the client must
    /// start again.
    Forgotten,
}

/// All values of an object and its parts, in the order of their paths.
pub type OverlayTree = Vec<(Vec<PathStep>, Vec<OverlayValue>)>;

/// A queue entry's place in the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// When it is to be tried.
    pub at: Timestamp,
    /// Whose it is.
    pub account: AccountId,
    /// Its number.
    pub id: u64,
}

/// Reads that views and transactions share.
pub trait Reads: Read {
    /// The account's counters; `None` when there is no such account.
    fn account_row(&self, account: AccountId) -> Result<Option<AccountRow>, StoreError> {
        fetch(self, &key::account(account))
    }

    /// The numbers of all accounts, ascending.
    fn accounts(&self) -> Result<Vec<AccountId>, StoreError> {
        let mut accounts = Vec::new();
        each(self, &key::accounts(), &mut |key, _| {
            accounts.push(AccountId(key::tail32(key)?));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(accounts)
    }

    /// A folder, also a removed one.
    fn folder(
        &self,
        account: AccountId,
        folder: FolderId,
    ) -> Result<Option<FolderRow>, StoreError> {
        fetch(self, &key::folder(account, folder))
    }

    /// All folders of an account in the order of their ids, also removed ones.
    fn folders(&self, account: AccountId) -> Result<Vec<(FolderId, FolderRow)>, StoreError> {
        let mut folders = Vec::new();
        each(
            self,
            &key::of_account(tag::FOLDER, account),
            &mut |key, value| {
                folders.push((FolderId(key::tail48(key)?), FolderRow::decode(value)?));
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(folders)
    }

    /// The folder of this name below a parent; removed ones are not found.
    fn child(
        &self,
        account: AccountId,
        parent: Option<FolderId>,
        name: &str,
    ) -> Result<Option<(FolderId, FolderRow)>, StoreError> {
        let found = by_way(self, account, &key::child(account, parent, name))?;
        Ok(found.filter(|(_, row)| row.parent == parent && row.name == name))
    }

    /// The folder with this role; removed ones are not found.
    fn folder_with_role(
        &self,
        account: AccountId,
        role: Role,
    ) -> Result<Option<(FolderId, FolderRow)>, StoreError> {
        by_way(self, account, &key::role(account, role))
    }

    /// The folder that has this UIDVALIDITY, also a removed one.
    fn folder_with_uid_validity(
        &self,
        account: AccountId,
        uid_validity: u32,
    ) -> Result<Option<(FolderId, FolderRow)>, StoreError> {
        by_way(self, account, &key::uid_validity(account, uid_validity))
    }

    /// True when a living folder stands below this one.
    fn has_children(&self, account: AccountId, folder: FolderId) -> Result<bool, StoreError> {
        let mut found = false;
        each(self, &key::children(account, Some(folder)), &mut |_, _| {
            found = true;
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// The folder at the end of a path of names that begins below `root`; removed ones are not
    /// found.
    fn folder_at(
        &self,
        account: AccountId,
        root: Option<FolderId>,
        path: &[&str],
    ) -> Result<Option<(FolderId, FolderRow)>, StoreError> {
        let mut found: Option<(FolderId, FolderRow)> = None;
        for name in path {
            let parent = found.map_or(root, |(id, _)| Some(id));
            found = self.child(account, parent, name)?;
            if found.is_none() {
                return Ok(None);
            }
        }
        Ok(found)
    }

    /// The row of the item at this place.
    fn item_row(&self, account: AccountId, at: Location) -> Result<Option<ItemRow>, StoreError> {
        fetch(self, &key::item(account, at.folder, at.shelf, at.uid))
    }

    /// Calls `visit` for the items of a shelf whose UIDs are in the range, until it breaks.
    fn items(
        &self,
        account: AccountId,
        folder: FolderId,
        shelf: Shelf,
        uids: RangeInclusive<u32>,
        direction: Direction,
        visit: &mut dyn FnMut(Uid, ItemRow) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let start = key::item(account, folder, shelf, Uid(*uids.start()));
        let end = key::after(&key::item(account, folder, shelf, Uid(*uids.end())));
        if uids.is_empty() {
            return Ok(());
        }
        rows(self, &start..&end, direction, &mut |key, value| {
            Ok(visit(Uid(key::tail32(key)?), ItemRow::decode(value)?))
        })
    }

    /// Where an item stands now.
    fn location(&self, account: AccountId, item: ItemKey) -> Result<Option<Location>, StoreError> {
        let moved = fetch(self, &key::location(account, item))?;
        if moved.is_some() {
            return Ok(moved);
        }
        let details = self.get(&key::details(account, item))?;
        details.map_or(Ok(None), |value| Details::birthplace(&value))
    }

    /// The item that has this place id now.
    fn item_at_place(
        &self,
        account: AccountId,
        place: PlaceId,
    ) -> Result<Option<(Location, ItemRow)>, StoreError> {
        let alias = key::place(account, place.0);
        by_name(self, account, &alias, place.0, &|row| row.place == place)
    }

    /// The item that has this content id now.
    fn item_with_content(
        &self,
        account: AccountId,
        content: ContentId,
    ) -> Result<Option<(Location, ItemRow)>, StoreError> {
        let alias = key::content(account, content.0);
        by_name(self, account, &alias, content.0, &|row| {
            row.content == content
        })
    }

    /// The details of an item.
    fn details(&self, account: AccountId, item: ItemKey) -> Result<Option<Details>, StoreError> {
        let value = self.get(&key::details(account, item))?;
        value.map(|value| Details::share(&value)).transpose()
    }

    /// Calls `visit` with the details of each of these items, in their order; cheapest when
    /// ascending.
    fn details_of(
        &self,
        account: AccountId,
        items: &[ItemKey],
        visit: &mut dyn FnMut(ItemKey, Option<Details>),
    ) -> Result<(), StoreError> {
        for chunk in items.chunks(DETAILS_AT_ONCE) {
            if is_dense(chunk) {
                scan_details(self, account, chunk, visit)?;
                continue;
            }
            let keys: Vec<Key> = chunk
                .iter()
                .map(|&item| key::details(account, item))
                .collect();
            for (&item, value) in chunk.iter().zip(self.get_many(&keys)?) {
                visit(item, value.map(|value| Details::share(&value)).transpose()?);
            }
        }
        Ok(())
    }

    /// The conversation that a name leads to.
    fn conversation_named(
        &self,
        account: AccountId,
        name: u64,
    ) -> Result<Option<ConversationId>, StoreError> {
        let mut found = None;
        let prefix = key::conversation_names(account, name);
        each(self, &prefix, &mut |_, value| {
            found = Some(ConversationId(Number::decode(value)?.0));
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// The items of a conversation, the first that came first; also those on recoverable shelves.
    fn conversation_items(
        &self,
        account: AccountId,
        id: ConversationId,
    ) -> Result<Vec<ItemKey>, StoreError> {
        let mut items = Vec::new();
        // Who begins one bears its number and has no row.
        let first = ItemKey(id.0);
        let details = self.details(account, first)?;
        if details.is_some_and(|details| details.conversation_of(first) == id) {
            items.push(first);
        }
        each(self, &key::in_conversation(account, id), &mut |key, _| {
            items.push(ItemKey(key::tail48(key)?));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(items)
    }

    /// The UIDs on a shelf.
    fn uids(
        &self,
        account: AccountId,
        folder: FolderId,
        shelf: Shelf,
    ) -> Result<UidSet, StoreError> {
        let mut set = UidSetBuilder::default();
        each(
            self,
            &key::of_shelf(tag::UIDS, account, folder, shelf),
            &mut |key, value| {
                let base = key::tail32(key)?.saturating_mul(BLOCK_UIDS);
                for run in uids::runs_of_row(value)? {
                    set.push(base + run.start, base + (run.end - 1));
                }
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(set.finish())
    }

    /// The change log after a number, at most `limit` records.
    fn changes(
        &self,
        account: AccountId,
        since: ChangeSeq,
        limit: usize,
    ) -> Result<Changes, StoreError> {
        let horizon = self.account_row(account)?.unwrap_or_default().horizon;
        if since < horizon {
            return Ok(Changes::Forgotten);
        }
        let start = key::change(account, ChangeSeq(since.0.saturating_add(1)));
        let end = key::after(&key::of_account(tag::CHANGE, account));
        let (mut records, mut more) = (Vec::new(), false);
        rows(self, &start..&end, Direction::Forward, &mut |key, value| {
            if records.len() == limit {
                more = true;
                return Ok(ControlFlow::Break(()));
            }
            records.push((ChangeSeq(key::tail48(key)?), ChangeRecord::decode(value)?));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(Changes::Page { records, more })
    }

    /// What left a folder after a number, ascending, at most `limit`; `None` when the number lies
    /// below the horizon.
    fn departed(
        &self,
        account: AccountId,
        folder: FolderId,
        since: ChangeSeq,
        limit: usize,
    ) -> Result<Option<Vec<Departed>>, StoreError> {
        if since < self.account_row(account)?.unwrap_or_default().horizon {
            return Ok(None);
        }
        let start = key::departed(account, folder, ChangeSeq(since.0.saturating_add(1)));
        let end = key::after(&key::of_folder(tag::DEPARTED, account, folder));
        let mut departed = Vec::new();
        rows(self, &start..&end, Direction::Forward, &mut |key, value| {
            if departed.len() == limit {
                return Ok(ControlFlow::Break(()));
            }
            let change = ChangeSeq(key::tail48(key)?);
            departed.push(DepartedRow::decode(value)?.under(change));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(Some(departed))
    }

    /// The overlay values of an object of the tree, ascending by property. `object` is the number
    /// of a folder or item.
    fn overlay(
        &self,
        account: AccountId,
        object: u64,
        path: &OverlayPath,
    ) -> Result<Vec<OverlayValue>, StoreError> {
        let key = key::overlay(account, object, &path_bytes(path));
        Ok(fetch::<OverlayRow, _>(self, &key)?.unwrap_or_default().0)
    }

    /// Calls `visit` with the overlay values of those of these items that have some of their own,
    /// their parts left out; cheapest when ascending.
    fn overlays_of(
        &self,
        account: AccountId,
        items: &[ItemKey],
        visit: &mut dyn FnMut(ItemKey, Vec<OverlayValue>),
    ) -> Result<(), StoreError> {
        for chunk in items.chunks(DETAILS_AT_ONCE) {
            if is_dense(chunk) {
                scan_overlays(self, account, chunk, visit)?;
                continue;
            }
            let key = |item: &ItemKey| key::overlay(account, item.0, &[]);
            let keys: Vec<Key> = chunk.iter().map(key).collect();
            for (&item, value) in chunk.iter().zip(self.get_many(&keys)?) {
                if let Some(value) = value {
                    visit(item, OverlayRow::decode(&value)?.0);
                }
            }
        }
        Ok(())
    }

    /// The whole overlay tree of a folder or item, in the order of paths.
    fn overlay_tree(&self, account: AccountId, object: u64) -> Result<OverlayTree, StoreError> {
        let prefix = key::overlay(account, object, &[]);
        let mut tree = Vec::new();
        each(self, &prefix, &mut |key, value| {
            let path = key.get(prefix.len()..).unwrap_or_default();
            tree.push((path_from_bytes(path)?, OverlayRow::decode(value)?.0));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(tree)
    }

    /// The number of a name, if it was interned.
    fn number_of(&self, account: AccountId, name: &Name) -> Result<Option<u32>, StoreError> {
        let key = key::name_number(account, name.space(), &name.key_bytes());
        fetch::<Interned, _>(self, &key).map(|found| found.map(|number| number.0))
    }

    /// The keyword of a number.
    fn keyword(&self, account: AccountId, number: u32) -> Result<Option<String>, StoreError> {
        let key = key::name(account, super::row::name::KEYWORD_SPACE, number);
        Ok(fetch(self, &key)?.and_then(|name| match name {
            Name::Keyword(text) => Some(text),
            Name::Property(..) => None,
        }))
    }

    /// The property of a number.
    fn property(&self, account: AccountId, number: u32) -> Result<Option<Name>, StoreError> {
        fetch(
            self,
            &key::name(account, super::row::name::PROPERTY_SPACE, number),
        )
    }

    /// All keywords ever used in an account, ascending by number.
    fn keywords(&self, account: AccountId) -> Result<Vec<(u32, String)>, StoreError> {
        let mut keywords = Vec::new();
        let prefix = key::names(account, super::row::name::KEYWORD_SPACE);
        each(self, &prefix, &mut |key, value| {
            if let Name::Keyword(text) = Name::decode(value)? {
                keywords.push((key::tail32(key)?, text));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(keywords)
    }

    /// An object of the directory.
    fn directory_record(
        &self,
        kind: DirectoryKind,
        number: u32,
    ) -> Result<Option<DirectoryRecord>, StoreError> {
        fetch(self, &key::directory(kind.number(), number))
    }

    /// All objects of a kind, ascending by number.
    fn directory_records(
        &self,
        kind: DirectoryKind,
    ) -> Result<Vec<(u32, DirectoryRecord)>, StoreError> {
        let mut records = Vec::new();
        each(
            self,
            &key::directory_kind(kind.number()),
            &mut |key, value| {
                records.push((key::tail32(key)?, DirectoryRecord::decode(value)?));
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(records)
    }

    /// What an address leads to. The caller gives the address in the one form that it was put in.
    fn address(&self, address: &str) -> Result<Option<AddressTarget>, StoreError> {
        fetch(self, &key::address(address.as_bytes()))
    }

    /// The queue entries of all accounts that are due by `now`, earliest first, at most `limit`.
    fn queue_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
        let mut due = Vec::new();
        let times = Timestamp(i64::MIN)..=now;
        self.each_due(times, Direction::Forward, &mut |one, _| {
            if due.len() == limit {
                return ControlFlow::Break(());
            }
            due.push(one);
            ControlFlow::Continue(())
        })?;
        Ok(due)
    }

    /// Visits the queue entries of all accounts that are due between two times, both included,
    /// from either end, each with its label.
    fn each_due(
        &self,
        times: RangeInclusive<Timestamp>,
        direction: Direction,
        visit: &mut dyn FnMut(Due, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let start = key::queue_due_until(*times.start());
        let end = match times.end().0.checked_add(1) {
            Some(end) => key::queue_due_until(Timestamp(end)),
            None => key::after(&[tag::QUEUE_DUE]),
        };
        if start >= end {
            return Ok(());
        }
        rows(self, &start..&end, direction, &mut |key, label| {
            let due = Due {
                at: Timestamp((key::field(key, 1, 8)? ^ (1 << 63)).cast_signed()),
                account: AccountId(key::field32(key, 9)?),
                id: key::tail48(key)?,
            };
            Ok(visit(due, label))
        })
    }

    /// When the next queue entry of any account is due.
    fn queue_next(&self) -> Result<Option<Timestamp>, StoreError> {
        let due = self.queue_due(Timestamp(i64::MAX), 1)?;
        Ok(due.first().map(|due| due.at))
    }

    /// A queue entry.
    fn queue_entry(&self, account: AccountId, id: u64) -> Result<Option<QueueEntry>, StoreError> {
        fetch(self, &key::queue(account, id))
    }

    /// All queue entries of an account, in the order they were made.
    fn queue_entries(&self, account: AccountId) -> Result<Vec<(u64, QueueEntry)>, StoreError> {
        let mut entries = Vec::new();
        each(
            self,
            &key::of_account(tag::QUEUE, account),
            &mut |key, value| {
                entries.push((key::tail48(key)?, QueueEntry::decode(value)?));
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(entries)
    }

    /// Who refers to a body: accounts, and the numbers of their items or queue entries.
    fn referrers(&self, body: BodyNumber) -> Result<Vec<(AccountId, u64)>, StoreError> {
        let mut found = Vec::new();
        each(self, &key::references(body), &mut |key, _| {
            found.push((AccountId(key::field32(key, 9)?), key::tail48(key)?));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// True when an object of any account refers to the body.
    fn is_referenced(&self, body: BodyNumber) -> Result<bool, StoreError> {
        let mut found = false;
        each(self, &key::references(body), &mut |_, _| {
            found = true;
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// The members of a search folder, ascending by item, with the number under which each came in.
    fn members(
        &self,
        account: AccountId,
        folder: FolderId,
    ) -> Result<Vec<(ItemKey, ChangeSeq)>, StoreError> {
        let mut members = Vec::new();
        each(
            self,
            &key::of_folder(tag::MEMBER, account, folder),
            &mut |key, value| {
                members.push((
                    ItemKey(key::tail48(key)?),
                    ChangeSeq(Number::decode(value)?.0),
                ));
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(members)
    }

    /// Whether this reader of a public folder has read the letter with this UID.
    fn is_read_by(
        &self,
        account: AccountId,
        folder: FolderId,
        uid: Uid,
        reader: AccountId,
    ) -> Result<bool, StoreError> {
        let key = key::read_block(account, folder, reader, uids::block_of(uid));
        let block = fetch::<uids::UidBlock, _>(self, &key)?;
        Ok(block.is_some_and(|block| block.contains(uid)))
    }

    /// The UIDs on a public folder's mail shelf that this reader has read.
    fn read_by(
        &self,
        account: AccountId,
        folder: FolderId,
        reader: AccountId,
    ) -> Result<UidSet, StoreError> {
        let mut set = UidSetBuilder::default();
        each(
            self,
            &key::reads_of(account, folder, reader),
            &mut |key, value| {
                let base = key::tail32(key)?.saturating_mul(BLOCK_UIDS);
                for run in uids::runs_of_row(value)? {
                    set.push(base + run.start, base + (run.end - 1));
                }
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(set.finish())
    }
}

/// What is settled, as one account's views begin with it. Reads of other accounts are allowed.
pub struct View<'a> {
    account: AccountId,
    read: Box<dyn Read + 'a>,
}

impl<'a> View<'a> {
    pub(crate) fn new(account: AccountId, read: Box<dyn Read + 'a>) -> Self {
        Self { account, read }
    }

    /// The account it was asked for.
    pub fn account(&self) -> AccountId {
        self.account
    }
}

impl Read for View<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.read.get(key)
    }

    fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
        self.read.get_many(keys)
    }

    fn scan(
        &self,
        range: Range<&[u8]>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        self.read.scan(range, direction, visit)
    }
}

impl Reads for View<'_> {}

/// True if a scan from the first to the last passes few others: letters that came one after the
/// other have neighbouring numbers.
fn is_dense(items: &[ItemKey]) -> bool {
    let is_ascending = items.is_sorted_by(|a, b| a < b);
    let span = match (items.first(), items.last()) {
        (Some(first), Some(last)) if is_ascending => last.0 - first.0,
        _ => return false,
    };
    usize::try_from(span).is_ok_and(|span| span < items.len().saturating_mul(2))
}

/// The details of ascending items, by one scan.
fn scan_details<R: Read + ?Sized>(
    read: &R,
    account: AccountId,
    items: &[ItemKey],
    visit: &mut dyn FnMut(ItemKey, Option<Details>),
) -> Result<(), StoreError> {
    let (Some(&first), Some(&last)) = (items.first(), items.last()) else {
        return Ok(());
    };
    let mut wanted = items.iter().copied().peekable();
    let start = key::details(account, first);
    let end = key::after(&key::details(account, last));
    rows(read, &start..&end, Direction::Forward, &mut |key, value| {
        let item = ItemKey(key::tail48(key)?);
        while let Some(missing) = wanted.next_if(|wanted| *wanted < item) {
            visit(missing, None);
        }
        if wanted.next_if_eq(&item).is_some() {
            let value = Bytes::copy_from_slice(value);
            visit(item, Some(Details::share(&value)?));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    for missing in wanted {
        visit(missing, None);
    }
    Ok(())
}

/// The overlay values of ascending items themselves, by one scan.
fn scan_overlays<R: Read + ?Sized>(
    read: &R,
    account: AccountId,
    items: &[ItemKey],
    visit: &mut dyn FnMut(ItemKey, Vec<OverlayValue>),
) -> Result<(), StoreError> {
    let (Some(&first), Some(&last)) = (items.first(), items.last()) else {
        return Ok(());
    };
    let start = key::overlay(account, first.0, &[]);
    let end = key::after(&key::overlay(account, last.0, &[]));
    rows(read, &start..&end, Direction::Forward, &mut |key, value| {
        // What is longer names a part of an item; folders have numbers between those of items.
        if key.len() == start.len() {
            let item = ItemKey(key::tail48(key)?);
            if items.binary_search(&item).is_ok() {
                visit(item, OverlayRow::decode(value)?.0);
            }
        }
        Ok(ControlFlow::Continue(()))
    })
}

/// The folder that a way leads to.
fn by_way<R: Reads + ?Sized>(
    read: &R,
    account: AccountId,
    way: &[u8],
) -> Result<Option<(FolderId, FolderRow)>, StoreError> {
    let Some(Number(id)) = fetch(read, way)? else {
        return Ok(None);
    };
    let folder = FolderId(id);
    Ok(read.folder(account, folder)?.map(|row| (folder, row)))
}

/// The item that `alias` leads to, or that was born with the number; only if it still bears the
/// name.
fn by_name<R: Reads + ?Sized>(
    read: &R,
    account: AccountId,
    alias: &[u8],
    born: u64,
    bears: &dyn Fn(&ItemRow) -> bool,
) -> Result<Option<(Location, ItemRow)>, StoreError> {
    let item = fetch::<Number, _>(read, alias)?.map_or(born, |number| number.0);
    let Some(at) = read.location(account, ItemKey(item))? else {
        return Ok(None);
    };
    Ok(read
        .item_row(account, at)?
        .filter(|row| bears(row))
        .map(|row| (at, row)))
}
