//! `LOGIN`, `AUTHENTICATE` and `UNAUTHENTICATE`.
//!
//! Standards: RFC 9051 §6.2.2, §6.2.3; RFC 4959 (SASL-IR); RFC 8437 (UNAUTHENTICATE).

use super::{Doing, Mailbox, Session};
use crate::command::{Reply, State, capability};
use crate::limit::MessageLimit;
use crate::refusal::Refusal;
use engine::User;
use engine::dialogue::signing_in::Turn;
use engine::dialogue::{Level, Output};

const SIGNED_IN_ALREADY: Refusal = Refusal::WrongState("BAD Signed in already");

impl Session {
    pub(super) fn login(&mut self, tag: String, user: &str, password: &str) {
        let link = &mut self.link;
        let Some(peer) = link.peer.as_ref().filter(|_| self.mailbox.is_none()) else {
            return self.finish(&tag, Err(SIGNED_IN_ALREADY));
        };
        let signing_in = &mut link.signing_in;
        let turn = signing_in.password(&self.engine, peer, user, password);
        self.sign_in_turn(tag, turn);
    }

    pub(super) fn authenticate(&mut self, tag: String, mechanism: &str, initial: Option<&[u8]>) {
        let link = &mut self.link;
        let Some(peer) = link.peer.as_ref().filter(|_| self.mailbox.is_none()) else {
            return self.finish(&tag, Err(SIGNED_IN_ALREADY));
        };
        let signing_in = &mut link.signing_in;
        let turn = signing_in.begin(&self.engine, peer, mechanism, initial);
        self.sign_in_turn(tag, turn);
    }

    /// Puts the exchange's next turn on the wire.
    pub(super) fn sign_in_turn(&mut self, tag: String, turn: Turn) {
        match turn {
            Turn::Challenge(challenge) => {
                let line = format!("+ {challenge}\r\n");
                self.out.extend_from_slice(line.as_bytes());
                self.doing = Doing::Exchange(tag);
            }
            Turn::Ask(question) => {
                self.link.ask(question);
                self.doing = Doing::Verify(tag);
            }
            Turn::Done(user) => self.signed_in(&tag, &user),
            Turn::Fault(fault) => self.finish(&tag, Err(Refusal::SigningIn(fault))),
            Turn::Refused(refusal) => {
                self.link.log_refused_sign_in(&refusal);
                self.finish(&tag, Err(Refusal::SignIn(refusal)));
                if self.link.signing_in.has_failed_too_often() {
                    self.bye("Too many failures");
                }
            }
        }
    }

    /// Forgets everything that has to do with the user; the connection stays as it is, with its
    /// count of failures. Source: RFC 8437 §3, §4.1, §8 (it can be turned off).
    pub(super) fn sign_out(&mut self, tag: &str, more_follows: bool) {
        if self.mailbox.is_none() || !self.engine.settings().sign_out {
            let refusal = Refusal::WrongState("BAD Command is not allowed now");
            return self.finish(tag, Err(refusal));
        }
        if self.is_compressed && more_follows {
            // What is behind the command is not compressed any more, but this was (RFC 8437 §4.1).
            return self.bye("Nothing compressed may follow UNAUTHENTICATE");
        }
        self.mailbox = None;
        self.state = State::default();
        self.link.log(Level::Info, "signed out", Vec::new());
        self.link.user = None;
        self.finish(tag, Ok(Reply::silent("OK UNAUTHENTICATE completed")));
        if std::mem::take(&mut self.is_compressed) {
            self.link.act(Output::EndCompression);
        }
        self.wait_for_silence();
    }

    fn signed_in(&mut self, tag: &str, user: &User) {
        let account = self.engine.account(user, self.link.number());
        let watch = account.watch();
        self.mailbox = Some(Mailbox {
            account,
            watch,
            watch_open: None,
            changed: false,
        });
        self.state.utf8_only = self.engine.settings().utf8_only;
        self.state.limit = MessageLimit::of(&self.engine.settings().limits);
        self.bad_commands = 0;
        self.link.user = Some(user.clone());
        self.link.log_sign_in();
        let capabilities = capability::after_login(&self.engine, &self.state);
        let text = format!("OK [CAPABILITY {capabilities}] Signed in");
        self.finish(tag, Ok(Reply::silent(text)));
        self.wait_for_silence();
    }
}
