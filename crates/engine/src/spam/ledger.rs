//! What is learned of letters, in the store: small numbers under keyed hashes, in pages.
//!
//! A page is a value of a hidden folder's overlay and holds a bounded number of entries; the one
//! that was touched longest ago makes room. So an account's knowledge has a largest size, one more
//! entry rewrites one page, and nobody can read words or addresses out of it. What concerns all
//! accounts lies in account 0.
//!
//! Start at [`Ledger::find`] and [`Ledger::save`].

use crate::account::scripts::property;
use crate::error::EngineError;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use store::id::{AccountId, FolderId};
use store::model::{
    Binding, Kind, NewFolder, OverlayInput, OverlayObject, OverlayValue, PathStep, Reads, Role,
    Txn, Value,
};

/// Bytes of an entry: the hash's part, and two numbers.
const ENTRY_BYTES: usize = 12;
/// Entries of a page, so that it stays in its row (4 KiB).
const ENTRIES_MAX: usize = 200;
/// Entries that go when a page is full, so that not every further one moves them all.
const ENTRIES_DROPPED: usize = 20;

/// What entries are about; each has 256 pages, which hold 51,200 entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Table {
    /// How many letters were learned from.
    Letters = 0,
    /// Words: letters with them that nobody wanted, and others.
    Words = 1,
    /// What each letter was learned as.
    Lessons = 2,
    /// People that letters came from or went to.
    Contacts = 3,
    /// Where letters came from: those that nobody wanted, and others.
    Reputations = 4,
}

/// The key of an entry: a keyed hash of what it is about.
pub(crate) type Key = u64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    print: u32,
    numbers: (u32, u32),
}

type Page = (Table, u8);

/// Pages of one account as they are read and changed. Use one for a single view or commit only.
#[derive(Debug)]
pub(crate) struct Ledger {
    account: AccountId,
    folder: Option<FolderId>,
    pages: BTreeMap<Page, Vec<Entry>>,
    changed: BTreeSet<Page>,
}

impl Ledger {
    /// Finds the folder.
    pub(crate) fn open(reads: &dyn Reads, account: AccountId) -> Result<Self, EngineError> {
        let folder = reads.folder_with_role(account, Role::Learned)?;
        Ok(Self {
            account,
            folder: folder.map(|(folder, _)| folder),
            pages: BTreeMap::new(),
            changed: BTreeSet::new(),
        })
    }

    /// The numbers under a key.
    pub(crate) fn find(
        &mut self,
        reads: &dyn Reads,
        table: Table,
        key: Key,
    ) -> Result<Option<(u32, u32)>, EngineError> {
        let (page, print) = place(table, key);
        let entries = self.page(reads, page)?;
        let found = entries.iter().find(|entry| entry.print == print);
        Ok(found.map(|entry| entry.numbers))
    }

    /// Sets the numbers under a key; two zeros take it away.
    pub(crate) fn set(
        &mut self,
        reads: &dyn Reads,
        table: Table,
        key: Key,
        numbers: (u32, u32),
    ) -> Result<(), EngineError> {
        let (page, print) = place(table, key);
        let entries = self.page(reads, page)?;
        entries.retain(|entry| entry.print != print);
        if numbers != (0, 0) {
            if entries.len() >= ENTRIES_MAX {
                entries.drain(..ENTRIES_DROPPED);
            }
            entries.push(Entry { print, numbers });
        }
        self.changed.insert(page);
        Ok(())
    }

    /// Halves all numbers of a table; what becomes nothing goes.
    pub(crate) fn halve(&mut self, reads: &dyn Reads, table: Table) -> Result<(), EngineError> {
        for number in 0..=u8::MAX {
            let page = (table, number);
            let entries = self.page(reads, page)?;
            if entries.is_empty() {
                continue;
            }
            for entry in entries.iter_mut() {
                entry.numbers = (entry.numbers.0 / 2, entry.numbers.1 / 2);
            }
            entries.retain(|entry| entry.numbers != (0, 0));
            self.changed.insert(page);
        }
        Ok(())
    }

    /// Writes what was changed.
    pub(crate) fn save(self, txn: &mut Txn<'_>) -> Result<(), EngineError> {
        if self.changed.is_empty() {
            return Ok(());
        }
        let folder = match self.folder {
            Some(folder) => folder,
            None => new_folder(txn, self.account)?,
        };
        let property = txn.intern(self.account, &property("learned"))?;
        for page in &self.changed {
            let entries = self.pages.get(page).map(Vec::as_slice).unwrap_or_default();
            let change = if entries.is_empty() {
                OverlayInput::Remove(property)
            } else {
                OverlayInput::Set(OverlayValue {
                    property,
                    value: Value::Binary(bytes_of(entries)),
                    binding: Binding::Free,
                })
            };
            let object = OverlayObject::Folder(folder);
            txn.set_overlay(self.account, object, &[part(*page)], &[change])?;
        }
        Ok(())
    }

    fn page(&mut self, reads: &dyn Reads, page: Page) -> Result<&mut Vec<Entry>, EngineError> {
        let entries = match (self.pages.remove(&page), self.folder) {
            (Some(known), _) => known,
            (None, None) => Vec::new(),
            (None, Some(folder)) => {
                let values = reads.overlay(self.account, folder.0, &[part(page)])?;
                let bytes = values.into_iter().find_map(|value| match value.value {
                    Value::Binary(bytes) => Some(bytes),
                    _ => None,
                });
                entries_of(&bytes.unwrap_or_default())
            }
        };
        Ok(self.pages.entry(page).or_insert(entries))
    }
}

fn place(table: Table, key: Key) -> (Page, u32) {
    let [page, a, b, c, d, ..] = key.to_be_bytes();
    ((table, page), u32::from_be_bytes([a, b, c, d]))
}

fn part((table, number): Page) -> PathStep {
    PathStep::Part(u32::from(table as u8) << 8 | u32::from(number))
}

fn bytes_of(entries: &[Entry]) -> Bytes {
    let bytes = entries.iter().flat_map(|entry| {
        let (first, second) = entry.numbers;
        [entry.print, first, second].map(u32::to_be_bytes)
    });
    bytes.flatten().collect()
}

fn entries_of(bytes: &[u8]) -> Vec<Entry> {
    let entries = bytes.chunks_exact(ENTRY_BYTES).filter_map(|entry| {
        let mut numbers = entry.chunks_exact(4).filter_map(|number| {
            let number: [u8; 4] = number.try_into().ok()?;
            Some(u32::from_be_bytes(number))
        });
        Some(Entry {
            print: numbers.next()?,
            numbers: (numbers.next()?, numbers.next()?),
        })
    });
    entries.collect()
}

/// The hidden folder, above what mail programs list where there is such.
fn new_folder(txn: &mut Txn<'_>, account: AccountId) -> Result<FolderId, EngineError> {
    let root = txn.folder_with_role(account, Role::Root)?;
    let new = NewFolder {
        parent: root.map(|(root, _)| root),
        name: "Learned".to_owned(),
        role: Role::Learned,
        kind: Kind::Other,
        hidden: true,
        ..NewFolder::default()
    };
    Ok(txn.create_folder(account, &new)?)
}
