//! Where things lie below the store's folder.

use crate::id::{BodyHash, BodyNumber};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The names of a store's files.
#[derive(Debug, Clone)]
pub struct Paths(PathBuf);

impl Paths {
    /// The store in this folder.
    pub fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// The format's number.
    pub fn version(&self) -> PathBuf {
        self.0.join("version")
    }

    /// Held by the process that has the store open.
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// 32 bytes from which all keys are derived.
    pub fn secret(&self) -> PathBuf {
        self.0.join("secret")
    }

    /// Space that is given back when the disk is full.
    pub fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Says that a restore into this folder has not ended.
    pub fn unfinished(&self) -> PathBuf {
        self.0.join("unfinished")
    }

    /// What a backup holds.
    pub fn manifest(&self) -> PathBuf {
        self.0.join("manifest")
    }

    /// What the log says, as a B-tree.
    pub fn index(&self) -> PathBuf {
        self.0.join("index.redb")
    }

    /// The index as it was, while another is made anew.
    pub fn index_aside(&self) -> PathBuf {
        self.0.join("index.old")
    }

    /// The folder of segments.
    pub fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    /// A segment.
    pub fn segment(&self, number: u32) -> PathBuf {
        self.log().join(format!("{number:08}.log"))
    }

    /// The folder of base dumps.
    pub fn bases(&self) -> PathBuf {
        self.0.join("base")
    }

    /// A base dump at a position.
    pub fn base(&self, position: u64) -> PathBuf {
        self.bases().join(format!("{position:016x}.base"))
    }

    /// The folder of dictionaries.
    pub fn dictionaries(&self) -> PathBuf {
        self.0.join("dictionary")
    }

    /// The two files of a dictionary, which are counted from 1.
    pub fn dictionary(&self, place: u32) -> [PathBuf; 2] {
        ["zdict", "copy"].map(|kind| self.dictionaries().join(format!("{place:04}.{kind}")))
    }

    /// The folder of bodies that have files of their own.
    pub fn big(&self) -> PathBuf {
        self.0.join("big")
    }

    /// The folder of a large body: one of 256, by the first byte of its hash.
    pub fn big_folder(&self, hash: &BodyHash) -> PathBuf {
        self.big().join(hex(hash.0.get(..1).unwrap_or_default()))
    }

    /// A large body. Its number is in the name because equal bodies are stored twice without
    /// deduplication, and the removal of one must not take the other.
    pub fn big_body(&self, hash: &BodyHash, number: BodyNumber) -> PathBuf {
        self.big_folder(hash)
            .join(format!("{}-{:x}.zst", hex(&hash.0), number.0))
    }

    /// A body that is still being written.
    pub fn part(&self, number: BodyNumber) -> PathBuf {
        self.big().join(format!("{:x}.part", number.0))
    }
}

/// The number in a segment's name.
pub fn segment_number(path: &Path) -> Option<u32> {
    numbered(path, "log", 10)?.try_into().ok()
}

/// The position in a base dump's name.
pub fn base_position(path: &Path) -> Option<u64> {
    numbered(path, "base", 16)
}

/// The place in the name of a dictionary's file, of either kind.
pub fn dictionary_place(path: &Path) -> Option<u32> {
    let place = numbered(path, "zdict", 10).or_else(|| numbered(path, "copy", 10));
    place?.try_into().ok()
}

/// The body in a large body's name.
pub fn big_body_number(path: &Path) -> Option<BodyNumber> {
    let name = path.file_stem()?.to_str()?;
    let (_, number) = name.split_once('-')?;
    u64::from_str_radix(number, 16).ok().map(BodyNumber)
}

fn numbered(path: &Path, extension: &str, radix: u32) -> Option<u64> {
    if path.extension()?.to_str()? != extension {
        return None;
    }
    u64::from_str_radix(path.file_stem()?.to_str()?, radix).ok()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
