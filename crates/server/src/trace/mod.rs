//! What happened to each letter, kept for as long as a bounded number of files holds it.
//!
//! Whatever is told of a letter in the log is noted here too, one line of JSON for each event, so
//! that `facteur trace` can answer "what happened to it?" after the letter has left the queue. It is
//! for people: nothing depends on it, a line that is lost in a crash changes nothing, and a file
//! that cannot be written stops no mail.
//!
//! Start at [`Trace::note`]; [`found`] reads.

pub mod found;

use engine::dialogue::Record;
use parking_lot::Mutex;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes of one file, after which the next is begun.
const FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Files that are kept.
const FILES_MAX: usize = 8;
/// Bytes of most lines.
const LINE_BYTES: usize = 512;
/// Bytes of one value in a line.
const VALUE_BYTES_MAX: usize = 1_000;

/// The files being written.
pub struct Trace {
    folder: PathBuf,
    open: Mutex<Option<Open>>,
}

struct Open {
    file: File,
    number: u64,
    bytes: u64,
}

impl Trace {
    /// Notes events in a folder, which is made when there is something to note.
    pub fn new(data: &Path) -> Self {
        Self {
            folder: folder(data),
            open: Mutex::new(None),
        }
    }

    /// Notes an event, if it is about a letter. `seconds` is the time since 1970.
    pub fn note(&self, service: &str, record: &Record, seconds: i64) {
        let is_about_one = |(name, _): &(&str, String)| matches!(*name, "letter" | "to");
        if !record.facts.iter().any(is_about_one) {
            return;
        }
        let line = line(service, record, seconds);
        let mut open = self.open.lock();
        if let Err(error) = self.write(&mut open, &line) {
            *open = None;
            tracing::debug!(%error, "the trace cannot be written");
        }
    }

    fn write(&self, open: &mut Option<Open>, line: &[u8]) -> std::io::Result<()> {
        let file = match open {
            Some(file) if file.bytes < FILE_BYTES_MAX => file,
            Some(file) => {
                let next = file.number.saturating_add(1);
                open.insert(self.begin(next)?)
            }
            None => {
                let mut folder = std::fs::DirBuilder::new();
                folder.recursive(true).mode(0o700).create(&self.folder)?;
                let last = numbers(&self.folder).last().copied().unwrap_or(1);
                open.insert(self.begin(last)?)
            }
        };
        file.file.write_all(line)?;
        file.bytes += line.len() as u64;
        Ok(())
    }

    /// Opens a file at its end, and removes those that are too old.
    fn begin(&self, number: u64) -> std::io::Result<Open> {
        #[allow(clippy::disallowed_methods, reason = "not a file of the store")]
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(place(&self.folder, number))?;
        let known = numbers(&self.folder);
        for old in known.iter().rev().skip(FILES_MAX) {
            #[allow(clippy::disallowed_methods, reason = "not a file of the store")]
            let _ = std::fs::remove_file(place(&self.folder, *old));
        }
        let bytes = file.metadata()?.len();
        Ok(Open {
            file,
            number,
            bytes,
        })
    }
}

fn folder(data: &Path) -> PathBuf {
    data.join("trace")
}

fn place(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:08}.jsonl"))
}

/// The numbers of the files that are there, ascending.
fn numbers(folder: &Path) -> Vec<u64> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let number = |entry: std::fs::DirEntry| {
        let name = entry.file_name();
        name.to_str()?.strip_suffix(".jsonl")?.parse().ok()
    };
    let mut numbers: Vec<u64> = entries.flatten().filter_map(number).collect();
    numbers.sort_unstable();
    numbers
}

fn line(service: &str, record: &Record, seconds: i64) -> Vec<u8> {
    let mut line = Vec::with_capacity(LINE_BYTES);
    let event = Event {
        service,
        record,
        seconds,
    };
    // Nothing that is written into memory, and has no key but texts, fails.
    let _ = serde_json::to_writer(&mut line, &event);
    line.push(b'\n');
    line
}

/// An event as a JSON object, written without being made one first: each letter has some.
struct Event<'a> {
    service: &'a str,
    record: &'a Record,
    seconds: i64,
}

impl Serialize for Event<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("at", &self.seconds)?;
        fields.serialize_entry("service", self.service)?;
        fields.serialize_entry("event", self.record.event)?;
        for (name, value) in &self.record.facts {
            let end = value.floor_char_boundary(VALUE_BYTES_MAX);
            fields.serialize_entry(name, value.get(..end).unwrap_or_default())?;
        }
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::dialogue::Level;

    pub(super) fn place(name: &str) -> PathBuf {
        let data =
            std::env::temp_dir().join(format!("facteur-trace-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&data);
        data
    }

    pub(super) fn note(trace: &Trace, event: &'static str, facts: &[(&'static str, &str)]) {
        let facts = facts
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let record = Record {
            level: Level::Info,
            event,
            facts: facts.collect(),
        };
        trace.note("smtp", &record, 1_777_593_600);
    }

    #[test]
    fn only_so_many_files_are_kept_and_the_newest_goes_on() {
        let data = place("files");
        let trace = Trace::new(&data);
        for _ in 0..FILES_MAX + 3 {
            note(&trace, "letter sent", &[("letter", "abc")]);
            trace.open.lock().as_mut().unwrap().bytes = FILE_BYTES_MAX;
        }
        assert_eq!(numbers(&folder(&data)).len(), FILES_MAX);
        let last = numbers(&folder(&data)).last().copied().unwrap();
        let again = Trace::new(&data);
        note(&again, "letter sent", &[("letter", "abc")]);
        assert_eq!(numbers(&folder(&data)).last(), Some(&last));
        std::fs::remove_dir_all(&data).unwrap();
    }

    #[test]
    fn what_is_about_no_letter_is_not_noted() {
        let data = place("nothing");
        note(&Trace::new(&data), "signed in", &[("user", "a")]);
        assert!(!data.exists());
    }
}
