//! Dialogues written down in a text file, and whether sessions keep to them.
//!
//! What stands before the first `== rule` is a comment, as is a line that begins with `#`. In a
//! dialogue:
//!
//! ```text
//! @ words        a connection; what the words mean is the protocol's ([`Play::connect`])
//! C: NOOP        a line from the client
//! C> NOOP\n\0    bytes from it, with the escapes \r \n \0 \\
//! S: +OK …       a line from the server; … stands for any text to its end
//! ! closed       the server has closed the connection
//! ! tls          the handshake that it has asked for
//! ! words        anything else that must hold ([`Play::check`])
//! ```
//!
//! Lines of the client that follow one another go in one group. Whatever the server says must be
//! written down.
//!
//! Start at [`dialogues!`](crate::dialogues), which makes a test of each file, or at [`run`].

use super::{Rehearsal, Wire};
use crate::dialogue::{Dialogue, Peer};
use std::collections::VecDeque;

/// Makes a test of each of these text files in a folder of `tests`: `run` plays what stands in it.
///
/// ```ignore
/// engine::dialogues! { "dialogues", harness::run; sign_in order }
/// ```
#[macro_export]
macro_rules! dialogues {
    ($folder:literal, $run:path; $($name:ident)*) => {
        $(#[test]
        fn $name() {
            $run(include_str!(concat!($folder, "/", stringify!($name), ".txt")));
        })*
    };
}

/// What the dialogues of one protocol need besides their lines.
pub trait Play {
    /// Its sessions.
    type Session: Dialogue;

    /// A new server for each dialogue.
    fn house() -> Rehearsal;

    /// The connection that the words behind `@` describe.
    fn connect(house: &Rehearsal, words: &str) -> (Self::Session, Peer);

    /// Whether what the words behind `!` say is so; they may be about anything.
    fn check(wire: &Wire<Self::Session>, words: &[&str]) -> bool;
}

/// Plays every dialogue of a file.
///
/// # Panics
///
/// If a session says anything else than what is written, or if there is no dialogue.
pub fn run<P: Play>(text: &str) {
    let dialogues: Vec<&str> = text.split("\n== ").skip(1).collect();
    assert!(!dialogues.is_empty(), "no dialogues");
    for dialogue in dialogues {
        let (rule, steps) = dialogue.split_once('\n').unwrap_or((dialogue, ""));
        let mut stage = Stage::<P> {
            rule,
            house: P::house(),
            wire: None,
            unsent: Vec::new(),
            heard: VecDeque::new(),
        };
        steps.lines().for_each(|line| stage.play(line));
        stage.flush();
        assert!(
            stage.heard.is_empty(),
            "{rule}: more was said: {:?}",
            stage.heard
        );
    }
}

struct Stage<'a, P: Play> {
    rule: &'a str,
    house: Rehearsal,
    wire: Option<Wire<P::Session>>,
    unsent: Vec<u8>,
    heard: VecDeque<String>,
}

impl<P: Play> Stage<'_, P> {
    fn play(&mut self, line: &str) {
        if line.trim().is_empty() || line.starts_with('#') {
            return;
        }
        let (mark, rest) = line.split_at_checked(2).unwrap_or((line, ""));
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        match mark {
            "@ " => self.connect(rest),
            "C:" => {
                self.unsent.extend_from_slice(rest.as_bytes());
                self.unsent.extend_from_slice(b"\r\n");
            }
            "C>" => self.unsent.extend(unescaped(rest)),
            "S:" => self.expect(rest),
            "! " => self.check(rest),
            _ => assert!(line.is_empty(), "{}: what is {line:?}?", self.rule),
        }
    }

    fn connect(&mut self, words: &str) {
        let (session, peer) = P::connect(&self.house, words);
        self.wire = Some(Wire::open(&self.house, session, peer));
    }

    /// Sends what the client has said since the last answer.
    fn flush(&mut self) {
        assert!(self.wire.is_some(), "{}: begins without @", self.rule);
        if let Some(wire) = &mut self.wire {
            wire.send(&std::mem::take(&mut self.unsent));
            self.heard.extend(wire.lines());
        }
    }

    fn expect(&mut self, expected: &str) {
        self.flush();
        let heard = self.heard.pop_front();
        let fits = heard
            .as_deref()
            .is_some_and(|heard| match expected.strip_suffix('…') {
                Some(start) => heard.starts_with(start),
                None => heard == expected,
            });
        assert!(fits, "{}: {heard:?}, not {expected:?}", self.rule);
    }

    fn check(&mut self, words: &str) {
        self.flush();
        let Some(wire) = &mut self.wire else { return };
        let holds = match words {
            "closed" => wire.is_closed,
            "tls" => {
                wire.set_up_tls();
                true
            }
            _ => P::check(wire, &words.split(' ').collect::<Vec<_>>()),
        };
        assert!(holds, "{}: not so: {words}", self.rule);
    }
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        out.push(match character {
            '\\' => match characters.next() {
                Some('r') => '\r',
                Some('n') => '\n',
                Some('0') => '\0',
                other => other.unwrap_or('\\'),
            },
            other => other,
        });
    }
    out.into_bytes()
}
