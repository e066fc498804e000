//! What every backend promises, as one suite: [`run`] takes a factory and holds each new store to
//! every rule.
//!
//! Knows nothing of the model beyond the reference rows (`R body …`), by which a backend knows what
//! lives.

use bytes::Bytes;
use parking_lot::Mutex;
use std::ops::Range;
use std::sync::Arc;
use store::StoreError;
use store::backend::{
    Backend, Batch, Direction, KEY_BYTES_MAX, Key, Purpose, Read, Settlement, StagedBody,
    VALUE_BYTES_MAX,
};
use store::id::{AccountId, BodyNumber};

/// A store of its own for one rule, with whatever must live as long (a folder, a thread).
pub struct Fixture {
    pub backend: Arc<dyn Backend>,
    pub keep: Box<dyn std::any::Any>,
}

type Rule = (&'static str, fn(&dyn Backend));

const RULES: &[Rule] = &[
    (
        "a commit is seen whole or not at all",
        a_commit_is_seen_whole_or_not_at_all,
    ),
    (
        "a snapshot does not see later commits",
        a_snapshot_does_not_see_later_commits,
    ),
    (
        "a transaction sees what was placed before",
        a_transaction_sees_what_was_placed_before,
    ),
    (
        "a dropped transaction leaves nothing and frees its accounts",
        a_dropped_transaction,
    ),
    ("later writes of a batch win", later_writes_of_a_batch_win),
    ("a removed key is gone", a_removed_key_is_gone),
    (
        "scans go both ways and stop when told",
        scans_go_both_ways_and_stop_when_told,
    ),
    (
        "scans of empty and reversed ranges visit nothing",
        scans_of_empty_ranges,
    ),
    (
        "scans cross what was written at different times",
        scans_cross_generations,
    ),
    (
        "many keys are read in their order",
        many_keys_are_read_in_their_order,
    ),
    ("keys and values have limits", keys_and_values_have_limits),
    (
        "an empty value is not a missing one",
        an_empty_value_is_not_a_missing_one,
    ),
    ("a body is read by ranges", a_body_is_read_by_ranges),
    ("a large body survives", a_large_body_survives),
    ("equal bodies have one number", equal_bodies_have_one_number),
    (
        "a staged body is read before its commit",
        a_staged_body_is_read_before_its_commit,
    ),
    (
        "watchers hear of settled commits",
        watchers_hear_of_settled_commits,
    ),
    (
        "writers of one account follow one another",
        writers_of_one_account_follow_one_another,
    ),
    (
        "transactions over several accounts do not lock one another",
        several_accounts,
    ),
    (
        "an empty batch takes no place",
        an_empty_batch_takes_no_place,
    ),
];

/// Holds a backend to every rule.
pub fn run(factory: &dyn Fn() -> Fixture) {
    for (name, rule) in RULES {
        println!("rule: {name}");
        let fixture = factory();
        rule(fixture.backend.as_ref());
        drop(fixture.keep);
    }
}

const ONE: AccountId = AccountId(1);
const TWO: AccountId = AccountId(2);

fn put(key: &[u8], value: &[u8]) -> (Key, Option<Bytes>) {
    (Key::from_slice(key), Some(Bytes::copy_from_slice(value)))
}

fn batch(writes: Vec<(Key, Option<Bytes>)>) -> Batch {
    Batch {
        writes,
        changed: vec![ONE],
        purpose: Purpose::Store,
        ..Batch::default()
    }
}

fn commit(backend: &dyn Backend, batch: Batch) -> Settlement {
    backend.begin(&[ONE]).unwrap().commit(batch).unwrap()
}

fn write(backend: &dyn Backend, writes: Vec<(Key, Option<Bytes>)>) {
    commit(backend, batch(writes)).wait().unwrap();
}

fn value(read: &dyn Read, key: &[u8]) -> Option<Vec<u8>> {
    read.get(key).unwrap().map(|value| value.to_vec())
}

fn scan(read: &dyn Read, range: Range<&[u8]>, direction: Direction, limit: usize) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    if limit == 0 {
        return keys;
    }
    read.scan(range, direction, &mut |key, value| {
        assert_eq!(value, [b"=", key].concat(), "the value belongs to its key");
        keys.push(key.to_vec());
        keys.len() < limit
    })
    .unwrap();
    keys
}

fn stage(backend: &dyn Backend, bytes: &[u8]) -> Arc<StagedBody> {
    let mut spool = backend.spool().unwrap();
    for chunk in bytes.chunks(70_000) {
        spool.write(chunk).unwrap();
    }
    assert_eq!(spool.len(), bytes.len() as u64);
    Arc::new(spool.finish().unwrap())
}

/// The row by which a body lives.
fn reference(body: BodyNumber, object: u64) -> Key {
    let tail = object.to_be_bytes();
    [
        b"R".as_slice(),
        &body.0.to_be_bytes(),
        &ONE.0.to_be_bytes(),
        &tail[2..],
    ]
    .concat()
    .into()
}

fn store_body(backend: &dyn Backend, body: &Arc<StagedBody>, object: u64) {
    let writes = vec![put(&reference(body.number, object), b"")];
    let batch = Batch {
        bodies: vec![Arc::clone(body)],
        ..batch(writes)
    };
    commit(backend, batch).wait().unwrap();
}

fn a_commit_is_seen_whole_or_not_at_all(backend: &dyn Backend) {
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..200_u32 {
                let round = round.to_be_bytes();
                write(backend, vec![put(b"Ka", &round), put(b"Kz", &round)]);
            }
        });
        while !writer.is_finished() {
            let snapshot = backend.snapshot().unwrap();
            assert_eq!(value(&*snapshot, b"Ka"), value(&*snapshot, b"Kz"));
        }
    });
    assert_eq!(
        value(&*backend.snapshot().unwrap(), b"Ka"),
        Some(199_u32.to_be_bytes().to_vec())
    );
}

fn a_snapshot_does_not_see_later_commits(backend: &dyn Backend) {
    write(backend, vec![put(b"Ka", b"old"), put(b"Kb", b"=Kb")]);
    let before = backend.snapshot().unwrap();
    write(
        backend,
        vec![
            put(b"Ka", b"new"),
            (Key::from_slice(b"Kb"), None),
            put(b"Kc", b"=Kc"),
        ],
    );
    assert_eq!(value(&*before, b"Ka").unwrap(), b"old");
    assert_eq!(scan(&*before, b"Kb"..b"Kz", Direction::Forward, 9), [b"Kb"]);
    drop(before);
    let after = backend.snapshot().unwrap();
    assert_eq!(value(&*after, b"Ka").unwrap(), b"new");
    assert_eq!(scan(&*after, b"Kb"..b"Kz", Direction::Forward, 9), [b"Kc"]);
}

fn a_transaction_sees_what_was_placed_before(backend: &dyn Backend) {
    let first = commit(backend, batch(vec![put(b"Ka", b"1")]));
    let second = backend.begin(&[ONE]).unwrap();
    assert_eq!(value(&*second, b"Ka").unwrap(), b"1");
    let second = second.commit(batch(vec![put(b"Ka", b"2")])).unwrap();
    second.wait().unwrap();
    assert_eq!(
        first.result(),
        Some(Ok(())),
        "commits settle in their order"
    );
}

fn a_dropped_transaction(backend: &dyn Backend) {
    drop(backend.begin(&[ONE, TWO]).unwrap());
    write(backend, vec![put(b"Ka", b"x")]);
    assert_eq!(value(&*backend.snapshot().unwrap(), b"Ka").unwrap(), b"x");
}

fn later_writes_of_a_batch_win(backend: &dyn Backend) {
    let gone = Key::from_slice(b"Kb");
    write(
        backend,
        vec![
            put(b"Ka", b"1"),
            put(b"Kb", b"1"),
            put(b"Ka", b"2"),
            (gone.clone(), None),
        ],
    );
    let snapshot = backend.snapshot().unwrap();
    assert_eq!(value(&*snapshot, b"Ka").unwrap(), b"2");
    assert_eq!(value(&*snapshot, &gone), None);
}

fn a_removed_key_is_gone(backend: &dyn Backend) {
    write(backend, vec![put(b"Ka", b"=Ka"), put(b"Kb", b"=Kb")]);
    write(
        backend,
        [b"Ka".as_slice(), b"never"]
            .map(|key| (Key::from_slice(key), None))
            .to_vec(),
    );
    let snapshot = backend.snapshot().unwrap();
    assert_eq!(value(&*snapshot, b"Ka"), None);
    assert_eq!(scan(&*snapshot, b"K"..b"L", Direction::Forward, 9), [b"Kb"]);
}

fn numbered(numbers: impl Iterator<Item = u32>) -> Vec<Vec<u8>> {
    numbers
        .map(|number| [b"K".as_slice(), &number.to_be_bytes()].concat())
        .collect()
}

fn own_values(keys: &[Vec<u8>]) -> Vec<(Key, Option<Bytes>)> {
    keys.iter()
        .map(|key| put(key, &[b"=", key.as_slice()].concat()))
        .collect()
}

fn scans_go_both_ways_and_stop_when_told(backend: &dyn Backend) {
    let keys = numbered(0..3000);
    write(backend, own_values(&keys));
    let check = |read: &dyn Read| {
        let range = || keys[10].as_slice()..keys[2990].as_slice();
        assert_eq!(
            scan(read, range(), Direction::Forward, usize::MAX),
            keys[10..2990]
        );
        let mut down = scan(read, range(), Direction::Backward, usize::MAX);
        down.reverse();
        assert_eq!(down, keys[10..2990]);
        for limit in [1, 255, 256, 257, 512, 513] {
            assert_eq!(
                scan(read, range(), Direction::Forward, limit),
                keys[10..10 + limit]
            );
            let down = scan(read, range(), Direction::Backward, limit);
            assert_eq!(down.last(), Some(&keys[2990 - limit]));
            assert_eq!(down.len(), limit);
        }
    };
    check(&*backend.snapshot().unwrap());
    check(&*backend.begin(&[ONE]).unwrap());
}

fn scans_of_empty_ranges(backend: &dyn Backend) {
    write(backend, vec![put(b"Ka", b"=Ka")]);
    let snapshot = backend.snapshot().unwrap();
    for direction in [Direction::Forward, Direction::Backward] {
        assert!(scan(&*snapshot, b"Ka"..b"Ka", direction, 9).is_empty());
        assert!(scan(&*snapshot, b"Kb"..b"Ka", direction, 9).is_empty());
        assert!(scan(&*snapshot, b"Kb"..b"Kc", direction, 9).is_empty());
    }
}

fn scans_cross_generations(backend: &dyn Backend) {
    let keys = numbered(0..300);
    for phase in 0..3 {
        let some: Vec<_> = keys.iter().skip(phase).step_by(3).cloned().collect();
        write(backend, own_values(&some));
    }
    let gone: Vec<_> = keys
        .iter()
        .skip(1)
        .step_by(2)
        .map(|key| (Key::from_slice(key), None))
        .collect();
    write(backend, gone);
    let left: Vec<_> = keys.iter().step_by(2).cloned().collect();
    let snapshot = backend.snapshot().unwrap();
    assert_eq!(
        scan(&*snapshot, b"K"..b"L", Direction::Forward, usize::MAX),
        left
    );
}

fn many_keys_are_read_in_their_order(backend: &dyn Backend) {
    let keys = numbered(0..50);
    write(backend, own_values(&keys));
    let snapshot = backend.snapshot().unwrap();
    let asked = [&keys[7], b"missing".as_slice(), &keys[3], &keys[7]].map(Key::from_slice);
    let got = snapshot.get_many(&asked).unwrap();
    let wanted = |key: &Vec<u8>| Some(Bytes::from([b"=", key.as_slice()].concat()));
    assert_eq!(
        got,
        [wanted(&keys[7]), None, wanted(&keys[3]), wanted(&keys[7])]
    );
}

fn keys_and_values_have_limits(backend: &dyn Backend) {
    let longest_key = vec![b'K'; KEY_BYTES_MAX];
    let longest_value = vec![7; VALUE_BYTES_MAX];
    write(backend, vec![put(&longest_key, &longest_value)]);
    let snapshot = backend.snapshot().unwrap();
    assert_eq!(value(&*snapshot, &longest_key).unwrap(), longest_value);
    for write in [
        put(&[b'K'; KEY_BYTES_MAX + 1], b""),
        put(b"K", &vec![7; VALUE_BYTES_MAX + 1]),
    ] {
        let refused = backend
            .begin(&[ONE])
            .unwrap()
            .commit(batch(vec![write, put(b"Kx", b"")]));
        assert_eq!(refused.unwrap_err(), StoreError::TooLarge);
    }
    assert_eq!(
        value(&*backend.snapshot().unwrap(), b"Kx"),
        None,
        "nothing of it was written"
    );
}

fn an_empty_value_is_not_a_missing_one(backend: &dyn Backend) {
    write(backend, vec![put(b"Ka", b"")]);
    assert_eq!(
        value(&*backend.snapshot().unwrap(), b"Ka"),
        Some(Vec::new())
    );
}

/// Bytes that do not repeat and hardly compress.
fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new()
        .update(b"noise")
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

fn check_ranges(backend: &dyn Backend, body: BodyNumber, bytes: &[u8]) {
    let len = bytes.len() as u64;
    let middle = len / 2;
    for (start, end) in [
        (0, len),
        (0, 1),
        (middle, middle + 9),
        (len - 1, len + 5),
        (3, 3),
    ] {
        let got = backend.read_body(body, start..end).unwrap();
        assert_eq!(
            got,
            bytes[start as usize..end.min(len) as usize],
            "{start}..{end}"
        );
    }
    assert!(
        backend
            .read_body(body, len + 1..len + 9)
            .unwrap()
            .is_empty()
    );
}

fn a_body_is_read_by_ranges(backend: &dyn Backend) {
    let bytes = noise(10_000);
    let body = stage(backend, &bytes);
    assert_eq!(body.len, 10_000);
    store_body(backend, &body, 1);
    check_ranges(backend, body.number, &bytes);
}

fn a_large_body_survives(backend: &dyn Backend) {
    let mut bytes = noise(3_000_000);
    bytes.extend(vec![b'a'; 6_000_000]);
    let body = stage(backend, &bytes);
    store_body(backend, &body, 1);
    check_ranges(backend, body.number, &bytes);
    assert_eq!(
        backend
            .read_body(body.number, 2_999_990..3_000_010)
            .unwrap()[10..],
        [b'a'; 10]
    );
}

fn equal_bodies_have_one_number(backend: &dyn Backend) {
    let first = stage(backend, b"the same letter");
    store_body(backend, &first, 1);
    let second = stage(backend, b"the same letter");
    assert_eq!((second.number, second.hash), (first.number, first.hash));
    let other = stage(backend, b"another letter");
    assert_ne!((other.number, other.hash), (first.number, first.hash));
    store_body(backend, &second, 2);
    write(backend, vec![(reference(first.number, 1), None)]);
    let left = backend.read_body(first.number, 0..99).unwrap();
    assert_eq!(left, b"the same letter".as_slice(), "one reference is left");
}

fn a_staged_body_is_read_before_its_commit(backend: &dyn Backend) {
    let bytes = noise(300_000);
    let body = stage(backend, &bytes);
    check_ranges(backend, body.number, &bytes);
}

fn watchers_hear_of_settled_commits(backend: &dyn Backend) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    backend.watch(Box::new(move |accounts| ear.lock().push(accounts.to_vec())));
    for round in 0..20_u32 {
        let account = AccountId(10 + round);
        let writes = vec![put(&[b'K', round as u8], b"")];
        let batch = Batch {
            changed: vec![account],
            ..batch(writes)
        };
        backend
            .begin(&[account])
            .unwrap()
            .commit(batch)
            .unwrap()
            .wait()
            .unwrap();
    }
    let heard: Vec<_> = heard
        .lock()
        .iter()
        .flatten()
        .map(|account| account.0)
        .collect();
    assert_eq!(
        heard,
        (10..30).collect::<Vec<_>>(),
        "once each, in log order, before it is told"
    );
}

fn writers_of_one_account_follow_one_another(backend: &dyn Backend) {
    const WRITERS: u64 = 4;
    const ROUNDS: u64 = 50;
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| (0..ROUNDS).for_each(|_| count_up(backend)));
        }
    });
    let snapshot = backend.snapshot().unwrap();
    assert_eq!(
        value(&*snapshot, b"Kn").unwrap(),
        (WRITERS * ROUNDS).to_be_bytes()
    );
}

/// Adds one to a number in a row; runs again after a conflict, as a backend without locks may ask.
fn count_up(backend: &dyn Backend) {
    loop {
        let transaction = backend.begin(&[ONE]).unwrap();
        let old = value(&*transaction, b"Kn")
            .map_or(0, |bytes| u64::from_be_bytes(bytes.try_into().unwrap()));
        match transaction.commit(batch(vec![put(b"Kn", &(old + 1).to_be_bytes())])) {
            Ok(settlement) => return settlement.wait().unwrap(),
            Err(StoreError::Conflict) => {}
            Err(other) => panic!("{other}"),
        }
    }
}

fn several_accounts(backend: &dyn Backend) {
    std::thread::scope(|scope| {
        for accounts in [[ONE, TWO], [TWO, ONE], [TWO, TWO]] {
            scope.spawn(move || {
                for _ in 0..50 {
                    let transaction = backend.begin(&accounts).unwrap();
                    let commit = transaction.commit(batch(vec![put(b"Ka", b"")]));
                    match commit {
                        Ok(settlement) => settlement.wait().unwrap(),
                        Err(error) => assert_eq!(error, StoreError::Conflict),
                    }
                }
            });
        }
    });
}

fn an_empty_batch_takes_no_place(backend: &dyn Backend) {
    let heard = Arc::new(Mutex::new(0));
    let ear = Arc::clone(&heard);
    backend.watch(Box::new(move |_| *ear.lock() += 1));
    let before = commit(backend, batch(vec![put(b"Ka", b"")]));
    commit(backend, Batch::default()).wait().unwrap();
    assert_eq!(
        before.result(),
        Some(Ok(())),
        "it waits for what it may have seen"
    );
    assert_eq!(*heard.lock(), 1);
}
