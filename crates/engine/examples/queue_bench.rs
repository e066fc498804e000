//! Measures a queue full of letters for servers that are down, on a real disk: `cargo run --release
//! -p engine --example queue_bench DIR LETTERS DESTINATIONS`.
//!
//! Fills the store (or takes the one that is there), opens it again as after a restart, and tells
//! how long it takes until a letter that just came is found, and how long to pass all others over. Not part of the tests: the numbers are the machine's.

#![allow(clippy::disallowed_methods, reason = "a measurement needs the clock")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a measurement that fails may stop"
)]

use engine::delivery::{Arrival, Failing};
use engine::directory::AccountKind;
use engine::queue::{Mark, Notify, Portion, Return, Standing, Wishes};
use engine::{Engine, Envelope, Recipient, Settings, Timestamp};
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use store::backend::embedded::{Embedded, Options, Threads, World};
use store::model::Store;
use store::world::disk::Disk;
use store::world::{Clock, Rng};

/// Letters whose commits are waited for together.
const TOGETHER: u64 = 256;
const PORTION: Portion = Portion {
    most: 256,
    overdue: 128,
};
const SENDER: &str = "sender@example.test";

struct SystemClock;
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let micros = i64::try_from(since.unwrap().as_micros()).unwrap();
        Timestamp(micros * (Timestamp::PER_SECOND / 1_000_000))
    }
}

struct Counted(std::sync::atomic::AtomicU64);
impl Rng for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let next = self
                .0
                .fetch_add(0x9e37_79b9, std::sync::atomic::Ordering::Relaxed);
            *byte = next.to_be_bytes()[3];
        }
    }
}

fn open(folder: &Path) -> (Engine, Threads) {
    let seed = SystemClock.now().0.unsigned_abs();
    let (clock, rng) = (Arc::new(SystemClock), Arc::new(Counted(seed.into())));
    let world = World {
        vfs: Arc::new(Disk),
        clock: clock.clone(),
        rng: rng.clone(),
    };
    let options = Options {
        deduplicate: false,
        ..Options::default()
    };
    let backend = Embedded::open(world, folder, options).unwrap();
    let threads = backend.run_threads().unwrap();
    let store = Store::open(backend, clock.clone(), rng.clone()).unwrap();
    let engine = Engine::open(store, Settings::default(), clock, rng).unwrap();
    (engine, threads)
}

fn deliver(engine: &Engine, address: &str, number: u64) -> engine::Pending<()> {
    let recipient = Recipient {
        address: address.to_owned(),
        resolution: engine.directory().resolve(address).unwrap(),
        notify: Notify::USUAL,
        original: None,
    };
    let envelope = Envelope {
        sender: SENDER.to_owned(),
        recipients: vec![recipient],
        envelope_id: None,
        returning: Return::default(),
        needs_utf8: false,
        wishes: Wishes::default(),
        submitter: None,
        arrival: Arrival::default(),
        failing: Failing::Whole,
    };
    let mut upload = engine.upload().unwrap();
    let head = format!("From: <{SENDER}>\r\nTo: <{address}>\r\nSubject: {number}\r\n\r\n");
    upload.write(head.as_bytes()).unwrap();
    upload
        .write(&b"It is the letter's text.\r\n".repeat(20))
        .unwrap();
    let letter = upload.finish().unwrap();
    engine.deliver(&envelope, &letter).unwrap().map(drop)
}

fn fill(engine: &Engine, letters: u64, destinations: u64) {
    engine.add_domain("example.test").unwrap().wait().unwrap();
    let made = engine.add_account(SENDER, AccountKind::Person, None);
    made.unwrap().wait().unwrap();
    let start = Instant::now();
    let mut pending = Vec::new();
    for number in 0..letters {
        let address = format!("x@d{}.dead.test", number % destinations);
        pending.push(deliver(engine, &address, number));
        if (number + 1) % TOGETHER == 0 {
            for one in pending.drain(..) {
                one.wait().unwrap();
            }
        }
    }
    for one in pending {
        one.wait().unwrap();
    }
    let rate = letters as f64 / start.elapsed().as_secs_f64();
    println!("filled with {letters} letters, {rate:.0} letters/s");
}

/// Looks through all as the server does while every destination is down.
fn pass_over(engine: &Engine, mark: &mut Mark) {
    let (start, passed, mut slowest) = (Instant::now(), Cell::new(0_u64), Duration::ZERO);
    let standing = |_, label: &[u8]| {
        passed.set(passed.get() + 1);
        if label.ends_with(b".dead.test") {
            Standing::Passed
        } else {
            Standing::Known
        }
    };
    loop {
        let begun = Instant::now();
        let found = engine.queue_look(mark, PORTION, standing).unwrap();
        slowest = slowest.max(begun.elapsed());
        if !found.more {
            break;
        }
    }
    let (all, took) = (passed.get(), start.elapsed());
    println!("passed over {all} in {took:?}, slowest look {slowest:?}");
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().expect("a folder for the store"));
    let mut number = || arguments.next().and_then(|text| text.parse::<u64>().ok());
    let (letters, destinations) = (number().unwrap_or(100_000), number().unwrap_or(1_000));
    if !folder.exists() {
        std::fs::create_dir_all(&folder).unwrap();
        let (engine, threads) = open(&folder);
        fill(&engine, letters, destinations);
        drop((engine, threads));
    }
    let start = Instant::now();
    let (engine, threads) = open(&folder);
    println!("opened in {:?}", start.elapsed());
    let mut mark = Mark::default();
    deliver(&engine, "x@live.test", 0).wait().unwrap();
    let start = Instant::now();
    let found = engine.queue_look(&mut mark, PORTION, |_, _| Standing::Wanted);
    let first = found.unwrap().entries;
    let opened = engine.queue_open_all(&first).unwrap();
    let is_new = |one: Result<Option<engine::queue::Outgoing>, _>| {
        let found: Option<_> = one.ok().flatten();
        found.is_some_and(|found| {
            let mut all = found.letter.recipients.iter();
            all.any(|one| one.address == "x@live.test")
        })
    };
    let place = opened.into_iter().position(is_new);
    println!(
        "a new letter is found in {:?} at place {place:?}",
        start.elapsed()
    );
    pass_over(&engine, &mut Mark::default());
    drop((engine, threads));
}
