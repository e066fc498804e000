//! What is due, without looking at all that waits.
//!
//! The schedule is one for all letters, and a million of them may be for servers that are down. So
//! it is looked at from both ends: what fell due last is mostly what just came, and goes out at
//! once; what is overdue is taken up in small portions behind a mark, which goes from the first to
//! the last and then rests. What would not be sent now is passed over where it lies: that is seen
//! in the schedule, and nothing else is read for it.
//!
//! Start at [`Engine::queue_look`].

use super::{EntryKey, NEVER, Outgoing, Standing};
use crate::engine::Engine;
use crate::error::EngineError;
use std::cell::Cell;
use std::collections::HashSet;
use std::ops::{ControlFlow, RangeInclusive};
use store::backend::Direction;
use store::id::Timestamp;
use store::model::{Due, Reads, View};

/// Known entries in a row after which it is believed that no new one stands before them.
const KNOWN_MAX: usize = 64;
/// Entries of the schedule that one look goes through from each end: a few milliseconds.
const ROWS_MAX: usize = 8_192;
/// Ticks after which all is looked through again, so that what came before the mark meanwhile is
/// seen: a clock that was set back, a commit that took its time.
const MARK_LASTS: i64 = Timestamp::PER_SECOND;
/// How many times as long as the mark took for its way it then rests: what is passed over takes a
/// small part of the machine, however much it is.
const MARK_RESTS: i64 = 50;
/// Most ticks that it rests.
const MARK_RESTS_MOST: i64 = 60 * Timestamp::PER_SECOND;

/// How much earlier than it can be seen a letter may have fallen due: its commit takes that time.
/// What takes longer is seen when all is looked through again.
const LATE: i64 = Timestamp::PER_SECOND / 4;

/// How far the schedule was looked through.
#[derive(Debug, Default)]
pub struct Mark {
    /// What was due before is known, was taken or passed over; `None` while the mark rests.
    at: Option<Timestamp>,
    /// How many ticks of its way were spent so far.
    spent: i64,
    /// When it began to rest, and for how many ticks.
    rests: (Timestamp, i64),
    /// What just came was seen up to this time.
    seen: Option<Timestamp>,
    /// When what just came was last looked for without a bound.
    searched: Timestamp,
    /// Then nothing else was due.
    was_all: bool,
}

/// How many entries are wanted of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portion {
    /// Altogether.
    pub most: usize,
    /// Of these, such that are overdue for longest, while there are more than can be taken.
    pub overdue: usize,
}

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// Entries to take.
    pub entries: Vec<EntryKey>,
    /// More may be due.
    pub more: bool,
    /// When the next one falls due, or a further look may find more.
    pub next: Option<Timestamp>,
}

impl Found {
    /// A look some time after `then` may find more.
    fn look_again(&mut self, then: Timestamp) {
        let again = then.0.saturating_add(MARK_LASTS);
        self.next = Some(Timestamp(self.next.map_or(again, |next| next.0.min(again))));
    }
}

impl Mark {
    /// From when on what is overdue is to be looked through; `None` while the mark rests.
    fn start(&self, now: Timestamp) -> Option<Timestamp> {
        let (since, ticks) = self.rests;
        let is_resting = (0..ticks).contains(&now.0.saturating_sub(since.0));
        match self.at {
            None if is_resting => None,
            at => Some(at.unwrap_or(Timestamp(i64::MIN))),
        }
    }

    /// Notes how far it came from `begun` on.
    fn move_on(&mut self, way: &Way, begun: Timestamp, now: Timestamp) {
        self.spent = self
            .spent
            .saturating_add(now.0.saturating_sub(begun.0).max(0));
        self.at = Some(way.end);
        if way.is_whole {
            let rest = self.spent.saturating_mul(MARK_RESTS);
            let rest = rest.clamp(MARK_LASTS, MARK_RESTS_MOST);
            (self.at, self.spent, self.rests) = (None, 0, (now, rest));
        }
    }

    /// From when on what just came is looked for.
    ///
    /// Letters that were sent a moment ago still cost a look each, so that it must not go through
    /// all of them every time.
    fn since(&self, now: Timestamp) -> Timestamp {
        match self.seen {
            Some(seen) if is_recent(self.searched, now) => Timestamp(seen.0.saturating_sub(LATE)),
            _ => Timestamp(i64::MIN),
        }
    }

    /// Notes how a look for what just came has ended; true when nothing else is due.
    fn note(&mut self, since: Timestamp, now: Timestamp, end: End) -> bool {
        if since == Timestamp(i64::MIN) {
            (self.searched, self.was_all) = (now, end == End::All);
        }
        match end {
            End::All | End::Known => self.seen = Some(now),
            End::Full if since == Timestamp(i64::MIN) => self.seen = None,
            End::Full => {}
        }
        self.was_all && end == End::All
    }

    /// The next look goes through all that is due: something of it is no longer known.
    pub fn forget(&mut self) {
        self.seen = None;
    }
}

fn is_recent(then: Timestamp, now: Timestamp) -> bool {
    (0..MARK_LASTS).contains(&now.0.saturating_sub(then.0))
}

/// Why a look for what just came has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// There is no more.
    All,
    /// It came to what is known.
    Known,
    /// It has found as much as was wanted.
    Full,
}

impl Engine {
    /// Looks for what is due and wanted. `standing` gets an entry and the domain of its recipients,
    /// which is empty where it is not known.
    pub fn queue_look(
        &self,
        mark: &mut Mark,
        portion: Portion,
        standing: impl Fn(Due, &[u8]) -> Standing,
    ) -> Result<Found, EngineError> {
        let view = self.directory().view()?;
        let now = self.now();
        let mut found = Found {
            next: next_due(&view, now)?,
            ..Found::default()
        };
        let since = mark.since(now);
        if since > Timestamp(i64::MIN) {
            found.look_again(mark.searched);
        }
        let is_passed = Cell::new(false);
        let standing = |due: Due, label: &[u8]| {
            let standing = standing(due, label);
            is_passed.set(is_passed.get() || standing == Standing::Passed);
            standing
        };
        let (mut fresh, end) = latest(&view, since..=now, portion.most, standing)?;
        if mark.note(since, now, end) {
            fresh.reverse(); // Who waits for longest goes first.
        } else {
            found.more = fresh.len() == portion.most;
            fresh.truncate(portion.most.saturating_sub(portion.overdue));
            if let Some(start) = mark.start(now) {
                let taken: HashSet<EntryKey> = fresh.iter().copied().collect();
                let is_wanted = |due: Due, label: &[u8]| {
                    standing(due, label) == Standing::Wanted && !taken.contains(&key_of(due))
                };
                let begun = self.now();
                let way = overdue(&view, start..=now, portion.overdue, is_wanted)?;
                mark.move_on(&way, begun, self.now());
                found.more |= !way.is_whole;
                fresh.extend(way.found);
            }
        }
        if is_passed.get() {
            found.look_again(now);
        }
        found.entries = fresh;
        Ok(found)
    }

    /// Opens entries to send them, in order; `None` where one is gone or held.
    pub fn queue_open_all(
        &self,
        keys: &[EntryKey],
    ) -> Result<Vec<Result<Option<Outgoing>, EngineError>>, EngineError> {
        let view = self.directory().view()?;
        let open = |&key| Outgoing::open(self, &view, key);
        Ok(keys.iter().map(open).collect())
    }
}

fn key_of(due: Due) -> EntryKey {
    EntryKey {
        account: due.account,
        id: due.id,
    }
}

/// What fell due last in these times and is wanted, the latest first, and whether that is all.
fn latest(
    view: &View<'_>,
    times: RangeInclusive<Timestamp>,
    most: usize,
    standing: impl Fn(Due, &[u8]) -> Standing,
) -> Result<(Vec<EntryKey>, End), EngineError> {
    let mut latest = Vec::new();
    let (mut known, mut rows) = (0, 0);
    let mut end = End::All;
    view.each_due(times, Direction::Backward, &mut |due, label| {
        if latest.len() == most {
            end = End::Full;
        } else if known == KNOWN_MAX || rows == ROWS_MAX {
            end = End::Known;
        }
        if end != End::All {
            return ControlFlow::Break(());
        }
        rows += 1;
        match standing(due, label) {
            Standing::Known => known += 1,
            Standing::Passed => {}
            Standing::Wanted => {
                known = 0;
                latest.push(key_of(due));
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok((latest, end))
}

/// A piece of the mark's way.
struct Way {
    /// What is wanted.
    found: Vec<EntryKey>,
    /// What is due before was looked at.
    end: Timestamp,
    /// The mark came to the end.
    is_whole: bool,
}

/// Goes on through what is due in these times.
fn overdue(
    view: &View<'_>,
    times: RangeInclusive<Timestamp>,
    most: usize,
    is_wanted: impl Fn(Due, &[u8]) -> bool,
) -> Result<Way, EngineError> {
    let mut way = Way {
        found: Vec::new(),
        end: *times.start(),
        is_whole: true,
    };
    let mut rows = 0;
    view.each_due(times, Direction::Forward, &mut |due, label| {
        let is_wanted = is_wanted(due, label);
        // The mark is a time: what is passed over of one moment is looked at together.
        let is_far = rows >= ROWS_MAX && due.at > way.end;
        if is_far || (is_wanted && way.found.len() == most) {
            way.is_whole = false;
            return ControlFlow::Break(());
        }
        rows += 1;
        way.end = due.at;
        if is_wanted {
            way.found.push(key_of(due));
        }
        ControlFlow::Continue(())
    })?;
    Ok(way)
}

fn next_due(view: &View<'_>, now: Timestamp) -> Result<Option<Timestamp>, EngineError> {
    let mut next = None;
    // What is held is due never.
    let later = Timestamp(now.0.saturating_add(1))..=Timestamp(NEVER.0 - 1);
    view.each_due(later, Direction::Forward, &mut |due, _| {
        next = Some(due.at);
        ControlFlow::Break(())
    })?;
    Ok(next)
}
