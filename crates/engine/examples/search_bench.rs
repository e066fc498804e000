//! Measures a search for text in one folder, with the index and without, and what feeding costs.
//!
//! `cargo run --release -p engine --example search_bench -- LETTERS WORDS_PER_LETTER`
//!
//! The store is in memory, so this is the work of the processor alone.

// A measurement ends where something fails, and tells what it found.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]
#![allow(clippy::disallowed_methods, reason = "time is what is measured here")]

use engine::rehearsal::Rehearsal;
use engine::search::{Comparator, Fed, Feeder, Index, Needle, Plan, Query, Run, Sketches, Test};
use engine::{Account, Flags, FolderId, NewLetter, Reading, Role, Settings, Shelf, Uid};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use store::world::Vfs;
use store::world::memory::MemoryDisk;

/// Words that all letters are made of; the first are by far the most frequent.
const VOCABULARY: u64 = 40_000;

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|text| text.parse::<u64>().unwrap());
    let letters = arguments.next().unwrap_or(20_000);
    let words = arguments.next().unwrap_or(300);
    let house = Rehearsal::new(Settings::default()).unwrap();
    let user = house.person("alice@example.test").unwrap();
    let account = house.engine.account(&user, 1);
    let inbox = account.read().unwrap().folder_with_role(Role::Inbox);
    let (inbox, _) = inbox.unwrap().unwrap();
    let before = Instant::now();
    let text: u64 = (0..letters)
        .map(|n| append(&account, inbox, n, words))
        .sum();
    told("appending", before, letters);
    let rare = Query::Test(Test::Text(Needle::new("xylographic", Comparator::Unicode)));
    let subject = Needle::new("xylographic", Comparator::Unicode);
    let subject = Query::Test(Test::Field("Subject".to_owned(), subject));
    let unseen = Query::Not(Box::new(Query::Test(Test::Flags(Flags::SEEN))));
    for round in ["without index", "with index"] {
        for (name, query) in [("text", &rare), ("subject", &subject), ("unseen", &unseen)] {
            for _ in 0..2 {
                let before = Instant::now();
                let found = find(&account, inbox, query);
                println!("{round}, {name}: {found} in {:?}", before.elapsed());
            }
        }
        if round == "without index" {
            feed(&house, &account, text, letters);
        }
    }
}

fn feed(house: &Rehearsal, account: &Account, text: u64, letters: u64) {
    let disk = MemoryDisk::new();
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    let index = Arc::new(Sketches::open(&vfs, Path::new("/search")).unwrap());
    house.engine.use_search_index(index.clone());
    let mut feeder = Feeder::new(&house.engine).unwrap();
    let before = Instant::now();
    while feeder.step(account.id()).unwrap() == Fed::More {
        if index.pending_bytes() > 32 * 1024 * 1024 {
            Index::settle(&*index).unwrap();
        }
    }
    Index::settle(&*index).unwrap();
    told("feeding", before, letters);
    let len = |path: &std::path::PathBuf| {
        let file = vfs.open(path, store::world::Open::Read).unwrap();
        file.len().unwrap()
    };
    let bytes: u64 = disk.paths().iter().map(len).sum();
    println!("index: {bytes} bytes for {text} bytes of letters");
}

fn told(what: &str, before: Instant, letters: u64) {
    let each = before.elapsed().as_micros() / u128::from(letters.max(1));
    println!("{what}: {each} µs a letter");
}

fn append(account: &Account, inbox: FolderId, number: u64, words: u64) -> u64 {
    let mut letter = format!(
        "Message-ID: <{number:x}.{:x}@example.test>\r\nFrom: Ann <ann{}@example.test>\r\n\
         Subject: {} {}\r\n\r\n",
        mixed(number),
        number % 97,
        word(mixed(number + 1)),
        word(mixed(number + 2)),
    );
    for place in 0..words {
        letter.push_str(&word(mixed(number * 1000 + place)));
        letter.push(if place % 12 == 11 { '\n' } else { ' ' });
    }
    if number % 25_000 == 777 {
        letter.push_str("a xylographic print\n");
    }
    let mut upload = account.upload().unwrap();
    upload.write(letter.as_bytes()).unwrap();
    let staged = upload.finish().unwrap();
    let new = NewLetter::new(inbox, &staged);
    account
        .write(|txn| txn.append(&new))
        .unwrap()
        .wait()
        .unwrap();
    letter.len() as u64
}

fn mixed(number: u64) -> u64 {
    let all = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let all = (all ^ (all >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    all ^ (all >> 29)
}

/// A word made of syllables; low ones come more often (about as Zipf has it).
fn word(random: u64) -> String {
    const SYLLABLES: [&str; 24] = [
        "ba", "con", "der", "est", "fi", "gra", "hul", "in", "ket", "lo", "mer", "na", "or", "pre",
        "qui", "ro", "ste", "tion", "un", "ver", "wal", "xy", "yl", "zo",
    ];
    let bound = VOCABULARY >> (random % 14);
    let mut rest = (random >> 8) % bound.max(1) + 30;
    let mut word = String::new();
    while rest > 0 {
        let place = usize::try_from(rest % 24).unwrap();
        word.push_str(SYLLABLES.get(place).unwrap());
        rest /= 24;
    }
    word
}

fn find(account: &Account, folder: FolderId, query: &Query) -> usize {
    let uids = account.read().unwrap().uids(folder, Shelf::Mail).unwrap();
    let mut run = Run::new(Plan::new(query.clone()).unwrap(), folder, Shelf::Mail, uids);
    let mut found: Vec<Uid> = Vec::new();
    while !run.step(account, &mut found).unwrap() {}
    found.len()
}
