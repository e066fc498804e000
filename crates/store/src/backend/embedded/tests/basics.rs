//! What holds on a disk that works.

use super::*;
use crate::world::Vfs;
use parking_lot::Mutex;

#[test]
fn readers_see_a_commit_only_once_it_is_on_disk_and_writers_at_once() {
    let store = open(&MemoryDisk::new()).unwrap();
    let settlement = commit(
        &store,
        Batch {
            writes: vec![put("Fa", "one")],
            ..Batch::default()
        },
    )
    .unwrap();
    assert_eq!(settlement.result(), None);
    assert_eq!(store.snapshot().unwrap().get(b"Fa").unwrap(), None);
    let placed = store.begin(&[AccountId(1)]).unwrap().get(b"Fa").unwrap();
    assert_eq!(placed, Some(Bytes::from("one")));
    assert!(store.step_commit());
    assert_eq!(settlement.result(), Some(Ok(())));
    assert_eq!(
        store.snapshot().unwrap().get(b"Fa").unwrap(),
        Some(Bytes::from("one"))
    );
}

#[test]
fn an_answer_that_changes_nothing_waits_for_what_it_was_read_from() {
    let store = open(&MemoryDisk::new()).unwrap();
    commit(
        &store,
        Batch {
            writes: vec![put("Fa", "one")],
            ..Batch::default()
        },
    )
    .unwrap();
    let unchanged = commit(&store, Batch::default()).unwrap();
    assert_eq!(unchanged.result(), None);
    store.step_commit();
    assert_eq!(unchanged.result(), Some(Ok(())));
}

#[test]
fn commits_of_one_moment_share_a_sync() {
    let disk = MemoryDisk::new();
    let store = open(&disk).unwrap();
    let before = disk.syncs();
    for number in 0..20 {
        store_letter(&store, &format!("M{number}"), &letter(number, 1_000)).unwrap();
    }
    while store.step_commit() {}
    assert_eq!(disk.syncs() - before, 1);
}

#[test]
fn watchers_are_told_in_the_order_of_the_log() {
    let store = open(&MemoryDisk::new()).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&told);
    store.watch(Box::new(move |accounts| {
        list.lock().extend_from_slice(accounts);
    }));
    for account in [3, 1, 2] {
        let writes = vec![put("Fa", "x")];
        let batch = Batch {
            writes,
            changed: vec![AccountId(account)],
            ..Batch::default()
        };
        store
            .begin(&[AccountId(account)])
            .unwrap()
            .commit(batch)
            .unwrap();
    }
    assert!(told.lock().is_empty());
    store.step_commit();
    assert_eq!(*told.lock(), [AccountId(3), AccountId(1), AccountId(2)]);
}

#[test]
fn a_body_is_readable_from_staging_to_the_next_opening() {
    let disk = MemoryDisk::new();
    let store = open(&disk).unwrap();
    for (key, len) in [("Ma", 500), ("Mb", 9_000), ("Mc", 15_000), ("Md", 700_000)] {
        let content = letter(len as u64, len);
        let body = stage(&store, &content).unwrap();
        assert_eq!(
            store.read_body(body.number, 0..u64::MAX).unwrap(),
            content,
            "staged {key}"
        );
        drop(body);
        let (number, _) = store_letter(&store, key, &content).unwrap();
        assert_eq!(
            store.read_body(number, 3..90).unwrap(),
            content[3..90],
            "placed {key}"
        );
        store.step_commit();
        assert_eq!(
            store.read_body(number, 0..u64::MAX).unwrap(),
            content,
            "settled {key}"
        );
        store.flush();
        assert_eq!(
            store.read_body(number, 400..9_999_999).unwrap(),
            content[400..],
            "applied"
        );
    }
    let before = all_rows(&store);
    drop(store);
    let store = open(&disk).unwrap();
    assert_eq!(all_rows(&store), before);
    let row = store.snapshot().unwrap().get(b"Md").unwrap().unwrap();
    let number = BodyNumber(u64::from_be_bytes(row[..].try_into().unwrap()));
    assert_eq!(
        store.read_body(number, 0..u64::MAX).unwrap(),
        letter(700_000, 700_000)
    );
}

#[test]
fn equal_bodies_are_stored_once() {
    let store = open(&MemoryDisk::new()).unwrap();
    let (first, _) = store_letter(&store, "Ma", &letter(1, 5_000)).unwrap();
    store.step_commit();
    let (second, _) = store_letter(&store, "Mb", &letter(1, 5_000)).unwrap();
    let (other, _) = store_letter(&store, "Mc", &letter(2, 5_000)).unwrap();
    assert_eq!(first, second);
    assert_ne!(first, other);
}

#[test]
fn what_was_staged_and_never_committed_leaves_nothing() {
    let disk = MemoryDisk::new();
    let store = open(&disk).unwrap();
    let before = disk.paths();
    drop(stage(&store, &letter(1, 700_000)).unwrap());
    let mut unfinished = store.spool().unwrap();
    unfinished.write(&letter(2, 700_000)).unwrap();
    drop(unfinished);
    assert_eq!(disk.paths(), before);
}

#[test]
fn body_numbers_are_not_given_again_after_a_restart() {
    let disk = MemoryDisk::new();
    let store = open(&disk).unwrap();
    let (first, _) = store_letter(&store, "Ma", &letter(1, 100)).unwrap();
    store.flush();
    drop(store);
    let store = open(&disk).unwrap();
    let (second, _) = store_letter(&store, "Mb", &letter(2, 100)).unwrap();
    assert!(second > first);
}

#[test]
fn a_commit_larger_than_a_frame_is_one_commit() {
    let disk = MemoryDisk::new();
    let store = open(&disk).unwrap();
    let value = "v".repeat(2_000);
    let writes = (0..200)
        .map(|number| put(&format!("F{number:03}"), &value))
        .collect();
    commit(
        &store,
        Batch {
            writes,
            ..Batch::default()
        },
    )
    .unwrap();
    store.step_commit();
    drop(store);
    let store = open(&disk).unwrap();
    assert_eq!(rows(&store).len(), 200);
}

#[test]
fn too_long_keys_and_values_are_refused() {
    let store = open(&MemoryDisk::new()).unwrap();
    let long_key = Batch {
        writes: vec![put(&"k".repeat(257), "v")],
        ..Batch::default()
    };
    assert_eq!(commit(&store, long_key).unwrap_err(), StoreError::TooLarge);
    let long_value = Batch {
        writes: vec![put("k", &"v".repeat(32_769))],
        ..Batch::default()
    };
    assert_eq!(
        commit(&store, long_value).unwrap_err(),
        StoreError::TooLarge
    );
}

#[test]
fn opening_again_and_again_does_not_fill_the_disk() {
    let disk = MemoryDisk::new();
    for _ in 0..5 {
        drop(open(&disk).unwrap());
    }
    assert_eq!(disk.list(&folder().join("log")).unwrap().len(), 1);
}

#[test]
fn a_second_process_is_refused() {
    let disk = MemoryDisk::new();
    let _store = open(&disk).unwrap();
    assert!(matches!(open(&disk), Err(StoreError::Refused(_))));
}

#[test]
fn an_unknown_format_is_refused() {
    let disk = MemoryDisk::new();
    drop(open(&disk).unwrap());
    assert!(disk.flip(&folder().join("version"), 14, 8));
    assert!(matches!(open(&disk), Err(StoreError::Refused(_))));
}

#[test]
fn threads_carry_many_writers_and_leave_everything_durable() {
    let disk = MemoryDisk::new();
    let store = open(&disk).unwrap();
    let threads = store.run_threads().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..8_u32 {
            let store = &store;
            scope.spawn(move || {
                for turn in 0..50_u32 {
                    let account = AccountId(writer % 3);
                    let transaction = store.begin(&[account]).unwrap();
                    let key = [b'A', b'0' + u8::try_from(account.0).unwrap()];
                    let count = transaction
                        .get(&key)
                        .unwrap()
                        .map_or(0, |value| u64::from_be_bytes(value[..].try_into().unwrap()));
                    let value = Bytes::copy_from_slice(&(count + 1).to_be_bytes());
                    let mine = put(&format!("F{writer}-{turn}"), &"x".repeat(100));
                    let writes = vec![(Key::from_slice(&key), Some(value)), mine];
                    let batch = Batch {
                        writes,
                        ..Batch::default()
                    };
                    transaction.commit(batch).unwrap().wait().unwrap();
                }
            });
        }
    });
    drop(threads);
    drop(store);
    let store = open(&disk.power_cut(1)).unwrap();
    let rows = rows(&store);
    assert_eq!(rows.keys().filter(|key| key[0] == b'F').count(), 400);
    let counts = rows.iter().filter(|(key, _)| key[0] == b'A');
    let sum: u64 = counts
        .map(|(_, value)| u64::from_be_bytes(value[..].try_into().unwrap()))
        .sum();
    assert_eq!(sum, 400, "no writer overwrote another's count");
}
