//! `DATA` and what follows it.
//!
//! Sources: RFC 5321 §4.1.1.4, RFC 2920 §3.1 (nothing may follow DATA before the reply), RFC 3030
//! §3.

use super::deliver;
use crate::codec::data::Unstuffer;
use crate::codec::parameter::Body;
use crate::codec::reply::Reply;
use crate::letter::Letter;
use crate::refusal::Refusal;
use crate::session::{Mode, Session, Source};

/// Asks for the letter.
///
/// When bytes are here already, the client did not wait to be asked: they are read as the letter
/// they claim to be, and refused at its end, so that they are never taken for commands.
pub(crate) fn run(session: &mut Session, is_last: bool) -> Result<(), Refusal> {
    let submitted = session.submitted();
    let transaction = session.transaction.as_mut().ok_or(Refusal::WrongOrder)?;
    if transaction.letter.is_some() {
        return Err(Refusal::Mixed);
    }
    if transaction.recipients.is_empty() {
        return Err(Refusal::NoRecipients);
    }
    if transaction.parameters.body == Some(Body::Binary) {
        return Err(Refusal::BinaryNeedsChunks);
    }
    let letter = transaction.letter.insert(Letter::new(submitted));
    if !is_last {
        letter.refuse(Refusal::EarlyData);
    }
    session.mode = Mode::Letter(Source::Data(Unstuffer::default()));
    session.done(Reply::new(
        354,
        "",
        "Send the letter, end it with <CRLF>.<CRLF>",
    ))
}

/// Takes bytes of the letter; says how many.
pub(crate) fn take(session: &mut Session, mut unstuffer: Unstuffer, bytes: &[u8]) -> usize {
    let bytes_max = session.service.engine.settings().limits.message_bytes_max;
    let letter = session
        .transaction
        .as_mut()
        .and_then(|transaction| transaction.letter.as_mut());
    let Some(letter) = letter else { return 0 };
    let taken = unstuffer.feed(bytes, |piece| letter.take(piece, bytes_max));
    letter.refuse_fault(unstuffer.fault());
    if letter.is_waste(bytes_max) {
        session.close_with(&Refusal::TooLarge);
    } else if unstuffer.has_ended() {
        deliver::begin(session);
    } else if letter.is_heavy() {
        session.ask_for_disk(Mode::Storing(Source::Data(unstuffer)));
    } else {
        session.mode = Mode::Letter(Source::Data(unstuffer));
    }
    taken
}
