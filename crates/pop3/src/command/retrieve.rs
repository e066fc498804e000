//! `RETR` and `TOP`: a letter piece by piece; most fit in one.
//!
//! Source: RFC 1939 §5 (RETR), §7 (TOP).

use crate::ahead;
use crate::codec::letter::{Extent, Writer};
use crate::refusal::Refusal;
use crate::session::{Fetch, Mode, Retrieval, Service, Session};
use bytes::{BufMut, BytesMut};
use engine::dialogue::Output;
use engine::{EngineError, Message, Timestamp};

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
    if fetch.extent == Extent::Whole
        && let Some(reply) = session.ahead.take(fetch.number)
    {
        session.link.send(reply);
        told_whole(session, fetch.number);
        return Ok(());
    }
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
    let head = head(&message);
    let retrieval = Retrieval {
        fetch,
        message,
        offset: 0,
        writer: Writer::new(fetch.extent),
    };
    let before = session.link.replies.len();
    match fetch.extent {
        Extent::Whole => session.say(&[&head]),
        Extent::Top(_) => session.say(&["+OK Top follows"]),
    }
    if let Err(refusal) = read(session, Box::new(retrieval)) {
        session.link.replies.truncate(before); // Nothing of it was said yet: a clean refusal.
        session.refuse(&refusal);
    }
}

fn head(message: &Message) -> String {
    format!("+OK {} octets", message.len())
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
        session.ahead.note(fetch.number);
        told_whole(session, fetch.number);
    }
    Ok(())
}

fn told_whole(session: &mut Session, number: usize) {
    session.fetched += 1;
    if let Some(maildrop) = &mut session.maildrop {
        maildrop.fetched(number);
    }
}

/// Asks to read on while the peer takes what was sent, if it will probably want more.
pub(crate) fn ask_ahead(session: &mut Session) {
    if session.ahead.wanted().is_some() {
        let Service {
            readers, limits, ..
        } = &*session.service;
        let is_of_use = !next_letters(session).is_empty();
        if is_of_use && session.ahead.begin(readers, limits.readers_max) {
            session.ask_for_disk(Mode::ReadingAhead);
        } else {
            session.ahead.forget();
        }
    }
}

fn next_letters(session: &Session) -> Vec<usize> {
    match (&session.maildrop, session.ahead.wanted()) {
        (Some(maildrop), Some((last, letters_max))) => {
            maildrop.following(last, letters_max, ahead::BYTES_MAX)
        }
        _ => Vec::new(),
    }
}

/// Reads the next letters, where the disk may be read. What cannot be read is told when it is asked
/// for.
pub(crate) fn read_ahead(session: &mut Session, now: Timestamp) {
    let numbers = next_letters(session);
    let Some(maildrop) = &session.maildrop else {
        return;
    };
    // From before the first look on, so that no change goes unnoticed.
    let watch = maildrop.watch();
    let messages = maildrop.messages(&numbers).unwrap_or_default();
    let bytes = messages.iter().map(room_for).sum();
    session.ahead.make_room(bytes);
    for (number, message) in numbers.into_iter().zip(messages) {
        let written = session.ahead.add(number, |out| write_whole(&message, out));
        if written.is_err() {
            break;
        }
    }
    session.ahead.end();
    session.link.act(Output::Watch(vec![watch]));
    session
        .link
        .wait_until(now.plus_seconds(ahead::KEPT_SECONDS));
}

/// Bytes that the reply will take, unless very many dots have to be doubled.
fn room_for(message: &Message) -> usize {
    let len = usize::try_from(message.len()).unwrap_or(0);
    len + len / 16 + 64
}

fn write_whole(message: &Message, out: &mut BytesMut) -> Result<(), EngineError> {
    let mut writer = Writer::new(Extent::Whole);
    out.put_slice(head(message).as_bytes());
    out.put_slice(b"\r\n");
    writer.write(&message.read(0..message.len())?, out);
    writer.finish(out);
    Ok(())
}
