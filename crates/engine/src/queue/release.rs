//! Letters that waited in the queue for recipients of this server: let go, they are delivered like
//! any other.
//!
//! Start at [`Engine::queue_release_here`].
//!
//! Standard: RFC 4865 (letters that are held).

use super::{NextHop, Outgoing, QueuedRecipient, Reason, Status, Verdict, Wishes};
use crate::delivery::{Arrival, Envelope, Failing, Outcome, Recipient};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::upload::Staged;
use store::backend::Pending;

/// Bytes that are read at a time.
const PIECE_BYTES: u64 = 256 * 1024;

impl Engine {
    /// Delivers a letter to recipients here, wherever their addresses lead by now. One verdict for
    /// each, in order; what they asked to be told is told with the delivery.
    ///
    /// Errors: [`EngineError::Store`]; then nobody got it.
    pub fn queue_release_here(
        &self,
        outgoing: &Outgoing,
        recipients: &[QueuedRecipient],
    ) -> Result<Pending<Vec<Verdict>>, EngineError> {
        let letter = self.staged_again(outgoing)?;
        let known = &outgoing.letter;
        let resolved = recipients.iter().map(|recipient| {
            Ok(Recipient {
                address: recipient.address.clone(),
                resolution: self.directory().resolve(&recipient.address)?,
                notify: recipient.notify,
                original: recipient.original.clone(),
            })
        });
        let envelope = Envelope {
            sender: known.sender.clone(),
            recipients: resolved.collect::<Result<_, EngineError>>()?,
            envelope_id: known.envelope_id.clone(),
            returning: known.returning,
            needs_utf8: known.needs_utf8,
            // What notices tell of it; it is held no longer.
            wishes: Wishes {
                needs_tls: known.needs_tls,
                deliver_by: known.deliver_by,
                priority: known.priority,
                hold_until: known.hold_until.map(|until| until.min(self.now())),
                hold_seconds: known.hold_seconds,
                copy: None,
            },
            submitter: None,
            arrival: Arrival {
                greeting: self.settings().hostname.clone(),
                way: "ESMTP",
                is_ours: known.is_ours,
                ..Arrival::default()
            },
            failing: Failing::Single,
        };
        let pending = self.deliver(&envelope, &letter)?;
        Ok(pending.map(|delivered| delivered.outcomes.iter().map(verdict).collect()))
    }

    /// The bytes of a queued letter as a letter that is about to be delivered.
    fn staged_again(&self, outgoing: &Outgoing) -> Result<Staged, EngineError> {
        let mut upload = self.upload()?;
        let mut at = 0;
        while at < outgoing.size() {
            let piece = outgoing.read(at..at.saturating_add(PIECE_BYTES))?;
            if piece.is_empty() {
                break; // The body is shorter than the entry says; what is there is delivered.
            }
            upload.write(&piece)?;
            at += piece.len() as u64;
        }
        upload.finish()
    }
}

fn verdict(outcome: &Outcome) -> Verdict {
    match outcome {
        Outcome::Delivered(_) | Outcome::Queued => {
            Verdict::Accepted(NextHop::Informs, "delivered here".to_owned())
        }
        Outcome::Refused(error) => {
            let status = match error {
                EngineError::NoSuchAddress => Status::new(5, 1, 1),
                EngineError::Loop => Status::LOOP,
                EngineError::Rejected(_) => Status::new(5, 7, 1),
                _ => Status::new(5, 0, 0),
            };
            Verdict::Never(Reason {
                status,
                reply: Some(error.to_string()),
            })
        }
    }
}
