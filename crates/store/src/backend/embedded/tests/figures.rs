//! What the store says it keeps is what it keeps.

use super::*;
use crate::backend::embedded::Holdings;
use crate::backend::embedded::rows::BODY_TAG;
use crate::world::{Open, Vfs};

/// The figures counted by looking at everything.
fn counted(store: &Embedded) -> Holdings {
    let mut holdings = Holdings::default();
    for (key, value) in all_rows(store) {
        holdings.add(&key, &value);
    }
    holdings
}

fn log_bytes(disk: &MemoryDisk) -> (u64, u64) {
    let segments = disk.list(&folder().join("log")).unwrap();
    let len = |path: &std::path::PathBuf| disk.open(path, Open::Read).unwrap().len().unwrap();
    (segments.len() as u64, segments.iter().map(len).sum())
}

fn assert_true(store: &Embedded, disk: &MemoryDisk) {
    let status = store.status().unwrap();
    assert_eq!(status.holdings, counted(store));
    assert_eq!((status.segments, status.log_bytes), log_bytes(disk));
}

#[test]
fn the_figures_are_what_counting_gives_also_after_removals_a_crash_and_a_rebuild() {
    let disk = MemoryDisk::new();
    let store = open(&disk).unwrap();
    let mut stored = Vec::new();
    for number in 0..60 {
        let (key, len) = (
            format!("M{number:02}"),
            if number == 7 { 40_000 } else { 9_000 },
        );
        let (body, _) = store_letter(&store, &key, &letter(number, len)).unwrap();
        stored.push((key, body));
        store.step_commit();
    }
    store.flush();
    assert_true(&store, &disk);
    let full = store.status().unwrap();
    assert_eq!(full.holdings.bodies, 60);
    assert!(full.holdings.big_bytes >= 40_000, "{full:?}");

    for (key, body) in stored.iter().step_by(2) {
        remove_letter(&store, key, *body).unwrap();
    }
    store.flush();
    store.dump_base().unwrap();
    for _ in 0..1_000 {
        store.flush();
        if !store.step_collect() {
            break;
        }
    }
    assert_true(&store, &disk);
    let half = store.status().unwrap();
    assert_eq!(half.holdings.bodies, 30);
    assert!(half.holdings.live_bytes() < full.holdings.live_bytes());

    store_letter(&store, "Mlast", &letter(99, 9_000)).unwrap();
    store.step_commit();
    drop(store);
    let disk = disk.power_cut(1);
    let store = open(&disk).unwrap();
    assert_eq!(store.status().unwrap().holdings.bodies, 31);
    assert_true(&store, &disk);
    drop(store);
    let store = Embedded::rebuild(world(&disk), folder(), SMALL).unwrap();
    assert_true(&store, &disk);
}

#[test]
fn no_figure_counts_what_the_backend_notes_of_itself() {
    let store = open(&MemoryDisk::new()).unwrap();
    store.flush();
    assert_eq!(store.status().unwrap().holdings, Holdings::default());
    commit(
        &store,
        Batch {
            writes: vec![put("key", "value")],
            ..Batch::default()
        },
    )
    .unwrap();
    store.flush();
    let holdings = store.status().unwrap().holdings;
    assert_eq!(holdings.row_bytes, 8);
    assert!(all_rows(&store).keys().all(|key| key[0] != BODY_TAG));
}

#[test]
fn a_restore_window_that_want_of_room_made_shorter_is_told() {
    let disk = MemoryDisk::new();
    let options = Options {
        restore_window_seconds: 1_000_000,
        ..SMALL
    };
    let store = Embedded::open(world(&disk), folder(), options).unwrap();
    for number in 0..3 {
        store_letter(&store, "Ma", &letter(number, 500)).unwrap();
        store.flush();
        store.dump_base().unwrap();
    }
    assert_eq!(store.window_shortened_to(), None, "there is room");
    let space = disk.space(folder()).unwrap();
    let used = space.total_bytes - space.free_bytes;
    disk.set_capacity(Some(used + SMALL.segment_bytes / 2));
    store.space.look();
    store_letter(&store, "Mb", &letter(9, 500)).unwrap_err();
    commit(
        &store,
        Batch {
            writes: vec![put("Ma", "gone")],
            purpose: Purpose::Free,
            ..Batch::default()
        },
    )
    .unwrap();
    store.flush();
    store.dump_base().unwrap();
    let since = store.window_shortened_to();
    assert_eq!(since, store.bases.lock().first().map(|base| base.time));
    assert!(since.is_some());
    assert_eq!(store.status().unwrap().window_shortened_to, since);
}
