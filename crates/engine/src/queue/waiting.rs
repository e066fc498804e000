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

/// How far the schedule was looked through.
#[derive(Debug, Default)]
pub struct Mark {
    /// What was due before is known or was taken.
    at: Option<Timestamp>,
    /// When the first line was last looked at.
    begun: Timestamp,
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
    /// When the next one falls due.
    pub next: Option<Timestamp>,
}

impl Mark {
    fn start(&mut self, now: Timestamp) -> Timestamp {
        let age = now.0.saturating_sub(self.begun.0);
        match self.at {
            Some(at) if (0..MARK_LASTS).contains(&age) => at,
            _ => {
                self.begun = now;
                Timestamp(i64::MIN)
            }
        }
    }
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
        let (mut fresh, is_all) = latest(&view, now, portion.most, &is_known)?;
        if is_all {
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

/// What fell due last and is not known, the latest first, and whether that is all that is due.
fn latest(
    view: &View<'_>,
    now: Timestamp,
    most: usize,
    is_known: impl Fn(EntryKey) -> bool,
) -> Result<(Vec<EntryKey>, bool), EngineError> {
    let mut latest = Vec::new();
    let mut known = 0;
    let mut is_all = true;
    let all = Timestamp(i64::MIN)..=now;
    view.each_due(all, Direction::Backward, &mut |due| {
        is_all = latest.len() < most && known < KNOWN_MAX;
        if !is_all {
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
    Ok((latest, is_all))
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
