//! The form of the log: frames with a checksum, and the records in them.
//!
//! A *span* is what one sync makes durable: the commits that were placed meanwhile. It is one
//! frame, or several when it is large; only the last carries the commit mark. Each frame names the
//! checksum of the one before it, and all checksums are keyed with the store's secret, so that no
//! letter can contain a valid frame.
//!
//! A frame has two checksums: one of all that it says, without the stored bytes of bodies, and one
//! of everything. So damage of a body takes that body and nothing else.
//!
//! Pure: bytes in, values out. Never panics on any bytes.

use super::rows::{BodyRow, Place};
use crate::backend::block::{Codec, Layout, Secret};
use crate::error::StoreError;
use crate::id::{BodyHash, BodyNumber, Timestamp};
use memchr::memmem::Finder;

/// A keyed checksum: an accident goes unseen once in 2^128.
pub type Checksum = [u8; 16];

/// Bytes before a frame's records.
pub const HEADER_BYTES: usize = 80;
const MAGIC: [u8; 4] = *b"FcFr";
const COMMITS: u32 = 1;

/// What stands before a frame's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// True for the last frame of its span.
    pub commits: bool,
    /// Bytes of records.
    pub len: u32,
    /// Position of the first commit of its span.
    pub first: u64,
    /// When the span was closed.
    pub time: Timestamp,
    /// Checksum of the frame before it.
    pub predecessor: Checksum,
    /// Checksum of this header and its records, without the stored bytes of bodies.
    pub checksum: Checksum,
    /// Checksum of this header and all its records.
    pub seal: Checksum,
}

/// How far a frame is what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// All of it.
    Whole,
    /// What it says is; stored bytes of its bodies are not.
    BodiesDamaged,
}

impl Header {
    /// Makes the header of a frame and its checksum.
    pub fn seal(
        secret: &Secret,
        (first, time): (u64, Timestamp),
        commits: bool,
        predecessor: Checksum,
        records: &[u8],
    ) -> Result<Self, StoreError> {
        let len = u32::try_from(records.len()).map_err(|_| StoreError::TooLarge)?;
        let mut header = Self {
            commits,
            len,
            first,
            time,
            predecessor,
            checksum: [0; 16],
            seal: [0; 16],
        };
        header.checksum = header.checksum_of(secret, records);
        header.seal = header.seal_of(secret, records);
        Ok(header)
    }

    fn checksum_of(&self, secret: &Secret, records: &[u8]) -> Checksum {
        let header = self.checked_bytes();
        let mut pieces = vec![&header[..]];
        pieces.extend(without_bodies(records));
        secret.checksum(&pieces)
    }

    fn seal_of(&self, secret: &Secret, records: &[u8]) -> Checksum {
        secret.checksum(&[&self.checked_bytes(), &self.checksum, records])
    }

    fn checked_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&(if self.commits { COMMITS } else { 0 }).to_be_bytes());
        bytes.extend_from_slice(&u64::from(self.len).to_be_bytes());
        bytes.extend_from_slice(&self.first.to_be_bytes());
        bytes.extend_from_slice(&self.time.0.to_be_bytes());
        bytes.extend_from_slice(&self.predecessor);
        bytes
    }

    /// Its bytes on disk.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.checked_bytes();
        bytes.extend_from_slice(&self.checksum);
        bytes.extend_from_slice(&self.seal);
        bytes
    }

    /// Reads a header; `None` when there is none. Nothing of it is true before [`Self::proof`].
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if reader.array::<4>()? != MAGIC {
            return None;
        }
        let flags = u32::from_be_bytes(reader.array()?);
        let header = Self {
            commits: flags == COMMITS,
            len: u32::try_from(reader.u64()?).ok()?,
            first: reader.u64()?,
            time: Timestamp(i64::from_be_bytes(reader.array()?)),
            predecessor: reader.array()?,
            checksum: reader.array()?,
            seal: reader.array()?,
        };
        (flags <= COMMITS).then_some(header)
    }

    /// How far the records are those that were written with this header; `None` when nothing is
    /// to be believed.
    pub fn proof(&self, secret: &Secret, records: &[u8]) -> Option<Proof> {
        if records.len() as u64 != u64::from(self.len)
            || self.checksum_of(secret, records) != self.checksum
        {
            return None;
        }
        let is_whole = self.seal_of(secret, records) == self.seal;
        Some(if is_whole {
            Proof::Whole
        } else {
            Proof::BodiesDamaged
        })
    }

    /// The frame at the start of `bytes`, when it is complete and wholly true.
    pub fn read<'a>(secret: &Secret, bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (header, rest) = bytes.split_at_checked(HEADER_BYTES)?;
        let header = Self::parse(header)?;
        let records = rest.get(..usize::try_from(header.len).ok()?)?;
        let is_whole = header.proof(secret, records) == Some(Proof::Whole);
        is_whole.then_some((header, records))
    }

    /// Bytes of the whole frame.
    pub fn frame_len(&self) -> u64 {
        u64::from(self.len).saturating_add(HEADER_BYTES as u64)
    }
}

/// Finds a true frame anywhere in `bytes` whose span is later than `first`: proof that something
/// before it is damaged.
pub fn find_later_frame(secret: &Secret, bytes: &[u8], first: u64) -> Option<usize> {
    // At every start this looks through what a segment has in store, mostly 64 MiB of zeros.
    let magic = Finder::new(&MAGIC);
    let mut from = 0_usize;
    while let Some(rest) = bytes.get(from..) {
        let start = from.saturating_add(magic.find(rest)?);
        let frame = bytes
            .get(start..)
            .and_then(|frame| Header::read(secret, frame));
        if frame.is_some_and(|(header, _)| header.first > first) {
            return Some(start);
        }
        from = start.saturating_add(1);
    }
    None
}

const START: u8 = 1;
const PUT: u8 = 2;
const DELETE: u8 = 3;
const BODY: u8 = 4;
const MOVED: u8 = 5;
const FILE: u8 = 6;
/// One thing that a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record<'a> {
    /// The records up to the next start are one commit.
    Start,
    /// A key has this value from now on.
    Put(&'a [u8], &'a [u8]),
    /// A key has no value from now on.
    Delete(&'a [u8]),
    /// A body, with its stored bytes.
    Body(Carried<'a>),
    /// A body that was copied from an older segment; void when it is dead by then.
    Moved(Carried<'a>),
    /// A body in a file of its own.
    File(BodyRow),
}

/// A body in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carried<'a> {
    /// Which body.
    pub number: BodyNumber,
    /// How it is stored.
    pub layout: Layout,
    /// Its stored bytes.
    pub stored: &'a [u8],
    /// Where they begin within the frame's records.
    pub offset: usize,
}

impl Carried<'_> {
    /// Its row, when the frame's records begin at `records_at` of `segment`.
    pub fn row(&self, segment: u32, records_at: u64) -> BodyRow {
        let offset = records_at.saturating_add(self.offset as u64);
        let place = Place::Segment { segment, offset };
        BodyRow {
            number: self.number,
            place,
            layout: self.layout,
        }
    }
}

/// Records that wait to be written, with the places where they may be cut into frames.
#[derive(Debug, Default)]
pub struct Records {
    bytes: Vec<u8>,
    cuts: Vec<usize>,
    bodies: Vec<(BodyNumber, Layout, Stored)>,
}

/// Where a body of waiting records lies.
#[derive(Debug, Clone, Copy)]
enum Stored {
    Here(usize),
    Moved(usize),
    File,
}

impl Records {
    /// No records, with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            ..Self::default()
        }
    }

    /// Begins a commit.
    pub fn start(&mut self) {
        self.bytes.push(START);
    }

    /// Says the new value of a key.
    pub fn write(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), StoreError> {
        let key_len = u16::try_from(key.len())
            .map_err(|_| StoreError::TooLarge)?
            .to_be_bytes();
        self.bytes.push(if value.is_some() { PUT } else { DELETE });
        self.bytes.extend_from_slice(&key_len);
        if let Some(value) = value {
            let len = u32::try_from(value.len()).map_err(|_| StoreError::TooLarge)?;
            self.bytes.extend_from_slice(&len.to_be_bytes());
        }
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value.unwrap_or_default());
        Ok(())
    }

    /// Carries a body's stored bytes.
    pub fn body(&mut self, number: BodyNumber, layout: Layout, stored: &[u8]) {
        self.body_fields(BODY, number, layout);
        self.bodies
            .push((number, layout, Stored::Here(self.bytes.len())));
        self.bytes.extend_from_slice(stored);
    }

    /// Carries a copy of a body from an older segment.
    pub fn moved(&mut self, number: BodyNumber, layout: Layout, stored: &[u8]) {
        self.body_fields(MOVED, number, layout);
        self.bodies
            .push((number, layout, Stored::Moved(self.bytes.len())));
        self.bytes.extend_from_slice(stored);
    }

    /// Names a body in a file of its own.
    pub fn file(&mut self, number: BodyNumber, layout: Layout) {
        self.body_fields(FILE, number, layout);
        self.bodies.push((number, layout, Stored::File));
    }

    fn body_fields(&mut self, tag: u8, number: BodyNumber, layout: Layout) {
        self.bytes.push(tag);
        self.bytes.extend_from_slice(&number.0.to_be_bytes());
        self.bytes.extend_from_slice(&layout.len.to_be_bytes());
        self.bytes.push(layout.codec.code());
        self.bytes.extend_from_slice(&layout.hash.0);
        self.bytes
            .extend_from_slice(&layout.stored_len.to_be_bytes());
    }

    /// Allows a cut here when at least `frame_bytes` came since the last one.
    pub fn allow_cut(&mut self, frame_bytes: usize) {
        let last = self.cuts.last().copied().unwrap_or_default();
        if self.bytes.len().saturating_sub(last) >= frame_bytes {
            self.cuts.push(self.bytes.len());
        }
    }

    /// Appends what another wrote.
    pub fn append(&mut self, other: Self) {
        if self.bytes.is_empty() {
            *self = other;
            return;
        }
        let shift = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.cuts
            .extend(other.cuts.iter().map(|cut| cut.saturating_add(shift)));
        let moved = |stored: &Stored| match *stored {
            Stored::Here(at) => Stored::Here(at.saturating_add(shift)),
            Stored::Moved(at) => Stored::Moved(at.saturating_add(shift)),
            Stored::File => Stored::File,
        };
        let bodies = other
            .bodies
            .iter()
            .map(|(number, layout, at)| (*number, *layout, moved(at)));
        self.bodies.extend(bodies);
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The byte ranges of the frames that these records are cut into.
    pub fn frames(&self) -> Vec<std::ops::Range<usize>> {
        let ends = self.cuts.iter().copied().chain([self.bytes.len()]);
        let mut start = 0;
        let frames = ends.map(|end| std::mem::replace(&mut start, end)..end);
        frames.filter(|frame| !frame.is_empty()).collect()
    }

    /// All of them.
    pub fn all(&self) -> &[u8] {
        &self.bytes
    }

    /// The records of one of [`Self::frames`].
    pub fn frame(&self, range: std::ops::Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    /// The rows of the bodies within these records, once it is known where each frame's records
    /// begin on disk.
    ///
    /// The flag says that a row only counts for a body that is still alive.
    pub fn body_rows(&self, frames: &[(usize, u32, u64)]) -> Vec<(BodyRow, bool)> {
        let place = |at: usize| {
            let frame = frames.iter().rev().find(|(start, _, _)| *start <= at)?;
            let &(start, segment, records_at) = frame;
            let offset = records_at.saturating_add(at.saturating_sub(start) as u64);
            Some(Place::Segment { segment, offset })
        };
        let row = |(number, layout, stored): &(BodyNumber, Layout, Stored)| {
            let (place, moved) = match *stored {
                Stored::Here(at) => (place(at)?, false),
                Stored::Moved(at) => (place(at)?, true),
                Stored::File => (Place::File, false),
            };
            Some((
                BodyRow {
                    number: *number,
                    place,
                    layout: *layout,
                },
                moved,
            ))
        };
        self.bodies.iter().filter_map(row).collect()
    }
}

/// Reads the records of a frame; ends with an error where they do not parse.
pub fn records(bytes: &[u8]) -> impl Iterator<Item = Result<Record<'_>, StoreError>> {
    let mut reader = Reader(bytes);
    std::iter::from_fn(move || {
        if reader.0.is_empty() {
            return None;
        }
        let record = reader.record(bytes.len());
        if record.is_none() {
            reader.0 = &[]; // What follows an unknown record has no meaning.
        }
        Some(record.ok_or_else(|| StoreError::Corrupt("a log record does not parse".into())))
    })
}

/// The records of a frame in as few pieces as possible, leaving out the stored bytes of bodies.
/// What does not parse is left in.
fn without_bodies(bytes: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for record in records(bytes) {
        if let Ok(Record::Body(body) | Record::Moved(body)) = record {
            pieces.extend(bytes.get(start..body.offset));
            start = body.offset.saturating_add(body.stored.len());
        }
    }
    pieces.extend(bytes.get(start..));
    pieces
}

/// Takes fields from the front of bytes.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// The next bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// The next eight bytes as a number.
    pub fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.array()?))
    }

    fn record(&mut self, whole: usize) -> Option<Record<'a>> {
        let [tag] = self.array()?;
        match tag {
            START => Some(Record::Start),
            PUT => {
                let key_len = u16::from_be_bytes(self.array()?);
                let value_len = u32::from_be_bytes(self.array()?);
                let key = self.take(usize::from(key_len))?;
                Some(Record::Put(
                    key,
                    self.take(usize::try_from(value_len).ok()?)?,
                ))
            }
            DELETE => {
                let key_len = u16::from_be_bytes(self.array()?);
                Some(Record::Delete(self.take(usize::from(key_len))?))
            }
            BODY => Some(Record::Body(self.carried(whole)?)),
            MOVED => Some(Record::Moved(self.carried(whole)?)),
            FILE => {
                let (number, layout) = self.body_fields()?;
                Some(Record::File(BodyRow {
                    number,
                    place: Place::File,
                    layout,
                }))
            }
            _ => None,
        }
    }

    fn body_fields(&mut self) -> Option<(BodyNumber, Layout)> {
        let number = BodyNumber(self.u64()?);
        let len = self.u64()?;
        let [codec] = self.array()?;
        let codec = Codec::from_code(codec).ok()?;
        let hash = BodyHash(self.array()?);
        Some((
            number,
            Layout {
                hash,
                len,
                stored_len: self.u64()?,
                codec,
            },
        ))
    }

    fn carried(&mut self, whole: usize) -> Option<Carried<'a>> {
        let (number, layout) = self.body_fields()?;
        let offset = whole.checked_sub(self.0.len())?;
        let stored = self.take(usize::try_from(layout.stored_len).ok()?)?;
        Some(Carried {
            number,
            layout,
            stored,
            offset,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secret() -> Secret {
        Secret::new(&[3; 32])
    }

    fn layout(stored_len: u64) -> Layout {
        Layout {
            hash: BodyHash([9; 32]),
            len: 77,
            stored_len,
            codec: Codec::Zstd,
        }
    }

    #[test]
    fn records_come_back_with_the_places_of_their_bodies() {
        let mut waiting = Records::default();
        waiting.start();
        waiting.write(b"key", Some(b"value")).unwrap();
        waiting.body(BodyNumber(5), layout(3), b"abc");
        waiting.allow_cut(1);
        waiting.start();
        waiting.write(b"gone", None).unwrap();
        waiting.moved(BodyNumber(6), layout(2), b"de");
        waiting.file(BodyNumber(7), layout(9_000_000));

        let frames = waiting.frames();
        assert_eq!(frames.len(), 2);
        let places: Vec<_> = frames.iter().map(|frame| (frame.start, 1, 1_000)).collect();
        let rows = waiting.body_rows(&places);
        let first: Vec<_> = records(waiting.frame(frames[0].clone()))
            .collect::<Result<_, _>>()
            .unwrap();
        let [
            Record::Start,
            Record::Put(b"key", b"value"),
            Record::Body(body),
        ] = first[..]
        else {
            panic!("{first:?}")
        };
        assert_eq!((body.row(1, 1_000), false), rows[0]);
        let second: Vec<_> = records(waiting.frame(frames[1].clone()))
            .collect::<Result<_, _>>()
            .unwrap();
        let [
            Record::Start,
            Record::Delete(b"gone"),
            Record::Moved(moved),
            Record::File(file),
        ] = second[..]
        else {
            panic!("{second:?}")
        };
        assert_eq!((moved.row(1, 1_000), true), rows[1]);
        assert_eq!((file, false), rows[2]);
    }

    #[test]
    fn a_frame_proves_its_header_and_its_records() {
        let header = Header::seal(&secret(), (8, Timestamp(4)), true, [1; 16], b"records").unwrap();
        let mut bytes = header.bytes();
        bytes.extend_from_slice(b"records");
        assert_eq!(
            Header::read(&secret(), &bytes),
            Some((header, &b"records"[..]))
        );
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert_eq!(Header::read(&secret(), &damaged), None, "byte {at}");
        }
        assert_eq!(
            Header::read(&Secret::new(&[4; 32]), &bytes),
            None,
            "another store's frame"
        );
    }

    #[test]
    fn damage_of_a_body_leaves_what_the_frame_says() {
        let mut waiting = Records::default();
        waiting.start();
        waiting.body(BodyNumber(5), layout(30), &[1; 30]);
        waiting.write(b"key", Some(b"value")).unwrap();
        waiting.moved(BodyNumber(6), layout(20), &[2; 20]);
        let bytes = waiting.all();
        let header = Header::seal(&secret(), (8, Timestamp(4)), true, [1; 16], bytes).unwrap();
        assert_eq!(header.proof(&secret(), bytes), Some(Proof::Whole));
        for at in 0..bytes.len() {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 1;
            let expected = within_a_body(bytes, at).then_some(Proof::BodiesDamaged);
            assert_eq!(header.proof(&secret(), &damaged), expected, "byte {at}");
        }
    }

    fn within_a_body(bytes: &[u8], at: usize) -> bool {
        records(bytes).any(|record| match record {
            Ok(Record::Body(body) | Record::Moved(body)) => {
                (body.offset..body.offset + body.stored.len()).contains(&at)
            }
            _ => false,
        })
    }

    #[test]
    fn a_later_frame_is_found_behind_damage() {
        let header = Header::seal(&secret(), (8, Timestamp(4)), true, [1; 16], b"records").unwrap();
        let mut bytes = b"damage FcFr damage".to_vec();
        bytes.extend_from_slice(&header.bytes());
        bytes.extend_from_slice(b"records");
        assert_eq!(find_later_frame(&secret(), &bytes, 7), Some(18));
        assert_eq!(
            find_later_frame(&secret(), &bytes, 8),
            None,
            "the torn span's own frame"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            for record in records(&bytes) {
                let _ = record;
            }
            prop_assert!(Header::read(&secret(), &bytes).is_none());
        }
    }
}
