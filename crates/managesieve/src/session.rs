//! The dialogue: whose turn it is, what is awaited, and what each input leads to.
//!
//! Pure: owns no socket, thread or clock. Commands are carried out in [`crate::command`]; here
//! stands only in which [`Mode`] what may come. Start at [`Session::advance`].

use crate::codec::command::{self as grammar, Command};
use crate::codec::frame::{Frame, Framed, Word};
use crate::codec::write_text;
use crate::command::{self, scripts::Said};
use crate::limits::{Limits, later};
use crate::refusal::Refusal;
use bytes::Bytes;
use engine::dialogue::lines::SIGN_IN_BYTES_MAX;
use engine::dialogue::signing_in::SigningIn;
use engine::dialogue::{
    Answer, Closed, Dialogue, Effort, Input, Level, Output, Peer, Question, Record, SEND_BYTES_MAX,
};
use engine::{Engine, SCRIPT_BYTES_MAX, Timestamp, User};
use std::sync::Arc;

/// Bytes of replies after which no further pipelined command is taken before they are on their way.
const REPLY_BYTES_MAX: usize = 64 * 1024;

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
    pub(crate) peer: Option<Peer>,
    pub(crate) signing_in: SigningIn,
    pub(crate) user: Option<User>,
    pub(crate) mode: Mode,
    errors: u32,
    opened: Timestamp,
    active: Timestamp,
    frame: Frame,
    replies: Vec<u8>,
    then: Vec<Output>,
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

impl Session {
    /// A session for a connection to come.
    pub fn new(service: Arc<Service>) -> Self {
        Self {
            peer: None,
            signing_in: SigningIn::new(service.limits.sign_ins_max),
            user: None,
            mode: Mode::Unopened,
            errors: 0,
            opened: Timestamp::default(),
            active: Timestamp::default(),
            frame: Frame::default(),
            service,
            replies: Vec::new(),
            then: Vec::new(),
        }
    }

    fn opened(&mut self, peer: Peer, now: Timestamp) {
        self.peer = Some(peer);
        let is_new = !matches!(self.mode, Mode::StartingTls);
        self.mode = Mode::Command;
        if is_new {
            (self.opened, self.active) = (now, now);
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
        let until = if self.user.is_some() {
            later(self.active, limits.idle_seconds)
        } else {
            later(self.opened, limits.sign_in_seconds)
        };
        let is_waiting = matches!(self.mode, Mode::Command | Mode::SignIn | Mode::StartingTls);
        if until > now {
            self.then.push(Output::WaitUntil(until));
        } else if is_waiting {
            self.close_with(&Refusal::Slow);
        } else {
            self.then.push(Output::WaitUntil(later(now, 1))); // We make the peer wait, not it us.
        }
    }

    /// Takes what can be taken without waiting, and says how much that was.
    fn bytes(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() && self.replies.len() < REPLY_BYTES_MAX {
            let taken = match &self.mode {
                Mode::Command | Mode::SignIn => self.words(rest),
                Mode::Closed => rest.len(),
                _ => 0,
            };
            match rest.split_at_checked(taken) {
                Some((_, after)) if taken > 0 => rest = after,
                _ => break,
            }
        }
        bytes.len() - rest.len()
    }

    fn words(&mut self, bytes: &[u8]) -> usize {
        // Nobody fills the memory before we know who it is.
        let literal_max = match self.user {
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
        self.signing_in.break_off();
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
        self.replies.extend_from_slice(b"OK (TAG ");
        write_text(&mut self.replies, tag);
        self.replies.extend_from_slice(b") \"Done\"\r\n");
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
        let account = self
            .user
            .as_ref()
            .map(|user| user.account)
            .unwrap_or_default();
        self.mode = mode;
        self.ask(Question::Work(Effort::Disk(account)));
    }

    pub(crate) fn ask(&mut self, question: Question) {
        self.then.push(Output::Ask(question));
    }

    pub(crate) fn start_tls(&mut self) {
        self.mode = Mode::StartingTls;
        self.then.push(Output::StartTls);
    }

    /// Says yes.
    pub(crate) fn ok(&mut self, code: Option<&str>, text: &str) {
        self.say_result("OK", code, text);
    }

    fn say_result(&mut self, result: &str, code: Option<&str>, text: &str) {
        self.replies.extend_from_slice(result.as_bytes());
        if let Some(code) = code {
            self.replies
                .extend_from_slice(format!(" ({code})").as_bytes());
        }
        self.replies.push(b' ');
        self.say_text(text.as_bytes());
    }

    /// Says a string on a line of its own.
    pub(crate) fn say_text(&mut self, text: &[u8]) {
        write_text(&mut self.replies, text);
        self.replies.extend_from_slice(b"\r\n");
    }

    /// Says a script, which is always a literal.
    pub(crate) fn say_literal(&mut self, text: &[u8]) {
        self.replies
            .extend_from_slice(format!("{{{}}}\r\n", text.len()).as_bytes());
        self.replies.extend_from_slice(text);
        self.replies.extend_from_slice(b"\r\n");
    }

    /// Says a capability.
    pub(crate) fn say_pair(&mut self, name: &str, value: Option<&str>) {
        write_text(&mut self.replies, name.as_bytes());
        if let Some(value) = value {
            self.replies.push(b' ');
            write_text(&mut self.replies, value.as_bytes());
        }
        self.replies.extend_from_slice(b"\r\n");
    }

    /// Says a line of the list of scripts.
    pub(crate) fn say_script(&mut self, name: &str, is_active: bool) {
        write_text(&mut self.replies, name.as_bytes());
        self.replies
            .extend_from_slice(if is_active { b" ACTIVE\r\n" } else { b"\r\n" });
    }

    /// Says no, and closes when that has happened too often.
    pub(crate) fn refuse(&mut self, refusal: &Refusal) {
        let (code, text) = refusal.words();
        self.say_result("NO", code, &text);
        if refusal.is_failure() {
            let facts = vec![("error", format!("{refusal:?}"))];
            self.log(Level::Error, "the store failed", facts);
        }
        self.errors += 1;
        if self.errors >= self.service.limits.errors_max {
            self.close_with(&Refusal::TooManyErrors);
        }
    }

    /// Says why, and closes.
    pub(crate) fn close_with(&mut self, refusal: &Refusal) {
        let (code, text) = refusal.words();
        self.say_result("BYE", code, &text);
        self.log(Level::Info, "closed", vec![("why", text)]);
        self.close();
    }

    fn close(&mut self) {
        if !matches!(self.mode, Mode::Closed) {
            self.mode = Mode::Closed;
            self.then.push(Output::Close);
        }
    }

    pub(crate) fn log(
        &mut self,
        level: Level,
        event: &'static str,
        facts: Vec<(&'static str, String)>,
    ) {
        let record = Record {
            level,
            event,
            facts,
        };
        let record = record.with_parties(self.peer.as_ref(), self.user.as_ref());
        self.then.push(Output::Log(record));
    }
}

impl Dialogue for Session {
    fn advance(&mut self, input: Input<'_>, now: Timestamp, out: &mut Vec<Output>) -> usize {
        let mut taken = 0;
        match input {
            Input::Opened(peer) => self.opened(peer, now),
            Input::Bytes(bytes) => {
                self.active = now;
                taken = self.bytes(bytes);
            }
            Input::Answer(answer) => {
                self.active = now; // The peer could not speak meanwhile.
                self.answered(answer);
            }
            Input::Timeout => {
                if !matches!(self.mode, Mode::Closed) {
                    self.wait(now);
                }
            }
            Input::Closed(Closed::ByServer) => {
                let (code, text) = Refusal::Stopping.words();
                self.say_result("BYE", code, &text);
            }
            Input::Sent => self.active = now,
            Input::Closed(Closed::ByPeer) | Input::Woken => {}
        }
        let replies = Bytes::from(std::mem::take(&mut self.replies));
        let pieces = replies.chunks(SEND_BYTES_MAX / 2);
        out.extend(pieces.map(|piece| Output::Send(replies.slice_ref(piece))));
        out.append(&mut self.then);
        taken
    }
}
