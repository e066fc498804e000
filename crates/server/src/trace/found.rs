//! Reading the trace: all that was noted of a letter, or of the letters of an address.
//!
//! Start at [`of`].

use super::{folder, numbers, place};
use formats::moment::rfc3339;
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// The event of a letter that came.
const ARRIVAL: &str = "letter delivered";
/// Letters of one address that are shown: the latest.
const LETTERS_MAX: usize = 200;
/// Events that are shown.
const EVENTS_MAX: usize = 5_000;
/// Bytes of a line; what is longer was not written here.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event(pub Map<String, Value>);

impl Event {
    fn parse(line: &str) -> Option<Self> {
        match serde_json::from_str(line) {
            Ok(Value::Object(fields)) => Some(Self(fields)),
            _ => None,
        }
    }

    /// A fact; empty when it was not noted.
    pub fn fact(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// When it happened, in seconds since 1970.
    fn at(&self) -> i64 {
        self.0.get("at").and_then(Value::as_i64).unwrap_or_default()
    }

    fn concerns(&self, address: &str) -> bool {
        let is_it = |known: &str| known.eq_ignore_ascii_case(address);
        is_it(self.fact("from")) || self.fact("to").split(' ').any(is_it)
    }

    /// The event in plain words.
    pub fn words(&self) -> String {
        let at = self.at();
        let (from, to, by) = (self.fact("from"), self.fact("to"), self.fact("by"));
        let answer = self.fact("answer");
        let host = if by.is_empty() { "nobody" } else { by };
        let sender = if from.is_empty() { "<>" } else { from };
        let words = match self.fact("event") {
            ARRIVAL => {
                let peer = self.fact("peer");
                let (size, result) = (self.fact("size"), self.fact("result"));
                format!("came from {peer}: {sender} to {to}, {size} bytes: {result}")
            }
            "letter sent" => {
                let tls = self.fact("tls");
                format!("sent to {to}: {host} took it ({tls}) and said: {answer}")
            }
            "letter delayed" => format!("not yet sent to {to}: {host}: {answer}"),
            "letter failed" => format!("given up for {to}: {host}: {answer}"),
            "sender told" => format!("{to} was told by letter {}", self.fact("notice")),
            other => self.facts(other),
        };
        format!("{}  {words}", rfc3339(at))
    }

    fn facts(&self, event: &str) -> String {
        let known = ["at", "service", "event", "letter"];
        let facts = self
            .0
            .iter()
            .filter(|(name, _)| !known.contains(&name.as_str()));
        let facts: Vec<String> = facts
            .map(|(name, value)| format!("{name} {}", value.as_str().unwrap_or_default()))
            .collect();
        format!("{event}: {}", facts.join(", "))
    }
}

/// The events of a letter by its name, or of the latest letters from and to an address, in the
/// order in which they happened.
pub fn of(data: &Path, what: &str) -> Vec<Event> {
    let mut events = found(data, what);
    // Within one second an attempt may have been written down before the arrival was.
    events.sort_by_key(|event| (event.at(), event.fact("event") != ARRIVAL));
    events
}

fn found(data: &Path, what: &str) -> Vec<Event> {
    if !what.contains('@') {
        return all(data, what, |event| event.fact("letter") == what);
    }
    let needle = what.to_ascii_lowercase();
    let own = all(data, &needle, |event| event.concerns(what));
    let mut letters: Vec<&str> = own.iter().map(|event| event.fact("letter")).collect();
    letters.dedup();
    let from = letters.len().saturating_sub(LETTERS_MAX);
    let latest: HashSet<&str> = letters.iter().skip(from).copied().collect();
    all(data, "", |event| {
        let letter = event.fact("letter");
        if letter.is_empty() {
            event.concerns(what)
        } else {
            latest.contains(letter)
        }
    })
}

/// The latest events that are wanted. A line without `needle` (in lower case) is not even parsed.
fn all(data: &Path, needle: &str, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
    let folder = folder(data);
    let mut events = Vec::new();
    for number in numbers(&folder) {
        #[allow(clippy::disallowed_methods, reason = "not a file of the store")]
        let Ok(file) = File::open(place(&folder, number)) else {
            continue;
        };
        each_line(file, |line| {
            if line.to_ascii_lowercase().contains(needle)
                && let Some(event) = Event::parse(line)
                && wanted(&event)
            {
                events.push(event);
            }
        });
    }
    let from = events.len().saturating_sub(EVENTS_MAX);
    events.split_off(from)
}

fn each_line(file: File, mut take: impl FnMut(&str)) {
    let mut lines = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = lines
            .by_ref()
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line);
        match read {
            Ok(count) if count > 0 => take(&String::from_utf8_lossy(&line)),
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Trace;
    use super::super::tests::{note, place};
    use super::*;

    fn story() -> (std::path::PathBuf, Vec<&'static str>) {
        let data = place(&format!("story-{:?}", std::thread::current().id()));
        let trace = Trace::new(&data);
        let arrival = [
            ("letter", "aa"),
            ("from", "A@x.test"),
            ("to", "b@y.test c@y.test"),
        ];
        note(&trace, "letter delivered", &arrival);
        note(
            &trace,
            "letter delivered",
            &[("letter", "bb"), ("from", "z@x.test"), ("to", "d@y.test")],
        );
        let sent = [
            ("letter", "aa"),
            ("to", "b@y.test"),
            ("by", "mx.y.test"),
            ("answer", "250 ok"),
        ];
        note(&trace, "letter sent", &sent);
        note(
            &trace,
            "sender told",
            &[("letter", "aa"), ("to", "someone else"), ("notice", "cc")],
        );
        (data, vec!["letter delivered", "letter sent", "sender told"])
    }

    fn events(found: &[Event]) -> Vec<&str> {
        found.iter().map(|event| event.fact("event")).collect()
    }

    #[test]
    fn a_letter_is_found_by_its_name_and_by_each_of_its_addresses() {
        let (data, expected) = story();
        for what in ["aa", "a@x.test", "B@y.test", "c@y.test"] {
            assert_eq!(events(&of(&data, what)), expected, "{what}");
        }
        assert_eq!(of(&data, "d@y.test").len(), 1);
        assert!(of(&data, "nobody@y.test").is_empty() && of(&data, "a").is_empty());
        std::fs::remove_dir_all(&data).unwrap();
    }

    #[test]
    fn a_letter_came_before_it_was_sent_whatever_was_written_down_first() {
        let data = place("order");
        let trace = Trace::new(&data);
        for event in ["letter delayed", "letter delivered"] {
            note(&trace, event, &[("letter", "aa"), ("to", "b@y.test")]);
        }
        let expected = ["letter delivered", "letter delayed"];
        assert_eq!(events(&of(&data, "aa")), expected);
        std::fs::remove_dir_all(&data).unwrap();
    }

    #[test]
    fn an_event_is_told_in_plain_words() {
        let (data, _) = story();
        let found = of(&data, "aa");
        assert_eq!(
            found[1].words(),
            "2026-05-01T00:00:00Z  sent to b@y.test: mx.y.test took it () and said: 250 ok"
        );
        std::fs::remove_dir_all(&data).unwrap();
    }
}
