//! `SELECT` and `EXAMINE`: opens a mailbox, and brings a client that knew it before up to date.
//!
//! Reads the folder's row and its UIDs as runs, so that the cost does not grow with the number of
//! messages.
//!
//! Standards: RFC 9051 §6.3.2, §6.3.3; RFC 3501 §6.3.1 (RECENT, UNSEEN); RFC 7162 §3.1.2, §3.2.5
//! (QRESYNC); RFC 8474 §4.2 (MAILBOXID); RFC 4467 §8 (URLMECH).

use super::annotation;
use super::context::Contexts;
use super::list::{Telling, write_mailbox};
use super::status::mailbox_id;
use super::{Desk, Features, Reply, Step};
use crate::codec::command::{Access, OpenRequest, Resync};
use crate::codec::sequence::NumberSet;
use crate::folders::{Mailbox, Mailboxes};
use crate::keywords::{self, Names};
use crate::refusal::{Refusal, UID_REQUIRED};
use crate::selected::{Selected, number_set};
use crate::shared::Found;
use crate::sync;
use bytes::BufMut;
use engine::{ChangeSeq, Flags, FolderRow, Reading, Rights, Shelf, Uid, UidSet, View};
use std::collections::VecDeque;
use std::ops::ControlFlow;

/// Rows looked at for the first unread message; without one among them it is not told, as RFC 3501
/// allows.
const UNSEEN_ROWS_MAX: u32 = 1024;

/// Any of these makes a mailbox one that is written to. Source: RFC 4314 §5.2, RFC 5257 §3.4.
const CHANGING: [Rights; 6] = [
    Rights::KEEP_SEEN,
    Rights::WRITE_FLAGS,
    Rights::DELETE_ANY,
    Rights::EXPUNGE,
    Rights::INSERT,
    Rights::ANNOTATE,
];

/// Whatever was open before is closed first, without expunging, even if this fails.
pub(super) fn run(request: &OpenRequest, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    if desk.state.selected.take().is_some() {
        desk.out
            .put_slice(b"* OK [CLOSED] Previous mailbox is closed\r\n");
    }
    check(request, desk.state.features)?;
    desk.state.fresh = UidSet::default();
    desk.state.features.condstore |= request.condstore;
    let Found {
        account,
        name,
        folder,
        row,
    } = desk.find(&request.mailbox)?;
    let view = account.read()?;
    let head = view.head()?;
    let told = view.uids(folder, Shelf::Mail)?;
    let rights = view.rights_in(&row);
    let may_write = CHANGING.iter().any(|right| rights.contains(*right));
    let key = desk.home.access_key(&account, folder)?;
    let mut selected = Selected {
        account: account.clone(),
        folder,
        read_only: request.access == Access::ReadOnly || !may_write,
        access: request.access,
        tells_annotations: request.annotate,
        told,
        seen: head,
        departed: false,
        departed_since: head,
        saved: UidSet::default(),
        contexts: Contexts::default(),
        held: VecDeque::new(),
        told_highest: desk.state.features.condstore,
        key: key.map(|key| key.mark()),
        told_keywords: 0,
        uid_only: desk.state.features.uid_only,
    };
    write_state(desk, &view, &mut selected, &row)?;
    if desk.state.features.rev2
        && let Some(mailbox) = Mailboxes::read(&view)?.named(&name)
    {
        let mailbox = Mailbox {
            name: request.mailbox.clone(),
            ..mailbox.clone()
        };
        write_mailbox(desk, Telling::List, &mailbox, false, false);
    }
    let resync = request.resync.as_ref();
    if let Some(resync) = resync.filter(|r| r.uid_validity == row.uid_validity) {
        bring_up_to_date(desk, &view, &mut selected, resync, &row)?;
    }
    drop(view);
    let text = if selected.read_only {
        "OK [READ-ONLY] Opened"
    } else {
        "OK [READ-WRITE] Opened"
    };
    desk.state.selected = Some(selected);
    Ok(Step::Done(Reply::silent(text)))
}

/// Errors: what was asked for was not enabled, or message numbers are no longer taken.
fn check(request: &OpenRequest, features: Features) -> Result<(), Refusal> {
    let Some(resync) = &request.resync else {
        return Ok(());
    };
    if !features.qresync {
        return Err(Refusal::WrongState("BAD QRESYNC is not enabled"));
    }
    if features.uid_only && resync.matches.is_some() {
        return Err(UID_REQUIRED);
    }
    Ok(())
}

fn write_state(
    desk: &mut Desk<'_>,
    view: &View<'_>,
    selected: &mut Selected,
    row: &FolderRow,
) -> Result<(), Refusal> {
    let names = Names::all(view)?;
    selected.told_keywords = names.count();
    let count = selected.told.len();
    let rev2 = desk.state.features.rev2;
    let out = &mut *desk.out;
    out.put_slice(b"* FLAGS ");
    keywords::write_known(out, &names);
    out.put_slice(b"\r\n");
    sync::write_exists(out, count);
    if !rev2 {
        out.put_slice(b"* 0 RECENT\r\n");
        let unseen = view.unseen(selected.folder, row)?;
        let first = if selected.uid_only {
            None // It would be a message number (RFC 9586 §3.7).
        } else {
            first_unseen(view, selected, unseen)?
        };
        if let Some(first) = first {
            out.put_slice(format!("* OK [UNSEEN {first}] First unread\r\n").as_bytes());
        }
    }
    out.put_slice(b"* OK [PERMANENTFLAGS ");
    if selected.read_only {
        out.put_slice(b"()");
    } else {
        keywords::write_permanent(out, &names, view.rights_in(row));
    }
    let uid_next = row.shelf(Shelf::Mail).uid_next.0.max(1);
    let lines = format!(
        "] Flags that are kept\r\n* OK [UIDVALIDITY {}] UIDs are valid\r\n\
         * OK [UIDNEXT {uid_next}] Next UID\r\n\
         * OK [HIGHESTMODSEQ {}] Highest\r\n* OK [MAILBOXID ({})] Name for ever\r\n\
         * OK [URLMECH INTERNAL] Messages can be shown to others\r\n",
        row.uid_validity,
        sync::highest_modseq(row),
        mailbox_id(&selected.account, selected.folder),
    );
    out.put_slice(lines.as_bytes());
    annotation::write_support(out, selected.access);
    Ok(())
}

/// The number of the first unread message, if it is among the first rows.
fn first_unseen(view: &View<'_>, selected: &Selected, unseen: u32) -> Result<Option<u32>, Refusal> {
    if unseen == 0 {
        return Ok(None);
    }
    let (mut found, mut looked_at) = (None, 0);
    view.items(
        selected.folder,
        Shelf::Mail,
        1..=u32::MAX,
        &mut |uid, row| {
            looked_at += 1;
            if !row.flags.contains(Flags::SEEN) {
                found = Some(uid);
            }
            let goes_on = found.is_none() && looked_at < UNSEEN_ROWS_MAX;
            if goes_on {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        },
    )?;
    Ok(found.and_then(|uid| selected.number(uid)))
}

/// Tells what vanished and what changed since the client was here. Source: RFC 7162 §3.2.5.
fn bring_up_to_date(
    desk: &mut Desk<'_>,
    view: &View<'_>,
    selected: &mut Selected,
    resync: &Resync,
    row: &FolderRow,
) -> Result<(), Refusal> {
    let since = ChangeSeq(resync.modseq);
    let known = known_uids(selected, resync, row);
    let gone = sync::vanished(view, selected.folder, since, &known, &selected.told)?;
    if !gone.is_empty() {
        desk.out.put_slice(b"* VANISHED (EARLIER) ");
        number_set(&gone).write(desk.out);
        desk.out.put_slice(b"\r\n");
    }
    let changed = sync::changed_uids(view, selected.folder, since, None)?;
    // Without known UIDs what is new is told too: that saves the client a FETCH.
    let mut candidates = match changed {
        Some(changed) => changed.intersection(&selected.told),
        None => selected.told.clone(),
    };
    if let Some(known) = &resync.known_uids {
        candidates = candidates.intersection(&crate::selected::uid_set(known));
    }
    let wanted = sync::Wanted {
        flags: true,
        annotations: selected.tells_annotations,
    };
    sync::tell_flags(desk, view, selected, (&candidates, since), wanted)
}

/// The UIDs that the client may know of.
fn known_uids(selected: &Selected, resync: &Resync, row: &FolderRow) -> NumberSet {
    let last = row.shelf(Shelf::Mail).uid_next.0.saturating_sub(1);
    let known = match &resync.known_uids {
        Some(known) => known.clone(),
        None if last == 0 => NumberSet::default(),
        None => NumberSet::from_ranges(vec![(1, last)]),
    };
    let Some(first) = first_unmatched(selected, resync) else {
        return known;
    };
    let ranges = known.ranges().iter().filter(|(_, last)| *last >= first);
    NumberSet::from_ranges(ranges.map(|(a, b)| (*a.max(&first), *b)).collect())
}

/// The UID behind the highest pair of number and UID that still holds: nothing below it can have
/// vanished.
///
/// Source: RFC 7162 §3.2.5.2.
fn first_unmatched(selected: &Selected, resync: &Resync) -> Option<u32> {
    let (numbers, uids) = resync.matches.as_ref()?;
    let pairs = numbers.iter().zip(uids.iter());
    let holds = |(number, uid): &(u32, u32)| selected.number(Uid(*uid)) == Some(*number);
    pairs.filter(holds).last().map(|(_, uid)| uid + 1)
}
