//! Leads a session over an engine in memory, as the driver in `server` would, and reads dialogues
//! from text files.
//!
//! A file holds dialogues: `== rule` begins one, `@ port …` says which listener (`relay`,
//! `submission`,
//! `submissions`, `lmtp`) and perhaps `tls`; `C:` a line from the client, `C>` bytes with `\r \n \0
//! \\` escapes,
//! `S:` a line from the server (`…` at its end stands for anything), `! closed`, `! tls` (the
//! handshake that was asked for), `! inbox address number`, `! queue number`.
#![allow(dead_code)] // Each test file uses its part.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.
#![allow(clippy::indexing_slicing, clippy::missing_panics_doc)]

use engine::dialogue::{Answer, Closed, Dialogue, Input, Output, Question, Record};
use engine::rehearsal::Rehearsal;
use engine::{Cleartext, Reading, Role as FolderRole, Settings, Shelf};
use smtp::{Limits, Role, Service, Session};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Steps after which a session that goes on without input is broken.
const STEPS_MAX: usize = 100_000;

/// Two people, a domain, and one session.
pub struct Stage {
    pub house: Rehearsal,
    pub session: Session,
    pub said: Vec<u8>,
    pub log: Vec<Record>,
    pub asks_for_tls: bool,
    pub is_closed: bool,
    pending: Vec<u8>,
}

pub fn house() -> Rehearsal {
    let settings = Settings {
        hostname: "mx.example.test".to_owned(),
        cleartext: Cleartext::Never,
        limits: engine::Limits {
            message_bytes_max: 1_000_000,
            ..engine::Limits::default()
        },
        ..Settings::default()
    };
    let house = Rehearsal::new(settings).unwrap();
    house.person("alice@example.test").unwrap();
    house.person("bob@example.test").unwrap();
    house
}

impl Stage {
    pub fn new(role: Role, encrypted: bool) -> Self {
        let limits = Limits {
            recipients_max: 3,
            errors_max: 8,
            letters_max: 5,
            ..Limits::default()
        };
        Self::with(house(), role, encrypted, limits)
    }

    /// Another connection to the same server.
    pub fn reconnect(&mut self, role: Role, encrypted: bool) {
        let service = Service {
            engine: self.house.engine.clone(),
            role,
            limits: Limits::default(),
        };
        self.session = Session::new(Arc::new(service));
        (self.asks_for_tls, self.is_closed) = (false, false);
        self.said.clear();
        self.pending.clear();
        let peer = self.house.peer(encrypted);
        self.give(Input::Opened(peer));
    }

    pub fn with(house: Rehearsal, role: Role, encrypted: bool, limits: Limits) -> Self {
        let service = Service {
            engine: house.engine.clone(),
            role,
            limits,
        };
        let peer = house.peer(encrypted);
        let mut stage = Self {
            session: Session::new(Arc::new(service)),
            house,
            said: Vec::new(),
            log: Vec::new(),
            asks_for_tls: false,
            is_closed: false,
            pending: Vec::new(),
        };
        stage.give(Input::Opened(peer));
        stage
    }

    /// Gives an input and does what is asked until the session waits for the peer.
    pub fn give(&mut self, input: Input<'_>) -> usize {
        let mut out = Vec::new();
        let taken = self
            .session
            .advance(input, self.house.engine.now(), &mut out);
        for _ in 0..STEPS_MAX {
            let mut next = None;
            let mut was_sent = false;
            for output in out.drain(..) {
                match output {
                    Output::Send(bytes) => {
                        self.said.extend_from_slice(&bytes);
                        was_sent = true;
                    }
                    Output::Ask(Question::Work(_)) => next = Some(Answer::Work),
                    Output::Ask(Question::Settled(settlement)) => {
                        next = Some(Answer::Settled(settlement.wait()));
                    }
                    Output::Log(record) => self.log.push(record),
                    Output::StartTls => self.asks_for_tls = true,
                    Output::Close => self.is_closed = true,
                    Output::Watch(_) | Output::Unwatch | Output::WaitUntil(_) => {}
                }
            }
            let input = match next {
                Some(answer) => Input::Answer(answer),
                None if was_sent => Input::Sent,
                None => return taken,
            };
            self.session
                .advance(input, self.house.engine.now(), &mut out);
        }
        panic!("the session never waits");
    }

    /// Sends bytes; what is not taken is offered again together with what comes next.
    pub fn send(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        while !self.pending.is_empty() && !self.is_closed && !self.asks_for_tls {
            let pending = std::mem::take(&mut self.pending);
            let taken = self.give(Input::Bytes(&pending));
            self.pending = pending[taken..].to_vec();
            if taken == 0 {
                break;
            }
        }
    }

    /// Sets TLS up, as the session has asked.
    pub fn set_up_tls(&mut self) {
        assert!(
            std::mem::take(&mut self.asks_for_tls),
            "TLS was not asked for"
        );
        self.pending.clear();
        let peer = self.house.peer(true);
        self.give(Input::Opened(peer));
    }

    pub fn stop(&mut self) {
        self.give(Input::Closed(Closed::ByServer));
    }

    /// The lines said since the last call.
    pub fn lines(&mut self) -> Vec<String> {
        let said = String::from_utf8(std::mem::take(&mut self.said)).unwrap();
        assert!(
            said.is_empty() || said.ends_with("\r\n"),
            "half a line: {said:?}"
        );
        said.split_terminator("\r\n").map(str::to_owned).collect()
    }

    /// The letters in someone's Inbox, with all that was put before them.
    pub fn inbox(&self, address: &str) -> Vec<Vec<u8>> {
        let number = self.house.number(address).unwrap();
        let account = self.house.engine.account_as_server(number);
        let view = account.read().unwrap();
        let (inbox, _) = view.folder_with_role(FolderRole::Inbox).unwrap().unwrap();
        let mut rows = Vec::new();
        view.items(inbox, Shelf::Mail, 1..=u32::MAX, &mut |_, row| {
            rows.push(row);
            ControlFlow::Continue(())
        })
        .unwrap();
        let bytes = |row| account.read_message(row, 0..u64::MAX).unwrap().to_vec();
        rows.iter().map(bytes).collect()
    }
}

/// Runs every dialogue of a file.
pub fn run(text: &str) {
    let mut dialogues = text.split("\n== ");
    dialogues.next(); // What stands before the first is a comment.
    let mut count = 0;
    for dialogue in dialogues {
        let (rule, steps) = dialogue.split_once('\n').unwrap();
        Player::new(rule).play(steps);
        count += 1;
    }
    assert!(count > 0, "no dialogues");
}

struct Player<'a> {
    rule: &'a str,
    stage: Option<Stage>,
    unsent: Vec<u8>,
    heard: std::collections::VecDeque<String>,
}

impl<'a> Player<'a> {
    fn new(rule: &'a str) -> Self {
        Self {
            rule,
            stage: None,
            unsent: Vec::new(),
            heard: std::collections::VecDeque::new(),
        }
    }

    fn play(mut self, steps: &str) {
        for line in steps
            .lines()
            .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        {
            let (mark, rest) = line.split_at_checked(2).unwrap_or((line, ""));
            let rest = rest.strip_prefix(' ').unwrap_or(rest);
            match mark {
                "@ " => self.open(rest),
                "C:" => {
                    self.unsent.extend(rest.as_bytes());
                    self.unsent.extend(b"\r\n");
                }
                "C>" => self.unsent.extend(unescaped(rest)),
                "S:" => self.expect(rest),
                "! " => self.check(rest),
                _ => panic!("{}: what is {line:?}?", self.rule),
            }
        }
        self.flush();
        assert!(
            self.heard.is_empty(),
            "{}: more was said: {:?}",
            self.rule,
            self.heard
        );
    }

    fn open(&mut self, words: &str) {
        let role = match words.split(' ').next().unwrap() {
            "relay" => Role::Relay,
            "submission" => Role::Submission,
            "submissions" => Role::Submissions,
            "lmtp" => Role::Lmtp,
            other => panic!("no port {other}"),
        };
        self.stage = Some(Stage::new(role, words.ends_with(" tls")));
    }

    fn stage(&mut self) -> &mut Stage {
        self.stage.as_mut().expect("a dialogue begins with @")
    }

    /// All the client's lines since the last answer go in one group, as PIPELINING has it.
    fn flush(&mut self) {
        let unsent = std::mem::take(&mut self.unsent);
        let stage = self.stage.as_mut().expect("a dialogue begins with @");
        if !unsent.is_empty() {
            stage.send(&unsent);
        }
        self.heard.extend(stage.lines());
    }

    fn expect(&mut self, expected: &str) {
        self.flush();
        let heard = self.heard.pop_front();
        let heard = heard.unwrap_or_else(|| panic!("{}: silence, not {expected:?}", self.rule));
        let fits = match expected.strip_suffix('…') {
            Some(start) => heard.starts_with(start),
            None => heard == expected,
        };
        assert!(fits, "{}: {heard:?}, not {expected:?}", self.rule);
    }

    fn check(&mut self, words: &str) {
        self.flush();
        let rule = self.rule;
        let stage = self.stage();
        match words.split(' ').collect::<Vec<_>>().as_slice() {
            ["closed"] => assert!(stage.is_closed, "{rule}: still open"),
            ["tls"] => stage.set_up_tls(),
            ["inbox", address, number] => {
                let count = stage.inbox(address).len();
                assert_eq!(count.to_string(), *number, "{rule}: letters of {address}");
            }
            ["queue", number] => {
                let count = stage.house.engine.queue().unwrap().len();
                assert_eq!(count.to_string(), *number, "{rule}: queued letters");
            }
            _ => panic!("{rule}: what is {words:?}?"),
        }
    }
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => bytes.push(match characters.next().unwrap() {
                'r' => b'\r',
                'n' => b'\n',
                '0' => 0,
                other => u8::try_from(other).unwrap(),
            }),
            _ => bytes.extend(character.to_string().as_bytes()),
        }
    }
    bytes
}
