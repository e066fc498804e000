//! Drives sessions as `server` does, over an engine in memory, without sockets or threads.

use engine::dialogue::{Answer, Dialogue, Input, Output, Question};
use engine::rehearsal::Rehearsal;
use engine::{Settings, Watch};
use imap::Session;

/// Steps after which a test is stuck.
const STEPS_MAX: usize = 200_000;

/// An engine with a person in it: alice@example.test, whose password is `alice`.
pub fn stage(settings: Settings) -> Rehearsal {
    let rehearsal = Rehearsal::new(settings).unwrap();
    rehearsal.person("alice@example.test").unwrap();
    rehearsal
}

/// One connection.
pub struct Wire {
    session: Session,
    /// Sent by the client and not taken yet.
    unread: Vec<u8>,
    /// Sent by the server and not looked at yet.
    pub received: Vec<u8>,
    question: Option<Question>,
    sent: bool,
    watch: Option<Watch>,
    pub closed: bool,
    /// Wants a TLS handshake.
    pub wants_tls: bool,
}

impl Wire {
    pub fn open(rehearsal: &Rehearsal, encrypted: bool) -> Self {
        let mut wire = Self {
            session: Session::new(rehearsal.engine.clone()),
            unread: Vec::new(),
            received: Vec::new(),
            question: None,
            sent: false,
            watch: None,
            closed: false,
            wants_tls: false,
        };
        wire.input(rehearsal, Input::Opened(rehearsal.peer(encrypted)));
        wire.run(rehearsal);
        wire
    }

    /// The handshake is done.
    #[allow(dead_code)] // Not every test that uses this module encrypts.
    pub fn encrypt(&mut self, rehearsal: &Rehearsal) {
        self.wants_tls = false;
        self.unread.clear();
        self.input(rehearsal, Input::Opened(rehearsal.peer(true)));
    }

    /// Sends bytes and does everything that follows from them.
    pub fn send(&mut self, rehearsal: &Rehearsal, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
        self.run(rehearsal);
    }

    /// The time that the session waits for has come.
    #[allow(dead_code)] // Not every test that uses this module waits.
    pub fn time_out(&mut self, rehearsal: &Rehearsal) {
        self.input(rehearsal, Input::Timeout);
    }

    /// What the server has sent since the last call.
    #[allow(dead_code)] // Not every test that uses this module asks.
    pub fn take(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.received)).into_owned()
    }

    fn input(&mut self, rehearsal: &Rehearsal, input: Input<'_>) -> usize {
        let mut outputs = Vec::new();
        let taken = self
            .session
            .advance(input, rehearsal.engine.now(), &mut outputs);
        for output in outputs {
            match output {
                Output::Send(bytes) => {
                    assert!(!self.closed, "sent behind the end");
                    self.received.extend_from_slice(&bytes);
                    self.sent = true;
                }
                Output::Ask(question) => {
                    assert!(self.question.is_none(), "two questions are open");
                    self.question = Some(question);
                }
                Output::Watch(watch) => self.watch = Some(watch),
                Output::Unwatch => self.watch = None,
                Output::StartTls => self.wants_tls = true,
                Output::Close => self.closed = true,
                Output::WaitUntil(_) | Output::Log(_) => {}
            }
        }
        taken
    }

    /// Goes on until nothing more happens by itself.
    pub fn run(&mut self, rehearsal: &Rehearsal) {
        for _ in 0..STEPS_MAX {
            if self.closed {
                return;
            }
            if std::mem::take(&mut self.sent) {
                self.input(rehearsal, Input::Sent);
            } else if let Some(question) = self.question.take() {
                let answer = match question {
                    Question::Work(_) => Answer::Work,
                    Question::Settled(settlement) => Answer::Settled(settlement.wait()),
                };
                self.input(rehearsal, Input::Answer(answer));
            } else if !self.unread.is_empty() && !self.wants_tls {
                let unread = std::mem::take(&mut self.unread);
                let taken = self.input(rehearsal, Input::Bytes(&unread));
                self.unread = unread[taken..].to_vec();
                if taken == 0 && self.question.is_none() && !self.sent {
                    return;
                }
            } else if self.watch.as_mut().is_some_and(Watch::has_changed) {
                self.input(rehearsal, Input::Woken);
            } else {
                return;
            }
        }
        panic!("the dialogue does not come to rest");
    }
}
