//! The real disk: [`Vfs`] and [`File`] over the operating system's calls.
//!
//! The one place of the workspace that opens data files. It keeps no state and decides nothing.

#![allow(
    clippy::disallowed_methods,
    reason = "this is the one place that implements `Vfs`"
)]

use super::{File, Open, Space, Vfs};
use rustix::fs::{Advice, FallocateFlags, FlockOperation, Mode, OFlags};
use std::fs;
use std::io;
use std::num::NonZeroU64;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Only the server's own user may read mail.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// The file systems of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

#[derive(Debug)]
struct DiskFile(fs::File);

impl File for DiskFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0_usize;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.0.read_at(rest, offset.saturating_add(done as u64)) {
                Ok(0) => break,
                Ok(count) => done = done.saturating_add(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn will_need(&self, offset: u64, len: u64) {
        // Where the system does not listen, the bytes are read all the same.
        let _ = rustix::fs::fadvise(&self.0, offset, NonZeroU64::new(len), Advice::WillNeed);
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        match rustix::fs::fallocate(&self.0, FallocateFlags::empty(), 0, len) {
            // Some file systems cannot reserve; the space is then only checked, not held.
            Err(rustix::io::Errno::OPNOTSUPP) if self.len()? < len => self.0.set_len(len),
            Ok(()) | Err(rustix::io::Errno::OPNOTSUPP) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Vfs for Disk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn File>> {
        let mut options = fs::OpenOptions::new();
        options.read(true).mode(FILE_MODE);
        match how {
            Open::Read => {}
            Open::Write => drop(options.write(true)),
            Open::CreateNew => drop(options.write(true).create_new(true)),
            Open::Create => drop(options.write(true).create(true).truncate(false)),
        }
        Ok(Arc::new(DiskFile(options.open(path)?)))
    }

    fn temporary(&self, directory: &Path) -> io::Result<Arc<dyn File>> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(FILE_MODE);
        let descriptor = rustix::fs::open(directory, flags, mode)?;
        Ok(Arc::new(DiskFile(fs::File::from(descriptor))))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut paths = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        Ok(paths)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send + Sync>> {
        let file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(path)?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Box::new(file))
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let stat = rustix::fs::statvfs(path)?;
        Ok(Space {
            free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
            total_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder below the build folder that goes when the test ends.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("facteur-disk-{name}-{}", std::process::id()));
            Disk.create_directory(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_is_read_back_and_ends_where_it_ends() {
        let scratch = Scratch::new("file");
        let file = Disk.open(&scratch.0.join("a"), Open::CreateNew).unwrap();
        file.write_at(b"letter", 2).unwrap();
        file.sync().unwrap();
        let mut bytes = [9; 16];
        assert_eq!(file.read_at(&mut bytes, 0).unwrap(), 8);
        assert_eq!(&bytes[..8], b"\0\0letter");
        file.allocate(4096).unwrap();
        assert_eq!(file.len().unwrap(), 4096);
        assert!(Disk.open(&scratch.0.join("a"), Open::CreateNew).is_err());
    }

    #[test]
    fn a_lock_keeps_the_second_out_until_the_first_goes() {
        let scratch = Scratch::new("lock");
        let path = scratch.0.join("lock");
        let held = Disk.lock(&path).unwrap();
        assert!(Disk.lock(&path).is_err());
        drop(held);
        assert!(Disk.lock(&path).is_ok());
    }

    #[test]
    fn a_folder_lists_its_entries_by_name() {
        let scratch = Scratch::new("list");
        for name in ["b", "a", "c"] {
            Disk.open(&scratch.0.join(name), Open::Create).unwrap();
        }
        Disk.rename(&scratch.0.join("c"), &scratch.0.join("d"))
            .unwrap();
        Disk.remove(&scratch.0.join("b")).unwrap();
        Disk.sync_directory(&scratch.0).unwrap();
        let names = Disk.list(&scratch.0).unwrap();
        assert_eq!(names, [scratch.0.join("a"), scratch.0.join("d")]);
        assert!(Disk.list(&scratch.0.join("missing")).unwrap().is_empty());
        assert!(Disk.space(&scratch.0).unwrap().total_bytes > 0);
        assert!(Disk.temporary(&scratch.0).unwrap().is_empty().unwrap());
    }
}
