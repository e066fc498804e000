//! Measures tables of a large folder: opened and read in several orders, and moved on by a
//! delivery; and a request with thirty operations.
//!
//! `cargo run --release -p mapi --example table_bench -- LETTERS [DIR]`
//!
//! Without a folder the store is in memory, so this is the work of the processor alone; with one it
//! is the embedded store there, opened anew after the letters came. Of each number the best of a few
//! is told, with the processor's share of it, since others may use the machine; what is slow beyond
//! reason ends the measurement.

// A measurement ends where something fails, and tells what it found.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    missing_docs
)]
#![allow(clippy::disallowed_methods, reason = "time is what is measured here")]

#[path = "../tests/client/mod.rs"]
mod client;

use client::{Client, deliver, house};
use engine::account::values::{PartChanges, ValueChange};
use engine::rehearsal::Rehearsal;
use engine::{
    Account, Engine, Flags, NewLetter, PropertyName, Reading, Role, Settings, Timestamp, User,
    Value,
};
use mapi::codec::data::{PropertyTag, SortOrder, SortOrderSet};
use mapi::codec::rop::folder::OpenTable;
use mapi::codec::rop::{Call, Request, Response, property, table};
use mapi::codec::wire::Nothing;
use mapi::convert::set;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use store::backend::embedded::{Embedded, Options, Threads, World};
use store::model::Store;
use store::world::disk::Disk;
use store::world::{Clock, Rng};

const FOLDER: u8 = 1;
const TABLE: u8 = 2;
/// Letters that come in one commit.
const AT_ONCE: u64 = 500;
/// A single step that takes longer shows a fault, not a number.
const PATIENCE: Duration = Duration::from_mins(1);
const ROUNDS: usize = 5;
/// Columns as a list shows them: number, subject, sender, time, size, flags, class, read.
const COLUMNS: [u32; 8] = [
    0x674a_0014,
    0x0037_001f,
    0x0c1a_001f,
    0x0e06_0040,
    0x0e08_0003,
    0x0e07_0003,
    0x001a_001f,
    0x0e69_000b,
];

/// The first letter came on 1 May 2026, the others a minute after the one before.
const BEGINNING: i64 = 1_777_593_600;

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

/// The engine over a store in a folder, with the store's threads.
fn on_disk(folder: &Path) -> (Engine, Threads) {
    let (clock, rng) = (Arc::new(SystemClock), Arc::new(Fixed));
    let world = World {
        vfs: Arc::new(Disk),
        clock: clock.clone(),
        rng: rng.clone(),
    };
    let backend = Embedded::open(world, folder, Options::default()).unwrap();
    let threads = backend.run_threads().unwrap();
    let store = Store::open(backend, clock.clone(), rng.clone()).unwrap();
    let engine = Engine::open(store, Settings::default(), clock, rng).unwrap();
    (engine, threads)
}

/// How long something took, and how much of that the processor worked on it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Taken {
    processor: Duration,
    wall: Duration,
}

impl fmt::Display for Taken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:.2?} ({:.2?})", self.wall, self.processor)
    }
}

/// Processor time of this thread so far.
fn processor() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = told.split(' ').next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

fn timed<T>(work: impl FnOnce() -> T) -> (Taken, T) {
    let (wall, used) = (Instant::now(), processor());
    let done = work();
    let taken = Taken {
        wall: wall.elapsed(),
        processor: processor().saturating_sub(used),
    };
    assert!(taken.wall < PATIENCE, "{taken}");
    (taken, done)
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let letters = arguments.next();
    let letters = letters.map_or(100_000, |text| text.parse::<u64>().unwrap());
    let folder = arguments.next();
    let mut house = house();
    let mut threads = None;
    if let Some(folder) = &folder {
        let (engine, running) = on_disk(Path::new(folder));
        engine.add_domain("example.test").unwrap().wait().unwrap();
        (house.engine, threads) = (engine, Some(running));
    }
    let user = house.person("alice@example.test").unwrap();
    let account = house.engine.account(&user, 5);
    let [categories, number, field] = name(&account);
    let (taken, ()) = timed(|| fill(&account, letters, [categories, number]));
    println!("{letters} letters came in {taken}; wall time (processor time) from here on");
    drop(account);
    if let Some(folder) = &folder {
        house.engine = client::house().engine;
        drop(threads.take());
        let (engine, running) = on_disk(Path::new(folder));
        (house.engine, threads) = (engine, Some(running));
    }
    let id = |number: u32| (0x8000 + number - 1) << 16;
    let orders = [
        ("delivery time", 0x0e06_0040, 1, 0),
        ("delivery time, ascending", 0x0e06_0040, 0, 0),
        ("subject", 0x0037_001f, 0, 0),
        ("sender", 0x0c1a_001f, 0, 0),
        ("size", 0x0e08_0003, 1, 0),
        ("category", id(categories) | 0x301f, 0, 0),
        ("named property", id(number) | 0x0003, 0, 0),
        ("field of the header", id(field) | 0x001f, 0, 0),
        ("sender, grouped", 0x0c1a_001f, 0, 1),
        ("category, grouped", id(categories) | 0x301f, 0, 1),
    ];
    for (what, tag, order, levels) in orders {
        let order = SortOrder {
            tag: PropertyTag(tag),
            order,
        };
        measure(&house, &user, what, &order, levels);
    }
    operations(&house, &user);
    drop(threads);
}

/// Properties with names: the categories, a number, and a field of the header.
fn name(account: &Account) -> [u32; 3] {
    let done = account.write(|txn| {
        let one = |txn: &mut engine::Txn<'_, '_>, set, name: &str| {
            txn.intern_property(set, &PropertyName::Text(name.to_owned()))
        };
        let [common, fields] = [set::keywords().set, set::INTERNET_HEADERS];
        let [common, fields] = [common, fields].map(|set| engine::Guid(set.0));
        let categories = one(txn, common, "Keywords")?;
        let number = one(txn, engine::Guid(*b"0123456789abcdef"), "number")?;
        Ok::<_, engine::EngineError>([categories, number, one(txn, fields, "x-number")?])
    });
    done.unwrap().wait().unwrap()
}

/// Letters of some hundred people about some thousand things; each tenth has categories and a
/// number.
fn fill(account: &Account, letters: u64, [categories, number]: [u32; 2]) {
    let inbox = account.read().unwrap().folder_with_role(Role::Inbox);
    let (inbox, _) = inbox.unwrap().unwrap();
    for first in (0..letters).step_by(usize::try_from(AT_ONCE).unwrap()) {
        let staged: Vec<_> = (first..letters.min(first + AT_ONCE))
            .map(|n| (n, account.upload(), letter(n)))
            .map(|(n, upload, letter)| {
                let mut upload = upload.unwrap();
                upload.write(letter.as_bytes()).unwrap();
                (n, upload.finish().unwrap())
            })
            .collect();
        let done = account.write(|txn| {
            for (n, staged) in &staged {
                let mut new = NewLetter::new(inbox, staged);
                let seconds = BEGINNING + 60 * i64::try_from(*n).unwrap();
                new.received = Some(Timestamp(seconds * Timestamp::PER_SECOND));
                let at = txn.append(&new)?.at;
                if n % 10 == 0 {
                    let kept = |property, value| ValueChange::Set {
                        property,
                        value,
                        is_of_bytes: false,
                    };
                    let texts = ["red", "green", "blue"].map(|text| Value::Text(text.to_owned()));
                    let texts = texts[..=usize::try_from(n / 10 % 3).unwrap()].to_vec();
                    let changes = vec![
                        kept(categories, Value::List(texts)),
                        kept(number, Value::Integer32(i32::try_from(n % 977).unwrap())),
                    ];
                    let part = PartChanges {
                        path: Vec::new(),
                        changes: Some(changes),
                    };
                    txn.set_values(at, &[part], None)?;
                }
            }
            Ok::<_, engine::EngineError>(())
        });
        done.unwrap().wait().unwrap();
    }
}

fn letter(n: u64) -> String {
    let (who, what) = (n * 7919 % 311, n * 104_729 % 4093);
    let size = usize::try_from(n * 31 % 499).unwrap();
    let body = "x".repeat(size);
    format!(
        "From: Person {who} <p{who}@example.test>\r\nTo: alice@example.test\r\n\
         Subject: About {what} and more\r\nX-Number: {what}\r\nMessage-ID: <{n}@example.test>\r\n\r\n{body}\r\n"
    )
}

/// Opens a table, sorts it and reads fifty rows.
fn opened(client: &mut Client, order: &SortOrder, levels: u16) -> Taken {
    let columns = COLUMNS.map(PropertyTag).to_vec();
    let call = |input, target, request| Call {
        logon_id: 0,
        input,
        target,
        request,
    };
    let orders = SortOrderSet {
        category_count: levels,
        expanded_count: levels,
        orders: vec![order.clone()],
    };
    let calls = [
        // The one of before is told of nothing any more.
        call(TABLE, TABLE, Request::Release(Nothing)),
        call(
            FOLDER,
            TABLE,
            Request::ContentsTable(OpenTable { flags: 0x40 }),
        ),
        call(
            TABLE,
            TABLE,
            Request::SetColumns(table::SetColumns {
                flags: 0,
                columns: columns.clone(),
            }),
        ),
        call(
            TABLE,
            TABLE,
            Request::SortTable(table::SortTable { flags: 0, orders }),
        ),
        call(TABLE, TABLE, rows(50)),
    ];
    timed(|| client.send(&calls, 0x1_0008, &columns)).0
}

fn rows(row_count: u16) -> Request {
    Request::QueryRows(table::QueryRows {
        flags: 0,
        is_forward: true,
        row_count,
    })
}

fn measure(house: &Rehearsal, user: &User, what: &str, order: &SortOrder, levels: u16) {
    let mut client = Client::new(house, user, user);
    let inbox = client.logon.as_ref().unwrap().folders[4];
    client.open_folder(inbox, FOLDER);
    let first = opened(&mut client, order, levels);
    let again = (0..ROUNDS).map(|_| opened(&mut client, order, levels));
    let again = again.min().unwrap_or_default();
    let columns = COLUMNS.map(PropertyTag);
    let came = (0..ROUNDS).map(|round| {
        let letter = letter(u64::try_from(round).unwrap() * 1_000_003);
        deliver(house, user, letter.as_bytes(), Flags::NONE);
        let (taken, told) = timed(|| client.send(&[], 0x1_0008, &columns));
        assert!(!told.is_empty());
        client.call(TABLE, TABLE, rows(1), &columns);
        taken
    });
    let came = came.min().unwrap_or_default();
    println!("{what}: first {first}, again {again}, told of a delivery {came}");
    if levels > 0 {
        let kept = (0..ROUNDS).map(|_| state_kept(&mut client, &columns));
        println!(
            "  which headings are open, told and set: {}",
            kept.min().unwrap()
        );
    }
}

/// Which headings are open is told, and set in a table that is opened anew.
fn state_kept(client: &mut Client, columns: &[PropertyTag]) -> Taken {
    let wanted = table::CollapseStateRequest {
        row: 0,
        row_instance: 0,
    };
    let (taken, ()) = timed(|| {
        let told = client.ask(TABLE, TABLE, Request::CollapseState(wanted));
        let Response::CollapseState(state) = told else {
            panic!("{told:?}");
        };
        client.ask(TABLE, TABLE, Request::SetCollapseState(state));
        client.call(TABLE, TABLE, rows(50), columns);
    });
    taken
}

/// Thirty operations of the usual kinds.
fn operations(house: &Rehearsal, user: &User) {
    let mut client = Client::new(house, user, user);
    let inbox = client.logon.as_ref().unwrap().folders[4];
    client.open_folder(inbox, FOLDER);
    let tags: Vec<_> = [0x3001_001f, 0x3602_0003, 0x3603_0003, 0x0fff_0102]
        .map(PropertyTag)
        .to_vec();
    let ask = Request::PropertiesSpecific(property::PropertiesSpecific {
        property_bytes_max: 0,
        want_unicode: 1,
        tags: tags.clone(),
    });
    let calls: Vec<_> = (0..30)
        .map(|_| Call {
            logon_id: 0,
            input: FOLDER,
            target: FOLDER,
            request: ask.clone(),
        })
        .collect();
    let took = (0..ROUNDS * 4).map(|_| {
        let (taken, told) = timed(|| client.send(&calls, 0x1_0008, &tags));
        assert_eq!(told.len(), calls.len());
        taken
    });
    println!("30 operations: {}", took.min().unwrap_or_default());
}
