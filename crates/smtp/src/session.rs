//! The dialogue: whose turn it is, what is awaited, and what each input leads to.
//!
//! Pure: owns no socket, thread or clock. Commands are carried out in [`crate::command`]; here
//! stands only in which [`Mode`] what may come. Start at [`Session::advance`].

use crate::codec::command::{self as grammar, COMMAND_BYTES_MAX, Command, Hello, Malformed};
use crate::codec::data::{LineCheck, Unstuffer};
use crate::codec::parameter::MailParameters;
use crate::codec::reply::{self, Reply};
use crate::command;
use crate::letter::{Letter, Whole};
use crate::limits::{Limits, later};
use crate::quirk;
use crate::refusal::Refusal;
use bytes::Bytes;
use engine::dialogue::lines::{Line, Lines, SIGN_IN_BYTES_MAX};
use engine::dialogue::signing_in::SigningIn;
use engine::dialogue::{
    Answer, Closed, Dialogue, Effort, Input, Level, Output, Peer, Question, Record,
};
use engine::examination::Examined;
use engine::{AccountId, Delivered, Engine, Recipient, Timestamp, User};
use formats::address::Mailbox;
use std::sync::Arc;

/// Bytes of replies after which no further pipelined command is taken before they are on their way.
const REPLY_BYTES_MAX: usize = 64 * 1024;

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
        self.is_submission()
    }
}

/// Whose letters are examined before they are accepted.
///
/// Never those of users, who may write what they like, nor those of a server that is trusted.
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
}

/// One connection.
pub struct Session {
    pub(crate) service: Arc<Service>,
    pub(crate) peer: Option<Peer>,
    pub(crate) hello: Option<(Hello, String)>,
    pub(crate) signing_in: SigningIn,
    pub(crate) user: Option<User>,
    pub(crate) transaction: Option<Box<Transaction>>,
    pub(crate) mode: Mode,
    pub(crate) tally: Tally,
    lines: Lines,
    replies: Vec<u8>,
    then: Vec<Output>,
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

/// What a session has used up.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) letters: u32,
    errors: u32,
    opened: Timestamp,
    active: Timestamp,
}

impl Session {
    /// A session for a connection to come.
    pub fn new(service: Arc<Service>) -> Self {
        Self {
            peer: None,
            hello: None,
            signing_in: SigningIn::new(service.limits.sign_ins_max),
            user: None,
            transaction: None,
            mode: Mode::Unopened,
            tally: Tally::default(),
            lines: Lines::default(),
            service,
            replies: Vec::new(),
            then: Vec::new(),
        }
    }

    fn opened(&mut self, peer: Peer, now: Timestamp) {
        self.peer = Some(peer);
        if matches!(self.mode, Mode::StartingTls) {
            // All that was said in clear is forgotten (RFC 3207 §4.2).
            self.hello = None;
            self.user = None;
            self.transaction = None;
            self.mode = Mode::Command;
            return;
        }
        (self.tally.opened, self.tally.active) = (now, now);
        self.mode = Mode::Greeting;
        match self.greeting_pause_milliseconds() {
            pause @ 1.. => {
                self.mode = Mode::Pause;
                self.then.push(Output::WaitUntil(later(now, pause)));
            }
            _ => self.greet(now),
        }
    }

    /// How long to listen before the greeting, which a peer is to wait for (RFC 5321 §4.3.1).
    ///
    /// In TLS from the first byte nobody can have slipped anything in, and what runs on this machine
    /// is not made to wait.
    fn greeting_pause_milliseconds(&self) -> i64 {
        let begins_in_clear = matches!(self.service.role, Role::Relay | Role::Submission);
        let is_elsewhere = self
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
            &mut self.replies,
            220,
            "",
            &[hostname, " ", protocol, " facteur"],
        );
        self.wait(now);
    }

    /// Asks to be called when the peer may have been idle for too long.
    fn wait(&mut self, now: Timestamp) {
        let limits = &self.service.limits;
        let idle = later(self.tally.active, limits.idle_seconds.saturating_mul(1000));
        let end = later(
            self.tally.opened,
            limits.session_seconds.saturating_mul(1000),
        );
        let is_waiting = !matches!(
            self.mode,
            Mode::Checking
                | Mode::Deferred(_)
                | Mode::Storing(_)
                | Mode::Examining
                | Mode::Delivering
                | Mode::Settling(_)
        );
        let until = idle.min(end);
        if until > now {
            self.then.push(Output::WaitUntil(until));
        } else if is_waiting {
            self.close_with(&Refusal::Slow);
        } else {
            // We make the peer wait, not it us.
            self.then.push(Output::WaitUntil(later(now, 1000)));
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
        let mut rest = bytes;
        while !rest.is_empty() && self.replies.len() < REPLY_BYTES_MAX {
            let taken = match &self.mode {
                Mode::Command | Mode::SignIn => self.line(rest),
                Mode::Letter(_) => self.content(rest),
                Mode::Pause | Mode::Greeting => {
                    self.close_with(&Refusal::SpokeTooSoon);
                    rest.len()
                }
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

    fn line(&mut self, bytes: &[u8]) -> usize {
        let is_auth = matches!(self.mode, Mode::SignIn)
            || bytes
                .get(..5)
                .is_some_and(|verb| verb.eq_ignore_ascii_case(b"AUTH "));
        let bytes_max = if is_auth {
            SIGN_IN_BYTES_MAX
        } else {
            COMMAND_BYTES_MAX
        };
        let (taken, line) = self.lines.take(bytes, bytes_max);
        match line {
            Line::Partial => {}
            Line::Whole(line) => self.command_line(line, taken == bytes.len()),
            Line::Damaged => {
                self.signing_in.break_off();
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

    fn answered(&mut self, answer: Answer) {
        let is_busy = matches!(answer, Answer::Busy);
        match (std::mem::replace(&mut self.mode, Mode::Command), answer) {
            (Mode::Closed, _) => self.mode = Mode::Closed,
            (Mode::Checking, answer) => command::authenticate::check(self, &answer),
            (Mode::Storing(source), _) => self.stored(source, is_busy),
            (Mode::Deferred(_), Answer::Busy) => self.refuse(&Refusal::Busy),
            (Mode::Deferred(command), _) => self.deferred(*command),
            (Mode::Delivering, Answer::Busy) => command::deliver::refuse(self, &Refusal::Busy),
            (Mode::Delivering, _) => command::deliver::run(self),
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
        let account = self
            .user
            .as_ref()
            .map_or(AccountId::DIRECTORY, |user| user.account);
        let account = command::deliver::first_mailbox(self).unwrap_or(account);
        self.mode = mode;
        self.ask(Question::Work(Effort::Disk(account)));
    }

    pub(crate) fn ask(&mut self, question: Question) {
        self.then.push(Output::Ask(question));
    }

    /// REQUIRETLS is offered in TLS only (RFC 8689 §2), and not by LMTP.
    pub(crate) fn offers_require_tls(&self) -> bool {
        let is_encrypted = self.peer.as_ref().is_some_and(|peer| peer.tls.is_some());
        is_encrypted && self.service.role != Role::Lmtp
    }

    pub(crate) fn start_tls(&mut self) {
        self.mode = Mode::StartingTls;
        self.then.push(Output::StartTls);
    }

    pub(crate) fn say(&mut self, reply: Reply) {
        reply.write(&mut self.replies);
    }

    /// Says no, and nothing more: neither counts it nor tells the log.
    pub(crate) fn say_no(&mut self, refusal: &Refusal) {
        let no = refusal.reply();
        match refusal.words() {
            Some(words) => reply::paragraph(&mut self.replies, no.code, no.enhanced, words),
            None => self.say(no),
        }
    }

    /// Ends a command that has succeeded.
    #[allow(clippy::unnecessary_wraps)] // It stands where a command answers with its outcome.
    pub(crate) fn done(&mut self, reply: Reply) -> Result<(), Refusal> {
        self.say(reply);
        Ok(())
    }

    /// Where replies with words of their own are written.
    pub(crate) fn replies(&mut self) -> &mut Vec<u8> {
        &mut self.replies
    }

    /// Says no, and closes when that has happened too often.
    pub(crate) fn refuse(&mut self, refusal: &Refusal) {
        let reply = refusal.reply();
        self.say_no(refusal);
        if refusal.is_failure() {
            self.log(
                Level::Error,
                "the store failed",
                vec![("error", format!("{refusal:?}"))],
            );
        }
        if reply.code >= 500 {
            self.tally.errors += 1;
        }
        let is_trusted = self.service.role == Role::Lmtp;
        if self.tally.errors >= self.service.limits.errors_max && !is_trusted {
            self.close_with(&Refusal::TooManyErrors);
        }
    }

    /// Says why, and closes.
    pub(crate) fn close_with(&mut self, refusal: &Refusal) {
        self.say(refusal.reply());
        self.log(
            Level::Info,
            "closed",
            vec![("why", refusal.reply().text.to_owned())],
        );
        self.close();
    }

    fn close(&mut self) {
        if !matches!(self.mode, Mode::Closed) {
            self.mode = Mode::Closed;
            self.transaction = None;
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
                self.tally.active = now;
                taken = self.bytes(bytes);
            }
            Input::Answer(answer) => {
                self.tally.active = now; // The peer could not speak meanwhile.
                self.answered(answer);
            }
            Input::Timeout => self.timed_out(now),
            Input::Sent => {
                if matches!(self.mode, Mode::Greeting) {
                    self.mode = Mode::Command;
                }
            }
            Input::Closed(Closed::ByServer) => self.say(Refusal::Stopping.reply()),
            Input::Closed(Closed::ByPeer) | Input::Woken => {}
        }
        if !self.replies.is_empty() {
            out.push(Output::Send(Bytes::from(std::mem::take(&mut self.replies))));
        }
        out.append(&mut self.then);
        taken
    }
}
