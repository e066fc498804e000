//! A queued letter made ready to be sent: opened, looked at, its bytes at hand.
//!
//! Everything here reads the disk and runs on the pool that may. Start at [`Ready::open`].

use super::connection::{NextPiece, Pieces};
use super::route::{Hop, Routes};
use crate::driver::pool::Pool;
use crate::reports::is_report;
use crate::signing::{self, RESULTS, Signer, Unsigned};
use bytes::Bytes;
use engine::queue::{Job, Outgoing, QueuedRecipient};
use engine::signature::field::fields;
use engine::{Engine, EngineError, Timestamp};
use formats::message::header;
use smtp::client::form::{Form, Scan};
use smtp::client::{Message, Recipient};
use std::sync::Arc;

/// Bytes that are read and sent at a time; most letters fit whole.
const PIECE_BYTES: u64 = 256 * 1024;

/// A letter and those of its recipients that go the same way.
pub struct Ready {
    /// The letter.
    pub outgoing: Outgoing,
    /// The way.
    pub hop: Hop,
    /// The recipients.
    pub recipients: Vec<QueuedRecipient>,
    /// Its author would rather have it arrive than be encrypted as its domain demands.
    pub waives_tls: bool,
    /// It is a report to another server, which is not reported about.
    pub is_report: bool,
    form: Form,
    first: Bytes,
}

impl Ready {
    /// Opens what a job is about; `None` when there is nothing to do any more.
    ///
    /// What was written here is signed.
    pub fn open(
        engine: &Engine,
        routes: &Routes,
        signer: &Signer,
        job: &Job,
    ) -> Result<Option<Self>, EngineError> {
        let Some((mut outgoing, hop, recipients)) = at_destination(engine, routes, job)? else {
            return Ok(None);
        };
        let (form, first, unsigned) = look_through(engine, &outgoing)?;
        let is_report = outgoing.letter.is_ours && is_report(&first);
        let waives_tls = !outgoing.letter.needs_tls && waives_tls(&first);
        let first = match unsigned {
            Some(unsigned) => {
                let letter = &outgoing.letter;
                let lines = if letter.is_ours {
                    signer.lines(engine, unsigned)?
                } else {
                    signer.seal(engine, unsigned, &letter.sender)?
                };
                outgoing.put_before(lines.as_bytes());
                Bytes::from([lines.as_bytes(), &first].concat())
            }
            None => first,
        };
        Ok(Some(Self {
            outgoing,
            hop,
            recipients,
            waives_tls,
            is_report,
            form,
            first,
        }))
    }

    /// The letter for some of its recipients.
    pub fn message(&self, recipients: &[QueuedRecipient], now: Timestamp) -> Message {
        let letter = &self.outgoing.letter;
        let is_international = self.form.header_eight_bit
            || !letter.sender.is_ascii()
            || recipients.iter().any(|one| !one.address.is_ascii());
        let seconds_left = |at: Timestamp| (at.0.saturating_sub(now.0)) / Timestamp::PER_SECOND;
        Message {
            sender: letter.sender.clone(),
            recipients: recipients.iter().map(recipient).collect(),
            size_bytes: self.outgoing.size(),
            form: self.form,
            envelope_id: letter.envelope_id.clone(),
            returning: letter.returning,
            // Who asked for it may not need it (RFC 6531 §3.6).
            needs_utf8: letter.needs_utf8 && is_international,
            needs_tls: letter.needs_tls,
            deliver_by: letter.deliver_by.map(|by| (by, seconds_left(by.at))),
            priority: letter.priority,
        }
    }

    /// Its bytes from the beginning.
    pub fn pieces(&self, pool: Arc<Pool>) -> impl Pieces + use<> {
        FromStore {
            outgoing: self.outgoing.clone(),
            first: Some(self.first.clone()),
            at: self.first.len() as u64,
            pool,
        }
    }
}

/// The letter, its way, and the recipients of a job; `None` when nobody is left.
fn at_destination(
    engine: &Engine,
    routes: &Routes,
    job: &Job,
) -> Result<Option<(Outgoing, Hop, Vec<QueuedRecipient>)>, EngineError> {
    let Some(outgoing) = engine.queue_open(job.key)? else {
        return Ok(None);
    };
    let found = recipients(&outgoing, routes, &job.destination);
    Ok(found.map(|(hop, recipients)| (outgoing, hop, recipients)))
}

/// The way to a destination, and the recipients who are there; `None` when nobody is.
pub fn recipients(
    outgoing: &Outgoing,
    routes: &Routes,
    destination: &str,
) -> Option<(Hop, Vec<QueuedRecipient>)> {
    let letter = &outgoing.letter;
    let mut found = None;
    let mut recipients = Vec::new();
    for recipient in &letter.recipients {
        let hop = routes.hop(&letter.sender, &recipient.address, letter.route.as_deref());
        if &*hop.name == destination {
            recipients.push(recipient.clone());
            found = Some(hop);
        }
    }
    found.map(|hop| (hop, recipients))
}

fn recipient(queued: &QueuedRecipient) -> Recipient {
    Recipient {
        address: queued.address.clone(),
        notify: queued.notify,
        original: queued.original.clone(),
    }
}

/// Reads it once from end to end: what it needs of the way, its first piece, and what is signed if
/// it is ours.
fn look_through(
    engine: &Engine,
    outgoing: &Outgoing,
) -> Result<(Form, Bytes, Option<Unsigned>), EngineError> {
    let mut scan = Scan::default();
    let first = outgoing.read(0..PIECE_BYTES)?;
    let mut unsigned = is_to_be_signed(engine, outgoing, &first)?.then(Unsigned::default);
    scan.push(&first);
    if let Some(unsigned) = &mut unsigned {
        unsigned.push(&first);
    }
    let mut at = first.len() as u64;
    while at < outgoing.size() {
        let piece = outgoing.read(at..at.saturating_add(PIECE_BYTES))?;
        if piece.is_empty() {
            break;
        }
        scan.push(&piece);
        if let Some(unsigned) = &mut unsigned {
            unsigned.push(&piece);
        }
        at += piece.len() as u64;
    }
    Ok((scan.finish(), first, unsigned))
}

/// True when the header says `TLS-Required: No`; anything else is as if it said nothing.
///
/// A header that does not fit into the first piece is not looked at further.
/// Source: RFC 8689 §5.
fn waives_tls(first: &[u8]) -> bool {
    let end = first.windows(4).position(|four| four == b"\r\n\r\n");
    let header = end.and_then(|at| first.get(..at + 2)).unwrap_or(first);
    let mut fields = fields(header).into_iter().filter(|(name, _)| {
        let name = name.trim_ascii_end();
        name.eq_ignore_ascii_case(b"TLS-Required")
    });
    let (only, more) = (fields.next(), fields.next());
    only.is_some_and(|(_, value)| value.trim_ascii().eq_ignore_ascii_case(b"No")) && more.is_none()
}

/// False when there is certainly no key for it, so that its body need not be hashed.
fn is_to_be_signed(
    engine: &Engine,
    outgoing: &Outgoing,
    first: &[u8],
) -> Result<bool, EngineError> {
    if !is_vouched_for(outgoing) {
        return Ok(false);
    }
    if !outgoing.letter.is_ours {
        return signing::has_seal(engine, &outgoing.letter.sender);
    }
    match header::length(first) {
        end if end < first.len() => signing::has_key(engine, first.get(..end).unwrap_or_default()),
        _ => Ok(true), // The author may stand in what was not read yet.
    }
}

/// True when it is ours, or was examined when it came.
fn is_vouched_for(outgoing: &Outgoing) -> bool {
    let letter = &outgoing.letter;
    letter.is_ours || letter.prefix.starts_with(RESULTS)
}

struct FromStore {
    outgoing: Outgoing,
    first: Option<Bytes>,
    at: u64,
    pool: Arc<Pool>,
}

impl Pieces for FromStore {
    fn next(&mut self) -> NextPiece<'_> {
        Box::pin(async move {
            let size = self.outgoing.size();
            if let Some(first) = self.first.take() {
                return Ok((first, self.at >= size));
            }
            let (outgoing, range) = (self.outgoing.clone(), self.at..self.at + PIECE_BYTES);
            let piece = self
                .pool
                .run(None, move || outgoing.read(range))
                .await
                .map_err(|_| "the server stops".to_owned())?
                .map_err(|error| error.to_string())?;
            if piece.is_empty() {
                return Err("shorter than it was".to_owned());
            }
            self.at += piece.len() as u64;
            Ok((piece, self.at >= size))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::waives_tls;

    #[test]
    fn only_one_field_with_no_in_it_waives_encryption() {
        for (header, waived) in [
            ("TLS-Required: No\r\n\r\n", true),
            ("A: b\r\ntls-required : no\r\n\r\n", true),
            ("TLS-Required: Yes\r\n\r\n", false),
            ("TLS-Required: No\r\nTLS-Required: No\r\n\r\n", false),
            ("A: b\r\n\r\nTLS-Required: No\r\n", false),
        ] {
            assert_eq!(waives_tls(header.as_bytes()), waived, "{header}");
        }
    }
}
