//! Every backend under the one suite of what a backend promises, and the simulated faults of the
//! one in memory.

use crate::suite::{Fixture, run};
use crate::world::embedded;
use bytes::Bytes;
use std::sync::Arc;
use store::StoreError;
use store::backend::memory::MemoryBackend;
use store::backend::{Backend, Batch, Key, Purpose};
use store::id::AccountId;

#[test]
fn memory_keeps_the_promises_of_a_backend() {
    run(&|| Fixture {
        backend: Arc::new(MemoryBackend::new()),
        keep: Box::new(()),
    });
}

fn one_row(value: &'static [u8]) -> Batch {
    Batch {
        writes: vec![(Key::from_slice(b"K"), Some(Bytes::from_static(value)))],
        ..Batch::default()
    }
}

fn place(backend: &MemoryBackend, batch: Batch) -> Result<store::backend::Settlement, StoreError> {
    backend.begin(&[AccountId(1)])?.commit(batch)
}

fn settled(backend: &MemoryBackend) -> Option<Bytes> {
    backend.snapshot().unwrap().get(b"K").unwrap()
}

#[test]
fn what_is_placed_but_not_settled_is_seen_by_transactions_only() {
    let backend = MemoryBackend::new();
    backend.faults().hold();
    let pending = place(&backend, one_row(b"1")).unwrap();
    let empty = place(&backend, Batch::default()).unwrap();
    assert_eq!(settled(&backend), None);
    assert_eq!((pending.result(), empty.result()), (None, None));
    let transaction = backend.begin(&[AccountId(1)]).unwrap();
    assert_eq!(transaction.get(b"K").unwrap().unwrap(), b"1".as_slice());
    drop(transaction);
    assert!(backend.faults().settle_one());
    assert_eq!(
        (pending.result(), empty.result()),
        (Some(Ok(())), Some(Ok(())))
    );
    assert_eq!(settled(&backend).unwrap(), b"1".as_slice());
}

#[test]
fn a_failed_sync_fails_all_that_wait_and_stops_writing_but_not_reading() {
    let backend = MemoryBackend::new();
    place(&backend, one_row(b"0")).unwrap().wait().unwrap();
    backend.faults().hold();
    let first = place(&backend, one_row(b"1")).unwrap();
    let second = place(&backend, one_row(b"2")).unwrap();
    backend.faults().fail_next_settling();
    backend.faults().release();
    assert!(matches!(first.wait(), Err(StoreError::ReadOnly(_))));
    assert!(matches!(second.wait(), Err(StoreError::ReadOnly(_))));
    assert!(matches!(
        place(&backend, one_row(b"3")),
        Err(StoreError::ReadOnly(_))
    ));
    assert_eq!(settled(&backend).unwrap(), b"0".as_slice());
}

#[test]
fn a_full_disk_refuses_what_takes_room_and_takes_what_gives_room() {
    let backend = MemoryBackend::new();
    backend.faults().set_full(true);
    assert_eq!(
        place(&backend, one_row(b"1")).unwrap_err(),
        StoreError::Full
    );
    place(
        &backend,
        Batch {
            purpose: Purpose::Free,
            ..one_row(b"2")
        },
    )
    .unwrap()
    .wait()
    .unwrap();
    backend.faults().set_full(false);
    place(&backend, one_row(b"3")).unwrap().wait().unwrap();
    assert_eq!(settled(&backend).unwrap(), b"3".as_slice());
}

#[test]
fn a_refused_commit_leaves_nothing() {
    let backend = MemoryBackend::new();
    backend.faults().fail_next_commit(StoreError::Conflict);
    assert_eq!(
        place(&backend, one_row(b"1")).unwrap_err(),
        StoreError::Conflict
    );
    assert_eq!(settled(&backend), None);
    place(&backend, one_row(b"2")).unwrap().wait().unwrap();
    assert_eq!(settled(&backend).unwrap(), b"2".as_slice());
}

#[test]
fn embedded_keeps_the_promises_of_a_backend() {
    run(&|| {
        let (backend, threads) = embedded(&Arc::default());
        Fixture {
            backend,
            keep: Box::new(threads),
        }
    });
}
