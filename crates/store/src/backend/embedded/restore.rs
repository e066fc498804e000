//! Bringing a store back, from a backup or from another store's folder, as of now or of an earlier
//! moment.
//!
//! The restored store goes on behind the chosen moment with a new segment; what came later stays
//! out. The model must then begin new epochs, so that every client starts again; until
//! [`Embedded::end_restore`] says that it has, the folder cannot be opened again.

use super::backup::{self, BackupReport, Side, copy_file, copy_large_bodies, prepare_target};
use super::base;
use super::bodies::Bodies;
use super::dictionaries;
use super::frame::{Record, Records, records};
use super::index::Index;
use super::log::{LogWriter, Span};
use super::open::enter;
use super::paths::Paths;
use super::recover::{LogFiles, ReadSpan};
use super::rows::{BODY_TAG, BodyRow, LogPlace, Place, body_of_key};
use super::segment::{self, read_file};
use super::{Embedded, Options, World};
use crate::backend::block::Secret;
use crate::backend::compression::Contexts;
use crate::error::StoreError;
use crate::id::{BodyNumber, Timestamp};
use crate::world::{Open, Vfs};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// Stored bytes of bodies that are brought over in one commit.
const COPIED_BYTES: usize = 4 << 20;

/// A moment in a store's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The last that there is.
    Latest,
    /// After the commit at this position.
    Position(u64),
    /// After the last commit that was closed by then.
    Time(Timestamp),
}

impl Moment {
    fn includes(self, span: &ReadSpan) -> bool {
        match self {
            Self::Latest => true,
            Self::Position(position) => span.end.position <= position,
            Self::Time(time) => span.time <= time,
        }
    }

    fn includes_base(self, base: &base::BaseInfo) -> bool {
        match self {
            Self::Latest => true,
            Self::Position(position) => base.place.position <= position,
            Self::Time(time) => base.time <= time,
        }
    }
}

impl Embedded {
    /// Restores a backup, or the folder of a stopped store, into an empty folder and opens it.
    ///
    /// The restore is over when [`Embedded::end_restore`] was called.
    ///
    /// Errors: [`StoreError::Refused`] when the target is not empty or the moment is before all
    /// that is kept; [`StoreError::Corrupt`] when the source is not whole.
    pub fn restore(
        (source, source_folder): (&dyn Vfs, &Path),
        world: World,
        folder: &Path,
        options: Options,
        moment: Moment,
    ) -> Result<Arc<Self>, StoreError> {
        let from = Side {
            vfs: source,
            paths: Paths::new(source_folder),
        };
        let to = Side {
            vfs: &*world.vfs,
            paths: Paths::new(folder),
        };
        if read_file(to.vfs, &to.paths.version())?.is_some() {
            let text = format!("{} is not empty", folder.display());
            return Err(StoreError::Refused(text));
        }
        let lock = enter(to.vfs, &to.paths)?;
        segment::write_file(
            to.vfs,
            to.paths.root(),
            &to.paths.unfinished(),
            b"restore\n",
        )?;
        if let Some(end) = copy_all(&from, &to)? {
            verify(&to, end)?;
        }
        if moment != Moment::Latest {
            let cut = Cut {
                world: &world,
                to: &to,
                options,
                secret: secret_of(&to)?,
                moment,
            };
            cut.run()?;
        }
        Self::open_locked(world, Paths::new(folder), options, lock)
    }

    /// Ends a restore: from now on the folder opens like any other.
    ///
    /// To be called once the new epochs are on disk. A restore that is killed before leaves a
    /// folder that does not open, never a store that takes tokens for its own which it gave in
    /// what is now another future.
    pub fn end_restore(&self) -> Result<(), StoreError> {
        let vfs = &*self.world.vfs;
        vfs.remove(&self.paths.unfinished())?;
        Ok(vfs.sync_directory(self.paths.root())?)
    }
}

/// Makes sure that the log of a backup is whole up to where its manifest says. Damaged bodies are
/// let through, but not in the last span: opening the store would take that for the torn end of a
/// log.
fn verify(side: &Side<'_>, end: LogPlace) -> Result<(), StoreError> {
    let secret = secret_of(side)?;
    let mut files = LogFiles::find(side.vfs, &side.paths, &secret)?;
    let last = files
        .chain
        .last_mut()
        .filter(|link| link.header.number == end.segment);
    let Some(last) = last else {
        return Err(StoreError::Corrupt(
            "the backup's last segment is missing".into(),
        ));
    };
    last.end = Some(end);
    let mut is_end_damaged = false;
    files.read(files.chain_start(), &mut |span| {
        is_end_damaged = span.damaged_frames().next().is_some();
        Ok(true)
    })?;
    if is_end_damaged {
        let text = "a body in the last frame of the backup's log";
        return Err(StoreError::Corrupt(text.into()));
    }
    Ok(())
}

fn secret_of(side: &Side<'_>) -> Result<Secret, StoreError> {
    let bytes = read_file(side.vfs, &side.paths.secret())?.unwrap_or_default();
    let bytes: &[u8; 32] = bytes
        .as_slice()
        .try_into()
        .map_err(|_| StoreError::Corrupt("the secret of the backup is not 32 bytes long".into()))?;
    Ok(Secret::new(bytes))
}

/// Copies everything but the index, which is made anew; answers where the backup says that it ends.
fn copy_all(from: &Side<'_>, to: &Side<'_>) -> Result<Option<LogPlace>, StoreError> {
    let end = backup::read_manifest(from.vfs, &from.paths, &secret_of(from)?)?;
    let _lock = match end {
        Some(_) => None, // A backup may lie where nothing can be written.
        None => Some(enter(from.vfs, &from.paths)?),
    };
    prepare_target(from, to)?;
    dictionaries::copy(from, to, &secret_of(from)?)?;
    let copy = |source: &Path, target: &Path| {
        let len = from.vfs.open(source, Open::Read)?.len()?;
        copy_file((from.vfs, source), (to.vfs, target), len)
    };
    for number in segment::list(from.vfs, &from.paths)? {
        copy(&from.paths.segment(number), &to.paths.segment(number))?;
    }
    for position in base::list(from.vfs, &from.paths)? {
        copy(&from.paths.base(position), &to.paths.base(position))?;
    }
    copy_large_bodies(from, to, &mut BackupReport::default())?;
    Ok(end)
}

/// Takes a copied store back to a moment.
struct Cut<'a> {
    world: &'a World,
    to: &'a Side<'a>,
    options: Options,
    secret: Secret,
    moment: Moment,
}

impl Cut<'_> {
    fn run(&self) -> Result<(), StoreError> {
        let (vfs, paths) = (self.to.vfs, &self.to.paths);
        let files = LogFiles::find(vfs, paths, &self.secret)?;
        let index = Index::open(vfs, &paths.index(), &self.secret, self.options.cache_bytes)?;
        let start = self.load_base(&files, &index)?;
        let moment = self.moment;
        let end = files.replay_until(&index, start, &|span| moment.includes(span))?;
        let number = files
            .last_number
            .checked_add(1)
            .ok_or(StoreError::TooLarge)?;
        let begun = (number, end, self.world.clock.now());
        let mut log = LogWriter::begin(
            Arc::clone(&self.world.vfs),
            paths.clone(),
            self.secret.clone(),
            self.options.segment_bytes,
            begun,
        )?;
        self.bring_bodies(&files, &index, end, &mut log)?;
        self.remove_later(&files, end, number)
    }

    /// Loads the newest base that is not later than the moment.
    fn load_base(&self, files: &LogFiles<'_>, index: &Index) -> Result<LogPlace, StoreError> {
        let (vfs, paths) = (self.to.vfs, &self.to.paths);
        let bases = base::infos(vfs, paths, &self.secret)?;
        match bases
            .iter()
            .rev()
            .find(|base| self.moment.includes_base(base))
        {
            Some(found) => base::load(vfs, paths, &self.secret, index, found.place),
            None => files
                .beginning()
                .map_err(|_| StoreError::Refused("nothing is kept from so long ago".into())),
        }
    }

    /// Copies bodies whose segments are gone: they were brought to later segments, which do not
    /// stay.
    fn bring_bodies(
        &self,
        files: &LogFiles<'_>,
        index: &Index,
        end: LogPlace,
        log: &mut LogWriter,
    ) -> Result<(), StoreError> {
        let missing = self.missing_bodies(index, end)?;
        if missing.is_empty() {
            return Ok(());
        }
        let places = moved_bodies(files, end, &missing)?;
        let (vfs, paths) = (Arc::clone(&self.world.vfs), self.to.paths.clone());
        let known = dictionaries::load(&*vfs, &paths, &self.secret)?;
        let read_by = (self.secret.clone(), Contexts::with(known));
        let bodies = Bodies::new(vfs, paths, read_by, 0, 0);
        let mut waiting = Records::default();
        let mut position = end.position;
        for number in missing {
            let row = places.get(&number).ok_or_else(|| {
                StoreError::Corrupt(format!("body {} is in no segment that is kept", number.0))
            })?;
            bodies.read_stored(row, 0..u64::MAX)?; // Verifies it.
            if waiting.len() == 0 {
                waiting.start();
            }
            waiting.moved(number, row.layout, &bodies.stored_bytes(row)?);
            if waiting.len() >= COPIED_BYTES {
                position = self.write(log, position, &std::mem::take(&mut waiting))?;
            }
        }
        if waiting.len() > 0 {
            self.write(log, position, &waiting)?;
        }
        Ok(())
    }

    fn write(
        &self,
        log: &mut LogWriter,
        position: u64,
        records: &Records,
    ) -> Result<u64, StoreError> {
        let next = position.saturating_add(1);
        let time = self.world.clock.now();
        log.write(
            &Span {
                first: next,
                last: next,
                time,
                records,
            },
            &|| false,
        )?;
        Ok(next)
    }

    /// Living bodies whose segment does not exist, or will not.
    fn missing_bodies(
        &self,
        index: &Index,
        end: LogPlace,
    ) -> Result<BTreeSet<BodyNumber>, StoreError> {
        let kept: BTreeSet<u32> = segment::list(self.to.vfs, &self.to.paths)?
            .into_iter()
            .filter(|number| *number <= end.segment)
            .collect();
        let mut missing = BTreeSet::new();
        index.visit(
            &[BODY_TAG]..&[BODY_TAG.saturating_add(1)],
            &mut |key, value| {
                let Some(number) = body_of_key(key) else {
                    return Ok(());
                };
                let row = BodyRow::parse(number, value)?;
                match row.place {
                    Place::Segment { segment, .. } if !kept.contains(&segment) => {
                        missing.insert(number);
                    }
                    _ => {}
                }
                Ok(())
            },
        )?;
        Ok(missing)
    }

    /// Removes what came after the moment.
    fn remove_later(
        &self,
        files: &LogFiles<'_>,
        end: LogPlace,
        number: u32,
    ) -> Result<(), StoreError> {
        let (vfs, paths) = (self.to.vfs, &self.to.paths);
        for position in base::list(vfs, paths)? {
            if position > end.position {
                vfs.remove(&paths.base(position))?;
            }
        }
        for later in segment::list(vfs, paths)? {
            if later > end.segment && later < number {
                vfs.remove(&paths.segment(later))?;
            }
        }
        if files
            .chain
            .iter()
            .any(|link| link.header.number == end.segment)
        {
            vfs.open(&paths.segment(end.segment), Open::Write)?
                .set_len(end.offset)?;
        }
        vfs.sync_directory(&paths.bases())?;
        vfs.sync_directory(&paths.log())?;
        Ok(())
    }
}

/// Where later spans brought bodies.
fn moved_bodies(
    files: &LogFiles<'_>,
    end: LogPlace,
    wanted: &BTreeSet<BodyNumber>,
) -> Result<BTreeMap<BodyNumber, BodyRow>, StoreError> {
    let mut places = BTreeMap::new();
    files.read(end, &mut |span| {
        for (segment, found) in &span.frames {
            for record in records(&found.records) {
                if let Record::Moved(body) = record?
                    && wanted.contains(&body.number)
                {
                    places.insert(body.number, body.row(*segment, found.records_at));
                }
            }
        }
        Ok(true)
    })?;
    Ok(places)
}
