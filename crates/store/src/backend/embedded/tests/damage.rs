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

#[test]
fn a_damaged_frame_before_a_good_one_is_reported() {
    let disk = closed_store();
    let path = segment(&disk);
    for offset in (512..9_000).step_by(61) {
        let damaged = disk.image();
        assert!(damaged.flip(&path, offset, 0x04));
        let error = open(&damaged).err();
        assert!(
            matches!(&error, Some(StoreError::Corrupt(text)) if text.contains("segment 1")),
            "byte {offset}: {error:?}"
        );
    }
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
        assert!(
            matches!(open(&damaged), Err(StoreError::Corrupt(_))),
            "byte {offset}"
        );
    }
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
fn a_missing_segment_or_secret_is_reported() {
    let disk = closed_store();
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
