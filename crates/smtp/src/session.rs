//! The dialogue: whose turn it is, what is awaited, and what each input leads to.
//!
//! Pure: owns no socket, thread or clock. Commands are carried out in [`crate::command`]; here
//! stands only in which [`Mode`] what may come. Start at [`Session::advance`].

use crate::codec::command::{self as grammar, COMMAND_BYTES_MAX, Command, Hello, Malformed};
use crate::codec::data::{LineCheck, Unstuffer};
use crate::codec::parameter::MailParameters;
use crate::codec::reply::{self, Reply};
use crate::command;
use crate::following::{self, Waiting};
use crate::letter::{Letter, Submitted, Whole};
use crate::limits::Limits;
use crate::quirk;
use crate::refusal::Refusal;
use engine::dialogue::lines::{Line, Lines, SIGN_IN_BYTES_MAX, command_bytes_max};
use engine::dialogue::link::{Awaited, Link, take_all};
use engine::dialogue::{Answer, Closed, Dialogue, Input, Level, LocalUser, Output, Peer};
use engine::examination::Examined;
use engine::{Delivered, Engine, Recipient, Timestamp};
use formats::address::Mailbox;
use std::net::IpAddr;
use std::sync::Arc;

/// What a listener is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Port 25: mail from anyone for domains of this server, and for no others.
    Relay,
    /// Port 587: mail from users, behind STARTTLS.
    Submission,
    /// Port 465: mail from users, in TLS from the first byte (RFC 8314 §3.3).
    Submissions,
    /// LMTP: mail from a server that is trusted, with an answer for each recipient.
    Lmtp,
    /// A socket of this machine: mail from its programs, whose users the system knows.
    Local,
}

impl Role {
    /// True where users sign in.
    pub fn is_submission(self) -> bool {
        matches!(self, Self::Submission | Self::Submissions)
    }
}

impl Role {
    /// True where a sender may say how urgent a letter is: of users, not of strangers.
    pub(crate) fn takes_wishes(self) -> bool {
        self.is_submission() || self == Self::Local
    }
}

/// Whose letters are examined before they are accepted.
///
/// Never those of a server that is trusted. Those of users are, by examiners that look for what
/// harms others; apart from that users may write what they like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Examining {
    /// Nobody's.
    #[default]
    Nobody,
    /// Those that come from another machine.
    Remote,
    /// All.
    Everyone,
}

/// Whether someone follows the dialogue of those whose letters are examined, from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Followed {
    /// Nobody does, and nobody is asked.
    #[default]
    No,
    /// They are told what the peer says, and may refuse it.
    Yes,
}

/// What all sessions of one listener share.
pub struct Service {
    /// The rules over the store.
    pub engine: Engine,
    /// What the listener is for.
    pub role: Role,
    /// Bounds of a session.
    pub limits: Limits,
    /// Whose letters are examined before they are accepted.
    pub examining: Examining,
    /// Whether someone follows the dialogue.
    pub followed: Followed,
}

/// One connection.
pub struct Session {
    pub(crate) service: Arc<Service>,
    pub(crate) link: Link,
    pub(crate) hello: Option<(Hello, String)>,
    pub(crate) transaction: Option<Box<Transaction>>,
    pub(crate) mode: Mode,
    /// How many letters were begun.
    pub(crate) letters: u32,
    lines: Lines,
}

/// What is awaited.
pub(crate) enum Mode {
    /// The connection.
    Unopened,
    /// The end of the pause before the greeting.
    Pause,
    /// That the greeting is sent.
    Greeting,
    /// A command.
    Command,
    /// The end of a step that reads the disk, for this command.
    Deferred(Box<Command>),
    /// That TLS is set up.
    StartingTls,
    /// An answer to a SASL challenge.
    SignIn,
    /// The end of a password's check.
    Checking,
    /// Bytes of a letter.
    Letter(Source),
    /// That what has come of a letter is with the engine.
    Storing(Source),
    /// What those who follow the dialogue say.
    Following(Waiting),
    /// What the examiners say.
    Examining,
    /// The step that delivers.
    Delivering,
    /// The settlement of the delivery.
    Settling(Box<Delivered>),
    /// Nothing more.
    Closed,
}

/// How a letter's bytes come.
pub(crate) enum Source {
    /// DATA.
    Data(Unstuffer),
    /// BDAT: so many bytes are still to come of this chunk.
    Chunk { left: u64, last: bool },
}

/// A letter being addressed and received.
pub(crate) struct Transaction {
    pub(crate) sender: Option<Mailbox>,
    /// Its name, if anyone was told it already.
    pub(crate) name: Option<String>,
    pub(crate) parameters: MailParameters,
    pub(crate) recipients: Vec<Recipient>,
    /// There once DATA or BDAT was allowed.
    pub(crate) letter: Option<Letter>,
    /// The same once it is whole, and what the examiners said of it.
    pub(crate) whole: Option<Whole>,
    pub(crate) examined: Examined,
    pub(crate) check: LineCheck,
    /// Size of the letter, once it is whole.
    pub(crate) received_bytes: u64,
}

impl Mode {
    /// For whom the session waits in it.
    fn awaited(&self) -> Awaited {
        match self {
            Self::Checking
            | Self::Deferred(_)
            | Self::Storing(_)
            | Self::Following(_)
            | Self::Examining
            | Self::Delivering
            | Self::Settling(_) => Awaited::Server,
            _ => Awaited::Peer,
        }
    }
}

impl Session {
    /// A session for a connection to come.
    pub fn new(service: Arc<Service>) -> Self {
        Self {
            link: Link::new(service.limits.sign_ins_max),
            hello: None,
            transaction: None,
            mode: Mode::Unopened,
            letters: 0,
            lines: Lines::default(),
            service,
        }
    }

    fn opened(&mut self, peer: Peer, now: Timestamp) {
        if !self.link.open(peer, now) {
            // All that was said in clear is forgotten (RFC 3207 §4.2).
            self.hello = None;
            self.link.user = None;
            self.transaction = None;
            self.mode = Mode::Command;
            return;
        }
        if self
            .stranger()
            .is_some_and(|from| self.is_banned(from, now))
        {
            return self.close_with(&Refusal::Banned);
        }
        if following::is_followed(self)
            && let Some(peer) = &self.link.peer
        {
            let stage = following::caller(self, peer);
            return following::ask(self, Waiting::Connection, stage);
        }
        self.begin(now);
    }

    /// Greets the peer, perhaps after a pause.
    pub(crate) fn begin(&mut self, now: Timestamp) {
        self.mode = Mode::Greeting;
        match self.greeting_pause_milliseconds() {
            pause @ 1.. => {
                self.mode = Mode::Pause;
                self.link.wait_until(now.plus_milliseconds(pause));
            }
            _ => self.greet(now),
        }
    }

    /// The address of another server, which nobody vouches for.
    pub(crate) fn stranger(&self) -> Option<IpAddr> {
        let is_relay = self.service.role == Role::Relay && self.link.user.is_none();
        let peer = self.link.peer.as_ref().filter(|_| is_relay)?;
        Some(peer.remote.ip())
    }

    /// True when someone looks at what a peer brings that nobody vouches for.
    pub(crate) fn is_examined_as_stranger(&self) -> bool {
        let is_remote = || {
            let peer = self.link.peer.as_ref();
            peer.is_some_and(|peer| !peer.remote.ip().to_canonical().is_loopback())
        };
        match self.service.examining {
            Examining::Nobody => false,
            Examining::Remote => is_remote(),
            Examining::Everyone => true,
        }
    }

    fn is_banned(&self, from: IpAddr, now: Timestamp) -> bool {
        self.service.engine.traffic().banned(from, now).is_some()
    }

    /// Notes what only those do whom nobody wants; after some such their address is banned.
    pub(crate) fn strike(&mut self, why: &str) {
        let Some(from) = self.stranger() else { return };
        let engine = &self.service.engine;
        let allowance = &engine.settings().traffic;
        if engine.traffic().strike(from, why, allowance, engine.now()) {
            let facts = vec![("address", from.to_string()), ("why", why.to_owned())];
            self.link.log(Level::Warn, "address banned", facts);
        }
    }

    /// How long to listen before the greeting, which a peer is to wait for (RFC 5321 §4.3.1).
    ///
    /// In TLS from the first byte nobody can have slipped anything in, and what runs on this machine
    /// is not made to wait.
    fn greeting_pause_milliseconds(&self) -> i64 {
        let begins_in_clear = matches!(self.service.role, Role::Relay | Role::Submission);
        let is_elsewhere = self
            .link
            .peer
            .as_ref()
            .is_some_and(|peer| !peer.remote.ip().to_canonical().is_loopback());
        if begins_in_clear && is_elsewhere {
            self.service.limits.greeting_pause_milliseconds
        } else {
            0
        }
    }

    fn greet(&mut self, now: Timestamp) {
        let protocol = if self.service.role == Role::Lmtp {
            "LMTP"
        } else {
            "ESMTP"
        };
        let hostname = &self.service.engine.settings().hostname;
        reply::line(
            &mut self.link.replies,
            220,
            "",
            &[hostname, " ", protocol, " facteur"],
        );
        self.wait(now);
    }

    /// Asks to be called when the peer may have been idle for too long.
    fn wait(&mut self, now: Timestamp) {
        let limits = &self.service.limits;
        let idle = self.link.active_until(limits.idle_seconds);
        let end = self.link.open_until(limits.session_seconds);
        let until = idle.min(end);
        if self.link.wait(until, self.mode.awaited(), now) {
            self.close_with(&Refusal::Slow);
        }
    }

    fn timed_out(&mut self, now: Timestamp) {
        match self.mode {
            Mode::Pause => {
                self.mode = Mode::Greeting;
                self.greet(now);
            }
            Mode::Closed => {}
            _ => self.wait(now),
        }
    }

    /// Takes what can be taken without waiting, and says how much that was.
    fn bytes(&mut self, bytes: &[u8]) -> usize {
        take_all(bytes, |rest| match &self.mode {
            _ if self.link.is_full() => 0,
            Mode::Command | Mode::SignIn => self.line(rest),
            Mode::Letter(_) => self.content(rest),
            Mode::Pause | Mode::Greeting => {
                self.close_with(&Refusal::SpokeTooSoon);
                rest.len()
            }
            Mode::Closed => rest.len(),
            _ => 0,
        })
    }

    fn line(&mut self, bytes: &[u8]) -> usize {
        let bytes_max = match self.mode {
            Mode::SignIn => SIGN_IN_BYTES_MAX,
            _ => command_bytes_max(bytes, COMMAND_BYTES_MAX, &[b"AUTH "]),
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
            Err(Malformed::Verb) if quirk::is_web_request(line) => {
                return self.close_with(&Refusal::Web);
            }
            Err(Malformed::Chunk) => return self.close_with(&Malformed::Chunk.into()),
            Err(malformed) => Err(malformed.into()),
        };
        if let Err(refusal) = outcome {
            self.refuse(&refusal);
        }
    }

    /// Carries a command out, or begins to.
    ///
    /// Source: RFC 5321 §4.1.4 (order); RFC 2920 §3.1 (DATA, STARTTLS and AUTH end a group of
    /// commands).
    fn command(&mut self, command: Command, is_last: bool) -> Result<(), Refusal> {
        match command {
            Command::Hello(kind, name) => command::hello::run(self, kind, name),
            Command::StartTls => command::start_tls::run(self, is_last),
            Command::Auth(mechanism, initial) => {
                command::authenticate::run(self, &mechanism, initial.as_deref())
            }
            Command::Mail(..) => command::mail::run(self, command),
            Command::Recipient(mailbox, parameters) => {
                command::recipient::run(self, mailbox, parameters)
            }
            Command::Data => command::data::run(self, is_last),
            Command::Chunk(chunk) => {
                command::chunk::run(self, chunk);
                Ok(())
            }
            Command::Reset => {
                self.transaction = None;
                self.done(Reply::new(250, "2.0.0", "Ok"))
            }
            Command::Noop => self.done(Reply::new(250, "2.0.0", "Ok")),
            Command::Verify => self.done(Reply::new(252, "2.5.0", "Try to deliver, then you know")),
            Command::Expand => Err(Refusal::NotOffered),
            Command::Help => self.done(Reply::new(214, "2.0.0", "See RFC 5321")),
            Command::Quit => {
                self.say(Reply::new(221, "2.0.0", "Bye"));
                self.close();
                Ok(())
            }
        }
    }

    /// Bytes of a letter.
    fn content(&mut self, bytes: &[u8]) -> usize {
        let Mode::Letter(source) = std::mem::replace(&mut self.mode, Mode::Command) else {
            return 0;
        };
        match source {
            Source::Data(unstuffer) => command::data::take(self, unstuffer, bytes),
            Source::Chunk { left, last } => command::chunk::take(self, left, last, bytes),
        }
    }

    fn answered(&mut self, answer: Answer, now: Timestamp) {
        let is_busy = matches!(answer, Answer::Busy);
        match (std::mem::replace(&mut self.mode, Mode::Command), answer) {
            (Mode::Closed, _) => self.mode = Mode::Closed,
            (Mode::Checking, answer) => command::authenticate::check(self, &answer),
            (Mode::Storing(source), _) => self.stored(source, is_busy),
            (Mode::Deferred(_), Answer::Busy) => self.refuse(&Refusal::Busy),
            (Mode::Deferred(command), _) => self.deferred(*command),
            (Mode::Delivering, Answer::Busy) => command::deliver::refuse(self, &Refusal::Busy),
            (Mode::Delivering, _) => command::deliver::run(self),
            (Mode::Following(waiting), Answer::Followed(decision)) => {
                following::heeded(self, waiting, decision, now);
            }
            (Mode::Examining, Answer::Examined(examined)) => {
                command::deliver::examined(self, *examined);
            }
            (Mode::Settling(delivered), Answer::Settled(result)) => {
                command::deliver::settled(self, &delivered, result);
            }
            (mode, _) => self.mode = mode,
        }
    }

    /// Carries out a command that had to wait for a step that may read the disk.
    fn deferred(&mut self, command: Command) {
        let outcome = match command {
            Command::Recipient(mailbox, parameters) => {
                command::recipient::carry_out(self, mailbox.as_ref(), parameters)
            }
            command => command::mail::carry_out(self, command),
        };
        if let Err(refusal) = outcome {
            self.refuse(&refusal);
        }
    }

    /// What had come of the letter is with the engine, or can't be.
    fn stored(&mut self, source: Source, is_busy: bool) {
        let Self {
            service,
            transaction,
            ..
        } = self;
        if let Some(letter) = transaction.as_mut().and_then(|all| all.letter.as_mut()) {
            if is_busy {
                letter.refuse(Refusal::Busy);
            } else {
                letter.pass_on(&service.engine);
            }
        }
        match source {
            Source::Chunk { left: 0, last } => command::chunk::ended(self, last),
            source => self.mode = Mode::Letter(source),
        }
    }

    /// Asks for a step that may read the disk, for the account that the letter is about.
    pub(crate) fn ask_for_disk(&mut self, mode: Mode) {
        self.mode = mode;
        let mailbox = command::deliver::first_mailbox(self);
        self.link.ask_for_disk(mailbox);
    }

    /// The user of this machine who is at the other end of a [`Role::Local`] connection.
    pub(crate) fn local_user(&self) -> Option<&LocalUser> {
        let peer = self.link.peer.as_ref()?;
        let vouched = peer.local_user.as_ref();
        vouched.filter(|_| self.service.role == Role::Local)
    }

    /// True for whoever may send to anyone.
    pub(crate) fn is_submitter(&self) -> bool {
        self.link.user.is_some() || self.local_user().is_some()
    }

    /// Whether letters are made whole here.
    pub(crate) fn submitted(&self) -> Submitted {
        if self.is_submitter() {
            Submitted::Here
        } else {
            Submitted::Elsewhere
        }
    }

    /// REQUIRETLS is offered in TLS only (RFC 8689 §2), and not by LMTP.
    pub(crate) fn offers_require_tls(&self) -> bool {
        self.link.is_encrypted() && !matches!(self.service.role, Role::Lmtp | Role::Local)
    }

    pub(crate) fn start_tls(&mut self) {
        self.mode = Mode::StartingTls;
        self.link.start_tls();
    }

    pub(crate) fn say(&mut self, reply: Reply) {
        reply.write(&mut self.link.replies);
    }

    /// Says no, and nothing more: neither counts it nor tells the log.
    pub(crate) fn say_no(&mut self, refusal: &Refusal) {
        let no = refusal.reply();
        match refusal.words() {
            Some(words) => {
                reply::paragraph(&mut self.link.replies, no.code, no.enhanced, words);
            }
            None => self.say(no),
        }
    }

    /// Ends a command that has succeeded.
    #[allow(clippy::unnecessary_wraps)] // It stands where a command answers with its outcome.
    pub(crate) fn done(&mut self, reply: Reply) -> Result<(), Refusal> {
        self.say(reply);
        Ok(())
    }

    /// Says no, and closes when that has happened too often.
    pub(crate) fn refuse(&mut self, refusal: &Refusal) {
        self.say_no(refusal);
        if refusal.is_failure() {
            self.link.log_failure(format!("{refusal:?}"));
        }
        self.count_refusal(refusal.reply().code);
    }

    /// Counts a refusal with this code, and closes when that has happened too often.
    pub(crate) fn count_refusal(&mut self, code: u16) {
        if code >= 500 {
            self.link.count_error();
        }
        let is_trusted = matches!(self.service.role, Role::Lmtp | Role::Local);
        let errors_max = self.service.limits.errors_max;
        if self.link.has_erred_too_often(errors_max) && !is_trusted {
            self.close_with(&Refusal::TooManyErrors);
        }
    }

    /// Says why, and closes.
    pub(crate) fn close_with(&mut self, refusal: &Refusal) {
        self.say(refusal.reply());
        self.link.log_close(refusal.reply().text);
        self.close();
    }

    pub(crate) fn close(&mut self) {
        self.mode = Mode::Closed;
        self.transaction = None;
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
            Input::Sent => {
                if matches!(self.mode, Mode::Greeting) {
                    self.mode = Mode::Command;
                }
            }
            Input::Closed(Closed::ByServer) => self.say(Refusal::Stopping.reply()),
            Input::Closed(Closed::ByPeer) | Input::Woken => {}
        }
        self.link.flush(out);
        taken
    }
}
