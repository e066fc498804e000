//! Placement: giving a commit its position in the log, under one short lock.
//!
//! From then on every transaction sees it; readers see it once the committer has synced its span.

use super::accounts::Locked;
use super::bodies::{Held, HeldContent};
use super::frame::Records;
use super::memtable::{Memtable, RUN_ROWS_MIN, Value};
use super::rows::{REFERENCE_TAG, body_of_key};
use super::run::Sorted;
use super::view::View;
use super::{Embedded, EmbeddedSpool};
use crate::backend::{
    Backend, Batch, Direction, KEY_BYTES_MAX, Key, Purpose, Read, Settlement, Spool, StagedBody,
    StagedContent, Stay, Transaction, VALUE_BYTES_MAX, Watcher,
};
use crate::error::StoreError;
use crate::id::{AccountId, BodyNumber};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// What the record of a body costs besides its stored bytes, and that of a row besides key and
/// value; a little more.
const BODY_RECORD_BYTES: usize = 64;
const ROW_RECORD_BYTES: usize = 8;
/// The open span may grow to this many bytes before new writers wait for the committer.
const OPEN_SPAN_BYTES_MAX: usize = 32 << 20;
/// The tables in memory may grow to this many times their setting before new writers wait for the
/// applier: one fills while the other is applied. In an import the applier is the slower one, so
/// they are full all the time.
const TABLES_MAX: usize = 2;
/// Bodies remembered for the collector; beyond that it finds them by its walk.
const SUSPECTS_MAX: usize = 1 << 20;

/// Removed bodies remembered: far more than go while one transaction looks at one.
const REMOVED_MAX: usize = 1 << 20;

/// What the placement lock guards.
#[derive(Default)]
pub struct Placing {
    /// The position of the next commit.
    pub next: u64,
    /// The span that takes commits.
    pub span: OpenSpan,
    /// The last commit placed.
    pub last: Option<Settlement>,
    /// Bodies that lost a reference since the collector looked.
    pub suspects: BTreeSet<BodyNumber>,
    /// Bodies that the collector removed not long ago.
    pub removed: BTreeSet<BodyNumber>,
}

/// Commits that will be synced together.
#[derive(Default)]
pub struct OpenSpan {
    /// What they say.
    pub records: Records,
    /// Who waits for them, with the accounts whose watchers are to be woken.
    pub waiting: Vec<(Settlement, Vec<AccountId>)>,
    /// Their bodies, readable from memory until they are on disk.
    pub held: Vec<Arc<Held>>,
}

impl Placing {
    /// An empty span after this position.
    pub fn after(position: u64) -> Self {
        Self {
            next: position.saturating_add(1),
            ..Self::default()
        }
    }
}

/// Reads and writes of locked accounts.
struct EmbeddedTransaction<'a> {
    store: &'a Embedded,
    view: View,
    _locked: Locked<'a>,
}

impl Read for EmbeddedTransaction<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.view.get(key)
    }

    fn scan(
        &self,
        range: Range<&[u8]>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        self.view.scan(range, direction, visit)
    }
}

impl Transaction for EmbeddedTransaction<'_> {
    fn commit(self: Box<Self>, batch: Batch) -> Result<Settlement, StoreError> {
        self.store.place(batch) // The locks go when this returns.
    }
}

/// A body that the collector brings to a newer segment: its row and its stored bytes.
pub type Copied = (super::rows::BodyRow, Bytes);

/// A batch that is ready for its place.
pub struct Prepared {
    records: Records,
    held: Vec<Arc<Held>>,
    rows: PreparedRows,
    changed: Vec<AccountId>,
    purpose: Purpose,
}

/// Rows on their way into a table in memory.
enum PreparedRows {
    Few(Vec<(Key, Value)>),
    Many(Sorted),
}

impl PreparedRows {
    fn new(rows: Vec<(Key, Value)>) -> Self {
        if rows.len() < RUN_ROWS_MIN {
            Self::Few(rows)
        } else {
            Self::Many(Sorted::new(rows))
        }
    }

    fn rows(&self) -> &[(Key, Value)] {
        match self {
            Self::Few(rows) => rows,
            Self::Many(sorted) => sorted.rows(),
        }
    }

    fn insert_into(self, table: &Memtable, position: u64) {
        match self {
            Self::Few(rows) => table.insert(position, rows.into_iter()),
            Self::Many(sorted) => table.insert_run(position, sorted),
        }
    }
}

impl Embedded {
    /// Fixes the place of a batch in the log. The caller holds the locks of its accounts.
    fn place(&self, batch: Batch) -> Result<Settlement, StoreError> {
        self.check_writable()?;
        if batch.writes.is_empty() && batch.bodies.is_empty() {
            // What the caller read may still be on its way to the disk; its answer must not come
            // before.
            return Ok(self
                .placing
                .lock()
                .last
                .clone()
                .unwrap_or_else(Settlement::done));
        }
        let prepared = self.prepare(batch, &[])?;
        self.place_prepared(&mut self.placing.lock(), prepared)
    }

    /// Encodes a batch, and copies of bodies from older segments, outside of the placement lock.
    pub(super) fn prepare(&self, batch: Batch, copied: &[Copied]) -> Result<Prepared, StoreError> {
        let held = held_bodies(&batch.bodies)?;
        let records = self.encode(&batch, &held, copied)?;
        Ok(Prepared {
            records,
            held,
            rows: PreparedRows::new(batch.writes),
            changed: batch.changed,
            purpose: batch.purpose,
        })
    }

    /// Gives a batch the next position; from here on transactions see it.
    pub(super) fn place_prepared(
        &self,
        placing: &mut Placing,
        prepared: Prepared,
    ) -> Result<Settlement, StoreError> {
        let Prepared {
            records,
            held,
            rows,
            changed,
            purpose,
        } = prepared;
        self.check_writable()?; // The committer may have failed since; nobody would settle this.
        self.space.admit(purpose)?;
        placing.look_at_references(rows.rows())?;
        let position = placing.next;
        placing.next = position.saturating_add(1);
        for held in &held {
            held.mark_committed();
        }
        rows.insert_into(&self.tables.list().active, position);
        let settlement = Settlement::open();
        placing.span.records.append(records);
        placing.span.records.allow_cut(self.options.frame_bytes());
        placing.span.held.extend(held);
        placing.span.waiting.push((settlement.clone(), changed));
        placing.last = Some(settlement.clone());
        self.placed.notify_one();
        Ok(settlement)
    }

    /// The records of a batch.
    fn encode(
        &self,
        batch: &Batch,
        held: &[Arc<Held>],
        copied: &[Copied],
    ) -> Result<Records, StoreError> {
        let frame_bytes = self.options.frame_bytes();
        let mut records = Records::with_capacity(size_of_records(batch, held, copied));
        records.start();
        for body in held.iter().filter(|body| !body.is_committed()) {
            match &body.content {
                HeldContent::Inline(stored) => records.body(body.number, body.layout, stored),
                HeldContent::File => records.file(body.number, body.layout),
                HeldContent::Twin => {} // Stored before, and pinned.
            }
            records.allow_cut(frame_bytes);
        }
        for (row, stored) in copied {
            records.moved(row.number, row.layout, stored);
            records.allow_cut(frame_bytes);
        }
        for (key, value) in &batch.writes {
            let value = value.as_deref();
            if key.len() > KEY_BYTES_MAX || value.is_some_and(|v| v.len() > VALUE_BYTES_MAX) {
                return Err(StoreError::TooLarge);
            }
            records.write(key, value)?;
            records.allow_cut(frame_bytes);
        }
        Ok(records)
    }

    /// Waits until there is room in memory for more commits; without threads, makes it.
    fn wait_for_room(&self) -> Result<(), StoreError> {
        loop {
            self.check_writable()?;
            let mut placing = self.placing.lock();
            let span_full = placing.span.records.len() > OPEN_SPAN_BYTES_MAX;
            let tables_bytes_max = self.options.memtable_bytes.saturating_mul(TABLES_MAX);
            let tables_full = self.tables.list().bytes() > tables_bytes_max;
            if !span_full && !tables_full {
                return Ok(());
            }
            if self.has_threads() {
                self.progress.wait(&mut placing);
                continue;
            }
            drop(placing);
            while self.step_commit() || self.step_apply() || self.step_freeze() {}
        }
    }
}

/// About how many bytes the records of a batch take.
fn size_of_records(batch: &Batch, held: &[Arc<Held>], copied: &[Copied]) -> usize {
    let stored = held.iter().map(|body| match &body.content {
        HeldContent::Inline(stored) => stored.len(),
        HeldContent::File | HeldContent::Twin => 0,
    });
    let copies = copied.iter().map(|(_, stored)| stored.len());
    let bodies = stored.chain(copies).map(|bytes| bytes + BODY_RECORD_BYTES);
    let rows = batch.writes.iter().map(|(key, value)| {
        let value = value.as_ref().map_or(0, Bytes::len);
        key.len() + value + ROW_RECORD_BYTES
    });
    bodies.chain(rows).sum()
}

/// The bodies of a batch as this backend made them.
fn held_bodies(staged: &[Arc<StagedBody>]) -> Result<Vec<Arc<Held>>, StoreError> {
    let held = |body: &Arc<StagedBody>| match &body.content {
        StagedContent::Kept(kept) => Arc::clone(kept).downcast::<Held>().ok(),
        _ => None,
    };
    let foreign = || StoreError::Refused("a body was staged by another store".into());
    staged
        .iter()
        .map(|body| held(body).ok_or_else(foreign))
        .collect()
}

impl Placing {
    /// Notes which bodies lose a reference; a new reference to one that is gone is a conflict.
    fn look_at_references(&mut self, rows: &[(Key, Value)]) -> Result<(), StoreError> {
        let is_reference = |key: &[u8]| key.first() == Some(&REFERENCE_TAG);
        for (key, value) in rows.iter().filter(|(key, _)| is_reference(key)) {
            let Some(body) = body_of_key(key) else {
                continue;
            };
            if value.is_some() && self.removed.contains(&body) {
                // Its last reference went after the caller looked.
                return Err(StoreError::Conflict);
            }
            if value.is_none() && self.suspects.len() < SUSPECTS_MAX {
                self.suspects.insert(body);
            }
        }
        Ok(())
    }

    /// Notes that a body is gone.
    pub fn remember_removed(&mut self, body: BodyNumber) {
        if self.removed.len() >= REMOVED_MAX {
            self.removed.pop_first();
        }
        self.removed.insert(body);
    }
}

impl Backend for Embedded {
    fn snapshot(&self) -> Result<Box<dyn Read + '_>, StoreError> {
        Ok(Box::new(self.settled_view()?))
    }

    fn value(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let (list, position) = (self.tables.list(), self.tables.settled());
        match list.value(key, position) {
            Some(value) => Ok(value),
            // What no table of the list knows is in the index, which may only be newer.
            None => self.index.value(key),
        }
    }

    fn begin(&self, accounts: &[AccountId]) -> Result<Box<dyn Transaction + '_>, StoreError> {
        self.wait_for_room()?;
        let locked = self.accounts.lock(accounts);
        let view = self.placed_view()?;
        Ok(Box::new(EmbeddedTransaction {
            store: self,
            view,
            _locked: locked,
        }))
    }

    fn spool(&self) -> Result<Box<dyn Spool>, StoreError> {
        self.check_writable()?;
        self.space.admit(Purpose::Store)?;
        let store = self
            .me
            .upgrade()
            .ok_or_else(|| StoreError::Refused("closed".into()))?;
        Ok(Box::new(EmbeddedSpool {
            incoming: self.bodies.begin(),
            store,
        }))
    }

    fn read_body(&self, body: BodyNumber, range: Range<u64>) -> Result<Bytes, StoreError> {
        if let Some(held) = self.bodies.held(body) {
            return self.bodies.read_held(&held, range);
        }
        let row = |view: &View| {
            let missing = || StoreError::Corrupt(format!("body {} does not exist", body.0));
            Self::body_row(view, body)?.ok_or_else(missing)
        };
        let found = row(&self.placed_view()?)?;
        match self.bodies.read_stored(&found, range.clone()) {
            Err(error) => {
                // The collector may have brought it elsewhere and removed the segment in between.
                let now = row(&self.placed_view()?)?;
                if now == found {
                    Err(error)
                } else {
                    self.bodies.read_stored(&now, range)
                }
            }
            read => read,
        }
    }

    fn watch(&self, watcher: Watcher) {
        *self.watcher.write() = Some(watcher);
    }
}

impl Spool for EmbeddedSpool {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.incoming.write(bytes)
    }

    fn len(&self) -> u64 {
        self.incoming.len()
    }

    fn expect(&mut self, stay: Stay) {
        self.incoming.expect(stay);
    }

    fn end(&mut self) -> Result<(), StoreError> {
        self.incoming.end()
    }

    fn finish(self: Box<Self>) -> Result<StagedBody, StoreError> {
        let Self { store, incoming } = *self;
        let held = incoming.finish(|hash| store.find_twin(hash))?;
        let (number, layout) = (held.number, held.layout);
        let content = StagedContent::Kept(held);
        Ok(StagedBody {
            number,
            hash: layout.hash,
            len: layout.len,
            content,
        })
    }
}
