//! The power is cut, or the process killed, at every single change of the disk.

use super::*;
use crate::world::memory::Faults;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// What a run of the scenario left behind.
struct Run {
    /// The rows after each commit that was placed; the first entry is the empty store.
    states: Vec<Rows>,
    /// How many commits were acknowledged.
    acknowledged: usize,
    /// The letters: key and content.
    letters: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// Stores and removes letters of all sizes while the steps of the store run in between, until the
/// disk fails.
fn run(disk: &MemoryDisk, commits: u64) -> Run {
    let mut run = Run {
        states: vec![Rows::new()],
        acknowledged: 0,
        letters: BTreeMap::new(),
    };
    let Ok(store) = open(disk) else { return run };
    let mut settlements = Vec::new();
    for number in 0..commits {
        let Ok(settlement) = one_commit(&store, number, &mut run) else {
            break;
        };
        settlements.push(settlement);
        one_step(&store, number);
    }
    store.flush();
    run.acknowledged = settlements
        .iter()
        .take_while(|settlement| settlement.result() == Some(Ok(())))
        .count();
    assert!(
        settlements
            .iter()
            .skip(run.acknowledged)
            .all(|s| s.result() != Some(Ok(()))),
        "acknowledged in the order of the log"
    );
    run
}

fn one_commit(store: &Embedded, number: u64, run: &mut Run) -> Result<Settlement, StoreError> {
    let key = format!("M{:02}", number % 13);
    let mut state = run.states.last().cloned().unwrap_or_default();
    let settlement = if let Some(value) = state.get(key.as_bytes()).cloned() {
        let body = BodyNumber(u64::from_be_bytes(value[..].try_into().unwrap()));
        state.remove(key.as_bytes());
        state.remove(reference(body).as_slice());
        remove_letter(store, &key, body)?
    } else {
        let len = [300, 2_000, 9_000, 30_000][usize::try_from(number % 4).unwrap()];
        let content = letter(number, len);
        let (body, settlement) = store_letter(store, &key, &content)?;
        state.insert(key.as_bytes().to_vec(), body.0.to_be_bytes().to_vec());
        state.insert(reference(body).to_vec(), Vec::new());
        run.letters.insert(body.0.to_be_bytes().to_vec(), content);
        settlement
    };
    run.states.push(state);
    Ok(settlement)
}

fn one_step(store: &Embedded, number: u64) {
    match number % 7 {
        1 | 4 => drop(store.step_commit()),
        2 => drop(store.step_apply()),
        3 => drop(store.step_freeze()),
        5 => drop(store.step_checkpoint()),
        6 => drop(store.step_base() || store.step_collect()),
        _ => drop(store.step_collect()),
    }
}

/// The store must be that after some commit, and not before the last that was acknowledged.
fn verify(disk: &MemoryDisk, run: &Run, what: &str) {
    let store = open(disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    let found = rows(&store);
    let at = run.states.iter().rposition(|state| *state == found);
    let at = at.unwrap_or_else(|| panic!("{what}: half a commit: {found:?}"));
    assert!(
        at >= run.acknowledged,
        "{what}: {at} of {} acknowledged",
        run.acknowledged
    );
    for (key, value) in found.iter().filter(|(key, _)| key[0] == b'M') {
        let body = BodyNumber(u64::from_be_bytes(value[..].try_into().unwrap()));
        let content = store.read_body(body, 0..u64::MAX).unwrap();
        assert_eq!(
            content,
            run.letters[value],
            "{what}: letter {}",
            String::from_utf8_lossy(key)
        );
    }
    // And it takes commits again.
    commit(
        &store,
        Batch {
            writes: vec![put("Fnew", "x")],
            ..Batch::default()
        },
    )
    .unwrap();
    store.flush();
    drop(store);
    let again = open(disk).unwrap_or_else(|error| panic!("{what}, opened twice: {error}"));
    assert_eq!(rows(&again).len(), found.len() + 1, "{what}");
}

#[test]
fn nothing_acknowledged_is_lost_wherever_the_power_is_cut() {
    let whole = MemoryDisk::new();
    run(&whole, 60);
    let changes = whole.changes();
    for halt in 0..changes {
        let disk = MemoryDisk::new();
        disk.set_faults(Faults {
            halt_at: Some(halt),
            ..Faults::default()
        });
        let run = run(&disk, 60);
        verify(
            &disk.power_cut(halt * 31 + 7),
            &run,
            &format!("power cut at change {halt}"),
        );
    }
}

#[test]
fn nothing_acknowledged_is_lost_wherever_the_process_is_killed() {
    let whole = MemoryDisk::new();
    run(&whole, 60);
    for halt in (0..whole.changes()).step_by(3) {
        let disk = MemoryDisk::new();
        disk.set_faults(Faults {
            halt_at: Some(halt),
            ..Faults::default()
        });
        let run = run(&disk, 60);
        verify(&disk.image(), &run, &format!("killed at change {halt}"));
    }
}

#[test]
fn the_power_may_be_cut_while_the_store_recovers() {
    let disk = MemoryDisk::new();
    disk.set_faults(Faults {
        halt_at: Some(150),
        ..Faults::default()
    });
    let run = run(&disk, 60);
    let first = disk.power_cut(5);
    let whole = first.image();
    drop(open(&whole).unwrap());
    for halt in 0..whole.changes() {
        let again = first.image();
        again.set_faults(Faults {
            halt_at: Some(halt),
            ..Faults::default()
        });
        drop(open(&again));
        verify(
            &again.power_cut(halt),
            &run,
            &format!("second cut at change {halt}"),
        );
    }
}

#[test]
fn a_failed_sync_or_write_is_never_tried_again_and_reading_goes_on() {
    for fails_to_sync in [true, false] {
        let disk = MemoryDisk::new();
        let store = open(&disk).unwrap();
        let (first, _) = store_letter(&store, "Ma", &letter(1, 2_000)).unwrap();
        store.step_commit();
        disk.set_faults(Faults {
            fail_sync_at: fails_to_sync.then_some(disk.syncs() + 4),
            fail_write_at: (!fails_to_sync).then_some(disk.changes() + 10),
            halt_at: None,
        });
        let mut refused = None;
        for number in 0..30 {
            match store_letter(&store, &format!("M{number}"), &letter(100 + number, 2_000)) {
                Err(error) => {
                    refused = Some(error);
                    break;
                }
                Ok((_, settlement)) => {
                    store.step_commit();
                    if let Some(Err(error)) = settlement.result() {
                        assert!(matches!(error, StoreError::ReadOnly(_)));
                    }
                }
            }
        }
        assert!(
            matches!(refused, Some(StoreError::ReadOnly(_))),
            "{refused:?}"
        );
        let changes = disk.changes();
        assert!(!store.step_commit() && !store.step_apply() && !store.step_checkpoint());
        assert_eq!(disk.changes(), changes, "nothing is written any more");
        assert_eq!(
            store.read_body(first, 0..u64::MAX).unwrap(),
            letter(1, 2_000)
        );
        assert!(rows(&store).contains_key(&b"Ma"[..]));
    }
}
