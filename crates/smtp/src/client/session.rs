//! The dialogue as the sending side leads it: whose turn it is, and what each input leads to.
//!
//! Start at [`Client::advance`]; a letter's own part is in `transaction`.

use super::authenticate::{Next as SignInNext, SigningIn};
use super::capability::Capabilities;
use super::reply::{Reader, Reply};
use super::transaction::{Next, Step, Transaction, Transfer, Unfinished, obstacle};
use super::{Dialect, Input, Manner, Message, Output, Tls};
use bytes::Bytes;
use engine::queue::{Reason, Status, Verdict};

/// Seconds to wait for each thing. Source: RFC 5321 §4.5.3.2.
mod patience {
    /// The greeting, MAIL, RCPT.
    pub const COMMAND: u64 = 300;
    /// The reply to DATA.
    pub const DATA: u64 = 120;
    /// The reply to the end of the letter.
    pub const END: u64 = 600;
    /// That a piece is taken.
    pub const PIECE: u64 = 180;
    /// The reply to QUIT; nothing depends on it.
    pub const QUIT: u64 = 5;
}

/// One connection to another server.
#[derive(Debug)]
pub struct Client {
    manner: Manner,
    stage: Stage,
    reader: Reader,
    offered: Capabilities,
    encrypted: bool,
    unfinished: Unfinished,
}

/// Where the dialogue stands.
#[derive(Debug)]
enum Stage {
    Connecting,
    Greeting,
    Hello,
    /// HELO, because EHLO was not understood.
    OldHello,
    StartTls,
    Encrypting,
    SigningIn(SigningIn),
    Ready,
    Envelope(Box<Transaction>),
    /// Pieces are being sent.
    Body(Box<Transaction>),
    /// The letter is sent; what became of it is awaited.
    End(Box<Transaction>),
    /// An empty letter ended a DATA without recipients.
    Discarding(Box<Transaction>),
    Quitting,
    Closed,
}

impl Client {
    /// A dialogue that has not begun. `encrypted` says that the connection is, from the start.
    pub fn new(manner: Manner, encrypted: bool) -> Self {
        Self {
            manner,
            stage: Stage::Connecting,
            reader: Reader::default(),
            offered: Capabilities::default(),
            encrypted,
            unfinished: Unfinished::No,
        }
    }

    /// What the other server offers, once it said so.
    pub fn offered(&self) -> &Capabilities {
        &self.offered
    }

    /// True when a letter can be taken.
    pub fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Ready)
    }

    /// Seconds to wait for the other server before [`Input::Timeout`] is given.
    pub fn patience_seconds(&self) -> u64 {
        match &self.stage {
            Stage::Envelope(transaction) if transaction.awaited() == Some(Step::Data) => {
                patience::DATA
            }
            Stage::Body(_) => patience::PIECE,
            Stage::End(_) | Stage::Discarding(_) => patience::END,
            Stage::Quitting | Stage::Closed => patience::QUIT,
            _ => patience::COMMAND,
        }
    }

    /// Takes one input and appends what is to be done.
    pub fn advance(&mut self, input: Input<'_>, out: &mut Vec<Output>) {
        match input {
            Input::Opened => self.stage = Stage::Greeting,
            Input::Encrypted => self.encrypted(out),
            Input::Bytes(bytes) => self.bytes(bytes, out),
            Input::Send(message) => self.send(&message, out),
            Input::Piece(piece, is_last) => self.piece(&piece, is_last, out),
            Input::Quit => self.quit(out),
            Input::Timeout => self.lost(Reason::ours(Status::NO_ANSWER), out),
            Input::Closed => self.lost(Reason::ours(Status::BROKEN), out),
        }
    }

    fn bytes(&mut self, bytes: &[u8], out: &mut Vec<Output>) {
        let mut rest = bytes;
        while !rest.is_empty() && !matches!(self.stage, Stage::Closed) {
            match self.reader.take(rest) {
                Ok((taken, reply)) => {
                    rest = rest.get(taken..).unwrap_or_default();
                    if let Some(reply) = reply {
                        self.reply(&reply, !rest.is_empty(), out);
                    }
                }
                Err(_) => return self.lost(Reason::ours(Status::PROTOCOL), out),
            }
        }
    }

    fn reply(&mut self, reply: &Reply, more_follows: bool, out: &mut Vec<Output>) {
        match std::mem::replace(&mut self.stage, Stage::Closed) {
            Stage::Greeting => self.greeted(reply, out),
            Stage::Hello => self.hello_replied(reply, out),
            Stage::OldHello if reply.is_success() => self.ready(out),
            Stage::StartTls => self.start_tls_replied(reply, more_follows, out),
            Stage::SigningIn(signing_in) => self.sign_in_replied(signing_in, reply, out),
            Stage::Envelope(transaction) => self.transaction_replied(transaction, reply, out),
            Stage::End(mut transaction) => {
                let next = transaction.replied(reply);
                self.follow(transaction, &next, out);
            }
            Stage::Body(transaction) => self.interrupted(*transaction, reply, out),
            Stage::Discarding(transaction) => {
                self.finish(*transaction, Unfinished::No, out);
            }
            Stage::Quitting | Stage::Closed => out.push(Output::Close),
            // The other server hangs up, or speaks out of turn.
            Stage::Connecting | Stage::Encrypting | Stage::Ready | Stage::OldHello => {
                self.fail(reply.reason(), out);
            }
        }
    }

    fn greeted(&mut self, reply: &Reply, out: &mut Vec<Output>) {
        if reply.code == 220 {
            self.hello(out);
        } else {
            self.fail(reply.reason(), out);
        }
    }

    fn hello(&mut self, out: &mut Vec<Output>) {
        let verb = match self.manner.dialect {
            Dialect::Smtp => "EHLO",
            Dialect::Lmtp => "LHLO",
        };
        self.stage = Stage::Hello;
        say(&format!("{verb} {}\r\n", self.manner.hello), out);
    }

    fn hello_replied(&mut self, reply: &Reply, out: &mut Vec<Output>) {
        if reply.is_success() {
            self.offered = Capabilities::of(reply);
            return self.encrypt(out);
        }
        let is_old = reply.is_permanent() && self.manner.dialect == Dialect::Smtp;
        let needs_more = self.manner.tls == Tls::Always || self.manner.credentials.is_some();
        if !is_old || (needs_more && !self.encrypted) {
            return self.fail(reply.reason(), out);
        }
        self.offered = Capabilities::default();
        self.stage = Stage::OldHello;
        say(&format!("HELO {}\r\n", self.manner.hello), out);
    }

    fn encrypt(&mut self, out: &mut Vec<Output>) {
        match self.manner.tls {
            _ if self.encrypted => self.sign_in(out),
            Tls::IfOffered | Tls::Always if self.offered.start_tls => {
                self.stage = Stage::StartTls;
                say("STARTTLS\r\n", out);
            }
            Tls::Always => self.fail(Reason::ours(Status::new(4, 7, 10)), out),
            Tls::Never | Tls::IfOffered => self.sign_in(out),
        }
    }

    /// What is received behind the reply, in clear, could be put in by anybody (RFC 3207 §6).
    fn start_tls_replied(&mut self, reply: &Reply, more_follows: bool, out: &mut Vec<Output>) {
        if reply.code != 220 {
            return if self.manner.tls == Tls::Always {
                self.fail(reply.reason(), out);
            } else {
                self.sign_in(out);
            };
        }
        if more_follows {
            return self.fail(Reason::ours(Status::PROTOCOL), out);
        }
        self.stage = Stage::Encrypting;
        self.reader.clear();
        out.push(Output::StartTls);
    }

    fn encrypted(&mut self, out: &mut Vec<Output>) {
        self.encrypted = true;
        self.hello(out);
    }

    fn sign_in(&mut self, out: &mut Vec<Output>) {
        let Some(credentials) = &self.manner.credentials else {
            return self.ready(out);
        };
        match SigningIn::begin(&self.offered, credentials, self.encrypted) {
            Some((signing_in, line)) => {
                self.stage = Stage::SigningIn(signing_in);
                say(&line, out);
            }
            None => self.fail(Reason::ours(Status::new(4, 7, 8)), out),
        }
    }

    fn sign_in_replied(&mut self, mut signing_in: SigningIn, reply: &Reply, out: &mut Vec<Output>) {
        let Some(credentials) = &self.manner.credentials else {
            return self.ready(out);
        };
        match signing_in.go_on(reply, credentials) {
            SignInNext::Say(line) => {
                self.stage = Stage::SigningIn(signing_in);
                say(&line, out);
            }
            SignInNext::Done => self.ready(out),
            SignInNext::Refused => self.fail(reply.reason(), out),
        }
    }

    fn ready(&mut self, out: &mut Vec<Output>) {
        self.stage = Stage::Ready;
        out.push(Output::Ready);
    }

    /// Begins a letter, or says at once why it cannot go this way.
    fn send(&mut self, message: &Message, out: &mut Vec<Output>) {
        if !self.is_ready() {
            let broken = Verdict::Later(Reason::ours(Status::BROKEN));
            out.push(Output::Finished(vec![broken; message.recipients.len()]));
            return self.close(out);
        }
        if let Some(reason) = obstacle(message, &self.offered) {
            let verdicts = vec![Verdict::Never(reason); message.recipients.len()];
            out.push(Output::Finished(verdicts));
            return self.ready(out);
        }
        let (dialect, unfinished) = (self.manner.dialect, self.unfinished);
        let transaction = Transaction::new(message, &self.offered, dialect, unfinished);
        self.unfinished = Unfinished::No;
        self.go_on(Box::new(transaction), out);
    }

    fn go_on(&mut self, mut transaction: Box<Transaction>, out: &mut Vec<Output>) {
        let commands = transaction.commands(self.offered.pipelining);
        self.stage = Stage::Envelope(transaction);
        out.push(Output::Send(commands));
    }

    fn transaction_replied(
        &mut self,
        mut transaction: Box<Transaction>,
        reply: &Reply,
        out: &mut Vec<Output>,
    ) {
        match transaction.replied(reply) {
            Next::GoOn if transaction.has_commands() => self.go_on(transaction, out),
            Next::GoOn => self.stage = Stage::Envelope(transaction),
            next => self.follow(transaction, &next, out),
        }
    }

    fn follow(&mut self, transaction: Box<Transaction>, next: &Next, out: &mut Vec<Output>) {
        match next {
            Next::GoOn => self.stage = Stage::End(transaction),
            Next::Body => {
                if let Some(line) = transaction.announcement() {
                    say(&line, out);
                }
                self.stage = Stage::Body(transaction);
                out.push(Output::Pull);
            }
            Next::EmptyLetter => {
                self.stage = Stage::Discarding(transaction);
                say(".\r\n", out);
            }
            Next::Done(unfinished) => self.finish(*transaction, *unfinished, out),
            Next::HungUp => {
                out.push(Output::Finished(transaction.verdicts()));
                self.close(out);
            }
        }
    }

    fn finish(&mut self, transaction: Transaction, unfinished: Unfinished, out: &mut Vec<Output>) {
        self.unfinished = unfinished;
        out.push(Output::Finished(transaction.verdicts()));
        self.ready(out);
    }

    fn piece(&mut self, piece: &Bytes, is_last: bool, out: &mut Vec<Output>) {
        let Stage::Body(mut transaction) = std::mem::replace(&mut self.stage, Stage::Closed) else {
            return self.close(out);
        };
        let end = match &mut transaction.transfer {
            Transfer::Chunk => {
                out.push(Output::Send(piece.clone()));
                Bytes::new()
            }
            Transfer::Data(stuffer) => {
                out.push(Output::Send(stuffer.stuff(piece)));
                stuffer.end()
            }
        };
        if !is_last {
            self.stage = Stage::Body(transaction);
            return out.push(Output::Pull);
        }
        if !end.is_empty() {
            out.push(Output::Send(end));
        }
        transaction.ended();
        self.stage = Stage::End(transaction);
    }

    /// A reply in the middle of the letter: it is not wanted. The rest cannot be taken back, so the
    /// connection ends.
    fn interrupted(&mut self, mut transaction: Transaction, reply: &Reply, out: &mut Vec<Output>) {
        let verdict = match reply.code {
            500.. => Verdict::Never(reply.reason()),
            400.. => Verdict::Later(reply.reason()),
            _ => Verdict::Later(Reason::ours(Status::PROTOCOL)),
        };
        transaction.settle_rest(&verdict);
        out.push(Output::Finished(transaction.verdicts()));
        self.close(out);
    }

    fn quit(&mut self, out: &mut Vec<Output>) {
        self.stage = Stage::Quitting;
        say("QUIT\r\n", out);
    }

    /// Nothing comes any more; what has no verdict is tried again.
    fn lost(&mut self, reason: Reason, out: &mut Vec<Output>) {
        match std::mem::replace(&mut self.stage, Stage::Closed) {
            Stage::Envelope(mut transaction)
            | Stage::Body(mut transaction)
            | Stage::Discarding(mut transaction) => {
                transaction.settle_rest(&Verdict::Later(reason));
                out.push(Output::Finished(transaction.verdicts()));
                out.push(Output::Close);
            }
            Stage::End(mut transaction) => {
                let reason = Reason {
                    reply: Some("it was sent, but no answer came".to_owned()),
                    ..reason
                };
                transaction.settle_rest(&Verdict::Later(reason));
                out.push(Output::Finished(transaction.verdicts()));
                out.push(Output::Close);
            }
            Stage::Quitting | Stage::Closed => out.push(Output::Close),
            _ => self.fail(reason, out),
        }
    }

    fn fail(&mut self, reason: Reason, out: &mut Vec<Output>) {
        out.push(Output::Failed(reason));
        self.close(out);
    }

    fn close(&mut self, out: &mut Vec<Output>) {
        self.stage = Stage::Closed;
        out.push(Output::Close);
    }
}

fn say(line: &str, out: &mut Vec<Output>) {
    out.push(Output::Send(Bytes::copy_from_slice(line.as_bytes())));
}
