//! What a recipient's scripts want done, carried out within the commit.
//!
//! May be run again after a conflict, so it only reads and changes the transaction. Nothing that a
//! script asks for can make the commit fail: a mailbox that cannot be had is the inbox instead.
//!
//! Standards: RFC 5228 §4.1, §4.2, RFC 5230 §4.2, RFC 8580.

use super::filtering::{Deed, Written};
use super::forwarding;
use super::marks;
use super::place::Plan;
use super::surroundings::{find_mailbox, path_of};
use crate::account::{MAIL_ROOT, has_room_for_folder};
use crate::directory::Mailbox;
use crate::error::EngineError;
use crate::filter::{Filing, Mark, Submission};
use crate::queue::{DeliverBy, Late, Notify, QueuedLetter, QueuedRecipient, Return};
use crate::search::thread::conversation_names;
use crate::upload::Staged;
use bytes::Bytes;
use store::id::{AccountId, FolderId, Timestamp};
use store::model::{
    Body, FlagSet, Flags, Keywords, Name, NewFolder, NewItem, QueueItem, Reads, Receipt, Role, Txn,
};

/// Does all of it; answers what was put into mailboxes.
pub(super) fn carry_out(
    plan: &Plan<'_>,
    txn: &mut Txn<'_>,
    mailbox: &Mailbox,
    deeds: &[Deed],
) -> Result<Vec<Receipt>, EngineError> {
    let account = mailbox.account;
    let mut receipts: Vec<Receipt> = Vec::new();
    for deed in deeds {
        match deed {
            Deed::Store {
                filing,
                flags,
                letter,
            } => {
                let wanted = filing.as_ref();
                let found = wanted.map(|filing| folder_of(plan, txn, account, filing));
                let folder = match found.transpose()?.flatten() {
                    Some(folder) => folder,
                    None => plan.usual_folder(txn, mailbox)?,
                };
                // A letter is put into one mailbox once, whatever the script says (RFC 5228
                // §2.10.3).
                if receipts.iter().any(|known| known.at.folder == folder) {
                    continue;
                }
                let flags = flag_set(plan, txn, account, flags)?;
                let item = NewItem {
                    flags,
                    ..plan.item(mailbox, letter, folder)
                };
                receipts.push(txn.insert_item(account, &item)?);
            }
            Deed::Redirect {
                address,
                submission,
                letter,
            } => {
                let queued = redirected(plan, mailbox, address, submission);
                put_into_queue(plan, txn, account, &queued, letter)?;
            }
            Deed::Send(written) => receipts.extend(send(plan, txn, account, written)?),
            Deed::Onward(index) => go_on(plan, txn, *index)?,
            Deed::Remember(mark, seconds) => marks::remember(txn, account, mark, *seconds)?,
        }
    }
    Ok(receipts)
}

/// Sends a letter that was written here; answers the copy of it that is kept.
fn send(
    plan: &Plan<'_>,
    txn: &mut Txn<'_>,
    account: AccountId,
    letter: &Written,
) -> Result<Option<Receipt>, EngineError> {
    if !is_new(plan, txn, account, letter.once)? {
        return Ok(None);
    }
    for &index in &letter.onward {
        go_on(plan, txn, index)?;
    }
    if !letter.recipients.is_empty() {
        let queued = written(plan, &letter.recipients);
        put_into_queue(plan, txn, account, &queued, &letter.letter)?;
    }
    keep_copy(plan, txn, account, letter)
}

/// Delivers a letter that goes on to someone here.
fn go_on(plan: &Plan<'_>, txn: &mut Txn<'_>, index: usize) -> Result<(), EngineError> {
    match plan.onward.get(index) {
        Some(onward) => onward.carry_out(txn).map(drop),
        None => Ok(()),
    }
}

/// Whether something is to be sent that is sent once in a while; then it is remembered.
fn is_new(
    plan: &Plan<'_>,
    txn: &mut Txn<'_>,
    account: AccountId,
    once: Option<(Mark, u64)>,
) -> Result<bool, EngineError> {
    let Some((mark, seconds)) = once else {
        return Ok(true);
    };
    // Another letter may have been answered since the script looked.
    if marks::has(txn, account, &mark, plan.now)? {
        return Ok(false);
    }
    marks::remember(txn, account, &mark, seconds)?;
    Ok(true)
}

/// The copy of what was sent, where its owner wants one. Source: RFC 8580.
fn keep_copy(
    plan: &Plan<'_>,
    txn: &mut Txn<'_>,
    account: AccountId,
    letter: &Written,
) -> Result<Option<Receipt>, EngineError> {
    let Some(filing) = &letter.copy else {
        return Ok(None);
    };
    let Some(folder) = folder_of(plan, txn, account, filing)? else {
        return Ok(None);
    };
    let wanted = filing.flags.as_deref().unwrap_or_default();
    let flags = flag_set(plan, txn, account, wanted)?;
    let item = NewItem {
        flags,
        ..own_item(&letter.letter, folder)
    };
    Ok(Some(txn.insert_item(account, &item)?))
}

/// A letter that was written here.
fn own_item(letter: &Staged, folder: FolderId) -> NewItem {
    NewItem {
        body: Some(Body::Staged(letter.body().clone())),
        summary: letter.summary().clone(),
        sent: letter.sent(),
        names: conversation_names(letter.summary()),
        ..NewItem::mail(folder)
    }
}

/// The mailbox that a script means, made if the script wants that; `None` when it cannot be had.
pub(super) fn folder_of(
    plan: &Plan<'_>,
    txn: &mut Txn<'_>,
    account: AccountId,
    filing: &Filing,
) -> Result<Option<FolderId>, EngineError> {
    if let Some(found) = find_mailbox(txn, account, filing)? {
        return Ok(Some(found));
    }
    let limits = plan.engine.settings().limits;
    let path = path_of(&filing.mailbox);
    let is_fit = |name: &&str| {
        name.len() <= limits.folder_name_bytes_max && !name.chars().any(char::is_control)
    };
    let folders = txn.account_row(account)?.map_or(0, |row| row.folders);
    let has_room = usize::try_from(folders).is_ok_and(|count| count < limits.folders_max);
    let fits = path.len() < limits.folder_depth_max && path.iter().all(is_fit) && has_room;
    if !filing.create || path.is_empty() || !fits {
        return Ok(None);
    }
    let mut parent = MAIL_ROOT;
    let mut names = path.as_slice();
    if let [first, below @ ..] = names
        && first.eq_ignore_ascii_case("INBOX")
        && let Some((inbox, _)) = txn.folder_with_role(account, Role::Inbox)?
    {
        (parent, names) = (inbox, below);
    }
    for name in names {
        if let Some((known, _)) = txn.child(account, Some(parent), name)? {
            parent = known;
            continue;
        }
        let state = txn.account_row(account)?.unwrap_or_default();
        if !has_room_for_folder(txn, account, &state)? {
            return Ok(None);
        }
        let new = NewFolder {
            parent: Some(parent),
            name: (*name).to_owned(),
            ..NewFolder::default()
        };
        parent = txn.create_folder(account, &new)?;
    }
    Ok(Some(parent))
}

/// Flags and keywords of these names; what can be neither is passed over. Source: RFC 5232 §2.
pub(super) fn flag_set(
    plan: &Plan<'_>,
    txn: &mut Txn<'_>,
    account: AccountId,
    names: &[String],
) -> Result<FlagSet, EngineError> {
    let mut flags = Flags::NONE;
    let mut keywords = Vec::new();
    for name in names {
        let system = name.strip_prefix('\\');
        let known = Flags::NAMES.iter().find(|(_, known)| {
            let is_system = !known.starts_with('$');
            match system {
                Some(name) => is_system && known.eq_ignore_ascii_case(name),
                None => !is_system && known.eq_ignore_ascii_case(name),
            }
        });
        if let Some((flag, _)) = known {
            flags = flags | *flag;
        } else if system.is_none() && is_keyword(name) {
            keywords.extend(keyword(plan, txn, account, name)?);
        }
    }
    Ok(FlagSet {
        flags,
        keywords: keywords.into_iter().collect::<Keywords>(),
    })
}

/// An atom (RFC 9051 §9).
fn is_keyword(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"(){%*\"\\]".contains(&b))
}

fn keyword(
    plan: &Plan<'_>,
    txn: &mut Txn<'_>,
    account: AccountId,
    name: &str,
) -> Result<Option<u32>, EngineError> {
    let name = Name::Keyword(name.to_owned());
    if let Some(number) = txn.number_of(account, &name)? {
        return Ok(Some(number));
    }
    let next = txn.account_row(account)?.map_or(0, |row| row.next_keyword);
    let max = plan.engine.settings().limits.keywords_max;
    if usize::try_from(next).is_ok_and(|next| next > max) {
        return Ok(None);
    }
    Ok(Some(txn.intern(account, &name)?))
}

/// The letter sent on: from whom it came, with a mark that it was here.
fn redirected(
    plan: &Plan<'_>,
    mailbox: &Mailbox,
    address: &str,
    submission: &Submission,
) -> QueuedLetter {
    let notify = submission.notify.unwrap_or(Notify::USUAL);
    let mut letter = plan.queued_letter(vec![recipient(address, notify)]);
    letter.returning = submission.returning.unwrap_or(letter.returning);
    letter.deliver_by = deliver_by(plan, submission).or(letter.deliver_by);
    letter.needs_utf8 |= !address.is_ascii();
    let ours = mailbox
        .address
        .rsplit_once('@')
        .map_or("", |(_, domain)| domain);
    if let Some(sender) = forwarding::rewritten(plan.engine, &letter.sender, ours) {
        letter.sender = sender;
    }
    // What was found goes first, so that it is sealed for those who get the letter (RFC 8617 §5).
    letter.prefix = Bytes::from(format!(
        "{}Delivered-To: {}\r\n{}",
        plan.examined_elsewhere(),
        mailbox.address,
        plan.received
    ));
    letter
}

/// Until when a letter is to arrive that is sent on (RFC 6009 §6).
fn deliver_by(plan: &Plan<'_>, submission: &Submission) -> Option<DeliverBy> {
    let seconds = submission.deliver_by_seconds?;
    let after = seconds.saturating_mul(Timestamp::PER_SECOND);
    Some(DeliverBy {
        at: Timestamp(plan.now.0.saturating_add(after)),
        late: if submission.return_when_late {
            Late::Return
        } else {
            Late::Notify
        },
        trace: submission.traces,
    })
}

/// A letter that was written here; nobody is told when it cannot be delivered.
fn written(plan: &Plan<'_>, recipients: &[String]) -> QueuedLetter {
    let never = Notify {
        never: true,
        ..Notify::default()
    };
    let recipients: Vec<_> = recipients.iter().map(|to| recipient(to, never)).collect();
    let needs_utf8 = recipients
        .iter()
        .any(|recipient| !recipient.address.is_ascii());
    QueuedLetter {
        letter: plan.engine.new_letter_name(),
        sender: String::new(),
        envelope_id: None,
        returning: Return::Headers,
        needs_utf8,
        prefix: Bytes::new(),
        is_ours: true,
        ..plan.queued_letter(recipients)
    }
}

fn recipient(address: &str, notify: Notify) -> QueuedRecipient {
    QueuedRecipient {
        address: address.to_owned(),
        notify,
        original: None,
        answer: None,
    }
}

fn put_into_queue(
    plan: &Plan<'_>,
    txn: &mut Txn<'_>,
    account: AccountId,
    queued: &QueuedLetter,
    letter: &Staged,
) -> Result<(), EngineError> {
    let item = QueueItem {
        due: plan.now,
        envelope: queued.encode(),
        label: queued.label(),
        body: Some(Body::Staged(letter.body().clone())),
    };
    txn.queue_add(account, &item)?;
    Ok(())
}
