//! What is read: folders and files that another program, or a person, left on this machine.
//!
//! The one place of the import that opens files. Never follows a symbolic link below the source
//! that was named, so that a link in somebody's Maildir does not lead to what only the server may
//! read.
//!
//! Start at [`entries`] and [`open`].

use engine::Timestamp;
use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Names in one folder: more than any mailbox that was ever seen, and still less than a gigabyte of
/// them.
const ENTRIES_MAX: usize = 5_000_000;

/// Folders within folders; more than the engine takes.
pub const DEPTH_MAX: usize = 40;

/// What stands in a folder.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name; bytes that are no UTF-8 are replaced.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub kind: EntryKind,
}

/// What an entry of a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A plain file.
    File,
    /// A folder.
    Folder,
    /// A link, a device, a pipe: nothing to import.
    Other,
}

/// What stands in a folder, by name.
pub fn entries(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if found.len() >= ENTRIES_MAX {
            return Err(io::Error::other("too many files in one folder"));
        }
        found.push(Entry {
            name: entry.file_name().to_string_lossy().into_owned(),
            path: entry.path(),
            kind: match () {
                () if kind.is_file() => EntryKind::File,
                () if kind.is_dir() => EntryKind::Folder,
                () => EntryKind::Other,
            },
        });
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// What the source is; a link given by the administrator is followed.
pub fn kind(source: &Path) -> io::Result<EntryKind> {
    let kind = std::fs::metadata(source)?.file_type();
    Ok(match () {
        () if kind.is_file() => EntryKind::File,
        () if kind.is_dir() => EntryKind::Folder,
        () => EntryKind::Other,
    })
}

/// A file that is read.
pub struct Opened {
    /// Its bytes.
    pub file: File,
    /// How many.
    pub len: u64,
    /// When it was written last.
    pub modified: Option<Timestamp>,
}

/// Opens a plain file; a link is refused, and a pipe does not block.
#[allow(
    clippy::disallowed_methods,
    reason = "the files of other programs are no data of the store"
)]
pub fn open(path: &Path) -> io::Result<Opened> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("not a plain file"));
    }
    let modified = metadata.modified().ok().and_then(|modified| {
        let since = modified.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(since.as_nanos() / 100).ok().map(Timestamp)
    });
    Ok(Opened {
        file,
        len: metadata.len(),
        modified,
    })
}

/// The text of a small file beside the letters; `None` when there is none or it is no file.
///
/// Errors: [`io::ErrorKind::FileTooLarge`] beyond `bytes_max`.
pub fn text(path: &Path, bytes_max: u64) -> io::Result<Option<String>> {
    let opened = match open(path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    opened.file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}
