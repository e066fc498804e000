//! `RCPT TO`.
//!
//! Never relays: a recipient elsewhere is taken from someone who signed in only.
//! Sources: RFC 5321 §4.1.1.3, §3.6.2 (relaying), §4.5.3.1.10 (too many), RFC 3461 §4 (NOTIFY,
//! ORCPT).

use crate::codec::parameter::{self, RecipientParameters};
use crate::codec::reply::Reply;
use crate::refusal::Refusal;
use crate::session::Session;
use engine::dialogue::Level;
use engine::queue::Notify;
use engine::{Engine, EngineError, Recipient, Resolution};
use formats::address::Mailbox;
use std::sync::Arc;

/// Adds a recipient, or notes in the log why not.
pub(crate) fn run(
    session: &mut Session,
    mailbox: Option<&Mailbox>,
    parameters: RecipientParameters,
) -> Result<(), Refusal> {
    let outcome = add(session, mailbox, parameters);
    if let Err(refusal) = &outcome
        && session.transaction.is_some()
    {
        let address = mailbox.map_or_else(|| "postmaster".to_owned(), ToString::to_string);
        let why = refusal.reply().text.to_owned();
        let facts = vec![("from", sender(session)), ("to", address), ("why", why)];
        session.log(Level::Info, "smtp: recipient refused", facts);
    }
    outcome?;
    session.done(Reply::new(250, "2.1.5", "Ok"))
}

fn sender(session: &Session) -> String {
    let sender = session
        .transaction
        .as_ref()
        .and_then(|transaction| transaction.sender.as_ref());
    sender.map(ToString::to_string).unwrap_or_default()
}

fn add(
    session: &mut Session,
    mailbox: Option<&Mailbox>,
    parameters: RecipientParameters,
) -> Result<(), Refusal> {
    let service = Arc::clone(&session.service);
    let transaction = session.transaction.as_mut().ok_or(Refusal::WrongOrder)?;
    if transaction.letter.is_some() {
        return Err(Refusal::WrongOrder); // BDAT has begun.
    }
    if transaction.recipients.len() >= service.limits.recipients_max {
        return Err(Refusal::TooManyRecipients);
    }
    if mailbox.is_some_and(Mailbox::needs_utf8) && !transaction.parameters.utf8 {
        return Err(Refusal::NeedsUtf8);
    }
    let (address, resolution) = resolve(&service.engine, mailbox)?;
    if let Resolution::Remote(_) = *resolution {
        if session.user.is_none() {
            return Err(Refusal::Relay);
        }
        if address.starts_with('"') {
            return Err(Refusal::QuotedRecipient);
        }
    }
    let size = transaction.parameters.size_bytes.unwrap_or(0);
    service.engine.check_recipient(&resolution, size)?;
    transaction.recipients.push(Recipient {
        address,
        resolution,
        notify: parameters.notify.map_or(Notify::USUAL, notify),
        original: parameters
            .original
            .map(|(kind, address)| format!("{kind};{address}")),
    });
    Ok(())
}

/// The address as it is written, and where it leads.
fn resolve(
    engine: &Engine,
    mailbox: Option<&Mailbox>,
) -> Result<(String, Arc<Resolution>), EngineError> {
    let directory = engine.directory();
    if let Some(mailbox) = mailbox {
        return Ok((
            mailbox.to_string(),
            directory.resolve(&crate::plain(mailbox))?,
        ));
    }
    // Without a domain it is that of the first one served (RFC 5321 §4.5.1).
    let domain = engine
        .domains()?
        .into_iter()
        .next()
        .ok_or(EngineError::NoSuchAddress)?;
    let address = format!("postmaster@{}", domain.name);
    let resolution = directory.resolve(&address)?;
    Ok((address, resolution))
}

fn notify(asked: parameter::Notify) -> Notify {
    Notify {
        never: asked == parameter::Notify::default(),
        success: asked.success,
        failure: asked.failure,
        delay: asked.delay,
    }
}
