//! The dialogue: whose turn it is, what is awaited, and what each input leads to.
//!
//! Pure: owns no socket, thread or clock. Commands are carried out in [`crate::command`]; here
//! stands only in which [`Mode`] what may come. Start at [`Session::advance`].

use crate::codec::command::{self as grammar, Command};
use crate::codec::frame::{Frame, Framed, Word};
use crate::codec::write_text;
use crate::command::{self, scripts::Said};
use crate::limits::Limits;
use crate::refusal::Refusal;
use engine::dialogue::lines::SIGN_IN_BYTES_MAX;
use engine::dialogue::link::{Awaited, Link, take_all};
use engine::dialogue::{Answer, Closed, Dialogue, Input, Output, Peer};
use engine::{Engine, SCRIPT_BYTES_MAX, Timestamp};
use std::sync::Arc;

/// What all sessions of one listener share.
pub struct Service {
    /// The rules over the store.
    pub engine: Engine,
    /// Bounds of a session.
    pub limits: Limits,
}

/// One connection.
pub struct Session {
    pub(crate) service: Arc<Service>,
    pub(crate) link: Link,
    pub(crate) mode: Mode,
    frame: Frame,
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
    /// The step that carries a command out.
    Working(Box<Command>),
    /// Its settlement.
    Settling(Box<Said>),
    /// Nothing more.
    Closed,
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
            mode: Mode::Unopened,
            frame: Frame::default(),
            service,
        }
    }

    fn opened(&mut self, peer: Peer, now: Timestamp) {
        self.mode = Mode::Command;
        if self.link.open(peer, now) {
            self.wait(now);
        } else {
            self.frame = Frame::default(); // What was said in clear is forgotten.
        }
        // Also behind STARTTLS, when the client must know anew what it can rely on (RFC 5804 §2.2).
        command::capability::list(self);
        let hostname = self.service.engine.settings().hostname.clone();
        self.ok(None, &format!("{hostname} ManageSieve facteur"));
    }

    /// Asks to be called when the peer may have been idle for too long.
    fn wait(&mut self, now: Timestamp) {
        let limits = &self.service.limits;
        let until = if self.link.user.is_some() {
            self.link.active_until(limits.idle_seconds)
        } else {
            self.link.open_until(limits.sign_in_seconds)
        };
        if self.link.wait(until, self.mode.awaited(), now) {
            self.close_with(&Refusal::Slow);
        }
    }

    /// Takes what can be taken without waiting, and says how much that was.
    fn bytes(&mut self, bytes: &[u8]) -> usize {
        take_all(bytes, |rest| match &self.mode {
            _ if self.link.is_full() => 0,
            Mode::Command | Mode::SignIn => self.words(rest),
            Mode::Closed => rest.len(),
            _ => 0,
        })
    }

    fn words(&mut self, bytes: &[u8]) -> usize {
        // Nobody fills the memory before we know who it is.
        let literal_max = match self.link.user {
            Some(_) => SCRIPT_BYTES_MAX,
            None => SIGN_IN_BYTES_MAX as u64,
        };
        let (taken, framed) = self.frame.take(bytes, literal_max);
        match framed {
            Framed::Partial => {}
            Framed::Whole(words) => self.command_words(words, taken == bytes.len()),
            Framed::TooLarge => self.damaged(&Refusal::TooLarge),
            Framed::Damaged => self.damaged(&Refusal::Line),
            Framed::Endless => self.close_with(&Refusal::TooLarge),
        }
        taken
    }

    fn damaged(&mut self, refusal: &Refusal) {
        self.link.signing_in.break_off();
        self.mode = Mode::Command;
        self.refuse(refusal);
    }

    fn command_words(&mut self, words: Vec<Word>, is_last: bool) {
        if let Mode::SignIn = std::mem::replace(&mut self.mode, Mode::Command) {
            return command::authenticate::answer(self, &words);
        }
        if words.is_empty() {
            return; // An empty line between commands harms nobody.
        }
        let outcome = match grammar::parse(words) {
            Ok(command) => self.command(command, is_last),
            Err(malformed) => Err(malformed.into()),
        };
        if let Err(refusal) = outcome {
            self.refuse(&refusal);
        }
    }

    /// Carries a command out, or begins to. Source: RFC 5804 §2 (what is allowed in which state).
    fn command(&mut self, command: Command, is_last: bool) -> Result<(), Refusal> {
        match command {
            Command::Capability => {
                command::capability::list(self);
                self.ok(None, "That is all");
                Ok(())
            }
            Command::Noop(tag) => {
                self.noop(tag.as_deref());
                Ok(())
            }
            Command::Logout => {
                self.ok(None, "Goodbye");
                self.close();
                Ok(())
            }
            Command::StartTls => command::start_tls::run(self, is_last),
            Command::Authenticate(mechanism, initial) => {
                command::authenticate::run(self, &mechanism, initial.as_deref())
            }
            Command::Unauthenticate => command::authenticate::sign_out(self),
            command => command::scripts::begin(self, command),
        }
    }

    /// Source: RFC 5804 §2.13.
    fn noop(&mut self, tag: Option<&[u8]>) {
        let Some(tag) = tag else {
            return self.ok(None, "Done");
        };
        self.link.replies.extend_from_slice(b"OK (TAG ");
        write_text(&mut self.link.replies, tag);
        self.link.replies.extend_from_slice(b") \"Done\"\r\n");
    }

    fn answered(&mut self, answer: Answer) {
        match (std::mem::replace(&mut self.mode, Mode::Command), answer) {
            (Mode::Closed, _) => self.mode = Mode::Closed,
            (Mode::Checking, answer) => command::authenticate::check(self, &answer),
            (Mode::Working(_), Answer::Busy) => self.refuse(&Refusal::Busy),
            (Mode::Working(command), _) => command::scripts::run(self, *command),
            (Mode::Settling(said), Answer::Settled(result)) => {
                command::scripts::settled(self, &said, result);
            }
            (mode, _) => self.mode = mode,
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
    pub(crate) fn ok(&mut self, code: Option<&str>, text: &str) {
        self.say_result("OK", code, text);
    }

    fn say_result(&mut self, result: &str, code: Option<&str>, text: &str) {
        self.link.replies.extend_from_slice(result.as_bytes());
        if let Some(code) = code {
            self.link
                .replies
                .extend_from_slice(format!(" ({code})").as_bytes());
        }
        self.link.replies.push(b' ');
        self.say_text(text.as_bytes());
    }

    /// Says a string on a line of its own.
    pub(crate) fn say_text(&mut self, text: &[u8]) {
        write_text(&mut self.link.replies, text);
        self.link.replies.extend_from_slice(b"\r\n");
    }

    /// Says a script, which is always a literal.
    pub(crate) fn say_literal(&mut self, text: &[u8]) {
        self.link
            .replies
            .extend_from_slice(format!("{{{}}}\r\n", text.len()).as_bytes());
        self.link.replies.extend_from_slice(text);
        self.link.replies.extend_from_slice(b"\r\n");
    }

    /// Says a capability.
    pub(crate) fn say_pair(&mut self, name: &str, value: Option<&str>) {
        write_text(&mut self.link.replies, name.as_bytes());
        if let Some(value) = value {
            self.link.replies.push(b' ');
            write_text(&mut self.link.replies, value.as_bytes());
        }
        self.link.replies.extend_from_slice(b"\r\n");
    }

    /// Says a line of the list of scripts.
    pub(crate) fn say_script(&mut self, name: &str, is_active: bool) {
        write_text(&mut self.link.replies, name.as_bytes());
        self.link
            .replies
            .extend_from_slice(if is_active { b" ACTIVE\r\n" } else { b"\r\n" });
    }

    /// Says no, and closes when that has happened too often.
    pub(crate) fn refuse(&mut self, refusal: &Refusal) {
        let (code, text) = refusal.words();
        self.say_result("NO", code, &text);
        if refusal.is_failure() {
            self.link.log_failure(format!("{refusal:?}"));
        }
        self.link.count_error();
        let errors_max = self.service.limits.errors_max;
        if self.link.has_erred_too_often(errors_max) {
            self.close_with(&Refusal::TooManyErrors);
        }
    }

    /// Says why, and closes.
    pub(crate) fn close_with(&mut self, refusal: &Refusal) {
        let (code, text) = refusal.words();
        self.say_result("BYE", code, &text);
        self.link.log_close(&text);
        self.close();
    }

    fn close(&mut self) {
        self.mode = Mode::Closed;
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
            Input::Answer(answer) => self.answered(answer),
            Input::Timeout => {
                if !matches!(self.mode, Mode::Closed) {
                    self.wait(now);
                }
            }
            Input::Closed(Closed::ByServer) => {
                let (code, text) = Refusal::Stopping.words();
                self.say_result("BYE", code, &text);
            }
            Input::Closed(Closed::ByPeer) | Input::Sent | Input::Woken => {}
        }
        self.link.flush(out);
        taken
    }
}
