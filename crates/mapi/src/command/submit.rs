//! Sending messages.
//!
//! A message goes the way of everything that users submit: the same rules say who may write as whom
//! and to whom, the same queue takes it. The copy without hidden recipients goes out, the one with
//! them is filed. One's own name is put where the message says none.
//!
//! Start at [`submit`].
//!
//! What is to be sent later waits in the queue, and its copy where it was written, marked as
//! submitted: until then [`abort`] takes both back.
//!
//! Source: [MS-OXOMSG] 3.2.5.1 (submission), 2.2.3.10 (where the copy goes), 3.2.4.3.2 (later),
//! 2.2.4.2 (taking back).

use super::{Done, Place, message, save};
use crate::codec::data::{EntryId, FileTime, ServerId, Value};
use crate::codec::rop::property::{
    AbortSubmit, AddressTypes, Options, TransportFolder, TransportSent,
};
use crate::codec::rop::{Request, Response};
use crate::codec::wire::Nothing;
use crate::content::{Content, Recipient as To, text_of};
use crate::convert::Blind;
use crate::convert::read::Person;
use crate::draft::Base;
use crate::identity;
use crate::object::Logon;
use crate::refusal::Refusal;
use crate::request::Session;
use bytes::Bytes;
use engine::delivery::{Arrival, Failing};
use engine::directory::May;
use engine::examination::{Decision, Examination};
use engine::queue::{Filing, Notify, Return, WaitingCopy, Wishes, Withdrawal};
use engine::traffic::Permission;
use engine::{
    Account, Authorship, EngineError, Envelope, FlagChange, FlagSet, Flags, FolderId, ItemKey,
    PlaceId, Reading, Recipient, Resolution, Rights, Role, Staged, Timestamp, Transfer, Txn, User,
};
use formats::message::header;

/// Recipients of one letter, as for all submission.
const RECIPIENTS_MAX: usize = 1000;
/// It was sent to them before.
const SENT_BEFORE: u8 = 0x80;
/// Not to be sent before that time. Source: [MS-OXOMSG] 2.2.3.3, 2.2.3.9.
const DEFERRED: [u16; 2] = [0x3fef, 0x000f];
/// Where the copy goes, and whether it goes at all.
const SENT_FOLDER: u16 = 0x6740;
const SENT_FOLDER_ENTRY: u16 = 0x0e0a;
const DELETE_AFTERWARDS: u16 = 0x0e01;

/// `RopSubmitMessage` and `RopTransportSend`: what was changed is saved first. Delivery and the
/// sender's own copy are one commit. What was submitted is so only once.
pub(super) fn submit(session: &mut Session, at: Place, which: &Request) -> Result<Done, Refusal> {
    let open = session.objects.message(at.logon_id, at.handle)?;
    if !open.may_write || open.parent.is_some() {
        return Err(Refusal::AccessDenied);
    }
    let kept = match &open.base {
        Base::Stored { item, .. } => Some(*item),
        Base::New { .. } | Base::Content(_) => None,
    };
    let content = message::look(session, at, |message, _| message.content())?;
    let logon = session.objects.logon(at.logon_id)?.clone();
    if kept.map(|item| waits(&logon, item)).transpose()? == Some(true) {
        return Err(Refusal::Submitted);
    }
    let user = user(&logon)?;
    let (people, envelope) = check(&logon, &user, &content)?;
    let open = session.objects.message(at.logon_id, at.handle)?;
    for (id, value) in people {
        open.set(id, Some(value));
    }
    save::keep(session, at, true).map_err(too_long)?;
    let content = message::look(session, at, |message, _| message.content())?;
    let open = session.objects.message(at.logon_id, at.handle)?;
    let Base::Stored { item, .. } = open.base else {
        return Err(Refusal::Failed);
    };
    let mut bytes = Vec::new();
    save::compose(&logon, &content, Blind::LeftOut, &mut bytes)?;
    let (mut envelope, letter) = examined(session, &logon, envelope, &bytes)?;
    let filing = filing(&logon, &content)?;
    if envelope.wishes.hold_until.is_some() {
        let copy = WaitingCopy { item, filing };
        envelope.wishes.copy = Some((logon.account.id(), copy));
    }
    send(&logon, filing, item, &envelope, &letter)?;
    Ok(Done::said(match which {
        Request::TransportSend(_) => Response::TransportSend(TransportSent(None)),
        _ => Response::SubmitMessage(Nothing),
    }))
}

/// What is too long to be kept is too long to be sent.
fn too_long(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::TooBig => Refusal::TooLongToSend,
        other => other,
    }
}

/// Who sends.
fn user(logon: &Logon) -> Result<User, Refusal> {
    let account = logon.account.origin().actor;
    let found = logon.account.engine().directory().account(account)?;
    let found = found.ok_or(Refusal::UnknownUser)?;
    Ok(User {
        account,
        address: found.record.address.clone(),
        administrator: false,
    })
}

type People = Vec<(u16, Value)>;

/// Checks who sends, as whom and to whom; answers what the message is to say of that, and the
/// envelope.
fn check(logon: &Logon, user: &User, content: &Content) -> Result<(People, Envelope), Refusal> {
    let engine = logon.account.engine();
    let sender = Person {
        name: name_of(logon, user)?,
        address: user.address.clone(),
    };
    let author = author(logon, content)?.unwrap_or_else(|| sender.clone());
    let sender = match authorship(logon, user, &author)? {
        // Who may write as that one need not be told of.
        Authorship::Own | Authorship::As => author.clone(),
        Authorship::OnBehalf | Authorship::None => sender,
    };
    let recipients = recipients(logon, user, content)?;
    let count = u32::try_from(recipients.len()).unwrap_or(u32::MAX);
    let allowance = &engine.settings().traffic;
    let permission = engine
        .traffic()
        .send(user.account, count, allowance, engine.now());
    if !matches!(permission, Permission::Yes) {
        return Err(Refusal::AccessDenied);
    }
    let now = engine.now();
    let mut people = said(&sender, [0x0c1a, 0x0c1e, 0x0c1f, 0x5d01, 0x0c19, 0x0c1d]);
    people.extend(said(
        &author,
        [0x0042, 0x0064, 0x0065, 0x5d02, 0x0041, 0x003b],
    ));
    people.push((0x0039, Value::Time(FileTime::from_unix(now.0))));
    let envelope = Envelope {
        sender: user.address.clone(),
        recipients,
        envelope_id: None,
        returning: Return::default(),
        needs_utf8: false,
        wishes: Wishes {
            hold_until: deferred(content).filter(|until| *until > now),
            ..Wishes::default()
        },
        submitter: Some(user.clone()),
        arrival: Arrival {
            way: "MAPI",
            ..Arrival::default()
        },
        failing: Failing::Whole,
    };
    Ok((people, envelope))
}

/// How the user may write in that name. As in all submission, an author elsewhere is let through:
/// the envelope says who sent it on.
fn authorship(logon: &Logon, user: &User, author: &Person) -> Result<Authorship, Refusal> {
    let engine = logon.account.engine();
    let authorship = engine.may_send(user, &author.address)?;
    let domain = author.address.rsplit_once('@');
    let domain = domain.map_or("", |(_, domain)| domain);
    let is_ours = domain.is_empty() || engine.directory().has_domain(domain)?;
    if authorship == Authorship::None && is_ours {
        return Err(Refusal::SendAsDenied);
    }
    Ok(authorship)
}

fn name_of(logon: &Logon, user: &User) -> Result<String, Refusal> {
    let found = logon.account.engine().directory().account(user.account)?;
    let name = found.map(|found| found.record.display_name.clone());
    Ok(name
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| user.address.clone()))
}

/// Whom the message says it is from, if it does.
fn author(logon: &Logon, content: &Content) -> Result<Option<Person>, Refusal> {
    let text = |id| text_of(&content.values, id).filter(|text| !text.is_empty());
    let address = match (text(0x0064), text(0x5d02)) {
        (_, Some(address)) => Some(address.to_owned()),
        (Some("EX"), None) => text(0x0065)
            .map(|name| address_of(&logon.account, name))
            .transpose()?
            .flatten(),
        (_, None) => text(0x0065).map(str::to_owned),
    };
    let name = text(0x0042).map(str::to_owned);
    Ok(address.map(|address| Person {
        name: name.unwrap_or_else(|| address.clone()),
        address,
    }))
}

/// The Internet address behind a distinguished name of this server.
fn address_of(account: &Account, name: &str) -> Result<Option<String>, Refusal> {
    let Some(number) = identity::account_of(name) else {
        return Ok(None);
    };
    let found = account.engine().directory().account(number)?;
    Ok(found.map(|found| found.record.address.clone()))
}

/// What a message says of someone: name, type, address twice, entry id and search key.
fn said(person: &Person, [name, kind, address, smtp, entry, key]: [u16; 6]) -> People {
    let text = |text: &str| Value::Unicode(text.to_owned());
    vec![
        (name, text(&person.name)),
        (kind, text("SMTP")),
        (address, text(&person.address)),
        (smtp, text(&person.address)),
        (entry, person.entry_id()),
        (key, person.search_key()),
    ]
}

/// Who gets it, each with where that leads.
fn recipients(logon: &Logon, user: &User, content: &Content) -> Result<Vec<Recipient>, Refusal> {
    let engine = logon.account.engine();
    let mut all = Vec::new();
    for recipient in &content.recipients {
        if recipient.kind & SENT_BEFORE != 0 {
            continue;
        }
        let address = address_to(logon, recipient)?.ok_or(Refusal::InvalidRecipients)?;
        let resolution = engine.resolve(&address)?;
        if matches!(*resolution, Resolution::Unknown) {
            return Err(Refusal::InvalidRecipients);
        }
        let resolution = match engine.directory().may_write(&user.address, &address)? {
            May::Yes => resolution,
            May::Moderated(moderators) => moderators,
            May::No => return Err(Refusal::InvalidRecipients),
        };
        match engine.check_recipient(&resolution, save::size_of(content)) {
            Err(EngineError::OverQuota) => return Err(Refusal::InvalidRecipients),
            checked => checked?,
        }
        all.push(Recipient {
            address,
            resolution,
            notify: Notify::USUAL,
            original: None,
        });
    }
    match all.len() {
        0 => Err(Refusal::NoRecipients),
        1..=RECIPIENTS_MAX => Ok(all),
        _ => Err(Refusal::TooManyRecipients),
    }
}

fn address_to(logon: &Logon, recipient: &To) -> Result<Option<String>, Refusal> {
    let text = |id| text_of(&recipient.values, id).filter(|text| !text.is_empty());
    if let Some(address) = text(0x39fe) {
        return Ok(Some(address.to_owned()));
    }
    match (text(0x3002), text(0x3003)) {
        (Some("EX"), Some(name)) => address_of(&logon.account, name),
        (_, Some(address)) if address.contains('@') => Ok(Some(address.to_owned())),
        _ => Ok(None),
    }
}

fn deferred(content: &Content) -> Option<Timestamp> {
    let time = |id: &u16| match content.values.get(id) {
        Some(Value::Time(time)) => Some(Timestamp(time.to_unix())),
        _ => None,
    };
    DEFERRED.iter().find_map(time)
}

fn staged(logon: &Logon, bytes: &[u8]) -> Result<Staged, EngineError> {
    let mut upload = logon.account.upload()?;
    upload.write(bytes)?;
    upload.finish()
}

/// Has the letter looked at, as all that users submit is, before it is taken.
fn examined(
    session: &Session,
    logon: &Logon,
    mut envelope: Envelope,
    bytes: &[u8],
) -> Result<(Envelope, Staged), Refusal> {
    let letter = staged(logon, bytes).map_err(|error| too_long(error.into()))?;
    let Some(examiner) = &session.examiner else {
        return Ok((envelope, letter));
    };
    let header = bytes.get(..header::length(bytes)).unwrap_or_default();
    let recipients = envelope.recipients.iter();
    let found = examiner.examine(&Examination {
        peer: None,
        greeting: String::new(),
        sender: envelope.sender.clone(),
        recipients: recipients.map(|one| one.address.clone()).collect(),
        submitter: envelope.submitter.clone(),
        is_encrypted: true,
        header: Bytes::copy_from_slice(header),
        letter: letter.clone(),
    });
    match found.decision {
        Decision::Accept | Decision::Quarantine => {}
        Decision::Defer(_) => return Err(Refusal::Busy),
        Decision::Refuse(_) => return Err(Refusal::Rejected),
    }
    let rewritten = found.rewritten.as_ref();
    let letter = rewritten.map_or(letter, |rewritten| rewritten.letter.clone());
    envelope.arrival.examined = found;
    Ok((envelope, letter))
}

/// What becomes of what was sent, as the message wants it; where it says nothing, it goes to all
/// that was sent.
fn filing(logon: &Logon, content: &Content) -> Result<Filing, Refusal> {
    if content.values.get(&DELETE_AFTERWARDS) == Some(&Value::Boolean(true)) {
        return Ok(Filing::Remove);
    }
    let sent = logon.account.read()?.folder_with_role(Role::Sent)?;
    let folder = sent_folder(content).or(sent.map(|(folder, _)| folder));
    Ok(folder.map_or(Filing::Stay, Filing::Move))
}

/// Hands the letter over and files what was sent, or marks it if it waits. Nothing is said before
/// that is settled.
fn send(
    logon: &Logon,
    filing: Filing,
    item: ItemKey,
    envelope: &Envelope,
    letter: &Staged,
) -> Result<(), Refusal> {
    let waits = envelope.wishes.copy.is_some();
    let engine = logon.account.engine();
    let done = engine.deliver_and_file(envelope, letter, &logon.account, |txn| {
        let at = txn.location(item)?.ok_or(EngineError::NoSuchItem)?;
        if waits {
            check_filing(txn, filing, at.folder)?;
            let marks = FlagSet::from(Flags::SUBMIT_PENDING | Flags::SEEN);
            return txn.set_flags(at, &FlagChange::add(marks)).map(drop);
        }
        if filing == Filing::Remove {
            return txn.expunge(at);
        }
        let change = FlagChange::remove(FlagSet::from(Flags::DRAFT | Flags::SUBMIT_PENDING));
        txn.set_flags(at, &change)?;
        txn.set_flags(at, &FlagChange::add(FlagSet::from(Flags::SEEN)))?;
        match filing {
            Filing::Move(folder) if folder != at.folder => {
                txn.transfer(Transfer::Move, at, folder).map(drop)
            }
            _ => Ok(()),
        }
    })?;
    done.wait()?;
    Ok(())
}

/// Whether who sends may do later with a copy what is to become of it.
fn check_filing(txn: &Txn<'_, '_>, filing: Filing, from: FolderId) -> Result<(), EngineError> {
    let (folder, needed) = match filing {
        Filing::Move(to) if to != from => (to, Rights::INSERT),
        Filing::Remove => (from, Rights::EXPUNGE),
        Filing::Move(_) | Filing::Stay => return Ok(()),
    };
    txn.folder_with_rights(folder, needed).map(drop)
}

/// Whether a message was submitted and still waits.
fn waits(logon: &Logon, item: ItemKey) -> Result<bool, Refusal> {
    let view = logon.account.read()?;
    let Some(at) = view.location(item)? else {
        return Ok(false);
    };
    let row = view.item(at)?;
    Ok(row.is_some_and(|row| row.flags.contains(Flags::SUBMIT_PENDING)))
}

fn sent_folder(content: &Content) -> Option<FolderId> {
    let by_id = match content.values.get(&SENT_FOLDER) {
        Some(Value::ServerId(bytes) | Value::Binary(bytes)) => folder_of_server_id(bytes),
        _ => None,
    };
    let by_entry = || match content.values.get(&SENT_FOLDER_ENTRY) {
        Some(Value::Binary(bytes)) => match EntryId::from_bytes(bytes) {
            Ok(EntryId::Folder(entry)) => Some(FolderId(entry.counter.number())),
            _ => None,
        },
        _ => None,
    };
    by_id.or_else(by_entry)
}

fn folder_of_server_id(bytes: &[u8]) -> Option<FolderId> {
    let ServerId::Ours { folder, .. } = ServerId::from_bytes(bytes).ok()? else {
        return None;
    };
    identity::number_of(folder).map(FolderId)
}

/// `RopAbortSubmit`: what is to be sent later can be taken back until its time has come. What was
/// sent at once is nowhere to be taken back from.
///
/// Source: [MS-OXOMSG] 2.2.4.2.
pub(super) fn abort(
    session: &mut Session,
    at: Place,
    request: &AbortSubmit,
) -> Result<Done, Refusal> {
    let logon = session.objects.logon(at.logon_id)?;
    let folder = identity::number_of(request.folder).map(FolderId);
    let place = identity::number_of(request.message).ok_or(Refusal::NotFound)?;
    let found = logon.account.read()?.item_at_place(PlaceId(place))?;
    let found = found.filter(|(at, _)| Some(at.folder) == folder);
    let (_, row) = found.ok_or(Refusal::NotFound)?;
    let withdrawn = logon.account.write(|txn| txn.withdraw(row.item))?;
    match withdrawn.wait()? {
        Withdrawal::Done => Ok(Done::said(Response::AbortSubmit(Nothing))),
        Withdrawal::TooLate => Err(Refusal::UnableToAbort),
        Withdrawal::NotQueued => Err(Refusal::NotInQueue),
    }
}

/// `RopGetAddressTypes`
pub(super) fn address_types(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    session.objects.logon(at.logon_id)?;
    let types = AddressTypes(vec!["EX".into(), "SMTP".into()]);
    Ok(Done::said(Response::AddressTypes(types)))
}

/// `RopGetTransportFolder`: where a client puts what it wants sent.
pub(super) fn folder(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    let view = session.objects.logon(at.logon_id)?.account.read()?;
    let outbox = view.folder_with_role(Role::Outbox)?;
    let (outbox, _) = outbox.ok_or(Refusal::NotFound)?;
    let folder = identity::folder_id(outbox);
    Ok(Done::said(Response::TransportFolder(TransportFolder {
        folder,
    })))
}

/// `RopOptionsData`: addresses have no options.
pub(super) fn options(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    session.objects.logon(at.logon_id)?;
    Ok(Done::said(Response::OptionsData(Options {
        reserved: 0,
        options: Bytes::new(),
        help_file: Bytes::new(),
        help_file_name: None,
    })))
}

/// The operations of a client's own spooler: this server sends by itself, so that there is nothing
/// to be held.
pub(super) fn spooler(session: &mut Session, at: Place, which: &Request) -> Result<Done, Refusal> {
    session.objects.logon(at.logon_id)?;
    Ok(Done::said(match which {
        Request::SpoolerLockMessage(_) => Response::SpoolerLockMessage(Nothing),
        Request::TransportNewMail(_) => Response::TransportNewMail(Nothing),
        _ => Response::SetSpooler(Nothing),
    }))
}
