//! `USER`, `PASS`, `AUTH`, and the opening of the maildrop.
//!
//! Sources: RFC 1939 §7 (USER, PASS), RFC 5034 §4 (AUTH), RFC 3206 §3 (codes).

use crate::maildrop::Maildrop;
use crate::quirk;
use crate::refusal::Refusal;
use crate::session::{Mode, Session};
use engine::authentication::sasl::Mechanism;
use engine::dialogue::Answer;
use engine::dialogue::signing_in::{Fault, Turn};
use engine::{allows_passwords, mechanisms};

/// `USER`: any name is taken, so that nobody learns which exist.
pub(crate) fn user(session: &mut Session, name: String) -> Result<(), Refusal> {
    check_state(session)?;
    let allowed = session
        .link
        .peer
        .as_ref()
        .is_some_and(|peer| allows_passwords(&session.service.engine, peer));
    if !allowed {
        return Err(Refusal::SigningIn(Fault::EncryptFirst));
    }
    session.name = Some(name);
    session.ok("And the password?");
    Ok(())
}

/// `PASS`.
pub(crate) fn password(session: &mut Session, password: &str) -> Result<(), Refusal> {
    check_state(session)?;
    let name = session.name.take().ok_or(Refusal::WrongState)?;
    let peer = session.link.peer.as_ref().ok_or(Refusal::WrongState)?;
    let engine = &session.service.engine;
    let turn = session
        .link
        .signing_in
        .password(engine, peer, &name, password);
    go_on(session, turn);
    Ok(())
}

/// `AUTH`.
pub(crate) fn run(
    session: &mut Session,
    arguments: Option<(String, Option<String>)>,
) -> Result<(), Refusal> {
    check_state(session)?;
    let peer = session.link.peer.as_ref().ok_or(Refusal::WrongState)?;
    if quirk::is_question_for_mechanisms(arguments.as_ref()) {
        let offered = mechanisms(&session.service.engine, peer);
        list(session, &offered);
        return Ok(());
    }
    let Some((mechanism, initial)) = arguments else {
        return Err(Refusal::SigningIn(Fault::Mechanism));
    };
    let initial = initial.as_deref().map(str::as_bytes);
    let engine = &session.service.engine;
    let turn = session
        .link
        .signing_in
        .begin(engine, peer, &mechanism, initial);
    go_on(session, turn);
    Ok(())
}

fn check_state(session: &Session) -> Result<(), Refusal> {
    if session.link.user.is_some() {
        Err(Refusal::WrongState)
    } else {
        Ok(())
    }
}

fn list(session: &mut Session, mechanisms: &[Mechanism]) {
    session.ok("Mechanisms follow");
    for mechanism in mechanisms {
        session.say(&[mechanism.name()]);
    }
    session.say(&["."]);
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
            session.say(&["+ ", &challenge]);
            session.mode = Mode::SignIn;
        }
        Turn::Ask(question) => {
            session.mode = Mode::Checking;
            session.link.ask(question);
        }
        Turn::Done(user) => {
            session.link.user = Some(user);
            session.ask_for_disk(Mode::Opening);
        }
        Turn::Fault(fault) => session.refuse(&Refusal::SigningIn(fault)),
        Turn::Refused(refusal) => {
            session.link.log_refused_sign_in(&refusal);
            session.refuse(&Refusal::SignIn(refusal));
        }
    }
}

/// Looks at the Inbox, where the disk may be read.
pub(crate) fn open(session: &mut Session, is_busy: bool) {
    match try_open(session, is_busy) {
        Ok(maildrop) => {
            session.link.log_sign_in();
            let (count, size_bytes) = maildrop.totals();
            session.say(&["+OK ", &format!("{count} letters, {size_bytes} octets")]);
            session.maildrop = Some(Box::new(maildrop));
        }
        Err(refusal) => {
            session.link.user = None;
            session.refuse(&refusal);
        }
    }
}

fn try_open(session: &Session, is_busy: bool) -> Result<Maildrop, Refusal> {
    if is_busy {
        return Err(Refusal::Busy);
    }
    let user = session.link.user.as_ref().ok_or(Refusal::WrongState)?;
    let connection = session.link.number();
    let account = session.service.engine.account(user, connection);
    Ok(Maildrop::open(account, session.service.limits.letters_max)?)
}
