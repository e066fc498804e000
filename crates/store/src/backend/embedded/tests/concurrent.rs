//! Writers, readers, collector, base dumps and checkpoints at once.

use super::*;
use std::sync::atomic::AtomicBool;

const WRITERS: u32 = 4;
const TURNS: u64 = 500;

/// The key by which an account refers to a body for one of its letters.
fn reference_of(body: BodyNumber, account: u32, slot: u64) -> Key {
    let key = [
        b"R",
        &body.0.to_be_bytes()[..],
        &account.to_be_bytes(),
        &slot.to_be_bytes(),
    ];
    key.concat().into()
}

/// Puts one of a few contents into a slot of its account, or empties the slot.
fn one_turn(store: &Embedded, account: u32, turn: u64) {
    let slot = turn.wrapping_mul(0x9e37_79b9) % 5;
    let key = [b"M", &account.to_be_bytes()[..], &slot.to_be_bytes()];
    let key = Key::from(key.concat());
    let content = turn.wrapping_mul(31) % 7;
    let len = if content == 0 { 80_000 } else { 3_000 };
    let staged = stage(store, &letter(content, len)).unwrap();
    let transaction = store.begin(&[AccountId(account)]).unwrap();
    let old = transaction.get(&key).unwrap();
    let mut batch = Batch {
        purpose: Purpose::Free,
        ..Batch::default()
    };
    if let Some(old) = old {
        let body = BodyNumber(u64::from_be_bytes(old[..8].try_into().unwrap()));
        batch.writes.push((reference_of(body, account, slot), None));
        batch.writes.push((key, None));
    } else {
        let value = [staged.number.0.to_be_bytes(), content.to_be_bytes()].concat();
        batch.writes.push((
            reference_of(staged.number, account, slot),
            Some(Bytes::new()),
        ));
        batch.writes.push((key, Some(Bytes::from(value))));
        batch.bodies.push(staged);
    }
    transaction.commit(batch).unwrap().wait().unwrap();
}

/// Every letter that a row names is there and is the right one.
fn assert_letters(store: &Embedded) {
    for (key, value) in rows(store).iter().filter(|(key, _)| key[0] == b'M') {
        let body = BodyNumber(u64::from_be_bytes(value[..8].try_into().unwrap()));
        let content = u64::from_be_bytes(value[8..].try_into().unwrap());
        let len = if content == 0 { 80_000 } else { 3_000 };
        assert_eq!(
            store.read_body(body, 0..u64::MAX).unwrap(),
            letter(content, len),
            "{key:?}"
        );
    }
}

#[test]
fn everything_at_once_loses_nothing() {
    let disk = MemoryDisk::new();
    let store = open(&disk).unwrap();
    let threads = store.run_threads().unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (store, is_over) = (&store, &is_over);
        scope.spawn(move || {
            while !is_over.load(Ordering::SeqCst) {
                store.dump_base().unwrap();
                for _ in 0..20 {
                    store.step_collect();
                    std::thread::yield_now();
                }
                store.step_freeze();
                store.step_apply();
                store.step_checkpoint();
                store.snapshot().unwrap().get(b"M").unwrap();
            }
        });
        let writer = |account| {
            scope.spawn(move || (0..TURNS).for_each(|turn| one_turn(store, account, turn)))
        };
        let writers: Vec<_> = (0..WRITERS).map(writer).collect();
        for writer in writers {
            writer.join().unwrap();
        }
        is_over.store(true, Ordering::SeqCst);
    });
    drop(threads);
    assert_letters(&store);
    let report = store.check().unwrap();
    assert!(report.is_clean(), "{:?}", report.problems);
    let expected = all_rows(&store);
    drop(store);
    let store = open(&disk.power_cut(9)).unwrap();
    assert_eq!(all_rows(&store), expected);
    drop(store);
    let rebuilt = Embedded::rebuild(world(&disk), folder(), SMALL).unwrap();
    assert_eq!(all_rows(&rebuilt), expected);
    assert_letters(&rebuilt);
}
