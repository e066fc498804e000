//! The IMAP dialogue: which command is allowed when, and what becomes of it.
//!
//! Pure: the driver in `server` feeds bytes and answers, and does what is asked. Commands are taken
//! one at a time and answered in their order; only APPENDs that come in a row are stored together.
//!
//! Start at [`Session::advance`]; [`Doing`] is where the dialogue stands. Signing in is in
//! `signing`, the streaming of messages in `appending`, what NOTIFY asked for in `news`, what needs
//! the disk in `working`.
//!
//! Standards: RFC 9051 §3 (states), §5.4 (autologout), §6.2.1 (STARTTLS), §6.3.13 (IDLE); RFC 2177
//! (IDLE); RFC 4978 (COMPRESS); RFC 5465 (NOTIFY).

mod appending;
mod news;
mod signing;
mod working;

use crate::codec::Fault;
use crate::codec::command::{Command, Tagged};
use crate::codec::frame::{COMMAND_BYTES_MAX, COMMAND_BYTES_MAX_BEFORE_LOGIN, Frame, Framer};
use crate::codec::{frame, parse};
use crate::command::append::{Append, Stored};
use crate::command::{Reply, State, Work, capability, id, language};
use crate::quirk;
use crate::refusal::Refusal;
use appending::Appending;
use bytes::BytesMut;
use engine::dialogue::link::Link;
use engine::dialogue::{Answer, Closed, Dialogue, Input, Level, Output, Peer};
use engine::{Account, AccountId, Engine, EngineError, Timestamp, Watch};

/// Seconds until a client that has not signed in is sent away.
const LOGIN_SECONDS_MAX: i64 = 120;

/// Seconds without a command until a client is sent away; RFC 9051 §5.4 demands at least 30
/// minutes.
const SILENCE_SECONDS_MAX: i64 = 35 * 60;

/// Lines in a row that are no command, before and after signing in, until the connection is closed.
const BAD_COMMANDS_MAX_BEFORE_LOGIN: u32 = 3;
const BAD_COMMANDS_MAX: u32 = 20;

/// Sign-ins that fail until the connection is closed; the engine counts them across connections.
const FAILED_SIGN_INS_MAX: u32 = 5;

/// First words of other protocols' requests: nothing is said to them, so that nothing comes back to
/// a browser.
const FOREIGN_VERBS: [&[u8]; 10] = [
    b"GET ",
    b"POST ",
    b"HEAD ",
    b"PUT ",
    b"OPTIONS ",
    b"CONNECT ",
    b"DELETE /",
    b"TRACE ",
    b"PATCH ",
    b"\x16\x03",
];

/// Where the dialogue stands.
enum Doing {
    /// The next command is awaited.
    Nothing,
    /// The client's next SASL message is awaited.
    Exchange(String),
    /// A password is being checked.
    Verify(String),
    /// A command waits for its next step.
    Working(String, Box<dyn Work>),
    /// The same, once what was written is sent.
    Sending(String, Box<dyn Work>),
    /// The same, once its commit is on disk; until then its answers are held back.
    Settling(String, Box<dyn Work>),
    /// A command is done once its commit is on disk.
    Finishing(String, Reply),
    /// What others changed is to be told, then the command is done.
    Announcing(String, Reply),
    /// Whether a message may come is to be looked up; its client waits for `+`.
    Admitting,
    /// APPENDs wait to be stored.
    Storing,
    /// Stored APPENDs wait for the disk.
    Stored(Stored),
    /// They changed the open mailbox, which is to be told first.
    AnnouncingStored(Stored),
    /// The client waits for news.
    Idle(String),
    /// News are to be told, to a client that waits for them in IDLE or asked for them by NOTIFY.
    News(Option<String>),
    /// The connection is closing.
    Over,
}

/// One connection.
pub struct Session {
    engine: Engine,
    link: Link,
    mailbox: Option<Mailbox>,
    state: State,
    framer: Framer,
    doing: Doing,
    appending: Option<Appending>,
    batch: Vec<Append>,
    /// A command that came behind APPENDs and waits for them.
    deferred: Option<Tagged>,
    out: BytesMut,
    bad_commands: u32,
    is_compressed: bool,
    /// The IDLE that goes on when the FETCH that NOTIFY wants is done.
    idling: Option<String>,
    /// The accounts whose changes wake the session because NOTIFY asked for it.
    watching: Vec<AccountId>,
    now: Timestamp,
    active: Timestamp,
}

/// The mailbox of who has signed in.
struct Mailbox {
    account: Account,
    watch: Watch,
    /// The same of the account that the open mailbox is in, if it is another's.
    watch_open: Option<(AccountId, Watch)>,
    /// Something changed that was not told yet.
    changed: bool,
}

impl Mailbox {
    fn has_changed(&mut self) -> bool {
        self.changed |= self.watch.has_changed();
        if let Some((_, watch)) = &mut self.watch_open {
            self.changed |= watch.has_changed();
        }
        self.changed
    }

    /// Watches the account of the open mailbox too.
    fn follow(&mut self, open: Option<&Account>) {
        let other = open.filter(|open| open.id() != self.account.id());
        let followed = self.watch_open.as_ref().map(|(account, _)| *account);
        if other.map(Account::id) != followed {
            self.watch_open = other.map(|other| (other.id(), other.watch()));
        }
    }
}

impl Session {
    /// A session that waits for [`Input::Opened`].
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            link: Link::new(FAILED_SIGN_INS_MAX),
            mailbox: None,
            state: State::default(),
            framer: Framer::default(),
            doing: Doing::Nothing,
            appending: None,
            batch: Vec::new(),
            deferred: None,
            out: BytesMut::new(),
            bad_commands: 0,
            is_compressed: false,
            idling: None,
            watching: Vec::new(),
            now: Timestamp::default(),
            active: Timestamp::default(),
        }
    }

    fn opened(&mut self, peer: Peer) {
        self.active = self.now;
        if self.link.open(peer, self.now) {
            let capabilities = self.capabilities();
            let name = &self.engine.settings().hostname;
            let line = format!("* OK [CAPABILITY {capabilities}] {name} IMAP ready\r\n");
            self.out.extend_from_slice(line.as_bytes());
        }
        self.wait_for_silence();
    }

    fn capabilities(&self) -> String {
        match (&self.mailbox, &self.link.peer) {
            (None, Some(peer)) => capability::before_login(&self.engine, peer),
            _ => capability::after_login(&self.engine, &self.state),
        }
    }

    /// Takes what can be taken now and says how much that was.
    fn take(&mut self, bytes: &[u8]) -> usize {
        if self.mailbox.is_none() && FOREIGN_VERBS.iter().any(|verb| bytes.starts_with(verb)) {
            self.close();
            return bytes.len();
        }
        self.active = self.now;
        let mut framer = std::mem::take(&mut self.framer);
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let before = at;
            match self.doing {
                Doing::Nothing if self.appending.as_ref().is_some_and(Appending::wants_bytes) => {
                    at += self.take_message(rest, &mut framer);
                }
                Doing::Nothing => at += self.take_command(rest, &mut framer),
                Doing::Exchange(..) | Doing::Idle(_) => at += self.take_line(rest, &mut framer),
                _ => break,
            }
            if at == before {
                break;
            }
        }
        self.framer = framer;
        if matches!(self.doing, Doing::Nothing) && !self.batch.is_empty() {
            self.ask_disk(Doing::Storing);
        }
        at
    }

    fn take_command(&mut self, bytes: &[u8], framer: &mut Framer) -> usize {
        let (taken, frame) = framer.next(bytes);
        match frame {
            Frame::Partial | Frame::Refused => {}
            Frame::Command(line) => {
                let more_follows = bytes.len() > taken;
                let is_spare = self.mailbox.is_some() && quirk::is_spare_line(line);
                if self.appending.is_some() {
                    self.end_append(line);
                } else if !is_spare && !self.whole_append(line) {
                    self.command(line, more_follows);
                }
            }
            Frame::Literal(head, literal) => {
                let head = head.to_vec();
                let is_here = quirk::did_not_wait(bytes, taken);
                if is_here {
                    framer.expect_data();
                }
                self.literal(&head, frame::Literal { is_here, ..literal }, framer);
            }
            Frame::Lost(why) => self.bye(why),
        }
        taken
    }

    /// A line that is no command: `DONE`, or a SASL message.
    fn take_line(&mut self, bytes: &[u8], framer: &mut Framer) -> usize {
        let (taken, frame) = framer.next_line(bytes);
        match (frame, std::mem::replace(&mut self.doing, Doing::Nothing)) {
            (Frame::Command(line), Doing::Exchange(tag)) => {
                let turn = self.link.signing_in.answer(&self.engine, line);
                self.sign_in_turn(tag, turn);
            }
            (Frame::Command(line), Doing::Idle(tag)) => {
                self.watching.clear();
                self.link.act(Output::Unwatch);
                if line.eq_ignore_ascii_case(b"DONE") {
                    self.finish(&tag, Ok(Reply::silent("OK IDLE completed")));
                } else {
                    self.finish(&tag, Err(Refusal::Fault(Fault::Syntax("Expected DONE"))));
                }
            }
            (Frame::Lost(why), _) => self.bye(why),
            (_, doing) => self.doing = doing,
        }
        taken
    }

    fn literal(&mut self, head: &[u8], literal: frame::Literal, framer: &mut Framer) {
        if self.appending.is_some() || self.mailbox.is_some() {
            match self.begin_message(head, literal, framer) {
                Ok(true) => return,
                Ok(false) => {}
                Err((tag, refusal)) => return self.refuse_literal(&tag, refusal, framer),
            }
        }
        let most = match self.mailbox {
            Some(_) => COMMAND_BYTES_MAX,
            None => COMMAND_BYTES_MAX_BEFORE_LOGIN,
        };
        if framer.collect(most) {
            if literal.waits {
                self.out.extend_from_slice(b"+ Go ahead\r\n");
            }
            return;
        }
        let tag = match self.appending.take() {
            Some(appending) => appending.tag(),
            None => parse::tag(head).unwrap_or("*").to_owned(),
        };
        self.refuse_literal(&tag, Refusal::TooBig, framer);
    }

    fn refuse_literal(&mut self, tag: &str, refusal: Refusal, framer: &mut Framer) {
        let goes_on = framer.refuse();
        self.finish(tag, Err(refusal));
        if !goes_on {
            self.bye("Too much data");
        }
    }

    fn command(&mut self, line: &[u8], more_follows: bool) {
        match parse::command(line, self.state.name_form()) {
            Ok(tagged) if self.batch.is_empty() => self.begin(tagged, more_follows),
            Ok(tagged) => {
                self.deferred = Some(tagged);
                self.ask_disk(Doing::Storing);
            }
            Err(fault) => {
                let tag = parse::tag(line).unwrap_or("*").to_owned();
                self.finish(&tag, Err(fault.into()));
            }
        }
    }

    /// Begins a command; those that need no disk are answered at once.
    fn begin(&mut self, tagged: Tagged, more_follows: bool) {
        let Tagged { tag, command } = tagged;
        match command {
            Command::Capability => {
                let line = format!("* CAPABILITY {}\r\n", self.capabilities());
                self.out.extend_from_slice(line.as_bytes());
                self.finish(&tag, Ok(Reply::silent("OK CAPABILITY completed")));
            }
            Command::Logout => {
                self.out.extend_from_slice(b"* BYE Good bye\r\n");
                self.finish(&tag, Ok(Reply::silent("OK LOGOUT completed")));
                self.close();
            }
            Command::Id(pairs) => {
                self.link.log(
                    Level::Info,
                    "client names itself",
                    vec![("client", id::facts(&pairs))],
                );
                self.state.overlooks_news_of_fetch = quirk::overlooks_news_of_fetch(&pairs);
                self.state.misuses_uid_only = quirk::misuses_uid_only(&pairs);
                self.out.extend_from_slice(id::ANSWER);
                self.finish(&tag, Ok(Reply::silent("OK ID completed")));
            }
            Command::Language(ranges) => {
                let reply = language::choose_language(&ranges, &mut self.out);
                self.finish(&tag, reply);
            }
            Command::StartTls => self.start_tls(&tag, more_follows),
            Command::Unauthenticate => self.sign_out(&tag, more_follows),
            Command::Compress(mechanism) => self.compress(&tag, &mechanism, more_follows),
            Command::Login(user, password) => self.login(tag, &user, &password),
            Command::Authenticate(mechanism, initial) => {
                self.authenticate(tag, &mechanism, initial.as_deref());
            }
            Command::Noop if !self.has_news() => {
                self.finish(&tag, Ok(Reply::silent("OK NOOP completed")));
            }
            Command::Idle => self.idle(tag),
            command => self.begin_work(tag, command),
        }
    }

    fn begin_work(&mut self, tag: String, command: Command) {
        if self.mailbox.is_none() {
            let refusal = Refusal::WrongState("BAD Sign in first");
            return self.finish(&tag, Err(refusal));
        }
        match crate::command::begin(command, &tag, &mut self.state) {
            Ok(work) => self.ask_disk(Doing::Working(tag, work)),
            Err(refusal) => self.finish(&tag, Err(refusal)),
        }
    }

    /// Bytes behind the command were sent in the clear, by whomever: they must not be taken for
    /// what the client says under TLS.
    fn start_tls(&mut self, tag: &str, more_follows: bool) {
        let is_encrypted = self.link.is_encrypted();
        if is_encrypted || self.mailbox.is_some() {
            return self.finish(
                tag,
                Err(Refusal::WrongState("BAD STARTTLS is not possible now")),
            );
        }
        if more_follows {
            self.finish(
                tag,
                Err(Refusal::WrongState("BAD Nothing may follow STARTTLS")),
            );
            return self.close();
        }
        self.finish(tag, Ok(Reply::silent("OK Begin TLS")));
        self.link.start_tls();
    }

    /// What stands behind the command is neither surely compressed nor surely not.
    ///
    /// Only behind the sign-in, so that no password is compressed together with what others chose.
    /// Source: RFC 4978 §3.
    fn compress(&mut self, tag: &str, mechanism: &str, more_follows: bool) {
        let refusal = match mechanism {
            _ if self.mailbox.is_none() => Refusal::WrongState("BAD Sign in first"),
            "DEFLATE" if self.is_compressed => {
                Refusal::Never("NO [COMPRESSIONACTIVE] DEFLATE is active already")
            }
            "DEFLATE" if more_follows => {
                Refusal::WrongState("BAD Nothing may follow COMPRESS before its answer")
            }
            "DEFLATE" => {
                self.is_compressed = true;
                self.finish(tag, Ok(Reply::silent("OK DEFLATE active")));
                return self.link.act(Output::Compress);
            }
            _ => Refusal::WrongState("BAD Mechanism is not known"),
        };
        self.finish(tag, Err(refusal));
    }

    fn idle(&mut self, tag: String) {
        if self.mailbox.is_none() {
            return self.finish(&tag, Err(Refusal::WrongState("BAD Sign in first")));
        }
        let concerning = self.concerning();
        self.watch(&concerning);
        self.out.extend_from_slice(b"+ idling\r\n");
        if self.has_news() {
            self.ask_disk(Doing::News(Some(tag)));
        } else {
            self.doing = Doing::Idle(tag);
        }
    }

    /// True if something may have to be told.
    fn has_news(&mut self) -> bool {
        let departed = self
            .state
            .selected
            .as_ref()
            .is_some_and(|selected| selected.departed);
        let is_wanted = self.state.selected.is_some() || self.state.notify.is_some();
        let notify = self.state.notify.as_ref();
        let looks_further = notify.is_some_and(|notify| notify.looks_further());
        let has_changed = self.mailbox.as_mut().is_some_and(Mailbox::has_changed);
        is_wanted && (departed || looks_further || has_changed)
    }

    /// Writes the tagged answer and goes on with a command that waited.
    fn finish(&mut self, tag: &str, result: Result<Reply, Refusal>) {
        if matches!(self.doing, Doing::Over) {
            return;
        }
        self.doing = self.resting();
        match result {
            Ok(reply) => {
                self.bad_commands = 0;
                self.tagged(tag, &reply.text);
            }
            Err(Refusal::Broken) => return self.bye("Something is damaged here"),
            Err(refusal) => {
                self.log_refusal(&refusal);
                self.tagged(tag, &refusal.text());
                if refusal.is_bad() {
                    self.count_bad();
                }
            }
        }
        self.resume();
    }

    /// Goes on with a command that waited for the APPENDs before it.
    fn resume(&mut self) {
        let is_free = matches!(self.doing, Doing::Nothing) && self.batch.is_empty();
        if let Some(tagged) = self.deferred.take_if(|_| is_free) {
            self.begin(tagged, true);
        }
    }

    fn tagged(&mut self, tag: &str, text: &str) {
        if tag == news::NOBODY {
            return;
        }
        self.out.extend_from_slice(tag.as_bytes());
        self.out.extend_from_slice(b" ");
        self.out.extend_from_slice(text.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    fn count_bad(&mut self) {
        self.bad_commands += 1;
        let most = match self.mailbox {
            Some(_) => BAD_COMMANDS_MAX,
            None => BAD_COMMANDS_MAX_BEFORE_LOGIN,
        };
        if self.bad_commands >= most {
            self.bye("Too many bad commands");
        }
    }

    fn log_refusal(&mut self, refusal: &Refusal) {
        if let Refusal::Engine(EngineError::Store(error)) = refusal {
            self.link.log_failure(error.to_string());
        }
    }

    fn bye(&mut self, why: &str) {
        if !matches!(self.doing, Doing::Over) {
            self.out
                .extend_from_slice(format!("* BYE {why}\r\n").as_bytes());
        }
        self.close();
    }

    fn close(&mut self) {
        if !matches!(self.doing, Doing::Over) {
            self.doing = Doing::Over;
            self.link.close();
        }
    }

    fn busy(&mut self) {
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Verify(tag) | Doing::Working(tag, _) => {
                self.link.signing_in.break_off();
                self.finish(&tag, Err(Refusal::Busy));
            }
            Doing::Admitting => self.busy_to_admit(),
            // The work is done and stored: only the news of others stay for later.
            Doing::Announcing(tag, reply) => self.finish(&tag, Ok(reply)),
            Doing::AnnouncingStored(stored) => self.answer_stored(stored.answers),
            Doing::Storing => {
                let batch = std::mem::take(&mut self.batch);
                let refused = batch
                    .into_iter()
                    .map(|append| (append.tag, Err(Refusal::Busy)));
                self.answer_stored(refused.collect());
            }
            Doing::News(idle) => self.doing = idle.map_or(Doing::Nothing, Doing::Idle),
            doing => self.doing = doing,
        }
    }

    fn woken(&mut self) {
        if let Some(mailbox) = &mut self.mailbox {
            mailbox.changed = true;
        }
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Idle(tag) if self.has_news() => self.ask_disk(Doing::News(Some(tag))),
            doing => self.doing = doing,
        }
    }

    fn timeout(&mut self) {
        let is_waiting = matches!(
            self.doing,
            Doing::Nothing | Doing::Idle(_) | Doing::Exchange(..)
        );
        let silence = self.now.seconds().saturating_sub(self.active.seconds());
        if is_waiting && silence >= self.silence_seconds_max() {
            return self.bye("Autologout");
        }
        self.wait_for_silence();
    }

    fn silence_seconds_max(&self) -> i64 {
        if self.mailbox.is_some() {
            SILENCE_SECONDS_MAX
        } else {
            LOGIN_SECONDS_MAX
        }
    }

    /// One timer serves a whole time of silence: it is set anew only when it has come.
    fn wait_for_silence(&mut self) {
        let due = self
            .active
            .seconds()
            .saturating_add(self.silence_seconds_max());
        let due = due.max(self.now.seconds().saturating_add(1));
        self.link.wait_until(Timestamp::from_seconds(due));
    }

    /// True while what was written waits for a commit.
    fn holds_back(&self) -> bool {
        matches!(
            self.doing,
            Doing::Settling(..) | Doing::Finishing(..) | Doing::Stored(_)
        )
    }
}

impl Dialogue for Session {
    fn advance(&mut self, input: Input<'_>, now: Timestamp, out: &mut Vec<Output>) -> usize {
        self.now = now;
        let mut taken = 0;
        match input {
            Input::Opened(peer) => self.opened(peer),
            Input::Bytes(bytes) => taken = self.take(bytes),
            Input::Answer(Answer::Work) => self.work(),
            Input::Answer(Answer::Busy) => self.busy(),
            Input::Answer(Answer::Settled(result)) => self.settled(result),
            Input::Woken => self.woken(),
            Input::Sent => match std::mem::replace(&mut self.doing, Doing::Nothing) {
                Doing::Sending(tag, work) => self.ask_disk(Doing::Working(tag, work)),
                doing => self.doing = doing,
            },
            Input::Timeout => self.timeout(),
            Input::Closed(Closed::ByServer) => self.bye("Server is stopping"),
            Input::Closed(Closed::ByPeer) => self.doing = Doing::Over,
            // Nobody was asked to examine or follow anything.
            Input::Answer(Answer::Examined(_) | Answer::Followed(_)) => {}
        }
        self.tell_unasked();
        if !self.holds_back() && !self.out.is_empty() {
            // The buffer goes with its bytes, so that a quiet session keeps none; but the next step of
            // a long answer is written where this one lay, once it was sent.
            let said = match self.doing {
                Doing::Sending(..) => self.out.split(),
                _ => std::mem::take(&mut self.out),
            };
            out.push(Output::Send(said.freeze()));
        }
        self.link.flush(out);
        taken
    }
}
