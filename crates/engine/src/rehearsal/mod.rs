//! An engine over a store in memory, with a clock that stands still and random bytes that repeat
//! from run to run: for the tests of this crate and of those above, which must not know the store.
//!
//! Never for anything that is kept or reached from outside.
//!
//! Start at [`Rehearsal::new`]; [`Wire`] leads a session over it, [`script`] plays dialogues that
//! are written down, [`mutation`] tries what nobody would write.

pub mod mutation;
pub mod script;
mod wire;

pub use wire::Wire;

use crate::account::Reading;
use crate::authentication::password::Cost;
use crate::delivery::{Arrival, Failing};
use crate::dialogue::{Peer, Tls};
use crate::directory::AccountKind;
use crate::directory::administration::NewPassword;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::queue::{Notify, Return, Wishes};
use crate::search::{Feeder, Sketches};
use crate::settings::Settings;
use crate::sign_in::User;
use crate::{Account, Envelope, Flags, Recipient, Staged};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use store::StoreError;
use store::backend::memory::MemoryBackend;
use store::id::{AccountId, Timestamp, Uid};
use store::model::{ItemRow, Role, Shelf, Store};
use store::world::memory::MemoryDisk;
use store::world::{Clock, Rng, Vfs};

/// 1 May 2026, 00:00 UTC: where the clock stands at first.
const BEGINNING: Timestamp = Timestamp(1_777_593_600 * Timestamp::PER_SECOND);
/// The cheapest hash that Argon2 allows.
const CHEAP: Cost = Cost {
    memory_kib: 8,
    rounds: 1,
};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct StandingClock(AtomicI64);

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

/// Bytes that look random, the same in each run.
#[derive(Debug, Default)]
struct Repeating(AtomicU64);

impl Rng for Repeating {
    fn fill(&self, bytes: &mut [u8]) {
        let turn = self.0.fetch_add(1, Ordering::Relaxed);
        let mut hasher = blake3::Hasher::new();
        hasher.update(&turn.to_le_bytes());
        hasher.finalize_xof().fill(bytes);
    }
}

/// An engine in memory. Clones are of the same one.
#[derive(Clone)]
pub struct Rehearsal {
    /// The engine.
    pub engine: Engine,
    backend: Arc<MemoryBackend>,
    clock: Arc<StandingClock>,
    connections: Arc<AtomicU64>,
}

impl Rehearsal {
    /// An engine with a domain `example.test` and nobody in it. Hashing passwords is cheap whatever
    /// `settings` say.
    pub fn new(settings: Settings) -> Result<Self, EngineError> {
        let settings = Settings {
            password_cost: CHEAP,
            ..settings
        };
        let backend = Arc::new(MemoryBackend::new());
        let clock = Arc::new(StandingClock(AtomicI64::new(BEGINNING.0)));
        let rng: Arc<dyn Rng> = Arc::new(Repeating::default());
        let store = Store::open(backend.clone(), clock.clone(), Arc::clone(&rng))?;
        let engine = Engine::open(store, settings, clock.clone(), rng)?;
        engine.add_domain("example.test")?.wait()?;
        Ok(Self {
            engine,
            backend,
            clock,
            connections: Arc::default(),
        })
    }

    /// Another engine over the same data, as after a restart. The one before is to be used no more.
    pub fn restarted(&self) -> Result<Self, EngineError> {
        let rng: Arc<dyn Rng> = Arc::new(Repeating::default());
        let backend = self.backend.clone();
        let store = Store::open(backend, self.clock.clone(), Arc::clone(&rng))?;
        let settings = self.engine.settings().clone();
        Ok(Self {
            engine: Engine::open(store, settings, self.clock.clone(), rng)?,
            ..self.clone()
        })
    }

    /// Makes an account whose password is its local part, and answers who signs in with it.
    pub fn person(&self, address: &str) -> Result<User, EngineError> {
        let password = address.split('@').next().unwrap_or_default();
        let password = Some(NewPassword::Plain(password));
        let account = self
            .engine
            .add_account(address, AccountKind::Person, password)?
            .wait()?;
        Ok(User {
            account,
            address: address.to_owned(),
            administrator: false,
        })
    }

    /// Gives the engine an index, in memory too. Whoever feeds it says what it knows.
    pub fn index(&self) -> Result<Feeder, EngineError> {
        let disk: Arc<dyn Vfs> = Arc::new(MemoryDisk::new());
        let index = Sketches::open(&disk, Path::new("/search"))?;
        self.engine.use_search_index(Arc::new(index));
        Feeder::new(&self.engine).ok_or(EngineError::NoSuchEntry)
    }

    /// Moves the clock on.
    pub fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(
            seconds.saturating_mul(Timestamp::PER_SECOND),
            Ordering::Relaxed,
        );
    }

    /// Lets the next commit fail.
    pub fn fail_next_commit(&self, error: StoreError) {
        self.backend.faults().fail_next_commit(error);
    }

    /// Lets the next commit go well; what is ordered then is about the one after it.
    pub fn pass_next_commit(&self) {
        self.backend.faults().pass_next_commit();
    }

    /// Lets the next commit find its place but never reach the disk.
    pub fn fail_next_settling(&self) {
        self.backend.faults().fail_next_settling();
    }

    /// Holds commits back before the disk until [`Rehearsal::release`].
    pub fn hold(&self) {
        self.backend.faults().hold();
    }

    /// Lets commits go on.
    pub fn release(&self) {
        self.backend.faults().release();
    }

    /// Bodies that something refers to.
    pub fn living_bodies(&self) -> usize {
        self.backend.living_bodies()
    }

    /// A peer on this machine; with TLS it has a channel binding.
    pub fn peer(&self, encrypted: bool) -> Peer {
        let address = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        Peer {
            remote: address(50_000),
            local: address(25),
            tls: encrypted.then_some(Tls {
                version: "TLSv1.3",
                cipher: "TLS_AES_128_GCM_SHA256",
                exporter: Some([7; 32]),
                server_end_point: None,
                client: None,
            }),
            connection: self.connections.fetch_add(1, Ordering::Relaxed) + 1,
            local_user: None,
        }
    }

    /// The account's number, for what is only reached by number.
    pub fn number(&self, address: &str) -> Result<AccountId, EngineError> {
        self.engine.account_at(address)
    }

    /// The letters in someone's Inbox.
    pub fn inbox(&self, address: &str) -> Result<Vec<(Uid, ItemRow)>, EngineError> {
        let account = self.engine.account_as_server(self.number(address)?);
        let view = account.read()?;
        let inbox = view.folder_with_role(Role::Inbox)?;
        let (inbox, _) = inbox.ok_or(EngineError::NoSuchFolder)?;
        let mut rows = Vec::new();
        view.items(inbox, Shelf::Mail, 1..=u32::MAX, &mut |uid, row| {
            rows.push((uid, row));
            ControlFlow::Continue(())
        })?;
        Ok(rows)
    }

    /// A letter that is whole and not delivered.
    pub fn staged(&self, letter: &[u8]) -> Result<Staged, EngineError> {
        let mut upload = self.engine.upload()?;
        upload.write(letter)?;
        upload.finish()
    }

    /// An envelope as it comes from elsewhere, without wishes.
    pub fn envelope(&self, sender: &str, recipients: &[&str]) -> Result<Envelope, EngineError> {
        let recipient = |address: &&str| {
            let resolution = self.engine.directory().resolve(address)?;
            Ok(Recipient {
                address: (*address).to_owned(),
                resolution,
                notify: Notify::USUAL,
                original: None,
            })
        };
        let recipients = recipients.iter().map(recipient);
        Ok(Envelope {
            sender: sender.to_owned(),
            recipients: recipients.collect::<Result<_, EngineError>>()?,
            envelope_id: None,
            returning: Return::default(),
            needs_utf8: false,
            wishes: Wishes::default(),
            submitter: None,
            arrival: Arrival::default(),
            failing: Failing::Whole,
        })
    }
}

/// Flags and bytes of the letters in a folder; none where there is no such folder.
pub fn letters(account: &Account, path: &[&str]) -> Result<Vec<(Flags, String)>, EngineError> {
    let view = account.read()?;
    let Some((folder, _)) = view.folder_at(path)? else {
        return Ok(Vec::new());
    };
    let mut rows = Vec::new();
    view.items(folder, Shelf::Mail, 1..=u32::MAX, &mut |_, row| {
        rows.push(row);
        ControlFlow::Continue(())
    })?;
    let read = |row: &ItemRow| {
        let bytes = account.read_message(row, 0..u64::MAX)?;
        Ok((row.flags, String::from_utf8_lossy(&bytes).into_owned()))
    };
    rows.iter().map(read).collect()
}
