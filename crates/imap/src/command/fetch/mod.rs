//! `FETCH`: tells of messages whatever is asked, piece by piece.
//!
//! Each step reads a bounded number of rows and writes a bounded number of bytes; the body of a
//! large message goes out over several steps. Nothing but the UIDs still to be told is kept between
//! steps.
//!
//! Rows alone are told straight out of the scan ([`FetchWork::tell_rows`]); what needs more is
//! gathered first ([`FetchWork::gather`]) and told one message at a time ([`message`]).
//!
//! Standards: RFC 9051 §6.4.5, §7.5.2; RFC 7162 §3.1.4 (CHANGEDSINCE), §3.2.6 (VANISHED); RFC 9394
//! §3.3 (PARTIAL); RFC 9738 (MESSAGELIMIT).

mod decoded;
mod departed;
mod message;
mod section;

use super::{Desk, Reply, State, Step, Work, expunges_after};
use crate::codec::command::Numbering;
use crate::codec::fetch::{FetchItem, FetchRequest, Reading as Peek, Section};
use crate::codec::sequence::{NumberSet, SequenceSet};
use crate::keywords::{self, Names};
use crate::limit::{self, Cut};
use crate::refusal::Refusal;
use crate::selected::{Label, number_set};
use crate::sync;
use bytes::{BufMut, BytesMut};
pub(super) use decoded::{Decoded, Encoded, Measure};
use engine::account::annotations::{Annotation, ItemAnnotations};
use engine::{
    ChangeSeq, Details, FlagChange, Flags, FolderId, ItemRow, Location, Reading, Shelf, Uid, UidSet,
};
use message::Telling;
pub(super) use section::{part_exists, section_bytes, whole_summary};
use std::collections::VecDeque;
use std::ops::ControlFlow;

/// Bytes that a step writes, or a little more: so few that they are still in the processor's cache
/// when they are sent.
const STEP_BYTES: usize = 256 * 1024;

/// Room for what such a step writes.
const ROOM_BYTES_MAX: usize = STEP_BYTES + 1024;

/// Room for what is told around a whole message, and behind the last.
const FRAME_BYTES: u64 = 256;

/// Rows read in one step when nothing but rows is needed: about 2 ms.
const ROWS_PER_STEP: u32 = 4096;

/// Messages of which details are read at once.
const DETAILS_PER_STEP: u32 = 256;

/// When the span of UIDs is this many times what is wanted of it, rows are read one by one.
const SPARSE_FACTOR: u32 = 8;

/// A message whose details are at hand.
pub(super) struct Gathered {
    uid: Uid,
    label: Label,
    row: ItemRow,
    details: Details,
}

/// A FETCH on its way.
pub(super) struct FetchWork {
    numbering: Numbering,
    request: FetchRequest,
    /// The UIDs still to be told.
    left: UidSet,
    /// The UIDs that the command names, also those that went long ago.
    named: NumberSet,
    /// Those whose `\Seen` was set by this command, so that flags are told with them.
    marked: UidSet,
    /// Ready to be told.
    ready: VecDeque<Gathered>,
    telling: Option<Telling>,
    stage: Stage,
    needs_details: bool,
    marks_seen: bool,
    /// Some messages are gone for good, or could not be read; the others are told all the same.
    failure: Option<Refusal>,
    /// There were more messages than one command works on.
    cut: Option<Cut>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// CHANGEDSINCE has to be applied.
    Narrow,
    /// The next messages have to be read, after `\Seen` was set where it must be.
    Mark,
    /// They can be told.
    Tell,
}

impl FetchWork {
    /// Errors: VANISHED without QRESYNC or outside of UID FETCH; numbers that were never told; a
    /// longer PARTIAL than one command works on.
    pub(super) fn begin(
        numbering: Numbering,
        set: &SequenceSet,
        mut request: FetchRequest,
        state: &mut State,
    ) -> Result<Box<dyn Work>, Refusal> {
        let vanished_allowed = state.features.qresync && numbering == Numbering::Uid;
        if request.vanished && !(vanished_allowed && request.changed_since.is_some()) {
            return Err(Refusal::WrongState("BAD VANISHED is not possible here"));
        }
        if request.partial.is_some() && numbering != Numbering::Uid {
            return Err(Refusal::WrongState("BAD PARTIAL needs UID FETCH"));
        }
        if let Some(window) = request.partial {
            state.limit.admit(window.len())?;
        }
        let left = state.resolve(set, numbering)?;
        let tells_uid = state.features.uid_only || request.items.contains(&FetchItem::Uid);
        if numbering == Numbering::Uid && !tells_uid {
            request.items.insert(0, FetchItem::Uid);
        }
        // Asking for it is using CONDSTORE (RFC 7162 §3.1).
        state.features.condstore |= request.items.contains(&FetchItem::ModSeq);
        let selected = state.selected()?;
        let named = selected
            .named_uids(set)
            .filter(|_| request.vanished)
            .unwrap_or_default();
        let read_only = selected.read_only;
        let work = Self {
            numbering,
            needs_details: request.items.iter().any(needs_details),
            marks_seen: !read_only && request.items.iter().any(marks_seen),
            request,
            left,
            named,
            marked: UidSet::default(),
            ready: VecDeque::new(),
            telling: None,
            stage: Stage::Narrow,
            failure: None,
            cut: None,
        };
        Ok(Box::new(work))
    }

    /// What NOTIFY wants to be told of messages that have come; marks nothing as read.
    pub(super) fn of_new(uids: UidSet, items: Vec<FetchItem>) -> Box<dyn Work> {
        Box::new(Self {
            numbering: Numbering::Sequence,
            needs_details: items.iter().any(needs_details),
            marks_seen: false,
            request: FetchRequest {
                items,
                changed_since: None,
                vanished: false,
                partial: None,
            },
            left: uids,
            named: NumberSet::default(),
            marked: UidSet::default(),
            ready: VecDeque::new(),
            telling: None,
            // All of them: nobody would ask for the others.
            stage: Stage::Mark,
            failure: None,
            cut: None,
        })
    }

    /// Leaves only what changed, and tells what vanished.
    fn narrow(&mut self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let Some(since) = self.request.changed_since.map(ChangeSeq) else {
            return Ok(());
        };
        let selected = desk.state.selected()?;
        let view = desk.account.read()?;
        if self.request.vanished {
            let living = view.uids(selected.folder, Shelf::Mail)?;
            let gone = sync::vanished(&view, selected.folder, since, &self.named, &living)?;
            if !gone.is_empty() {
                desk.out.put_slice(b"* VANISHED (EARLIER) ");
                number_set(&gone).write(desk.out);
                desk.out.put_slice(b"\r\n");
            }
        }
        if let Some(changed) = sync::changed_uids(&view, selected.folder, since, None)? {
            self.left = self.left.intersection(&changed);
        }
        Ok(())
    }

    /// Leaves only the run that PARTIAL asks for, out of what else would be told. Source: RFC 9394
    /// §3.3.
    fn choose(&mut self, desk: &Desk<'_>) -> Result<(), Refusal> {
        let Some(window) = self.request.partial else {
            return Ok(());
        };
        if self.request.changed_since.is_some() {
            let selected = desk.state.selected()?;
            let mut changed = Vec::new();
            let view = desk.account.read()?;
            each_row(&view, selected.folder, &self.left, &mut |uid, row| {
                if self.is_wanted(&row) {
                    changed.push(uid);
                }
            })?;
            self.left = changed.into_iter().collect();
        }
        let range = window.of(usize::try_from(self.left.len()).unwrap_or(usize::MAX));
        let rank = |index: usize| u32::try_from(index).ok().and_then(|n| self.left.nth(n));
        let last = range.end.checked_sub(1).filter(|last| *last >= range.start);
        self.left = match (rank(range.start), last.and_then(rank)) {
            (Some(first), Some(last)) => self.left.within(first.0..=last.0),
            _ => UidSet::default(),
        };
        Ok(())
    }

    fn is_wanted(&self, row: &ItemRow) -> bool {
        self.request
            .changed_since
            .is_none_or(|since| sync::modseq(row) > since)
    }

    /// Takes the next UIDs off the list.
    fn take_part(&mut self) -> UidSet {
        let most = if self.needs_details {
            DETAILS_PER_STEP
        } else {
            ROWS_PER_STEP
        };
        let part = match self.left.nth(most - 1) {
            Some(last) => self.left.within(0..=last.0),
            None => self.left.clone(),
        };
        self.left = self.left.difference(&part);
        part
    }

    /// Sets `\Seen` on the next messages where it is missing; what is to be awaited, if anything.
    fn mark_seen(
        &mut self,
        desk: &mut Desk<'_>,
        part: &UidSet,
    ) -> Result<Option<engine::Settlement>, Refusal> {
        let folder = desk.state.selected()?.folder;
        let mut unseen = Vec::new();
        each_row(&desk.account.read()?, folder, part, &mut |uid, row| {
            if !row.flags.contains(Flags::SEEN) && self.is_wanted(&row) {
                unseen.push(uid);
            }
        })?;
        if unseen.is_empty() {
            return Ok(None);
        }
        let change = FlagChange::add(Flags::SEEN);
        let written = desk.account.write(|txn| {
            for uid in &unseen {
                match txn.set_flags(Location::mail(folder, *uid), &change) {
                    Ok(_) | Err(engine::EngineError::NoSuchItem) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok::<(), engine::EngineError>(())
        });
        let ((), settlement) = match written {
            Ok(pending) => pending.split(),
            // Reading goes on where writing is not possible.
            Err(engine::EngineError::Denied | engine::EngineError::Store(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        self.marked = unseen.into_iter().collect();
        Ok(Some(settlement))
    }

    /// Tells rows straight out of the scan; nothing is kept.
    fn tell_rows(&mut self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let part = self.take_part();
        let view = desk.account.read()?;
        let selected = desk.state.selected()?;
        let mut names: Option<Result<Names, Refusal>> = None;
        let mut told = 0;
        let none = Names::default();
        let (items, since) = (&self.request.items, self.request.changed_since);
        let out = &mut *desk.out;
        let mut told_keywords = selected.told_keywords;
        each_row(&view, selected.folder, &part, &mut |uid, row| {
            told += 1;
            if since.is_some_and(|since| sync::modseq(&row) <= since) {
                return;
            }
            let Some(label) = selected.label(uid) else {
                return;
            };
            if !row.keywords.is_empty() && names.is_none() {
                names = Some(Names::all(&view));
            }
            let names = match &names {
                Some(Ok(names)) => names,
                _ => &none,
            };
            keywords::tell_newer(out, &mut told_keywords, names);
            message::tell_row(out, label, uid, &row, items, names);
        })?;
        if let Some(Err(refusal)) = names {
            return Err(refusal);
        }
        if let Some(selected) = &mut desk.state.selected {
            selected.told_keywords = told_keywords;
        }
        if told < part.len() {
            self.gather_departed(desk, &part)?;
        }
        Ok(())
    }

    /// Reads the next messages with their details.
    fn gather(&mut self, desk: &mut Desk<'_>, part: &UidSet) -> Result<(), Refusal> {
        let view = desk.account.read()?;
        let selected = desk.state.selected()?;
        let (mut rows, mut found) = (Vec::new(), 0);
        each_row(&view, selected.folder, part, &mut |uid, row| {
            found += 1;
            if self.is_wanted(&row) {
                rows.push((uid, row));
            }
        })?;
        let keys: Vec<_> = rows.iter().map(|(_, row)| row.item).collect();
        let mut rows = rows.into_iter();
        view.details_of(&keys, &mut |_, details| {
            let (Some((uid, row)), Some(details)) = (rows.next(), details) else {
                return;
            };
            if let Some(label) = selected.label(uid) {
                self.ready.push_back(Gathered {
                    uid,
                    label,
                    row,
                    details,
                });
            }
        })?;
        if found < part.len() {
            self.gather_departed(desk, part)?;
        }
        Ok(())
    }

    /// Messages that left, but of which this client was not told, are still read from where they
    /// went.
    fn gather_departed(&mut self, desk: &Desk<'_>, part: &UidSet) -> Result<(), Refusal> {
        let selected = desk.state.selected()?;
        let view = desk.account.read()?;
        let living = view.uids(selected.folder, Shelf::Mail)?;
        let left = part.difference(&living);
        let found = departed::rows(&view, selected, &left)?;
        if found.len() < usize::try_from(left.len()).unwrap_or(usize::MAX) {
            self.failure = Some(Refusal::Expunged);
        }
        for (uid, row) in found {
            let details = view.details(row.item)?.unwrap_or_default();
            if let Some(label) = selected.label(uid) {
                self.ready.push_back(Gathered {
                    uid,
                    label,
                    row,
                    details,
                });
            }
        }
        Ok(())
    }

    /// Tells what is ready until the step is full. True if all of it was told.
    fn tell_ready(&mut self, desk: &mut Desk<'_>) -> Result<bool, Refusal> {
        if self.ready.is_empty() && self.telling.is_none() {
            return Ok(true);
        }
        let ready = self.ready.iter().map(|gathered| &gathered.row);
        let mut rows = ready.chain(self.telling.iter().map(Telling::row));
        let names = if rows.all(|row| row.keywords.is_empty()) {
            Names::default()
        } else {
            Names::all(&desk.account.read()?)?
        };
        self.make_room(desk.out);
        loop {
            let mut telling = match self.telling.take() {
                Some(telling) => telling,
                None => match self.ready.pop_front() {
                    Some(gathered) => {
                        if let Some(selected) = &mut desk.state.selected {
                            keywords::tell_newer(desk.out, &mut selected.told_keywords, &names);
                        }
                        let marked = self.marked.contains(gathered.uid);
                        let noted = self.annotations(desk, &gathered)?;
                        Telling::new(desk.account, gathered, noted, marked)
                    }
                    None => return Ok(true),
                },
            };
            match telling.go_on(desk.out, &self.request.items, &names) {
                Ok(true) => {}
                Ok(false) => self.telling = Some(telling),
                Err(Refusal::Broken) => return Err(Refusal::Broken),
                Err(refusal) => self.failure = Some(refusal),
            }
            if desk.out.len() >= STEP_BYTES {
                return Ok(self.ready.is_empty() && self.telling.is_none());
            }
        }
    }

    /// Makes room for the messages that are told whole in this step, so that nothing is copied as
    /// the answer grows.
    fn make_room(&self, out: &mut BytesMut) {
        let is_whole = |item: &FetchItem| match item {
            FetchItem::Section {
                section, partial, ..
            } => partial.is_none() && *section == Section::whole(),
            _ => false,
        };
        if !self.request.items.iter().any(is_whole) {
            return;
        }
        let telling = self.telling.as_ref().map_or(0, Telling::left);
        let ready = self
            .ready
            .iter()
            .map(|gathered| gathered.row.size.saturating_add(FRAME_BYTES));
        let left = ready.fold(telling, u64::saturating_add);
        let room = usize::try_from(left).unwrap_or(usize::MAX);
        out.reserve(room.min(ROOM_BYTES_MAX.saturating_sub(out.len())));
    }

    /// What was noted of a message, if that is asked.
    fn annotations(
        &self,
        desk: &Desk<'_>,
        gathered: &Gathered,
    ) -> Result<Vec<Annotation>, Refusal> {
        let mut items = self.request.items.iter();
        if !items.any(|item| matches!(item, FetchItem::Annotation(_))) {
            return Ok(Vec::new());
        }
        let view = desk.account.read()?;
        Ok(ItemAnnotations::of(&view)?.all(&view, gathered.row.item)?)
    }

    fn reply(&self, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
        let reply = self.answer(desk.state);
        limit::tell(self.cut, reply, desk.out).map(Step::Done)
    }

    fn answer(&self, state: &State) -> Result<Reply, Refusal> {
        if let Some(refusal) = &self.failure {
            return Err(refusal.clone());
        }
        let text = match self.numbering {
            Numbering::Sequence => "OK FETCH completed",
            Numbering::Uid => "OK UID FETCH completed",
        };
        let announce = expunges_after(self.numbering);
        let announce = Some(announce).filter(|_| !state.overlooks_news_of_fetch);
        Ok(Reply {
            text: text.into(),
            announce,
        })
    }
}

impl Work for FetchWork {
    fn step(&mut self, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
        if self.stage == Stage::Narrow {
            self.narrow(desk)?;
            self.choose(desk)?;
            self.cut = desk.state.limit.cut(&mut self.left);
            self.stage = Stage::Mark;
        }
        if !self.needs_details && !self.marks_seen {
            while !self.left.is_empty() && desk.out.len() < STEP_BYTES {
                self.tell_rows(desk)?;
            }
            let all_told = self.tell_ready(desk)? && self.left.is_empty();
            return if all_told {
                self.reply(desk)
            } else {
                Ok(Step::More)
            };
        }
        loop {
            if !self.tell_ready(desk)? || desk.out.len() >= STEP_BYTES {
                return Ok(Step::More);
            }
            if self.left.is_empty() {
                return self.reply(desk);
            }
            if self.marks_seen && self.stage == Stage::Mark {
                let part = self.next_part();
                self.stage = Stage::Tell;
                if let Some(settlement) = self.mark_seen(desk, &part)? {
                    return Ok(Step::Settle(settlement));
                }
            }
            let part = self.take_part();
            self.gather(desk, &part)?;
            self.stage = Stage::Mark;
        }
    }
}

impl FetchWork {
    /// The UIDs that [`FetchWork::take_part`] will take.
    fn next_part(&self) -> UidSet {
        match self.left.nth(DETAILS_PER_STEP - 1) {
            Some(last) => self.left.within(0..=last.0),
            None => self.left.clone(),
        }
    }
}

/// Calls `visit` for each of these UIDs that is there, ascending: by one scan, or one by one if
/// they lie far apart.
pub(super) fn each_row(
    view: &impl Reading,
    folder: FolderId,
    uids: &UidSet,
    visit: &mut dyn FnMut(Uid, ItemRow),
) -> Result<(), Refusal> {
    let (Some(first), Some(last)) = (uids.first(), uids.last()) else {
        return Ok(());
    };
    let span = last.0 - first.0;
    if span / SPARSE_FACTOR > uids.len() {
        for uid in uids.iter() {
            if let Some(row) = view.item(Location::mail(folder, uid))? {
                visit(uid, row);
            }
        }
        return Ok(());
    }
    let is_dense = span + 1 == uids.len();
    view.items(folder, Shelf::Mail, first.0..=last.0, &mut |uid, row| {
        if is_dense || uids.contains(uid) {
            visit(uid, row);
        }
        ControlFlow::Continue(())
    })?;
    Ok(())
}

fn needs_details(item: &FetchItem) -> bool {
    !matches!(
        item,
        FetchItem::Flags
            | FetchItem::Uid
            | FetchItem::InternalDate
            | FetchItem::Size
            | FetchItem::ModSeq
    )
}

fn marks_seen(item: &FetchItem) -> bool {
    match item {
        FetchItem::Section { reading, .. } | FetchItem::Binary { reading, .. } => {
            *reading == Peek::Read
        }
        _ => false,
    }
}
