//! Verifies everything that is kept: each frame, each base, each page of the index, each body, and
//! the rows that lead to them.
//!
//! Runs beside a working store. What the rows of the model mean is not looked at here.

use super::Embedded;
use super::base;
use super::dictionaries;
use super::frame::Proof;
use super::index;
use super::recover::{self, LogFiles};
use super::rows::{BODY_TAG, BodyRow, HASH_TAG, REFERENCE_TAG, body_key, body_of_key, hash_key};
use super::segment::{SEGMENT_HEADER_BYTES, SegmentHeader, read_frame};
use super::view::View;
use crate::backend::{Direction, Read};
use crate::error::StoreError;
use crate::id::BodyNumber;
use crate::world::{File, Open};
use bytes::Bytes;

/// Problems listed; more are only counted.
const PROBLEMS_MAX: usize = 1_000;
/// Rows looked at under one view of the store.
const ROWS_PER_STEP: usize = 1_024;

/// Looks at one row; problems go to the report.
type RowCheck = fn(&Embedded, &View, &[u8], &Bytes, &mut CheckReport) -> Result<(), StoreError>;

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Frames of the log that were verified.
    pub frames: u64,
    /// Bodies that were read and held against their hashes.
    pub bodies: u64,
    /// Bodies to which nobody refers any more, waiting for the collector.
    pub unreferenced: u64,
    /// Rows that refer to a body.
    pub references: u64,
    /// Bodies that cannot be read; at most a thousand.
    pub damaged_bodies: Vec<BodyNumber>,
    /// What is wrong, in sentences; at most a thousand.
    pub problems: Vec<String>,
    /// Problems beyond those.
    pub problems_unlisted: u64,
}

impl CheckReport {
    /// True when nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    fn problem(&mut self, text: String) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(text);
        } else {
            self.problems_unlisted = self.problems_unlisted.saturating_add(1);
        }
    }

    fn note(&mut self, result: Result<(), StoreError>) {
        if let Err(error) = result {
            self.problem(error.to_string());
        }
    }
}

impl Embedded {
    /// Verifies all frames, bases, pages of the index and bodies, and that the rows of bodies agree
    /// with one another.
    ///
    /// Damage is in the report; behind a page of the index that cannot be read nothing is looked at.
    pub fn check(&self) -> Result<CheckReport, StoreError> {
        let lease = self.lease();
        let mut report = CheckReport::default();
        let checked = self.check_log(&mut report);
        report.note(checked);
        for info in self.bases.lock().clone() {
            let path = self.paths.base(info.place.position);
            let ignore = &mut |_: &[u8]| Ok(());
            let read = base::read(&*self.world.vfs, &path, self.bodies.secret(), ignore);
            report.note(read.map(drop));
        }
        for path in dictionaries::damaged(&*self.world.vfs, &self.paths, self.bodies.secret())? {
            let text = format!("dictionary {}", path.display());
            report.note(Err(StoreError::Corrupt(text)));
        }
        drop(lease);
        let checked = self.check_index(&mut report);
        report.note(checked);
        Ok(report)
    }

    /// Verifies the index, and what its rows say of bodies.
    fn check_index(&self, report: &mut CheckReport) -> Result<(), StoreError> {
        for page in self.index.verify()? {
            report.note(Err(index::damaged(&format!(
                "page {page} does not match its checksum"
            ))));
        }
        self.check_rows(BODY_TAG, report, Self::check_body)?;
        self.check_rows(HASH_TAG, report, check_hash)?;
        self.check_rows(REFERENCE_TAG, report, check_reference)
    }

    fn check_log(&self, report: &mut CheckReport) -> Result<(), StoreError> {
        let (vfs, secret) = (&*self.world.vfs, self.bodies.secret());
        let (mut files, end) = {
            // So that the last segment found is the one in which the log ends.
            let _no_commit_meanwhile = self.log.lock();
            (
                LogFiles::find(vfs, &self.paths, secret)?,
                *self.settled_end.lock(),
            )
        };
        if let Some(last) = files.chain.last_mut() {
            last.end = Some(end); // Behind it the committer is writing.
        }
        let oldest = self.bases.lock().first().map(|base| base.place);
        if let Some(number) = files.gap_after(oldest.unwrap_or_default()) {
            report.note(Err(recover::missing(number)));
        }
        let start = files.chain_start();
        files.read(start, &mut |span| {
            report.frames = report.frames.saturating_add(span.frames.len() as u64);
            for (segment, found) in span.damaged_frames() {
                report.note(Err(recover::damaged_bodies(*segment, found)));
            }
            Ok(true)
        })?;
        let first = files.chain.first().map_or(0, |link| link.header.number);
        for number in super::segment::list(vfs, &self.paths)? {
            if number < first {
                let file = vfs.open(&self.paths.segment(number), Open::Read)?;
                let checked = self.check_segment(number, &*file, report);
                report.note(checked);
            }
        }
        Ok(())
    }

    /// Verifies a segment that is kept for its bodies only: it is full of frames to its end.
    fn check_segment(
        &self,
        number: u32,
        file: &dyn File,
        report: &mut CheckReport,
    ) -> Result<(), StoreError> {
        let damaged =
            |at: u64| StoreError::Corrupt(format!("segment {number} of the log at byte {at}"));
        let header = SegmentHeader::read(self.bodies.secret(), file)?.ok_or_else(|| damaged(0))?;
        let mut last = header.follows.checksum;
        let mut at = SEGMENT_HEADER_BYTES;
        while at < file.len()? {
            let found = read_frame(self.bodies.secret(), file, at)?;
            let Some(found) = found.filter(|found| found.header.predecessor == last) else {
                return Err(damaged(at));
            };
            if found.proof == Proof::BodiesDamaged {
                report.note(Err(recover::damaged_bodies(number, &found)));
            }
            report.frames = report.frames.saturating_add(1);
            at = at.saturating_add(found.header.frame_len());
            last = found.header.checksum;
        }
        Ok(())
    }

    /// Calls `check` for all rows with a tag, in portions, each under a view of its own.
    fn check_rows(
        &self,
        tag: u8,
        report: &mut CheckReport,
        check: RowCheck,
    ) -> Result<(), StoreError> {
        let mut start = vec![tag];
        loop {
            let view = self.settled_view()?;
            let mut rows = Vec::new();
            view.scan(
                &start..&[tag.saturating_add(1)],
                Direction::Forward,
                &mut |key, value| {
                    rows.push((key.to_vec(), Bytes::copy_from_slice(value)));
                    rows.len() < ROWS_PER_STEP
                },
            )?;
            for (key, value) in &rows {
                check(self, &view, key, value, report)?;
            }
            match rows.pop() {
                Some((last, _)) => start = [&last[..], &[0]].concat(),
                None => return Ok(()),
            }
        }
    }

    fn check_body(
        &self,
        view: &View,
        key: &[u8],
        value: &Bytes,
        report: &mut CheckReport,
    ) -> Result<(), StoreError> {
        let Some(number) = body_of_key(key) else {
            report.problem("a body's row has no number".into());
            return Ok(());
        };
        report.bodies = report.bodies.saturating_add(1);
        let row = match BodyRow::parse(number, value) {
            Ok(row) => row,
            Err(error) => {
                report.problem(error.to_string());
                return Ok(());
            }
        };
        if Self::dead_row(view, number)?.is_some() {
            report.unreferenced = report.unreferenced.saturating_add(1);
        }
        if view.get(&hash_key(&row.layout.hash))?.is_none() {
            report.problem(format!("body {}: its hash leads nowhere", number.0));
        }
        if let Err(error) = self.bodies.read_stored(&row, 0..u64::MAX) {
            // The collector may have moved or removed it since.
            let now = Self::body_row(&self.placed_view()?, number)?;
            if now == Some(row) {
                if report.damaged_bodies.len() < PROBLEMS_MAX {
                    report.damaged_bodies.push(number);
                }
                report.problem(error.to_string());
            }
        }
        Ok(())
    }
}

fn check_hash(
    _store: &Embedded,
    view: &View,
    key: &[u8],
    value: &Bytes,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    let number = value
        .first_chunk()
        .map(|bytes| BodyNumber(u64::from_be_bytes(*bytes)));
    let row = match number {
        Some(number) => Embedded::body_row(view, number)?,
        None => None,
    };
    if row.is_none_or(|row| hash_key(&row.layout.hash).as_slice() != key) {
        report.problem("a hash leads to a body of another content, or to none".into());
    }
    Ok(())
}

fn check_reference(
    _store: &Embedded,
    view: &View,
    key: &[u8],
    _value: &Bytes,
    report: &mut CheckReport,
) -> Result<(), StoreError> {
    report.references = report.references.saturating_add(1);
    let body = body_of_key(key);
    let is_there = match body {
        Some(body) => view.get(&body_key(body))?.is_some(),
        None => false,
    };
    if !is_there {
        let number = body.map_or(0, |body| body.0);
        report.problem(format!("body {number} is referred to but does not exist"));
    }
    Ok(())
}
