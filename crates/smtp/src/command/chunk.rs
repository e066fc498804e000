//! `BDAT`: a letter in chunks whose length is told before.
//!
//! A chunk's bytes are read even when they are refused, for they are never commands (RFC 3030 §2).
//! With
//! `BODY=BINARYMIME` they are stored as they came, bare LF and NUL included; they are never put
//! into lines, because delivery is into mailboxes here, which keep any octets.

use super::deliver;
use crate::codec::command::Chunk;
use crate::codec::data::LineCheck;
use crate::codec::parameter::Body;
use crate::codec::reply;
use crate::letter::Letter;
use crate::refusal::Refusal;
use crate::session::{Mode, Session, Source, Transaction};

/// Bytes of a chunk that is refused, which are read to stay in step; a larger one ends the
/// connection.
const WASTE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Begins a chunk. Whether it is welcome is told when it has come.
pub(crate) fn run(session: &mut Session, chunk: Chunk) {
    let bytes_max = session.service.engine.settings().limits.message_bytes_max;
    if chunk.size_bytes > bytes_max.saturating_add(WASTE_BYTES_MAX) {
        return session.close_with(&Refusal::TooLarge);
    }
    let submitted = session.submitted();
    if let Some(transaction) = &mut session.transaction
        && !transaction.recipients.is_empty()
    {
        transaction
            .letter
            .get_or_insert_with(|| Letter::new(submitted));
    }
    let Chunk {
        size_bytes: left,
        last,
    } = chunk;
    if left == 0 {
        return ended(session, last);
    }
    session.mode = Mode::Letter(Source::Chunk { left, last });
}

/// Takes bytes of a chunk; says how many.
pub(crate) fn take(session: &mut Session, left: u64, last: bool, bytes: &[u8]) -> usize {
    let bytes_max = session.service.engine.settings().limits.message_bytes_max;
    let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
    let piece = bytes.get(..wanted).unwrap_or(bytes);
    let left = left - piece.len() as u64;
    let mut is_heavy = false;
    if let Some((letter, check, body)) = parts(session) {
        if body != Some(Body::Binary) {
            check.feed(piece);
        }
        letter.take(piece, bytes_max);
        is_heavy = letter.is_heavy();
    }
    if is_heavy {
        session.ask_for_disk(Mode::Storing(Source::Chunk { left, last }));
    } else if left == 0 {
        ended(session, last);
    } else {
        session.mode = Mode::Letter(Source::Chunk { left, last });
    }
    piece.len()
}

fn parts(session: &mut Session) -> Option<(&mut Letter, &mut LineCheck, Option<Body>)> {
    let Transaction {
        letter,
        check,
        parameters,
        ..
    } = &mut **session.transaction.as_mut()?;
    Some((letter.as_mut()?, check, parameters.body))
}

/// The chunk has come: answers for it, or ends the letter.
pub(crate) fn ended(session: &mut Session, last: bool) {
    session.mode = Mode::Command;
    let Some((letter, check, _)) = parts(session) else {
        let is_open = session.transaction.is_some();
        let refusal = if is_open {
            Refusal::NoRecipients
        } else {
            Refusal::WrongOrder
        };
        return session.refuse(&refusal);
    };
    if last {
        letter.refuse_fault(check.fault());
        return deliver::begin(session);
    }
    let size = letter.size_bytes().to_string();
    match letter.refusal().cloned() {
        Some(refusal) => session.refuse(&refusal),
        None => reply::line(
            &mut session.link.replies,
            250,
            "2.0.0",
            &[&size, " octets so far"],
        ),
    }
}
