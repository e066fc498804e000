//! A clock that moves when told and randomness that repeats, for tests of the model.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use store::backend::embedded::{Embedded, Options, Threads, World};
use store::backend::memory::MemoryBackend;
use store::backend::{Backend, StagedBody};
use store::id::{AccountId, ChangeSeq, FolderId, Timestamp};
use store::model::*;
use store::world::memory::MemoryDisk;
use store::world::{Clock, Rng};

/// Stands still until it is moved.
#[derive(Default)]
pub struct Hands(AtomicI64);

impl Hands {
    pub fn advance_seconds(&self, seconds: i64) {
        self.0
            .fetch_add(seconds * Timestamp::PER_SECOND, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// Never repeats within a test, and is the same in each run.
#[derive(Default)]
pub struct Dice(AtomicU64);

impl Rng for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        let throw = self.0.fetch_add(1, Ordering::SeqCst);
        blake3::Hasher::new()
            .update(&throw.to_be_bytes())
            .finalize_xof()
            .fill(bytes);
    }
}

/// A store with one account.
pub struct Opened {
    pub store: Arc<Store>,
    pub clock: Arc<Hands>,
}

/// The same in memory, with the backend at hand for faults.
pub struct Fixture {
    pub opened: Opened,
    pub backend: Arc<MemoryBackend>,
}

impl Deref for Fixture {
    type Target = Opened;

    fn deref(&self) -> &Opened {
        &self.opened
    }
}

pub const ACCOUNT: AccountId = AccountId(7);

impl Fixture {
    pub fn new() -> Self {
        let (backend, clock) = (Arc::new(MemoryBackend::new()), Arc::new(Hands::default()));
        Self {
            opened: Opened::on(backend.clone(), clock),
            backend,
        }
    }
}

/// The embedded store on a disk in memory, and its running threads.
pub fn embedded(clock: &Arc<Hands>) -> (Arc<Embedded>, Threads) {
    let rng = Arc::new(Dice::default());
    let world = World {
        vfs: Arc::new(MemoryDisk::new()),
        clock: clock.clone(),
        rng,
    };
    let options = Options {
        segment_bytes: 16 << 20,
        cache_bytes: 4 << 20,
        ..Options::default()
    };
    let backend = Embedded::open(world, Path::new("data"), options).unwrap();
    let threads = backend.run_threads().unwrap();
    (backend, threads)
}

impl Opened {
    pub fn on(backend: Arc<dyn Backend>, clock: Arc<Hands>) -> Self {
        clock.advance_seconds(1_700_000_000);
        let store = Store::open(backend, clock.clone(), Arc::new(Dice::default())).unwrap();
        let opened = Self { store, clock };
        opened.write(|txn| txn.create_account(ACCOUNT)).unwrap();
        opened
    }

    /// One settled write to the account.
    pub fn write<T>(
        &self,
        work: impl Fn(&mut Txn<'_>) -> Result<T, ModelError>,
    ) -> Result<T, ModelError> {
        self.write_as(0, work)
    }

    /// The same, by a session.
    pub fn write_as<T>(
        &self,
        session: u64,
        work: impl Fn(&mut Txn<'_>) -> Result<T, ModelError>,
    ) -> Result<T, ModelError> {
        let origin = Origin {
            session,
            actor: ACCOUNT,
        };
        let pending = self
            .store
            .write(&[ACCOUNT, AccountId::DIRECTORY], origin, work)?;
        Ok(pending.wait()?)
    }
}

pub const OTHER: AccountId = AccountId(8);

pub fn folder(fixture: &Fixture, name: &str) -> FolderId {
    let new = NewFolder {
        name: name.to_owned(),
        ..NewFolder::default()
    };
    fixture
        .write(|txn| txn.create_folder(ACCOUNT, &new))
        .unwrap()
}

pub fn letter(fixture: &Fixture, folder: FolderId, text: &str) -> Receipt {
    let body = Some(Body::Staged(stage(fixture, text.as_bytes())));
    let new = NewItem {
        body,
        delivered: true,
        ..NewItem::mail(folder)
    };
    fixture.write(|txn| txn.insert_item(ACCOUNT, &new)).unwrap()
}

pub fn stage(fixture: &Fixture, bytes: &[u8]) -> Arc<StagedBody> {
    let mut spool = fixture.store.spool().unwrap();
    spool.write(bytes).unwrap();
    Arc::new(spool.finish().unwrap())
}

pub fn view(fixture: &Fixture) -> View<'_> {
    fixture.store.view(ACCOUNT).unwrap()
}

pub fn row(fixture: &Fixture, at: Location) -> ItemRow {
    view(fixture).item_row(ACCOUNT, at).unwrap().unwrap()
}

pub fn account(fixture: &Fixture) -> AccountRow {
    view(fixture).account_row(ACCOUNT).unwrap().unwrap()
}

pub fn log(fixture: &Fixture, since: ChangeSeq) -> Vec<(ChangeSeq, ChangeRecord)> {
    match view(fixture).changes(ACCOUNT, since, usize::MAX).unwrap() {
        Changes::Page { records, .. } => records,
        Changes::Forgotten => panic!("forgotten"),
    }
}

pub fn flag(fixture: &Fixture, at: Location, flags: Flags) -> FlagOutcome {
    fixture
        .write(|txn| txn.set_flags(ACCOUNT, at, &FlagChange::add(flags)))
        .unwrap()
}
