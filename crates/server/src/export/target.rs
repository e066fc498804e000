//! Where the export writes: folders and files that nothing was in before.
//!
//! The one place of the export that opens files.
//!
//! Start at [`prepare`].

use engine::Timestamp;
use rustix::fs::{Mode, OFlags};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// Mail is for its owner only.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// Makes the folder of an export.
///
/// Errors: when something stands in it.
pub fn prepare(target: &Path) -> io::Result<()> {
    folder(target)?;
    if std::fs::read_dir(target)?.next().is_some() {
        return Err(io::Error::other("the folder is not empty"));
    }
    Ok(())
}

/// Makes a folder and those above it, where they are missing.
pub fn folder(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(path)
}

/// Makes a file that must not be there.
#[allow(
    clippy::disallowed_methods,
    reason = "what is exported is no data of the store"
)]
pub fn file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)
}

/// Makes the time of receipt the file's. Times before 1970 become its first moment.
pub fn set_time(file: &File, time: Timestamp) -> io::Result<()> {
    let ticks = u64::try_from(time.0).unwrap_or(0);
    let since = Duration::from_nanos(ticks.saturating_mul(100));
    file.set_modified(UNIX_EPOCH + since)
}

/// Brings everything to disk that was written.
pub fn sync(target: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(target, flags, Mode::empty())?;
    Ok(rustix::fs::syncfs(folder)?)
}
