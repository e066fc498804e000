//! What sketches promise: never too narrow, and after a crash behind but never wrong.

use super::*;
use crate::world::memory::{Faults, MemoryDisk};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::PathBuf;

const ACCOUNT: AccountId = AccountId(7);

fn folder() -> PathBuf {
    PathBuf::from("/search")
}

fn open(disk: &MemoryDisk) -> Sketches {
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    Sketches::open(&vfs, &folder()).unwrap()
}

/// Feeds what nobody has had forgotten meanwhile.
fn feed(
    sketches: &Sketches,
    account: AccountId,
    letters: Vec<(ItemKey, Sketch)>,
    mark: Option<Mark>,
) {
    let forgotten = sketches.known(account).forgotten;
    assert!(sketches.feed(account, forgotten, letters, mark));
}

fn mark(change: u64) -> Mark {
    Mark {
        epoch: 1,
        change: ChangeSeq(change),
    }
}

/// Grams well spread, as their hashes are.
fn gram(number: u64) -> u32 {
    let bytes = *blake3::hash(&number.to_le_bytes()).as_bytes();
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn sketch(grams: impl IntoIterator<Item = u64>) -> Sketch {
    let grams: Vec<u64> = grams.into_iter().collect();
    let mut all = Grams::default();
    all.expect(grams.len());
    let mut adding = all.adding(grams.len());
    for number in grams {
        adding.add(gram(number));
    }
    all.take()
}

/// However large the set was in which the grams were collected.
#[test]
fn a_sketch_has_two_to_four_bits_for_each_gram() {
    for grams in [300, 3_000, 30_000, 300_000] {
        let sketch = sketch((0..grams).chain(0..grams));
        let bits = u64::try_from(sketch.class.bits()).unwrap();
        let wanted = grams * 2..=grams * 5;
        assert!(wanted.contains(&bits), "{bits} for {grams}");
        let others = (1_000_000..1_001_000).map(gram);
        let lacking = others.filter(|&gram| !sketch.may_have(&[gram])).count();
        assert!((600..900).contains(&lacking), "{lacking} for {grams}");
    }
}

fn with(grams: &[u64]) -> Condition {
    let grams = grams.iter().map(|&number| gram(number)).collect();
    Condition::new(vec![Step::Grams(grams)])
}

fn items(sketches: &Sketches, condition: &Condition) -> Vec<u64> {
    let found = sketches.narrow(ACCOUNT, condition).unwrap().unwrap();
    found.items.iter().map(|item| item.0).collect()
}

/// Letter `n` has a gram of its own and one that it shares with every tenth.
fn letter(number: u64) -> (ItemKey, Sketch) {
    (ItemKey(number), sketch([1_000_000 + number, number % 10]))
}

#[test]
fn an_unknown_account_is_not_narrowed() {
    let sketches = open(&MemoryDisk::new());
    assert_eq!(sketches.narrow(ACCOUNT, &with(&[1])), Ok(None));
    feed(&sketches, ACCOUNT, vec![letter(1)], None);
    assert_eq!(sketches.narrow(ACCOUNT, &with(&[1])), Ok(None));
}

#[test]
fn what_has_the_grams_is_found_before_and_after_it_was_written_and_read_again() {
    let disk = MemoryDisk::new();
    let sketches = open(&disk);
    for number in 1..=300 {
        feed(&sketches, ACCOUNT, vec![letter(number)], Some(mark(number)));
        if number % 7 == 0 {
            sketches.settle().unwrap();
        }
    }
    let check = |sketches: &Sketches| {
        assert!(items(sketches, &with(&[1_000_123])).contains(&123));
        let tenth = items(sketches, &with(&[3]));
        assert!(
            (1..=300)
                .filter(|n| n % 10 == 3)
                .all(|n| tenth.contains(&n))
        );
        assert!(items(sketches, &with(&[1_000_123, 3])).len() < 10);
    };
    check(&sketches);
    assert!(sketches.pending_bytes() > 0);
    sketches.settle().unwrap();
    assert_eq!(sketches.pending_bytes(), 0);
    check(&sketches);
    drop(sketches);
    let sketches = open(&disk);
    check(&sketches);
    assert_eq!(sketches.known(ACCOUNT).mark, Some(mark(300)));
    assert_eq!(sketches.known(ACCOUNT).sketches, 300);
}

#[test]
fn demands_are_joined() {
    let sketches = open(&MemoryDisk::new());
    let letters = (1..=40).map(letter).collect();
    feed(&sketches, ACCOUNT, letters, Some(mark(40)));
    let grams = |number| Step::Grams(vec![gram(number)]);
    let any = Condition::new(vec![grams(1_000_001), grams(1_000_002), Step::Any(2)]);
    let found = items(&sketches, &any);
    assert!(found.contains(&1) && found.contains(&2) && found.len() < 20);
    let both = Condition::new(vec![grams(1_000_011), grams(1), Step::All(2)]);
    assert!(items(&sketches, &both).contains(&11));
    assert!(both.is_met(|_| true) && !both.is_met(|grams| grams == [gram(1)]));
    assert!(any.is_met(|grams| grams == [gram(1_000_002)]));
    // Nothing demanded is met by all.
    assert_eq!(
        items(&sketches, &Condition::new(vec![Step::All(0)])).len(),
        40
    );
}

#[test]
fn a_text_too_rich_for_a_sketch_is_always_a_candidate() {
    let disk = MemoryDisk::new();
    let sketches = open(&disk);
    let rich = sketch(0..900_000);
    assert_eq!(rich, Sketch::opaque());
    feed(
        &sketches,
        ACCOUNT,
        vec![(ItemKey(5), rich), letter(6)],
        Some(mark(1)),
    );
    assert_eq!(items(&sketches, &with(&[77, 78, 79, 80, 81, 82, 83])), [5]);
    sketches.settle().unwrap();
    assert_eq!(items(&sketches, &with(&[77, 78, 79, 80, 81, 82, 83])), [5]);
}

#[test]
fn a_forgotten_account_begins_anew_and_the_others_stay() {
    let disk = MemoryDisk::new();
    let sketches = open(&disk);
    let other = AccountId(ACCOUNT.0 + SHARDS);
    feed(&sketches, ACCOUNT, vec![letter(1)], Some(mark(1)));
    feed(&sketches, other, vec![letter(1)], Some(mark(1)));
    sketches.settle().unwrap();
    sketches.forget(ACCOUNT);
    assert_eq!(sketches.narrow(ACCOUNT, &with(&[1])), Ok(None));
    feed(&sketches, ACCOUNT, vec![letter(2)], Some(mark(2)));
    assert_eq!(items(&sketches, &with(&[2])), [2]);
    sketches.settle().unwrap();
    assert_eq!(items(&open(&disk), &with(&[2])), [2]);
    assert!(sketches.narrow(other, &with(&[1])).unwrap().is_some());
}

#[test]
fn a_damaged_pack_is_noticed_and_its_account_forgotten() {
    let disk = MemoryDisk::new();
    let sketches = open(&disk);
    feed(
        &sketches,
        ACCOUNT,
        (1..=64).map(letter).collect(),
        Some(mark(64)),
    );
    sketches.settle().unwrap();
    let is_pack = |path: &PathBuf| path.extension().is_some_and(|end| end == "pack");
    let pack = disk.paths().into_iter().find(is_pack).unwrap();
    for offset in 0..20_000 {
        disk.flip(&pack, offset, 1);
    }
    assert!(sketches.narrow(ACCOUNT, &with(&[3])).is_err());
    assert_eq!(sketches.narrow(ACCOUNT, &with(&[3])), Ok(None));
}

#[test]
fn space_of_what_was_forgotten_is_given_back() {
    let disk = MemoryDisk::new();
    let sketches = open(&disk);
    let rich = || (ItemKey(1), sketch(0..200_000));
    let size = |disk: &MemoryDisk| -> u64 {
        let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
        let len = |path: PathBuf| vfs.open(&path, crate::world::Open::Read).unwrap().len();
        disk.paths()
            .into_iter()
            .map(|path| len(path).unwrap())
            .sum()
    };
    for round in 1..=110 {
        sketches.forget(ACCOUNT);
        feed(&sketches, ACCOUNT, vec![rich()], Some(mark(round)));
        sketches.settle().unwrap();
    }
    assert!(size(&disk) < 24 * 1024 * 1024, "{}", size(&disk));
    assert_eq!(items(&open(&disk), &with(&[17])), [1]);
}

#[test]
fn after_a_power_cut_at_any_moment_it_is_behind_but_never_wrong() {
    let rounds = |disk: &MemoryDisk| {
        let sketches = open(disk);
        let mut settled = 0;
        for round in 0..8 {
            let numbers = round * 9 + 1..=round * 9 + 9;
            let last = mark(*numbers.end());
            feed(
                &sketches,
                ACCOUNT,
                numbers.map(letter).collect(),
                Some(last),
            );
            if sketches.settle().is_ok() {
                settled = last.change.0;
            }
        }
        settled
    };
    let whole = MemoryDisk::new();
    open(&whole);
    let before = whole.changes();
    rounds(&whole);
    for halt_at in before..whole.changes() {
        let disk = MemoryDisk::new();
        open(&disk);
        disk.set_faults(Faults {
            halt_at: Some(halt_at),
            ..Faults::default()
        });
        let settled = rounds(&disk);
        let sketches = open(&disk.power_cut(halt_at));
        let known = sketches.known(ACCOUNT).mark.map_or(0, |mark| mark.change.0);
        assert!(known >= settled, "{known} of {settled} at {halt_at}");
        for number in 1..=known {
            assert!(items(&sketches, &with(&[1_000_000 + number])).contains(&number));
        }
    }
}

#[test]
fn a_full_disk_leaves_everything_as_it_was() {
    let disk = MemoryDisk::new();
    let sketches = open(&disk);
    feed(&sketches, ACCOUNT, vec![letter(1)], Some(mark(1)));
    sketches.settle().unwrap();
    disk.set_capacity(Some(1));
    feed(
        &sketches,
        ACCOUNT,
        (2..=900).map(letter).collect(),
        Some(mark(900)),
    );
    assert!(sketches.settle().is_err());
    assert!(items(&sketches, &with(&[1_000_700])).contains(&700));
    disk.set_capacity(None);
    sketches.settle().unwrap();
    assert!(items(&open(&disk), &with(&[1_000_700])).contains(&700));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever was fed, in whatever pieces: what has all grams of a question is in the answer.
    #[test]
    fn the_answer_is_never_too_narrow(
        texts in prop::collection::vec(prop::collection::vec(0_u64..400, 0..600), 1..60),
        settle_every in 1_usize..9,
        question in prop::collection::vec(0_u64..400, 0..4),
    ) {
        let sketches = open(&MemoryDisk::new());
        for (number, text) in texts.iter().enumerate() {
            let fed = (ItemKey(number as u64), sketch(text.iter().copied()));
            feed(&sketches, ACCOUNT, vec![fed], Some(mark(number as u64 + 1)));
            if number % settle_every == 0 {
                sketches.settle().unwrap();
            }
        }
        let found: BTreeSet<u64> = items(&sketches, &with(&question)).into_iter().collect();
        for (number, text) in texts.iter().enumerate() {
            if question.iter().all(|gram| text.contains(gram)) {
                prop_assert!(found.contains(&(number as u64)));
            }
        }
    }

    /// Bytes that are no manifest are refused, never followed.
    #[test]
    fn a_damaged_manifest_is_refused(at in 0_usize..400, mask in 1_u8..) {
        let place = |number: u32| manifest::Place {
            shape: block::Shape { class: sketch([1]).class, items: 9 },
            pack: number,
            offset: 17,
        };
        let entry = manifest::Entry { mark: Some(mark(5)), blocks: (0..60).map(place).collect() };
        let whole = manifest::Manifest([(ACCOUNT, entry)].into());
        let mut bytes = whole.encode();
        prop_assert_eq!(manifest::Manifest::decode(&bytes).unwrap(), whole);
        let at = at % bytes.len();
        bytes[at] ^= mask;
        prop_assert!(manifest::Manifest::decode(&bytes).is_err());
    }
}

#[test]
fn what_was_begun_before_an_account_was_forgotten_is_not_taken() {
    let sketches = open(&MemoryDisk::new());
    let begun = sketches.known(ACCOUNT).forgotten;
    assert!(sketches.feed(ACCOUNT, begun, vec![letter(1)], None));
    sketches.forget(ACCOUNT);
    assert!(!sketches.feed(ACCOUNT, begun, vec![letter(2)], Some(mark(2))));
    sketches.settle().unwrap();
    assert!(!sketches.feed(ACCOUNT, begun, vec![letter(2)], Some(mark(2))));
    assert_eq!(sketches.narrow(ACCOUNT, &with(&[1])), Ok(None));
    feed(
        &sketches,
        ACCOUNT,
        vec![letter(1), letter(2)],
        Some(mark(2)),
    );
    assert_eq!(items(&sketches, &with(&[1_000_002])), [2]);
}
