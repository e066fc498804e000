//! A connection without sockets or threads: leads one session as the driver in `server` would.
//!
//! Also checks what every session owes its driver: one question at a time, no more bytes taken than
//! were offered, none refused while the buffer is full, nothing sent behind the end. As on a disk,
//! nothing is settled before the session waits for it, or for its peer.

#![allow(
    clippy::missing_panics_doc,
    reason = "panicking is how it fails a test"
)]

use super::Rehearsal;
use crate::dialogue::{
    Answer, Closed, Dialogue, Input, Output, Peer, Question, RECEIVE_BYTES_MAX, Record,
    SEND_BYTES_MAX,
};
use crate::examination::stage::Stage;
use crate::examination::{Decision, Examination, Examined};
use store::model::Watch;

/// Steps after which a session that goes on without input is broken.
const STEPS_MAX: usize = 200_000;

/// One connection to a house.
pub struct Wire<S> {
    /// Where the session is at home.
    pub house: Rehearsal,
    /// The session at the other end.
    pub session: S,
    /// What it sent and nobody has looked at yet.
    pub said: Vec<u8>,
    /// What it wrote to the log.
    pub log: Vec<Record>,
    /// What examiners are to say of the next letters.
    pub examined: Examined,
    /// Seconds that pass before each step of work.
    pub pause_seconds: i64,
    /// The letters that they were shown.
    pub examinations: Vec<Examination>,
    /// What those who follow the dialogue say of each stage.
    pub follower: fn(&Stage) -> Decision,
    /// The stages that they were told of.
    pub stages: Vec<Stage>,
    /// It waits for a TLS handshake.
    pub asks_for_tls: bool,
    /// It has closed the connection.
    pub is_closed: bool,
    unread: Vec<u8>,
    question: Option<Question>,
    was_sent: bool,
    watches: Vec<Watch>,
}

impl<S: Dialogue> Wire<S> {
    /// Connects.
    pub fn open(house: &Rehearsal, session: S, peer: Peer) -> Self {
        Self::open_followed(house, session, peer, |_| Decision::Accept)
    }

    /// Connects, with someone who follows the dialogue from its beginning.
    pub fn open_followed(
        house: &Rehearsal,
        session: S,
        peer: Peer,
        follower: fn(&Stage) -> Decision,
    ) -> Self {
        let mut wire = Self {
            house: house.clone(),
            session,
            said: Vec::new(),
            log: Vec::new(),
            examined: Examined::default(),
            pause_seconds: 0,
            examinations: Vec::new(),
            follower,
            stages: Vec::new(),
            asks_for_tls: false,
            is_closed: false,
            unread: Vec::new(),
            question: None,
            was_sent: false,
            watches: Vec::new(),
        };
        wire.give(Input::Opened(peer));
        wire
    }

    /// Sends bytes and does everything that follows; what is not taken is offered again together
    /// with what comes next.
    pub fn send(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
        while !self.unread.is_empty() && !self.is_closed && !self.asks_for_tls {
            let mut unread = std::mem::take(&mut self.unread);
            let offered = unread.get(..RECEIVE_BYTES_MAX).unwrap_or(&unread);
            let taken = self.give(Input::Bytes(offered));
            assert!(taken > 0 || offered.len() < RECEIVE_BYTES_MAX, "stuck");
            unread.drain(..taken);
            self.unread = unread;
            if taken == 0 {
                break;
            }
        }
    }

    /// Gives one input and does what is asked until the session waits for the peer; how many bytes
    /// it took.
    pub fn give(&mut self, input: Input<'_>) -> usize {
        let taken = self.lead(input);
        self.house.release();
        taken
    }

    fn lead(&mut self, input: Input<'_>) -> usize {
        let taken = self.step(input);
        for _ in 0..STEPS_MAX {
            if self.is_closed {
                return taken;
            }
            if let Some(question) = self.question.take() {
                let answer = match question {
                    Question::Work(_) => {
                        self.house.pass(self.pause_seconds);
                        Answer::Work
                    }
                    Question::Settled(settlement) => {
                        self.house.release();
                        Answer::Settled(settlement.wait())
                    }
                    Question::Examine(letter) => {
                        let examined = self.examined.clone();
                        self.examinations.push(*letter);
                        Answer::Examined(Box::new(examined))
                    }
                    Question::Follow(stage) => {
                        let decision = (self.follower)(&stage);
                        self.stages.push(*stage);
                        Answer::Followed(decision)
                    }
                };
                self.step(Input::Answer(answer));
            } else if std::mem::take(&mut self.was_sent) && !self.asks_for_tls {
                self.step(Input::Sent);
            } else if self.has_changed() {
                self.step(Input::Woken);
            } else {
                return taken;
            }
        }
        assert!(self.is_closed, "the session never waits");
        taken
    }

    fn step(&mut self, input: Input<'_>) -> usize {
        let offered = match &input {
            Input::Bytes(bytes) => bytes.len(),
            _ => 0,
        };
        let mut outputs = Vec::new();
        let now = self.house.engine.now();
        self.house.hold();
        let taken = self.session.advance(input, now, &mut outputs);
        assert!(taken <= offered, "more was taken than was offered");
        for output in outputs {
            assert!(!self.is_closed, "{output:?} behind the end");
            self.keep(output);
        }
        taken
    }

    fn keep(&mut self, output: Output) {
        match output {
            Output::Send(bytes) => {
                assert!(bytes.len() <= SEND_BYTES_MAX, "too much at once");
                self.said.extend_from_slice(&bytes);
                self.was_sent = true;
            }
            Output::Ask(question) => {
                assert!(self.question.is_none(), "two questions at a time");
                self.question = Some(question);
            }
            Output::Watch(watches) => self.watches = watches,
            Output::Unwatch => self.watches.clear(),
            Output::Log(record) => self.log.push(record),
            Output::StartTls => self.asks_for_tls = true,
            Output::Close => self.is_closed = true,
            // Neither side of a session sees that what is between them is compressed.
            Output::WaitUntil(_) | Output::Compress | Output::EndCompression => {}
        }
    }

    /// Each watch tells of a change only once, so all are asked.
    fn has_changed(&mut self) -> bool {
        self.house.release();
        let watches = self.watches.iter_mut();
        watches.fold(false, |changed, watch| watch.has_changed() | changed)
    }

    /// Notices what others have done meanwhile.
    pub fn look_up(&mut self) {
        if self.has_changed() {
            self.give(Input::Woken);
        }
    }

    /// Sets TLS up, as the session has asked.
    pub fn set_up_tls(&mut self) {
        assert!(self.asks_for_tls, "TLS was not asked for");
        self.asks_for_tls = false;
        self.was_sent = false;
        self.unread.clear();
        let peer = self.house.peer(true);
        self.give(Input::Opened(peer));
    }

    /// The server stops.
    pub fn stop(&mut self) {
        self.give(Input::Closed(Closed::ByServer));
    }

    /// What was said since the last call.
    pub fn take(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.said)).into_owned()
    }

    /// The lines said since the last call; all are whole and in UTF-8.
    pub fn lines(&mut self) -> Vec<String> {
        let said = String::from_utf8(std::mem::take(&mut self.said));
        assert!(said.is_ok(), "not UTF-8: {said:?}");
        let said = said.unwrap_or_default();
        assert!(
            said.is_empty() || said.ends_with("\r\n"),
            "half a line: {said:?}"
        );
        said.split_terminator("\r\n").map(str::to_owned).collect()
    }
}
