//! Measures the delivery of letters to several recipients on a real disk: `cargo run --release -p
//! engine --example delivery_bench DIR LETTERS RECIPIENTS`.
//!
//! One session, the embedded store with its threads, every letter settled before the next. Not part
//! of the tests: the numbers are the machine's. Under `valgrind --tool=callgrind` the instructions
//! are the same from run to run.

#![allow(clippy::disallowed_methods, reason = "a measurement needs the clock")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a measurement that fails may stop"
)]

use engine::delivery::{Arrival, Failing};
use engine::directory::AccountKind;
use engine::queue::{Notify, Return, Wishes};
use engine::{Engine, Envelope, Recipient, Settings};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};
use store::backend::embedded::{Embedded, Options, World};
use store::id::Timestamp;
use store::model::Store;
use store::world::disk::Disk;
use store::world::{Clock, Rng};

struct SystemClock;
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let seconds = i64::try_from(since.unwrap().as_secs()).unwrap();
        Timestamp(seconds * Timestamp::PER_SECOND)
    }
}

struct Fixed;
impl Rng for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// A letter of 10 KB that compresses about as text does.
fn letter(seed: u64) -> Vec<u8> {
    let mut text = b"From: A <a@x.test>\r\nTo: B <b@example.test>\r\n\
        Date: Fri, 1 May 2026 12:00:00 +0200\r\nSubject: hello\r\nMIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\r\n"
        .to_vec();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while text.len() < 10_240 {
        for _ in 0..6 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text.extend_from_slice(format!("and mail of {:x} ", state % 1_000_000).as_bytes());
        }
        text.extend_from_slice(b"\r\n");
    }
    text
}

fn envelope(engine: &Engine, recipients: &[String]) -> Envelope {
    let recipient = |address: &String| {
        let resolution = engine.directory().resolve(address).unwrap();
        engine.check_recipient(&resolution, 10_240).unwrap();
        Recipient {
            address: address.clone(),
            resolution,
            notify: Notify::USUAL,
            original: None,
        }
    };
    Envelope {
        sender: "sender@elsewhere.test".to_owned(),
        recipients: recipients.iter().map(recipient).collect(),
        envelope_id: None,
        returning: Return::default(),
        needs_utf8: false,
        wishes: Wishes::default(),
        submitter: None,
        arrival: Arrival {
            greeting: "client.example".to_owned(),
            peer: Some("192.0.2.1".parse().unwrap()),
            way: "ESMTP",
            ..Arrival::default()
        },
        failing: Failing::Whole,
    }
}

fn deliver(engine: &Engine, addresses: &[String], letters: u64) {
    for seed in 0..letters {
        let bytes = letter(seed % 10);
        let envelope = envelope(engine, addresses);
        let mut upload = engine.upload().unwrap();
        upload.write(&bytes).unwrap();
        let staged = upload.finish().unwrap();
        engine.deliver(&envelope, &staged).unwrap().wait().unwrap();
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().expect("a folder for the store"));
    let mut number = || arguments.next().and_then(|text| text.parse::<u64>().ok());
    let (letters, recipients) = (number().unwrap_or(2_000), number().unwrap_or(10));
    let (clock, rng) = (Arc::new(SystemClock), Arc::new(Fixed));
    let world = World {
        vfs: Arc::new(Disk),
        clock: clock.clone(),
        rng: rng.clone(),
    };
    let options = Options {
        deduplicate: false,
        ..Options::default()
    };
    let backend = Embedded::open(world, &folder, options).unwrap();
    let threads = backend.run_threads().unwrap();
    let store = Store::open(backend.clone(), clock.clone(), rng.clone()).unwrap();
    let engine = Engine::open(store, Settings::default(), clock, rng).unwrap();
    engine.add_domain("example.test").unwrap().wait().unwrap();
    let addresses: Vec<String> = (0..recipients)
        .map(|n| format!("r{n}@example.test"))
        .collect();
    for address in &addresses {
        let made = engine.add_account(address, AccountKind::Person, None);
        made.unwrap().wait().unwrap();
    }
    let start = Instant::now();
    deliver(&engine, &addresses, letters);
    let rate = letters as f64 / start.elapsed().as_secs_f64();
    println!("{rate:.0} letters/s to {recipients} recipients each");
    drop(threads);
}
