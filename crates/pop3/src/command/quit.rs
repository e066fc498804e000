//! `QUIT`: what was marked is deleted, all at once, and only then is yes said.
//!
//! Source: RFC 1939 §6 (the UPDATE state).

use crate::maildrop::Closing;
use crate::refusal::Refusal;
use crate::session::{Mode, Session};
use engine::dialogue::{Level, Question};
use engine::{EngineError, StoreError, Timestamp};

/// Ends the session, after the deletions if there are any.
pub(crate) fn run(session: &mut Session) {
    if session
        .maildrop
        .as_ref()
        .is_some_and(|maildrop| maildrop.is_touched())
    {
        session.ask_for_disk(Mode::Closing);
    } else {
        part(session, 0);
    }
}

/// Deletes, where the disk may be written. The reply waits for the settlement.
pub(crate) fn carry_out(session: &mut Session, now: Timestamp) {
    let Some(maildrop) = &session.maildrop else {
        return part(session, 0);
    };
    match maildrop.close(now) {
        Ok(pending) => {
            let (closing, settlement) = pending.split();
            session.mode = Mode::Settling(closing);
            session.link.ask(Question::Settled(settlement));
        }
        Err(error) => fail(session, error),
    }
}

/// The commit has ended.
pub(crate) fn settled(session: &mut Session, closing: Closing, result: Result<(), StoreError>) {
    match result {
        Ok(()) => part(session, closing.deleted),
        Err(error) => fail(session, error.into()),
    }
}

fn fail(session: &mut Session, error: EngineError) {
    session.log_failure(&error.into());
    session.close_with(&Refusal::NotDeleted);
}

fn part(session: &mut Session, deleted: usize) {
    if session.link.user.is_some() {
        let facts = vec![
            ("fetched", session.fetched.to_string()),
            ("deleted", deleted.to_string()),
        ];
        session.link.log(Level::Info, "signed out", facts);
    }
    session.say(&["+OK Bye"]);
    session.close();
}
