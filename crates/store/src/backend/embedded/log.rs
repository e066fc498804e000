//! The front of the log, where spans are written. The committer alone uses it.
//!
//! A failed write or sync is final: the caller makes the store read-only and never tries again,
//! because after a failed fdatasync nobody knows what is on disk.

use super::figures::LogLength;
use super::frame::{HEADER_BYTES, Header, Records};
use super::paths::Paths;
use super::rows::{BodyRow, LogPlace};
use super::segment::{SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::backend::block::Secret;
use crate::error::StoreError;
use crate::id::Timestamp;
use crate::world::{File, Vfs};
use std::sync::Arc;

/// Writes spans at the end of the log.
pub struct LogWriter {
    vfs: Arc<dyn Vfs>,
    paths: Paths,
    secret: Secret,
    segment_bytes: u64,
    file: Arc<dyn File>,
    file_bytes: u64,
    length: Arc<LogLength>,
    end: LogPlace,
}

/// What is to be written as one.
pub struct Span<'a> {
    /// Position of its first commit.
    pub first: u64,
    /// Position of its last commit.
    pub last: u64,
    /// When it was closed.
    pub time: Timestamp,
    /// Its records.
    pub records: &'a Records,
}

/// Where a span came to lie.
pub struct Written {
    /// The end of the log after it.
    pub end: LogPlace,
    /// The rows of its bodies; the flag is that of [`Records::body_rows`].
    pub bodies: Vec<(BodyRow, bool)>,
    /// True when a new segment was begun.
    pub rolled: bool,
}

impl LogWriter {
    /// Begins a new segment after `end`: after each opening, so that a torn tail stays behind a
    /// known end.
    pub fn begin(
        vfs: Arc<dyn Vfs>,
        paths: Paths,
        secret: Secret,
        segment_bytes: u64,
        (number, end, time): (u32, LogPlace, Timestamp),
    ) -> Result<Self, StoreError> {
        let header = SegmentHeader {
            number,
            follows: end,
            time,
        };
        let file = header.create(&*vfs, &paths, &secret, segment_bytes)?;
        let end = LogPlace {
            segment: number,
            offset: SEGMENT_HEADER_BYTES,
            ..end
        };
        Ok(Self {
            vfs,
            paths,
            secret,
            segment_bytes,
            file,
            file_bytes: segment_bytes,
            length: Arc::default(),
            end,
        })
    }

    /// The length of the whole log, which goes on being right.
    pub fn length(&self) -> Arc<LogLength> {
        Arc::clone(&self.length)
    }

    /// Where the log ends.
    pub fn end(&self) -> LogPlace {
        self.end
    }

    /// Writes and syncs a span. `make_room` is called once when there is no space for a new
    /// segment.
    pub fn write(
        &mut self,
        span: &Span<'_>,
        make_room: &dyn Fn() -> bool,
    ) -> Result<Written, StoreError> {
        let frames = span.records.frames();
        let count = frames.len();
        let mut places = Vec::with_capacity(count);
        let mut rolled = false;
        for (index, range) in frames.into_iter().enumerate() {
            let start = range.start;
            let records = span.records.frame(range);
            rolled |= self.roll_if_full(records.len(), span.time, make_room)?;
            let commits = index.saturating_add(1) == count;
            places.push((
                start,
                self.end.segment,
                self.write_frame(span, commits, records)?,
            ));
        }
        self.file.sync()?;
        self.end.position = span.last;
        let bodies = span.records.body_rows(&places);
        for (row, _) in &bodies {
            self.end.saw_body(row.number);
        }
        Ok(Written {
            end: self.end,
            bodies,
            rolled,
        })
    }

    /// Writes one frame and tells where its records begin.
    fn write_frame(
        &mut self,
        span: &Span<'_>,
        commits: bool,
        records: &[u8],
    ) -> Result<u64, StoreError> {
        let named = (span.first, span.time);
        let header = Header::seal(&self.secret, named, commits, self.end.checksum, records)?;
        let records_at = self.end.offset.saturating_add(HEADER_BYTES as u64);
        self.file.write_at(&header.bytes(), self.end.offset)?;
        self.file.write_at(records, records_at)?;
        self.end.offset = self.end.offset.saturating_add(header.frame_len());
        self.end.checksum = header.checksum;
        Ok(records_at)
    }

    /// Begins the next segment when a frame does not fit into this one.
    fn roll_if_full(
        &mut self,
        records_len: usize,
        time: Timestamp,
        make_room: &dyn Fn() -> bool,
    ) -> Result<bool, StoreError> {
        let frame_len = (records_len as u64).saturating_add(HEADER_BYTES as u64);
        let begun = self.end.offset > SEGMENT_HEADER_BYTES;
        if !begun || self.end.offset.saturating_add(frame_len) <= self.segment_bytes {
            return Ok(false);
        }
        // The next header will swear to what stands here, so it must be on disk before.
        self.file.set_len(self.end.offset)?;
        self.file.sync()?;
        self.length
            .shorten(self.file_bytes.saturating_sub(self.end.offset));
        self.file_bytes = self.end.offset;
        let number = self
            .end
            .segment
            .checked_add(1)
            .ok_or(StoreError::TooLarge)?;
        let header = SegmentHeader {
            number,
            follows: self.end,
            time,
        };
        let len = self
            .segment_bytes
            .max(SEGMENT_HEADER_BYTES.saturating_add(frame_len));
        let create = || header.create(&*self.vfs, &self.paths, &self.secret, len);
        self.file = match create() {
            Err(StoreError::Full) if make_room() => create()?,
            created => created?,
        };
        self.file_bytes = len;
        self.length.add(len);
        self.end.segment = number;
        self.end.offset = SEGMENT_HEADER_BYTES;
        Ok(true)
    }
}
