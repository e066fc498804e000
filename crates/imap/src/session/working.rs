//! Work that needs the disk: asked for, done step by step, waited for until it is settled, and
//! told.
//!
//! Nothing is told of a commit before it is on disk. Start at [`Session::ask_disk`] and
//! [`Session::work`], which the driver's answer leads to.

use super::{Doing, Session};
use crate::command::{Desk, Reply, Step, Work, notify};
use crate::refusal::Refusal;
use crate::sync::{self, Expunges};
use engine::dialogue::{Answer, Effort, Question};
use engine::{EngineError, Settlement, StoreError};

/// A step of a command, which may be the first that shows that the client knows CONDSTORE.
fn step(work: &mut dyn Work, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    sync::tell_highest(desk)?;
    let step = work.step(desk)?;
    sync::tell_highest(desk)?;
    Ok(step)
}

impl Session {
    pub(super) fn ask_disk(&mut self, doing: Doing) {
        let Some(mailbox) = &self.mailbox else {
            return self.close();
        };
        let effort = Effort::Disk(mailbox.account.id());
        self.ask_for(effort, doing);
    }

    /// Goes on with a command that has much to look at before it can say something.
    fn ask_disk_again(&mut self, doing: Doing) {
        let Some(mailbox) = &self.mailbox else {
            return self.close();
        };
        let effort = Effort::Long(mailbox.account.id());
        self.ask_for(effort, doing);
    }

    pub(super) fn ask_for(&mut self, effort: Effort, doing: Doing) {
        self.link.ask(Question::Work(effort));
        self.doing = doing;
    }

    /// Runs `work` on the desk of who has signed in.
    pub(super) fn at_desk<T>(&mut self, work: impl FnOnce(&mut Desk<'_>) -> T) -> Option<T> {
        let mailbox = self.mailbox.as_mut()?;
        let open = self.state.open_account().cloned();
        let done = work(&mut Desk {
            home: &mailbox.account,
            account: open.as_ref().unwrap_or(&mailbox.account),
            state: &mut self.state,
            out: &mut self.out,
            now: self.now,
        });
        mailbox.follow(self.state.open_account());
        Some(done)
    }

    /// The heavy step that was asked for may be done now.
    pub(super) fn work(&mut self) {
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Verify(tag) => {
                let turn = self.link.signing_in.check(&self.engine, &Answer::Work);
                self.sign_in_turn(tag, turn);
            }
            Doing::Working(tag, mut work) => match self.at_desk(|desk| step(&mut *work, desk)) {
                Some(Ok(step)) => self.after_step(tag, work, step),
                Some(Err(refusal)) => self.finish(&tag, Err(refusal)),
                None => self.close(),
            },
            Doing::Announcing(tag, reply) => {
                let told = self.announce(reply.announce.unwrap_or(Expunges::Held));
                self.finish(&tag, told.map(|()| self.noted(reply)));
            }
            Doing::Admitting => self.admit(),
            Doing::Storing => {
                let batch = std::mem::take(&mut self.batch);
                match self.at_desk(|desk| crate::command::append::store(batch, desk)) {
                    Some(stored) => self.await_stored(stored),
                    None => self.close(),
                }
            }
            Doing::AnnouncingStored(stored) => {
                let expunges = if stored.removes {
                    Expunges::Own
                } else {
                    Expunges::Told
                };
                if self.announce(expunges).is_err() {
                    return self.bye("Mailbox is gone");
                }
                self.answer_stored(stored.answers);
            }
            Doing::News(idle) => {
                let expunges = match idle {
                    Some(_) => Expunges::Told,
                    None => self.expunges_outside_of_commands(),
                };
                match self.announce(expunges) {
                    Ok(()) => self.doing = idle.map_or(Doing::Nothing, Doing::Idle),
                    Err(_) => self.bye("Mailbox is gone"),
                }
            }
            doing => self.doing = doing,
        }
    }

    fn after_step(&mut self, tag: String, work: Box<dyn Work>, step: Step) {
        match step {
            Step::Done(reply) => {
                let expunges = reply.announce.filter(|_| self.has_news());
                let told = expunges.map_or(Ok(()), |expunges| self.announce(expunges));
                self.finish(&tag, told.map(|()| self.noted(reply)));
            }
            Step::More if self.out.is_empty() => self.ask_disk_again(Doing::Working(tag, work)),
            Step::More => self.doing = Doing::Sending(tag, work),
            Step::Settle(settlement) => self.settle(settlement, Doing::Settling(tag, work)),
            Step::SettleDone(settlement, reply) => {
                self.settle(settlement, Doing::Finishing(tag, reply));
            }
        }
    }

    /// Says in an answer that messages are gone which it is too early to tell. Source: RFC 5530 §3.
    fn noted(&self, mut reply: Reply) -> Reply {
        let is_held = reply.announce == Some(Expunges::Held);
        let selected = self.state.selected.as_ref().filter(|_| is_held);
        let text = reply.text.strip_prefix("OK ");
        if let (Some(text), true) = (text, selected.is_some_and(|selected| selected.departed))
            && !text.starts_with('[')
        {
            reply.text = format!("OK [EXPUNGEISSUED] {text}").into();
        }
        reply
    }

    /// Waits for a commit; at once if it is over already.
    pub(super) fn settle(&mut self, settlement: Settlement, doing: Doing) {
        self.doing = doing;
        match settlement.result() {
            Some(result) => self.settled(result),
            None => self.link.ask(Question::Settled(settlement)),
        }
    }

    pub(super) fn settled(&mut self, result: Result<(), StoreError>) {
        if let Err(error) = &result {
            self.link.log_failure(error.to_string());
        }
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Settling(tag, work) => match result {
                Ok(()) => self.ask_disk(Doing::Working(tag, work)),
                Err(error) => self.failed(&tag, error),
            },
            Doing::Finishing(tag, reply) => match result {
                Ok(()) if reply.announce.is_some() && self.state.selected.is_some() => {
                    self.ask_disk(Doing::Announcing(tag, reply));
                }
                Ok(()) => self.finish(&tag, Ok(reply)),
                Err(error) => self.failed(&tag, error),
            },
            Doing::Stored(stored) => self.stored(stored, result),
            doing => self.doing = doing,
        }
    }

    /// What was written for a commit that failed is not true and is never sent.
    fn failed(&mut self, tag: &str, error: StoreError) {
        self.out.clear();
        self.finish(tag, Err(Refusal::Engine(EngineError::Store(error))));
    }

    pub(super) fn announce(&mut self, expunges: Expunges) -> Result<(), Refusal> {
        if let Some(mailbox) = &mut self.mailbox {
            // What changes from here on is news again.
            mailbox.has_changed();
            mailbox.changed = false;
        }
        let told = self
            .at_desk(|desk| {
                sync::announce(desk, expunges)?;
                notify::tell_others(desk)
            })
            .unwrap_or(Ok(()));
        if let Err(Refusal::Engine(EngineError::NoSuchFolder)) = told {
            // Deleted by another session; there is no way to tell but to go (RFC 2180 §3.3).
            self.state.selected = None;
            self.bye("Mailbox was deleted");
        }
        told
    }
}
