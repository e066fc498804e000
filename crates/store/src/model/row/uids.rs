//! A block of 4,096 UIDs: as bits while it is changed, as runs while it rests.

use crate::error::StoreError;
use crate::id::Uid;
use crate::model::codec::{Decoder, Encoder, Row, VERSION, corrupt};
use std::ops::Range;

/// UIDs in a block.
pub(crate) const BLOCK_UIDS: u32 = 4096;
const WORDS: usize = (BLOCK_UIDS / u64::BITS) as usize;

/// Which of a block's UIDs are in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UidBlock {
    bits: Box<[u64; WORDS]>,
}

impl Default for UidBlock {
    fn default() -> Self {
        Self {
            bits: Box::new([0; WORDS]),
        }
    }
}

/// The number of the block that holds a UID.
pub(crate) fn block_of(uid: Uid) -> u32 {
    uid.0 / BLOCK_UIDS
}

/// A word of which the lowest `count` bits are set.
fn low_bits(count: u32) -> u64 {
    1_u64.checked_shl(count).map_or(u64::MAX, |bit| bit - 1)
}

impl UidBlock {
    /// Marks a UID (taken modulo the block's size) as used or free; answers whether that was new.
    pub(crate) fn set(&mut self, uid: Uid, used: bool) -> bool {
        let offset = uid.0 % BLOCK_UIDS;
        let mask = 1_u64 << (offset % u64::BITS);
        let Some(word) = self.bits.get_mut((offset / u64::BITS) as usize) else {
            return false;
        };
        let was = *word & mask != 0;
        *word = if used { *word | mask } else { *word & !mask };
        was != used
    }

    /// Whether a UID (taken modulo the block's size) is marked as used.
    pub(crate) fn contains(&self, uid: Uid) -> bool {
        let offset = uid.0 % BLOCK_UIDS;
        let word = self.bits.get((offset / u64::BITS) as usize);
        word.is_some_and(|word| word >> (offset % u64::BITS) & 1 == 1)
    }

    /// Marks a run of offsets as used.
    fn fill(&mut self, run: &Range<u32>) {
        for (word, start) in self.bits.iter_mut().zip((0..).step_by(u64::BITS as usize)) {
            let from = run.start.clamp(start, start + u64::BITS) - start;
            let to = run.end.clamp(start, start + u64::BITS) - start;
            *word |= low_bits(to) & !low_bits(from);
        }
    }

    pub(crate) fn count(&self) -> u32 {
        self.bits.iter().map(|word| word.count_ones()).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bits.iter().all(|&word| word == 0)
    }

    /// The used offsets as runs, ascending, never touching one another.
    pub(crate) fn runs(&self) -> Vec<Range<u32>> {
        let mut runs = Vec::new();
        let mut from = 0;
        while let Some(start) = self.next(from, true) {
            let end = self.next(start, false).unwrap_or(BLOCK_UIDS);
            runs.push(start..end);
            from = end;
        }
        runs
    }

    /// The first offset from `from` on that is used, or free.
    fn next(&self, from: u32, used: bool) -> Option<u32> {
        let mut offset = from;
        while offset < BLOCK_UIDS {
            let word = self.bits.get((offset / u64::BITS) as usize)?;
            let wanted = if used { *word } else { !*word };
            let rest = wanted >> (offset % u64::BITS);
            if rest != 0 {
                return Some(offset + rest.trailing_zeros());
            }
            offset = (offset / u64::BITS + 1) * u64::BITS;
        }
        None
    }
}

impl Row for UidBlock {
    /// The count, then for each run the gap before it and its length.
    fn write(&self, out: &mut Encoder) {
        out.number(u64::from(self.count()));
        let mut end = 0;
        for run in self.runs() {
            out.number(u64::from(run.start - end));
            out.number(u64::from(run.end - run.start));
            end = run.end;
        }
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, StoreError> {
        let mut block = Self::default();
        for run in read_runs(input)? {
            block.fill(&run);
        }
        Ok(block)
    }
}

/// The runs of a block's row, without making a block of them.
pub(crate) fn read_runs(input: &mut Decoder<'_>) -> Result<Vec<Range<u32>>, StoreError> {
    let count = input.number32()?;
    let mut runs = Vec::new();
    let (mut end, mut total) = (0_u32, 0_u32);
    while !input.is_empty() {
        let start = end.saturating_add(input.number32()?);
        let len = input.number32()?;
        end = start.saturating_add(len);
        if end > BLOCK_UIDS || len == 0 {
            return Err(corrupt("run beyond its block of UIDs"));
        }
        total += len;
        runs.push(start..end);
    }
    if total == count {
        Ok(runs)
    } else {
        Err(corrupt("block of UIDs with a wrong count"))
    }
}

/// The runs of an encoded block.
pub(crate) fn runs_of_row(value: &[u8]) -> Result<Vec<Range<u32>>, StoreError> {
    let mut input = Decoder::new(value);
    if input.byte()? == VERSION {
        read_runs(&mut input)
    } else {
        Err(corrupt("block of UIDs"))
    }
}
