//! A backup of a working store, and every way back.

use super::*;
use crate::backend::embedded::Moment;
use crate::world::Vfs;

fn backup_folder() -> &'static Path {
    Path::new("backup")
}

fn restore(from: &MemoryDisk, moment: Moment) -> Result<Arc<Embedded>, StoreError> {
    let to = world(&MemoryDisk::new());
    Embedded::restore((from, backup_folder()), to, folder(), SMALL, moment)
}

fn add(store: &Embedded, range: std::ops::Range<u64>) -> Vec<BodyNumber> {
    let stored = range.map(|number| {
        let (body, _) =
            store_letter(store, &format!("M{number:03}"), &letter(number, 5_000)).unwrap();
        store.step_commit();
        body
    });
    stored.collect()
}

fn remove(store: &Embedded, first: u64, bodies: &[BodyNumber]) {
    for (number, body) in (first..).zip(bodies) {
        remove_letter(store, &format!("M{number:03}"), *body).unwrap();
        store.step_commit();
    }
}

fn assert_same(restored: &Embedded, expected: &BTreeMap<Vec<u8>, Vec<u8>>) {
    assert_eq!(rows(restored), *expected);
    for (key, value) in expected.iter().filter(|(key, _)| key[0] == b'M') {
        let number: u64 = String::from_utf8_lossy(&key[1..]).parse().unwrap();
        let body = BodyNumber(u64::from_be_bytes(value[..].try_into().unwrap()));
        let len = if number >= 900 { 700_000 } else { 5_000 };
        assert_eq!(
            restored.read_body(body, 0..u64::MAX).unwrap(),
            letter(number, len)
        );
    }
    assert!(restored.check().unwrap().is_clean());
}

fn settle(store: &Embedded) {
    store.flush();
    while store.step_collect() {
        store.flush();
    }
}

#[test]
fn a_hot_backup_restores_to_what_was_settled() {
    let (disk, target) = (MemoryDisk::new(), MemoryDisk::new());
    let store = open(&disk).unwrap();
    add(&store, 0..30);
    store_letter(&store, "M900", &letter(900, 700_000)).unwrap();
    store.step_commit();
    let expected = rows(&store);
    commit(
        &store,
        Batch {
            writes: vec![put("Fnot", "settled")],
            ..Batch::default()
        },
    )
    .unwrap();
    let report = store.backup(&target, backup_folder()).unwrap();
    store.step_commit();
    add(&store, 30..40);
    assert!(report.files > 3);
    assert_same(&restore(&target, Moment::Latest).unwrap(), &expected);
}

#[test]
fn the_next_backup_copies_only_what_is_new() {
    let (disk, target) = (MemoryDisk::new(), MemoryDisk::new());
    let store = open(&disk).unwrap();
    add(&store, 0..60);
    let full = store.backup(&target, backup_folder()).unwrap();
    assert_eq!(store.backup(&target, backup_folder()).unwrap().files, 0);
    add(&store, 60..63);
    let expected = rows(&store);
    let increment = store.backup(&target, backup_folder()).unwrap();
    assert!(
        increment.files <= 2 && increment.bytes < full.bytes / 2,
        "{increment:?} {full:?}"
    );
    assert_same(&restore(&target, Moment::Latest).unwrap(), &expected);
}

#[test]
fn any_commit_can_be_returned_to() {
    let (disk, target) = (MemoryDisk::new(), MemoryDisk::new());
    let store = open(&disk).unwrap();
    let mut states = vec![rows(&store)];
    for number in 0..24 {
        let (body, _) =
            store_letter(&store, &format!("M{number:03}"), &letter(number, 5_000)).unwrap();
        store.step_commit();
        states.push(rows(&store));
        if number % 3 == 0 {
            remove_letter(&store, &format!("M{number:03}"), body).unwrap();
            store.step_commit();
            states.push(rows(&store));
        }
    }
    store.backup(&target, backup_folder()).unwrap();
    for (position, expected) in states.iter().enumerate() {
        let restored = restore(&target, Moment::Position(position as u64));
        // The first moment is that of the base made with the backup only when nothing was before.
        assert_same(&restored.unwrap(), expected);
    }
}

#[test]
fn a_time_can_be_returned_to_after_its_bodies_were_moved() {
    let (disk, target) = (MemoryDisk::new(), MemoryDisk::new());
    let options = Options {
        restore_window_seconds: 1_000_000,
        ..SMALL
    };
    let store = Embedded::open(world(&disk), folder(), options).unwrap();
    let first = add(&store, 0..30);
    remove(&store, 0, &first[..20]);
    settle(&store);
    store.dump_base().unwrap();
    let (then, expected) = (store.world.clock.now(), rows(&store));
    let before = disk.list(&folder().join("log")).unwrap();
    let second = add(&store, 30..40);
    remove(&store, 20, &first[20..25]); // Dead now, living then.
    settle(&store);
    let after = disk.list(&folder().join("log")).unwrap();
    assert!(
        before.iter().any(|path| !after.contains(path)),
        "a segment was reclaimed"
    );
    remove(&store, 30, &second);
    settle(&store);
    let latest = rows(&store);
    store.backup(&target, backup_folder()).unwrap();
    assert_same(&restore(&target, Moment::Time(then)).unwrap(), &expected);
    assert_same(&restore(&target, Moment::Latest).unwrap(), &latest);
}

#[test]
fn a_restored_store_goes_on_and_can_be_rebuilt() {
    let (disk, target) = (MemoryDisk::new(), MemoryDisk::new());
    let store = open(&disk).unwrap();
    add(&store, 0..20);
    store.backup(&target, backup_folder()).unwrap();
    let new_disk = MemoryDisk::new();
    let source = (&target as &dyn Vfs, backup_folder());
    let moment = Moment::Position(10);
    let restored = Embedded::restore(source, world(&new_disk), folder(), SMALL, moment).unwrap();
    add(&restored, 50..55);
    restored.flush();
    let expected = all_rows(&restored);
    let refused = open(&new_disk.image());
    assert!(
        matches!(&refused, Err(StoreError::Refused(why)) if why.contains("did not end")),
        "killed before the new epochs were there"
    );
    restored.end_restore().unwrap();
    drop(restored);
    assert_eq!(all_rows(&open(&new_disk.image()).unwrap()), expected);
    let rebuilt = Embedded::rebuild(world(&new_disk), folder(), SMALL).unwrap();
    assert_eq!(all_rows(&rebuilt), expected);
}

#[test]
fn a_damaged_or_foreign_backup_is_refused() {
    let (disk, target) = (MemoryDisk::new(), MemoryDisk::new());
    let store = open(&disk).unwrap();
    add(&store, 0..20);
    store.backup(&target, backup_folder()).unwrap();
    let segments = target.list(&backup_folder().join("log")).unwrap();
    for path in [segments.last().unwrap(), &backup_folder().join("manifest")] {
        let damaged = target.image();
        let len = damaged
            .open(path, crate::world::Open::Read)
            .unwrap()
            .len()
            .unwrap();
        assert!(damaged.flip(path, len - 40, 1));
        assert!(matches!(
            restore(&damaged, Moment::Latest),
            Err(StoreError::Corrupt(_))
        ));
    }
    let other = target.image();
    assert!(other.flip(&backup_folder().join("secret"), 3, 1));
    assert!(matches!(
        store.backup(&other, backup_folder()),
        Err(StoreError::Refused(_))
    ));
}

#[test]
fn a_check_finds_nothing_in_a_sound_store_and_every_flipped_byte_of_a_frame() {
    let disk = MemoryDisk::new();
    let store = open(&disk).unwrap();
    let bodies = add(&store, 0..40);
    remove(&store, 0, &bodies[..35]);
    settle(&store);
    store.dump_base().unwrap();
    settle(&store);
    let report = store.check().unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(
        (report.bodies, report.references, report.unreferenced),
        (5, 5, 0)
    );
    let end = *store.settled_end.lock();
    for path in disk.list(&folder().join("log")).unwrap() {
        let len = disk
            .open(&path, crate::world::Open::Read)
            .unwrap()
            .len()
            .unwrap();
        let number = crate::backend::embedded::paths::segment_number(&path).unwrap();
        let len = if number == end.segment {
            end.offset
        } else {
            len
        };
        for offset in (512..len).step_by(3_001) {
            assert!(disk.flip(&path, offset, 1));
            assert!(
                !store.check().unwrap().is_clean(),
                "{} byte {offset}",
                path.display()
            );
            assert!(disk.flip(&path, offset, 1));
        }
    }
    assert!(store.check().unwrap().is_clean());
}

#[test]
fn a_check_finds_rows_that_lead_nowhere() {
    let store = open(&MemoryDisk::new()).unwrap();
    let dangling = vec![(reference(BodyNumber(77)), Some(Bytes::new()))];
    commit(
        &store,
        Batch {
            writes: dangling,
            ..Batch::default()
        },
    )
    .unwrap();
    store.step_commit();
    let report = store.check().unwrap();
    assert_eq!(
        report.problems,
        ["body 77 is referred to but does not exist"]
    );
}

#[test]
fn status_tells_positions_and_room() {
    let store = open(&MemoryDisk::new()).unwrap();
    add(&store, 0..20);
    let status = store.status().unwrap();
    assert_eq!(
        (status.settled, status.failure.clone(), status.is_full),
        (20, None, false)
    );
    assert!(status.applied < 20 && status.memory_bytes > 0);
    store.flush();
    let status = store.status().unwrap();
    assert_eq!(
        (status.applied, status.durable, status.memory_bytes),
        (20, 20, 0)
    );
    assert!(status.segments >= 2 && status.log_bytes >= 100_000 && status.index_bytes > 0);
}
