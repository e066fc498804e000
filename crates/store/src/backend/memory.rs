//! A backend that keeps everything in memory, with faults to order: for tests of all that stands
//! above.
//!
//! Each key has versions by position; a snapshot sees those up to the position that was settled
//! when it was taken, a transaction sees all. Settling can be held back ([`Faults::hold`]), so that
//! tests see what is placed but not yet on disk. Nothing is ever written anywhere. Bodies that were
//! staged but not committed are kept until the backend is dropped.

use super::{
    Backend, Batch, BodyHash, BodyNumber, Direction, KEY_BYTES_MAX, Key, Purpose, Read, Settlement,
    Spool, StagedBody, StagedContent, Stay, Transaction, VALUE_BYTES_MAX, Watcher,
};
use crate::error::StoreError;
use crate::id::AccountId;
use bytes::Bytes;
use parking_lot::{Condvar, Mutex, RwLock};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// First byte of the rows that say who refers to a body; the eight bytes behind it are the body's
/// number.
const REFERENCE_TAG: u8 = b'R';

/// A place in the order of commits; 0 is before the first.
type Position = u64;

/// Everything in memory.
pub struct MemoryBackend {
    shared: Arc<Shared>,
    locks: AccountLocks,
}

struct Shared {
    tables: RwLock<Tables>,
    bodies: Mutex<Bodies>,
    line: Mutex<Line>,
    faults: Mutex<Plan>,
    watcher: OnceLock<Watcher>,
    /// Held while settling, so that watchers hear of commits in the order of the log.
    settling: Mutex<()>,
    secret: [u8; 32],
}

/// Versions of a key, oldest first.
type Versions = Vec<(Position, Option<Bytes>)>;

#[derive(Default)]
struct Tables {
    rows: BTreeMap<Key, Versions>,
    placed: Position,
    settled: Position,
    /// Positions that living snapshots look at, with their number.
    snapshots: BTreeMap<Position, usize>,
}

#[derive(Default)]
struct Bodies {
    next: u64,
    contents: HashMap<BodyNumber, Bytes>,
    living: HashMap<BodyHash, BodyNumber>,
    hashes: HashMap<BodyNumber, BodyHash>,
    references: HashMap<BodyNumber, usize>,
}

/// Commits that are placed and wait to be settled.
#[derive(Default)]
struct Line {
    waiting: VecDeque<Waiting>,
    held: bool,
    failed: Option<String>,
}

struct Waiting {
    position: Position,
    accounts: Vec<AccountId>,
    settlement: Settlement,
}

/// What is to go wrong.
#[derive(Default)]
struct Plan {
    /// What becomes of the next commits.
    fates: VecDeque<Result<(), StoreError>>,
    fail_settling: bool,
    full: bool,
}

impl Default for MemoryBackend {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryBackend {
    /// An empty store.
    pub fn new() -> Self {
        let shared = Shared {
            tables: RwLock::default(),
            bodies: Mutex::new(Bodies {
                next: 1,
                ..Bodies::default()
            }),
            line: Mutex::default(),
            faults: Mutex::default(),
            watcher: OnceLock::new(),
            settling: Mutex::default(),
            secret: *blake3::hash(b"a store in memory has no secret to keep").as_bytes(),
        };
        Self {
            shared: Arc::new(shared),
            locks: AccountLocks::default(),
        }
    }

    /// What tests can make go wrong.
    pub fn faults(&self) -> Faults<'_> {
        Faults {
            shared: &self.shared,
        }
    }

    /// How many bodies some row refers to.
    pub fn living_bodies(&self) -> usize {
        self.shared
            .bodies
            .lock()
            .references
            .values()
            .filter(|&&count| count > 0)
            .count()
    }
}

/// Orders for faults.
pub struct Faults<'a> {
    shared: &'a Shared,
}

impl Faults<'_> {
    /// The next commit that is not failed yet is refused with this, once; orders add up.
    pub fn fail_next_commit(&self, error: StoreError) {
        self.shared.faults.lock().fates.push_back(Err(error));
    }

    /// The next commit without an order is not failed; what is ordered then is about later ones.
    pub fn pass_next_commit(&self) {
        self.shared.faults.lock().fates.push_back(Ok(()));
    }

    /// The next commit to be settled fails as a failed sync does: all that wait get an error and
    /// writing stops.
    pub fn fail_next_settling(&self) {
        self.shared.faults.lock().fail_settling = true;
    }

    /// As if the disk were full, or had room again.
    pub fn set_full(&self, full: bool) {
        self.shared.faults.lock().full = full;
    }

    /// From now on commits are placed but not settled.
    pub fn hold(&self) {
        self.shared.line.lock().held = true;
    }

    /// Settles the oldest commit that waits; answers whether there was one.
    pub fn settle_one(&self) -> bool {
        self.shared.settle_next()
    }

    /// Settles all that wait and every commit from now on.
    pub fn release(&self) {
        self.shared.line.lock().held = false;
        self.shared.settle_all();
    }
}

impl Shared {
    fn settle_all(&self) {
        while !self.line.lock().held && self.settle_next() {}
    }

    /// Settles one commit: visible first, then announced, then acknowledged.
    fn settle_next(&self) -> bool {
        let _order = self.settling.lock();
        let Some(next) = self.line.lock().waiting.pop_front() else {
            return false;
        };
        if std::mem::take(&mut self.faults.lock().fail_settling) {
            self.fail(next);
            return true;
        }
        self.tables.write().settle(next.position);
        if let Some(watcher) = self.watcher.get()
            && !next.accounts.is_empty()
        {
            watcher(&next.accounts);
        }
        next.settlement.settle(Ok(()));
        true
    }

    /// A failed sync: nothing that waited will ever be true, and nothing more is written.
    fn fail(&self, first: Waiting) {
        let why = "simulated failure of a sync".to_owned();
        let rest = {
            let mut line = self.line.lock();
            line.failed = Some(why.clone());
            std::mem::take(&mut line.waiting)
        };
        for waiting in std::iter::once(first).chain(rest) {
            waiting
                .settlement
                .settle(Err(StoreError::ReadOnly(why.clone())));
        }
    }

    fn check_writable(&self) -> Result<(), StoreError> {
        match &self.line.lock().failed {
            Some(why) => Err(StoreError::ReadOnly(why.clone())),
            None => Ok(()),
        }
    }

    fn check_faults(&self, purpose: Purpose) -> Result<(), StoreError> {
        let mut plan = self.faults.lock();
        plan.fates.pop_front().unwrap_or(Ok(()))?;
        if plan.full && purpose == Purpose::Store {
            Err(StoreError::Full)
        } else {
            Ok(())
        }
    }

    fn place(&self, batch: Batch) -> Result<Settlement, StoreError> {
        self.check_writable()?;
        if batch.writes.is_empty() && batch.bodies.is_empty() {
            return Ok(self.last_settlement());
        }
        check_sizes(&batch)?;
        self.check_faults(batch.purpose)?;
        let mut tables = self.tables.write();
        self.bodies.lock().commit(&batch, &tables)?;
        let position = tables.apply(batch.writes);
        let settlement = Settlement::open();
        let waiting = Waiting {
            position,
            accounts: batch.changed,
            settlement: settlement.clone(),
        };
        self.line.lock().waiting.push_back(waiting);
        Ok(settlement)
    }

    /// Resolves when all that a transaction can have seen is settled.
    fn last_settlement(&self) -> Settlement {
        let line = self.line.lock();
        line.waiting
            .back()
            .map_or_else(Settlement::done, |last| last.settlement.clone())
    }
}

fn check_sizes(batch: &Batch) -> Result<(), StoreError> {
    let too_large = |(key, value): &(Key, Option<Bytes>)| {
        key.len() > KEY_BYTES_MAX
            || value
                .as_ref()
                .is_some_and(|value| value.len() > VALUE_BYTES_MAX)
    };
    if batch.writes.iter().any(too_large) {
        Err(StoreError::TooLarge)
    } else {
        Ok(())
    }
}

impl Tables {
    fn newest(&self, key: &[u8], position: Position) -> Option<&Bytes> {
        self.rows
            .get(key)
            .and_then(|versions| visible(versions, position))
    }

    fn apply(&mut self, writes: Vec<(Key, Option<Bytes>)>) -> Position {
        self.placed += 1;
        let position = self.placed;
        let oldest = self.oldest_needed();
        for (key, value) in writes {
            let versions = self.rows.entry(key).or_default();
            if versions.last().is_some_and(|(last, _)| *last == position) {
                versions.pop(); // A later entry of the same batch wins.
            }
            versions.push((position, value));
            prune(versions, oldest);
        }
        position
    }

    fn settle(&mut self, position: Position) {
        self.settled = self.settled.max(position);
        let oldest = self.oldest_needed();
        // Now and then the removed keys go, so that scans do not walk over graves.
        if position.is_multiple_of(SWEEP_EVERY) {
            self.rows.retain(|_, versions| {
                prune(versions, oldest);
                !matches!(versions.as_slice(), [(at, None)] if *at <= oldest)
            });
        }
    }

    /// The oldest position that anybody may still look at.
    fn oldest_needed(&self) -> Position {
        self.snapshots
            .keys()
            .next()
            .copied()
            .unwrap_or(self.settled)
            .min(self.settled)
    }
}

/// Commits between two sweeps of removed keys.
const SWEEP_EVERY: Position = 4096;

/// The newest version up to a position, if it is not a removal.
fn visible(versions: &Versions, position: Position) -> Option<&Bytes> {
    let newest = versions.iter().rev().find(|(at, _)| *at <= position);
    newest.and_then(|(_, value)| value.as_ref())
}

/// Drops the versions that are hidden by a newer one from everybody.
fn prune(versions: &mut Versions, oldest: Position) {
    let hidden = versions
        .iter()
        .filter(|(at, _)| *at <= oldest)
        .count()
        .saturating_sub(1);
    versions.drain(..hidden);
}

impl Bodies {
    /// Takes the staged bodies in and counts references; a twin that died meanwhile is a conflict.
    fn commit(&mut self, batch: &Batch, tables: &Tables) -> Result<(), StoreError> {
        for body in &batch.bodies {
            let stored = matches!(body.content, StagedContent::Stored);
            if stored && self.living.get(&body.hash) != Some(&body.number) {
                return Err(StoreError::Conflict);
            }
        }
        for body in &batch.bodies {
            self.living.entry(body.hash).or_insert(body.number);
            self.hashes.insert(body.number, body.hash);
        }
        let last: BTreeMap<&Key, bool> = batch
            .writes
            .iter()
            .map(|(key, value)| (key, value.is_some()))
            .collect();
        for (key, present) in last {
            let Some(body) = referred(key) else { continue };
            match (tables.newest(key, Position::MAX).is_some(), present) {
                (false, true) => *self.references.entry(body).or_default() += 1,
                (true, false) => self.release(body),
                _ => {}
            }
        }
        Ok(())
    }

    /// One reference less; without any the body can no longer be found by its content.
    fn release(&mut self, body: BodyNumber) {
        let count = self.references.entry(body).or_default();
        *count = count.saturating_sub(1);
        if *count == 0
            && let Some(hash) = self.hashes.get(&body)
            && self.living.get(hash) == Some(&body)
        {
            self.living.remove(hash);
        }
    }
}

/// The body that a key of a reference names.
fn referred(key: &[u8]) -> Option<BodyNumber> {
    let (&tag, rest) = key.split_first()?;
    let number = rest.first_chunk::<8>()?;
    (tag == REFERENCE_TAG).then(|| BodyNumber(u64::from_be_bytes(*number)))
}

/// Which accounts are taken by a transaction.
#[derive(Default)]
struct AccountLocks {
    taken: Mutex<BTreeSet<AccountId>>,
    freed: Condvar,
}

impl AccountLocks {
    /// Waits until none of them is taken and takes all at once, so that nobody waits for half a
    /// set.
    fn take(&self, accounts: &[AccountId]) -> Locked<'_> {
        let accounts: BTreeSet<AccountId> = accounts.iter().copied().collect();
        let mut taken = self.taken.lock();
        while accounts.iter().any(|account| taken.contains(account)) {
            self.freed.wait(&mut taken);
        }
        taken.extend(&accounts);
        Locked {
            locks: self,
            accounts,
        }
    }
}

struct Locked<'a> {
    locks: &'a AccountLocks,
    accounts: BTreeSet<AccountId>,
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.locks
            .taken
            .lock()
            .retain(|account| !self.accounts.contains(account));
        self.locks.freed.notify_all();
    }
}

/// How many entries a scan copies out before it calls its visitor, which may read in turn.
const SCAN_AT_ONCE: usize = 512;

impl Shared {
    fn get(&self, key: &[u8], position: Position) -> Option<Bytes> {
        self.tables.read().newest(key, position).cloned()
    }

    fn scan(
        &self,
        range: Range<&[u8]>,
        direction: Direction,
        position: Position,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) {
        let (mut start, mut end) = (Key::from_slice(range.start), Key::from_slice(range.end));
        while start < end {
            let page = self.page(&start..&end, direction, position);
            for (key, value) in &page {
                if !visit(key, value) {
                    return;
                }
            }
            let Some((last, _)) = page.last().filter(|_| page.len() == SCAN_AT_ONCE) else {
                return;
            };
            match direction {
                Direction::Forward => {
                    start.clone_from(last);
                    start.push(0);
                }
                Direction::Backward => end.clone_from(last),
            }
        }
    }

    fn page(
        &self,
        range: Range<&Key>,
        direction: Direction,
        position: Position,
    ) -> Vec<(Key, Bytes)> {
        let tables = self.tables.read();
        let entries = tables.rows.range::<Key, _>(range);
        let shown = entries.filter_map(|(key, versions)| {
            visible(versions, position).map(|value| (key.clone(), value.clone()))
        });
        match direction {
            Direction::Forward => shown.take(SCAN_AT_ONCE).collect(),
            Direction::Backward => shown.rev().take(SCAN_AT_ONCE).collect(),
        }
    }
}

/// What was settled when it was taken.
struct Snapshot<'a> {
    shared: &'a Shared,
    position: Position,
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        let mut tables = self.shared.tables.write();
        if let Some(count) = tables.snapshots.get_mut(&self.position) {
            *count -= 1;
            if *count == 0 {
                tables.snapshots.remove(&self.position);
            }
        }
    }
}

impl Read for Snapshot<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.shared.get(key, self.position))
    }

    fn scan(
        &self,
        range: Range<&[u8]>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        self.shared.scan(range, direction, self.position, visit);
        Ok(())
    }
}

/// Sees what was placed last.
struct MemoryTransaction<'a> {
    shared: &'a Shared,
    locked: Locked<'a>,
}

impl Read for MemoryTransaction<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.shared.get(key, Position::MAX))
    }

    fn scan(
        &self,
        range: Range<&[u8]>,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        self.shared.scan(range, direction, Position::MAX, visit);
        Ok(())
    }
}

impl Transaction for MemoryTransaction<'_> {
    fn commit(self: Box<Self>, batch: Batch) -> Result<Settlement, StoreError> {
        let Self { shared, locked } = *self;
        let settlement = shared.place(batch)?;
        drop(locked); // Waking watchers must not hold up the next writer.
        shared.settle_all();
        Ok(settlement)
    }
}

struct MemorySpool {
    shared: Arc<Shared>,
    bytes: Vec<u8>,
}

impl Spool for MemorySpool {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn expect(&mut self, _: Stay) {} // Nothing is made small here.

    fn end(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<StagedBody, StoreError> {
        let hash = BodyHash(*blake3::keyed_hash(&self.shared.secret, &self.bytes).as_bytes());
        let bytes = Bytes::from(self.bytes);
        let len = bytes.len() as u64;
        let mut bodies = self.shared.bodies.lock();
        if let Some(&number) = bodies.living.get(&hash) {
            return Ok(StagedBody {
                number,
                hash,
                len,
                content: StagedContent::Stored,
            });
        }
        let number = BodyNumber(bodies.next);
        bodies.next += 1;
        bodies.contents.insert(number, bytes.clone());
        Ok(StagedBody {
            number,
            hash,
            len,
            content: StagedContent::Inline(bytes),
        })
    }
}

impl Backend for MemoryBackend {
    fn snapshot(&self) -> Result<Box<dyn Read + '_>, StoreError> {
        let mut tables = self.shared.tables.write();
        let position = tables.settled;
        *tables.snapshots.entry(position).or_default() += 1;
        drop(tables);
        Ok(Box::new(Snapshot {
            shared: &self.shared,
            position,
        }))
    }

    fn begin(&self, accounts: &[AccountId]) -> Result<Box<dyn Transaction + '_>, StoreError> {
        self.shared.check_writable()?;
        let locked = self.locks.take(accounts);
        Ok(Box::new(MemoryTransaction {
            shared: &self.shared,
            locked,
        }))
    }

    fn spool(&self) -> Result<Box<dyn Spool>, StoreError> {
        self.shared.check_writable()?;
        Ok(Box::new(MemorySpool {
            shared: Arc::clone(&self.shared),
            bytes: Vec::new(),
        }))
    }

    fn read_body(&self, body: BodyNumber, range: Range<u64>) -> Result<Bytes, StoreError> {
        let bodies = self.shared.bodies.lock();
        let bytes = bodies.contents.get(&body);
        let bytes = bytes.ok_or_else(|| StoreError::Corrupt("no such body".to_owned()))?;
        let clamp = |offset: u64| {
            usize::try_from(offset)
                .unwrap_or(usize::MAX)
                .min(bytes.len())
        };
        let (start, end) = (clamp(range.start), clamp(range.end));
        Ok(if start < end {
            bytes.slice(start..end)
        } else {
            Bytes::new()
        })
    }

    fn watch(&self, watcher: Watcher) {
        _ = self.shared.watcher.set(watcher); // The first one counts.
    }
}
