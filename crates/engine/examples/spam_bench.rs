//! Holds the rules against letters that people have sorted: `cargo run -p engine --example
//! spam_bench DIR`.
//!
//! Below DIR lie letters in files that end in `.txt` or `.eml`; those in a folder whose name has
//! `spam` in it are unwanted, all others wanted. Tells how many of each kind would be taken for the
//! other at each threshold: by the rules alone, with the words that everyone taught and with those
//! of one's own letters (learned from one half, tried on the other, and the other way round); then
//! how often each rule holds. With a third argument `names`, also the files that are wrong at the
//! threshold for Junk.
//!
//! How a letter came is read from its trace as far as that tells it: the peer's name and address of
//! the first Received line that is not of one's own machine, its time, and Return-Path. What names
//! could prove is unknown, as if they could not be asked. Not part of the tests.

#![allow(clippy::disallowed_methods, reason = "it reads letters in files")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a measurement that fails may stop"
)]

use bytes::Bytes;
use engine::examination::Examination;
use engine::examination::authentication::{Authentication, Outcome};
use engine::rehearsal::Rehearsal;
use engine::spam::bayes::{self, Counts};
use engine::spam::content::Content;
use engine::spam::rule::RULES;
use engine::spam::word::words;
use engine::spam::{Case, Points};
use engine::{Engine, Settings, Timestamp};
use formats::date::Date;
use formats::message::header;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Letters that are read; more would tell little more.
const LETTERS_MAX: usize = 50_000;
/// Bytes of a letter that are read.
const LETTER_BYTES_MAX: usize = 1024 * 1024;
/// Parts that take turns in being learned from and tried.
const PARTS: usize = 2;
/// Thresholds in tenths of points.
const THRESHOLDS: [i32; 9] = [20, 30, 40, 50, 60, 70, 80, 100, 150];

/// A letter that was judged.
struct Judged {
    file: PathBuf,
    is_unwanted: bool,
    rules: Vec<usize>,
    words: BTreeSet<String>,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("a folder with letters");
    let tells_names = arguments.next().is_some();
    let house = Rehearsal::new(Settings::default()).unwrap();
    let mut files = Vec::new();
    find(Path::new(&folder), &mut files);
    files.sort();
    let letters: Vec<Judged> = files
        .into_iter()
        .take(LETTERS_MAX)
        .map(|file| judge(&house.engine, file))
        .collect();
    let unwanted = letters.iter().filter(|letter| letter.is_unwanted).count();
    println!("{} wanted, {unwanted} unwanted", letters.len() - unwanted);
    let learned: Vec<_> = (0..PARTS).map(|part| learn(&letters, part)).collect();
    for (title, whose) in [
        ("rules alone", None),
        ("with everyone's words", Some(false)),
        ("with one's own words", Some(true)),
    ] {
        let points = |(number, letter): (usize, &Judged)| {
            let by_words = whose.map(|is_own| {
                let (seen, counts) = &learned[number % PARTS];
                by_words(letter, *seen, counts, is_own)
            });
            by_rules(letter) + by_words.unwrap_or_default()
        };
        let points: Vec<i32> = letters.iter().enumerate().map(points).collect();
        tell(title, &letters, &points);
        if tells_names {
            tell_names(&letters, &points);
        }
    }
    tell_rules(&letters);
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, files);
        } else if path
            .extension()
            .is_some_and(|end| end == "txt" || end == "eml")
        {
            files.push(path);
        }
    }
}

fn judge(engine: &Engine, file: PathBuf) -> Judged {
    let letter = wire_form(&std::fs::read(&file).unwrap());
    let mut upload = engine.upload().unwrap();
    upload.write(&letter).unwrap();
    let staged = upload.finish().unwrap();
    let block = letter.slice(..header::length(&letter));
    let read = |range| engine.read_staged(&staged, range);
    let content = Content::read(&block, staged.summary(), &read).unwrap();
    let trace = Trace::read(&block);
    let arrival = Examination {
        peer: trace.peer,
        greeting: trace.greeting,
        sender: trace.sender,
        recipients: Vec::new(),
        submitter: None,
        is_encrypted: false,
        header: block.clone(),
        letter: staged,
    };
    let authentication = Authentication {
        spf: Outcome::TemporaryError,
        reverse: trace.reverse,
        ..Authentication::default()
    };
    let case = Case {
        arrival: &arrival,
        authentication: &authentication,
        content: &content,
        hostname: &engine.settings().hostname,
        now: Timestamp::from_seconds(trace.seconds.or(content.sent_seconds).unwrap_or_default()),
    };
    let rules = RULES.iter().enumerate();
    let rules = rules.filter(|(_, rule)| (rule.holds)(&case));
    let folder = file.parent().and_then(Path::file_name).unwrap_or_default();
    Judged {
        is_unwanted: folder.to_string_lossy().contains("spam"),
        rules: rules.map(|(number, _)| number).collect(),
        words: words(&content),
        file,
    }
}

/// As it goes over the wire, without the separator of a mailbox file.
fn wire_form(bytes: &[u8]) -> Bytes {
    let bytes = bytes.get(..LETTER_BYTES_MAX).unwrap_or(bytes);
    let mut lines = bytes.split(|byte| *byte == b'\n').peekable();
    lines.next_if(|line| line.starts_with(b"From "));
    let mut letter = Vec::with_capacity(bytes.len() + bytes.len() / 16);
    for line in lines {
        letter.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        letter.extend_from_slice(b"\r\n");
    }
    letter.into()
}

/// How a letter came, by the lines that its own server put before it.
struct Trace {
    peer: Option<IpAddr>,
    greeting: String,
    reverse: Outcome,
    sender: String,
    seconds: Option<i64>,
}

impl Trace {
    fn read(block: &[u8]) -> Self {
        let mut trace = Self {
            peer: None,
            greeting: "[]".to_owned(), // No rule is about it.
            reverse: Outcome::None,
            sender: String::new(),
            seconds: None,
        };
        if let Some(sender) = header::find(block, "Return-Path") {
            let sender = String::from_utf8_lossy(sender.value);
            let bare = sender.trim().trim_start_matches('<').trim_end_matches('>');
            bare.clone_into(&mut trace.sender);
        }
        for field in header::fields(block).filter(|field| field.is("Received")) {
            if trace.received(&String::from_utf8_lossy(&header::unfold(field.value))) {
                break;
            }
        }
        trace
    }

    /// Takes a Received line in; false if it is of one's own machine, or of a form that tells
    /// nothing: `from GREETING (NAME [ADDRESS]) by …; DATE`.
    fn received(&mut self, line: &str) -> bool {
        let date = line
            .rsplit_once(';')
            .and_then(|(_, date)| Date::parse(date.as_bytes()));
        self.seconds = self.seconds.or(date.map(|date| date.seconds));
        let Some(line) = line.trim_start().strip_prefix("from ") else {
            return false;
        };
        let (line, _) = line.split_once(" by ").unwrap_or((line, ""));
        let (greeting, rest) = line.split_once(' ').unwrap_or((line, ""));
        let Some((before, rest)) = rest.split_once('[') else {
            return false;
        };
        let address = rest.split(']').next().unwrap_or_default();
        let Ok(peer) = address.parse::<IpAddr>() else {
            return false;
        };
        if peer.is_loopback() {
            return false;
        }
        let name = before.trim_start_matches('(').rsplit('@').next();
        let is_named = name.is_some_and(|name| name.contains('.'));
        self.reverse = if is_named {
            Outcome::Pass
        } else {
            Outcome::Fail
        };
        self.peer = Some(peer);
        greeting.clone_into(&mut self.greeting);
        true
    }
}

/// What the letters of all parts but one teach.
fn learn(letters: &[Judged], but: usize) -> (Counts, HashMap<&str, Counts>) {
    let (mut seen, mut counts) = (Counts::default(), HashMap::new());
    for (number, letter) in letters.iter().enumerate() {
        if number % PARTS == but {
            continue;
        }
        for word in &letter.words {
            count(counts.entry(word.as_str()).or_default(), letter.is_unwanted);
        }
        count(&mut seen, letter.is_unwanted);
    }
    (seen, counts)
}

fn count(counts: &mut Counts, is_unwanted: bool) {
    if is_unwanted {
        counts.unwanted += 1;
    } else {
        counts.wanted += 1;
    }
}

fn by_rules(letter: &Judged) -> i32 {
    letter
        .rules
        .iter()
        .map(|&number| RULES[number].tenths)
        .sum()
}

fn by_words(letter: &Judged, seen: Counts, known: &HashMap<&str, Counts>, is_own: bool) -> i32 {
    let words = letter.words.iter();
    let words = words.map(|word| known.get(word.as_str()).copied().unwrap_or_default());
    let found = bayes::probability(seen, words);
    found.map_or(0, |found| bayes::points(found, is_own).0)
}

fn tell(title: &str, letters: &[Judged], points: &[i32]) {
    println!("\n{title}: wanted taken for unwanted, unwanted taken for wanted");
    let all = letters.len();
    let unwanted = letters.iter().filter(|letter| letter.is_unwanted).count();
    for threshold in THRESHOLDS {
        let wrong = |is_unwanted: bool| {
            let wrong = letters.iter().zip(points).filter(|(letter, points)| {
                letter.is_unwanted == is_unwanted && (**points >= threshold) != is_unwanted
            });
            wrong.count()
        };
        let (lost, let_in) = (wrong(false), wrong(true));
        println!(
            "{:>6} {lost:>6} {:>7.2} % {let_in:>6} {:>7.2} %",
            Points(threshold).to_string(),
            lost as f64 * 100.0 / (all - unwanted).max(1) as f64,
            let_in as f64 * 100.0 / unwanted.max(1) as f64
        );
    }
}

/// The wanted letters that would go to Junk, with the reasons.
fn tell_names(letters: &[Judged], points: &[i32]) {
    let junk = Settings::default().spam.junk.0;
    for (letter, points) in letters.iter().zip(points) {
        if letter.is_unwanted || *points < junk {
            continue;
        }
        let names: Vec<_> = letter.rules.iter().map(|&rule| RULES[rule].name).collect();
        let points = Points(*points);
        println!("{points} {} {}", letter.file.display(), names.join(" "));
    }
}

fn tell_rules(letters: &[Judged]) {
    let mut hits: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for letter in letters {
        for &rule in &letter.rules {
            let (unwanted, wanted) = hits.entry(rule).or_default();
            *(if letter.is_unwanted { unwanted } else { wanted }) += 1;
        }
    }
    let unwanted = letters.iter().filter(|letter| letter.is_unwanted).count();
    let share = |count: usize, of: usize| count as f64 * 100.0 / of.max(1) as f64;
    println!("\npoints, share of wanted and of unwanted letters, rule");
    for (rule, (bad, good)) in hits {
        println!(
            "{:>6} {:>7.2} % {:>7.2} %  {}",
            Points(RULES[rule].tenths).to_string(),
            share(good, letters.len() - unwanted),
            share(bad, unwanted),
            RULES[rule].name
        );
    }
}
