//! What letters have in common is learned, and what was compressed by it can always be read.

use super::*;
use crate::backend::embedded::Moment;
use crate::backend::embedded::open::FORMAT_BEFORE;
use crate::world::memory::Faults;
use crate::world::{Open, Vfs};

/// Letters after which the store learns.
const ENOUGH: u64 = 2_000;

/// A letter whose fields are those of all others.
fn common(seed: u64) -> Vec<u8> {
    let words = |seed: u64, len| -> Vec<u8> {
        let bytes = letter(seed, len).into_iter();
        bytes.map(|byte| b'a' + byte % 26).collect()
    };
    let fields = (0..8).map(|field| {
        let name = words(field, 90);
        [
            &name[..],
            b": ",
            &words(seed * 8 + field + 100, 12),
            b"\r\n",
        ]
        .concat()
    });
    fields.collect::<Vec<_>>().concat()
}

fn key(seed: u64) -> String {
    format!("M{seed:05}")
}

fn add(store: &Embedded, range: std::ops::Range<u64>) {
    for seed in range {
        store_letter(store, &key(seed), &common(seed)).unwrap();
        if seed % 50 == 0 {
            store.flush();
        }
    }
    store.flush();
}

fn remove_all(store: &Embedded, is_meant: impl Fn(u64) -> bool) {
    for (name, value) in rows(store).iter().filter(|(name, _)| name[0] == b'M') {
        let name = std::str::from_utf8(name).unwrap();
        if is_meant(name[1..].parse().unwrap()) {
            let body = BodyNumber(u64::from_be_bytes(value[..].try_into().unwrap()));
            remove_letter(store, name, body).unwrap();
        }
    }
    store.flush();
}

fn settle(store: &Embedded) {
    while store.step_collect() {
        store.flush();
    }
}

fn body_of(store: &Embedded, seed: u64) -> BodyNumber {
    let value = rows(store)[key(seed).as_bytes()].clone();
    BodyNumber(u64::from_be_bytes(value[..].try_into().unwrap()))
}

fn stored_len(store: &Embedded, seed: u64) -> u64 {
    let view = store.settled_view().unwrap();
    let row = Embedded::body_row(&view, body_of(store, seed)).unwrap();
    row.unwrap().layout.stored_len
}

fn assert_read(store: &Embedded, seeds: &[u64]) {
    for &seed in seeds {
        let read = store.read_body(body_of(store, seed), 0..u64::MAX);
        assert_eq!(read.unwrap(), common(seed), "letter {seed}");
    }
}

fn dictionary(kind: &str) -> std::path::PathBuf {
    folder().join("dictionary").join(format!("0001.{kind}"))
}

/// A disk with a store that has learned: letters up to [`ENOUGH`] are from before.
fn learned() -> MemoryDisk {
    let disk = MemoryDisk::new();
    let store = open(&disk).unwrap();
    add(&store, 0..ENOUGH);
    assert!(store.step_learn());
    add(&store, ENOUGH..ENOUGH + 3);
    disk
}

#[test]
fn letters_are_shorter_once_the_store_knows_what_they_have_in_common() {
    let disk = MemoryDisk::new();
    let store = open(&disk).unwrap();
    add(&store, 0..ENOUGH - 1);
    assert!(!store.step_learn(), "too early");
    add(&store, ENOUGH - 1..ENOUGH);
    assert!(store.step_learn());
    assert!(!store.step_learn(), "not again so soon");
    add(&store, ENOUGH..ENOUGH + 1);
    assert!(stored_len(&store, ENOUGH) * 2 < stored_len(&store, 0));
    assert_read(&store, &[0, ENOUGH]);
    assert!(store.check().unwrap().is_clean());
}

#[test]
fn what_was_learned_outlives_a_power_cut_and_a_rebuild() {
    let disk = learned().power_cut(3);
    assert_read(&open(&disk).unwrap(), &[0, ENOUGH, ENOUGH + 2]);
    let store = Embedded::rebuild(world(&disk), folder(), SMALL).unwrap();
    assert!(!store.step_learn(), "it is known");
    assert_read(&store, &[0, ENOUGH, ENOUGH + 2]);
}

#[test]
fn a_power_cut_while_it_learns_costs_nothing() {
    let before = MemoryDisk::new();
    add(&open(&before).unwrap(), 0..ENOUGH);
    for change in 1..16 {
        let disk = before.image();
        let store = open(&disk).unwrap();
        disk.set_faults(Faults {
            halt_at: Some(disk.changes() + change),
            ..Faults::default()
        });
        store.step_learn();
        let _ = store_letter(&store, "M99999", &common(99_999));
        drop(store);
        let store = open(&disk.power_cut(change)).unwrap();
        assert_read(&store, &[0, ENOUGH - 1]);
        assert!(store.check().unwrap().is_clean(), "after change {change}");
    }
}

#[test]
fn a_damaged_dictionary_is_made_anew_from_its_copy() {
    for kind in ["zdict", "copy"] {
        let disk = learned();
        assert!(disk.flip(&dictionary(kind), 1_000, 1));
        let store = open(&disk).unwrap();
        assert_read(&store, &[0, ENOUGH]);
        assert!(store.check().unwrap().is_clean());
        drop(store);
        disk.remove(&dictionary(kind)).unwrap();
        assert_read(&open(&disk).unwrap(), &[0, ENOUGH]);
        assert!(disk.open(&dictionary(kind), Open::Read).is_ok());
    }
}

#[test]
fn without_its_dictionary_a_letter_is_damaged_and_all_others_are_read() {
    let disk = learned();
    for kind in ["zdict", "copy"] {
        assert!(disk.flip(&dictionary(kind), 1_000, 1));
    }
    let store = open(&disk).unwrap();
    assert_read(&store, &[0, ENOUGH - 1]);
    let read = store.read_body(body_of(&store, ENOUGH), 0..u64::MAX);
    let error = read.unwrap_err().to_string();
    assert!(error.contains("dictionary"), "{error}");
    let report = store.check().unwrap();
    assert!(
        report
            .problems
            .iter()
            .any(|told| told.contains("0001.copy"))
    );
    assert_eq!(report.damaged_bodies.len(), 3);
}

#[test]
fn a_backup_has_the_dictionary_too() {
    let (disk, target) = (learned(), MemoryDisk::new());
    let store = open(&disk).unwrap();
    let backup = Path::new("backup");
    store.backup(&target, backup).unwrap();
    let to = world(&MemoryDisk::new());
    let restored = Embedded::restore((&target, backup), to, folder(), SMALL, Moment::Latest);
    let restored = restored.unwrap();
    assert_read(&restored, &[0, ENOUGH, ENOUGH + 2]);
    assert!(restored.check().unwrap().is_clean());
}

#[test]
fn a_time_can_be_returned_to_after_letters_of_a_dictionary_were_moved() {
    let (disk, target) = (MemoryDisk::new(), MemoryDisk::new());
    let options = Options {
        restore_window_seconds: 1_000_000,
        ..SMALL
    };
    let store = Embedded::open(world(&disk), folder(), options).unwrap();
    add(&store, 0..ENOUGH);
    assert!(store.step_learn());
    add(&store, ENOUGH..ENOUGH + 1_000);
    let is_kept = |seed: &u64| seed.is_multiple_of(10);
    let kept: Vec<_> = (ENOUGH..ENOUGH + 1_000).filter(is_kept).collect();
    remove_all(&store, |seed| seed >= ENOUGH && !is_kept(&seed));
    settle(&store);
    store.dump_base().unwrap();
    let (then, before) = (store.world.clock.now(), disk.list(&folder().join("log")));
    remove_all(&store, |seed| seed == ENOUGH); // Dead now, living then.
    settle(&store);
    let after = disk.list(&folder().join("log")).unwrap();
    let is_gone = |path: &std::path::PathBuf| !after.contains(path);
    assert!(before.unwrap().iter().any(is_gone), "one was reclaimed");
    store.backup(&target, Path::new("backup")).unwrap();
    let to = world(&MemoryDisk::new());
    let from = (&target as &dyn Vfs, Path::new("backup"));
    let restored = Embedded::restore(from, to, folder(), SMALL, Moment::Time(then)).unwrap();
    assert_read(&restored, &kept);
    assert!(restored.check().unwrap().is_clean());
}

#[test]
fn a_store_of_the_format_before_is_taken_over_and_so_is_its_backup() {
    let (disk, target) = (MemoryDisk::new(), MemoryDisk::new());
    let store = open(&disk).unwrap();
    add(&store, 0..3);
    let backup = Path::new("backup");
    store.backup(&target, backup).unwrap();
    drop(store);
    for (disk, folder) in [(&disk, folder()), (&target, backup)] {
        let version = disk.open(&folder.join("version"), Open::Write).unwrap();
        version.write_at(FORMAT_BEFORE.as_bytes(), 0).unwrap();
    }
    let store = open(&disk).unwrap();
    assert_read(&store, &[0, 2]);
    store.backup(&target, backup).unwrap();
}
