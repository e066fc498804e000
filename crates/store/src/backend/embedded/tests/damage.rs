//! Bit rot is told, never skipped.

use super::*;
use crate::world::{Open, Vfs};
use std::path::PathBuf;

/// A closed store with some letters, whose index knows nothing of the last ones.
fn closed_store() -> MemoryDisk {
    let disk = MemoryDisk::new();
    let store = open(&disk).unwrap();
    for number in 0..4 {
        store_letter(&store, &format!("M{number}"), &letter(number, 3_000)).unwrap();
        store.step_commit();
    }
    disk
}

fn segment(disk: &MemoryDisk) -> PathBuf {
    disk.list(&folder().join("log")).unwrap().remove(0)
}

/// Bodies that cannot be read any more.
fn lost_bodies(store: &Embedded) -> Vec<BodyNumber> {
    let letters = rows(store);
    let numbers = letters.iter().filter(|(key, _)| key.starts_with(b"M"));
    let numbers = numbers.map(|(_, value)| u64::from_be_bytes(value[..].try_into().unwrap()));
    let is_lost = |number: &BodyNumber| store.read_body(*number, 0..u64::MAX).is_err();
    numbers.map(BodyNumber).filter(is_lost).collect()
}

/// True when a flipped bit took a body and nothing else, false when the store says that it cannot
/// be opened. All else fails the test.
fn takes_only_a_body(damaged: &MemoryDisk, letters: usize, what: &str) -> bool {
    let store = match open(damaged) {
        Ok(store) => store,
        Err(StoreError::Corrupt(text)) if text.contains("segment 1") => return false,
        Err(error) => panic!("{what}: {error}"),
    };
    assert_eq!(rows(&store).len(), letters * 2, "{what}");
    let lost = lost_bodies(&store);
    assert_eq!(lost.len(), 1, "{what}");
    assert_eq!(store.check().unwrap().damaged_bodies, lost, "{what}");
    assert_eq!(store.status().unwrap().damaged_frames, 1, "{what}");
    true
}

#[test]
fn damage_before_a_good_frame_takes_one_body_or_is_reported() {
    let disk = closed_store();
    let path = segment(&disk);
    let (mut lost, mut refused) = (0, 0);
    for offset in (512..9_000).step_by(61) {
        let damaged = disk.image();
        assert!(damaged.flip(&path, offset, 0x04));
        if takes_only_a_body(&damaged, 4, &format!("byte {offset}")) {
            lost += 1;
        } else {
            refused += 1;
        }
    }
    assert!(lost > 100 && refused > 3, "{lost} lost, {refused} refused");
}

#[test]
fn damage_before_a_known_end_is_reported_even_in_the_last_frame() {
    let disk = closed_store();
    let path = segment(&disk);
    let clean = disk.image();
    drop(open(&clean).unwrap()); // Begins a segment that names the end of this one.
    clean.vfs_remove_index().unwrap();
    let end = clean.open(&path, Open::Read).unwrap().len().unwrap();
    for offset in (end - 3_000..end).step_by(97) {
        let damaged = clean.image();
        assert!(damaged.flip(&path, offset, 0x40));
        takes_only_a_body(&damaged, 4, &format!("byte {offset}"));
    }
}

#[test]
fn a_rebuild_goes_on_over_a_damaged_body() {
    let disk = closed_store();
    let store = open(&disk).unwrap();
    let before = rows(&store);
    store.flush();
    drop(store);
    assert!(disk.flip(&segment(&disk), 2_000, 1));
    let store = Embedded::rebuild(world(&disk), folder(), SMALL).unwrap();
    assert_eq!(rows(&store), before, "every letter is still listed");
    assert_eq!(lost_bodies(&store), [BodyNumber(1)]);
    let report = store.check().unwrap();
    assert_eq!(report.damaged_bodies, [BodyNumber(1)]);
    assert_eq!(
        report.problems.len(),
        2,
        "the frame and the body: {report:?}"
    );
}

trait RemoveIndex {
    fn vfs_remove_index(&self) -> std::io::Result<()>;
}

impl RemoveIndex for MemoryDisk {
    fn vfs_remove_index(&self) -> std::io::Result<()> {
        self.remove(&folder().join("index.redb"))
    }
}

#[test]
fn a_torn_last_frame_is_only_the_end() {
    let disk = closed_store();
    let path = segment(&disk);
    let len = {
        let clean = disk.image();
        drop(open(&clean).unwrap());
        clean.open(&path, Open::Read).unwrap().len().unwrap()
    };
    let torn = disk.image();
    assert!(torn.flip(&path, len - 100, 1));
    assert_eq!(
        rows(&open(&torn).unwrap()).len(),
        6,
        "three of four letters, with their references"
    );
}

#[test]
fn a_damaged_segment_header_is_reported() {
    let disk = closed_store();
    let damaged = disk.image();
    assert!(damaged.flip(&segment(&disk), 20, 1));
    assert!(matches!(open(&damaged), Err(StoreError::Corrupt(_))));
}

#[test]
fn a_damaged_body_is_refused_and_never_returned() {
    let disk = MemoryDisk::new();
    let store = open(&disk).unwrap();
    let (body, _) = store_letter(&store, "Ma", &letter(1, 9_000)).unwrap();
    store.flush();
    assert!(disk.flip(&segment(&disk), 5_000, 1));
    assert!(matches!(
        store.read_body(body, 0..10),
        Err(StoreError::Corrupt(_))
    ));
}

#[test]
fn a_missing_segment_secret_or_version_is_reported() {
    let disk = closed_store();
    let without_version = disk.image();
    without_version.remove(&folder().join("version")).unwrap();
    assert!(matches!(
        open(&without_version),
        Err(StoreError::Corrupt(_))
    ));
    let without_secret = disk.image();
    without_secret.remove(&folder().join("secret")).unwrap();
    assert!(matches!(open(&without_secret), Err(StoreError::Corrupt(_))));
    let store = open(&disk).unwrap();
    store_letter(&store, "Mx", &letter(9, 100)).unwrap();
    store.flush();
    drop(store);
    disk.remove(&segment(&disk)).unwrap();
    disk.vfs_remove_index().unwrap();
    assert!(matches!(open(&disk), Err(StoreError::Corrupt(_))));
}

/// A store with a base, of which the log has three segments: before the base, behind it, and a new
/// one.
fn store_with_a_base() -> MemoryDisk {
    let disk = closed_store();
    for number in 10..12 {
        let store = open(&disk).unwrap();
        store_letter(&store, &format!("M{number}"), &letter(number, 3_000)).unwrap();
        store.flush();
        if number == 10 {
            store.dump_base().unwrap();
        }
    }
    drop(open(&disk).unwrap());
    disk
}

fn segments(disk: &MemoryDisk) -> Vec<PathBuf> {
    let mut paths = disk.list(&folder().join("log")).unwrap();
    paths.sort();
    paths
}

#[test]
fn what_is_behind_a_base_is_never_forgotten_however_often_it_is_opened() {
    let disk = store_with_a_base();
    let behind_the_base = segments(&disk).remove(2);
    disk.remove(&behind_the_base).unwrap();
    for attempt in 0..3 {
        let rebuilt = Embedded::rebuild(world(&disk), folder(), SMALL);
        assert!(matches!(rebuilt, Err(StoreError::Corrupt(_))), "{attempt}");
    }
    disk.vfs_remove_index().unwrap();
    for attempt in 0..3 {
        let opened = open(&disk);
        assert!(matches!(opened, Err(StoreError::Corrupt(_))), "{attempt}");
    }
}

#[test]
fn a_rebuild_that_fails_leaves_the_index_that_there_was() {
    let disk = store_with_a_base();
    let before = rows(&open(&disk).unwrap());
    assert!(disk.flip(&segments(&disk)[2], 530, 1)); // In the header of a frame.
    assert!(Embedded::rebuild(world(&disk), folder(), SMALL).is_err());
    let store = open(&disk).unwrap();
    assert_eq!(rows(&store), before);
    assert!(!store.check().unwrap().is_clean());
}

#[test]
fn a_check_tells_of_a_segment_that_only_a_rebuild_needs() {
    let disk = store_with_a_base();
    let store = open(&disk).unwrap();
    store_letter(&store, "My", &letter(20, 100)).unwrap();
    store.flush();
    drop(store);
    disk.remove(&segments(&disk)[2]).unwrap();
    let report = open(&disk).unwrap().check().unwrap();
    assert_eq!(
        report.problems.first().map(String::as_str),
        Some("stored data is damaged: segment 3 of the log is missing")
    );
}

#[test]
fn a_base_of_a_store_that_was_only_read_since_can_be_rebuilt_from() {
    let disk = MemoryDisk::new();
    let store = open(&disk).unwrap();
    store_letter(&store, "M1", &letter(1, 500)).unwrap();
    store.flush();
    let expected = rows(&store);
    drop(store);
    let store = open(&disk).unwrap();
    store.dump_base().unwrap();
    store.flush();
    drop(store);
    drop(open(&disk).unwrap());
    let rebuilt = Embedded::rebuild(world(&disk), folder(), SMALL).unwrap();
    assert_eq!(rows(&rebuilt), expected);
}
