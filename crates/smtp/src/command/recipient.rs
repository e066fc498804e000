//! `RCPT TO`.
//!
//! Never relays: a recipient elsewhere is taken from someone who signed in or is a user of this machine only, or for a domain
//! whose mail this server was told to take and pass on.
//! Sources: RFC 5321 §4.1.1.3, §3.6.2 (relaying), §4.5.3.1.10 (too many), RFC 3461 §4 (NOTIFY,
//! ORCPT).

use crate::codec::command::Command;
use crate::codec::parameter::{self, RecipientParameters};
use crate::codec::reply::Reply;
use crate::following::{self, Waiting};
use crate::refusal::Refusal;
use crate::session::{Mode, Session};
use engine::dialogue::Level;
use engine::directory::May;
use engine::examination::stage::Stage;
use engine::queue::Notify;
use engine::{Engine, EngineError, Recipient, Resolution};
use formats::address::Mailbox;
use std::sync::Arc;

/// Adds a recipient that is known; another is looked for where the disk may be read.
pub(crate) fn run(
    session: &mut Session,
    mailbox: Option<Mailbox>,
    parameters: RecipientParameters,
) -> Result<(), Refusal> {
    let known = check(session, mailbox.as_ref()).map(|()| recall(session, mailbox.as_ref()));
    let added = match known {
        Ok(Some(found)) => add(session, found, parameters),
        Ok(None) => {
            let command = Command::Recipient(mailbox, parameters);
            session.ask_for_disk(Mode::Deferred(Box::new(command)));
            return Ok(());
        }
        Err(refusal) => Err(refusal),
    };
    answer(session, mailbox.as_ref(), added)
}

/// Looks for a recipient and adds it, where the disk may be read.
pub(crate) fn carry_out(
    session: &mut Session,
    mailbox: Option<&Mailbox>,
    parameters: RecipientParameters,
) -> Result<(), Refusal> {
    let added = look_up(session, mailbox).and_then(|found| add(session, found, parameters));
    answer(session, mailbox, added)
}

/// Notes in the log why a recipient is refused.
fn answer(
    session: &mut Session,
    mailbox: Option<&Mailbox>,
    added: Result<(), Refusal>,
) -> Result<(), Refusal> {
    if let Err(refusal) = &added
        && session.transaction.is_some()
    {
        let address = mailbox.map_or_else(|| "postmaster".to_owned(), ToString::to_string);
        let why = refusal.reply().text.to_owned();
        let facts = vec![("from", sender(session)), ("to", address), ("why", why)];
        session.link.log(Level::Info, "recipient refused", facts);
        if matches!(refusal, Refusal::Engine(EngineError::NoSuchAddress)) {
            session.strike("it guesses addresses");
        }
    }
    added?;
    if following::is_followed(session)
        && let Some(stage) = added_last(session)
    {
        following::ask(session, Waiting::Recipient, stage);
        return Ok(());
    }
    session.done(Reply::new(250, "2.1.5", "Ok"))
}

fn added_last(session: &Session) -> Option<Stage> {
    let recipient = session.transaction.as_ref()?.recipients.last()?;
    Some(Stage::Recipient(recipient.address.clone()))
}

fn sender(session: &Session) -> String {
    let sender = session
        .transaction
        .as_ref()
        .and_then(|transaction| transaction.sender.as_ref());
    sender.map(ToString::to_string).unwrap_or_default()
}

/// What can be said without looking anywhere.
fn check(session: &Session, mailbox: Option<&Mailbox>) -> Result<(), Refusal> {
    let transaction = session.transaction.as_ref().ok_or(Refusal::WrongOrder)?;
    if transaction.letter.is_some() {
        return Err(Refusal::WrongOrder); // BDAT has begun.
    }
    if transaction.recipients.len() >= session.service.limits.recipients_max {
        return Err(Refusal::TooManyRecipients);
    }
    if mailbox.is_some_and(Mailbox::needs_utf8) && !transaction.parameters.utf8 {
        return Err(Refusal::NeedsUtf8);
    }
    Ok(())
}

/// True when this server is named beside the domain's own, to take its mail while that is away
/// (RFC 5321 §5).
fn is_backup_for(engine: &Engine, address: &str) -> bool {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    let domains = &engine.settings().sending.backup_for;
    domains
        .iter()
        .any(|known| known.eq_ignore_ascii_case(domain))
}

/// The address as it is written, and where it leads.
type Found = (String, Arc<Resolution>);

/// What is known of a recipient without reading the disk.
fn recall(session: &Session, mailbox: Option<&Mailbox>) -> Option<Found> {
    let mailbox = mailbox?;
    let engine = &session.service.engine;
    let resolution = engine.recall_recipient(&crate::plain(mailbox))?;
    Some((mailbox.to_string(), resolution))
}

fn look_up(session: &Session, mailbox: Option<&Mailbox>) -> Result<Found, Refusal> {
    let transaction = session.transaction.as_ref().ok_or(Refusal::WrongOrder)?;
    let size = transaction.parameters.size_bytes.unwrap_or(0);
    let engine = &session.service.engine;
    let (address, resolution) = resolve(engine, mailbox)?;
    engine.check_recipient(&resolution, size)?;
    Ok((address, resolution))
}

fn resolve(engine: &Engine, mailbox: Option<&Mailbox>) -> Result<Found, EngineError> {
    if let Some(mailbox) = mailbox {
        return Ok((mailbox.to_string(), engine.resolve(&crate::plain(mailbox))?));
    }
    // Without a domain it is that of the first one served (RFC 5321 §4.5.1).
    let domain = engine
        .domains()?
        .into_iter()
        .next()
        .ok_or(EngineError::NoSuchAddress)?;
    let address = format!("postmaster@{}", domain.name);
    let resolution = engine.directory().resolve(&address)?;
    Ok((address, resolution))
}

fn add(
    session: &mut Session,
    (address, resolution): Found,
    parameters: RecipientParameters,
) -> Result<(), Refusal> {
    match &*resolution {
        Resolution::Unknown => return Err(EngineError::NoSuchAddress.into()),
        Resolution::Remote(canonical)
            if !session.is_submitter() && !is_backup_for(&session.service.engine, canonical) =>
        {
            return Err(Refusal::Relay);
        }
        Resolution::Remote(_) if address.starts_with('"') => return Err(Refusal::QuotedRecipient),
        Resolution::Remote(_) | Resolution::Local { .. } => {}
    }
    let directory = session.service.engine.directory();
    let resolution = match directory.may_write(&sender(session), &address)? {
        May::Yes => resolution,
        May::Moderated(moderators) => moderators,
        May::No => return Err(EngineError::Denied.into()),
    };
    let transaction = session.transaction.as_mut().ok_or(Refusal::WrongOrder)?;
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

fn notify(asked: parameter::Notify) -> Notify {
    Notify {
        never: asked == parameter::Notify::default(),
        success: asked.success,
        failure: asked.failure,
        delay: asked.delay,
    }
}
