//! `APPEND` and `REPLACE`: puts messages into a mailbox, streamed from the wire into the store's
//! spool.
//!
//! Commands that come in a row are committed together: each is answered by its own tagged line, but
//! they wait for the disk once. One with several messages (MULTIAPPEND) is stored whole or not at
//! all. REPLACE removes an old message in the same commit.
//!
//! Start at [`Batch`]. Standards: RFC 9051 §6.3.12; RFC 3502 (MULTIAPPEND); RFC 4315 §3
//! (APPENDUID); RFC 6855 §4 (UTF8); RFC 3516 §4.4 (literal8); RFC 8508 (REPLACE); RFC 5257
//! §4.7 (ANNOTATION).

use super::{Desk, annotation};
use crate::codec::command::AppendMessage;
use crate::codec::mailbox::MailboxName;
use crate::codec::sequence::NumberSet;
use crate::keywords;
use crate::refusal::Refusal;
use crate::shared::Found;
use engine::{
    Account, EngineError, FolderId, Location, NewLetter, Pending, Reading, Rights, Settlement,
    Staged, Timestamp, Txn, Upload,
};

/// Commands that are committed together.
pub(crate) const COMMANDS_MAX: usize = 128;

/// Messages in one command.
pub(crate) const MESSAGES_MAX: usize = 1024;

/// One APPEND whose messages have all come.
pub(crate) struct Append {
    /// Its tag.
    pub(crate) tag: String,
    /// Where to.
    pub(crate) mailbox: MailboxName,
    /// What was said of each message, and its bytes.
    pub(crate) messages: Vec<(AppendMessage, Upload)>,
    /// The message that goes in the same commit.
    pub(crate) replaces: Option<Location>,
}

/// An APPEND that is ready to be stored.
struct Ready {
    tag: String,
    account: Account,
    folder: FolderId,
    uid_validity: u32,
    messages: Vec<(AppendMessage, Staged)>,
    replaces: Option<Location>,
}

/// The answer of each command, to be told when the settlement says so.
pub(crate) struct Stored {
    /// When it is on disk.
    pub(crate) settlement: Settlement,
    /// Tag and answer of each, in the order of the commands.
    pub(crate) answers: Vec<(String, Result<String, Refusal>)>,
    /// One went into the open mailbox, so that its client must be told.
    pub(crate) changes_selected: bool,
    /// One has removed a message of the open mailbox.
    pub(crate) removes: bool,
    /// What is to be told before anything else: a client shall know where the new message is before
    /// the old one goes (RFC 8508 §3.4).
    pub(crate) untagged: String,
}

/// Stores commands that came in a row: in one commit, or one by one if one of them is refused.
pub(crate) fn store(batch: Vec<Append>, desk: &mut Desk<'_>) -> Stored {
    let prepared: Vec<_> = batch
        .into_iter()
        .map(|append| prepare(append, desk))
        .collect();
    let all: Vec<&Ready> = prepared.iter().filter_map(|p| p.as_ref().ok()).collect();
    let selected = desk.state.selected.as_ref();
    let removes = all.iter().any(|ready| ready.replaces.is_some());
    let is_open =
        |ready: &&Ready| selected.is_some_and(|selected| selected.is(&ready.account, ready.folder));
    let changes_selected = removes || all.iter().any(is_open);
    let (mut done, mut settlement) = match together(&all, desk) {
        Ok(pending) => {
            let (uids, settlement) = pending.split();
            (uids.into_iter().map(Ok).collect::<Vec<_>>(), settlement)
        }
        Err(refusal) if all.len() == 1 => (vec![Err(refusal)], Settlement::done()),
        Err(_) => one_by_one(&all),
    };
    if all.is_empty() {
        settlement = Settlement::done();
    }
    done.reverse();
    let mut untagged = String::new();
    let answers = prepared.into_iter().map(|prepared| match prepared {
        Ok(ready) => {
            let uids = done.pop().unwrap_or(Err(Refusal::Busy));
            let answer = uids.map(|uids| answer(&ready, &uids, &mut untagged));
            (ready.tag, answer)
        }
        Err((tag, refusal)) => (tag, Err(refusal)),
    });
    Stored {
        settlement,
        answers: answers.collect(),
        changes_selected,
        removes,
        untagged,
    }
}

/// Commits all at once, which needs them to go into one account.
fn together(all: &[&Ready], desk: &Desk<'_>) -> Result<Pending<Vec<NumberSet>>, Refusal> {
    let account = all.first().map_or(desk.home, |ready| &ready.account);
    if all.iter().any(|ready| ready.account.id() != account.id()) {
        return Err(Refusal::Busy); // Not told: they are committed one by one.
    }
    account.write(|txn| all.iter().map(|ready| insert(txn, ready)).collect())
}

/// Commits each for itself, so that one that is refused does not take the others with it.
fn one_by_one(all: &[&Ready]) -> (Vec<Result<NumberSet, Refusal>>, Settlement) {
    let mut last = Settlement::done();
    let done = all.iter().map(|ready| {
        let (uids, settlement) = ready.account.write(|txn| insert(txn, ready))?.split();
        last = settlement;
        Ok(uids)
    });
    let done = done.collect();
    (done, last)
}

/// Whether messages of together so many bytes can be put into a mailbox: asked before a client that
/// waits is told to send them. What changes meanwhile is noticed when they are stored.
///
/// Errors: no such mailbox, no right to add to it, no room.
pub(crate) fn admit(mailbox: &MailboxName, bytes: u64, desk: &Desk<'_>) -> Result<(), Refusal> {
    let found = target(mailbox, desk)?;
    let view = found.account.read()?;
    view.folder_with_rights(found.folder, Rights::INSERT)?;
    Ok(view.check_quota(bytes)?)
}

fn target(mailbox: &MailboxName, desk: &Desk<'_>) -> Result<Found, Refusal> {
    match desk.find(mailbox) {
        Err(Refusal::Engine(EngineError::NoSuchFolder)) => Err(Refusal::NoTarget),
        found => found,
    }
}

fn prepare(append: Append, desk: &Desk<'_>) -> Result<Ready, (String, Refusal)> {
    let Append {
        tag,
        mailbox,
        messages,
        replaces,
    } = append;
    let found = match target(&mailbox, desk) {
        Err(refusal) => return Err((tag, refusal)),
        Ok(found) => found,
    };
    if replaces.is_some() && found.account.id() != desk.account.id() {
        // It would not be one commit.
        let refusal =
            Refusal::Never("NO [CANNOT] Not possible between mailboxes of different users");
        return Err((tag, refusal));
    }
    let finish = |(head, upload): (AppendMessage, Upload)| Ok((head, upload.finish()?));
    match messages
        .into_iter()
        .map(finish)
        .collect::<Result<Vec<_>, EngineError>>()
    {
        Ok(messages) => Ok(Ready {
            tag,
            account: found.account,
            folder: found.folder,
            uid_validity: found.row.uid_validity,
            messages,
            replaces,
        }),
        Err(error) => Err((tag, error.into())),
    }
}

fn insert(txn: &mut Txn<'_, '_>, ready: &Ready) -> Result<NumberSet, Refusal> {
    let mut uids = NumberSet::default();
    if let Some(old) = ready.replaces {
        // First, so that the new message may take its room.
        let removed = txn.expunge_all(old.folder, &std::iter::once(old.uid).collect())?;
        if removed.is_empty() {
            return Err(Refusal::Expunged);
        }
    }
    for (head, staged) in &ready.messages {
        let letter = NewLetter {
            flags: keywords::to_store(&head.flags, txn)?.set,
            received: head.received.map(|at| Timestamp::from_seconds(at.seconds)),
            received_zone_minutes: head.received.map_or(0, |at| at.zone_minutes),
            ..NewLetter::new(ready.folder, staged)
        };
        let at = txn.append(&letter)?.at;
        if !head.annotations.is_empty() {
            annotation::check_parts_of(&head.annotations, staged.summary())?;
            let changes = annotation::changes(&head.annotations);
            txn.annotate_item(at, &changes)
                .map_err(annotation::worded)?;
        }
        uids.push(at.uid.0);
    }
    Ok(uids)
}

/// The text of the tagged answer. Of REPLACE the place of the new message is told before it.
fn answer(ready: &Ready, uids: &NumberSet, untagged: &mut String) -> String {
    let code = format!("[APPENDUID {} {uids}]", ready.uid_validity);
    if ready.replaces.is_none() {
        return format!("OK {code} APPEND completed");
    }
    untagged.push_str("* OK ");
    untagged.push_str(&code);
    untagged.push_str(" New message is stored\r\n");
    "OK REPLACE completed".to_owned()
}
