//! Opening a store: its lock, version and secret, then the log, then the index.

use super::apply::Applier;
use super::base::BaseInfo;
use super::bodies::Bodies;
use super::dictionaries::due_at;
use super::index::Index;
use super::log::LogWriter;
use super::memtable::Tables;
use super::paths::Paths;
use super::place::Placing;
use super::recover::LogFiles;
use super::rows::LogPlace;
use super::segment;
use super::space::SpaceGuard;
use super::{Embedded, Options, World};
use crate::backend::block::Secret;
use crate::backend::compression::Contexts;
use crate::error::StoreError;
use crate::world::{Open, Vfs};
use parking_lot::{Condvar, Mutex, RwLock};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};

/// The format that this program writes.
pub(super) const FORMAT: &str = "facteur store 7\n";

/// The one before it, which had no dictionaries; a store of it is one of ours once it is opened.
pub(super) const FORMAT_BEFORE: &str = "facteur store 6\n";

impl Embedded {
    /// True when there is a store in a folder, or what is left of one.
    pub fn is_in(vfs: &dyn Vfs, folder: &Path) -> bool {
        vfs.list(folder).is_ok_and(|files| {
            let paths = Paths::new(folder);
            let marks = [
                paths.version(),
                paths.unfinished(),
                paths.secret(),
                paths.log(),
            ];
            files.iter().any(|file| marks.contains(file))
        })
    }

    /// Opens the store in a folder, or makes a new one there.
    ///
    /// Errors: [`StoreError::Refused`] when another process has it open or its format is unknown;
    /// [`StoreError::Corrupt`] when something that was acknowledged is damaged.
    pub fn open(world: World, folder: &Path, options: Options) -> Result<Arc<Self>, StoreError> {
        let paths = Paths::new(folder);
        let lock = enter(&*world.vfs, &paths)?;
        refuse_unfinished(&*world.vfs, &paths)?;
        Self::open_locked(world, paths, options, lock)
    }

    /// Opens the store after making its index anew from the newest base dump and the log.
    ///
    /// Errors: as for [`Embedded::open`]. Then the index is what it was before, since a store whose
    /// log is damaged in one place may still be read by it.
    pub fn rebuild(world: World, folder: &Path, options: Options) -> Result<Arc<Self>, StoreError> {
        let paths = Paths::new(folder);
        let vfs = Arc::clone(&world.vfs);
        let lock = enter(&*vfs, &paths)?;
        refuse_unfinished(&*vfs, &paths)?;
        let aside = paths.index_aside();
        rename_if_there(&*vfs, &paths.index(), &aside)?;
        let opened = Self::open_locked(world, paths.clone(), options, lock);
        match &opened {
            Ok(_) => remove_if_there(&*vfs, &aside)?,
            Err(_) => rename_if_there(&*vfs, &aside, &paths.index())?,
        }
        opened
    }

    /// Opens the store whose lock is held, also one that is being restored.
    pub(super) fn open_locked(
        world: World,
        paths: Paths,
        options: Options,
        lock: Box<dyn Send + Sync>,
    ) -> Result<Arc<Self>, StoreError> {
        let vfs = Arc::clone(&world.vfs);
        check_version(&*vfs, &paths)?;
        let secret = secret(&world, &paths)?;
        remove_unfinished(&*vfs, &paths)?;
        let files = LogFiles::find(&*vfs, &paths, &secret)?;
        let index = Index::open(&*vfs, &paths.index(), &secret, options.cache_bytes)?;
        let bases = super::base::infos(&*vfs, &paths, &secret)?;
        // Nothing is applied in an index that was left when a base was being read into it.
        let applied = index.applied()?.filter(|place| place.position > 0);
        let from = match (applied, bases.last()) {
            (Some(applied), _) => applied,
            (None, Some(base)) => super::base::load(&*vfs, &paths, &secret, &index, base.place)?,
            (None, None) => files.beginning()?,
        };
        let end = files.replay(&index, from)?;
        let log = begin_log(&world, &paths, &secret, options.segment_bytes, &files, end)?;
        let damaged_frames = files.damaged_frames.get();
        let known = super::dictionaries::load(&*vfs, &paths, &secret)?;
        let read_by = (secret.clone(), Contexts::with(known));
        drop(files);
        measure(&*vfs, &paths, &log)?;
        Ok(Self::assemble(
            world,
            paths,
            options,
            Parts {
                read_by,
                index,
                log,
                end,
                bases,
                damaged_frames,
                lock,
            },
        ))
    }

    fn assemble(world: World, paths: Paths, options: Options, parts: Parts) -> Arc<Self> {
        let Parts {
            read_by,
            index,
            log,
            end,
            bases,
            damaged_frames,
            lock,
        } = parts;
        let vfs = &world.vfs;
        let inline_max = options.inline_bytes_max();
        let bodies = Bodies::new(
            Arc::clone(vfs),
            paths.clone(),
            read_by,
            inline_max,
            end.next_body,
        );
        let (segment_bytes, memtable_bytes) = (options.segment_bytes, options.memtable_bytes);
        let space = SpaceGuard::new(
            Arc::clone(vfs),
            paths.clone(),
            segment_bytes,
            memtable_bytes,
        );
        let tables = Tables::default();
        tables.settle(end.position);
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            learn_at: AtomicU64::new(due_at(bodies.contexts().dictionaries())),
            bodies,
            index,
            tables,
            accounts: super::AccountLocks::default(),
            placing: Mutex::new(Placing::after(end.position)),
            placed: Condvar::new(),
            progress: Condvar::new(),
            background: Condvar::new(),
            collector: Mutex::default(),
            bases: Mutex::new(bases),
            leases: Mutex::default(),
            settled_end: Mutex::new(log.end()),
            log_length: log.length(),
            log: Mutex::new(log),
            applier: Mutex::new(Applier {
                applied: end,
                durable: end,
            }),
            threads: AtomicUsize::new(0),
            space,
            failure: RwLock::new(None),
            window_shortened_to: Mutex::default(),
            watcher: RwLock::new(None),
            damaged_frames,
            world,
            paths,
            options,
            _lock: lock,
        })
    }
}

/// What opening found, on its way into the store.
struct Parts {
    read_by: (Secret, Contexts),
    index: Index,
    log: LogWriter,
    end: LogPlace,
    bases: Vec<BaseInfo>,
    damaged_frames: u64,
    lock: Box<dyn Send + Sync>,
}

/// Begins a segment behind what was replayed, and forgets what is torn behind it.
fn begin_log(
    world: &World,
    paths: &Paths,
    secret: &Secret,
    segment_bytes: u64,
    files: &LogFiles<'_>,
    end: LogPlace,
) -> Result<LogWriter, StoreError> {
    let number = files
        .last_number
        .checked_add(1)
        .ok_or(StoreError::TooLarge)?;
    let begun = (number, end, world.clock.now());
    let begin = || {
        let vfs = Arc::clone(&world.vfs);
        LogWriter::begin(vfs, paths.clone(), secret.clone(), segment_bytes, begun)
    };
    match begin() {
        // Reading must go on, and so must what gives room back.
        Err(StoreError::Full) => {
            let _ = world.vfs.remove(&paths.ballast());
            files.tidy(end)?;
            begin()
        }
        begun => {
            let log = begun?;
            files.tidy(end)?;
            Ok(log)
        }
    }
}

/// Counts the segments that are there.
fn measure(vfs: &dyn Vfs, paths: &Paths, log: &LogWriter) -> Result<(), StoreError> {
    let length = log.length();
    for number in segment::list(vfs, paths)? {
        length.add(vfs.open(&paths.segment(number), Open::Read)?.len()?);
    }
    Ok(())
}

/// Makes the folders and takes the lock.
pub(super) fn enter(vfs: &dyn Vfs, paths: &Paths) -> Result<Box<dyn Send + Sync>, StoreError> {
    create_folders(vfs, paths)?;
    vfs.lock(&paths.lock()).map_err(|error| match error.kind() {
        std::io::ErrorKind::WouldBlock => {
            let path = paths.root().display();
            StoreError::Refused(format!("{path} is in use by another process"))
        }
        _ => error.into(),
    })
}

/// Makes all folders of a store.
pub(super) fn create_folders(vfs: &dyn Vfs, paths: &Paths) -> Result<(), StoreError> {
    let (log, bases, big) = (paths.log(), paths.bases(), paths.big());
    for folder in [paths.root(), &log, &bases, &big, &paths.dictionaries()] {
        vfs.create_directory(folder)?;
    }
    Ok(())
}

fn refuse_unfinished(vfs: &dyn Vfs, paths: &Paths) -> Result<(), StoreError> {
    if segment::read_file(vfs, &paths.unfinished())?.is_some() {
        let text = "a restore into this folder did not end; empty it and restore again";
        return Err(StoreError::Refused(text.into()));
    }
    Ok(())
}

fn check_version(vfs: &dyn Vfs, paths: &Paths) -> Result<(), StoreError> {
    match segment::read_file(vfs, &paths.version())? {
        Some(version) if version == FORMAT.as_bytes() => Ok(()),
        Some(version) if version == FORMAT_BEFORE.as_bytes() => write_version(vfs, paths),
        Some(version) => {
            let found = String::from_utf8_lossy(&version).trim().to_owned();
            Err(StoreError::Refused(format!(
                "unknown store format: {found}"
            )))
        }
        None if segment::list(vfs, paths)?.is_empty() => write_version(vfs, paths),
        // It may have said that another program wrote what is here.
        None => Err(StoreError::Corrupt("the file `version` is missing".into())),
    }
}

fn write_version(vfs: &dyn Vfs, paths: &Paths) -> Result<(), StoreError> {
    segment::write_file(vfs, paths.root(), &paths.version(), FORMAT.as_bytes())
}

/// The store's secret; made when there is no log yet.
pub(super) fn secret(world: &World, paths: &Paths) -> Result<Secret, StoreError> {
    let vfs = &*world.vfs;
    if let Some(found) = segment::read_file(vfs, &paths.secret())? {
        let bytes: &[u8; 32] = found
            .first_chunk()
            .filter(|_| found.len() == 32)
            .ok_or_else(|| {
                StoreError::Corrupt(
                    "the secret is not 32 bytes long; restore it from a backup".into(),
                )
            })?;
        return Ok(Secret::new(bytes));
    }
    if !segment::list(vfs, paths)?.is_empty() {
        let text = "the secret is missing; without it the log cannot be read";
        return Err(StoreError::Corrupt(text.into()));
    }
    let mut bytes = [0; 32];
    world.rng.fill(&mut bytes);
    segment::write_file(vfs, paths.root(), &paths.secret(), &bytes)?;
    Ok(Secret::new(&bytes))
}

/// Removes what was being written when the store was closed.
fn remove_unfinished(vfs: &dyn Vfs, paths: &Paths) -> Result<(), StoreError> {
    let (big, bases) = (paths.big(), paths.bases());
    for folder in [paths.root(), &big, &bases, &paths.dictionaries()] {
        for path in vfs.list(folder)? {
            let extension = path.extension().and_then(|extension| extension.to_str());
            if matches!(extension, Some("part" | "new")) {
                vfs.remove(&path)?;
            }
        }
    }
    Ok(())
}

fn rename_if_there(vfs: &dyn Vfs, from: &Path, to: &Path) -> Result<(), StoreError> {
    match vfs.rename(from, to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn remove_if_there(vfs: &dyn Vfs, path: &Path) -> Result<(), StoreError> {
    match vfs.remove(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
