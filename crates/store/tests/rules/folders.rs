//! What making and finding folders costs: not more where there are many.

use crate::world::{ACCOUNT, Hands, Opened};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::StoreError;
use store::backend::memory::MemoryBackend;
use store::backend::{Backend, Batch, Direction, Read, Settlement, Spool, Transaction, Watcher};
use store::id::{AccountId, BodyNumber, FolderId};
use store::model::*;

/// A backend that counts the rows that were looked at.
struct Counting {
    below: MemoryBackend,
    rows: AtomicU64,
}

impl Counting {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            below: MemoryBackend::new(),
            rows: AtomicU64::new(0),
        })
    }

    fn counted<T>(&self, work: impl FnOnce() -> T) -> (T, u64) {
        let before = self.rows.load(Ordering::Relaxed);
        let value = work();
        (value, self.rows.load(Ordering::Relaxed) - before)
    }
}

struct CountingRead<'a, R: ?Sized> {
    below: Box<R>,
    rows: &'a AtomicU64,
}

impl<R: Read + ?Sized> Read for CountingRead<'_, R> {
    fn get(&self, key: &[u8]) -> Result<Option<bytes::Bytes>, StoreError> {
        self.rows.fetch_add(1, Ordering::Relaxed);
        self.below.get(key)
    }

    fn scan(
        &self,
        range: Range<&[u8]>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        self.below.scan(range, direction, &mut |key, value| {
            self.rows.fetch_add(1, Ordering::Relaxed);
            visit(key, value)
        })
    }
}

impl Transaction for CountingRead<'_, dyn Transaction + '_> {
    fn commit(self: Box<Self>, batch: Batch) -> Result<Settlement, StoreError> {
        self.below.commit(batch)
    }
}

impl Backend for Counting {
    fn snapshot(&self) -> Result<Box<dyn Read + '_>, StoreError> {
        let (below, rows) = (self.below.snapshot()?, &self.rows);
        Ok(Box::new(CountingRead { below, rows }))
    }

    fn begin(&self, accounts: &[AccountId]) -> Result<Box<dyn Transaction + '_>, StoreError> {
        let (below, rows) = (self.below.begin(accounts)?, &self.rows);
        Ok(Box::new(CountingRead { below, rows }))
    }

    fn spool(&self) -> Result<Box<dyn Spool>, StoreError> {
        self.below.spool()
    }

    fn read_body(&self, body: BodyNumber, range: Range<u64>) -> Result<bytes::Bytes, StoreError> {
        self.below.read_body(body, range)
    }

    fn watch(&self, watcher: Watcher) {
        self.below.watch(watcher);
    }
}

fn named(number: u32, parent: Option<FolderId>) -> NewFolder {
    NewFolder {
        name: format!("folder {number}"),
        parent,
        ..NewFolder::default()
    }
}

#[test]
fn the_five_thousandth_folder_costs_what_the_first_did() {
    let backend = Counting::new();
    let opened = Opened::on(backend.clone(), Arc::new(Hands::default()));
    let make = |number| {
        let (made, rows) = backend
            .counted(|| opened.write(|txn| txn.create_folder(ACCOUNT, &named(number, None))));
        made.unwrap();
        rows
    };
    let first = make(0);
    (1..4_999).for_each(|number| _ = make(number));
    assert_eq!(make(4_999), first);

    let view = opened.store.view(ACCOUNT).unwrap();
    let find = |name: &str| view.child(ACCOUNT, None, name).unwrap();
    let (found, rows) = backend.counted(|| find("folder 4711"));
    assert_eq!(found.unwrap().1.name, "folder 4711");
    assert!(rows <= 2, "{rows} rows were looked at");
    assert_eq!(view.account_row(ACCOUNT).unwrap().unwrap().folders, 5_000);
    assert_eq!(check(&view).unwrap(), []);
}

#[test]
fn a_deep_tree_costs_its_depth_and_no_more() {
    let backend = Counting::new();
    let opened = Opened::on(backend.clone(), Arc::new(Hands::default()));
    let mut parent = None;
    for number in 0..50 {
        let made = opened.write(|txn| txn.create_folder(ACCOUNT, &named(number, parent)));
        parent = Some(made.unwrap());
    }
    (50..1_000).for_each(|number| {
        let made = opened.write(|txn| txn.create_folder(ACCOUNT, &named(number, None)));
        _ = made.unwrap();
    });
    let last = || opened.write(|txn| txn.create_folder(ACCOUNT, &named(1_000, parent)));
    let (made, rows) = backend.counted(last);
    made.unwrap();
    assert!(rows < 100, "{rows} rows were looked at");
}

#[test]
fn a_way_leads_to_a_folder_as_long_as_it_lives_there() {
    let opened = Opened::on(Arc::new(MemoryBackend::new()), Arc::new(Hands::default()));
    let new = NewFolder {
        role: Role::Archive,
        uid_validity: Some(77),
        ..named(1, None)
    };
    let folder = opened
        .write(|txn| txn.create_folder(ACCOUNT, &new))
        .unwrap();
    let rename = FolderChange {
        name: Some("renamed".to_owned()),
        ..FolderChange::default()
    };
    opened
        .write(|txn| txn.update_folder(ACCOUNT, folder, &rename))
        .unwrap();
    let ways = || {
        let view = opened.store.view(ACCOUNT).unwrap();
        let found = [
            view.child(ACCOUNT, None, "folder 1").unwrap(),
            view.child(ACCOUNT, None, "renamed").unwrap(),
            view.folder_with_role(ACCOUNT, Role::Archive).unwrap(),
            view.folder_with_uid_validity(ACCOUNT, 77).unwrap(),
        ];
        assert_eq!(check(&view).unwrap(), []);
        found.map(|found| found.is_some())
    };
    assert_eq!(ways(), [false, true, true, true]);
    opened
        .write(|txn| txn.remove_folder(ACCOUNT, folder))
        .unwrap();
    assert_eq!(ways(), [false, false, false, true]);
    opened
        .write(|txn| txn.restore_folder(ACCOUNT, folder, None, "back"))
        .unwrap();
    assert_eq!(ways(), [false, false, true, true]);
    opened
        .write(|txn| txn.remove_folder(ACCOUNT, folder))
        .unwrap();
    opened.clock.advance_seconds(10);
    let now = opened.write(|txn| Ok(txn.now())).unwrap();
    opened
        .write(|txn| txn.purge_recoverable(ACCOUNT, now, 10))
        .unwrap();
    assert_eq!(ways(), [false; 4]);
}
