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
