//! `LIST` and `UIDL`: one line for each letter that is not deleted. Source: RFC 1939 §5, §7.

use crate::maildrop::Maildrop;
use crate::refusal::Refusal;
use crate::session::{Column, Listing, Mode, Session};

/// Bytes of a list that are given out before they must be sent.
const STEP_BYTES: usize = 64 * 1024;

/// Lists one letter or all.
pub(crate) fn run(
    session: &mut Session,
    column: Column,
    letter: Option<usize>,
) -> Result<(), Refusal> {
    let maildrop = session.maildrop.as_ref().ok_or(Refusal::WrongState)?;
    if let Some(number) = letter {
        let value = value(maildrop, column, number).ok_or(Refusal::NoSuchLetter)?;
        session.ok(&format!("{number} {value}"));
        return Ok(());
    }
    let (count, size_bytes) = maildrop.totals();
    session.ok(&format!("{count} letters, {size_bytes} octets"));
    go_on(session, Listing { column, next: 1 });
    Ok(())
}

fn value(maildrop: &Maildrop, column: Column, number: usize) -> Option<String> {
    match column {
        Column::Size => maildrop.size_bytes(number).map(|size| size.to_string()),
        Column::UniqueId => maildrop.unique_id(number),
    }
}

/// Writes as much of the list as may be sent at once.
pub(crate) fn go_on(session: &mut Session, listing: Listing) {
    let Some(maildrop) = session.maildrop.take() else {
        return;
    };
    let Listing { column, mut next } = listing;
    while next <= maildrop.len() && session.link.replies.len() < STEP_BYTES {
        if let Some(value) = value(&maildrop, column, next) {
            session.say(&[&next.to_string(), " ", &value]);
        }
        next += 1;
    }
    if next <= maildrop.len() {
        session.mode = Mode::Listing(Listing { column, next });
    } else {
        session.say(&["."]);
    }
    session.maildrop = Some(maildrop);
}
