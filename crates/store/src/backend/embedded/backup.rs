//! Hot backups: the log, the bases and the large bodies are copied while the store works.
//!
//! A lease keeps the collector from removing anything meanwhile. The next backup into the same
//! folder copies only what is new. Nothing is ever removed from a backup, so every moment since its
//! oldest base can be restored from it. The manifest is written last: without it a folder is no
//! backup.

use super::Embedded;
use super::dictionaries;
use super::open::{FORMAT_BEFORE, create_folders};
use super::paths::Paths;
use super::rows::LogPlace;
use super::segment::{self, SEGMENT_HEADER_BYTES, read_exactly, read_file, write_file};
use crate::backend::block::Secret;
use crate::error::StoreError;
use crate::world::{Open, Vfs};
use parking_lot::Mutex;
use std::path::{Path, PathBuf};

/// Bytes copied at a time.
const PIECE_BYTES: u64 = 1 << 20;
const MANIFEST_MAGIC: &[u8] = b"facteur backup 1\n";

/// What a backup copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BackupReport {
    /// Position of the last commit in the backup.
    pub position: u64,
    /// Files that were copied this time.
    pub files: u64,
    /// Bytes that were copied this time.
    pub bytes: u64,
}

/// Keeps the files of the log in place for as long as it lives.
pub struct Lease<'a>(&'a Mutex<usize>);

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut leases = self.0.lock();
        *leases = leases.saturating_sub(1);
    }
}

/// A file system and a store's folder in it.
pub struct Side<'a> {
    /// The file system.
    pub vfs: &'a dyn Vfs,
    /// The folder.
    pub paths: Paths,
}

impl Embedded {
    pub(super) fn lease(&self) -> Lease<'_> {
        let mut leases = self.leases.lock();
        *leases = leases.saturating_add(1);
        Lease(&self.leases)
    }

    /// Copies the store, as of now, into a folder; only what is not there yet.
    ///
    /// Errors: [`StoreError::Refused`] when the folder holds the backup of another store or of
    /// another history.
    pub fn backup(&self, target: &dyn Vfs, folder: &Path) -> Result<BackupReport, StoreError> {
        let _lease = self.lease();
        if self.bases.lock().is_empty() {
            self.dump_base()?;
        }
        let to = Side {
            vfs: target,
            paths: Paths::new(folder),
        };
        let from = Side {
            vfs: &*self.world.vfs,
            paths: self.paths.clone(),
        };
        let end = self.view_with_place()?.1;
        prepare_target(&from, &to)?;
        dictionaries::copy(&from, &to, self.bodies.secret())?;
        let mut report = BackupReport {
            position: end.position,
            ..BackupReport::default()
        };
        for base in self.bases.lock().clone() {
            let position = base.place.position;
            copy_new(
                &from,
                &to,
                &self.paths.base(position),
                &to.paths.base(position),
                &mut report,
            )?;
        }
        for number in segment::list(from.vfs, &from.paths)? {
            if number <= end.segment {
                copy_segment(&from, &to, number, end, &mut report)?;
            }
        }
        copy_large_bodies(&from, &to, &mut report)?;
        write_manifest(&to, self.bodies.secret(), end)?;
        Ok(report)
    }
}

/// Makes the folders, and sees that nothing foreign is there.
pub fn prepare_target(from: &Side<'_>, to: &Side<'_>) -> Result<(), StoreError> {
    create_folders(to.vfs, &to.paths)?;
    for (source, target) in [
        (from.paths.secret(), to.paths.secret()),
        (from.paths.version(), to.paths.version()),
    ] {
        let Some(bytes) = read_file(from.vfs, &source)? else {
            return Err(StoreError::Corrupt(format!(
                "{} is missing",
                source.display()
            )));
        };
        match read_file(to.vfs, &target)? {
            Some(there) if there == bytes => {}
            // An earlier backup of the same store, from before it had dictionaries.
            Some(there) if there == FORMAT_BEFORE.as_bytes() => {
                write_file(to.vfs, to.paths.root(), &target, &bytes)?;
            }
            Some(_) => {
                let text = format!("{} belongs to another store", to.paths.root().display());
                return Err(StoreError::Refused(text));
            }
            None => write_file(to.vfs, to.paths.root(), &target, &bytes)?,
        }
    }
    Ok(())
}

/// Copies a file that never changes once it has its name.
fn copy_new(
    from: &Side<'_>,
    to: &Side<'_>,
    source: &Path,
    target: &Path,
    report: &mut BackupReport,
) -> Result<(), StoreError> {
    let len = from.vfs.open(source, Open::Read)?.len()?;
    let there = to.vfs.open(target, Open::Read).and_then(|file| file.len());
    if there.is_ok_and(|there| there == len) {
        return Ok(());
    }
    copy_file((from.vfs, source), (to.vfs, target), len)?;
    report.files = report.files.saturating_add(1);
    report.bytes = report.bytes.saturating_add(len);
    Ok(())
}

/// Copies a segment up to the end of the log, unless that much of it is there.
fn copy_segment(
    from: &Side<'_>,
    to: &Side<'_>,
    number: u32,
    end: LogPlace,
    report: &mut BackupReport,
) -> Result<(), StoreError> {
    let (source, target) = (from.paths.segment(number), to.paths.segment(number));
    let file = from.vfs.open(&source, Open::Read)?;
    let len = if number == end.segment {
        end.offset
    } else {
        file.len()?
    };
    if let Ok(there) = to.vfs.open(&target, Open::Read) {
        let header = read_exactly(&*file, 0, SEGMENT_HEADER_BYTES)?;
        if read_exactly(&*there, 0, SEGMENT_HEADER_BYTES)? != header {
            let text = "the backup is of another history of this store; use an empty folder";
            return Err(StoreError::Refused(text.into()));
        }
        if there.len()? == len {
            return Ok(());
        }
    }
    copy_file((from.vfs, &source), (to.vfs, &target), len)?;
    report.files = report.files.saturating_add(1);
    report.bytes = report.bytes.saturating_add(len);
    Ok(())
}

/// Copies the bodies that have files of their own.
pub fn copy_large_bodies(
    from: &Side<'_>,
    to: &Side<'_>,
    report: &mut BackupReport,
) -> Result<(), StoreError> {
    for folder in from.vfs.list(&from.paths.big())? {
        let Some(name) = folder.file_name().filter(|_| folder.extension().is_none()) else {
            continue; // A body that is still being written.
        };
        let target = to.paths.big().join(name);
        to.vfs.create_directory(&target)?;
        to.vfs.sync_directory(&to.paths.big())?;
        for path in from.vfs.list(&folder)? {
            let Some(name) = path.file_name() else {
                continue;
            };
            match copy_new(from, to, &path, &target.join(name), report) {
                // Staged when the folder was read, and never committed.
                Err(_) if from.vfs.open(&path, Open::Read).is_err() => {}
                copied => copied?,
            }
        }
    }
    Ok(())
}

/// Says, with a keyed checksum, that the backup is whole up to a place in the log.
fn write_manifest(to: &Side<'_>, secret: &Secret, end: LogPlace) -> Result<(), StoreError> {
    let mut bytes = MANIFEST_MAGIC.to_vec();
    bytes.extend_from_slice(&end.value());
    let checksum = secret.checksum(&[&bytes]);
    bytes.extend_from_slice(&checksum);
    write_file(to.vfs, to.paths.root(), &to.paths.manifest(), &bytes)
}

/// The place in the log up to which a backup is whole; `None` when the folder is no backup.
pub fn read_manifest(
    vfs: &dyn Vfs,
    paths: &Paths,
    secret: &Secret,
) -> Result<Option<LogPlace>, StoreError> {
    let Some(bytes) = read_file(vfs, &paths.manifest())? else {
        return Ok(None);
    };
    let damaged = || StoreError::Corrupt("the manifest of the backup".into());
    let (signed, checksum) = bytes.split_last_chunk::<16>().ok_or_else(damaged)?;
    let place = signed.strip_prefix(MANIFEST_MAGIC).ok_or_else(damaged)?;
    if secret.checksum(&[signed]) != *checksum {
        return Err(damaged());
    }
    LogPlace::parse(place).map(Some)
}

/// Copies `len` bytes of a file; it gets its name once it is whole and synced.
pub fn copy_file(
    (from_vfs, from): (&dyn Vfs, &Path),
    (to_vfs, to): (&dyn Vfs, &Path),
    len: u64,
) -> Result<(), StoreError> {
    let source = from_vfs.open(from, Open::Read)?;
    let unfinished: PathBuf = to.with_extension("new");
    let target = to_vfs.open(&unfinished, Open::Create)?;
    target.set_len(0)?;
    let mut at = 0_u64;
    while at < len {
        let piece = len.saturating_sub(at).min(PIECE_BYTES);
        let Some(bytes) = read_exactly(&*source, at, piece)? else {
            return Err(StoreError::Corrupt(format!(
                "{} is too short",
                from.display()
            )));
        };
        target.write_at(&bytes, at)?;
        at = at.saturating_add(piece);
    }
    target.sync()?;
    to_vfs.rename(&unfinished, to)?;
    to_vfs.sync_directory(to.parent().unwrap_or(to))?;
    Ok(())
}
