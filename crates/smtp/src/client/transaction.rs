//! One letter: which replies are still to come, and what each says of whom.
//!
//! Knows nothing of the connection. Start at [`Transaction::replied`].
//!
//! Sources: RFC 5321 §3.3, §4.2.5; RFC 2920 §3.1 (replies come in the order of the commands); RFC
//! 2033 §4.2 (a reply for each recipient).

use super::body::Stuffer;
use super::capability::Capabilities;
use super::reply::Reply;
use super::{Dialect, Message, command};
use bytes::Bytes;
use engine::queue::{DeliverBy, Late, NextHop, Reason, Status, Verdict};
use std::collections::VecDeque;

/// A command whose reply is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// RSET, because a letter before was left in the middle.
    Reset,
    /// MAIL.
    Mail,
    /// RCPT for the recipient of this number.
    Recipient(usize),
    /// DATA.
    Data,
    /// The end of the letter.
    End,
}

/// What follows a reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// More replies are to come, or more commands to be sent.
    GoOn,
    /// The letter's bytes may be sent.
    Body,
    /// DATA was allowed though there is no recipient: an empty letter ends it.
    EmptyLetter,
    /// Everyone has a verdict. The flag says that the other server still waits for this letter.
    Done(Unfinished),
    /// The other server has ended the conversation.
    HungUp,
}

/// Whether the other server has a letter begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// It has: the next one must be announced by RSET.
    Yes,
    /// It has not.
    No,
}

/// How the bytes go.
#[derive(Debug)]
pub(super) enum Transfer {
    /// With a dot before dots.
    Data(Stuffer),
    /// Counted.
    Chunk,
}

/// A letter on its way.
#[derive(Debug)]
pub(super) struct Transaction {
    /// One for each recipient, once known. Accepted ones have none until the letter is taken.
    verdicts: Vec<Option<Verdict>>,
    accepted: Vec<bool>,
    unsent: VecDeque<(Step, String)>,
    awaited: VecDeque<Step>,
    mail_refused: bool,
    next_hop: NextHop,
    dialect: Dialect,
    size_bytes: u64,
    pub(super) transfer: Transfer,
}

/// Why a letter cannot go over this connection, before anything is said of it.
///
/// Sources: RFC 1870 §6, RFC 6152 §3, RFC 3030 §3, RFC 6531 §3.2, RFC 8689 §4.2, RFC 2852 §4.1.4.1.
pub(super) fn obstacle(message: &Message, offered: &Capabilities) -> Option<Reason> {
    let too_large = offered
        .size_bytes_max
        .is_some_and(|most| most > 0 && message.size_bytes > most);
    let too_late = |(by, seconds): (DeliverBy, i64)| {
        let takes_it = offered.deliver_by.is_some_and(|least| least <= seconds);
        by.late == Late::Return && !takes_it
    };
    let obstacles = [
        (too_large, Status::new(5, 3, 4)),
        (
            message.form.binary && !(offered.binary && offered.chunking),
            Status::new(5, 6, 3),
        ),
        (
            message.form.eight_bit && !offered.eight_bit,
            Status::new(5, 6, 3),
        ),
        (message.needs_utf8 && !offered.utf8, Status::new(5, 6, 7)),
        (
            message.needs_tls && !offered.require_tls,
            Status::new(5, 7, 30),
        ),
        (
            message.deliver_by.is_some_and(too_late),
            Status::new(5, 3, 3),
        ),
    ];
    let found = obstacles.into_iter().find(|(is_there, _)| *is_there);
    found.map(|(_, status)| Reason::ours(status))
}

impl Transaction {
    pub(super) fn new(
        message: &Message,
        offered: &Capabilities,
        dialect: Dialect,
        unfinished: Unfinished,
    ) -> Self {
        let count = message.recipients.len();
        let mut all = Self {
            verdicts: vec![None; count],
            accepted: vec![false; count],
            unsent: VecDeque::with_capacity(count + 3),
            awaited: VecDeque::with_capacity(count + 3),
            mail_refused: false,
            next_hop: match (offered.dsn, dialect) {
                (true, _) if message.deliver_by.is_some() && offered.deliver_by.is_none() => {
                    NextHop::Untimed
                }
                (true, _) => NextHop::Informs,
                (false, Dialect::Smtp) => NextHop::Silent,
                (false, Dialect::Lmtp) => NextHop::Mailbox,
            },
            dialect,
            size_bytes: message.size_bytes,
            transfer: if offered.chunking {
                Transfer::Chunk
            } else {
                Transfer::Data(Stuffer::new())
            },
        };
        if unfinished == Unfinished::Yes {
            all.unsent.push_back((Step::Reset, "RSET\r\n".to_owned()));
        }
        all.unsent
            .push_back((Step::Mail, command::mail(message, offered)));
        for (at, recipient) in message.recipients.iter().enumerate() {
            let line = command::recipient(recipient, offered, message);
            if command::is_path(&recipient.address) && command::is_path(&message.sender) {
                all.unsent.push_back((Step::Recipient(at), line));
            } else {
                all.set(at, Verdict::Never(Reason::ours(Status::new(5, 1, 3))));
            }
        }
        if !offered.chunking {
            all.unsent.push_back((Step::Data, "DATA\r\n".to_owned()));
        }
        all
    }

    /// The commands that may be sent now: all where they need not wait for one another, else one.
    pub(super) fn commands(&mut self, pipelining: bool) -> Bytes {
        let mut bytes = Vec::new();
        while let Some((step, line)) = self.unsent.pop_front() {
            bytes.extend_from_slice(line.as_bytes());
            self.awaited.push_back(step);
            if !pipelining {
                break;
            }
        }
        Bytes::from(bytes)
    }

    /// True when a command can be sent without waiting for a reply.
    pub(super) fn has_commands(&self) -> bool {
        self.awaited.is_empty() && !self.unsent.is_empty()
    }

    /// What is waited for first.
    pub(super) fn awaited(&self) -> Option<Step> {
        self.awaited.front().copied()
    }

    /// The command before the letter's bytes where they are counted.
    pub(super) fn announcement(&self) -> Option<String> {
        matches!(self.transfer, Transfer::Chunk)
            .then(|| format!("BDAT {} LAST\r\n", self.size_bytes))
    }

    /// All bytes are sent: one reply, or one for each accepted recipient, is to come.
    pub(super) fn ended(&mut self) {
        let replies = match self.dialect {
            Dialect::Smtp => 1,
            Dialect::Lmtp => self.accepted_count(),
        };
        self.awaited.extend((0..replies.max(1)).map(|_| Step::End));
    }

    fn accepted_count(&self) -> usize {
        self.accepted.iter().filter(|accepted| **accepted).count()
    }

    /// Takes the reply to the first awaited command.
    pub(super) fn replied(&mut self, reply: &Reply) -> Next {
        if reply.code == 421 {
            self.settle_rest(&Verdict::Later(reply.reason()));
            return Next::HungUp;
        }
        match self.awaited.pop_front() {
            // A reply to nothing: what follows could be taken for another's.
            None => {
                self.settle_rest(&Verdict::Later(Reason::ours(Status::PROTOCOL)));
                Next::HungUp
            }
            Some(Step::Reset) => self.go_on(),
            Some(Step::Mail) => self.mail_replied(reply),
            Some(Step::Recipient(at)) => self.recipient_replied(at, reply),
            Some(Step::Data) => self.data_replied(reply),
            Some(Step::End) => self.end_replied(reply),
        }
    }

    fn mail_replied(&mut self, reply: &Reply) -> Next {
        if !reply.is_success() {
            self.mail_refused = true;
            self.settle_rest(&refusal(reply));
            // What was not sent yet is of no use.
            self.unsent.clear();
        }
        self.go_on()
    }

    fn recipient_replied(&mut self, at: usize, reply: &Reply) -> Next {
        if !self.mail_refused {
            if reply.is_success() {
                if let Some(accepted) = self.accepted.get_mut(at) {
                    *accepted = true;
                }
            } else {
                self.set(at, refusal(reply));
            }
        }
        self.go_on()
    }

    fn data_replied(&mut self, reply: &Reply) -> Next {
        match (reply.code, self.accepted_count()) {
            (354, 0) => Next::EmptyLetter,
            (354, _) => Next::Body,
            _ => {
                let verdict = if reply.is_success() {
                    Verdict::Later(Reason::ours(Status::PROTOCOL))
                } else {
                    refusal(reply)
                };
                self.settle_rest(&verdict);
                Next::Done(Unfinished::Yes)
            }
        }
    }

    fn end_replied(&mut self, reply: &Reply) -> Next {
        let verdict = if reply.is_success() {
            Verdict::Accepted(self.next_hop, reply.text())
        } else {
            refusal(reply)
        };
        match self.dialect {
            Dialect::Smtp => self.settle_rest(&verdict),
            Dialect::Lmtp => {
                let waiting = self.verdicts.iter_mut().find(|verdict| verdict.is_none());
                if let Some(waiting) = waiting {
                    *waiting = Some(verdict);
                }
            }
        }
        if self.awaited.is_empty() {
            Next::Done(Unfinished::No)
        } else {
            Next::GoOn
        }
    }

    fn go_on(&mut self) -> Next {
        let steps = self.unsent.iter().map(|(step, _)| step);
        let mut steps = steps.chain(&self.awaited);
        let all_named = !steps.any(|step| matches!(step, Step::Mail | Step::Recipient(_)));
        if all_named && self.accepted_count() == 0 {
            self.unsent.clear(); // DATA has no sense without recipients.
        }
        if !self.awaited.is_empty() || !self.unsent.is_empty() {
            return Next::GoOn;
        }
        if self.accepted_count() > 0 && !self.mail_refused {
            return Next::Body;
        }
        Next::Done(if self.mail_refused {
            Unfinished::No
        } else {
            Unfinished::Yes
        })
    }

    /// Gives everyone without a verdict this one.
    pub(super) fn settle_rest(&mut self, verdict: &Verdict) {
        for waiting in self.verdicts.iter_mut().filter(|known| known.is_none()) {
            *waiting = Some(verdict.clone());
        }
    }

    fn set(&mut self, at: usize, verdict: Verdict) {
        if let Some(place) = self.verdicts.get_mut(at) {
            *place = Some(verdict);
        }
    }

    /// One verdict for each recipient.
    pub(super) fn verdicts(self) -> Vec<Verdict> {
        let unknown = || Verdict::Later(Reason::ours(Status::PROTOCOL));
        let known = self.verdicts.into_iter();
        known
            .map(|verdict| verdict.unwrap_or_else(unknown))
            .collect()
    }
}

fn refusal(reply: &Reply) -> Verdict {
    if reply.is_permanent() {
        Verdict::Never(reply.reason())
    } else {
        Verdict::Later(reply.reason())
    }
}
