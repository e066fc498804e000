//! Results that are kept up to date: what came to match is told, and what no longer does.
//!
//! A context lives as long as its mailbox is open. When changes are announced, only messages that
//! came, changed or left are looked at again; a change too large for that ends the context, and the
//! client is told so.
//!
//! Start at [`tell_removed`] and [`tell_changed`], which [`crate::sync`] calls around EXPUNGE and
//! EXISTS. Standards: RFC 5267 §4.3; RFC 5465 §7 (FETCH items with UPDATE).

use super::fetch::FetchWork;
use super::search::answer::{self, Correlator};
use super::search::numbers;
use super::search::query::{self, Ground};
use super::{Desk, Reply, Step, Work};
use crate::codec::command::Numbering;
use crate::codec::fetch::FetchItem;
use crate::codec::search::Criterion;
use crate::refusal::Refusal;
use crate::selected::Selected;
use bytes::{BufMut, BytesMut};
use engine::search::{Comparator, Found, Harvest, Plan, Ranking, Run};
use engine::{Account, EngineError, Shelf, Timestamp, Uid, UidSet};
use std::collections::VecDeque;

/// Results kept up to date in one session.
const CONTEXTS_MAX: usize = 8;

/// Bytes of all sort keys kept in one session: about 100,000 messages by subject.
const KEY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Steps of a search that are made at once to bring one context up to date: 16 MiB of letters.
const STEPS_MAX: usize = 128;

/// A result and how to find it again.
#[derive(Debug)]
pub(crate) struct Context {
    /// The tag of the search: its name.
    pub(crate) tag: String,
    /// What its numbers are.
    pub(crate) numbering: Numbering,
    /// What is told of each message that comes to it.
    pub(crate) items: Vec<FetchItem>,
    /// What its messages are like. It is made ready anew each time: keywords and conversations may
    /// have begun meanwhile.
    pub(crate) criterion: Criterion,
    /// How texts are compared.
    pub(crate) comparator: Comparator,
    /// When it was asked for: ages count from then.
    pub(crate) since: Timestamp,
    /// Its messages.
    pub(crate) members: Members,
}

/// A change of a result that waits until its new messages are fetched. Source: RFC 5465 §7.
#[derive(Debug)]
pub(crate) struct Held {
    /// The new messages.
    uids: UidSet,
    /// What is told of each.
    items: Vec<FetchItem>,
    /// How the change is told.
    change: BytesMut,
}

impl Held {
    /// Fetches, then tells the change.
    pub(crate) fn release(self) -> Box<dyn Work> {
        Box::new(Release {
            fetch: FetchWork::of_new(self.uids, self.items),
            change: self.change,
        })
    }
}

struct Release {
    fetch: Box<dyn Work>,
    change: BytesMut,
}

impl Work for Release {
    fn step(&mut self, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
        match self.fetch.step(desk) {
            // Some may be gone meanwhile, which is told when it may be.
            Ok(Step::Done(_)) => {}
            Err(refusal) if refusal != Refusal::Broken => {}
            step => return step,
        }
        desk.out.put_slice(&self.change);
        Ok(Step::Done(Reply::silent("")))
    }
}

/// Tells what still waits without fetching: numbers are about to change.
pub(crate) fn tell_held(selected: &mut Selected, out: &mut BytesMut) {
    for held in selected.held.drain(..) {
        out.put_slice(&held.change);
    }
}

/// The messages of a result.
#[derive(Debug)]
pub(crate) enum Members {
    /// In the order of the mailbox.
    Set(UidSet),
    /// In an order of their own.
    Ranked(Ranking),
}

/// The results that a session keeps up to date.
#[derive(Debug, Default)]
pub(crate) struct Contexts(Vec<Context>);

impl Contexts {
    /// True if one of them has this tag.
    pub(crate) fn has(&self, tag: &str) -> bool {
        self.0.iter().any(|context| context.tag == tag)
    }

    /// True if there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps one more; false if there is no room for it.
    pub(crate) fn add(&mut self, context: Context) -> bool {
        let bytes: usize = self.0.iter().map(Context::key_bytes).sum();
        let fits = bytes.saturating_add(context.key_bytes()) <= KEY_BYTES_MAX;
        let has_room = self.0.len() < CONTEXTS_MAX && fits;
        if has_room {
            self.0.push(context);
        }
        has_room
    }
}

impl Context {
    fn key_bytes(&self) -> usize {
        match &self.members {
            Members::Set(_) => 0,
            Members::Ranked(ranking) => ranking.bytes(),
        }
    }

    fn uids(&self) -> UidSet {
        match &self.members {
            Members::Set(uids) => uids.clone(),
            Members::Ranked(ranking) => ranking.uids().collect(),
        }
    }

    fn plan(&self, account: &Account, selected: &Selected) -> Result<Plan, EngineError> {
        let view = account.read()?;
        let ground = Ground {
            view: &view,
            uids: &selected.told,
            selected: Some(selected),
            comparator: self.comparator,
            now: self.since,
        };
        query::plan(&self.criterion, ground).map_err(|refusal| match refusal {
            Refusal::Engine(error) => error,
            _ => EngineError::TooMany("keys of a search"),
        })
    }

    /// Takes messages out and writes `REMOVEFROM (…)`.
    fn remove(&mut self, gone: &UidSet, selected: &Selected, out: &mut BytesMut) {
        if gone.is_empty() {
            return;
        }
        let mut changes = Vec::new();
        match &mut self.members {
            Members::Set(uids) => {
                *uids = uids.difference(gone);
                changes.push((0, gone.iter().collect()));
            }
            Members::Ranked(ranking) => {
                for uid in gone.iter() {
                    let rank = ranking.remove(uid);
                    changes.extend(rank.map(|rank| (rank + 1, vec![uid])));
                }
            }
        }
        self.write("REMOVEFROM", &changes, selected, out);
    }

    /// Writes `* ESEARCH (TAG "a1") UID ADDTO (0 5:6)`.
    fn write(
        &self,
        item: &str,
        changes: &[(usize, Vec<Uid>)],
        selected: &Selected,
        out: &mut BytesMut,
    ) {
        if changes.is_empty() {
            return;
        }
        let correlator = Correlator {
            tag: &self.tag,
            mailbox: None,
            numbering: self.numbering,
        };
        correlator.write(out);
        out.put_u8(b' ');
        out.put_slice(item.as_bytes());
        out.put_slice(b" (");
        for (index, (position, uids)) in changes.iter().enumerate() {
            if index > 0 {
                out.put_u8(b' ');
            }
            out.put_slice(position.to_string().as_bytes());
            out.put_u8(b' ');
            answer::write_in_order(out, &numbers(selected, self.numbering, uids));
        }
        out.put_slice(b")\r\n");
    }

    /// Looks at messages again; tells what left the result and what came to it. The latter is
    /// answered too.
    ///
    /// Errors: also [`EngineError::TooMany`] for more than can be looked at now.
    fn look_again(
        &mut self,
        account: &Account,
        touched: &UidSet,
        selected: &Selected,
        out: &mut BytesMut,
    ) -> Result<UidSet, EngineError> {
        let members = self.uids();
        let plan = self.plan(account, selected)?;
        let mut harvest = Rematch::new(&members, &mut self.members);
        let mut run = Run::new(plan, selected.folder, Shelf::Mail, touched.clone());
        let mut is_done = false;
        for _ in 0..STEPS_MAX {
            is_done = run.step(account, &mut harvest)?;
            if is_done {
                break;
            }
        }
        let Rematch {
            matching, added, ..
        } = harvest;
        let matching: UidSet = matching.into_iter().collect();
        if !is_done || self.key_bytes() > KEY_BYTES_MAX {
            return Err(EngineError::TooMany("changes of a result"));
        }
        let gone = touched.intersection(&members).difference(&matching);
        self.write("ADDTO", &added, selected, out);
        self.remove(&gone, selected, out);
        let came = matching.difference(&members);
        if let Members::Set(uids) = &mut self.members {
            *uids = uids.union(&came);
            if !came.is_empty() {
                self.write("ADDTO", &[(0, came.iter().collect())], selected, out);
            }
        }
        Ok(came)
    }
}

/// Collects which of the touched messages match now, and ranks those that are new.
struct Rematch<'a> {
    before: &'a UidSet,
    members: &'a mut Members,
    matching: Vec<Uid>,
    added: Vec<(usize, Vec<Uid>)>,
}

impl<'a> Rematch<'a> {
    fn new(before: &'a UidSet, members: &'a mut Members) -> Self {
        Self {
            before,
            members,
            matching: Vec::new(),
            added: Vec::new(),
        }
    }
}

impl Harvest for Rematch<'_> {
    fn reads_fields(&self) -> bool {
        match &self.members {
            Members::Set(_) => false,
            Members::Ranked(ranking) => ranking.reads_fields(),
        }
    }

    fn reads_annotations(&self) -> bool {
        match &self.members {
            Members::Set(_) => false,
            Members::Ranked(ranking) => ranking.reads_annotations(),
        }
    }

    fn take(&mut self, found: &Found<'_>) -> Result<(), EngineError> {
        self.matching.push(found.uid);
        if let Members::Ranked(ranking) = &mut *self.members
            && !self.before.contains(found.uid)
        {
            let rank = ranking.insert(found)?;
            self.added.push((rank + 1, vec![found.uid]));
        }
        Ok(())
    }
}

/// Tells what leaves the results because it was expunged; to be called before that is told.
pub(crate) fn tell_removed(selected: &mut Selected, left: &UidSet, out: &mut BytesMut) {
    let mut contexts = std::mem::take(&mut selected.contexts);
    for context in &mut contexts.0 {
        let gone = context.uids().intersection(left);
        context.remove(&gone, selected, out);
    }
    selected.contexts = contexts;
}

/// Tells what came to the results or left them because messages came or changed. A result of which
/// that can't be said is kept up to date no longer.
///
/// `new` are those of the touched messages that have just come: where something is to be told of
/// them, the change waits for it.
pub(crate) fn tell_changed(
    account: &Account,
    selected: &mut Selected,
    touched: &UidSet,
    new: &UidSet,
    out: &mut BytesMut,
) {
    let mut contexts = std::mem::take(&mut selected.contexts);
    let mut held = VecDeque::new();
    contexts.0.retain_mut(|context| {
        let mut change = BytesMut::new();
        let Ok(came) = context.look_again(account, touched, selected, &mut change) else {
            write_no_update(out, &context.tag);
            return false;
        };
        let uids = came.intersection(new);
        if context.items.is_empty() || uids.is_empty() {
            out.put_slice(&change);
        } else {
            let items = context.items.clone();
            held.push_back(Held {
                uids,
                items,
                change,
            });
        }
        true
    });
    selected.contexts = contexts;
    selected.held.append(&mut held);
}

/// Writes `* NO [NOUPDATE "a1"] …`.
pub(super) fn write_no_update(out: &mut BytesMut, tag: &str) {
    out.put_slice(b"* NO [NOUPDATE \"");
    out.put_slice(tag.as_bytes());
    out.put_slice(b"\"] Changes are not told\r\n");
}

/// `CANCELUPDATE`: some results are kept no longer.
///
/// Errors: no open mailbox; a tag that none of them has.
pub(super) fn cancel(tags: &[String], desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    const UNKNOWN: Refusal = Refusal::WrongState("BAD No result with this tag is kept up to date");
    desk.state.selected()?;
    let Some(selected) = &mut desk.state.selected else {
        return Err(UNKNOWN);
    };
    if !tags.iter().all(|tag| selected.contexts.has(tag)) {
        return Err(UNKNOWN);
    }
    selected
        .contexts
        .0
        .retain(|context| !tags.contains(&context.tag));
    Ok(Step::Done(Reply::told("OK CANCELUPDATE completed")))
}
