//! `LOGIN` and `AUTHENTICATE`.
//!
//! Standards: RFC 9051 §6.2.2, §6.2.3; RFC 4959 (SASL-IR).

use super::{Doing, FAILED_SIGN_INS_MAX, Mailbox, Session};
use crate::command::{Reply, capability};
use crate::refusal::Refusal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::dialogue::{Effort, Level, Output, Question};
use engine::{SignIn, SignInRefusal, SignInStep, User, allows_passwords};

impl Session {
    pub(super) fn login(&mut self, tag: String, user: &str, password: &str) {
        let Some(peer) = self.peer.clone().filter(|_| self.mailbox.is_none()) else {
            return self.finish(&tag, Err(Refusal::WrongState("BAD Signed in already")));
        };
        if !allows_passwords(&self.engine, &peer) {
            let refusal = Refusal::Never("NO [PRIVACYREQUIRED] Use TLS first");
            return self.finish(&tag, Err(refusal));
        }
        let (sign_in, step) = SignIn::password(&self.engine, &peer, user, password);
        self.sign_in_step(tag, sign_in, step);
    }

    pub(super) fn authenticate(&mut self, tag: String, mechanism: &str, initial: Option<&[u8]>) {
        let Some(peer) = self.peer.clone().filter(|_| self.mailbox.is_none()) else {
            return self.finish(&tag, Err(Refusal::WrongState("BAD Signed in already")));
        };
        let initial = match initial {
            None => Ok(None),
            Some(b"=") => Ok(Some(Vec::new())), // RFC 4959 §3: an empty first message.
            Some(coded) => STANDARD.decode(coded).map(Some),
        };
        let Ok(initial) = initial else {
            return self.finish(&tag, Err(Refusal::SignIn(SignInRefusal::Malformed)));
        };
        match SignIn::start(&self.engine, &peer, mechanism, initial.as_deref()) {
            Some((sign_in, step)) => self.sign_in_step(tag, sign_in, step),
            None if allows_passwords(&self.engine, &peer) => {
                self.finish(
                    &tag,
                    Err(Refusal::Never("NO [CANNOT] Mechanism is not supported")),
                );
            }
            None => self.finish(
                &tag,
                Err(Refusal::Never("NO [PRIVACYREQUIRED] Use TLS first")),
            ),
        }
    }

    /// Takes the client's answer to a challenge; `*` breaks off.
    pub(super) fn exchange_message(&mut self, tag: String, mut sign_in: SignIn, line: &[u8]) {
        if line == b"*" {
            return self.finish(&tag, Err(Refusal::Cancelled));
        }
        match STANDARD.decode(line) {
            Ok(message) => {
                let step = sign_in.take(&self.engine, &message);
                self.sign_in_step(tag, sign_in, step);
            }
            Err(_) => self.finish(&tag, Err(Refusal::SignIn(SignInRefusal::Malformed))),
        }
    }

    pub(super) fn sign_in_step(&mut self, tag: String, sign_in: SignIn, step: SignInStep) {
        match step {
            SignInStep::Challenge(challenge) => {
                let line = format!("+ {}\r\n", STANDARD.encode(challenge));
                self.out.extend_from_slice(line.as_bytes());
                self.doing = Doing::Exchange(tag, sign_in);
            }
            SignInStep::Verify => {
                self.actions
                    .push(Output::Ask(Question::Work(Effort::Password)));
                self.doing = Doing::Verify(tag, sign_in);
            }
            SignInStep::Done(user) => self.signed_in(&tag, &user),
            SignInStep::Refused(refusal) => {
                self.log(
                    Level::Warn,
                    "sign-in refused",
                    vec![("why", format!("{refusal:?}"))],
                );
                self.finish(&tag, Err(Refusal::SignIn(refusal)));
                self.failed_sign_ins += 1;
                if self.failed_sign_ins >= FAILED_SIGN_INS_MAX {
                    self.bye("Too many failures");
                }
            }
        }
    }

    fn signed_in(&mut self, tag: &str, user: &User) {
        let connection = self.peer.as_ref().map_or(0, |peer| peer.connection);
        let account = self.engine.account(user, connection);
        let watch = account.watch();
        self.mailbox = Some(Mailbox {
            account,
            watch,
            changed: false,
        });
        self.bad_commands = 0;
        self.log(
            Level::Info,
            "signed in",
            vec![("user", user.address.clone())],
        );
        let capabilities = capability::after_login(&self.engine);
        let text = format!("OK [CAPABILITY {capabilities}] Signed in");
        self.finish(tag, Ok(Reply::silent(text)));
        self.wait_for_silence();
    }
}
