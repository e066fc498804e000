//! `AUTHENTICATE` and `UNAUTHENTICATE`.
//!
//! Source: RFC 5804 §2.1, §2.14.

use crate::codec::frame::Word;
use crate::refusal::Refusal;
use crate::session::{Mode, Session};
use engine::dialogue::signing_in::Turn;
use engine::dialogue::{Answer, Level};

/// Begins to sign in.
pub(crate) fn run(
    session: &mut Session,
    mechanism: &str,
    initial: Option<&[u8]>,
) -> Result<(), Refusal> {
    if session.user.is_some() {
        return Err(Refusal::WrongState);
    }
    let peer = session.peer.as_ref().ok_or(Refusal::WrongState)?;
    let engine = &session.service.engine;
    let turn = session.signing_in.begin(engine, peer, mechanism, initial);
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
    let turn = session.signing_in.answer(&session.service.engine, text);
    go_on(session, turn);
}

/// Checks what was given, where that may take long.
pub(crate) fn check(session: &mut Session, answer: &Answer) {
    let turn = session.signing_in.check(&session.service.engine, answer);
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
            session.ask(question);
        }
        Turn::Done(user) => {
            session.user = Some(user);
            session.log(Level::Info, "signed in", Vec::new());
            session.ok(None, "Signed in");
        }
        Turn::Fault(fault) => session.refuse(&Refusal::SigningIn(fault)),
        Turn::Refused(refusal) => {
            let why = vec![("why", format!("{refusal:?}"))];
            session.log(Level::Info, "sign-in refused", why);
            session.refuse(&Refusal::SignIn(refusal));
            if session.signing_in.has_failed_too_often() {
                session.close_with(&Refusal::TooManyErrors);
            }
        }
    }
}

/// Goes back to before the sign-in.
pub(crate) fn sign_out(session: &mut Session) -> Result<(), Refusal> {
    session.user.take().ok_or(Refusal::WrongState)?;
    session.ok(None, "Signed out");
    Ok(())
}
