//! The end of a letter: checks that need it whole, the one commit, and the reply once that is on
//! disk.
//!
//! Sources: RFC 5321 §4.1.1.4, §4.2.5; RFC 2033 §4.2 (an answer for each recipient); RFC 6409 §6.1,
//! §8.1.

use crate::codec::command::Hello;
use crate::codec::parameter::{self, Hold, MailParameters};
use crate::codec::reply::{self, Reply};
use crate::command::mail;
use crate::letter;
use crate::refusal::Refusal;
use crate::session::{Examining, Mode, Role, Session, Transaction};
use bytes::Bytes;
use engine::delivery::{Arrival, Failing};
use engine::dialogue::{Level, Question};
use engine::examination::{self, Decision, Examination, Examined};
use engine::queue::{DeliverBy, Late, Return, Wishes};
use engine::traffic::Permission;
use engine::{
    AccountId, Authorship, Delivered, Envelope, Outcome, Recipient, Resolution, Stay, StoreError,
    Timestamp,
};
use formats::address::list::{self, Entry};

/// Addresses in one From field; more is no letter of a person.
const FROM_ENTRIES_MAX: usize = 20;

/// Recipients that stand in a line of the log; of the others only the number.
const LOGGED_RECIPIENTS: usize = 20;

/// The letter is whole: asks for the step that delivers it.
pub(crate) fn begin(session: &mut Session) {
    session.ask_for_disk(Mode::Delivering);
}

/// The account of the first mailbox here that the letter goes to.
pub(crate) fn first_mailbox(session: &Session) -> Option<AccountId> {
    let recipients = &session.transaction.as_ref()?.recipients;
    recipients
        .iter()
        .find_map(|recipient| match &*recipient.resolution {
            Resolution::Local { mailboxes, .. } => mailboxes.first().map(|mailbox| mailbox.account),
            _ => None,
        })
}

/// Goes on where the disk may be used: with the end of the letter, or once it is examined.
pub(crate) fn run(session: &mut Session) {
    if let Err(refusal) = try_run(session) {
        refuse(session, &refusal);
    }
}

fn try_run(session: &mut Session) -> Result<(), Refusal> {
    let is_examined = session
        .transaction
        .as_ref()
        .is_some_and(|all| all.whole.is_some());
    if !is_examined {
        check_allowance(session)?;
        finish(session)?;
        if is_to_be_examined(session) {
            let examination = examination(session)?;
            session.mode = Mode::Examining;
            session.link.ask(Question::Examine(Box::new(examination)));
            return Ok(());
        }
    }
    commit(session)
}

/// An account may send to so many in an hour. One that wants more was perhaps taken over.
///
/// What runs on this machine is not held back.
fn check_allowance(session: &mut Session) -> Result<(), Refusal> {
    let (Some(user), Some(peer)) = (&session.link.user, &session.link.peer) else {
        return Ok(());
    };
    if peer.remote.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    let recipients = session
        .transaction
        .as_ref()
        .map_or(0, |all| all.recipients.len());
    let recipients = u32::try_from(recipients).unwrap_or(u32::MAX);
    let engine = &session.service.engine;
    let allowance = &engine.settings().traffic;
    let permission = engine
        .traffic()
        .send(user.account, recipients, allowance, engine.now());
    let Permission::Alarm(sent) = permission else {
        return match permission {
            Permission::Yes => Ok(()),
            _ => Err(Refusal::SentTooMuch),
        };
    };
    let facts = vec![
        ("account", user.address.clone()),
        ("address", peer.remote.ip().to_string()),
        ("sent", sent.to_string()),
        ("recipients", recipients.to_string()),
    ];
    let event = "account sends too much, perhaps it was taken over";
    session.link.log(Level::Warn, event, facts);
    Err(Refusal::SentTooMuch)
}

/// Ends the letter and makes the checks that need it whole.
fn finish(session: &mut Session) -> Result<(), Refusal> {
    let transaction = session.transaction.as_mut().ok_or(Refusal::WrongOrder)?;
    let letter = transaction.letter.take().ok_or(Refusal::WrongOrder)?;
    transaction.received_bytes = letter.size_bytes();
    let engine = &session.service.engine;
    let goes_on = |one: &Recipient| matches!(*one.resolution, Resolution::Remote(_));
    let is_held = transaction.parameters.hold.is_some();
    let stay = if !is_held && transaction.recipients.iter().all(goes_on) {
        Stay::Short
    } else {
        Stay::Long
    };
    let whole = letter.finish(engine, stay)?;
    if session.is_submitter() {
        check_from(session, &whole.header)?;
    }
    let transaction = session.transaction.as_mut().ok_or(Refusal::WrongOrder)?;
    transaction.whole = Some(whole);
    Ok(())
}

/// Delivers. The reply waits for the settlement.
fn commit(session: &mut Session) -> Result<(), Refusal> {
    let envelope = envelope(session)?;
    let transaction = session.transaction.as_mut().ok_or(Refusal::WrongOrder)?;
    let whole = transaction.whole.take().ok_or(Refusal::WrongOrder)?;
    let rewritten = transaction.examined.rewritten.take();
    let letter = rewritten.map_or(whole.staged, |rewritten| rewritten.letter);
    let pending = session.service.engine.deliver(&envelope, &letter)?;
    let (delivered, settlement) = pending.split();
    session.mode = Mode::Settling(Box::new(delivered));
    session.link.ask(Question::Settled(settlement));
    Ok(())
}

/// True when someone is to look at the letter before it is accepted.
fn is_to_be_examined(session: &Session) -> bool {
    if session.link.user.is_some() {
        return session.service.examining != Examining::Nobody;
    }
    if session.service.role != Role::Relay {
        return false;
    }
    session.is_examined_as_stranger()
}

fn examination(session: &mut Session) -> Result<Examination, Refusal> {
    let arrival = arrival(session);
    let transaction = session.transaction.as_mut().ok_or(Refusal::WrongOrder)?;
    let recipients = transaction.recipients.iter();
    let recipients = recipients.map(|one| one.address.clone()).collect();
    let whole = transaction.whole.as_mut().ok_or(Refusal::WrongOrder)?;
    Ok(Examination {
        peer: arrival.peer.map(|peer| peer.to_canonical()),
        greeting: arrival.greeting,
        sender: transaction
            .sender
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        recipients,
        submitter: session.link.user.clone(),
        is_encrypted: arrival.tls.is_some(),
        header: Bytes::from(std::mem::take(&mut whole.header)),
        letter: whole.staged.clone(),
    })
}

/// The code for a letter that has to come again: "blocked for policy reasons" if its status is one
/// of security or policy (RFC 3463 §3.8), else "local error in processing" (RFC 5321 §4.2.3).
pub(crate) fn deferral(no: &examination::Refusal) -> u16 {
    if no.status.starts_with("7.") {
        450
    } else {
        451
    }
}

/// The examiners have spoken.
pub(crate) fn examined(session: &mut Session, examined: Examined) {
    let (code, class, no) = match &examined.decision {
        Decision::Accept | Decision::Quarantine => (250, '2', None),
        Decision::Defer(no) => (deferral(no), '4', Some(no.clone())),
        Decision::Refuse(no) => (550, '5', Some(no.clone())),
    };
    let Some(transaction) = session.transaction.as_mut() else {
        return;
    };
    transaction.examined = examined;
    let Some(no) = no else {
        return session.ask_for_disk(Mode::Delivering);
    };
    let Some(transaction) = session.transaction.take() else {
        return;
    };
    log(session, "letter refused", &transaction, "", &no.text);
    if code == 550 {
        session.strike("it brings letters that nobody wants");
    }
    let status = format!("{class}.{}", no.status);
    reply::line(&mut session.link.replies, code, &status, &[&no.text]);
}

/// Whoever submits a letter may not say that it is from another user of this server, unless that
/// other lets them write as them, or on their behalf.
///
/// An author elsewhere is let through: a letter that is sent on unchanged keeps its author (RFC 5322
/// §3.6.6), and the envelope, which is the submitter's own, says who sent it on.
fn check_from(session: &Session, header: &[u8]) -> Result<(), Refusal> {
    let fields = letter::fields(header, "From");
    let [field] = fields.as_slice() else {
        return Err(Refusal::From);
    };
    let (entries, more) = list::parse(field, FROM_ENTRIES_MAX);
    let mut found = false;
    for entry in &entries {
        let Entry::Mailbox { local, domain, .. } = entry else {
            continue;
        };
        let address = [local.as_slice(), b"@", domain].concat();
        let address = String::from_utf8(address).map_err(|_| Refusal::NotYourFrom)?;
        if !may_be_from(session, header, &address)? {
            return Err(Refusal::NotYourFrom);
        }
        found = true;
    }
    if found && !more {
        Ok(())
    } else {
        Err(Refusal::From)
    }
}

fn may_be_from(session: &Session, header: &[u8], address: &str) -> Result<bool, Refusal> {
    let engine = &session.service.engine;
    if mail::may_use(session, address)? {
        return Ok(true);
    }
    let (_, domain) = address.rsplit_once('@').ok_or(Refusal::NotYourFrom)?;
    if !engine.directory().has_domain(domain)? {
        return Ok(true);
    }
    let Some(user) = &session.link.user else {
        return Ok(false);
    };
    match engine.may_send(user, address)? {
        Authorship::Own | Authorship::As => Ok(true),
        Authorship::OnBehalf => says_who_sends(session, header),
        Authorship::None => Ok(false),
    }
}

/// Whether Sender is the submitter (RFC 5322 §3.6.2).
fn says_who_sends(session: &Session, header: &[u8]) -> Result<bool, Refusal> {
    let fields = letter::fields(header, "Sender");
    let [field] = fields.as_slice() else {
        return Ok(false);
    };
    let (entries, _) = list::parse(field, FROM_ENTRIES_MAX);
    let [Entry::Mailbox { local, domain, .. }] = entries.as_slice() else {
        return Ok(false);
    };
    let address = [local.as_slice(), b"@", domain].concat();
    let address = String::from_utf8(address).map_err(|_| Refusal::NotYourFrom)?;
    Ok(mail::may_use(session, &address)?)
}

fn envelope(session: &mut Session) -> Result<Envelope, Refusal> {
    let arrival = arrival(session);
    let is_lmtp = session.service.role == Role::Lmtp;
    let submitter = session.link.user.clone();
    let transaction = session.transaction.as_ref().ok_or(Refusal::WrongOrder)?;
    let parameters = &transaction.parameters;
    Ok(Envelope {
        sender: transaction
            .sender
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        recipients: transaction.recipients.clone(),
        envelope_id: parameters.envelope_id.clone(),
        returning: match parameters.report {
            None => Return::Unspecified,
            Some(parameter::Return::Full) => Return::Full,
            Some(parameter::Return::Headers) => Return::Headers,
        },
        needs_utf8: parameters.utf8,
        wishes: wishes(parameters, session.service.engine.now()),
        submitter,
        arrival,
        failing: if is_lmtp {
            Failing::Single
        } else {
            Failing::Whole
        },
    })
}

fn wishes(parameters: &MailParameters, now: Timestamp) -> Wishes {
    Wishes {
        needs_tls: parameters.require_tls,
        deliver_by: parameters.deliver_by.map(|by| DeliverBy {
            at: now.plus_seconds(by.seconds),
            late: if by.returns {
                Late::Return
            } else {
                Late::Notify
            },
            trace: by.trace,
        }),
        priority: parameters.priority.unwrap_or_default(),
        hold_until: mail::hold_until(parameters, now),
        hold_seconds: match parameters.hold {
            Some(Hold::For(seconds)) => Some(seconds),
            _ => None,
        },
        copy: None,
    }
}

fn arrival(session: &Session) -> Arrival {
    // A program of this machine may call itself what it likes; who runs it is known.
    let local = session.local_user();
    let greeting = match (local, &session.hello) {
        (Some(user), _) => user.name.clone(),
        (None, Some((_, name))) => name.clone(),
        (None, None) => String::new(),
    };
    let tls = session
        .link
        .peer
        .as_ref()
        .and_then(|peer| peer.tls.as_ref());
    Arrival {
        greeting,
        peer: session
            .link
            .peer
            .as_ref()
            .filter(|_| local.is_none())
            .map(|peer| peer.remote.ip()),
        way: way(session),
        tls: tls.map(|tls| (tls.version, tls.cipher)),
        letter: session
            .transaction
            .as_ref()
            .and_then(|transaction| transaction.name.clone()),
        is_ours: local.is_some(),
        examined: session
            .transaction
            .as_ref()
            .map(|transaction| transaction.examined.clone())
            .unwrap_or_default(),
    }
}

/// The name of the way in Received. Sources: RFC 3848, RFC 6531 §4.3.
fn way(session: &Session) -> &'static str {
    let kind = session
        .hello
        .as_ref()
        .map_or(Hello::Plain, |(kind, _)| *kind);
    let is_utf8 = session
        .transaction
        .as_ref()
        .is_some_and(|all| all.parameters.utf8);
    let is_encrypted = session.link.is_encrypted();
    let has_signed_in = session.link.user.is_some() && session.local_user().is_none();
    match (kind, is_utf8, is_encrypted, has_signed_in) {
        (Hello::Plain, ..) => "SMTP",
        (Hello::Local, false, false, _) => "LMTP",
        (Hello::Local, false, true, _) => "LMTPS",
        (Hello::Local, true, false, _) => "UTF8LMTP",
        (Hello::Local, true, true, _) => "UTF8LMTPS",
        (Hello::Extended, false, false, false) => "ESMTP",
        (Hello::Extended, false, true, false) => "ESMTPS",
        (Hello::Extended, false, false, true) => "ESMTPA",
        (Hello::Extended, false, true, true) => "ESMTPSA",
        (Hello::Extended, true, false, false) => "UTF8SMTP",
        (Hello::Extended, true, true, false) => "UTF8SMTPS",
        (Hello::Extended, true, false, true) => "UTF8SMTPA",
        (Hello::Extended, true, true, true) => "UTF8SMTPSA",
    }
}

/// The commit has ended: only now is the letter acknowledged.
pub(crate) fn settled(
    session: &mut Session,
    delivered: &Delivered,
    result: Result<(), StoreError>,
) {
    if let Err(error) = result {
        return refuse(session, &Refusal::Engine(error.into()));
    }
    let Some(transaction) = session.transaction.take() else {
        return;
    };
    log(
        session,
        "letter delivered",
        &transaction,
        &delivered.letter,
        &results(delivered),
    );
    for note in &delivered.notes {
        let facts = vec![("letter", delivered.letter.clone()), ("note", note.clone())];
        session.link.log(Level::Info, "script", facts);
    }
    if session.service.role != Role::Lmtp {
        return reply::line(
            &mut session.link.replies,
            250,
            "2.0.0",
            &["Ok: ", &delivered.letter],
        );
    }
    for outcome in &delivered.outcomes {
        match outcome {
            Outcome::Refused(error) => session.say_no(&Refusal::Engine(error.clone())),
            _ => reply::line(
                &mut session.link.replies,
                250,
                "2.0.0",
                &["Ok: ", &delivered.letter],
            ),
        }
    }
}

/// Nobody gets the letter: one reply, or in LMTP one for each recipient.
pub(crate) fn refuse(session: &mut Session, refusal: &Refusal) {
    let Some(transaction) = session.transaction.take() else {
        return session.refuse(refusal);
    };
    let Reply { text, .. } = refusal.reply();
    if !transaction.recipients.is_empty() {
        log(session, "letter refused", &transaction, "", text);
    }
    if session.service.role == Role::Lmtp {
        (1..transaction.recipients.len()).for_each(|_| session.say_no(refusal));
    }
    session.refuse(refusal);
}

/// The one line of the log for a letter.
fn log(
    session: &mut Session,
    event: &'static str,
    transaction: &Transaction,
    letter: &str,
    result: &str,
) {
    let sender = transaction
        .sender
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let named: Vec<&str> = transaction
        .recipients
        .iter()
        .take(LOGGED_RECIPIENTS)
        .map(|recipient| recipient.address.as_str())
        .collect();
    let mut facts = vec![
        ("letter", letter.to_owned()),
        ("from", sender),
        ("to", named.join(" ")),
        ("recipients", transaction.recipients.len().to_string()),
        ("size", transaction.received_bytes.to_string()),
        ("result", result.to_owned()),
    ];
    facts.extend(transaction.examined.facts.iter().cloned());
    session.link.log(Level::Info, event, facts);
}

/// `delivered 2 queued 1`.
fn results(delivered: &Delivered) -> String {
    let count = |wanted: fn(&Outcome) -> bool| {
        delivered
            .outcomes
            .iter()
            .filter(|outcome| wanted(outcome))
            .count()
    };
    let counts = [
        (
            "delivered",
            count(|outcome| matches!(outcome, Outcome::Delivered(_))),
        ),
        (
            "queued",
            count(|outcome| matches!(outcome, Outcome::Queued)),
        ),
        (
            "refused",
            count(|outcome| matches!(outcome, Outcome::Refused(_))),
        ),
    ];
    let said: Vec<String> = counts
        .into_iter()
        .filter(|(_, number)| *number > 0)
        .map(|(what, number)| format!("{what} {number}"))
        .collect();
    said.join(" ")
}
