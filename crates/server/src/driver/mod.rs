//! The driver: gives every dialogue its socket, clock, threads and timers.
//!
//! One task for each connection. It holds no buffer while nothing happens, sends with as few
//! system calls as the session's answers allow, never runs what may block, and never acknowledges
//! for the session.
//!
//! Start at [`converse`]; [`Conversation::turn`] is the order in which things are done.

pub mod buffer;
pub mod by_name;
pub mod client_certificates;
pub mod deadline;
mod deflate;
pub mod pool;
pub mod tls;
pub mod transport;
mod turns;

use crate::examination::Examiners;
use crate::examination::attendance::Attendance;
use crate::metrics::{Metrics, ServiceMetrics};
use crate::trace::Trace;
use buffer::Received;
use deadline::Deadline;
use deflate::Deflated;
use engine::dialogue::{
    Answer, Closed, Dialogue, Effort, Input, Output, Peer, Question, RECEIVE_BYTES_MAX,
};
use engine::examination::Decision;
use engine::examination::stage::Stage;
use pool::{Lost, Pool};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use store::model::Watch;
use store::world::Clock;
use tls::{Alpn, Certificates};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use transport::{Transport, Unsent};
use turns::Pace;

/// How long a peer may leave what we send unread before the connection is given up.
const SEND_STALL: Duration = Duration::from_mins(3);

/// After the last reply: how long to read on, so that the reply is not lost to a reset (RFC 1122
/// §4.2.2.13).
const LINGER: Duration = Duration::from_secs(2);

/// Bytes read and thrown away while lingering.
const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// Replies that wait before they are sent though the peer's next bytes are here already.
const COALESCE_BYTES: usize = 64 * 1024;

/// Commands that are taken on one way to a thread and back; each may take milliseconds there.
const COMMANDS_PER_STEP: usize = 16;
/// Steps of long work that are taken on one way: those take well below a millisecond each, and the
/// way takes a third of that.
const LONG_STEPS: usize = 8;

/// What all conversations share.
pub struct Surroundings {
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// For steps that may read the disk.
    pub disk: Arc<Pool>,
    /// For hashing passwords.
    pub passwords: Pool,
    /// Who looks at letters before they are accepted.
    pub examiners: Examiners,
    /// The certificate in use.
    pub certificates: Certificates,
    /// Until when TLS must be set up.
    pub handshake: Duration,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What happened to each letter.
    pub trace: Arc<Trace>,
    /// Becomes true once, when the server stops.
    pub stopping: watch::Receiver<bool>,
}

/// What a listener knows of a new connection.
#[derive(Clone)]
pub struct Arrival {
    /// Name of the service in the log.
    pub service: &'static str,
    /// Its counters.
    pub counters: Arc<ServiceMetrics>,
    /// Which names ALPN may choose.
    pub alpn: Alpn,
    /// True when TLS comes before the first byte.
    pub starts_with_tls: bool,
    /// Who is there.
    pub peer: Peer,
}

/// Leads one conversation from the first byte to the last.
pub async fn converse(
    dialogue: Box<dyn Dialogue>,
    transport: Transport,
    arrival: Arrival,
    surroundings: Arc<Surroundings>,
) {
    let mut stopping = surroundings.stopping.clone();
    let stop = Box::pin(async move {
        // The sender lives as long as the server; its end is a stop too.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    });
    let mut conversation = Conversation {
        transport,
        stop,
        received: Received::default(),
        offer: false,
        unsent: Unsent::default(),
        question: None,
        watches: Vec::new(),
        deadline: Deadline::default(),
        wish: Wish::GoOn,
        said: Vec::new(),
        attendance: None,
        arrival,
        surroundings,
    };
    let ready =
        !conversation.arrival.starts_with_tls || Box::pin(conversation.set_up_tls()).await.is_ok();
    if ready {
        conversation.run(dialogue).await;
        if let Some(mut attendance) = conversation.attendance.take() {
            attendance.part().await;
        }
    }
}

/// What the session wants of the connection itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    GoOn,
    StartTls,
    Compress,
    EndCompression,
    Close,
}

/// What a conversation does next.
enum Turn {
    Ask(Question),
    Send,
    StartTls,
    Compress,
    EndCompression,
    Close,
    Offer,
    Wait,
}

/// What happened while waiting.
enum Event {
    Received,
    Woken,
    Timeout,
    /// The peer says no more; it may still read.
    Ended,
    /// Nothing goes either way any more.
    Broken,
    Stopping,
}

struct Conversation {
    transport: Transport,
    /// Ends when the server stops.
    stop: Pin<Box<dyn Future<Output = ()> + Send>>,
    received: Received,
    /// True when the session may take some of what was received.
    offer: bool,
    unsent: Unsent,
    question: Option<Question>,
    watches: Vec<Watch>,
    deadline: Deadline,
    wish: Wish,
    said: Vec<Output>,
    /// Those who follow what is said, where someone does.
    attendance: Option<Box<Attendance>>,
    arrival: Arrival,
    surroundings: Arc<Surroundings>,
}

impl Conversation {
    async fn run(&mut self, mut dialogue: Box<dyn Dialogue>) {
        let peer = self.arrival.peer.clone();
        self.tell(dialogue.as_mut(), Input::Opened(peer));
        loop {
            match self.turn() {
                Turn::Ask(question) => match self.ask(dialogue, question).await {
                    Some(after) => dialogue = after,
                    None => return,
                },
                Turn::Send => {
                    if self.send().await.is_err() {
                        self.tell(dialogue.as_mut(), Input::Closed(Closed::ByPeer));
                        return;
                    }
                    if self.wish == Wish::GoOn && self.question.is_none() {
                        self.tell(dialogue.as_mut(), Input::Sent);
                    }
                }
                Turn::StartTls => {
                    if Box::pin(self.start_tls(dialogue.as_mut())).await.is_err() {
                        return;
                    }
                }
                Turn::Compress => self.compress(),
                Turn::EndCompression => {
                    if self.end_compression().await.is_err() {
                        self.tell(dialogue.as_mut(), Input::Closed(Closed::ByPeer));
                        return;
                    }
                }
                Turn::Close => return self.close().await,
                Turn::Offer => {
                    if !self.offer(dialogue.as_mut()) {
                        return;
                    }
                }
                Turn::Wait => {
                    let event = self.wait().await;
                    if !self.pass_on(dialogue.as_mut(), &event) {
                        return self.part().await;
                    }
                }
            }
        }
    }

    /// What comes next: an open question before all else, then what the session wished, then what
    /// is there.
    ///
    /// Replies are sent when nothing more can be answered without waiting, so that the answers to
    /// pipelined commands leave together.
    fn turn(&mut self) -> Turn {
        let much = self.unsent.len() >= COALESCE_BYTES;
        if let Some(question) = self.question.take() {
            if much {
                self.question = Some(question);
                return Turn::Send;
            }
            return Turn::Ask(question);
        }
        let offer = self.offer && !self.received.is_empty();
        match self.wish {
            Wish::GoOn if offer && !much => Turn::Offer,
            _ if !self.unsent.is_empty() => Turn::Send,
            Wish::GoOn => Turn::Wait,
            Wish::StartTls => Turn::StartTls,
            Wish::Compress => Turn::Compress,
            Wish::EndCompression => Turn::EndCompression,
            Wish::Close => Turn::Close,
        }
    }

    /// Gives the session one input and keeps what it says; the answer is the number of bytes it
    /// took.
    fn tell(&mut self, dialogue: &mut dyn Dialogue, input: Input<'_>) -> usize {
        let now = self.surroundings.clock.now();
        let taken = dialogue.advance(input, now, &mut self.said);
        self.offer = true;
        self.keep();
        taken
    }

    /// Sorts what the session said to where it is done.
    fn keep(&mut self) {
        for output in self.said.drain(..) {
            match output {
                Output::Send(bytes) => self.unsent.push(bytes),
                Output::Ask(question) => self.question = Some(question),
                Output::Watch(watches) => self.watches = watches,
                Output::Unwatch => self.watches = Vec::new(),
                Output::StartTls => self.wish = Wish::StartTls,
                Output::Compress => self.wish = Wish::Compress,
                Output::EndCompression => self.wish = Wish::EndCompression,
                Output::WaitUntil(at) => self.deadline.set(at),
                Output::Log(record) => {
                    self.arrival.counters.event(record.event);
                    crate::log::record(self.arrival.service, self.arrival.peer.connection, &record);
                    let now = self.surroundings.clock.now().seconds();
                    self.surroundings
                        .trace
                        .note(self.arrival.service, &record, now);
                }
                Output::Close => self.wish = Wish::Close,
            }
        }
    }

    /// Offers what was received. False when the session takes nothing of a full buffer.
    fn offer(&mut self, dialogue: &mut dyn Dialogue) -> bool {
        let now = self.surroundings.clock.now();
        let bytes = self.received.bytes();
        let taken = dialogue.advance(Input::Bytes(bytes), now, &mut self.said);
        self.received.take(taken);
        self.keep();
        self.offer = taken > 0;
        let stuck = taken == 0
            && self.received.len() >= RECEIVE_BYTES_MAX
            && self.question.is_none()
            && self.unsent.is_empty()
            && self.wish == Wish::GoOn;
        !stuck
    }

    /// Finds the answer to a question and gives it; `None` when the step was lost with its session.
    async fn ask(
        &mut self,
        mut dialogue: Box<dyn Dialogue>,
        question: Question,
    ) -> Option<Box<dyn Dialogue>> {
        match question {
            Question::Settled(settlement) => {
                let started = Instant::now();
                let result = settlement.await;
                self.surroundings.metrics.settled.observe(started.elapsed());
                self.tell(dialogue.as_mut(), Input::Answer(Answer::Settled(result)));
                Some(dialogue)
            }
            Question::Work(effort) => self.work(dialogue, effort).await,
            Question::Follow(stage) => {
                if let Stage::Connected(caller) = &*stage {
                    let attendance = self.surroundings.examiners.attend(caller);
                    self.attendance = Some(Box::new(attendance));
                }
                let decision = match &mut self.attendance {
                    Some(attendance) => attendance.hear(&stage).await,
                    None => Decision::Accept,
                };
                let answer = Input::Answer(Answer::Followed(decision));
                self.tell(dialogue.as_mut(), answer);
                Some(dialogue)
            }
            Question::Examine(letter) => {
                let mut nobody = Attendance::default();
                let attendance = self.attendance.as_deref_mut().unwrap_or(&mut nobody);
                let examiners = &self.surroundings.examiners;
                let examined = examiners.examine_followed(&letter, attendance).await;
                let answer = Answer::Examined(Box::new(examined));
                self.tell(dialogue.as_mut(), Input::Answer(answer));
                Some(dialogue)
            }
        }
    }

    /// Lets the session take its heavy step on a thread that may block.
    async fn work(
        &mut self,
        mut dialogue: Box<dyn Dialogue>,
        effort: Effort,
    ) -> Option<Box<dyn Dialogue>> {
        if matches!(effort, Effort::Long(_)) && self.is_deserted().await {
            self.tell(dialogue.as_mut(), Input::Closed(Closed::ByPeer));
            return None;
        }
        let (pool, pace, account) = match effort {
            Effort::Disk(account) => (&*self.surroundings.disk, Pace::Short, Some(account)),
            Effort::Long(account) => (&*self.surroundings.disk, Pace::Long, Some(account)),
            Effort::Password => (&self.surroundings.passwords, Pace::Short, None),
        };
        if pool.is_full() {
            self.tell(dialogue.as_mut(), Input::Answer(Answer::Busy));
            return Some(dialogue);
        }
        let mut step = Step {
            dialogue,
            effort,
            received: std::mem::take(&mut self.received),
            taken: 0,
            said: std::mem::take(&mut self.said),
        };
        let clock = Arc::clone(&self.surroundings.clock);
        let run = move || {
            step.run(clock.as_ref());
            step
        };
        match pool.run_at(pace, account, run).await {
            Ok(step) => {
                (self.received, self.said) = (step.received, step.said);
                self.received.take(step.taken);
                self.offer = true;
                self.keep();
                Some(step.dialogue)
            }
            // The session went with its step; the peer sees a broken connection, not a wrong
            // answer.
            Err(Lost) => None,
        }
    }

    /// True when the peer is gone: nobody waits for the next of many steps.
    ///
    /// Whoever closed only its own half, as scripts do behind their last command, still reads the
    /// answers. It looks like one that is gone until something was sent and refused, so long work
    /// that gives signs of life ends with the first of them.
    async fn is_deserted(&mut self) -> bool {
        if self.received.len() >= RECEIVE_BYTES_MAX {
            return false;
        }
        match poll_fn(|context| Poll::Ready(self.poll_receive(context))).await {
            Poll::Ready(Event::Broken) => true,
            Poll::Ready(Event::Ended) => self.transport.is_refused(),
            _ => false,
        }
    }

    /// Sends what is pending.
    async fn send(&mut self) -> io::Result<()> {
        let bytes = self.unsent.len();
        let (transport, unsent) = (&mut self.transport, &mut self.unsent);
        // Nearly always the kernel takes everything at once, and no timer is needed.
        let mut sending = poll_fn(|context| transport.poll_send(context, unsent));
        let at_once = poll_fn(|context| Poll::Ready(Pin::new(&mut sending).poll(context))).await;
        match at_once {
            Poll::Ready(outcome) => outcome?,
            Poll::Pending => self.send_slowly().await?,
        }
        self.arrival.counters.sent(bytes);
        Ok(())
    }

    /// Goes on sending as long as the peer takes something now and then.
    async fn send_slowly(&mut self) -> io::Result<()> {
        loop {
            let before = self.unsent.len();
            let (transport, unsent) = (&mut self.transport, &mut self.unsent);
            let sending = poll_fn(|context| transport.poll_send(context, unsent));
            match timeout(SEND_STALL, sending).await {
                Ok(outcome) => return outcome,
                Err(_) if self.unsent.len() < before => {}
                Err(_) => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
    }

    /// Waits for whatever comes first.
    async fn wait(&mut self) -> Event {
        self.unsent.release();
        if self.said.is_empty() {
            self.said = Vec::new();
        }
        poll_fn(|context| self.poll_event(context)).await
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        if self.stop.as_mut().poll(context).is_ready() {
            return Poll::Ready(Event::Stopping);
        }
        let mut watches = self.watches.iter_mut();
        if watches.any(|watch| Pin::new(watch).poll(context).is_ready()) {
            return Poll::Ready(Event::Woken);
        }
        let clock = &self.surroundings.clock;
        if self.deadline.poll(context, || clock.now()).is_ready() {
            return Poll::Ready(Event::Timeout);
        }
        self.poll_receive(context)
    }

    /// Reads what is there, or the end.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        let transport = &mut self.transport;
        let read = |free: &mut tokio::io::ReadBuf<'_>| transport.poll_read(context, free);
        match self.received.read(read) {
            Poll::Ready(Ok(count @ 1..)) => {
                self.arrival.counters.received(count);
                Poll::Ready(Event::Received)
            }
            Poll::Ready(Ok(_)) => Poll::Ready(Event::Ended),
            // Many close a half of TLS without a word.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Poll::Ready(Event::Ended)
            }
            Poll::Ready(Err(_)) => Poll::Ready(Event::Broken),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Tells the session what happened. False when that was the end.
    fn pass_on(&mut self, dialogue: &mut dyn Dialogue, event: &Event) -> bool {
        match event {
            Event::Received => self.offer = true,
            Event::Woken => _ = self.tell(dialogue, Input::Woken),
            Event::Timeout => _ = self.tell(dialogue, Input::Timeout),
            Event::Ended | Event::Broken => {
                self.tell(dialogue, Input::Closed(Closed::ByPeer));
                return false;
            }
            Event::Stopping => {
                self.tell(dialogue, Input::Closed(Closed::ByServer));
                return false;
            }
        }
        true
    }

    /// Sends the parting line, if there is one, and ends.
    async fn part(&mut self) {
        let parting = async {
            if self.send().await.is_ok() {
                let _ = poll_fn(|context| self.transport.poll_end(context)).await;
            }
        };
        // A peer that does not read must not hold up the stop of the server.
        let _ = timeout(LINGER, parting).await;
    }

    /// Ends the stream; when the peer is still sending, reads on for a moment.
    async fn close(&mut self) {
        let peer_is_sending = !self.received.is_empty();
        let ending = async {
            poll_fn(|context| self.transport.poll_end(context)).await?;
            let mut left = if peer_is_sending { LINGER_BYTES_MAX } else { 0 };
            while left > 0 {
                self.received.clear();
                let (transport, received) = (&mut self.transport, &mut self.received);
                let read = |context: &mut Context<'_>| {
                    received.read(|free| transport.poll_read(context, free))
                };
                match poll_fn(read).await? {
                    0 => break,
                    count => left = left.saturating_sub(count),
                }
            }
            io::Result::Ok(())
        };
        let _ = timeout(LINGER, ending).await;
    }

    /// STARTTLS: what came before the handshake in the clear is thrown away (RFC 3207 §4.2).
    async fn start_tls(&mut self, dialogue: &mut dyn Dialogue) -> io::Result<()> {
        self.received.clear();
        self.wish = Wish::GoOn;
        if let Err(error) = self.set_up_tls().await {
            self.tell(dialogue, Input::Closed(Closed::ByPeer));
            return Err(error);
        }
        let peer = self.arrival.peer.clone();
        self.tell(dialogue, Input::Opened(peer));
        Ok(())
    }

    /// What was sent so far went out as it is; what was received and not taken is compressed.
    fn compress(&mut self) {
        self.wish = Wish::GoOn;
        let transport = std::mem::replace(&mut self.transport, Transport::Gone);
        let mut packed = self.received.bytes().to_vec();
        let inner = match transport {
            // Compressed before, so that layers do not grow.
            Transport::Deflated(deflated) => match deflated.ended() {
                Ok((inner, unread)) => {
                    packed.extend(unread);
                    inner
                }
                Err(deflated) => Transport::Deflated(deflated),
            },
            other => other,
        };
        self.received.clear();
        self.transport = Transport::Deflated(Box::new(Deflated::new(inner, &packed)));
    }

    /// The peer is told at once, since it may wait for the end of what was compressed.
    async fn end_compression(&mut self) -> io::Result<()> {
        self.wish = Wish::GoOn;
        if let Transport::Deflated(deflated) = &mut self.transport {
            deflated.end();
        }
        self.send().await
    }

    async fn set_up_tls(&mut self) -> io::Result<()> {
        let Transport::Tcp(stream) = std::mem::replace(&mut self.transport, Transport::Gone) else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let offer = self.surroundings.certificates.offer(self.arrival.alpn);
        let accepting = tokio_rustls::TlsAcceptor::from(Arc::clone(&offer.config)).accept(stream);
        let stream = match timeout(self.surroundings.handshake, accepting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(self.refused_tls(error)),
            Err(_) => return Err(self.refused_tls(io::ErrorKind::TimedOut.into())),
        };
        let facts = tls::facts(stream.get_ref().1, &offer);
        self.arrival.peer.tls = Some(facts);
        self.transport = Transport::Tls(Box::new(stream));
        Ok(())
    }

    fn refused_tls(&self, error: io::Error) -> io::Error {
        self.arrival.counters.event("tls failed");
        let Arrival { service, peer, .. } = &self.arrival;
        tracing::debug!(service, connection = peer.connection, %error, "tls failed");
        error
    }
}

/// A heavy step of a session on its way to a thread and back.
struct Step {
    dialogue: Box<dyn Dialogue>,
    effort: Effort,
    received: Received,
    /// Bytes of what was received that the session took; their buffer goes back to the thread that
    /// it is from.
    taken: usize,
    said: Vec<Output>,
}

impl Step {
    /// Takes the step and some that follow, since the way here and back costs as much as a short
    /// command: of long work the next steps, otherwise those of the same kind that commands ask for
    /// which are here already. The replies of these leave together.
    fn run(&mut self, clock: &dyn Clock) {
        let is_long = matches!(self.effort, Effort::Long(_));
        let most = if is_long {
            LONG_STEPS
        } else {
            COMMANDS_PER_STEP
        };
        for _ in 0..most {
            let input = Input::Answer(Answer::Work);
            self.dialogue.advance(input, clock.now(), &mut self.said);
            let goes_on = match self.effort {
                Effort::Long(_) => self.said.len() == 1 && self.asks_for_the_same(),
                Effort::Disk(_) => self.is_asked_again(clock),
                Effort::Password => false,
            };
            if !goes_on {
                return;
            }
            self.said.pop();
            if is_long {
                // The system would let it go on for some milliseconds, whoever woke meanwhile.
                std::thread::yield_now();
            }
        }
        let question = Output::Ask(Question::Work(self.effort));
        self.said.push(question);
    }

    /// True while all that was said is to be sent with what comes next.
    fn may_go_on(&self) -> bool {
        let bytes_of = |output: &Output| match output {
            Output::Send(bytes) => Some(bytes.len()),
            Output::Log(_) | Output::Watch(_) | Output::Unwatch | Output::WaitUntil(_) => Some(0),
            _ => None,
        };
        let bytes = self.said.iter().map(bytes_of).sum::<Option<usize>>();
        bytes.is_some_and(|bytes| bytes < COALESCE_BYTES)
    }

    /// Offers what is left of what was received until the session asks for something; true if that
    /// is a step like this one.
    fn is_asked_again(&mut self, clock: &dyn Clock) -> bool {
        while self.may_go_on() {
            let bytes = self.received.bytes().get(self.taken..).unwrap_or_default();
            let input = Input::Bytes(bytes);
            if bytes.is_empty() {
                return false;
            }
            let taken = self.dialogue.advance(input, clock.now(), &mut self.said);
            if taken == 0 {
                break;
            }
            self.taken += taken;
        }
        self.asks_for_the_same()
    }

    /// True if what was said last is that it wants a step like this one.
    fn asks_for_the_same(&self) -> bool {
        let asked = self.said.last();
        matches!(asked, Some(Output::Ask(Question::Work(effort))) if *effort == self.effort)
    }
}

#[cfg(test)]
mod tests;
