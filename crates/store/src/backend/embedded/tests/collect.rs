//! Dead bodies go, their room is given back, and nothing else changes.

use super::*;
use crate::world::Vfs;

/// Runs all steps until none has anything to do.
fn settle(store: &Embedded) {
    for _ in 0..1_000 {
        store.flush();
        if !store.step_collect() {
            return;
        }
    }
    panic!("the collector never ends");
}

fn log_bytes(disk: &MemoryDisk) -> u64 {
    let segments = disk.list(&folder().join("log")).unwrap();
    let len = |path: &std::path::PathBuf| {
        disk.open(path, crate::world::Open::Read)
            .unwrap()
            .len()
            .unwrap()
    };
    segments.iter().map(len).sum()
}

/// Stores 60 letters of 9 KB and removes those that `removed` says.
fn store_with(disk: &MemoryDisk, removed: impl Fn(u64) -> bool) -> Arc<Embedded> {
    let store = open(disk).unwrap();
    let mut bodies = Vec::new();
    for number in 0..60 {
        let (body, _) =
            store_letter(&store, &format!("M{number:02}"), &letter(number, 9_000)).unwrap();
        bodies.push(body);
        store.step_commit();
    }
    for (number, body) in (0..).zip(bodies) {
        if removed(number) {
            remove_letter(&store, &format!("M{number:02}"), body).unwrap();
        }
    }
    store.flush();
    store
}

fn assert_letters(store: &Embedded, living: impl Fn(u64) -> bool) {
    for number in 0..60_u64 {
        let row = store
            .snapshot()
            .unwrap()
            .get(format!("M{number:02}").as_bytes())
            .unwrap();
        assert_eq!(row.is_some(), living(number), "letter {number}");
        if let Some(row) = row {
            let body = BodyNumber(u64::from_be_bytes(row[..].try_into().unwrap()));
            let content = store.read_body(body, 0..u64::MAX).unwrap();
            assert_eq!(content, letter(number, 9_000), "letter {number}");
        }
    }
}

#[test]
fn a_dead_body_loses_its_rows_and_a_living_one_keeps_them() {
    let store = store_with(&MemoryDisk::new(), |number| number % 2 == 0);
    let count = |tag| all_rows(&store).keys().filter(|key| key[0] == tag).count();
    assert_eq!((count(b'B'), count(b'H')), (60, 60));
    settle(&store);
    assert_eq!((count(b'B'), count(b'H')), (30, 30));
    assert_letters(&store, |number| number % 2 == 1);
}

/// All that waits at one moment is written as one, over as many segments as it takes.
#[test]
fn what_is_left_of_commits_written_together_is_no_damage() {
    let disk = MemoryDisk::new();
    let store = open(&disk).unwrap();
    let name = |number| format!("M{number:02}");
    let store_one = |number| store_letter(&store, &name(number), &letter(number, 9_000)).unwrap();
    let bodies: Vec<_> = (0..20).map(|number| store_one(number).0).collect();
    store.flush();
    for (number, body) in (0..).zip(bodies) {
        remove_letter(&store, &name(number), body).unwrap();
    }
    settle(&store);
    let before = log_bytes(&disk);
    store.dump_base().unwrap();
    settle(&store);
    assert!(log_bytes(&disk) < before, "all segments are still there");
    let report = store.check().unwrap();
    assert!(report.is_clean(), "{:?}", report.problems);
}

#[test]
fn a_body_that_someone_holds_is_not_dead() {
    let store = open(&MemoryDisk::new()).unwrap();
    let (body, _) = store_letter(&store, "Ma", &letter(1, 5_000)).unwrap();
    store.flush();
    let twin = stage(&store, &letter(1, 5_000)).unwrap();
    assert_eq!(twin.number, body);
    remove_letter(&store, "Ma", body).unwrap();
    settle(&store);
    let writes = vec![(reference(body), Some(Bytes::new()))];
    commit(
        &store,
        Batch {
            writes,
            bodies: vec![twin],
            ..Batch::default()
        },
    )
    .unwrap();
    settle(&store);
    assert_eq!(
        store.read_body(body, 0..u64::MAX).unwrap(),
        letter(1, 5_000)
    );
}

#[test]
fn a_new_reference_to_a_body_that_went_is_a_conflict() {
    let store = open(&MemoryDisk::new()).unwrap();
    let (body, _) = store_letter(&store, "Ma", &letter(1, 5_000)).unwrap();
    store.flush();
    remove_letter(&store, "Ma", body).unwrap();
    settle(&store);
    let writes = vec![(reference(body), Some(Bytes::new()))];
    let refused = commit(
        &store,
        Batch {
            writes,
            ..Batch::default()
        },
    );
    assert_eq!(refused.unwrap_err(), StoreError::Conflict);
}

#[test]
fn dead_bodies_are_found_after_a_restart() {
    let disk = MemoryDisk::new();
    drop(store_with(&disk, |number| number < 50));
    let store = open(&disk).unwrap();
    settle(&store);
    assert_eq!(
        all_rows(&store).keys().filter(|key| key[0] == b'B').count(),
        10
    );
}

#[test]
fn room_is_given_back_and_a_rebuild_gives_the_same_store() {
    let disk = MemoryDisk::new();
    let store = store_with(&disk, |number| number % 10 != 0);
    settle(&store);
    let before = log_bytes(&disk);
    store.dump_base().unwrap();
    settle(&store);
    assert!(
        log_bytes(&disk) < before / 2,
        "{} of {before}",
        log_bytes(&disk)
    );
    assert_letters(&store, |number| number % 10 == 0);
    let rows = all_rows(&store);
    drop(store);

    let reopened = open(&disk.image()).unwrap();
    assert_eq!(all_rows(&reopened), rows);
    let rebuilt = Embedded::rebuild(world(&disk), folder(), SMALL).unwrap();
    assert_eq!(
        all_rows(&rebuilt),
        rows,
        "from the base, the frames after it and the living bodies"
    );
    assert_letters(&rebuilt, |number| number % 10 == 0);
}

#[test]
fn many_rounds_of_storing_and_removing_need_no_more_room() {
    let disk = MemoryDisk::new();
    let mut sizes = Vec::new();
    for _ in 0..4 {
        let store = store_with(&disk, |_| true);
        store.dump_base().unwrap();
        settle(&store);
        store.dump_base().unwrap();
        settle(&store);
        sizes.push(log_bytes(&disk));
        let rows = all_rows(&store);
        drop(store);
        let rebuilt = Embedded::rebuild(world(&disk), folder(), SMALL).unwrap();
        assert_eq!(all_rows(&rebuilt), rows);
    }
    assert!(sizes[3] <= sizes[0] + SMALL.segment_bytes * 2, "{sizes:?}");
}

#[test]
fn large_bodies_lose_their_files_once_no_moment_needs_them() {
    let disk = MemoryDisk::new();
    let store = open(&disk).unwrap();
    let (body, _) = store_letter(&store, "Ma", &letter(1, 700_000)).unwrap();
    let (kept, _) = store_letter(&store, "Mb", &letter(2, 700_000)).unwrap();
    let files = || {
        disk.paths()
            .iter()
            .filter(|path| path.extension() == Some("zst".as_ref()))
            .count()
    };
    settle(&store);
    assert_eq!(files(), 2);
    remove_letter(&store, "Ma", body).unwrap();
    settle(&store);
    store.dump_base().unwrap();
    settle(&store);
    assert_eq!(files(), 1);
    assert_eq!(
        store.read_body(kept, 0..u64::MAX).unwrap(),
        letter(2, 700_000)
    );
}

#[test]
fn the_power_may_be_cut_at_every_change_of_a_reclaim() {
    let living = |number: u64| number.is_multiple_of(10);
    let start = MemoryDisk::new();
    drop(store_with(&start, |number| !living(number)));
    let reclaim = |disk: &MemoryDisk| {
        let Ok(store) = open(disk) else { return };
        settle(&store);
        let _ = store.dump_base();
        settle(&store);
    };
    let whole = start.image();
    reclaim(&whole);
    for halt in 0..whole.changes() {
        let disk = start.image();
        disk.set_faults(crate::world::memory::Faults {
            halt_at: Some(halt),
            ..Default::default()
        });
        reclaim(&disk);
        let left = disk.power_cut(halt + 3);
        let store = open(&left).unwrap_or_else(|error| panic!("cut at {halt}: {error}"));
        assert_letters(&store, living);
        let rows = all_rows(&store);
        drop(store);
        let rebuilt = Embedded::rebuild(world(&left), folder(), SMALL)
            .unwrap_or_else(|error| panic!("rebuild after cut at {halt}: {error}"));
        assert_eq!(all_rows(&rebuilt), rows, "cut at {halt}");
        assert_letters(&rebuilt, living);
    }
}
