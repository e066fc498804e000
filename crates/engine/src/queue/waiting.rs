//! What is due, without looking at all that waits.
//!
//! The schedule is one for all letters, and a million of them may be for servers that are down. So
//! it is looked at from both ends: what fell due last is mostly what just came, and goes out at
//! once; what is overdue is taken up in small portions behind a mark, so that no look begins anew
//! with what is known already.
//!
//! Start at [`Engine::queue_look`].

use super::{EntryKey, NEVER, Outgoing};
use crate::engine::Engine;
use crate::error::EngineError;
use std::collections::HashSet;
use std::ops::{ControlFlow, RangeInclusive};
use store::backend::Direction;
use store::id::Timestamp;
use store::model::{Due, Reads, View};

/// Known entries in a row after which it is believed that no new one stands before them.
const KNOWN_MAX: usize = 64;
/// Ticks after which the mark is given up, so that what came before it meanwhile is seen: a clock
/// that was set back, a commit that took its time.
const MARK_LASTS: i64 = Timestamp::PER_SECOND;

/// How much earlier than it can be seen a letter may have fallen due: its commit takes that time.
/// What takes longer is seen when all is looked through again.
const LATE: i64 = Timestamp::PER_SECOND / 4;

/// How far the schedule was looked through.
#[derive(Debug, Default)]
pub struct Mark {
    /// What was due before is known or was taken.
    at: Option<Timestamp>,
    /// When the first line was last looked at.
    begun: Timestamp,
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

impl Mark {
    fn start(&mut self, now: Timestamp) -> Timestamp {
        match self.at {
            Some(at) if is_recent(self.begun, now) => at,
            _ => {
                self.begun = now;
                Timestamp(i64::MIN)
            }
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
    /// Looks for what is due and not known yet.
    pub fn queue_look(
        &self,
        mark: &mut Mark,
        portion: Portion,
        is_known: impl Fn(EntryKey) -> bool,
    ) -> Result<Found, EngineError> {
        let view = self.directory().view()?;
        let now = self.now();
        let mut found = Found {
            next: next_due(&view, now)?,
            ..Found::default()
        };
        let since = mark.since(now);
        if since > Timestamp(i64::MIN) {
            let again = mark.searched.0.saturating_add(MARK_LASTS);
            let next = found.next.map_or(again, |next| next.0.min(again));
            found.next = Some(Timestamp(next));
        }
        let (mut fresh, end) = latest(&view, since..=now, portion.most, &is_known)?;
        if mark.note(since, now, end) {
            fresh.reverse(); // Who waits for longest goes first.
            found.entries = fresh;
            return Ok(found);
        }
        found.more = fresh.len() == portion.most;
        fresh.truncate(portion.most.saturating_sub(portion.overdue));
        let taken: HashSet<EntryKey> = fresh.iter().copied().collect();
        let times = mark.start(now)..=now;
        let is_out = |key| is_known(key) || taken.contains(&key);
        let (overdue, end) = overdue(&view, times, portion.overdue, is_out)?;
        mark.at = Some(end);
        found.more |= portion.overdue > 0 && overdue.len() == portion.overdue;
        fresh.extend(overdue);
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

/// What fell due last in these times and is not known, the latest first, and whether that is all.
fn latest(
    view: &View<'_>,
    times: RangeInclusive<Timestamp>,
    most: usize,
    is_known: impl Fn(EntryKey) -> bool,
) -> Result<(Vec<EntryKey>, End), EngineError> {
    let mut latest = Vec::new();
    let mut known = 0;
    let mut end = End::All;
    view.each_due(times, Direction::Backward, &mut |due| {
        if latest.len() == most {
            end = End::Full;
        } else if known == KNOWN_MAX {
            end = End::Known;
        }
        if end != End::All {
            return ControlFlow::Break(());
        }
        let key = key_of(due);
        if is_known(key) {
            known += 1;
        } else {
            known = 0;
            latest.push(key);
        }
        ControlFlow::Continue(())
    })?;
    Ok((latest, end))
}

/// The first entries of these times that are not out, and the time up to which all are now.
fn overdue(
    view: &View<'_>,
    times: RangeInclusive<Timestamp>,
    most: usize,
    is_out: impl Fn(EntryKey) -> bool,
) -> Result<(Vec<EntryKey>, Timestamp), EngineError> {
    let mut found = Vec::new();
    let mut end = *times.start();
    view.each_due(times, Direction::Forward, &mut |due| {
        let key = key_of(due);
        let is_wanted = !is_out(key);
        if is_wanted && found.len() == most {
            return ControlFlow::Break(());
        }
        end = due.at;
        if is_wanted {
            found.push(key);
        }
        ControlFlow::Continue(())
    })?;
    Ok((found, end))
}

fn next_due(view: &View<'_>, now: Timestamp) -> Result<Option<Timestamp>, EngineError> {
    let mut next = None;
    // What is held is due never.
    let later = Timestamp(now.0.saturating_add(1))..=Timestamp(NEVER.0 - 1);
    view.each_due(later, Direction::Forward, &mut |due| {
        next = Some(due.at);
        ControlFlow::Break(())
    })?;
    Ok(next)
}
