//! A damaged index is told and never believed, and a rebuild cures it.

use super::*;
use crate::world::{Open, Vfs};
use std::path::PathBuf;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

const PAGE: u64 = 4096;
const LETTERS: u64 = 120;

fn index() -> PathBuf {
    folder().join("index.redb")
}

fn fill(store: &Embedded) {
    for number in 0..LETTERS {
        store_letter(store, &format!("M{number}"), &letter(number, 60)).unwrap();
        if number % 20 == 0 {
            store.flush();
        }
    }
    store.flush();
}

/// A store that was closed in good order.
fn closed_store() -> (MemoryDisk, Rows) {
    let disk = MemoryDisk::new();
    let store = open(&disk).unwrap();
    fill(&store);
    drop(store);
    let store = open(&disk).unwrap();
    let rows = all_rows(&store);
    drop(store);
    (disk, rows)
}

/// What readers see, or why they see nothing.
fn read(store: &Embedded) -> Result<Rows, StoreError> {
    let mut rows = BTreeMap::new();
    let view = store.snapshot()?;
    view.scan(&[]..&[0xff; 32], Direction::Forward, &mut |key, value| {
        rows.insert(key.to_vec(), value.to_vec());
        true
    })?;
    for (key, value) in &rows {
        assert_eq!(view.get(key)?.as_deref(), Some(&value[..]));
    }
    Ok(rows)
}

/// Places in the file, some in each page that is not empty.
fn places(disk: &MemoryDisk) -> Vec<u64> {
    let file = disk.open(&index(), Open::Read).unwrap();
    let mut places = Vec::new();
    for page in 0..file.len().unwrap() / PAGE {
        let mut content = vec![0; 4096];
        file.read_at(&mut content, page * PAGE).unwrap();
        let filled = (0..PAGE).filter(|at| content[usize::try_from(*at).unwrap()] != 0);
        let filled: Vec<u64> = filled.collect();
        let step = (filled.len() / 3).max(1);
        places.extend(filled.iter().step_by(step).map(|at| page * PAGE + at));
        places.push(page * PAGE + (page * 1_237) % PAGE);
    }
    places
}

fn is_told(error: &StoreError) -> bool {
    matches!(error, StoreError::Corrupt(text) if text.contains("a rebuild makes it anew"))
}

/// True when the damage was noticed; a wrong answer fails the test.
fn is_noticed(disk: &MemoryDisk, rows: &Rows, what: &str) -> bool {
    let store = match open(disk) {
        Ok(store) => store,
        Err(error) => {
            assert!(is_told(&error), "{what}: {error}");
            return true;
        }
    };
    let report = store.check().unwrap();
    match read(&store) {
        Ok(found) => assert_eq!(&found, rows, "{what}"),
        Err(error) => {
            assert!(is_told(&error), "{what}: {error}");
            assert!(!report.is_clean(), "{what}: {error}");
        }
    }
    !report.is_clean()
}

#[test]
fn any_flipped_bit_is_noticed_or_harmless_and_a_rebuild_cures_it() {
    let (disk, rows) = closed_store();
    let (mut noticed, mut harmless) = (0, 0);
    for place in places(&disk) {
        let damaged = disk.image();
        assert!(damaged.flip(&index(), place, 1 << (place % 8)));
        let what = format!("byte {place}");
        if is_noticed(&damaged, &rows, &what) {
            noticed += 1;
            if noticed % 5 == 0 {
                let store = Embedded::rebuild(world(&damaged), folder(), SMALL).unwrap();
                assert_eq!(all_rows(&store), rows, "{what}");
                assert!(store.check().unwrap().is_clean(), "{what}");
            }
        } else {
            harmless += 1;
        }
    }
    assert!(noticed > 20, "{noticed} noticed, {harmless} harmless");
}

#[test]
fn any_flipped_bit_of_the_header_is_noticed_or_harmless() {
    let (closed, rows) = closed_store();
    for byte in PAGE..PAGE + 330 {
        let damaged = closed.image();
        assert!(damaged.flip(&index(), byte, 1 << (byte % 8)));
        is_noticed(&damaged, &rows, &format!("byte {byte}"));
    }
}

#[test]
fn a_check_sees_what_is_wrong_on_disk_though_memory_still_knows_better() {
    let disk = MemoryDisk::new();
    let store = open(&disk).unwrap();
    fill(&store);
    assert!(store.check().unwrap().is_clean());
    let rows = all_rows(&store);
    let noticed = places(&disk).into_iter().any(|place| {
        assert!(disk.flip(&index(), place, 0x10));
        let is_clean = store.check().unwrap().is_clean();
        assert_eq!(all_rows(&store), rows, "byte {place}");
        assert!(disk.flip(&index(), place, 0x10));
        !is_clean
    });
    assert!(noticed);
    assert!(store.check().unwrap().is_clean(), "all was put right again");
}

#[test]
fn a_crash_is_no_damage() {
    let disk = MemoryDisk::new();
    let store = open(&disk).unwrap();
    for round in 0..6 {
        for number in 0..40 {
            let key = format!("M{}", number * 7 % 60);
            store_letter(&store, &key, &letter(round * 100 + number, 80)).unwrap();
        }
        match round % 3 {
            0 => store.flush(),
            1 => while store.step_commit() || store.step_freeze() || store.step_apply() {},
            _ => while store.step_commit() {},
        }
        for seed in 0..6 {
            let left = disk.power_cut(round * 10 + seed);
            let reopened = open(&left).unwrap();
            let report = reopened.check().unwrap();
            assert!(report.is_clean(), "round {round}, seed {seed}: {report:?}");
            assert!(read(&reopened).is_ok());
        }
    }
}

#[test]
fn damage_stays_told_until_the_store_is_rebuilt() {
    let disk = MemoryDisk::new();
    let forgetful = Options {
        cache_bytes: 8_192,
        ..SMALL
    };
    let store = Embedded::open(world(&disk), folder(), forgetful).unwrap();
    fill(&store);
    let rows = all_rows(&store);
    assert_eq!(store.status().unwrap().index_problem, None);
    let is_damaged = |place: u64| {
        assert!(disk.flip(&index(), place, 1));
        let is_read = read(&store).is_ok();
        if is_read {
            disk.flip(&index(), place, 1); // Nobody needs it.
        }
        !is_read
    };
    assert!(places(&disk).into_iter().any(is_damaged));
    let told = store.status().unwrap().index_problem.unwrap();
    assert!(told.contains("does not match its checksum"), "{told}");
    assert!(!store.check().unwrap().is_clean());
    drop(store);
    let store = Embedded::rebuild(world(&disk), folder(), SMALL).unwrap();
    assert_eq!(all_rows(&store), rows);
}
