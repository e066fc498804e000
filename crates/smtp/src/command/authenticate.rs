//! `AUTH`.
//!
//! Source: RFC 4954 §4. After success the client says EHLO again or does not; nothing is forgotten,
//! because no mechanism adds a security layer.

use crate::codec::reply::{self, Reply};
use crate::refusal::Refusal;
use crate::session::{Mode, Session};
use engine::User;
use engine::dialogue::Answer;
use engine::dialogue::signing_in::Turn;

/// Begins an exchange.
pub(crate) fn run(
    session: &mut Session,
    mechanism: &str,
    initial: Option<&str>,
) -> Result<(), Refusal> {
    if !session.service.role.is_submission() {
        return Err(Refusal::NotOffered);
    }
    if session.link.user.is_some() || session.transaction.is_some() || session.hello.is_none() {
        return Err(Refusal::WrongOrder);
    }
    let peer = session.link.peer.as_ref().ok_or(Refusal::WrongOrder)?;
    let engine = &session.service.engine;
    let initial = initial.map(str::as_bytes);
    let turn = session
        .link
        .signing_in
        .begin(engine, peer, mechanism, initial);
    go_on(session, turn);
    Ok(())
}

/// Takes the answer to a challenge.
pub(crate) fn answer(session: &mut Session, line: &[u8]) {
    let engine = &session.service.engine;
    let turn = session.link.signing_in.answer(engine, line);
    go_on(session, turn);
}

/// Checks the password, where that may take long.
pub(crate) fn check(session: &mut Session, answer: &Answer) {
    let engine = &session.service.engine;
    let turn = session.link.signing_in.check(engine, answer);
    go_on(session, turn);
}

fn go_on(session: &mut Session, turn: Turn) {
    match turn {
        Turn::Challenge(challenge) => {
            reply::line(&mut session.link.replies, 334, "", &[&challenge]);
            session.mode = Mode::SignIn;
        }
        Turn::Ask(question) => {
            session.mode = Mode::Checking;
            session.link.ask(question);
        }
        Turn::Done(user) => welcome(session, user),
        Turn::Fault(fault) => session.refuse(&Refusal::SigningIn(fault)),
        Turn::Refused(refusal) => {
            session.link.log_refused_sign_in(&refusal);
            session.refuse(&Refusal::SignIn(refusal));
        }
    }
}

fn welcome(session: &mut Session, user: User) {
    session.link.user = Some(user);
    session.link.log_sign_in();
    session.say(Reply::new(235, "2.7.0", "Signed in"));
}
