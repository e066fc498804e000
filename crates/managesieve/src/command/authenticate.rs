//! `AUTHENTICATE` and `UNAUTHENTICATE`.
//!
//! Source: RFC 5804 §2.1, §2.14.

use crate::codec::frame::Word;
use crate::refusal::Refusal;
use crate::session::{Mode, Session};
use engine::dialogue::Answer;
use engine::dialogue::signing_in::Turn;

/// Begins to sign in.
pub(crate) fn run(
    session: &mut Session,
    mechanism: &str,
    initial: Option<&[u8]>,
) -> Result<(), Refusal> {
    if session.link.user.is_some() {
        return Err(Refusal::WrongState);
    }
    let peer = session.link.peer.as_ref().ok_or(Refusal::WrongState)?;
    let engine = &session.service.engine;
    let turn = session
        .link
        .signing_in
        .begin(engine, peer, mechanism, initial);
    go_on(session, turn);
    Ok(())
}

/// Takes the answer to a challenge, which is one string.
pub(crate) fn answer(session: &mut Session, words: &[Word]) {
    let text = match words {
        [Word::Text(text)] => text.as_slice(),
        [] => b"",
        _ => b"*",
    };
    let engine = &session.service.engine;
    let turn = session.link.signing_in.answer(engine, text);
    go_on(session, turn);
}

/// Checks what was given, where that may take long.
pub(crate) fn check(session: &mut Session, answer: &Answer) {
    let engine = &session.service.engine;
    let turn = session.link.signing_in.check(engine, answer);
    go_on(session, turn);
}

fn go_on(session: &mut Session, turn: Turn) {
    match turn {
        Turn::Challenge(challenge) => {
            session.say_text(challenge.as_bytes());
            session.mode = Mode::SignIn;
        }
        Turn::Ask(question) => {
            session.mode = Mode::Checking;
            session.link.ask(question);
        }
        Turn::Done(user) => {
            session.link.user = Some(user);
            session.link.log_sign_in();
            session.ok(None, "Signed in");
        }
        Turn::Fault(fault) => session.refuse(&Refusal::SigningIn(fault)),
        Turn::Refused(refusal) => {
            session.link.log_refused_sign_in(&refusal);
            session.refuse(&Refusal::SignIn(refusal));
        }
    }
}

/// Goes back to before the sign-in.
pub(crate) fn sign_out(session: &mut Session) -> Result<(), Refusal> {
    session.link.user.take().ok_or(Refusal::WrongState)?;
    session.ok(None, "Signed out");
    Ok(())
}
