//! Base dumps: all keys at one position of the log, in one checksummed file.
//!
//! With the frames after it, a base says everything that the log said before it; so older segments
//! need to be kept for their living bodies only. A base is a file of the log's own form: a header
//! that names the place in the log, then frames of rows, the last with the commit mark.

use super::Embedded;
use super::frame::{HEADER_BYTES, Header, Record, Records, records};
use super::index::{Index, filling};
use super::paths::{Paths, base_position};
use super::rows::{BODY_TAG, BodyRow, LogPlace, body_of_key};
use super::segment::{SEGMENT_HEADER_BYTES, SegmentHeader, read_frame};
use super::view::View;
use crate::backend::block::Secret;
use crate::backend::{Direction, Read};
use crate::error::StoreError;
use crate::id::Timestamp;
use crate::world::{File, Open, Vfs};
use std::path::Path;
use std::sync::Arc;

/// Rows are written in frames of about this size.
const FRAME_BYTES: usize = 1 << 20;
/// Bytes that are brought to the disk at a time: commits of others wait for no more than that.
const SYNC_BYTES: u64 = 8 << 20;
/// Keys above all others.
const KEY_END: [u8; 1] = [0xff];
/// Bases within one part of the restore window are thinned out to one.
const BASES_PER_WINDOW: i64 = 4;

/// What is known of a base without reading its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaseInfo {
    /// The place in the log whose rows it has.
    pub place: LogPlace,
    /// When it was made.
    pub time: Timestamp,
}

/// Writes frames of rows to a file.
struct BaseWriter<'a> {
    secret: &'a Secret,
    file: Arc<dyn File>,
    waiting: Records,
    at: u64,
    synced: u64,
    place: LogPlace,
    time: Timestamp,
    last: [u8; 16],
}

impl BaseWriter<'_> {
    fn write_frame(&mut self, commits: bool) -> Result<(), StoreError> {
        let waiting = std::mem::take(&mut self.waiting);
        let rows = waiting.all();
        let named = (self.place.position, self.time);
        let header = Header::seal(self.secret, named, commits, self.last, rows)?;
        self.file.write_at(&header.bytes(), self.at)?;
        self.file
            .write_at(rows, self.at.saturating_add(HEADER_BYTES as u64))?;
        self.at = self.at.saturating_add(header.frame_len());
        self.last = header.checksum;
        if self.at.saturating_sub(self.synced) >= SYNC_BYTES {
            self.file.sync()?;
            self.synced = self.at;
        }
        Ok(())
    }

    fn row(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.waiting.write(key, Some(value))?;
        if self.waiting.len() >= FRAME_BYTES {
            self.write_frame(false)
        } else {
            Ok(())
        }
    }
}

/// Writes all rows of a view to a new base; it gets its name once it is whole and synced.
pub fn dump(
    vfs: &dyn Vfs,
    paths: &Paths,
    secret: &Secret,
    view: &View,
    (place, time): (LogPlace, Timestamp),
) -> Result<BaseInfo, StoreError> {
    let path = paths.base(place.position);
    let unfinished = path.with_extension("new");
    let file = vfs.open(&unfinished, Open::Create)?;
    file.set_len(0)?;
    file.write_at(
        &SegmentHeader {
            number: 0,
            follows: place,
            time,
        }
        .bytes(secret),
        0,
    )?;
    let (waiting, at, last) = (Records::default(), SEGMENT_HEADER_BYTES, [0; 16]);
    let mut writer = BaseWriter {
        secret,
        file,
        waiting,
        at,
        synced: at,
        place,
        time,
        last,
    };
    let mut failed = Ok(());
    view.scan(&[]..&KEY_END, Direction::Forward, &mut |key, value| {
        failed = writer.row(key, value);
        failed.is_ok()
    })?;
    failed?;
    writer.write_frame(true)?;
    writer.file.sync()?;
    vfs.rename(&unfinished, &path)?;
    vfs.sync_directory(&paths.bases())?;
    Ok(BaseInfo { place, time })
}

fn body_row(key: &[u8], value: &[u8]) -> Option<BodyRow> {
    let number = body_of_key(key).filter(|_| key.first() == Some(&BODY_TAG))?;
    BodyRow::parse(number, value).ok()
}

/// Reads a base, frame by frame; an error where it does not match its checksums.
pub fn read(
    vfs: &dyn Vfs,
    path: &Path,
    secret: &Secret,
    visit: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<BaseInfo, StoreError> {
    let damaged = || StoreError::Corrupt(format!("base dump {}", path.display()));
    let file = vfs.open(path, Open::Read)?;
    let header = SegmentHeader::read(secret, &*file)?.ok_or_else(damaged)?;
    let mut at = SEGMENT_HEADER_BYTES;
    let mut last = [0; 16];
    loop {
        let found = read_frame(secret, &*file, at)?.ok_or_else(damaged)?;
        let expected = (last, header.follows.position);
        if (found.header.predecessor, found.header.first) != expected {
            return Err(damaged());
        }
        visit(&found.records)?;
        if found.header.commits {
            return Ok(BaseInfo {
                place: header.follows,
                time: header.time,
            });
        }
        at = at.saturating_add(found.header.frame_len());
        last = found.header.checksum;
    }
}

/// Visits the rows of bodies in a base.
pub fn visit_bodies(
    vfs: &dyn Vfs,
    path: &Path,
    secret: &Secret,
    visit: &mut dyn FnMut(BodyRow),
) -> Result<BaseInfo, StoreError> {
    read(vfs, path, secret, &mut |frame| {
        for record in records(frame) {
            if let Record::Put(key, value) = record? {
                body_row(key, value).into_iter().for_each(&mut *visit);
            }
        }
        Ok(())
    })
}

/// The positions of the bases that exist, ascending.
pub fn list(vfs: &dyn Vfs, paths: &Paths) -> Result<Vec<u64>, StoreError> {
    let mut positions: Vec<u64> = vfs
        .list(&paths.bases())?
        .iter()
        .filter_map(|path| base_position(path))
        .collect();
    positions.sort_unstable();
    Ok(positions)
}

/// Brings a base into an empty index; answers its place in the log.
pub fn load(
    vfs: &dyn Vfs,
    paths: &Paths,
    secret: &Secret,
    index: &Index,
    place: LogPlace,
) -> Result<LogPlace, StoreError> {
    let path = paths.base(place.position);
    let info = read(vfs, &path, secret, &mut |frame| {
        index.change(LogPlace::default(), |rows| {
            let found: Vec<_> = records(frame).collect::<Result<_, _>>()?;
            let rows_of = found.iter().filter_map(|record| match record {
                Record::Put(key, value) => Some((*key, *value)),
                _ => None,
            });
            for (key, value) in filling(rows_of, |(key, value)| key.len() + value.len()) {
                rows.write(key, Some(value))?;
            }
            Ok(())
        })
    })?;
    Ok(info.place)
}

impl Embedded {
    /// Dumps all keys when enough log was written since the last dump; false when it was not.
    pub fn step_base(&self) -> bool {
        let end = *self.settled_end.lock();
        let last = self.newest_base();
        let written = self.log_distance(last.unwrap_or_default(), end);
        let is_due = written >= self.options.base_bytes
            || (self.space.is_low() && written >= self.options.segment_bytes);
        if !is_due || self.check_writable().is_err() {
            return false;
        }
        // A failed dump leaves the log whole; it is tried again when more was written.
        self.dump_base().is_ok()
    }

    /// Dumps all keys now.
    pub fn dump_base(&self) -> Result<(), StoreError> {
        let mut bases = self.bases.lock();
        self.apply_what_waits();
        let (view, place) = self.view_with_place()?;
        let place = self.behind_last_frame(place)?;
        let time = self.world.clock.now();
        let vfs = &*self.world.vfs;
        let info = dump(vfs, &self.paths, self.bodies.secret(), &view, (place, time));
        let info = info.inspect_err(|_| {
            // Half a dump on a full disk would only take room.
            let _ = vfs.remove(&self.paths.base(place.position).with_extension("new"));
        })?;
        drop(view);
        bases.retain(|base| base.place.position != place.position);
        bases.push(info);
        self.drop_old_bases(&mut bases, time)?;
        drop(bases);
        self.collector.lock().look_again();
        Ok(())
    }

    /// Empties most of the tables in memory. A dump keeps those that it begins with to its end, while
    /// writers fill others.
    fn apply_what_waits(&self) {
        let waiting = self.tables.list().frozen.len();
        for _ in 0..waiting {
            if !self.step_apply() {
                return;
            }
        }
    }

    /// A view and the place in the log that it shows.
    pub(super) fn view_with_place(&self) -> Result<(View, LogPlace), StoreError> {
        let _no_commit_meanwhile = self.log.lock();
        Ok((self.settled_view()?, *self.settled_end.lock()))
    }

    /// The same place, but never the beginning of a segment: without a frame that is void at the
    /// next start, and a base that stood there would stand nowhere.
    fn behind_last_frame(&self, place: LogPlace) -> Result<LogPlace, StoreError> {
        if place.offset > SEGMENT_HEADER_BYTES {
            return Ok(place);
        }
        let path = self.paths.segment(place.segment);
        let file = self.world.vfs.open(&path, Open::Read)?;
        let header = SegmentHeader::read(self.bodies.secret(), &*file)?;
        Ok(header.map_or(place, |header| header.follows))
    }

    fn newest_base(&self) -> Option<LogPlace> {
        self.bases.lock().last().map(|base| base.place)
    }

    /// The base from which the oldest moment can be restored; segments before it may go.
    pub(super) fn oldest_base(&self) -> Option<BaseInfo> {
        self.bases.lock().first().copied()
    }

    /// Drops bases that no moment of the restore window needs.
    fn drop_old_bases(&self, bases: &mut Vec<BaseInfo>, now: Timestamp) -> Result<(), StoreError> {
        let leases = self.leases.lock();
        if *leases > 0 {
            return Ok(());
        }
        // When the disk is nearly full, room for mail comes before the far past.
        let is_low = self.space.is_low();
        let seconds = if is_low {
            0
        } else {
            self.options.restore_window_seconds
        };
        let window = seconds.saturating_mul(Timestamp::PER_SECOND);
        let oldest = oldest_needed(bases, now, window);
        let wanted = self
            .options
            .restore_window_seconds
            .saturating_mul(Timestamp::PER_SECOND);
        let is_shortened = oldest > oldest_needed(bases, now, wanted);
        let spacing = window / BASES_PER_WINDOW;
        let mut kept: Vec<BaseInfo> = Vec::new();
        let count = bases.len();
        for (index, base) in bases.drain(..).enumerate() {
            let is_newest = index.saturating_add(1) == count;
            let is_near = kept
                .last()
                .is_some_and(|last| base.time.0.saturating_sub(last.time.0) < spacing);
            if index < oldest || (is_near && !is_newest) {
                self.world
                    .vfs
                    .remove(&self.paths.base(base.place.position))?;
            } else {
                kept.push(base);
            }
        }
        *bases = kept;
        self.remember_window(bases, is_shortened, Timestamp(now.0.saturating_sub(wanted)));
        Ok(())
    }

    /// Notes from when on the store can be restored, until that is the whole window again.
    fn remember_window(&self, bases: &[BaseInfo], is_shortened: bool, start: Timestamp) {
        let mut shortened = self.window_shortened_to.lock();
        if is_shortened {
            *shortened = bases.first().map(|base| base.time);
        } else if shortened.is_some_and(|since| since <= start) {
            *shortened = None;
        }
    }
}

/// The last base that is not later than the beginning of the window: with it all of the window can
/// be restored.
fn oldest_needed(bases: &[BaseInfo], now: Timestamp, window: i64) -> usize {
    let start = Timestamp(now.0.saturating_sub(window));
    bases
        .iter()
        .rposition(|base| base.time <= start)
        .unwrap_or_default()
}

/// The bases on disk, oldest first.
pub fn infos(vfs: &dyn Vfs, paths: &Paths, secret: &Secret) -> Result<Vec<BaseInfo>, StoreError> {
    let info = |position| {
        let path = paths.base(position);
        let header = SegmentHeader::read(secret, &*vfs.open(&path, Open::Read)?)?;
        let damaged = || StoreError::Corrupt(format!("base dump {}", path.display()));
        let header = header.ok_or_else(damaged)?;
        Ok(BaseInfo {
            place: header.follows,
            time: header.time,
        })
    };
    list(vfs, paths)?.into_iter().map(info).collect()
}
