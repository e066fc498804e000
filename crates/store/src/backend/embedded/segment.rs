//! The files of the log: preallocated, written once from front to back, never written again.
//!
//! A segment's header says where its predecessor validly ended. It is synced before the segment
//! takes its first frame, so whatever a later reader finds damaged before that end is corruption,
//! and whatever stands behind it was never acknowledged.

use super::frame::{Checksum, HEADER_BYTES, Header, Proof, Reader};
use super::paths::{Paths, segment_number};
use super::rows::LogPlace;
use crate::backend::block::Secret;
use crate::error::StoreError;
use crate::id::Timestamp;
use crate::world::{File, Open, Vfs};
use std::path::Path;
use std::sync::Arc;

/// A segment's header takes one sector, so that it cannot be half written.
pub const SEGMENT_HEADER_BYTES: u64 = 512;
const MAGIC: [u8; 8] = *b"FctLog01";
const FIELDS_BYTES: usize = 8 + 4 + 52 + 8;

/// What stands at the front of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Its number, also in its name.
    pub number: u32,
    /// Where the log validly ended when this segment was begun; segment 0 when it is the first.
    pub follows: LogPlace,
    /// When it was begun.
    pub time: Timestamp,
}

impl SegmentHeader {
    /// Its bytes on disk: one sector.
    pub fn bytes(&self, secret: &Secret) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&self.number.to_be_bytes());
        bytes.extend_from_slice(&self.follows.value());
        bytes.extend_from_slice(&self.time.0.to_be_bytes());
        bytes.resize(FIELDS_BYTES, 0);
        let checksum = secret.checksum(&[&bytes]);
        bytes.extend_from_slice(&checksum);
        bytes.resize(usize::try_from(SEGMENT_HEADER_BYTES).unwrap_or_default(), 0);
        bytes
    }

    fn parse(secret: &Secret, bytes: &[u8]) -> Option<Self> {
        let (fields, rest) = bytes.split_at_checked(FIELDS_BYTES)?;
        let checksum: Checksum = Reader(rest).array()?;
        let mut reader = Reader(fields);
        if reader.array()? != MAGIC || secret.checksum(&[fields]) != checksum {
            return None;
        }
        let number = u32::from_be_bytes(reader.array()?);
        let follows = LogPlace::parse_fields(&mut reader)?;
        Some(Self {
            number,
            follows,
            time: Timestamp(i64::from_be_bytes(reader.array()?)),
        })
    }

    /// Reads the header of a segment; `None` when it has none that is true.
    pub fn read(secret: &Secret, file: &dyn File) -> Result<Option<Self>, StoreError> {
        let bytes = read_exactly(file, 0, SEGMENT_HEADER_BYTES)?;
        Ok(bytes.and_then(|bytes| Self::parse(secret, &bytes)))
    }

    /// Makes the segment's file and its header durable.
    pub fn create(
        &self,
        vfs: &dyn Vfs,
        paths: &Paths,
        secret: &Secret,
        len: u64,
    ) -> Result<Arc<dyn File>, StoreError> {
        let path = paths.segment(self.number);
        let file = vfs.open(&path, Open::CreateNew)?;
        if let Err(error) = file.allocate(len) {
            let _ = vfs.remove(&path); // Nothing was promised of it yet.
            return Err(error.into());
        }
        file.write_at(&self.bytes(secret), 0)?;
        file.sync()?;
        vfs.sync_directory(&paths.log())?;
        Ok(file)
    }
}

/// The numbers of the segments that exist, ascending.
pub fn list(vfs: &dyn Vfs, paths: &Paths) -> Result<Vec<u32>, StoreError> {
    let entries = vfs.list(&paths.log())?;
    let mut numbers: Vec<u32> = entries
        .iter()
        .filter_map(|path| segment_number(path))
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Reads `len` bytes; `None` when the file ends before.
pub fn read_exactly(file: &dyn File, at: u64, len: u64) -> Result<Option<Vec<u8>>, StoreError> {
    if file.len()? < at.saturating_add(len) {
        return Ok(None);
    }
    let mut bytes = vec![0; usize::try_from(len).map_err(|_| StoreError::TooLarge)?];
    let count = file.read_at(&mut bytes, at)?;
    Ok((count == bytes.len()).then_some(bytes))
}

/// Reads a whole small file; `None` when it does not exist.
pub fn read_file(vfs: &dyn Vfs, path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match vfs.open(path, Open::Read) {
        Ok(file) => read_exactly(&*file, 0, file.len()?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Writes a small file so that it is there whole or not at all.
pub fn write_file(
    vfs: &dyn Vfs,
    folder: &Path,
    path: &Path,
    bytes: &[u8],
) -> Result<(), StoreError> {
    let unfinished = path.with_extension("new");
    let file = vfs.open(&unfinished, Open::Create)?;
    file.set_len(0)?;
    file.write_at(bytes, 0)?;
    file.sync()?;
    vfs.rename(&unfinished, path)?;
    vfs.sync_directory(folder)?;
    Ok(())
}

/// A frame as it was found in a segment.
pub struct Found {
    /// Its header.
    pub header: Header,
    /// Its records.
    pub records: Vec<u8>,
    /// Where the records begin in the file.
    pub records_at: u64,
    /// Whether its bodies are as they were written too.
    pub proof: Proof,
}

/// Reads the frame at `at`; `None` when there is none that is complete and says what was written.
pub fn read_frame(secret: &Secret, file: &dyn File, at: u64) -> Result<Option<Found>, StoreError> {
    let Some(bytes) = read_exactly(file, at, HEADER_BYTES as u64)? else {
        return Ok(None);
    };
    let Some(header) = Header::parse(&bytes) else {
        return Ok(None);
    };
    let records_at = at.saturating_add(HEADER_BYTES as u64);
    let Some(records) = read_exactly(file, records_at, u64::from(header.len))? else {
        return Ok(None);
    };
    let proof = header.proof(secret, &records);
    Ok(proof.map(|proof| Found {
        header,
        records,
        records_at,
        proof,
    }))
}
