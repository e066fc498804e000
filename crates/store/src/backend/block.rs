//! How a body is kept: cut into blocks, each compressed, each with a checksum of its own.
//!
//! Most letters are one block and carry nothing but its bytes; the body's keyed hash proves them.
//! Larger bodies end in a table (stored length and checksum of each block), so that a range costs
//! only the blocks it touches. Nothing is returned that was not verified.
//!
//! Pure: bytes in, bytes out. Start at [`Encoder`] to write and at [`Layout`] to read.
//!
//! Sources: RFC 8878 (Zstandard), the BLAKE3 paper.

use super::Stay;
use super::compression::Contexts;
use crate::error::StoreError;
use crate::id::BodyHash;
use bytes::Bytes;
use std::ops::Range;

/// Raw bytes in a block: one range read decompresses at most two blocks more than it needs.
pub const BLOCK_BYTES: usize = 256 * 1024;
/// Bytes of a table entry: stored length (top bit: stored raw) and checksum.
const ENTRY_BYTES: usize = 4 + CHECKSUM_BYTES;
/// Bytes of a keyed checksum of a block or table: an accident goes unseen once in 2^128.
const CHECKSUM_BYTES: usize = 16;
/// Marks a block that is stored raw in the table.
const RAW_BIT: u32 = 1 << 31;

/// The store's secret, from which the keys of hashes and checksums are derived.
#[derive(Clone)]
pub struct Secret {
    hash: [u8; 32],
    checksum: [u8; 32],
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret") // Never in a log.
    }
}

impl Secret {
    /// Derives the keys from 32 unpredictable bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self {
            hash: blake3::derive_key("facteur 2026 body content hash", bytes),
            checksum: blake3::derive_key("facteur 2026 stored bytes checksum", bytes),
        }
    }

    /// Starts the hash of a body's content.
    pub fn content_hasher(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(&self.hash)
    }

    /// The hash of a body's content.
    pub fn content_hash(&self, raw: &[u8]) -> BodyHash {
        BodyHash(*blake3::keyed_hash(&self.hash, raw).as_bytes())
    }

    /// The checksum of stored bytes that are given in pieces.
    pub fn checksum(&self, pieces: &[&[u8]]) -> [u8; CHECKSUM_BYTES] {
        let mut hasher = blake3::Hasher::new_keyed(&self.checksum);
        for piece in pieces {
            hasher.update(piece);
        }
        let mut short = [0; CHECKSUM_BYTES];
        hasher.finalize_xof().fill(&mut short);
        short
    }
}

/// How the stored bytes of a body are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// One block as it came.
    Raw,
    /// One block of zstd.
    Zstd,
    /// Several blocks and their table.
    Blocks,
}

impl Codec {
    /// Its number on disk.
    pub fn code(self) -> u8 {
        match self {
            Self::Raw => 0,
            Self::Zstd => 1,
            Self::Blocks => 2,
        }
    }

    /// The codec of a number on disk.
    pub fn from_code(code: u8) -> Result<Self, StoreError> {
        match code {
            0 => Ok(Self::Raw),
            1 => Ok(Self::Zstd),
            2 => Ok(Self::Blocks),
            _ => Err(StoreError::Corrupt(format!("body codec {code}"))),
        }
    }
}

pub(super) fn damaged(what: &str) -> StoreError {
    StoreError::Corrupt(format!("body {what} does not match"))
}

/// Encodes a body piece by piece. Its memory is one raw block and the table.
pub struct Encoder {
    hasher: blake3::Hasher,
    block: Vec<u8>,
    table: Vec<u8>,
    len: u64,
    stay: Stay,
    /// Set once nothing more comes.
    ended: Option<Codec>,
}

/// What is known of a body once it was encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoded {
    /// The hash of its content.
    pub hash: BodyHash,
    /// Length in bytes as it came.
    pub len: u64,
    /// How it is stored.
    pub codec: Codec,
}

impl Encoder {
    /// An empty body.
    pub fn new(secret: &Secret) -> Self {
        Self {
            hasher: secret.content_hasher(),
            block: Vec::new(),
            table: Vec::new(),
            len: 0,
            stay: Stay::Long,
            ended: None,
        }
    }

    /// Says for how long it will probably be kept. A short one that is one block is stored as it
    /// came.
    pub fn expect(&mut self, stay: Stay) {
        self.stay = stay;
    }

    /// Bytes so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True when nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes bytes; complete blocks are appended to `out` in their stored form.
    ///
    /// Errors: [`StoreError::Refused`] behind the end.
    pub fn write(
        &mut self,
        secret: &Secret,
        contexts: &Contexts,
        mut bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        if self.ended.is_some() {
            return Err(StoreError::Refused("the body had ended".into()));
        }
        self.hasher.update(bytes);
        self.len = self.len.saturating_add(bytes.len() as u64);
        while !bytes.is_empty() {
            if self.block.len() == BLOCK_BYTES {
                self.end_block(secret, contexts, out)?;
            }
            let room = BLOCK_BYTES
                .saturating_sub(self.block.len())
                .min(bytes.len());
            let (now, later) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            self.block.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Appends what is left, and the table when there is more than one block; once, however often
    /// it is called.
    pub fn end(
        &mut self,
        secret: &Secret,
        contexts: &Contexts,
        out: &mut Vec<u8>,
    ) -> Result<Codec, StoreError> {
        if let Some(codec) = self.ended {
            return Ok(codec);
        }
        let codec = if self.table.is_empty() && self.stay == Stay::Short {
            out.extend_from_slice(&self.block);
            Codec::Raw
        } else if self.table.is_empty() {
            let raw = contexts.compress(&self.block, out)?;
            if raw { Codec::Raw } else { Codec::Zstd }
        } else {
            self.end_block(secret, contexts, out)?;
            let checksum = secret.checksum(&[&self.table]);
            out.extend_from_slice(&self.table);
            out.extend_from_slice(&checksum);
            Codec::Blocks
        };
        self.block = Vec::new();
        self.ended = Some(codec);
        Ok(codec)
    }

    /// What came of it; ends it if that was not done.
    pub fn finish(
        mut self,
        secret: &Secret,
        contexts: &Contexts,
        out: &mut Vec<u8>,
    ) -> Result<Encoded, StoreError> {
        let codec = self.end(secret, contexts, out)?;
        let hash = BodyHash(*self.hasher.finalize().as_bytes());
        Ok(Encoded {
            hash,
            len: self.len,
            codec,
        })
    }

    fn end_block(
        &mut self,
        secret: &Secret,
        contexts: &Contexts,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let start = out.len();
        let raw = contexts.compress(&self.block, out)?;
        let stored = out.get(start..).unwrap_or_default();
        let len = u32::try_from(stored.len()).map_err(|_| StoreError::TooLarge)?;
        let entry = if raw { len | RAW_BIT } else { len };
        self.table.extend_from_slice(&entry.to_be_bytes());
        self.table.extend_from_slice(&secret.checksum(&[stored]));
        self.block.clear();
        Ok(())
    }
}

/// Where the stored bytes of a body come from: `read(offset, length)` within its encoding.
pub type Source<'a> = &'a dyn Fn(u64, usize) -> Result<Bytes, StoreError>;

/// What must be known to read a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The hash of its content.
    pub hash: BodyHash,
    /// Length in bytes as it came.
    pub len: u64,
    /// Length in bytes as stored.
    pub stored_len: u64,
    /// How it is stored.
    pub codec: Codec,
}

/// One block of a body: where it is stored, and what it must be.
struct Block {
    stored: Range<u64>,
    raw: bool,
    checksum: [u8; CHECKSUM_BYTES],
}

impl Layout {
    /// Reads a range, verified; shorter at the end of the body. The whole body is checked against
    /// its hash too.
    pub fn read(
        &self,
        range: Range<u64>,
        secret: &Secret,
        contexts: &Contexts,
        source: Source<'_>,
    ) -> Result<Bytes, StoreError> {
        let end = range.end.min(self.len);
        let start = range.start.min(end);
        let read = if self.codec == Codec::Blocks {
            self.read_blocks(start..end, secret, contexts, source)?
        } else {
            let whole = self.read_single(contexts, source)?;
            if secret.content_hash(&whole) != self.hash {
                return Err(damaged("hash"));
            }
            return Ok(whole.slice(to_usize(start)?..to_usize(end)?));
        };
        if start == 0 && end == self.len && secret.content_hash(&read) != self.hash {
            return Err(damaged("hash"));
        }
        Ok(read)
    }

    /// The content of a body of one block, not yet verified.
    fn read_single(&self, contexts: &Contexts, source: Source<'_>) -> Result<Bytes, StoreError> {
        let len = to_usize(self.len)?;
        if len > BLOCK_BYTES {
            return Err(damaged("length"));
        }
        let stored = source(0, to_usize(self.stored_len)?)?;
        match self.codec {
            Codec::Raw if stored.len() == len => Ok(stored),
            Codec::Zstd => Ok(Bytes::from(contexts.decompress(&stored, len)?)),
            Codec::Raw | Codec::Blocks => Err(damaged("length")),
        }
    }

    fn read_blocks(
        &self,
        range: Range<u64>,
        secret: &Secret,
        contexts: &Contexts,
        source: Source<'_>,
    ) -> Result<Bytes, StoreError> {
        let block_bytes = BLOCK_BYTES as u64;
        let table = self.table(secret, source)?;
        let first = range.start / block_bytes;
        let count = range.end.div_ceil(block_bytes).saturating_sub(first);
        let mut raw = Vec::with_capacity(to_usize(range.end.saturating_sub(range.start))?);
        for (index, block) in table
            .iter()
            .enumerate()
            .skip(to_usize(first)?)
            .take(to_usize(count)?)
        {
            let start = (index as u64).saturating_mul(block_bytes);
            let len = self.len.saturating_sub(start).min(block_bytes);
            let content = block.read(to_usize(len)?, secret, contexts, source)?;
            let from = to_usize(range.start.saturating_sub(start))?;
            let to = to_usize(range.end.saturating_sub(start).min(len))?;
            raw.extend_from_slice(content.get(from..to).unwrap_or_default());
        }
        Ok(Bytes::from(raw))
    }

    /// The verified table: one entry for each block.
    fn table(&self, secret: &Secret, source: Source<'_>) -> Result<Vec<Block>, StoreError> {
        let count = to_usize(self.len.div_ceil(BLOCK_BYTES as u64))?;
        let table_len = count.saturating_mul(ENTRY_BYTES);
        let whole_len = table_len.saturating_add(CHECKSUM_BYTES);
        let Some(start) = self.stored_len.checked_sub(whole_len as u64) else {
            return Err(damaged("table length"));
        };
        let stored = source(start, whole_len)?;
        let Some((table, checksum)) = stored.split_at_checked(table_len) else {
            return Err(damaged("table length"));
        };
        if secret.checksum(&[table]) != checksum {
            return Err(damaged("table"));
        }
        let mut offset = 0_u64;
        table
            .chunks_exact(ENTRY_BYTES)
            .map(|entry| Block::parse(entry, &mut offset))
            .collect()
    }
}

impl Block {
    fn parse(entry: &[u8], offset: &mut u64) -> Result<Self, StoreError> {
        let Some((len, checksum)) = entry.split_first_chunk::<4>() else {
            return Err(damaged("table length"));
        };
        let len = u32::from_be_bytes(*len);
        let checksum = checksum.try_into().map_err(|_| damaged("table length"))?;
        let start = *offset;
        *offset = start.saturating_add(u64::from(len & !RAW_BIT));
        Ok(Self {
            stored: start..*offset,
            raw: len & RAW_BIT != 0,
            checksum,
        })
    }

    fn read(
        &self,
        len: usize,
        secret: &Secret,
        contexts: &Contexts,
        source: Source<'_>,
    ) -> Result<Bytes, StoreError> {
        let stored_len = to_usize(self.stored.end.saturating_sub(self.stored.start))?;
        let stored = source(self.stored.start, stored_len)?;
        if secret.checksum(&[&stored]) != self.checksum {
            return Err(damaged("block"));
        }
        match self.raw {
            true if stored.len() == len => Ok(stored),
            true => Err(damaged("block length")),
            false => Ok(Bytes::from(contexts.decompress(&stored, len)?)),
        }
    }
}

fn to_usize(value: u64) -> Result<usize, StoreError> {
    usize::try_from(value).map_err(|_| StoreError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secret() -> Secret {
        Secret::new(&[7; 32])
    }

    fn encode(raw: &[u8]) -> (Vec<u8>, Layout) {
        encode_for(Stay::Long, raw)
    }

    fn encode_for(stay: Stay, raw: &[u8]) -> (Vec<u8>, Layout) {
        let (secret, contexts) = (secret(), Contexts::default());
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&secret);
        for piece in raw.chunks(70_001) {
            encoder.write(&secret, &contexts, piece, &mut out).unwrap();
        }
        encoder.expect(stay);
        let Encoded { hash, len, codec } = encoder.finish(&secret, &contexts, &mut out).unwrap();
        let stored_len = out.len() as u64;
        (
            out,
            Layout {
                hash,
                len,
                stored_len,
                codec,
            },
        )
    }

    #[test]
    fn a_body_that_ended_is_encoded_once_and_takes_no_more() {
        let line = b"a line of text\r\n";
        for raw in [line.repeat(9), line.repeat(40_000)] {
            let (secret, contexts) = (secret(), Contexts::default());
            let (mut out, mut encoder) = (Vec::new(), Encoder::new(&secret));
            encoder.write(&secret, &contexts, &raw, &mut out).unwrap();
            let codec = encoder.end(&secret, &contexts, &mut out).unwrap();
            encoder.end(&secret, &contexts, &mut out).unwrap();
            let more = encoder.write(&secret, &contexts, b"more", &mut out);
            assert!(matches!(more, Err(StoreError::Refused(_))));
            let encoded = encoder.finish(&secret, &contexts, &mut out).unwrap();
            let (wanted, layout) = encode(&raw);
            assert_eq!(
                (out, codec, encoded.hash),
                (wanted, layout.codec, layout.hash)
            );
        }
    }

    #[test]
    fn what_is_soon_gone_is_stored_as_it_came_unless_it_has_several_blocks() {
        let small = b"a line of text\r\n".repeat(100);
        let (stored, layout) = encode_for(Stay::Short, &small);
        assert_eq!(stored, small);
        assert_eq!(layout.codec, Codec::Raw);
        assert_eq!(read(&stored, &layout, 0..u64::MAX).unwrap(), small);
        let large = small.repeat(500);
        let (stored, layout) = encode_for(Stay::Short, &large);
        assert_eq!(layout.codec, Codec::Blocks);
        assert_eq!(read(&stored, &layout, 0..u64::MAX).unwrap(), large);
    }

    fn read(stored: &[u8], layout: &Layout, range: Range<u64>) -> Result<Bytes, StoreError> {
        layout.read(range, &secret(), &Contexts::default(), &|offset, len| {
            let offset = usize::try_from(offset).unwrap();
            stored
                .get(offset..offset + len)
                .map(Bytes::copy_from_slice)
                .ok_or_else(|| StoreError::Corrupt("short".into()))
        })
    }

    /// Compressible text with a little noise, so that neighbouring blocks differ.
    fn text(len: usize) -> Vec<u8> {
        (0..len)
            .map(|at| b"the quick brown fox "[at % 20] ^ u8::from(at % 977 == 0))
            .collect()
    }

    /// Bytes that do not compress.
    fn noise(len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        blake3::Hasher::new().finalize_xof().fill(&mut bytes);
        bytes
    }

    #[test]
    fn a_letter_carries_nothing_but_its_block() {
        let (stored, layout) = encode(&text(10_000));
        assert_eq!(layout.codec, Codec::Zstd);
        assert!(stored.len() < 1_000);
        let (stored, layout) = encode(&noise(10_000));
        assert_eq!((stored.len(), layout.codec), (10_000, Codec::Raw));
        assert_eq!(layout.hash, secret().content_hash(&noise(10_000)));
    }

    #[test]
    fn a_range_reads_only_the_blocks_that_it_touches() {
        let raw = noise(BLOCK_BYTES * 5 + 17);
        let (stored, layout) = encode(&raw);
        let read_bytes = std::cell::Cell::new(0);
        let range = BLOCK_BYTES as u64 * 2 + 5..BLOCK_BYTES as u64 * 2 + 25;
        let got = layout
            .read(
                range.clone(),
                &secret(),
                &Contexts::default(),
                &|offset, len| {
                    read_bytes.set(read_bytes.get() + len);
                    let offset = usize::try_from(offset).unwrap();
                    Ok(Bytes::copy_from_slice(&stored[offset..offset + len]))
                },
            )
            .unwrap();
        assert_eq!(&got[..], &raw[BLOCK_BYTES * 2 + 5..BLOCK_BYTES * 2 + 25]);
        assert!(read_bytes.get() < BLOCK_BYTES + 200);
    }

    #[test]
    fn every_flipped_byte_is_noticed() {
        for raw in [text(1_000), noise(1_000), text(BLOCK_BYTES * 2 + 9)] {
            let (stored, layout) = encode(&raw);
            for at in (0..stored.len()).step_by(stored.len() / 97 + 1) {
                let mut damaged = stored.clone();
                damaged[at] ^= 0x10;
                let whole = read(&damaged, &layout, 0..u64::MAX);
                assert!(whole.is_err() || whole.unwrap() == raw, "byte {at}");
                assert_ne!(
                    read(&damaged, &layout, 3..9).unwrap_or_default(),
                    raw[4..10]
                );
            }
        }
    }

    #[test]
    fn another_key_proves_nothing() {
        let (stored, layout) = encode(&text(1_000));
        let other = Secret::new(&[8; 32]);
        let read = layout.read(0..10, &other, &Contexts::default(), &|_, _| {
            Ok(Bytes::copy_from_slice(&stored))
        });
        assert!(matches!(read, Err(StoreError::Corrupt(_))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_was_written_is_read_back_in_any_range(
            len in prop_oneof![0_usize..3_000, 262_100_usize..262_200, 600_000_usize..800_000],
            start in 0_u64..900_000, count in 0_u64..400_000, compressible: bool,
        ) {
            let raw = if compressible { text(len) } else { noise(len) };
            let (stored, layout) = encode(&raw);
            prop_assert_eq!(&read(&stored, &layout, 0..u64::MAX).unwrap()[..], &raw[..]);
            let from = usize::try_from(start).unwrap().min(len);
            let to = usize::try_from(start + count).unwrap().min(len);
            prop_assert_eq!(
                &read(&stored, &layout, start..start + count).unwrap()[..],
                &raw[from..to]
            );
        }
    }
}
