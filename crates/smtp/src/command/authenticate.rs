//! `AUTH`: base64 around the mechanisms of the engine.
//!
//! Source: RFC 4954 §4. After success the client says EHLO again or does not; nothing is forgotten,
//! because no mechanism adds a security layer.

use crate::codec::reply::{self, Reply};
use crate::refusal::Refusal;
use crate::session::{Mode, Session};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::dialogue::{Effort, Level, Question};
use engine::{SignIn, SignInRefusal, SignInStep, User, allows_passwords};

/// Begins an exchange.
pub(crate) fn run(
    session: &mut Session,
    mechanism: &str,
    initial: Option<&str>,
) -> Result<(), Refusal> {
    if !session.service.role.is_submission() {
        return Err(Refusal::NotOffered);
    }
    if session.user.is_some() || session.transaction.is_some() || session.hello.is_none() {
        return Err(Refusal::WrongOrder);
    }
    let Some(peer) = session.peer.clone() else {
        return Err(Refusal::WrongOrder);
    };
    let initial = initial.map(initial_response).transpose()?;
    let engine = &session.service.engine;
    let Some((sign_in, step)) = SignIn::start(engine, &peer, mechanism, initial.as_deref()) else {
        let in_clear = !allows_passwords(engine, &peer);
        return Err(if in_clear {
            Refusal::EncryptFirst
        } else {
            Refusal::Mechanism
        });
    };
    go_on(session, Box::new(sign_in), step);
    Ok(())
}

/// `=` stands for an empty one (RFC 4954 §4).
fn initial_response(text: &str) -> Result<Vec<u8>, Refusal> {
    if text == "=" {
        Ok(Vec::new())
    } else {
        decode(text.as_bytes())
    }
}

fn decode(text: &[u8]) -> Result<Vec<u8>, Refusal> {
    STANDARD.decode(text).map_err(|_| Refusal::Base64)
}

/// Takes the answer to a challenge.
pub(crate) fn answer(session: &mut Session, mut sign_in: Box<SignIn>, line: &[u8]) {
    if line == b"*" {
        return session.refuse(&Refusal::SignInCancelled);
    }
    match decode(line) {
        Ok(message) => {
            let step = sign_in.take(&session.service.engine, &message);
            go_on(session, sign_in, step);
        }
        Err(refusal) => session.refuse(&refusal),
    }
}

/// Checks the password, where that may take long.
pub(crate) fn check(session: &mut Session, mut sign_in: Box<SignIn>, is_busy: bool) {
    let step = if is_busy {
        SignInStep::Refused(SignInRefusal::Unavailable)
    } else {
        sign_in.verify(&session.service.engine)
    };
    go_on(session, sign_in, step);
}

fn go_on(session: &mut Session, sign_in: Box<SignIn>, step: SignInStep) {
    match step {
        SignInStep::Challenge(challenge) => {
            let challenge = STANDARD.encode(challenge);
            reply::line(session.replies(), 334, "", &[&challenge]);
            session.mode = Mode::SignIn(sign_in);
        }
        SignInStep::Verify => {
            session.mode = Mode::Checking(sign_in);
            session.ask(Question::Work(Effort::Password));
        }
        SignInStep::Done(user) => welcome(session, user),
        SignInStep::Refused(refusal) => {
            session.log(
                Level::Info,
                "smtp: sign-in refused",
                vec![("why", format!("{refusal:?}"))],
            );
            session.tally.failed_sign_ins += 1;
            session.refuse(&Refusal::SignIn(refusal));
            if session.tally.failed_sign_ins >= session.service.limits.sign_ins_max {
                session.close_with(&Refusal::TooManyErrors);
            }
        }
    }
}

fn welcome(session: &mut Session, user: User) {
    session.user = Some(user);
    session.log(Level::Info, "smtp: signed in", Vec::new());
    session.say(Reply::new(235, "2.7.0", "Signed in"));
}
