//! `RETR` and `TOP`: a letter piece by piece; most fit in one.
//!
//! Source: RFC 1939 §5 (RETR), §7 (TOP).

use crate::codec::letter::{Extent, Writer};
use crate::refusal::Refusal;
use crate::session::{Fetch, Mode, Retrieval, Session};

/// Bytes of a letter that are read and sent in one step.
const PIECE_BYTES: u64 = 256 * 1024;
/// The same for a top, of which little is wanted.
const TOP_PIECE_BYTES: u64 = 16 * 1024;

/// `RETR`.
pub(crate) fn whole(session: &mut Session, number: usize) -> Result<(), Refusal> {
    start(
        session,
        Fetch {
            number,
            extent: Extent::Whole,
        },
    )
}

/// `TOP`.
pub(crate) fn top(session: &mut Session, number: usize, lines: usize) -> Result<(), Refusal> {
    start(
        session,
        Fetch {
            number,
            extent: Extent::Top(lines),
        },
    )
}

fn start(session: &mut Session, fetch: Fetch) -> Result<(), Refusal> {
    let maildrop = session.maildrop.as_ref().ok_or(Refusal::WrongState)?;
    maildrop
        .size_bytes(fetch.number)
        .ok_or(Refusal::NoSuchLetter)?;
    session.ask_for_disk(Mode::Fetching(fetch));
    Ok(())
}

/// Opens the letter and sends its first piece, where the disk may be read.
pub(crate) fn begin(session: &mut Session, fetch: Fetch) {
    let opened = match &session.maildrop {
        Some(maildrop) => maildrop.message(fetch.number),
        None => Ok(None),
    };
    let message = match opened {
        Ok(Some(message)) => message,
        Ok(None) => return session.refuse(&Refusal::Purged),
        Err(error) => return session.refuse(&error.into()),
    };
    let size = message.len().to_string();
    let retrieval = Retrieval {
        fetch,
        message,
        offset: 0,
        writer: Writer::new(fetch.extent),
    };
    let before = session.link.replies.len();
    match fetch.extent {
        Extent::Whole => session.say(&["+OK ", &size, " octets"]),
        Extent::Top(_) => session.say(&["+OK Top follows"]),
    }
    if let Err(refusal) = read(session, Box::new(retrieval)) {
        session.link.replies.truncate(before); // Nothing of it was said yet: a clean refusal.
        session.refuse(&refusal);
    }
}

/// Sends the next piece, where the disk may be read.
pub(crate) fn piece(session: &mut Session, retrieval: Box<Retrieval>) {
    if let Err(refusal) = read(session, retrieval) {
        // In the middle of a letter there is no way to say no but to break off (RFC 1939 has no
        // other).
        session.link.replies.clear();
        session.log_failure(&refusal);
        session.close();
    }
}

/// Asks to go on.
pub(crate) fn ask(session: &mut Session, retrieval: Box<Retrieval>) {
    session.ask_for_disk(Mode::Reading(retrieval));
}

fn read(session: &mut Session, mut retrieval: Box<Retrieval>) -> Result<(), Refusal> {
    let Retrieval {
        fetch,
        message,
        offset,
        writer,
    } = &mut *retrieval;
    let step = match fetch.extent {
        Extent::Whole => PIECE_BYTES,
        Extent::Top(_) => TOP_PIECE_BYTES,
    };
    let end = offset.saturating_add(step).min(message.len());
    let bytes = message.read(*offset..end)?;
    writer.write(&bytes, &mut session.link.replies);
    *offset = end;
    if end < message.len() && !writer.is_done() {
        session.mode = Mode::Sending(retrieval);
        return Ok(());
    }
    writer.finish(&mut session.link.replies);
    if fetch.extent == Extent::Whole {
        session.fetched += 1;
        let number = fetch.number;
        if let Some(maildrop) = &mut session.maildrop {
            maildrop.fetched(number);
        }
    }
    Ok(())
}
