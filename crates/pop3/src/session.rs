//! The dialogue: whose turn it is, what is awaited, and what each input leads to.
//!
//! Pure: owns no socket, thread or clock. Commands are carried out in [`crate::command`]; here
//! stands only in which [`Mode`] what may come. Start at [`Session::advance`].

use crate::ahead::{Ahead, Readers};
use crate::codec::command::{self as grammar, COMMAND_BYTES_MAX, Command};
use crate::codec::letter::Writer;
use crate::command;
use crate::limits::Limits;
use crate::maildrop::{Closing, Maildrop};
use crate::refusal::Refusal;
use engine::dialogue::lines::{Line, Lines, SIGN_IN_BYTES_MAX, command_bytes_max};
use engine::dialogue::link::{Awaited, Link, take_all};
use engine::dialogue::{Answer, Closed, Dialogue, Input, Output, Peer};
use engine::{Engine, Message, Timestamp};
use std::sync::Arc;

/// What all sessions of one listener share.
pub struct Service {
    /// The rules over the store.
    pub engine: Engine,
    /// Bounds of a session.
    pub limits: Limits,
    /// Those that read ahead.
    pub readers: Readers,
}

/// One connection.
pub struct Session {
    pub(crate) service: Arc<Service>,
    pub(crate) link: Link,
    /// What USER said.
    pub(crate) name: Option<String>,
    pub(crate) maildrop: Option<Box<Maildrop>>,
    pub(crate) mode: Mode,
    pub(crate) fetched: u32,
    /// Letters that the client will probably ask for next.
    pub(crate) ahead: Ahead,
    lines: Lines,
}

/// What is awaited.
pub(crate) enum Mode {
    /// The connection.
    Unopened,
    /// A command.
    Command,
    /// That TLS is set up.
    StartingTls,
    /// An answer to a SASL challenge.
    SignIn,
    /// The end of a password's check.
    Checking,
    /// The step that looks at the Inbox.
    Opening,
    /// That a part of a long list is sent.
    Listing(Listing),
    /// The step that opens a letter.
    Fetching(Fetch),
    /// The step that reads the next piece of a letter.
    Reading(Box<Retrieval>),
    /// That a piece of a letter is sent.
    Sending(Box<Retrieval>),
    /// The step that reads the next letters before they are asked for.
    ReadingAhead,
    /// A while, because the threads that read are all busy.
    Paused(Box<Retrieval>),
    /// The step that carries out what QUIT promises.
    Closing,
    /// Its settlement.
    Settling(Closing),
    /// Nothing more.
    Closed,
}

/// Which letter, and how much of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fetch {
    pub(crate) number: usize,
    pub(crate) extent: crate::codec::letter::Extent,
}

/// A letter on its way out.
pub(crate) struct Retrieval {
    pub(crate) fetch: Fetch,
    pub(crate) message: Message,
    pub(crate) offset: u64,
    pub(crate) writer: Writer,
}

/// A long list on its way out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listing {
    pub(crate) column: Column,
    /// Number of the next letter.
    pub(crate) next: usize,
}

/// What a list tells of each letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Size,
    UniqueId,
}

impl Mode {
    /// For whom the session waits in it.
    fn awaited(&self) -> Awaited {
        match self {
            Self::Command | Self::SignIn | Self::StartingTls => Awaited::Peer,
            _ => Awaited::Server,
        }
    }
}

impl Session {
    /// A session for a connection to come.
    pub fn new(service: Arc<Service>) -> Self {
        Self {
            link: Link::new(service.limits.sign_ins_max),
            name: None,
            maildrop: None,
            mode: Mode::Unopened,
            fetched: 0,
            ahead: Ahead::default(),
            lines: Lines::default(),
            service,
        }
    }

    fn opened(&mut self, peer: Peer, now: Timestamp) {
        self.mode = Mode::Command;
        if self.link.open(peer, now) {
            let hostname = &self.service.engine.settings().hostname;
            let greeting = format!("+OK {hostname} POP3 facteur");
            self.say(&[&greeting]);
            self.wait(now);
        } else {
            self.name = None; // What was said in clear is forgotten (RFC 2595 §4).
        }
    }

    /// Asks to be called when the peer may have been idle for too long.
    fn wait(&mut self, now: Timestamp) {
        let limits = &self.service.limits;
        let until = if self.maildrop.is_some() {
            self.link.active_until(limits.idle_seconds)
        } else {
            self.link.open_until(limits.sign_in_seconds)
        };
        if self.link.wait(until, self.mode.awaited(), now) {
            self.close_with(&Refusal::Slow); // Without QUIT nothing is deleted (RFC 1939 §3).
        }
    }

    fn timed_out(&mut self, now: Timestamp) {
        self.ahead.forget();
        match std::mem::replace(&mut self.mode, Mode::Closed) {
            Mode::Closed => {}
            Mode::Paused(retrieval) => {
                command::retrieve::ask(self, retrieval);
                self.wait(now);
            }
            mode => {
                self.mode = mode;
                self.wait(now);
            }
        }
    }

    /// Takes what can be taken without waiting, and says how much that was.
    fn bytes(&mut self, bytes: &[u8]) -> usize {
        take_all(bytes, |rest| match &self.mode {
            _ if self.link.is_full() => 0,
            Mode::Command | Mode::SignIn => self.line(rest),
            Mode::Closed => rest.len(),
            _ => 0,
        })
    }

    fn line(&mut self, bytes: &[u8]) -> usize {
        let bytes_max = match self.mode {
            Mode::SignIn => SIGN_IN_BYTES_MAX,
            _ => command_bytes_max(bytes, COMMAND_BYTES_MAX, &[b"AUTH ", b"USER ", b"PASS "]),
        };
        let (taken, line) = self.lines.take(bytes, bytes_max);
        match line {
            Line::Partial => {}
            Line::Whole(line) => self.command_line(line, taken == bytes.len()),
            Line::Damaged => {
                self.link.signing_in.break_off();
                self.mode = Mode::Command;
                self.refuse(&Refusal::Line);
            }
        }
        taken
    }

    fn command_line(&mut self, line: &[u8], is_last: bool) {
        if let Mode::SignIn = std::mem::replace(&mut self.mode, Mode::Command) {
            return command::authenticate::answer(self, line);
        }
        let outcome = match grammar::parse(line) {
            Ok(command) => self.command(command, is_last),
            Err(malformed) => Err(malformed.into()),
        };
        if let Err(refusal) = outcome {
            self.refuse(&refusal);
        }
    }

    /// Carries a command out, or begins to. Source: RFC 1939 §4–§7 (what is allowed in which
    /// state).
    fn command(&mut self, command: Command, is_last: bool) -> Result<(), Refusal> {
        match command {
            Command::Capa => {
                command::capabilities::run(self);
                Ok(())
            }
            Command::Lang(tag) => command::language::run(self, tag.as_deref()),
            Command::Quit => {
                command::quit::run(self);
                Ok(())
            }
            Command::User(name) => command::authenticate::user(self, name),
            Command::Pass(password) => command::authenticate::password(self, &password),
            Command::Auth(arguments) => command::authenticate::run(self, arguments),
            Command::Stls => command::start_tls::run(self, is_last),
            Command::Utf8 if self.link.user.is_none() => {
                self.ok("UTF-8 it is");
                Ok(())
            }
            command => self.with_maildrop(&command),
        }
    }

    fn with_maildrop(&mut self, command: &Command) -> Result<(), Refusal> {
        let maildrop = self.maildrop.as_mut().ok_or(Refusal::WrongState)?;
        match *command {
            Command::List(letter) => return command::list::run(self, Column::Size, letter),
            Command::Uidl(letter) => return command::list::run(self, Column::UniqueId, letter),
            Command::Retr(letter) => return command::retrieve::whole(self, letter),
            Command::Top(letter, lines) => return command::retrieve::top(self, letter, lines),
            Command::Stat => {
                let (count, size_bytes) = maildrop.totals();
                self.ok(&format!("{count} {size_bytes}"));
            }
            Command::Dele(letter) if maildrop.delete(letter) => self.ok("Marked"),
            Command::Dele(_) => return Err(Refusal::NoSuchLetter),
            Command::Rset => {
                maildrop.reset();
                self.ok("Marks taken off");
            }
            Command::Noop => self.ok("Here"),
            _ => return Err(Refusal::WrongState),
        }
        Ok(())
    }

    fn answered(&mut self, answer: Answer, now: Timestamp) {
        let is_busy = matches!(answer, Answer::Busy);
        match (std::mem::replace(&mut self.mode, Mode::Command), answer) {
            (Mode::Closed, _) => self.mode = Mode::Closed,
            (Mode::Checking, answer) => command::authenticate::check(self, &answer),
            (Mode::Opening, _) => command::authenticate::open(self, is_busy),
            (Mode::Fetching(_), Answer::Busy) => self.refuse(&Refusal::Busy),
            (Mode::Fetching(fetch), _) => command::retrieve::begin(self, fetch),
            (Mode::Reading(retrieval), Answer::Busy) => {
                self.mode = Mode::Paused(retrieval);
                self.link.wait_until(now.plus_seconds(1));
            }
            (Mode::Reading(retrieval), _) => command::retrieve::piece(self, retrieval),
            (Mode::ReadingAhead, Answer::Busy) => self.ahead.forget(),
            (Mode::ReadingAhead, _) => command::retrieve::read_ahead(self, now),
            (Mode::Closing, Answer::Busy) => self.close_with(&Refusal::NotDeleted),
            (Mode::Closing, _) => command::quit::carry_out(self, now),
            (Mode::Settling(closing), Answer::Settled(result)) => {
                command::quit::settled(self, closing, result);
            }
            (mode, _) => self.mode = mode,
        }
    }

    fn sent(&mut self) {
        match std::mem::replace(&mut self.mode, Mode::Command) {
            Mode::Listing(listing) => command::list::go_on(self, listing),
            Mode::Sending(retrieval) => command::retrieve::ask(self, retrieval),
            Mode::Command => command::retrieve::ask_ahead(self),
            mode => self.mode = mode,
        }
    }

    /// Asks for a step that may read the disk.
    pub(crate) fn ask_for_disk(&mut self, mode: Mode) {
        self.mode = mode;
        self.link.ask_for_disk(None);
    }

    pub(crate) fn start_tls(&mut self) {
        self.mode = Mode::StartingTls;
        self.link.start_tls();
    }

    /// Says yes.
    pub(crate) fn ok(&mut self, text: &str) {
        self.say(&["+OK ", text]);
    }

    /// Says a line that comes in parts.
    pub(crate) fn say(&mut self, parts: &[&str]) {
        for part in parts {
            self.link.replies.extend_from_slice(part.as_bytes());
        }
        self.link.replies.extend_from_slice(b"\r\n");
    }

    /// Says no, and closes when that has happened too often.
    pub(crate) fn refuse(&mut self, refusal: &Refusal) {
        self.say(&["-ERR ", refusal.text()]);
        self.log_failure(refusal);
        self.link.count_error();
        let errors_max = self.service.limits.errors_max;
        if self.link.has_erred_too_often(errors_max) {
            self.close_with(&Refusal::TooManyErrors);
        }
    }

    /// Tells the log what the client is not told.
    pub(crate) fn log_failure(&mut self, refusal: &Refusal) {
        if let Refusal::Engine(error) = refusal {
            self.link.log_failure(error.to_string());
        }
    }

    /// Says why, and closes.
    pub(crate) fn close_with(&mut self, refusal: &Refusal) {
        self.say(&["-ERR ", refusal.text()]);
        self.link.log_close(refusal.text());
        self.close();
    }

    pub(crate) fn close(&mut self) {
        self.mode = Mode::Closed;
        self.maildrop = None;
        self.ahead.forget();
        self.link.close();
    }
}

impl Dialogue for Session {
    fn advance(&mut self, input: Input<'_>, now: Timestamp, out: &mut Vec<Output>) -> usize {
        let mut taken = 0;
        self.link.note(&input, now);
        match input {
            Input::Opened(peer) => self.opened(peer, now),
            Input::Bytes(bytes) => taken = self.bytes(bytes),
            Input::Answer(answer) => self.answered(answer, now),
            Input::Timeout => self.timed_out(now),
            Input::Sent => self.sent(),
            Input::Closed(Closed::ByServer) => self.say(&["-ERR ", Refusal::Stopping.text()]),
            Input::Woken => self.ahead.forget(), // Another read might say something else now.
            Input::Closed(Closed::ByPeer) => {}
        }
        self.link.flush(out);
        taken
    }
}
