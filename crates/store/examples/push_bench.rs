//! Measures how soon who watches an account hears of a commit, also while a checkpoint of the
//! index is being made: `cargo run --release -p store --example push_bench DIR LETTERS_PER_SECOND`.
//!
//! Takes half a minute. Not part of the tests: the numbers are the machine's.

#![allow(clippy::disallowed_methods, reason = "a measurement needs the clock")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measurement that fails may stop"
)]

use bytes::Bytes;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use store::backend::embedded::{Embedded, Options, World};
use store::backend::{Backend, Batch, Key};
use store::id::{AccountId, Timestamp};
use store::world::disk::Disk;
use store::world::{Clock, Rng};

/// The account that is watched; letters go to others.
const WATCHED: AccountId = AccountId(9);
/// What is longer is told in parts: until it was placed, until it was told, until it was read.
const SLOW: Duration = Duration::from_millis(8);
const SECONDS: u64 = 30;
const PROBE_EVERY: Duration = Duration::from_millis(1);
const CHECKPOINT_EVERY: Duration = Duration::from_secs(2);

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

/// Eight rows and a body that does not compress.
fn letter(store: &Embedded, number: u64) -> Batch {
    let mut content = vec![0; 10_000];
    blake3::Hasher::new()
        .update(&number.to_be_bytes())
        .finalize_xof()
        .fill(&mut content);
    let mut spool = store.spool().unwrap();
    spool.write(&content).unwrap();
    let body = Arc::new(spool.finish().unwrap());
    let scattered = blake3::hash(&number.to_be_bytes());
    let key = |row: u8| [b"M", &scattered.as_bytes()[..15], &[row]].concat();
    let mut writes: Vec<_> = (0..7)
        .map(|row| (Key::from(key(row)), Some(Bytes::from(vec![b'v'; 100]))))
        .collect();
    let reference = [b"R", &body.number.0.to_be_bytes()[..], b"\0\0\0\x01"].concat();
    writes.push((reference.into(), Some(Bytes::new())));
    Batch {
        writes,
        bodies: vec![body],
        ..Batch::default()
    }
}

fn write_letters(store: &Embedded, per_second: u64, next: &AtomicU64, stop: &AtomicBool) {
    let (start, mut written) = (Instant::now(), 0_u64);
    while !stop.load(Ordering::Relaxed) {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let transaction = store.begin(&[AccountId(1)]).unwrap();
        transaction
            .commit(letter(store, number))
            .unwrap()
            .wait()
            .unwrap();
        written += 1;
        let due = Duration::from_secs_f64(f64::from(u32::try_from(written).unwrap()))
            / u32::try_from(per_second).unwrap();
        std::thread::sleep(due.saturating_sub(start.elapsed()));
    }
}

/// Commits to the watched account now and then; answers how long each took to be heard and read, of
/// those that met a checkpoint apart.
fn probe(store: &Embedded, heard: &mpsc::Receiver<()>, busy: &AtomicU64) -> [Vec<Duration>; 2] {
    let (start, mut times) = (Instant::now(), [Vec::new(), Vec::new()]);
    for number in 0_u64.. {
        if start.elapsed() > Duration::from_secs(SECONDS) {
            break;
        }
        std::thread::sleep(PROBE_EVERY);
        let value = Bytes::copy_from_slice(&number.to_be_bytes());
        let batch = Batch {
            writes: vec![(Key::from_slice(b"A\0\0\0\x09"), Some(value.clone()))],
            changed: vec![WATCHED],
            ..Batch::default()
        };
        let (begun, before) = (Instant::now(), busy.load(Ordering::SeqCst));
        let settlement = store.begin(&[WATCHED]).unwrap().commit(batch).unwrap();
        let placed = begun.elapsed();
        heard.recv().unwrap();
        let told = begun.elapsed();
        let view = store.snapshot().unwrap();
        assert_eq!(view.get(b"A\0\0\0\x09").unwrap(), Some(value));
        let took = begun.elapsed();
        let has_met = before % 2 == 1 || busy.load(Ordering::SeqCst) != before;
        if took > SLOW {
            println!("slow: placed {placed:?}, told {told:?}, read {took:?}, met {has_met}");
        }
        times[usize::from(has_met)].push(took);
        drop(view);
        settlement.wait().unwrap();
    }
    for times in &mut times {
        times.sort_unstable();
    }
    times
}

fn round(store: &Arc<Embedded>, heard: &mpsc::Receiver<()>, next: &AtomicU64) {
    let per_second = std::env::args()
        .nth(2)
        .and_then(|text| text.parse().ok())
        .unwrap_or(200);
    // Odd while a checkpoint is being made.
    let (stop, busy) = (AtomicBool::new(false), AtomicU64::new(0));
    let times = std::thread::scope(|scope| {
        scope.spawn(|| write_letters(store, per_second, next, &stop));
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                std::thread::sleep(CHECKPOINT_EVERY);
                store.step_freeze();
                while store.step_apply() {}
                let begun = Instant::now();
                busy.fetch_add(1, Ordering::SeqCst);
                store.step_checkpoint();
                busy.fetch_add(1, Ordering::SeqCst);
                println!("checkpoint: {:?}", begun.elapsed());
            }
        });
        let times = probe(store, heard, &busy);
        stop.store(true, Ordering::Relaxed);
        times
    });
    for (what, times) in ["otherwise", "meanwhile"].iter().zip(times) {
        let at = |part: usize| times[times.len() * part / 1_000];
        println!(
            "{what}: {} probes, p50 {:?}, p99 {:?}, most {:?}",
            times.len(),
            at(500),
            at(990),
            times[times.len() - 1]
        );
    }
}

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("a folder for the store"));
    let world = World {
        vfs: Arc::new(Disk),
        clock: Arc::new(NoClock),
        rng: Arc::new(Fixed),
    };
    let store = Embedded::open(world, &folder, Options::default()).unwrap();
    let (say, heard) = mpsc::channel();
    store.watch(Box::new(move |accounts| {
        if accounts.contains(&WATCHED) {
            say.send(()).unwrap();
        }
    }));
    let threads = store.run_threads().unwrap();
    let next = AtomicU64::new(0);
    round(&store, &heard, &next);
    drop(threads);
}
