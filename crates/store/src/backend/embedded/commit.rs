//! The committer: writes the open span, syncs it, and tells everyone who waits.
//!
//! While one span is on its way to the disk the next one fills, so the disk itself decides how many
//! commits share a sync.

use super::Embedded;
use super::log::{LogWriter, Span, Written};
use super::memtable::{Memtable, Value};
use super::place::OpenSpan;
use super::rows::{BodyRow, body_key, hash_key};
use crate::backend::Key;
use crate::error::StoreError;
use crate::id::AccountId;
use bytes::Bytes;
use std::sync::Arc;

/// A span that was closed: no commit joins it any more.
struct Closed {
    span: OpenSpan,
    first: u64,
    last: u64,
    /// The table in memory that has its rows.
    table: Arc<Memtable>,
    /// True when the table was frozen with this span as its last.
    is_last_of_table: bool,
}

impl Embedded {
    /// Writes and syncs what was placed; false when there was nothing to do.
    ///
    /// A failure makes the store read-only: all who wait get the error, and nothing is tried again.
    pub fn step_commit(&self) -> bool {
        let mut log = self.log.lock();
        let Some(closed) = self.close_span() else {
            return false;
        };
        match self.write_span(&mut log, &closed) {
            Ok(()) => tell(closed.span, &Ok(())),
            Err(error) => {
                let refused = self.fail(&error);
                tell(closed.span, &Err(refused.clone()));
                let later = std::mem::take(&mut self.placing.lock().span);
                tell(later, &Err(refused));
            }
        }
        self.announce();
        true
    }

    /// Takes the open span and begins the next.
    fn close_span(&self) -> Option<Closed> {
        let mut placing = self.placing.lock();
        let count = placing.span.waiting.len() as u64;
        if count == 0 {
            return None;
        }
        let last = placing.next.saturating_sub(1);
        let table = Arc::clone(&self.tables.list().active);
        let is_last_of_table = table.bytes() > self.options.memtable_bytes;
        if is_last_of_table {
            self.tables.freeze();
        }
        let span = std::mem::take(&mut placing.span);
        let first = placing.next.saturating_sub(count);
        Some(Closed {
            span,
            first,
            last,
            table,
            is_last_of_table,
        })
    }

    fn write_span(&self, log: &mut LogWriter, closed: &Closed) -> Result<(), StoreError> {
        let span = Span {
            first: closed.first,
            last: closed.last,
            time: self.world.clock.now(),
            records: &closed.span.records,
        };
        let written = log.write(&span, &|| self.space.give_ballast())?;
        self.space.written_up_to(written.end.offset);
        if written.rolled {
            self.space.look();
        }
        let rows = self.derived_rows(&written)?;
        closed.table.insert(closed.last, rows.into_iter());
        if closed.is_last_of_table {
            closed.table.seal(written.end);
        }
        *self.settled_end.lock() = written.end;
        self.tables.settle(closed.last);
        let changed = closed
            .span
            .waiting
            .iter()
            .map(|(_, accounts)| accounts.as_slice());
        self.wake_watchers(changed);
        Ok(())
    }

    /// The rows that the bodies of a span get now that their places are known.
    fn derived_rows(&self, written: &Written) -> Result<Vec<(Key, Value)>, StoreError> {
        let has_moved = written.bodies.iter().any(|(_, moved)| *moved);
        let view = if has_moved {
            Some(self.placed_view()?)
        } else {
            None
        };
        let mut rows = Vec::with_capacity(written.bodies.len().saturating_mul(2));
        for (row, moved) in &written.bodies {
            match &view {
                Some(view) if *moved => {
                    if Self::body_row(view, row.number)?.is_some() {
                        rows.push((body_key(row.number), Some(row.value())));
                    }
                }
                _ => rows.extend(rows_of_body(row)),
            }
        }
        Ok(rows)
    }

    fn wake_watchers<'a>(&self, changed: impl Iterator<Item = &'a [AccountId]>) {
        if let Some(watcher) = &*self.watcher.read() {
            changed
                .filter(|accounts| !accounts.is_empty())
                .for_each(watcher);
        }
    }
}

/// The rows of a new body.
pub fn rows_of_body(row: &BodyRow) -> [(Key, Value); 2] {
    let number = Bytes::copy_from_slice(&row.number.0.to_be_bytes());
    [
        (body_key(row.number), Some(row.value())),
        (hash_key(&row.layout.hash), Some(number)),
    ]
}

/// Tells all who wait for a span how it ended.
fn tell(span: OpenSpan, result: &Result<(), StoreError>) {
    span.waiting
        .into_iter()
        .for_each(|(settlement, _)| settlement.settle(result.clone()));
}
