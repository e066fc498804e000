//! What a shard holds, as one small file that is replaced as a whole.

use super::Mark;
use super::bits::Class;
use super::block::Shape;
use crate::error::StoreError;
use crate::id::{AccountId, ChangeSeq};
use crate::model::codec::{Decoder, Encoder, corrupt};
use std::collections::BTreeMap;

/// The form of all files of a shard, of the grams in them, and which text they are of; another is
/// not read. The second has the text of PDF and of cells; the third other grams; the fourth has
/// letters as others write them, items that are no letters, and marked grams of fields.
const VERSION: u8 = 4;
const SUM_BYTES: usize = 32;

/// Where a block lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) shape: Shape,
    /// The number of its pack.
    pub(super) pack: u32,
    /// The first byte in it.
    pub(super) offset: u64,
}

impl Place {
    /// The first byte behind it.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.shape.len() as u64)
    }
}

/// An account's part of a shard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) mark: Option<Mark>,
    /// Oldest first.
    pub(super) blocks: Vec<Place>,
}

/// A shard's accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Manifest(pub(super) BTreeMap<AccountId, Entry>);

impl Manifest {
    /// As bytes, with a checksum.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::default();
        out.byte(VERSION);
        out.number(self.0.len() as u64);
        for (account, entry) in &self.0 {
            out.number(u64::from(account.0));
            write_entry(&mut out, entry);
        }
        let mut bytes = out.finish().to_vec();
        let sum = blake3::hash(&bytes);
        bytes.extend_from_slice(sum.as_bytes());
        bytes
    }

    /// Errors: the bytes are not what was written, or of another version.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let damaged = || corrupt("a manifest of sketches");
        let len = bytes.len().checked_sub(SUM_BYTES).ok_or_else(damaged)?;
        let (content, sum) = bytes.split_at_checked(len).ok_or_else(damaged)?;
        if blake3::hash(content).as_bytes() != sum {
            return Err(damaged());
        }
        let mut input = Decoder::new(content);
        if input.byte()? != VERSION {
            return Err(damaged());
        }
        let mut accounts = BTreeMap::new();
        for _ in 0..input.length()? {
            let account = AccountId(input.number32()?);
            accounts.insert(account, read_entry(&mut input)?);
        }
        Ok(Self(accounts))
    }
}

fn write_entry(out: &mut Encoder, entry: &Entry) {
    // An epoch is stored one higher, so that 0 can mean that there is no mark.
    out.number(entry.mark.map_or(0, |mark| u64::from(mark.epoch) + 1));
    out.number(entry.mark.map_or(0, |mark| mark.change.0));
    out.number(entry.blocks.len() as u64);
    for block in &entry.blocks {
        out.byte(block.shape.class.number());
        out.number(block.shape.items as u64);
        out.number(u64::from(block.pack));
        out.number(block.offset);
    }
}

fn read_entry(input: &mut Decoder<'_>) -> Result<Entry, StoreError> {
    let epoch = input.number()?.checked_sub(1);
    let change = ChangeSeq(input.number()?);
    let mark = match epoch {
        Some(epoch) => Some(Mark {
            epoch: u32::try_from(epoch).map_err(|_| corrupt("an epoch of sketches"))?,
            change,
        }),
        None => None,
    };
    let mut blocks = Vec::new();
    for _ in 0..input.length()? {
        let class = Class::of_number(input.byte()?);
        let class = class.ok_or_else(|| corrupt("a size of sketches"))?;
        let items = usize::try_from(input.number32()?).unwrap_or(usize::MAX);
        if items > Shape::items_max(class) {
            return Err(corrupt("a number of sketches"));
        }
        blocks.push(Place {
            shape: Shape { class, items },
            pack: input.number32()?,
            offset: input.number()?,
        });
    }
    Ok(Entry { mark, blocks })
}
