//! `USER`, `PASS`, `AUTH`, and the opening of the maildrop.
//!
//! Sources: RFC 1939 §7 (USER, PASS), RFC 5034 §4 (AUTH), RFC 3206 §3 (codes).

use crate::maildrop::Maildrop;
use crate::quirk;
use crate::refusal::Refusal;
use crate::session::{Mode, Session};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::authentication::sasl::Mechanism;
use engine::dialogue::{Effort, Level, Question};
use engine::{SignIn, SignInRefusal, SignInStep, allows_passwords, mechanisms};

/// `USER`: any name is taken, so that nobody learns which exist.
pub(crate) fn user(session: &mut Session, name: String) -> Result<(), Refusal> {
    check_state(session)?;
    let allowed = session
        .peer
        .as_ref()
        .is_some_and(|peer| allows_passwords(&session.service.engine, peer));
    if !allowed {
        return Err(Refusal::EncryptFirst);
    }
    session.name = Some(name);
    session.ok("And the password?");
    Ok(())
}

/// `PASS`.
pub(crate) fn password(session: &mut Session, password: &str) -> Result<(), Refusal> {
    check_state(session)?;
    let name = session.name.take().ok_or(Refusal::WrongState)?;
    let Some(peer) = session.peer.as_ref() else {
        return Err(Refusal::WrongState);
    };
    let (sign_in, step) = SignIn::password(&session.service.engine, peer, &name, password);
    go_on(session, Box::new(sign_in), step);
    Ok(())
}

/// `AUTH`.
pub(crate) fn run(
    session: &mut Session,
    arguments: Option<(String, Option<String>)>,
) -> Result<(), Refusal> {
    check_state(session)?;
    let Some(peer) = session.peer.clone() else {
        return Err(Refusal::WrongState);
    };
    if quirk::is_question_for_mechanisms(arguments.as_ref()) {
        let offered = mechanisms(&session.service.engine, &peer);
        list(session, &offered);
        return Ok(());
    }
    let Some((mechanism, initial)) = arguments else {
        return Err(Refusal::Mechanism);
    };
    let initial = initial.map(|text| initial_response(&text)).transpose()?;
    let engine = &session.service.engine;
    let Some((sign_in, step)) = SignIn::start(engine, &peer, &mechanism, initial.as_deref()) else {
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

fn check_state(session: &Session) -> Result<(), Refusal> {
    if session.user.is_some() {
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

/// `=` stands for an empty one (RFC 5034 §4).
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
            session.say(&["+ ", &STANDARD.encode(challenge)]);
            session.mode = Mode::SignIn(sign_in);
        }
        SignInStep::Verify => {
            session.mode = Mode::Checking(sign_in);
            session.ask(Question::Work(Effort::Password));
        }
        SignInStep::Done(user) => {
            session.user = Some(user);
            session.ask_for_disk(Mode::Opening);
        }
        SignInStep::Refused(refusal) => {
            session.log(
                Level::Info,
                "pop3: sign-in refused",
                vec![("why", format!("{refusal:?}"))],
            );
            session.failed_sign_ins += 1;
            session.refuse(&Refusal::SignIn(refusal));
            if session.failed_sign_ins >= session.service.limits.sign_ins_max {
                session.close_with(&Refusal::TooManyErrors);
            }
        }
    }
}

/// Looks at the Inbox, where the disk may be read.
pub(crate) fn open(session: &mut Session, is_busy: bool) {
    match try_open(session, is_busy) {
        Ok(maildrop) => {
            session.log(Level::Info, "pop3: signed in", Vec::new());
            let (count, size_bytes) = maildrop.totals();
            session.say(&["+OK ", &format!("{count} letters, {size_bytes} octets")]);
            session.maildrop = Some(Box::new(maildrop));
        }
        Err(refusal) => {
            session.user = None;
            session.refuse(&refusal);
        }
    }
}

fn try_open(session: &Session, is_busy: bool) -> Result<Maildrop, Refusal> {
    if is_busy {
        return Err(Refusal::Busy);
    }
    let user = session.user.as_ref().ok_or(Refusal::WrongState)?;
    let connection = session.peer.as_ref().map_or(0, |peer| peer.connection);
    let account = session.service.engine.account(user, connection);
    Ok(Maildrop::open(account, session.service.limits.letters_max)?)
}
