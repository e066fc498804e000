//! Opening the log: which segments belong together, where it validly ends, and what the index
//! lacks.
//!
//! Damage is told, never skipped: bad bytes before a segment's known end, or a true frame behind a
//! bad one, are [`StoreError::Corrupt`]. Where only the stored bytes of a body are bad, all else is
//! brought back; whoever reads that body gets the error. Only the unfinished span at the very end is
//! dropped; nobody was told that it was stored.

use super::commit::rows_of_body;
use super::frame::{Carried, Proof, Record, find_later_frame, records};
use super::index::{Index, Rows};
use super::paths::Paths;
use super::rows::{BodyRow, LogPlace, body_key};
use super::segment::{self, Found, SEGMENT_HEADER_BYTES, SegmentHeader, read_exactly};
use crate::backend::block::Secret;
use crate::error::StoreError;
use crate::id::{BodyNumber, Timestamp};
use crate::world::{File, Open, Vfs};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes of records that are brought into the index at a time.
const REPLAY_BYTES: usize = 8 << 20;

/// The log as it was found.
pub struct LogFiles<'a> {
    vfs: &'a dyn Vfs,
    paths: &'a Paths,
    secret: &'a Secret,
    /// The segments that follow one another up to the end, ascending.
    pub chain: Vec<Link>,
    /// Segments that hold nothing that was acknowledged.
    pub void: Vec<u32>,
    /// The highest number that any segment has.
    pub last_number: u32,
    /// Frames that were read although stored bytes of their bodies are damaged.
    pub damaged_frames: Cell<u64>,
}

/// A segment of the chain.
pub struct Link {
    /// Its header.
    pub header: SegmentHeader,
    /// Its file.
    pub file: Arc<dyn File>,
    /// Where it validly ends, as its successor says; `None` for the last.
    pub end: Option<LogPlace>,
}

/// Takes a span and says whether to go on.
pub type Visit<'a> = dyn FnMut(ReadSpan) -> Result<bool, StoreError> + 'a;

/// The commits of one span, as read from the log.
pub struct ReadSpan {
    /// The log's end after it.
    pub end: LogPlace,
    /// When it was closed.
    pub time: Timestamp,
    /// Its frames, with the segments in which they lie.
    pub frames: Vec<(u32, Found)>,
}

impl ReadSpan {
    /// Its frames of which stored bytes of bodies are damaged.
    pub fn damaged_frames(&self) -> impl Iterator<Item = &(u32, Found)> {
        let is_damaged = |(_, found): &&(u32, Found)| found.proof == Proof::BodiesDamaged;
        self.frames.iter().filter(is_damaged)
    }
}

/// What is told of a frame of which only stored bytes of bodies are damaged.
pub fn damaged_bodies(segment: u32, found: &Found) -> StoreError {
    damaged(
        segment,
        found.records_at,
        "a body in the frame there does not match its checksum",
    )
}

impl<'a> LogFiles<'a> {
    /// Finds the chain of segments.
    pub fn find(
        vfs: &'a dyn Vfs,
        paths: &'a Paths,
        secret: &'a Secret,
    ) -> Result<Self, StoreError> {
        let numbers = segment::list(vfs, paths)?;
        let mut found = BTreeMap::new();
        for &number in &numbers {
            let file = vfs.open(&paths.segment(number), Open::Read)?;
            found.insert(number, (SegmentHeader::read(secret, &*file)?, file));
        }
        let last_number = numbers.last().copied().unwrap_or_default();
        let mut files = Self {
            vfs,
            paths,
            secret,
            chain: Vec::new(),
            void: Vec::new(),
            last_number,
            damaged_frames: Cell::default(),
        };
        files.follow(&found)?;
        Ok(files)
    }

    /// Walks from the newest segment to the oldest that still exists.
    fn follow(
        &mut self,
        found: &BTreeMap<u32, (Option<SegmentHeader>, Arc<dyn File>)>,
    ) -> Result<(), StoreError> {
        let mut end: Option<LogPlace> = None;
        for (&number, (header, file)) in found.iter().rev() {
            match (end, header) {
                (Some(end), _) if number > end.segment => self.void.push(number),
                (Some(end), _) if number < end.segment => break, // Only bodies are left there.
                (_, Some(header)) if header.number == number => {
                    self.chain.push(Link {
                        header: *header,
                        file: Arc::clone(file),
                        end,
                    });
                    end = Some(header.follows);
                }
                (None, _) if self.is_unused(&**file)? => self.void.push(number),
                _ => return Err(damaged(number, 0, "its header does not match its checksum")),
            }
        }
        self.chain.reverse();
        Ok(())
    }

    /// True when a segment without a header holds no frame either: it was being made when the power
    /// went.
    fn is_unused(&self, file: &dyn File) -> Result<bool, StoreError> {
        let bytes = read_exactly(file, 0, file.len()?)?.unwrap_or_default();
        Ok(find_later_frame(self.secret, &bytes, 0).is_none())
    }

    /// The place before the first frame of the chain, whatever was before.
    pub fn chain_start(&self) -> LogPlace {
        let follows = self
            .chain
            .first()
            .map(|link| link.header.follows)
            .unwrap_or_default();
        LogPlace {
            segment: 0,
            ..follows
        }
    }

    /// The place before the first frame of the chain, when that is the beginning of all.
    pub fn beginning(&self) -> Result<LogPlace, StoreError> {
        match self.chain.first() {
            None => Ok(LogPlace::default()),
            Some(link) if link.header.follows.segment == 0 => Ok(link.header.follows),
            Some(link) => Err(StoreError::Corrupt(format!(
                "the log begins at segment {}, without index or base dump for what was before",
                link.header.number
            ))),
        }
    }

    /// The segment whose loss breaks the chain behind a place; `None` when all is there.
    pub fn gap_after(&self, place: LogPlace) -> Option<u32> {
        let SegmentHeader {
            number, follows, ..
        } = self.chain.first()?.header;
        let is_whole = number <= place.segment || follows.segment == 0;
        (!is_whole).then_some(follows.segment)
    }

    /// Reads the spans after `from` in order until `visit` answers `false`; answers the end of what
    /// was read.
    pub fn read(&self, from: LogPlace, visit: &mut Visit<'_>) -> Result<LogPlace, StoreError> {
        let is_known = |link: &Link| link.header.number == from.segment;
        let start = match self.chain.iter().position(is_known) {
            Some(start) => start,
            None if from.segment == 0 => 0,
            None => {
                let number = self.gap_after(from).unwrap_or(from.segment);
                return Err(missing(number));
            }
        };
        let is_cut = |link: &&Link| from.segment == 0 && link.header.follows.segment > 0;
        let cut = self.chain.first().filter(is_cut);
        let mut reader = ChainReader {
            files: self,
            at: from,
            committed: from,
            span: Vec::new(),
            amid: cut.map(|_| from.position),
        };
        for link in self.chain.iter().skip(start) {
            reader.enter(link)?;
            if !reader.read_segment(link, visit)? {
                break;
            }
        }
        Ok(reader.committed)
    }

    /// Brings into the index what it lacks; answers the end of the log.
    pub fn replay(&self, index: &Index, from: LogPlace) -> Result<LogPlace, StoreError> {
        self.replay_until(index, from, &|_| true)
    }

    /// Brings into the index the spans that are wanted, up to the first that is not.
    pub fn replay_until(
        &self,
        index: &Index,
        from: LogPlace,
        is_wanted: &dyn Fn(&ReadSpan) -> bool,
    ) -> Result<LogPlace, StoreError> {
        let mut end = from;
        let mut waiting: Vec<ReadSpan> = Vec::new();
        let mut bytes = 0_usize;
        self.read(from, &mut |span| {
            if !is_wanted(&span) {
                return Ok(false);
            }
            end = span.end;
            bytes = span
                .frames
                .iter()
                .fold(bytes, |sum, (_, f)| sum.saturating_add(f.records.len()));
            waiting.push(span);
            if bytes >= REPLAY_BYTES {
                bytes = 0;
                apply(index, &std::mem::take(&mut waiting))?;
            }
            Ok(true)
        })?;
        apply(index, &waiting)?;
        index.change(end, |_| Ok(()))?;
        match index.checkpoint() {
            // It can be read as it is; the next start has the same to do.
            Err(StoreError::Full) => {}
            ended => ended?,
        }
        Ok(end)
    }

    /// Gives back the room behind the log's end. To be called once, as a rule when a new segment says
    /// where that is; before, only when there is no room for one.
    pub fn tidy(&self, end: LogPlace) -> Result<(), StoreError> {
        let behind = self.chain.iter().map(|link| link.header.number);
        for number in behind
            .filter(|number| *number > end.segment)
            .chain(self.void.iter().copied())
        {
            self.vfs.remove(&self.paths.segment(number))?;
        }
        if self
            .chain
            .iter()
            .any(|link| link.header.number == end.segment)
        {
            let last = self
                .vfs
                .open(&self.paths.segment(end.segment), Open::Write)?;
            last.set_len(end.offset)?;
        }
        Ok(())
    }
}

/// Walks along the chain of frames.
struct ChainReader<'a> {
    files: &'a LogFiles<'a>,
    /// Where the next frame begins, and what it must follow.
    at: LogPlace,
    /// The end of the last complete span.
    committed: LogPlace,
    /// Frames of a span whose end is still to come.
    span: Vec<(u32, Found)>,
    /// The position before the span in which the chain begins, up to the span behind it: only that
    /// tells how many commits were in segments that are gone.
    amid: Option<u64>,
}

impl ChainReader<'_> {
    /// Goes on to a segment.
    fn enter(&mut self, link: &Link) -> Result<(), StoreError> {
        let SegmentHeader {
            number, follows, ..
        } = link.header;
        if number == self.at.segment {
            return Ok(());
        }
        let joined = self.at.segment == 0
            || (follows.offset, follows.checksum) == (self.at.offset, self.at.checksum);
        if !joined {
            return Err(damaged(
                number,
                0,
                "it does not follow the segment before it",
            ));
        }
        self.at.segment = number;
        self.at.offset = SEGMENT_HEADER_BYTES;
        self.at.checksum = follows.checksum;
        self.at.next_body = self.at.next_body.max(follows.next_body);
        Ok(())
    }

    fn read_segment(&mut self, link: &Link, visit: &mut Visit<'_>) -> Result<bool, StoreError> {
        while link.end.is_none_or(|end| self.at.offset < end.offset) {
            match self.next_frame(link)? {
                Some(found) if self.is_torn(link, &found)? => break,
                Some(found) => {
                    if !self.take(found, visit)? {
                        return Ok(false);
                    }
                }
                None if link.end.is_some() => {
                    let text = "the bytes there do not match their checksum";
                    return Err(damaged(self.at.segment, self.at.offset, text));
                }
                None => {
                    self.check_tail(&*link.file)?;
                    break;
                }
            }
        }
        Ok(true)
    }

    /// True when a frame with damaged bodies is the unfinished end of the log rather than one that
    /// was damaged later.
    fn is_torn(&self, link: &Link, found: &Found) -> Result<bool, StoreError> {
        let is_damaged = found.proof == Proof::BodiesDamaged;
        Ok(is_damaged && link.end.is_none() && self.later_frame(&*link.file)?.is_none())
    }

    fn next_frame(&self, link: &Link) -> Result<Option<Found>, StoreError> {
        let found = segment::read_frame(self.files.secret, &*link.file, self.at.offset)?;
        let next = self.committed.position.saturating_add(1);
        Ok(found.filter(|found| {
            let first = found.header.first;
            let follows = first == next || self.amid.is_some() && first > next;
            found.header.predecessor == self.at.checksum && follows
        }))
    }

    /// Takes a frame; a span is told when its last frame is there.
    fn take(&mut self, found: Found, visit: &mut Visit<'_>) -> Result<bool, StoreError> {
        let header = found.header;
        if found.proof == Proof::BodiesDamaged {
            let count = &self.files.damaged_frames;
            count.set(count.get().saturating_add(1));
        }
        self.at.offset = self.at.offset.saturating_add(header.frame_len());
        self.at.checksum = header.checksum;
        self.span.push((self.at.segment, found));
        if !header.commits {
            return Ok(true);
        }
        let frames = std::mem::take(&mut self.span);
        let commits = count_commits(&frames, &mut self.at)?;
        let before = header.first.saturating_sub(1);
        self.amid = self.amid.filter(|at| *at == self.committed.position);
        self.at.position = before.saturating_add(commits);
        self.committed = self.at;
        visit(ReadSpan {
            end: self.at,
            time: header.time,
            frames,
        })
    }

    /// Makes sure that what could not be read is the end of the log and not a hole in it.
    fn check_tail(&self, file: &dyn File) -> Result<(), StoreError> {
        match self.later_frame(file)? {
            None => Ok(()),
            Some(later) => {
                let text = format!("the bytes there are bad, but a true frame follows at {later}");
                Err(damaged(self.at.segment, self.at.offset, &text))
            }
        }
    }

    /// Where a true frame of a later span lies behind this place.
    fn later_frame(&self, file: &dyn File) -> Result<Option<u64>, StoreError> {
        let len = file.len()?.saturating_sub(self.at.offset);
        let tail = read_exactly(file, self.at.offset, len)?.unwrap_or_default();
        let next = self.committed.position.saturating_add(1);
        let later = find_later_frame(self.files.secret, &tail, next);
        Ok(later.map(|at| self.at.offset.saturating_add(at as u64)))
    }
}

/// Counts the commits of a span and notes the numbers of its bodies.
fn count_commits(frames: &[(u32, Found)], at: &mut LogPlace) -> Result<u64, StoreError> {
    let mut commits = 0_u64;
    for record in frames.iter().flat_map(|(_, found)| records(&found.records)) {
        match record? {
            Record::Start => commits = commits.saturating_add(1),
            Record::Body(Carried { number, .. }) | Record::File(BodyRow { number, .. }) => {
                at.saw_body(number);
            }
            _ => {}
        }
    }
    Ok(commits)
}

/// A segment that should be there is not.
pub fn missing(segment: u32) -> StoreError {
    StoreError::Corrupt(format!("segment {segment} of the log is missing"))
}

fn damaged(segment: u32, offset: u64, what: &str) -> StoreError {
    StoreError::Corrupt(format!(
        "segment {segment} of the log at byte {offset}: {what}"
    ))
}

/// Brings spans into the index.
fn apply(index: &Index, spans: &[ReadSpan]) -> Result<(), StoreError> {
    let Some(last) = spans.last() else {
        return Ok(());
    };
    index.change(last.end, |rows| {
        for span in spans {
            apply_span(rows, span)?;
        }
        Ok(())
    })
}

/// Writes the rows that a span leads to, in the order in which the committer did.
pub fn apply_span(rows: &mut Rows<'_>, span: &ReadSpan) -> Result<(), StoreError> {
    let mut bodies: Vec<(BodyRow, bool)> = Vec::new();
    for (segment, found) in &span.frames {
        for record in records(&found.records) {
            match record? {
                Record::Start => {}
                Record::Put(key, value) => rows.write(key, Some(value))?,
                Record::Delete(key) => rows.write(key, None)?,
                Record::Body(body) => bodies.push((body.row(*segment, found.records_at), false)),
                Record::Moved(body) => bodies.push((body.row(*segment, found.records_at), true)),
                Record::File(row) => bodies.push((row, false)),
            }
        }
    }
    for (row, moved) in &bodies {
        apply_body(rows, row, *moved)?;
    }
    Ok(())
}

fn apply_body(rows: &mut Rows<'_>, row: &BodyRow, moved: bool) -> Result<(), StoreError> {
    if !moved {
        for (key, value) in rows_of_body(row) {
            rows.write(&key, value.as_deref())?;
        }
    } else if is_alive(rows, row.number)? {
        rows.write(&body_key(row.number), Some(&row.value()))?;
    }
    Ok(())
}

fn is_alive(rows: &Rows<'_>, number: BodyNumber) -> Result<bool, StoreError> {
    Ok(rows.value(&body_key(number))?.is_some())
}
