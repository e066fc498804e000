//! Sketches of one size, turned on their side: a row for each bit, a column for each item.
//!
//! A block is a list of items, then its rows in groups of about half a KiB, each group and the list
//! with a checksum. To ask for one gram is to read one group.

use super::bits::{Class, Sketch};
use super::condition::{Bits, everything};
use crate::error::StoreError;
use crate::id::ItemKey;
use crate::world::File;

/// Items of a block at most.
const ITEMS_MAX: usize = 32 * 1024;
/// Bytes of a block at most: one is made, read and joined to others as a whole.
const BLOCK_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of rows that share a checksum, at least, where there are so many.
const GROUP_BYTES: usize = 512;
const ITEM_BYTES: usize = 6;
/// Sketches, and bits of each, that are turned on their side at a time.
const SQUARE: usize = 64;
const SUM_BYTES: usize = 4;
/// About so many grams are asked for until none of a block's items has all of them: each seems to
/// be in a third of the items.
const GRAMS_READ: usize = 8;

/// The measures of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) class: Class,
    pub(super) items: usize,
}

impl Shape {
    /// Items that a block of this class can hold.
    pub(super) fn items_max(class: Class) -> usize {
        let by_bytes = (BLOCK_BYTES_MAX * 8).checked_div(class.bits());
        by_bytes.map_or(ITEMS_MAX, |items| items.min(ITEMS_MAX))
    }

    /// Bytes of a row.
    fn stride(self) -> usize {
        self.items.div_ceil(8)
    }

    fn rows_in_group(self) -> usize {
        let rows = GROUP_BYTES.checked_div(self.stride()).unwrap_or(1).max(1);
        rows.next_power_of_two().min(self.class.bits().max(1))
    }

    fn group_bytes(self) -> usize {
        self.rows_in_group() * self.stride()
    }

    fn list_bytes(self) -> usize {
        self.items * ITEM_BYTES
    }

    /// Bytes of the block.
    pub(super) fn len(self) -> usize {
        let groups = self.class.bits() / self.rows_in_group();
        self.list_bytes() + SUM_BYTES + groups * (self.group_bytes() + SUM_BYTES)
    }
}

/// A checksum of one piece of a block; also of which piece it is.
fn sum(piece: usize, bytes: &[u8]) -> [u8; SUM_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(piece as u64).to_le_bytes()).update(bytes);
    let [a, b, c, d, ..] = *hasher.finalize().as_bytes();
    [a, b, c, d]
}

/// Makes a block of these sketches, which must be of one class.
pub(super) fn of_sketches(class: Class, sketches: &[(ItemKey, &Sketch)]) -> Vec<u8> {
    let shape = Shape {
        class,
        items: sketches.len(),
    };
    let stride = shape.stride();
    let mut rows = vec![0_u8; class.bits() * stride];
    // 64 bits of 64 sketches at a time: those of one sketch after the other would be written all
    // over a block that no cache holds.
    for word in 0..class.bits() / SQUARE {
        for (group, sketches) in sketches.chunks(SQUARE).enumerate() {
            let mut square = [0_u64; SQUARE];
            for (line, (_, sketch)) in square.iter_mut().zip(sketches) {
                *line = sketch.words().get(word).copied().unwrap_or(0);
            }
            turn(&mut square);
            for (row, line) in (word * SQUARE..).zip(square) {
                let start = row * stride + group * 8;
                let end = (start + 8).min((row + 1) * stride);
                if let Some(place) = rows.get_mut(start..end) {
                    place
                        .iter_mut()
                        .zip(line.to_le_bytes())
                        .for_each(|(to, from)| *to = from);
                }
            }
        }
    }
    let items: Vec<ItemKey> = sketches.iter().map(|(item, _)| *item).collect();
    encode(shape, &items, &rows)
}

/// Turns a square of bits on its side: what was bit m of line n becomes bit n of line m. Blocks of
/// ever fewer bits change places with those across the diagonal.
fn turn(square: &mut [u64; SQUARE]) {
    let mut width = SQUARE / 2;
    let mut mask = u64::MAX >> width;
    while width > 0 {
        for lines in square.chunks_exact_mut(2 * width) {
            let (upper, lower) = lines.split_at_mut(width);
            for (high, low) in upper.iter_mut().zip(lower) {
                let changed = (*high >> width ^ *low) & mask;
                *high ^= changed << width;
                *low ^= changed;
            }
        }
        width /= 2;
        mask ^= mask << width;
    }
}

fn encode(shape: Shape, items: &[ItemKey], rows: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(shape.len());
    for item in items {
        let [_, _, bytes @ ..] = item.0.to_be_bytes();
        out.extend_from_slice(&bytes);
    }
    let list_sum = sum(0, &out);
    out.extend_from_slice(&list_sum);
    if shape.stride() > 0 {
        for (number, group) in rows.chunks(shape.group_bytes()).enumerate() {
            out.extend_from_slice(group);
            out.extend_from_slice(&sum(number + 1, group));
        }
    }
    out
}

/// Blocks whose rows are read whole, to be laid side by side.
pub(super) struct Whole {
    shape: Shape,
    items: Vec<ItemKey>,
    rows: Vec<u8>,
}

/// One block of all of these, which must be of one class and not too many.
pub(super) fn side_by_side(class: Class, blocks: &[Whole]) -> (Shape, Vec<u8>) {
    let items: Vec<ItemKey> = blocks
        .iter()
        .flat_map(|block| &block.items)
        .copied()
        .collect();
    let shape = Shape {
        class,
        items: items.len(),
    };
    let mut rows = Vec::with_capacity(class.bits() * shape.stride());
    for row in 0..class.bits() {
        let mut joined = Joined::default();
        for block in blocks {
            let stride = block.shape.stride();
            let bytes = block.rows.get(row * stride..(row + 1) * stride);
            joined.push(&mut rows, bytes.unwrap_or_default(), block.shape.items);
        }
        joined.finish(&mut rows);
    }
    (shape, encode(shape, &items, &rows))
}

/// A row under way: bits that do not fill a byte yet.
#[derive(Default)]
struct Joined {
    bits: u16,
    filled: usize,
}

impl Joined {
    fn push(&mut self, out: &mut Vec<u8>, bytes: &[u8], bits: usize) {
        let mut left = bits;
        for &byte in bytes {
            let now = left.min(8);
            left -= now;
            self.bits |= u16::from(byte) << self.filled;
            self.filled += now;
            if self.filled >= 8 {
                out.push((self.bits & 0xff) as u8);
                self.bits >>= 8;
                self.filled -= 8;
            }
        }
    }

    fn finish(self, out: &mut Vec<u8>) {
        if self.filled > 0 {
            out.push((self.bits & 0xff) as u8);
        }
    }
}

/// A block in its file.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) shape: Shape,
    pub(super) file: &'a dyn File,
    pub(super) offset: u64,
}

impl Reader<'_> {
    /// One piece, without its checksum.
    fn piece(&self, number: usize, at: usize, len: usize) -> Result<Vec<u8>, StoreError> {
        let mut bytes = vec![0; len + SUM_BYTES];
        let read = self
            .file
            .read_at(&mut bytes, self.offset.saturating_add(at as u64))?;
        let damaged = || StoreError::Corrupt("a sketch of letters".to_owned());
        let expected = bytes.split_off(len);
        if read != len + SUM_BYTES || expected != sum(number, &bytes) {
            return Err(damaged());
        }
        Ok(bytes)
    }

    fn group(&self, number: usize) -> Result<Vec<u8>, StoreError> {
        let (at, bytes) = self.place_of(number);
        self.piece(number + 1, at, bytes)
    }

    /// Where a group begins, and its bytes without its checksum.
    fn place_of(&self, group: usize) -> (usize, usize) {
        let bytes = self.shape.group_bytes();
        let before = self.shape.list_bytes() + SUM_BYTES;
        (before + group * (bytes + SUM_BYTES), bytes)
    }

    /// Has the system fetch what [`Self::with`] will mostly read, while others are read.
    pub(super) fn announce(&self, grams: &[u32]) {
        if self.shape.class == Class::OPAQUE {
            return;
        }
        for &gram in grams.iter().take(GRAMS_READ) {
            let row = self.shape.class.bit(gram);
            let (at, bytes) = self.place_of(row / self.shape.rows_in_group());
            let offset = self.offset.saturating_add(at as u64);
            self.file.will_need(offset, (bytes + SUM_BYTES) as u64);
        }
    }

    /// Its items.
    pub(super) fn items(&self) -> Result<Vec<ItemKey>, StoreError> {
        let list = self.piece(0, 0, self.shape.list_bytes())?;
        let item = |bytes: &[u8]| {
            let number = bytes
                .iter()
                .fold(0, |all, &byte| all << 8 | u64::from(byte));
            ItemKey(number)
        };
        Ok(list.chunks_exact(ITEM_BYTES).map(item).collect())
    }

    /// Which of its items may have all of these grams.
    pub(super) fn with(&self, grams: &[u32]) -> Result<Bits, StoreError> {
        let mut all = everything(self.shape.items);
        if self.shape.class == Class::OPAQUE {
            return Ok(all);
        }
        let (rows, stride) = (self.shape.rows_in_group(), self.shape.stride());
        for &gram in grams {
            let row = self.shape.class.bit(gram);
            let group = self.group(row / rows)?;
            let start = row % rows * stride;
            let row = group.get(start..start + stride).unwrap_or_default();
            let mut is_some = false;
            for (word, bytes) in all.iter_mut().zip(row.chunks(8)) {
                let mut whole = [0; 8];
                whole
                    .iter_mut()
                    .zip(bytes)
                    .for_each(|(to, from)| *to = *from);
                *word &= u64::from_le_bytes(whole);
                is_some |= *word != 0;
            }
            if !is_some {
                break;
            }
        }
        Ok(all)
    }

    /// All of it.
    pub(super) fn whole(&self) -> Result<Whole, StoreError> {
        let items = self.items()?;
        let groups = self.shape.class.bits() / self.shape.rows_in_group();
        let mut rows = Vec::with_capacity(self.shape.class.bits() * self.shape.stride());
        for number in 0..groups {
            rows.append(&mut self.group(number)?);
        }
        Ok(Whole {
            shape: self.shape,
            items,
            rows,
        })
    }

    /// Its bytes as they are, to be moved elsewhere.
    pub(super) fn raw(&self) -> Result<Vec<u8>, StoreError> {
        let mut bytes = vec![0; self.shape.len()];
        let read = self.file.read_at(&mut bytes, self.offset)?;
        if read == bytes.len() {
            Ok(bytes)
        } else {
            Err(StoreError::Corrupt(
                "a sketch of letters ends too early".to_owned(),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_square_is_turned(lines in prop::collection::vec(any::<u64>(), SQUARE)) {
            let mut square: [u64; SQUARE] = lines.clone().try_into().unwrap();
            turn(&mut square);
            for (n, line) in lines.iter().enumerate() {
                for (m, turned) in square.iter().enumerate() {
                    prop_assert_eq!(line >> m & 1, turned >> n & 1);
                }
            }
        }
    }
}
