//! Runs the dialogues in `tests/dialogues`, each on a new engine in memory.
//!
//! ```text
//! # A note.
//! ! plain                      the connections begin without TLS (else with)
//! C: a1 NOOP                   the client sends a line
//! S: a1 OK …                   the server answers; … stands for any text within the line
//! S: … ⟨key⟩                   the same, and the text is remembered: ⟨key⟩ stands for it from now on
//! S: (any)                     lines that nobody looks at, until the next that is named
//! A: …   B: …                  like C:, on two connections; S: belongs to the one that spoke last
//! A:!                          looks at what A was sent meanwhile
//! ! utf8-only                  first of all: the server serves only clients that take UTF-8
//! ! limit 3 all                the same: no command works on more messages (or `saves`: APPEND, COPY)
//! ! closed                     the connection must be closed by now
//! ! tls                        the handshake that the server has asked for
//! ! pass 60                    so many seconds pass
//! ! slow 12                    as many pass before each step that the one who speaks waits for
//! ! letters 1:3,20             alice's inbox has letters of these UIDs: `Number 1.` and so on
//! ! administrator              alice may use the administration
//! ! disabled                   alice may not sign in any more
//! ! person bob@example.test    someone more, whose password is `bob`
//! ! read-by-each alice@… Work  what was read there is kept for each reader
//! ```
//! Client lines that follow one another are sent at once. Whatever the server sends must be named.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::wire::{Wire, open, stage};
use engine::directory::administration::AccountChange;
use engine::rehearsal::Rehearsal;
use engine::{EngineError, FolderChange, Limits, NewLetter, Reading, Role, Settings, Staged, Uid};
use std::collections::HashMap;
use std::collections::VecDeque;

struct Stage {
    rehearsal: Rehearsal,
    wires: HashMap<char, Wire>,
    current: char,
    encrypted: bool,
    pending: Vec<u8>,
    lines: VecDeque<String>,
    /// What was remembered, with its name in its brackets.
    known: HashMap<String, String>,
}

impl Stage {
    fn new() -> Self {
        Self {
            rehearsal: stage(Settings::default()),
            wires: HashMap::new(),
            current: 'C',
            encrypted: true,
            pending: Vec::new(),
            lines: VecDeque::new(),
            known: HashMap::new(),
        }
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            let bytes = std::mem::take(&mut self.pending);
            self.wires.get_mut(&self.current).unwrap().send(&bytes);
        }
        if let Some(wire) = self.wires.get_mut(&self.current) {
            wire.look_up();
            self.lines.extend(wire.take().lines().map(str::to_owned));
        }
    }

    fn speak(&mut self, who: char, text: &str) {
        if who != self.current {
            self.flush();
            assert!(self.lines.is_empty(), "not named: {:?}", self.lines);
            self.current = who;
        }
        if !self.wires.contains_key(&who) {
            self.wires
                .insert(who, open(&self.rehearsal, self.encrypted));
            self.flush();
            let greeting = self.lines.pop_front().unwrap();
            assert!(
                greeting.starts_with("* OK [CAPABILITY IMAP4rev2 IMAP4rev1 "),
                "{greeting}"
            );
        }
        if text == "!" {
            return self.flush();
        }
        self.pending.extend_from_slice(self.fill(text).as_bytes());
        self.pending.extend_from_slice(b"\r\n");
    }

    /// A line with what is remembered in its place.
    fn fill(&self, line: &str) -> String {
        let mut filled = line.to_owned();
        for (name, value) in &self.known {
            filled = filled.replace(name, value);
        }
        filled
    }

    /// Compares a line and remembers what it is asked to.
    fn is_expected(&mut self, pattern: &str, line: &str) -> bool {
        let pattern = self.fill(pattern);
        let (mut plain, mut names) = (String::new(), Vec::new());
        let mut rest = pattern.as_str();
        while let Some((before, gap)) = rest.find(['…', '⟨']).map(|at| rest.split_at(at)) {
            let last = if gap.starts_with('…') { '…' } else { '⟩' };
            let (name, behind) = gap.split_at(gap.find(last).unwrap() + last.len_utf8());
            plain += before;
            plain.push('…');
            names.push(name.to_owned());
            rest = behind;
        }
        let Some(gaps) = gaps(&(plain + rest), line) else {
            return false;
        };
        let told = names.into_iter().zip(gaps.into_iter().map(str::to_owned));
        self.known.extend(told.filter(|(name, _)| name != "…"));
        true
    }

    fn limit(&mut self, limits_all_requests: bool) {
        self.rehearsal = stage(Settings {
            limits: Limits {
                items_per_request_max: 3,
                limits_all_requests,
                ..Limits::default()
            },
            ..Settings::default()
        });
    }

    fn change_alice(&self, change: &AccountChange) {
        let alice = self.rehearsal.number("alice@example.test").unwrap();
        let changed = self.rehearsal.engine.change_account(alice, change);
        changed.unwrap().wait().unwrap();
    }

    fn promote(&self) {
        self.change_alice(&AccountChange {
            administrator: Some(true),
            ..AccountChange::default()
        });
    }

    fn disable(&mut self) {
        self.flush();
        self.change_alice(&AccountChange {
            enabled: Some(false),
            ..AccountChange::default()
        });
    }

    fn keep_for_each(&self, place: &str) {
        let (address, path) = place.split_once(' ').unwrap();
        let owner = self.rehearsal.number(address).unwrap();
        let account = self.rehearsal.engine.account_as_server(owner);
        let (folder, _) = account.read().unwrap().folder_at(&[path]).unwrap().unwrap();
        let change = FolderChange {
            read_by_each: Some(true),
            ..FolderChange::default()
        };
        let changed = account.write(|txn| txn.update_folder(folder, &change));
        let changed: Result<_, EngineError> = changed;
        changed.unwrap().wait().unwrap();
    }

    fn put_letters(&self, uids: &str) {
        let alice = self.rehearsal.number("alice@example.test").unwrap();
        let account = self.rehearsal.engine.account_as_server(alice);
        let inbox = account.read().unwrap().folder_with_role(Role::Inbox);
        let (inbox, _) = inbox.unwrap().unwrap();
        let runs = uids.split(',').map(|run| {
            let (first, last) = run.split_once(':').unwrap_or((run, run));
            first.parse().unwrap()..=last.parse::<u32>().unwrap()
        });
        let letters: Vec<(u32, Staged)> = runs
            .flatten()
            .map(|uid| (uid, format!("Subject: x\r\n\r\nNumber {uid}.\r\n")))
            .map(|(uid, text)| (uid, self.rehearsal.staged(text.as_bytes()).unwrap()))
            .collect();
        let put = account.write(|txn| {
            for (uid, staged) in &letters {
                let letter = NewLetter::new(inbox, staged);
                let uid = Some(Uid(*uid));
                txn.append(&NewLetter { uid, ..letter })?;
            }
            Ok::<_, EngineError>(())
        });
        put.unwrap().wait().unwrap();
    }

    fn command(&mut self, text: &str) {
        match text {
            "plain" => self.encrypted = false,
            "closed" => {
                self.flush();
                assert!(self.wires[&self.current].is_closed, "still open");
            }
            "tls" => {
                self.flush();
                let wire = self.wires.get_mut(&self.current).unwrap();
                wire.set_up_tls();
            }
            "utf8-only" => {
                self.rehearsal = stage(Settings {
                    utf8_only: true,
                    ..Settings::default()
                });
            }
            "administrator" => self.promote(),
            "disabled" => self.disable(),
            "limit 3 all" => self.limit(true),
            "limit 3 saves" => self.limit(false),
            other => match other.split_once(' ') {
                Some(("person", address)) => drop(self.rehearsal.person(address).unwrap()),
                Some(("read-by-each", place)) => {
                    self.flush();
                    self.keep_for_each(place);
                }
                Some(("letters", uids)) => self.put_letters(uids),
                Some(("slow", seconds)) => {
                    self.flush();
                    let wire = self.wires.get_mut(&self.current).unwrap();
                    wire.pause_seconds = seconds.parse().unwrap();
                }
                Some(("pass", seconds)) => {
                    self.flush();
                    self.rehearsal.pass(seconds.parse().unwrap());
                }
                _ => panic!("unknown directive {other}"),
            },
        }
    }
}

/// What stands in a line where its pattern has `…`; `None` if they do not match.
fn gaps<'a>(pattern: &str, line: &'a str) -> Option<Vec<&'a str>> {
    let (first, others) = match pattern.split_once('…') {
        Some((first, others)) => (first, Some(others)),
        None => (pattern, None),
    };
    let mut rest = line.strip_prefix(first)?;
    let Some(others) = others else {
        return rest.is_empty().then(Vec::new);
    };
    let mut gaps = Vec::new();
    let mut parts = others.split('…').peekable();
    while let Some(part) = parts.next() {
        let at = match parts.peek() {
            Some(_) => rest.find(part)?,
            None => rest.strip_suffix(part)?.len(),
        };
        gaps.push(&rest[..at]);
        rest = &rest[at + part.len()..];
    }
    Some(gaps)
}

fn check(name: &str, script: &str) {
    let mut stage = Stage::new();
    let mut skipping = false;
    for (number, line) in script.lines().enumerate() {
        let place = format!("{name}:{}: {line}", number + 1);
        if let Some(directive) = line.strip_prefix("! ") {
            stage.command(directive);
        } else if let Some(expected) = line.strip_prefix("S: ") {
            stage.flush();
            if expected == "(any)" {
                skipping = true;
                continue;
            }
            loop {
                let got = stage
                    .lines
                    .pop_front()
                    .unwrap_or_else(|| panic!("{place}\n  nothing came"));
                if stage.is_expected(expected, &got) {
                    break;
                }
                assert!(
                    skipping,
                    "{place}\n  came: {got}\n  then: {:?}",
                    stage.lines
                );
            }
            skipping = false;
        } else if let Some((who @ ("A" | "B" | "C"), text)) = line.split_once(':') {
            assert!(
                stage.lines.is_empty(),
                "{place}\n  not named before: {:?}",
                stage.lines
            );
            stage.speak(
                who.chars().next().unwrap(),
                text.strip_prefix(' ').unwrap_or(text),
            );
        } else {
            assert!(
                line.is_empty() || line.starts_with('#'),
                "{place}\n  not understood"
            );
        }
    }
    stage.flush();
    assert!(
        stage.lines.is_empty(),
        "{name}: not named: {:?}",
        stage.lines
    );
}

#[test]
fn every_dialogue_goes_as_written() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dialogues");
    let mut failures = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let script = std::fs::read_to_string(&path).unwrap();
        count += 1;
        if let Err(why) = std::panic::catch_unwind(|| check(&name, &script)) {
            let why = why.downcast_ref::<String>().cloned();
            failures.push(why.unwrap_or_else(|| format!("{name}: failed")));
        }
    }
    assert!(count > 0);
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
}
