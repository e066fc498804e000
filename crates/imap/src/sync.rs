//! Change number ⇄ MODSEQ, and what a client has to be told of what others did.
//!
//! A message's MODSEQ is the later of its two stamps, a mailbox's HIGHESTMODSEQ the last change of
//! its contents; nothing else in this crate knows that.
//!
//! Start at [`announce`]. Standards: RFC 9051 §7.4, §7.5 (EXISTS, EXPUNGE, FETCH), RFC 7162 §3.1
//! (MODSEQ), §3.2.10 (VANISHED); RFC 5257 §4.4 (ANNOTATION).

use crate::codec::sequence::NumberSet;
use crate::codec::write;
use crate::command::{Desk, annotation, context, url_auth};
use crate::keywords;
use crate::refusal::Refusal;
use crate::selected::{Label, Selected, number_set};
use bytes::{BufMut, BytesMut};
use engine::{
    ChangeSeq, Changes, FolderId, FolderRow, ItemRow, Object, Origin, Reading, Shelf, Uid, UidSet,
    View,
};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Records of the change log read at once.
const PAGE_RECORDS: usize = 1024;

/// Records of the change log that are looked through before all rows are read instead.
const LOG_RECORDS_MAX: usize = 32 * 1024;

/// Departures read at once.
const DEPARTURES_PER_PAGE: usize = 4096;

/// A message's MODSEQ. Source: RFC 7162 §3.1.1: it grows with every change of its flags.
pub(crate) fn modseq(row: &ItemRow) -> u64 {
    row.changed.max(row.read_changed).0
}

/// A mailbox's HIGHESTMODSEQ; at least 1, as RFC 7162 §7 demands.
pub(crate) fn highest_modseq(row: &FolderRow) -> u64 {
    row.contents_changed.0.max(1)
}

/// Tells the open mailbox's HIGHESTMODSEQ to a client that has just shown that it knows CONDSTORE.
///
/// It is no higher than what was told of the mailbox, so that who keeps it misses nothing. Source:
/// RFC 7162 §3.1.
pub(crate) fn tell_highest(desk: &mut Desk<'_>) -> Result<(), Refusal> {
    let is_aware = desk.state.features.condstore;
    let selected = desk.state.selected.as_mut().filter(|_| is_aware);
    let Some(selected) = selected.filter(|selected| !selected.told_highest) else {
        return Ok(());
    };
    selected.told_highest = true;
    let row = desk.account.read()?.folder(selected.folder)?;
    let told = if selected.departed {
        selected.departed_since
    } else {
        selected.seen
    };
    let highest = highest_modseq(&row).min(told.0.max(1));
    let line = format!("* OK [HIGHESTMODSEQ {highest}] Highest\r\n");
    desk.out.put_slice(line.as_bytes());
    Ok(())
}

/// Whether messages that left may be told now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expunges {
    /// They may.
    Told,
    /// They are the work of the command that is answered: told whatever NOTIFY says.
    Own,
    /// Not during FETCH, STORE and SEARCH by message numbers (RFC 9051 §7.5.1).
    Held,
}

/// The UIDs in a folder that changed after a number; `None` if that takes reading every row.
///
/// What only came and went, or left, is not among them. Changes made in the session `not_by` are
/// left out.
pub(crate) fn changed_uids(
    view: &impl Reading,
    folder: FolderId,
    since: ChangeSeq,
    not_by: Option<Origin>,
) -> Result<Option<UidSet>, Refusal> {
    let (mut uids, mut since, mut count) = (BTreeSet::new(), since, 0);
    loop {
        let (records, more) = match view.changes_in(folder, since, PAGE_RECORDS) {
            Ok(Changes::Page { records, more }) => (records, more),
            Ok(Changes::Forgotten) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        for (change, record) in &records {
            since = *change;
            let stands = record
                .to
                .filter(|to| to.at.folder == folder && to.at.shelf == Shelf::Mail);
            let own = not_by.is_some_and(|origin| origin.session == record.origin.session);
            if let (Some(stand), Object::Item(_), false) = (stands, record.object, own) {
                uids.insert(stand.at.uid);
            }
        }
        count += records.len();
        if !more {
            return Ok(Some(uids.into_iter().collect()));
        }
        if count >= LOG_RECORDS_MAX {
            return Ok(None);
        }
    }
}

/// The UIDs that left a folder after a number, out of `known`.
///
/// When that is forgotten: all of `known` that are no living UIDs (RFC 7162 §3.2.5.1 allows more
/// than needed).
pub(crate) fn vanished(
    view: &impl Reading,
    folder: FolderId,
    since: ChangeSeq,
    known: &NumberSet,
    living: &UidSet,
) -> Result<UidSet, Refusal> {
    let known = crate::selected::uid_set(known);
    let (mut left, mut since) = (Vec::new(), since);
    loop {
        let Some(page) = view.departed(folder, since, DEPARTURES_PER_PAGE)? else {
            return Ok(known.difference(living));
        };
        left.extend(
            page.iter()
                .filter(|gone| gone.shelf == Shelf::Mail)
                .map(|gone| gone.uid),
        );
        match page.last() {
            Some(last) if page.len() == DEPARTURES_PER_PAGE => since = last.change,
            _ => break,
        }
    }
    let left: UidSet = left.into_iter().collect();
    Ok(known.intersection(&left).difference(living))
}

/// Tells what changed in the open mailbox since the client was last told.
///
/// Flags that this session changed itself were told by the command that did it.
pub(crate) fn announce(desk: &mut Desk<'_>, expunges: Expunges) -> Result<(), Refusal> {
    let notify = desk.state.notify.as_ref();
    let is_wanted =
        notify.is_none_or(|notify| notify.leaves_selected() || notify.selected().is_some());
    if !is_wanted && expunges != Expunges::Own {
        return Ok(());
    }
    let Some(mut selected) = desk.state.selected.take() else {
        return Ok(());
    };
    let told = announce_selected(desk, &mut selected, expunges);
    desk.state.selected = Some(selected);
    told
}

fn announce_selected(
    desk: &mut Desk<'_>,
    selected: &mut Selected,
    expunges: Expunges,
) -> Result<(), Refusal> {
    context::tell_held(selected, desk.out);
    let view = desk.account.read()?;
    let row = view.folder(selected.folder)?;
    let head = view.head()?;
    if row.changed > selected.seen {
        url_auth::tell_new_key(selected, desk)?;
    }
    let has_changed = row.contents_changed > selected.seen;
    let has_held_back = selected.departed && expunges != Expunges::Held;
    if !has_changed && !has_held_back {
        selected.seen = selected.seen.max(head);
        return Ok(());
    }
    let living = view.uids(selected.folder, Shelf::Mail)?;
    let left = selected.told.difference(&living);
    if !left.is_empty() && expunges != Expunges::Held {
        context::tell_removed(selected, &left, desk.out);
        let as_vanished = desk.state.features.qresync || selected.uid_only;
        write_expunged(desk.out, &selected.told, &left, as_vanished);
        selected.told = selected.told.difference(&left);
        selected.saved = selected.saved.difference(&left);
    }
    selected.departed = !left.is_empty() && expunges == Expunges::Held;
    let since = selected.seen;
    let came = living.difference(&selected.told);
    if !came.is_empty() {
        selected.told = selected.told.union(&came);
        write_exists(desk.out, selected.told.len());
    }
    let origin = desk.account.origin();
    let wants_new = !came.is_empty() && desk.state.wants_new();
    let wanted = desk.state.wanted_changes(selected);
    if wanted.is_any() || wants_new {
        let changed = changed_uids(&view, selected.folder, since, Some(origin))?;
        // What the session itself put there it knows (RFC 5465 §5.2).
        let by_others = changed.as_ref().map(|changed| came.intersection(changed));
        desk.state.told_of_new(by_others.as_ref().unwrap_or(&came));
        // Without the log every message is compared by its stamps.
        let candidates = changed.unwrap_or_else(|| selected.told.clone());
        if wanted.is_any() {
            let candidates = candidates.intersection(&selected.told).difference(&came);
            tell_flags(desk, &view, selected, (&candidates, since), wanted)?;
        }
    }
    if !selected.contexts.is_empty() {
        // Also what this session changed itself.
        let changed = changed_uids(&view, selected.folder, since, None)?;
        let touched = changed.unwrap_or_else(|| selected.told.clone());
        let touched = touched.union(&came).intersection(&selected.told);
        context::tell_changed(desk.account, selected, &touched, &came, desk.out);
    }
    selected.seen = selected.seen.max(head);
    if !selected.departed {
        selected.departed_since = selected.seen;
    }
    Ok(())
}

/// What is told of messages that others changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Their flags.
    pub(crate) flags: bool,
    /// Which of their annotations say something else.
    pub(crate) annotations: bool,
}

impl Wanted {
    fn is_any(self) -> bool {
        self.flags || self.annotations
    }
}

/// Writes a FETCH answer for each of these messages that changed after a number.
pub(crate) fn tell_flags(
    desk: &mut Desk<'_>,
    view: &View<'_>,
    selected: &mut Selected,
    (uids, since): (&UidSet, ChangeSeq),
    wanted: Wanted,
) -> Result<(), Refusal> {
    if uids.is_empty() {
        return Ok(());
    }
    let condstore = desk.state.features.condstore;
    let mut rows = Vec::new();
    for run in uids.ranges() {
        view.items(selected.folder, Shelf::Mail, run, &mut |uid, row| {
            if modseq(&row) > since.0 {
                rows.push((uid, row));
            }
            ControlFlow::Continue(())
        })?;
    }
    let names = keywords::of_rows(view, rows.iter().map(|(_, row)| row))?;
    keywords::tell_newer(desk.out, &mut selected.told_keywords, &names);
    for (uid, row) in &rows {
        let Some(label) = selected.label(*uid) else {
            continue;
        };
        let annotations = if wanted.annotations {
            annotation::changed_names(view, row.item, since)?
        } else {
            Vec::new()
        };
        let told = Told {
            flags: wanted.flags.then_some(&names),
            annotations: &annotations,
            modseq: condstore,
        };
        write_changed(desk.out, label, Some(*uid), row, &told);
    }
    Ok(())
}

/// What a FETCH answer that nobody asked for says of a message.
pub(crate) struct Told<'a> {
    /// Its flags, with the names of keywords.
    pub(crate) flags: Option<&'a keywords::Names>,
    /// The names of annotations that changed.
    pub(crate) annotations: &'a [String],
    /// Its change number.
    pub(crate) modseq: bool,
}

/// `* 3 FETCH (UID 7 FLAGS (…) ANNOTATION (…) MODSEQ (9))`; nothing where nothing is to be said.
pub(crate) fn write_changed(
    out: &mut BytesMut,
    label: Label,
    uid: Option<Uid>,
    row: &ItemRow,
    told: &Told<'_>,
) {
    if told.flags.is_none() && told.annotations.is_empty() {
        return;
    }
    label.begin(out);
    let start = out.len();
    if let Some(uid) = label.besides(uid) {
        out.put_slice(b"UID ");
        write::number(out, u64::from(uid.0));
    }
    if let Some(names) = told.flags {
        space_behind(out, start);
        keywords::write_flags(out, row, names);
    }
    if !told.annotations.is_empty() {
        space_behind(out, start);
        annotation::write_names(out, told.annotations);
    }
    if told.modseq {
        out.put_slice(b" MODSEQ (");
        write::number(out, modseq(row));
        out.put_u8(b')');
    }
    out.put_slice(b")\r\n");
}

fn space_behind(out: &mut BytesMut, start: usize) {
    if out.len() > start {
        out.put_u8(b' ');
    }
}

/// `* 3 FETCH (UID 7 MODSEQ (9))`, for a change that was to be silent (RFC 7162 §3.1.3).
pub(crate) fn write_modseq(out: &mut BytesMut, label: Label, uid: Option<Uid>, row: &ItemRow) {
    label.begin(out);
    if let Some(uid) = label.besides(uid) {
        out.put_slice(b"UID ");
        write::number(out, u64::from(uid.0));
        out.put_u8(b' ');
    }
    out.put_slice(b"MODSEQ (");
    write::number(out, modseq(row));
    out.put_slice(b"))\r\n");
}

/// `* 5 EXISTS`
pub(crate) fn write_exists(out: &mut BytesMut, count: u32) {
    out.put_slice(b"* ");
    write::number(out, u64::from(count));
    out.put_slice(b" EXISTS\r\n");
}

/// `* VANISHED 3:4` or an EXPUNGE for each, from the last, so that the numbers before it stay as
/// they were.
fn write_expunged(out: &mut BytesMut, told: &UidSet, left: &UidSet, as_vanished: bool) {
    if as_vanished {
        out.put_slice(b"* VANISHED ");
        number_set(left).write(out);
        out.put_slice(b"\r\n");
        return;
    }
    for number in left.iter().rev().filter_map(|uid| told.rank(uid)) {
        out.put_slice(b"* ");
        write::number(out, u64::from(number) + 1);
        out.put_slice(b" EXPUNGE\r\n");
    }
}
