//! `STORE`: changes flags or annotations.
//!
//! Large sets are changed in several commits, as RFC 9051 allows; their answers are written at once
//! and sent when the last commit is on disk.
//!
//! Standards: RFC 9051 §6.4.6; RFC 7162 §3.1.3 (UNCHANGEDSINCE, MODIFIED); RFC 9738
//! (MESSAGELIMIT); RFC 5257 §4.5 (ANNOTATION).

use super::{Desk, Reply, State, Step, Work, annotation, expunges_after};
use crate::codec::command::{Access, FlagChange as Change, Numbering, StoreItem, StoreRequest};
use crate::codec::sequence::{NumberSet, SequenceSet};
use crate::keywords::{self, Names};
use crate::limit::{self, Cut};
use crate::refusal::Refusal;
use crate::sync;
use engine::account::annotations::AnnotationChange;
use engine::{
    ChangeSeq, EngineError, FlagChange, FlagSet, ItemRow, Location, Reading, Txn, Uid, UidSet,
};

/// Messages changed in one step; their rows are kept until the answers are written.
const MESSAGES_PER_STEP: u32 = 4096;

/// A STORE on its way.
pub(super) struct StoreWork {
    numbering: Numbering,
    request: StoreRequest,
    left: UidSet,
    /// There were more messages than one command works on.
    cut: Option<Cut>,
    /// What UNCHANGEDSINCE left alone.
    modified: NumberSet,
    /// Some messages are gone.
    lost: bool,
    /// Nobody else has changed anything since the client was last told, and no result depends on
    /// what is changed here.
    alone: bool,
}

/// What one commit did.
struct Stored {
    changed: Vec<(Uid, ItemRow)>,
    modified: Vec<Uid>,
    lost: bool,
    head_before: ChangeSeq,
    named: Vec<(u32, String)>,
}

impl StoreWork {
    /// Errors: [`Refusal::ReadOnly`] after EXAMINE; numbers that were never told.
    pub(super) fn begin(
        numbering: Numbering,
        set: &SequenceSet,
        request: StoreRequest,
        state: &mut State,
    ) -> Result<Box<dyn Work>, Refusal> {
        let open = state.selected()?;
        let is_closed = match request.item {
            StoreItem::Flags { .. } => open.read_only,
            // One's own are a matter of reading (RFC 5257 §3.4).
            StoreItem::Annotations(_) => open.access == Access::ReadOnly,
        };
        if is_closed {
            return Err(Refusal::ReadOnly);
        }
        // Using it is enabling CONDSTORE (RFC 7162 §3.1).
        state.features.condstore |= request.unchanged_since.is_some();
        let mut left = state.resolve(set, numbering)?;
        let cut = state.limit.cut(&mut left);
        let modified = NumberSet::default();
        Ok(Box::new(Self {
            numbering,
            request,
            left,
            cut,
            modified,
            lost: false,
            alone: state.selected()?.contexts.is_empty(),
        }))
    }

    fn take_part(&mut self) -> UidSet {
        let part = match self.left.nth(MESSAGES_PER_STEP - 1) {
            Some(last) => self.left.within(0..=last.0),
            None => self.left.clone(),
        };
        self.left = self.left.difference(&part);
        part
    }

    /// Writes the answers for what a commit did.
    fn tell(&mut self, desk: &mut Desk<'_>, stored: &Stored) -> Result<(), Refusal> {
        let with_modseq = desk.state.features.condstore;
        let is_silent = match self.request.item {
            StoreItem::Flags { silent, .. } => silent && !(stored.lost && self.refuses_lost()),
            StoreItem::Annotations(_) => true,
        };
        let names = if is_silent {
            Names::default()
        } else {
            names(desk, stored)?
        };
        let Some(selected) = &mut desk.state.selected else {
            return Ok(());
        };
        keywords::tell_newer(desk.out, &mut selected.told_keywords, &names);
        self.alone &= stored.head_before <= selected.seen;
        self.lost |= stored.lost;
        for (uid, row) in &stored.changed {
            let Some(label) = selected.label(*uid) else {
                continue;
            };
            let uid = Some(*uid).filter(|_| self.numbering == Numbering::Uid || with_modseq);
            if !is_silent {
                let told = sync::Told {
                    flags: Some(&names),
                    annotations: &[],
                    modseq: with_modseq,
                };
                sync::write_changed(desk.out, label, uid, row, &told);
            } else if with_modseq {
                sync::write_modseq(desk.out, label, uid, row);
            }
        }
        for uid in &stored.modified {
            match self.numbering {
                Numbering::Uid => self.modified.push(uid.0),
                Numbering::Sequence => {
                    selected
                        .number(*uid)
                        .into_iter()
                        .for_each(|number| self.modified.push(number));
                }
            }
        }
        if self.alone {
            // Everything up to here was told by this command itself.
            let last = stored
                .changed
                .iter()
                .map(|(_, row)| sync::modseq(row))
                .max();
            selected.seen = selected.seen.max(ChangeSeq(last.unwrap_or(0)));
        }
        Ok(())
    }

    /// True if a client that names a message by its number, though another session expunged it, is
    /// refused. It can't know then what was done to the others, so it is told.
    ///
    /// Source: RFC 2180 §4.2.1 (not after `.SILENT`), §4.2.3; RFC 7162 §3.1.3 (UNCHANGEDSINCE).
    fn refuses_lost(&self) -> bool {
        let is_silent = matches!(self.request.item, StoreItem::Flags { silent: true, .. });
        let is_conditional = self.request.unchanged_since.is_some();
        self.numbering == Numbering::Sequence && (!is_silent || is_conditional)
    }

    fn reply(&self) -> Reply {
        let announce = if self.alone {
            None
        } else {
            Some(expunges_after(self.numbering))
        };
        let text = if !self.modified.is_empty() {
            let set = &self.modified;
            format!("OK [MODIFIED {set}] Some messages have changed meanwhile").into()
        } else if self.lost && self.refuses_lost() {
            Refusal::Expunged.text()
        } else if self.lost && self.numbering == Numbering::Sequence {
            "OK [EXPUNGEISSUED] STORE completed".into()
        } else {
            "OK STORE completed".into()
        };
        Reply { text, announce }
    }
}

impl Work for StoreWork {
    fn step(&mut self, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
        let folder = desk.state.selected()?.folder;
        let part = self.take_part();
        let request = &self.request;
        if let StoreItem::Annotations(values) = &request.item {
            annotation::check_parts(values, desk.account, folder, &part)?;
        }
        let written = desk.account.write(|txn| {
            let (deed, named) = Deed::of(&request.item, txn)?;
            let mut stored = Stored {
                changed: Vec::new(),
                modified: Vec::new(),
                lost: false,
                head_before: txn.head()?,
                named,
            };
            for uid in part.iter() {
                let at = Location::mail(folder, uid);
                store_one(txn, uid, at, &deed, request.unchanged_since, &mut stored)?;
            }
            Ok::<Stored, Refusal>(stored)
        })?;
        let (stored, settlement) = written.split();
        self.tell(desk, &stored)?;
        if !self.left.is_empty() {
            return Ok(Step::Settle(settlement));
        }
        let reply = limit::tell(self.cut, Ok(self.reply()), desk.out)?;
        Ok(Step::SettleDone(settlement, reply))
    }
}

/// What is done to each message.
enum Deed {
    Flag(FlagChange),
    Annotate(Vec<AnnotationChange>),
}

impl Deed {
    /// Also the keywords that got a number for it.
    fn of(item: &StoreItem, txn: &mut Txn<'_, '_>) -> Result<(Self, Vec<(u32, String)>), Refusal> {
        match item {
            StoreItem::Flags {
                change: how, flags, ..
            } => {
                let translated = keywords::to_store(flags, txn)?;
                let deed = Self::Flag(change(*how, translated.set));
                Ok((deed, translated.named))
            }
            StoreItem::Annotations(values) => {
                Ok((Self::Annotate(annotation::changes(values)), Vec::new()))
            }
        }
    }

    fn refusal(&self, error: EngineError) -> Refusal {
        match self {
            Self::Flag(_) => error.into(),
            Self::Annotate(_) => annotation::worded(error),
        }
    }

    /// The message's row afterwards.
    fn do_to(&self, at: Location, txn: &mut Txn<'_, '_>) -> Result<ItemRow, EngineError> {
        match self {
            Self::Flag(change) => Ok(txn.set_flags(at, change)?.row),
            Self::Annotate(changes) => {
                txn.annotate_item(at, changes)?;
                txn.item(at)?.ok_or(EngineError::NoSuchItem)
            }
        }
    }
}

fn names(desk: &Desk<'_>, stored: &Stored) -> Result<Names, Refusal> {
    let rows = stored.changed.iter().map(|(_, row)| row);
    let view = desk.account.read()?;
    let mut names = if stored.named.is_empty() {
        keywords::of_rows(&view, rows)?
    } else {
        Names::all(&view)?
    };
    names.learn(&stored.named);
    Ok(names)
}

fn change(how: Change, set: FlagSet) -> FlagChange {
    match how {
        Change::Replace => FlagChange::Replace(set),
        Change::Add => FlagChange::add(set),
        Change::Remove => FlagChange::remove(set),
    }
}

fn store_one(
    txn: &mut Txn<'_, '_>,
    uid: Uid,
    at: Location,
    deed: &Deed,
    unchanged_since: Option<u64>,
    stored: &mut Stored,
) -> Result<(), Refusal> {
    if let Some(limit) = unchanged_since {
        match txn.item(at)? {
            Some(row) if sync::modseq(&row) > limit => {
                stored.modified.push(uid);
                return Ok(());
            }
            Some(_) => {}
            None => {
                stored.lost = true;
                return Ok(());
            }
        }
    }
    match deed.do_to(at, txn) {
        Ok(row) => stored.changed.push((uid, row)),
        Err(EngineError::NoSuchItem) => stored.lost = true,
        Err(error) => return Err(deed.refusal(error)),
    }
    Ok(())
}
