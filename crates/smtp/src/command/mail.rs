//! `MAIL FROM`.
//!
//! Sources: RFC 5321 §4.1.1.2, §3.3; RFC 6409 §6.1 (a submitter's addresses), RFC 1870 §6 (SIZE), RFC
//! 8689 §2 (REQUIRETLS only in TLS).

use crate::codec::command::{Command, Malformed};
use crate::codec::data::LineCheck;
use crate::codec::parameter::MailParameters;
use crate::codec::reply::Reply;
use crate::refusal::Refusal;
use crate::session::{Mode, Role, Session, Transaction};
use engine::examination::Examined;
use formats::address::Mailbox;

/// Opens a transaction; at once if no directory has to be read for it.
pub(crate) fn run(session: &mut Session, command: Command) -> Result<(), Refusal> {
    if session.hello.is_none() || session.transaction.is_some() {
        return Err(Refusal::WrongOrder);
    }
    if session.service.role.is_submission() {
        if session.link.user.is_none() {
            return Err(Refusal::SignInFirst);
        }
        session.ask_for_disk(Mode::Deferred(Box::new(command)));
        return Ok(());
    }
    carry_out(session, command)
}

/// Opens a transaction, where the disk may be read.
pub(crate) fn carry_out(session: &mut Session, command: Command) -> Result<(), Refusal> {
    let Command::Mail(sender, parameters) = command else {
        return Err(Refusal::WrongOrder);
    };
    let is_trusted = session.service.role == Role::Lmtp;
    if session.letters >= session.service.limits.letters_max && !is_trusted {
        session.close_with(&Refusal::TooManyLetters);
        return Ok(());
    }
    check(session, sender.as_ref(), &parameters)?;
    session.letters += 1;
    session.transaction = Some(Box::new(Transaction {
        sender,
        parameters,
        recipients: Vec::new(),
        letter: None,
        whole: None,
        examined: Examined::default(),
        check: LineCheck::default(),
        received_bytes: 0,
    }));
    session.done(Reply::new(250, "2.1.0", "Ok"))
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
    match &session.link.user {
        Some(user)
            if !engine
                .directory()
                .owns(user.account, &crate::plain(sender))? =>
        {
            Err(Refusal::NotYourAddress)
        }
        _ => Ok(()),
    }
}

/// What was not offered here is not known here.
fn check_offered(session: &Session, parameters: &MailParameters) -> Result<(), Refusal> {
    let role = session.service.role;
    let wishes = parameters.deliver_by.is_some() || parameters.priority.is_some();
    if (wishes && !role.takes_wishes()) || (parameters.require_tls && !session.offers_require_tls())
    {
        return Err(Malformed::UnknownParameter.into());
    }
    Ok(())
}
