//! What letters have in common, learned from the store's own bodies and kept beside its secret.
//!
//! A dictionary is learned when there are enough letters to learn from, and again each time there
//! are many times as many. What was compressed by it can never be read without it, so each lies in
//! two files, on disk before its first use, and stays for ever; a damaged file is made anew from the
//! other when the store is opened.

use super::Embedded;
use super::backup::Side;
use super::paths::{Paths, dictionary_place};
use super::rows::{BODY_TAG, BodyRow, Place, body_of_key};
use super::segment;
use crate::backend::block::{Codec, Secret};
use crate::backend::compression::Dictionary;
use crate::backend::{Direction, Read};
use crate::error::StoreError;
use crate::world::Vfs;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// Bodies that came in before the first dictionary is learned.
const FIRST_AT: u64 = 2_000;
/// The next is learned when so many times as many have come.
const TIMES: u64 = 32;
/// Dictionaries at most: the last is learned from the letters of a very large server.
const DICTIONARIES_MAX: usize = 4;
/// Newest bodies that are samples at most.
const SAMPLES_MAX: usize = 2_000;
/// Bytes of each that are looked at: fields, and the beginning of the text.
const SAMPLE_BYTES: u64 = 8 * 1024;
/// Bytes of the checksum behind a dictionary.
const CHECKSUM_BYTES: usize = 16;

impl Embedded {
    /// Learns a dictionary when it is time; false when it is not. Takes about a second of one core.
    pub fn step_learn(&self) -> bool {
        let known = self.bodies.contexts().dictionaries();
        let came = self.bodies.next_number().saturating_sub(1);
        let is_due = came >= self.learn_at.load(Ordering::Relaxed);
        if !is_due || self.space.is_low() || self.check_writable().is_err() {
            return false;
        }
        // What gave nothing, or failed, is tried again when there is more to learn from.
        let learned = self.learn().unwrap_or(false);
        let next = if learned {
            due_at(known.saturating_add(1))
        } else {
            came.saturating_mul(2)
        };
        self.learn_at.store(next, Ordering::Relaxed);
        learned
    }

    fn learn(&self) -> Result<bool, StoreError> {
        let samples = self.samples()?;
        let Some(dictionary) = Dictionary::learn(&samples)? else {
            return Ok(false);
        };
        if self.bodies.contexts().knows(dictionary.number()) {
            return Ok(false); // Blocks name theirs by number alone.
        }
        let (vfs, secret) = (&*self.world.vfs, self.bodies.secret());
        let last = places(vfs, &self.paths)?.last().copied().unwrap_or(0);
        let place = last.saturating_add(1);
        let sealed = sealed(secret, dictionary.bytes());
        write(vfs, &self.paths, place, &sealed)?;
        self.bodies.contexts().use_dictionary(dictionary);
        Ok(true)
    }

    /// The beginnings of the newest bodies that are compressed as a whole.
    fn samples(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        let view = self.settled_view()?;
        let mut rows = Vec::new();
        view.scan(
            &[BODY_TAG][..]..&[BODY_TAG.saturating_add(1)],
            Direction::Backward,
            &mut |key, value| {
                let row = body_of_key(key).map(|number| BodyRow::parse(number, value));
                rows.extend(row.and_then(Result::ok).filter(is_sample));
                rows.len() < SAMPLES_MAX
            },
        )?;
        drop(view);
        // One that was removed meanwhile, or is damaged, teaches nothing.
        let read = |row: &BodyRow| self.bodies.read_stored(row, 0..SAMPLE_BYTES).ok();
        Ok(rows.iter().filter_map(read).map(Vec::from).collect())
    }
}

fn is_sample(row: &BodyRow) -> bool {
    row.layout.codec == Codec::Zstd && matches!(row.place, Place::Segment { .. })
}

/// Bodies that must have come before another dictionary is learned, beside so many.
pub fn due_at(known: usize) -> u64 {
    if known >= DICTIONARIES_MAX {
        return u64::MAX;
    }
    let times = u32::try_from(known).map_or(u64::MAX, |known| TIMES.saturating_pow(known));
    FIRST_AT.saturating_mul(times)
}

/// All that are kept, oldest first; a file that is damaged is made anew from its other.
///
/// One of which no file is sound is left out: each letter that needs it says so when it is read.
pub fn load(vfs: &dyn Vfs, paths: &Paths, secret: &Secret) -> Result<Vec<Dictionary>, StoreError> {
    let mut sound = Vec::new();
    for place in places(vfs, paths)? {
        if let Some(dictionary) = read(vfs, paths, place, secret) {
            // Where nothing can be written it is done the next time.
            let _ = write(vfs, paths, place, &sealed(secret, dictionary.bytes()));
            sound.push(dictionary);
        }
    }
    Ok(sound)
}

/// Brings all that are sound from one folder to another.
pub fn copy(from: &Side<'_>, to: &Side<'_>, secret: &Secret) -> Result<(), StoreError> {
    for place in places(from.vfs, &from.paths)? {
        if let Some(dictionary) = read(from.vfs, &from.paths, place, secret) {
            let sealed = sealed(secret, dictionary.bytes());
            write(to.vfs, &to.paths, place, &sealed)?;
        }
    }
    Ok(())
}

/// The files that are damaged or missing.
pub fn damaged(vfs: &dyn Vfs, paths: &Paths, secret: &Secret) -> Result<Vec<PathBuf>, StoreError> {
    let files = places(vfs, paths)?.into_iter();
    let files = files.flat_map(|place| paths.dictionary(place));
    Ok(files
        .filter(|path| read_one(vfs, path, secret).is_none())
        .collect())
}

fn places(vfs: &dyn Vfs, paths: &Paths) -> Result<BTreeSet<u32>, StoreError> {
    let files = match vfs.list(&paths.dictionaries()) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        listed => listed?,
    };
    let places = files.iter().filter_map(|path| dictionary_place(path));
    Ok(places.collect())
}

/// Writes both files of a dictionary, durably, where they are not there as they should be.
fn write(vfs: &dyn Vfs, paths: &Paths, place: u32, sealed: &[u8]) -> Result<(), StoreError> {
    let folder = paths.dictionaries();
    for path in paths.dictionary(place) {
        let there = segment::read_file(vfs, &path).ok().flatten();
        if there.is_none_or(|there| there != sealed) {
            segment::write_file(vfs, &folder, &path, sealed)?;
        }
    }
    Ok(())
}

fn read(vfs: &dyn Vfs, paths: &Paths, place: u32, secret: &Secret) -> Option<Dictionary> {
    let mut files = paths.dictionary(place).into_iter();
    files.find_map(|path| read_one(vfs, &path, secret))
}

/// The dictionary in a file; `None` if there is none, or it is damaged.
fn read_one(vfs: &dyn Vfs, path: &Path, secret: &Secret) -> Option<Dictionary> {
    let found = segment::read_file(vfs, path).ok()??;
    let bytes = found.get(..found.len().checked_sub(CHECKSUM_BYTES)?)?;
    let is_sound = sealed(secret, bytes) == found;
    is_sound
        .then(|| Dictionary::new(bytes.to_vec()).ok())
        .flatten()
}

/// The form in a file: a checksum stands behind it.
fn sealed(secret: &Secret, bytes: &[u8]) -> Vec<u8> {
    [bytes, &secret.checksum(&[bytes])].concat()
}
