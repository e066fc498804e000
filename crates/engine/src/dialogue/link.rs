//! What a session keeps of its connection, whatever is spoken on it.
//!
//! Who is at the other end and since when, what was written and not sent, what the driver is to do,
//! and whether the peer has had its time. Never knows a word of a protocol: the session says why
//! it refuses or closes.
//!
//! Start at [`Link`]; a session feeds what it received to [`take_all`].

use super::signing_in::SigningIn;
use super::{Effort, Input, Level, Output, Peer, Question, Record, SEND_BYTES_MAX};
use crate::sign_in::{SignInRefusal, User};
use bytes::Bytes;
use store::id::{AccountId, Timestamp};

/// Bytes of replies after which no further pipelined command is taken before they are on their way.
const REPLIES_BYTES_MAX: usize = 64 * 1024;

/// For whom a session waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// For the peer, which may be late.
    Peer,
    /// For this server, which makes the peer wait.
    Server,
}

/// One connection, as its session sees it.
#[derive(Debug)]
pub struct Link {
    /// Who is at the other end, once the connection is there.
    pub peer: Option<Peer>,
    /// Who has signed in.
    pub user: Option<User>,
    /// The sign-in under way, and how many have failed.
    pub signing_in: SigningIn,
    /// What was written and is to be sent.
    pub replies: Vec<u8>,
    /// What goes out before that.
    ready: Vec<Bytes>,
    opened: Timestamp,
    active: Timestamp,
    actions: Vec<Output>,
    errors: u32,
    is_closed: bool,
}

impl Link {
    /// For a connection to come, which ends after so many failed sign-ins.
    pub fn new(sign_ins_max: u32) -> Self {
        Self {
            peer: None,
            user: None,
            signing_in: SigningIn::new(sign_ins_max),
            replies: Vec::new(),
            ready: Vec::new(),
            opened: Timestamp::default(),
            active: Timestamp::default(),
            actions: Vec::new(),
            errors: 0,
            is_closed: false,
        }
    }

    /// It is there, from when on times count, or TLS was set up on it; true the first time.
    pub fn open(&mut self, peer: Peer, now: Timestamp) -> bool {
        let is_first = self.peer.replace(peer).is_none();
        if is_first {
            (self.opened, self.active) = (now, now);
        }
        is_first
    }

    /// Notes when the peer did something, or could do nothing because it was made to wait.
    pub fn note(&mut self, input: &Input<'_>, now: Timestamp) {
        if matches!(input, Input::Bytes(_) | Input::Answer(_) | Input::Sent) {
            self.active = now;
        }
    }

    /// The time at which it will have been there for so many seconds.
    pub fn open_until(&self, seconds: i64) -> Timestamp {
        self.opened.plus_seconds(seconds)
    }

    /// The time at which nothing will have come for so many seconds.
    pub fn active_until(&self, seconds: i64) -> Timestamp {
        self.active.plus_seconds(seconds)
    }

    /// Asks to be called at `until`, when the peer will have had its time; true if it has had it.
    #[must_use]
    pub fn wait(&mut self, until: Timestamp, awaited: Awaited, now: Timestamp) -> bool {
        if until > now {
            self.wait_until(until);
        } else if awaited == Awaited::Server {
            self.wait_until(now.plus_seconds(1));
        } else {
            return true;
        }
        false
    }

    /// Asks to be called at this time.
    pub fn wait_until(&mut self, at: Timestamp) {
        self.actions.push(Output::WaitUntil(at));
    }

    /// True where nothing said is encrypted yet.
    pub fn is_clear(&self) -> bool {
        self.peer.as_ref().is_some_and(|peer| peer.tls.is_none())
    }

    /// True once TLS is set up.
    pub fn is_encrypted(&self) -> bool {
        self.peer.as_ref().is_some_and(|peer| peer.tls.is_some())
    }

    /// Its number in the log; 0 before it is there.
    pub fn number(&self) -> u64 {
        self.peer.as_ref().map_or(0, |peer| peer.connection)
    }

    /// Counts an error of the peer.
    pub fn count_error(&mut self) {
        self.errors = self.errors.saturating_add(1);
    }

    /// True once the peer has made so many errors, or too many of its sign-ins have failed.
    pub fn has_erred_too_often(&self, errors_max: u32) -> bool {
        self.errors >= errors_max || self.signing_in.has_failed_too_often()
    }

    /// True while so much is to be sent that nothing more is taken.
    pub fn is_full(&self) -> bool {
        let ready = self.ready.iter().map(Bytes::len).sum::<usize>();
        ready + self.replies.len() >= REPLIES_BYTES_MAX
    }

    /// Sends bytes that are whole already, behind what was written.
    pub fn send(&mut self, bytes: Bytes) {
        if !self.replies.is_empty() {
            self.ready.push(std::mem::take(&mut self.replies).into());
        }
        self.ready.push(bytes);
    }

    /// Has the driver do what this protocol alone needs of it.
    pub fn act(&mut self, action: Output) {
        self.actions.push(action);
    }

    /// Asks a question.
    pub fn ask(&mut self, question: Question) {
        self.actions.push(Output::Ask(question));
    }

    /// Asks for a step that may read the disk, for this account or else that of who has signed in.
    pub fn ask_for_disk(&mut self, account: Option<AccountId>) {
        let own = self.user.as_ref().map(|user| user.account);
        let account = account.or(own).unwrap_or_default();
        self.ask(Question::Work(Effort::Disk(account)));
    }

    /// Asks for the TLS handshake.
    pub fn start_tls(&mut self) {
        self.actions.push(Output::StartTls);
    }

    /// Tells the log, with the peer and the user.
    pub fn log(&mut self, level: Level, event: &'static str, facts: Vec<(&'static str, String)>) {
        let record = Record {
            level,
            event,
            facts,
        };
        let record = record.with_parties(self.peer.as_ref(), self.user.as_ref());
        self.actions.push(Output::Log(record));
    }

    /// Tells the log that someone has signed in.
    pub fn log_sign_in(&mut self) {
        self.log(Level::Info, "signed in", Vec::new());
    }

    /// Tells the log why someone has not signed in.
    pub fn log_refused_sign_in(&mut self, refusal: &SignInRefusal) {
        let why = vec![("why", format!("{refusal:?}"))];
        self.log(Level::Info, "sign-in refused", why);
    }

    /// Tells the log what the peer is not told: that the store failed.
    pub fn log_failure(&mut self, error: String) {
        self.log(Level::Error, "the store failed", vec![("error", error)]);
    }

    /// Tells the log why it is closed.
    pub fn log_close(&mut self, why: &str) {
        self.log(Level::Info, "closed", vec![("why", why.to_owned())]);
    }

    /// Closes, once what was written is sent.
    pub fn close(&mut self) {
        if !std::mem::replace(&mut self.is_closed, true) {
            self.actions.push(Output::Close);
        }
    }

    /// Hands the driver what was written, and then what it is to do.
    pub fn flush(&mut self, out: &mut Vec<Output>) {
        let replies = Bytes::from(std::mem::take(&mut self.replies));
        for bytes in self.ready.drain(..).chain([replies]) {
            let pieces = bytes.chunks(SEND_BYTES_MAX / 2);
            out.extend(pieces.map(|piece| Output::Send(bytes.slice_ref(piece))));
        }
        out.append(&mut self.actions);
    }
}

/// Offers `take` what is left of `bytes` until it takes nothing more; how much it has taken.
pub fn take_all(bytes: &[u8], mut take: impl FnMut(&[u8]) -> usize) -> usize {
    let mut rest = bytes;
    while !rest.is_empty() {
        match rest.split_at_checked(take(rest)) {
            Some((taken, after)) if !taken.is_empty() => rest = after,
            _ => break,
        }
    }
    bytes.len() - rest.len()
}
