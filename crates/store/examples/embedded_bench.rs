//! Measures the embedded backend on a real disk: `cargo run --release -p store --example
//! embedded_bench DIR`.
//!
//! Takes a few seconds. Not part of the tests: the numbers are the machine's.

#![allow(clippy::disallowed_methods, reason = "a measurement needs the clock")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a measurement that fails may stop"
)]

use bytes::Bytes;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::backend::embedded::{Embedded, Options, World};
use store::backend::{Backend, Batch, Direction, Key};
use store::id::{AccountId, Timestamp};
use store::world::disk::Disk;
use store::world::{Clock, Rng};

struct NoClock;
impl Clock for NoClock {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
}

struct Fixed;
impl Rng for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// A letter of `len` bytes that compresses about as text does.
fn letter(seed: u64, len: usize) -> Vec<u8> {
    let words = [
        "the ",
        "mail ",
        "of ",
        "server ",
        "and ",
        "commit\r\n",
        "Received: ",
        "from ",
    ];
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = Vec::with_capacity(len + 20);
    while text.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.extend_from_slice(words[usize::try_from(state % 8).unwrap()].as_bytes());
        text.extend_from_slice(format!("{:x} ", state % 100_000).as_bytes());
    }
    text.truncate(len);
    text
}

/// What a delivery writes: the rows of one item, of its folder and of its account.
fn delivery(store: &Embedded, account: u32, number: u64, content: &[u8]) -> Batch {
    let mut spool = store.spool().unwrap();
    spool.write(content).unwrap();
    let body = Arc::new(spool.finish().unwrap());
    let key = |tag: u8, rest: &[u8]| Key::from([&[tag][..], &account.to_be_bytes(), rest].concat());
    let number_key = number.to_be_bytes();
    let reference = [
        b"R",
        &body.number.0.to_be_bytes()[..],
        &account.to_be_bytes(),
    ]
    .concat();
    let value = |len: usize| Some(Bytes::from(vec![b'v'; len]));
    let writes = vec![
        (key(b'A', b""), value(100)),
        (key(b'F', b"inbox!"), value(200)),
        (key(b'M', &number_key), value(70)),
        (key(b'E', &number_key), value(350)),
        (key(b'L', &number_key), value(11)),
        (key(b'C', &number_key), value(40)),
        (reference.into(), value(0)),
    ];
    Batch {
        writes,
        bodies: vec![body],
        changed: vec![AccountId(account)],
        ..Batch::default()
    }
}

fn cpu() -> Duration {
    let times = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = times
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

fn writers(store: &Arc<Embedded>, writers: u32, commits: u64, letters: &[Vec<u8>]) {
    let next = AtomicU64::new(0);
    let (start, cpu_start) = (Instant::now(), cpu());
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let (next, store) = (&next, &store);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= commits {
                        return;
                    }
                    let unique = number + u64::from(writers) * 1_000_000;
                    let mut content =
                        letters[usize::try_from(number).unwrap() % letters.len()].clone();
                    content[..8].copy_from_slice(&unique.to_be_bytes());
                    let batch = delivery(store, writer, unique, &content);
                    let transaction = store.begin(&[AccountId(writer)]).unwrap();
                    transaction.commit(batch).unwrap().wait().unwrap();
                }
            });
        }
    });
    let (wall, used) = (
        start.elapsed().as_secs_f64(),
        cpu().saturating_sub(cpu_start).as_secs_f64(),
    );
    let rate = commits as f64 / wall;
    println!(
        "{writers:>3} writers: {rate:>8.0} commits/s, {:>5.1} us CPU each",
        used / commits as f64 * 1e6
    );
}

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("a folder for the store"));
    let (clock, rng) = (Arc::new(NoClock), Arc::new(Fixed));
    let world = World {
        vfs: Arc::new(Disk),
        clock,
        rng,
    };
    let store = Embedded::open(world.clone(), &folder, Options::default()).unwrap();
    let letters: Vec<_> = (0..200).map(|seed| letter(seed, 10_000)).collect();

    let (start, count) = (Instant::now(), 4_000_u64);
    for number in 0..count {
        let mut content = letters[usize::try_from(number).unwrap() % letters.len()].clone();
        content[..8].copy_from_slice(&number.to_be_bytes());
        let mut spool = store.spool().unwrap();
        spool.write(&content).unwrap();
        spool.finish().unwrap();
    }
    println!(
        "stage 10 KB: {:.1} us",
        start.elapsed().as_secs_f64() / count as f64 * 1e6
    );

    let threads = store.run_threads().unwrap();
    writers(&store, 1, 5_000, &letters);
    writers(&store, 16, 20_000, &letters);
    writers(&store, 64, 60_000, &letters);

    reads(&store);
    drop(threads);
    drop(store);
    let start = Instant::now();
    let store = Embedded::open(world, &folder, Options::default()).unwrap();
    println!(
        "open after a clean close: {:.1} ms",
        start.elapsed().as_secs_f64() * 1e3
    );
    drop(store);
}

/// The rows of a folder of account 10,000.
const FOLDER: &[u8] = b"M\0\0\x27\x10";
const FOLDER_END: &[u8] = b"M\0\0\x27\x11";

fn row_key(uid: u32) -> Key {
    [FOLDER, &uid.to_be_bytes()].concat().into()
}

fn put_rows(store: &Embedded, range: std::ops::Range<u32>) {
    let value = Bytes::from(vec![1; 70]);
    let writes = range
        .map(|uid| (row_key(uid), Some(value.clone())))
        .collect();
    let batch = Batch {
        writes,
        ..Batch::default()
    };
    store
        .begin(&[AccountId(10_000)])
        .unwrap()
        .commit(batch)
        .unwrap()
        .wait()
        .unwrap();
}

fn scan(store: &Embedded, what: &str) {
    let view = store.snapshot().unwrap();
    let (start, mut count, mut bytes) = (Instant::now(), 0, 0);
    let mut visit = |_: &[u8], value: &[u8]| {
        count += 1;
        bytes += value.len();
        true
    };
    view.scan(FOLDER..FOLDER_END, Direction::Forward, &mut visit)
        .unwrap();
    println!(
        "scan {count} rows, {what}: {:.1} ms",
        start.elapsed().as_secs_f64() * 1e3
    );
}

fn each(what: &str, mut work: impl FnMut()) {
    let start = Instant::now();
    (0..10_000).for_each(|_| work());
    println!(
        "{what}: {:.0} ns",
        start.elapsed().as_secs_f64() / 10_000.0 * 1e9
    );
}

fn reads(store: &Embedded) {
    for part in 0..10 {
        put_rows(store, part * 10_000..(part + 1) * 10_000);
    }
    store.flush();
    scan(store, "from the index");
    scan(store, "from the index");
    put_rows(store, 20_000..30_000);
    scan(store, "10,000 of them in memory");
    let view = store.snapshot().unwrap();
    let (in_memory, in_index) = (row_key(25_000), row_key(5_000));
    each("get from memory", || {
        drop(std::hint::black_box(view.get(&in_memory).unwrap()));
    });
    each("get from the index", || {
        drop(std::hint::black_box(view.get(&in_index).unwrap()));
    });
    each("snapshot", || {
        drop(std::hint::black_box(store.snapshot().unwrap()));
    });
}
