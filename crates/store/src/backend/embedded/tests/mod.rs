//! What the embedded backend promises, on a disk that fails.

use super::{Embedded, Options, World};
use crate::backend::{Backend, Batch, Direction, Key, Purpose, Settlement, StagedBody};
use crate::error::StoreError;
use crate::id::{AccountId, BodyNumber, Timestamp};
use crate::world::memory::MemoryDisk;
use crate::world::{Clock, Rng};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

mod backup;
mod basics;
mod collect;
mod concurrent;
mod crash;
mod damage;
mod dictionaries;
mod figures;
mod full;
mod pages;

/// A clock that goes on by a second each time it is read.
#[derive(Default)]
pub(super) struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.fetch_add(1, Ordering::SeqCst))
    }
}

struct Fixed;

impl Rng for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(42);
    }
}

/// Small sizes, so that a short test rolls segments and freezes tables.
pub(super) const SMALL: Options = Options {
    segment_bytes: 64 * 1024,
    deduplicate: true,
    memtable_bytes: 4 * 1024,
    checkpoint_bytes: 64 * 1024,
    base_bytes: 128 * 1024,
    restore_window_seconds: 0,
    cache_bytes: 1 << 20,
};

pub(super) fn world(disk: &MemoryDisk) -> World {
    World {
        vfs: Arc::new(disk.clone()),
        clock: Arc::new(Ticking::default()),
        rng: Arc::new(Fixed),
    }
}

pub(super) fn folder() -> &'static Path {
    Path::new("data")
}

pub(super) fn open(disk: &MemoryDisk) -> Result<Arc<Embedded>, StoreError> {
    Embedded::open(world(disk), folder(), SMALL)
}

/// Bytes that differ by `seed` and compress only a little.
pub(super) fn letter(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_be_bytes());
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

pub(super) fn stage(store: &Embedded, content: &[u8]) -> Result<Arc<StagedBody>, StoreError> {
    let mut spool = store.spool()?;
    for piece in content.chunks(10_000) {
        spool.write(piece)?;
    }
    Ok(Arc::new(spool.finish()?))
}

pub(super) fn put(key: &str, value: &str) -> (Key, Option<Bytes>) {
    (
        Key::from_slice(key.as_bytes()),
        Some(Bytes::from(value.to_owned())),
    )
}

/// The key by which account 1 refers to a body.
pub(super) fn reference(body: BodyNumber) -> Key {
    [b"R", &body.0.to_be_bytes()[..], b"\0\0\0\x01"]
        .concat()
        .into()
}

pub(super) fn commit(store: &Embedded, batch: Batch) -> Result<Settlement, StoreError> {
    store.begin(&[AccountId(1)])?.commit(batch)
}

/// Stores a letter under a key whose value is the body's number.
pub(super) fn store_letter(
    store: &Embedded,
    key: &str,
    content: &[u8],
) -> Result<(BodyNumber, Settlement), StoreError> {
    let body = stage(store, content)?;
    let number = body.number;
    let value = Bytes::copy_from_slice(&number.0.to_be_bytes());
    let writes = vec![
        (Key::from_slice(key.as_bytes()), Some(value)),
        (reference(number), Some(Bytes::new())),
    ];
    let batch = Batch {
        writes,
        bodies: vec![body],
        changed: vec![AccountId(1)],
        purpose: Purpose::Store,
    };
    Ok((number, commit(store, batch)?))
}

/// Removes a letter and its reference.
pub(super) fn remove_letter(
    store: &Embedded,
    key: &str,
    body: BodyNumber,
) -> Result<Settlement, StoreError> {
    let writes = vec![
        (Key::from_slice(key.as_bytes()), None),
        (reference(body), None),
    ];
    commit(
        store,
        Batch {
            writes,
            purpose: Purpose::Free,
            ..Batch::default()
        },
    )
}

/// All rows that readers see, but those that the backend keeps for itself.
pub(super) fn rows(store: &Embedded) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut rows = all_rows(store);
    rows.retain(|key, _| !matches!(key.first(), Some(b'B' | b'H')));
    rows
}

pub(super) fn all_rows(store: &Embedded) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut rows = BTreeMap::new();
    let mut visit = |key: &[u8], value: &[u8]| {
        rows.insert(key.to_vec(), value.to_vec());
        true
    };
    let view = store.snapshot().unwrap();
    view.scan(&[]..&[0xff; 32], Direction::Forward, &mut visit)
        .unwrap();
    rows
}
