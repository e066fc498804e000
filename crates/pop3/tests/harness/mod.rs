//! Leads sessions over an engine in memory, as the driver in `server` would, and reads dialogues
//! from text files.
//!
//! A file holds dialogues: `== rule` begins one, `@ clear` or `@ tls` opens a connection (again: a
//! second session on the same server), `C:` is a line from the client, `S:` one from the server
//! (`…` at its end stands for anything);
//! `! closed`, `! tls` (the handshake that was asked for), `! inbox number`.
//! Alice's Inbox holds three letters: see [`LETTERS`].
#![allow(dead_code)] // Each test file uses its part.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.
#![allow(clippy::indexing_slicing, clippy::missing_panics_doc)]

use engine::delivery::{Arrival, Failing};
use engine::dialogue::{Answer, Closed, Dialogue, Input, Output, Question, Record};
use engine::queue::{Notify, Return};
use engine::rehearsal::Rehearsal;
use engine::{Envelope, NewLetter, Reading, Recipient, Role, Settings, Shelf, Uid};
use pop3::{Limits, Service, Session};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Alice's letters, put in without trace lines.
pub const LETTERS: [&[u8]; 3] = [
    b"Subject: one\r\n\r\nfirst\r\n.dot\r\n..\r\n",
    b"Subject: two\r\n\r\n1\r\n\r\n3\r\n",
    b"Subject: three\r\n\r\nno end",
];

/// Steps after which a session that goes on without input is broken.
const STEPS_MAX: usize = 100_000;

pub const ALICE: &str = "alice@example.test";

pub struct Stage {
    pub house: Rehearsal,
    pub session: Session,
    pub said: Vec<u8>,
    pub log: Vec<Record>,
    pub asks_for_tls: bool,
    pub is_closed: bool,
    pending: Vec<u8>,
    limits: Limits,
}

pub fn house() -> Rehearsal {
    let settings = Settings {
        hostname: "mx.example.test".to_owned(),
        ..Settings::default()
    };
    let house = Rehearsal::new(settings).unwrap();
    house.person(ALICE).unwrap();
    for letter in LETTERS {
        append(&house, letter);
    }
    house
}

/// Puts a letter into Alice's Inbox as it is.
pub fn append(house: &Rehearsal, letter: &[u8]) {
    let account = house.engine.account_as_server(house.number(ALICE).unwrap());
    let mut upload = account.upload().unwrap();
    upload.write(letter).unwrap();
    let staged = upload.finish().unwrap();
    let (inbox, _) = account
        .read()
        .unwrap()
        .folder_with_role(Role::Inbox)
        .unwrap()
        .unwrap();
    let pending = account.write(|txn| txn.append(&NewLetter::new(inbox, &staged)));
    pending.unwrap().wait().unwrap();
}

/// Delivers a letter, so that it has trace lines.
pub fn deliver(house: &Rehearsal, letter: &[u8]) {
    let mut upload = house.engine.upload().unwrap();
    upload.write(letter).unwrap();
    let envelope = Envelope {
        sender: String::new(),
        recipients: vec![Recipient {
            address: ALICE.to_owned(),
            resolution: house.engine.directory().resolve(ALICE).unwrap(),
            notify: Notify::USUAL,
            original: None,
        }],
        envelope_id: None,
        returning: Return::default(),
        needs_utf8: false,
        submitter: None,
        arrival: Arrival::default(),
        failing: Failing::Whole,
    };
    let staged = upload.finish().unwrap();
    house
        .engine
        .deliver(&envelope, &staged)
        .unwrap()
        .wait()
        .unwrap();
}

/// Uids and whether each letter is seen, of Alice's Inbox.
pub fn inbox(house: &Rehearsal) -> Vec<(Uid, bool)> {
    let account = house.engine.account_as_server(house.number(ALICE).unwrap());
    let view = account.read().unwrap();
    let (inbox, _) = view.folder_with_role(Role::Inbox).unwrap().unwrap();
    let mut rows = Vec::new();
    view.items(inbox, Shelf::Mail, 1..=u32::MAX, &mut |uid, row| {
        rows.push((uid, row.flags.contains(engine::Flags::SEEN)));
        ControlFlow::Continue(())
    })
    .unwrap();
    rows
}

impl Stage {
    pub fn new(encrypted: bool) -> Self {
        Self::with(
            house(),
            encrypted,
            Limits {
                errors_max: 8,
                ..Limits::default()
            },
        )
    }

    pub fn with(house: Rehearsal, encrypted: bool, limits: Limits) -> Self {
        let service = Service {
            engine: house.engine.clone(),
            limits,
        };
        let mut stage = Self {
            session: Session::new(Arc::new(service)),
            house,
            said: Vec::new(),
            log: Vec::new(),
            asks_for_tls: false,
            is_closed: false,
            pending: Vec::new(),
            limits,
        };
        let peer = stage.house.peer(encrypted);
        stage.give(Input::Opened(peer));
        stage
    }

    /// Another connection to the same server; the one before is left behind.
    pub fn reconnect(&mut self, encrypted: bool) -> Session {
        let service = Service {
            engine: self.house.engine.clone(),
            limits: self.limits,
        };
        let before = std::mem::replace(&mut self.session, Session::new(Arc::new(service)));
        (self.asks_for_tls, self.is_closed) = (false, false);
        self.pending.clear();
        let peer = self.house.peer(encrypted);
        self.give(Input::Opened(peer));
        before
    }

    /// Signed in as Alice, with all that was said forgotten.
    pub fn signed_in() -> Self {
        let mut stage = Self::new(true);
        stage.sign_in();
        stage
    }

    pub fn sign_in(&mut self) {
        self.send(b"USER alice@example.test\r\nPASS alice\r\n");
        let lines = self.lines();
        assert!(
            lines.iter().all(|line| line.starts_with("+OK")),
            "{lines:?}"
        );
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
                        assert!(bytes.len() <= engine::dialogue::SEND_BYTES_MAX);
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
}

/// Runs every dialogue of a file.
pub fn run(text: &str) {
    let mut dialogues = text.split("\n== ");
    dialogues.next(); // What stands before the first is a comment.
    let mut count = 0;
    for dialogue in dialogues {
        let (rule, steps) = dialogue.split_once('\n').unwrap();
        Player {
            rule,
            stage: None,
            unsent: Vec::new(),
            heard: VecDeque::new(),
        }
        .play(steps);
        count += 1;
    }
    assert!(count > 0, "no dialogues");
}

struct Player<'a> {
    rule: &'a str,
    stage: Option<Stage>,
    unsent: Vec<u8>,
    heard: VecDeque<String>,
}

impl Player<'_> {
    fn play(mut self, steps: &str) {
        for line in steps
            .lines()
            .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        {
            let (mark, rest) = line.split_at_checked(2).unwrap_or((line, ""));
            let rest = rest.strip_prefix(' ').unwrap_or(rest);
            match mark {
                "@ " => self.open(rest == "tls"),
                "C:" => {
                    self.unsent.extend(rest.as_bytes());
                    self.unsent.extend(b"\r\n");
                }
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

    fn open(&mut self, encrypted: bool) {
        match &mut self.stage {
            None => self.stage = Some(Stage::new(encrypted)),
            Some(stage) => drop(stage.reconnect(encrypted)),
        }
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
        let stage = self.stage.as_mut().expect("a dialogue begins with @");
        match words.split(' ').collect::<Vec<_>>().as_slice() {
            ["closed"] => assert!(stage.is_closed, "{rule}: still open"),
            ["tls"] => stage.set_up_tls(),
            ["inbox", number] => {
                assert_eq!(
                    inbox(&stage.house).len().to_string(),
                    *number,
                    "{rule}: letters"
                );
            }
            _ => panic!("{rule}: what is {words:?}?"),
        }
    }
}
