//! A full disk refuses mail, lets people delete, and recovers by itself.

use super::*;
use crate::world::Vfs;

/// Fills the store until mail is refused; answers the letters stored.
fn fill(store: &Embedded) -> Vec<(String, BodyNumber)> {
    let mut stored = Vec::new();
    for number in 0..10_000 {
        let key = format!("M{number:05}");
        match store_letter(store, &key, &letter(number, 8_000)) {
            Ok((body, settlement)) => {
                store.step_commit();
                assert_eq!(
                    settlement.result(),
                    Some(Ok(())),
                    "a placed commit always finds room"
                );
                stored.push((key, body));
            }
            Err(error) => {
                assert_eq!(error, StoreError::Full);
                return stored;
            }
        }
        if number % 10 == 0 {
            store.flush();
        }
    }
    panic!("never full");
}

#[test]
fn mail_is_refused_while_people_can_still_delete() {
    let disk = MemoryDisk::new();
    disk.set_capacity(Some(6 << 20));
    let store = open(&disk).unwrap();
    let stored = fill(&store);
    assert!(stored.len() > 50, "{}", stored.len());
    for (key, body) in &stored {
        let settlement = remove_letter(&store, key, *body).unwrap();
        store.step_commit();
        assert_eq!(settlement.result(), Some(Ok(())));
        assert_eq!(
            store.read_body(*body, 0..4).unwrap().len(),
            4,
            "reading never stops"
        );
    }
    assert!(rows(&store).is_empty());
}

#[test]
fn the_store_recovers_by_itself_when_there_is_room() {
    let disk = MemoryDisk::new();
    disk.set_capacity(Some(6 << 20));
    let store = open(&disk).unwrap();
    fill(&store);
    disk.set_capacity(Some(20 << 20));
    let mut refused = 0;
    while store_letter(&store, "Mnew", &letter(77_777, 100)).is_err() {
        refused += 1;
        assert!(refused < 100, "it never looks again");
    }
    store.flush();
    assert!(rows(&store).contains_key(&b"Mnew"[..]));
    assert!(
        disk.list(folder())
            .unwrap()
            .contains(&folder().join("ballast"))
    );
}

#[test]
fn the_index_waits_in_memory_for_room_that_another_took() {
    let disk = MemoryDisk::new();
    let store = open(&disk).unwrap();
    let mut stored: Vec<_> = (0..20)
        .map(|number| {
            let key = format!("M{number:05}");
            (
                key.clone(),
                store_letter(&store, &key, &letter(number, 500)).unwrap().0,
            )
        })
        .collect();
    store.flush();
    let space = disk.space(folder()).unwrap();
    // Someone else takes all the room there is.
    disk.set_capacity(Some(space.total_bytes - space.free_bytes));
    for number in 20..1000 {
        let key = format!("M{number:05}");
        let Ok((body, _)) = store_letter(&store, &key, &letter(number, 500)) else {
            break;
        };
        stored.push((key, body));
        store.flush();
    }
    let status = store.status().unwrap();
    assert_eq!((status.failure, status.is_full), (None, true));
    assert!(status.durable < status.settled, "the index could not grow");
    assert!(stored.len() > 20, "the segment in hand was used up");
    let (key, body) = stored.remove(0);
    remove_letter(&store, &key, body).unwrap();
    store.flush();
    let mut expected = rows(&store);
    assert!(!expected.contains_key(key.as_bytes()), "deleting goes on");

    // A power cut now costs nothing: the log has all.
    let cut = disk.power_cut(1);
    cut.set_capacity(None);
    assert_eq!(rows(&open(&cut).unwrap()), expected);
    // Nor is room needed to open the store and read it.
    let mut full = disk.power_cut(3);
    for seed in 4..9 {
        let store = open(&full).unwrap();
        assert_eq!(rows(&store), expected);
        let (key, body) = stored.remove(0);
        remove_letter(&store, &key, body).unwrap();
        store.flush();
        expected = rows(&store);
        assert!(!expected.contains_key(key.as_bytes()), "deleting goes on");
        full = full.power_cut(seed);
    }

    disk.set_capacity(None);
    while store_letter(&store, "Mnew", &letter(77_777, 100)).is_err() {}
    store.flush();
    let status = store.status().unwrap();
    assert_eq!(status.durable, status.settled, "and is brought to disk");
    let expected = rows(&store);
    assert_eq!(rows(&open(&disk.power_cut(2)).unwrap()), expected);
}
