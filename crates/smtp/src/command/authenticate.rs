//! `AUTH`.
//!
//! Source: RFC 4954 §4. After success the client says EHLO again or does not; nothing is forgotten,
//! because no mechanism adds a security layer.

use crate::codec::reply::{self, Reply};
use crate::refusal::Refusal;
use crate::session::{Mode, Session};
use engine::User;
use engine::dialogue::signing_in::Turn;
use engine::dialogue::{Answer, Level};

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
    let peer = session.peer.as_ref().ok_or(Refusal::WrongOrder)?;
    let engine = &session.service.engine;
    let initial = initial.map(str::as_bytes);
    let turn = session.signing_in.begin(engine, peer, mechanism, initial);
    go_on(session, turn);
    Ok(())
}

/// Takes the answer to a challenge.
pub(crate) fn answer(session: &mut Session, line: &[u8]) {
    let turn = session.signing_in.answer(&session.service.engine, line);
    go_on(session, turn);
}

/// Checks the password, where that may take long.
pub(crate) fn check(session: &mut Session, answer: &Answer) {
    let turn = session.signing_in.check(&session.service.engine, answer);
    go_on(session, turn);
}

fn go_on(session: &mut Session, turn: Turn) {
    match turn {
        Turn::Challenge(challenge) => {
            reply::line(session.replies(), 334, "", &[&challenge]);
            session.mode = Mode::SignIn;
        }
        Turn::Ask(question) => {
            session.mode = Mode::Checking;
            session.ask(question);
        }
        Turn::Done(user) => welcome(session, user),
        Turn::Fault(fault) => session.refuse(&Refusal::SigningIn(fault)),
        Turn::Refused(refusal) => {
            session.log(
                Level::Info,
                "sign-in refused",
                vec![("why", format!("{refusal:?}"))],
            );
            session.refuse(&Refusal::SignIn(refusal));
            if session.signing_in.has_failed_too_often() {
                session.close_with(&Refusal::TooManyErrors);
            }
        }
    }
}

fn welcome(session: &mut Session, user: User) {
    session.user = Some(user);
    session.log(Level::Info, "signed in", Vec::new());
    session.say(Reply::new(235, "2.7.0", "Signed in"));
}
