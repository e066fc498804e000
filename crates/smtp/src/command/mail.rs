//! `MAIL FROM`.
//!
//! Sources: RFC 5321 §4.1.1.2, §3.3; RFC 6409 §6.1 (a submitter's addresses), RFC 1870 §6 (SIZE), RFC
//! 8689 §2 (REQUIRETLS only in TLS).

use crate::codec::command::{Command, Malformed};
use crate::codec::data::LineCheck;
use crate::codec::parameter::{Hold, MailParameters};
use crate::codec::reply::Reply;
use crate::following::{self, Waiting};
use crate::refusal::Refusal;
use crate::session::{Mode, Role, Session, Transaction};
use engine::examination::Examined;
use engine::{EngineError, Timestamp, User};
use formats::address::Mailbox;

/// Opens a transaction; at once if no directory has to be read for it.
pub(crate) fn run(session: &mut Session, command: Command) -> Result<(), Refusal> {
    if session.hello.is_none() || session.transaction.is_some() {
        return Err(Refusal::WrongOrder);
    }
    let role = session.service.role;
    if role.is_submission() || role == Role::Local {
        if !session.is_submitter() {
            return Err(Refusal::SignInFirst);
        }
        if !is_known(session, &command) {
            session.ask_for_disk(Mode::Deferred(Box::new(command)));
            return Ok(());
        }
    }
    carry_out(session, command)
}

/// True when it is known without reading the disk that the sender is the submitter's own.
fn is_known(session: &Session, command: &Command) -> bool {
    let (Some(user), Command::Mail(Some(sender), _)) = (&session.link.user, command) else {
        return false;
    };
    let directory = session.service.engine.directory();
    let owned = || directory.recall_owned(user.account, &crate::plain(sender));
    session.local_user().is_none() && owned() == Some(true)
}

/// Opens a transaction, where the disk may be read.
pub(crate) fn carry_out(session: &mut Session, command: Command) -> Result<(), Refusal> {
    let Command::Mail(sender, parameters) = command else {
        return Err(Refusal::WrongOrder);
    };
    let is_trusted = matches!(session.service.role, Role::Lmtp | Role::Local);
    if session.letters >= session.service.limits.letters_max && !is_trusted {
        session.close_with(&Refusal::TooManyLetters);
        return Ok(());
    }
    check_pace(session)?;
    recognise(session)?;
    check(session, sender.as_ref(), &parameters)?;
    session.letters += 1;
    session.transaction = Some(Box::new(Transaction {
        sender,
        name: None,
        parameters,
        recipients: Vec::new(),
        letter: None,
        whole: None,
        examined: Examined::default(),
        check: LineCheck::default(),
        received_bytes: 0,
    }));
    if following::is_followed(session)
        && let Some(stage) = following::sender(session)
    {
        following::ask(session, Waiting::Sender, stage);
        return Ok(());
    }
    session.done(Reply::new(250, "2.1.0", "Ok"))
}

/// Another server may bring so many letters an hour.
fn check_pace(session: &Session) -> Result<(), Refusal> {
    let engine = &session.service.engine;
    let allowance = &engine.settings().traffic;
    let is_fine = |from| engine.traffic().receive(from, allowance, engine.now());
    if session.stranger().is_none_or(is_fine) {
        Ok(())
    } else {
        Err(Refusal::TooFast)
    }
}

fn check(
    session: &Session,
    sender: Option<&Mailbox>,
    parameters: &MailParameters,
) -> Result<(), Refusal> {
    let engine = &session.service.engine;
    if parameters
        .size_bytes
        .is_some_and(|size| size > engine.settings().limits.message_bytes_max)
    {
        return Err(Refusal::TooLarge);
    }
    check_offered(session, parameters)?;
    let Some(sender) = sender else { return Ok(()) };
    if sender.needs_utf8() && !parameters.utf8 {
        return Err(Refusal::NeedsUtf8);
    }
    let address = crate::plain(sender);
    if may_use(session, &address)? {
        Ok(())
    } else {
        Err(Refusal::NotYourAddress)
    }
}

/// True when an address may stand for the sender, whether in the envelope or, as the author, in
/// the letter.
pub(crate) fn may_use(session: &Session, address: &str) -> Result<bool, EngineError> {
    let directory = session.service.engine.directory();
    match (session.local_user(), &session.link.user) {
        (Some(local), _) if local.is_trusted || local.address.eq_ignore_ascii_case(address) => {
            Ok(true)
        }
        (_, Some(user)) => directory.owns(user.account, address),
        (Some(_), None) => Ok(false),
        (None, None) => Ok(true), // Nobody who could be held to their own addresses.
    }
}

/// Finds the account of a user of this machine: the one that has their address, if there is one.
///
/// Who is trusted sends for others, so that their letters are nobody's own.
fn recognise(session: &mut Session) -> Result<(), Refusal> {
    let Some(local) = session.local_user().filter(|local| !local.is_trusted) else {
        return Ok(());
    };
    let found = session
        .service
        .engine
        .directory()
        .sign_in_name(&local.address)?;
    session.link.user = found.map(|entry| User {
        account: entry.account,
        address: entry.record.address.clone(),
        administrator: false,
    });
    Ok(())
}

/// What was not offered here is not known here.
fn check_offered(session: &Session, parameters: &MailParameters) -> Result<(), Refusal> {
    let role = session.service.role;
    let wishes = parameters.deliver_by.is_some()
        || parameters.priority.is_some()
        || parameters.hold.is_some();
    if (wishes && !role.takes_wishes()) || (parameters.require_tls && !session.offers_require_tls())
    {
        return Err(Malformed::UnknownParameter.into());
    }
    let hold_seconds_max = session.service.limits.hold_seconds_max;
    let now = session.service.engine.now();
    let is_too_long = |until: Timestamp| until.seconds() - now.seconds() > hold_seconds_max;
    let is_late = |until: Timestamp| {
        let by = parameters.deliver_by.as_ref();
        by.is_some_and(|by| until > now.plus_seconds(by.seconds)) // RFC 4865 §5.2.2.
    };
    match hold_until(parameters, now) {
        Some(until) if is_too_long(until) || is_late(until) => Err(Malformed::Parameter.into()),
        _ => Ok(()),
    }
}

/// Until when the letter is held, if it is (RFC 4865).
pub(crate) fn hold_until(parameters: &MailParameters, now: Timestamp) -> Option<Timestamp> {
    let until = match parameters.hold? {
        Hold::For(seconds) => now.seconds().saturating_add(i64::from(seconds)),
        Hold::Until(seconds) => seconds,
    };
    Some(Timestamp::from_seconds(until)).filter(|until| *until > now)
}
