//! The compression of extended buffers: LZ77 with 16-bit tokens, "plain LZ77".
//!
//! Pure bytes; the output of [`decompress`] never exceeds what its caller allows. [`compress`]
//! looks at few candidates: buffers are small and the line is encrypted anyway.
//!
//! Source: [MS-OXCRPC] 3.1.4.11.1.1 (DIRECT2), [MS-XCA] 2.3 and 2.4 (the same in other words).

use crate::codec::wire::{Form, Malformed, Reader, Wire};

/// How far back a match may lie.
const DISTANCE_MAX: usize = 8192;
/// Below this a match is longer than what it stands for.
const LENGTH_MIN: usize = 3;
/// Tokens behind each mask.
const ITEMS: u32 = u32::BITS;
/// What the three bits of a token can say before the nibble is needed.
const IN_TOKEN: usize = 7;
/// What the nibble can say before the byte is needed.
const IN_NIBBLE: usize = 15;
/// What the byte can say before the word is needed.
const IN_BYTE: usize = 255;

/// The `size` bytes that `input` stands for.
///
/// Errors if the input ends before that many, tells more, or refers to what is not there.
pub fn decompress(input: &[u8], size: usize) -> Result<Vec<u8>, Malformed> {
    let mut reader = Reader::new(input, Form::Rop);
    let mut output = Vec::new();
    let mut nibble = None;
    while output.len() < size {
        let mask = u32::read(&mut reader)?;
        for bit in (0..ITEMS).rev() {
            if output.len() == size {
                break;
            }
            if mask >> bit & 1 == 0 {
                output.push(u8::read(&mut reader)?);
                continue;
            }
            let (distance, length) = read_match(&mut reader, &mut nibble)?;
            if length > size - output.len() {
                return Err(Malformed::Length);
            }
            copy(&mut output, distance, length)?;
        }
    }
    Ok(output)
}

/// Distance and length of a match. `nibble` is the half of a byte that the last one left.
fn read_match(
    reader: &mut Reader<'_>,
    nibble: &mut Option<u8>,
) -> Result<(usize, usize), Malformed> {
    let token = usize::from(u16::read(reader)?);
    let distance = (token >> 3) + 1;
    let mut length = token & IN_TOKEN;
    if length == IN_TOKEN {
        let half = if let Some(high) = nibble.take() {
            high
        } else {
            let byte = u8::read(reader)?;
            *nibble = Some(byte >> 4);
            byte & 0x0f
        };
        length = match usize::from(half) {
            IN_NIBBLE => read_long(reader)?,
            half => IN_TOKEN + half,
        };
    }
    Ok((distance, length + LENGTH_MIN))
}

/// A length that the nibble could not say, less the least one.
fn read_long(reader: &mut Reader<'_>) -> Result<usize, Malformed> {
    let byte = usize::from(u8::read(reader)?);
    if byte < IN_BYTE {
        return Ok(IN_TOKEN + IN_NIBBLE + byte);
    }
    match u16::read(reader)? {
        // [MS-XCA] 2.4 only; no buffer is that long, but the format says so.
        0 => usize::try_from(u32::read(reader)?).map_err(|_| Malformed::Length),
        word => Ok(usize::from(word)),
    }
}

/// Repeats what lies `distance` back; it may overlap what it writes.
fn copy(output: &mut Vec<u8>, distance: usize, length: usize) -> Result<(), Malformed> {
    let start = output
        .len()
        .checked_sub(distance)
        .ok_or(Malformed::Length)?;
    let mut missing = length;
    while missing > 0 {
        let end = output.len().min(start + missing);
        output.extend_from_within(start..end);
        missing -= end - start;
    }
    Ok(())
}

/// Compresses; may be longer than `input`.
pub fn compress(input: &[u8]) -> Vec<u8> {
    let mut groups = Groups::new();
    let mut finder = Finder::new();
    let mut at = 0;
    while let Some(&byte) = input.get(at) {
        let taken = if let Some((distance, length)) = finder.longest(input, at) {
            groups.put_match(distance, length);
            length
        } else {
            groups.put_literal(byte);
            1
        };
        for place in at..at + taken {
            finder.remember(input, place);
        }
        at += taken;
    }
    groups.finish()
}

/// The output of the compressor.
struct Groups {
    bytes: Vec<u8>,
    mask: u32,
    items: u32,
    mask_at: usize,
    /// The byte whose high half is still free.
    nibble_at: Option<usize>,
}

impl Groups {
    fn new() -> Self {
        Self {
            bytes: vec![0; size_of::<u32>()],
            mask: 0,
            items: 0,
            mask_at: 0,
            nibble_at: None,
        }
    }

    fn put_literal(&mut self, byte: u8) {
        self.item(0);
        self.bytes.push(byte);
    }

    fn put_match(&mut self, distance: usize, length: usize) {
        self.item(1);
        let length = length - LENGTH_MIN;
        let token = (distance - 1) << 3 | length.min(IN_TOKEN);
        self.word(token);
        if length < IN_TOKEN {
            return;
        }
        let half = (length - IN_TOKEN).min(IN_NIBBLE);
        self.nibble(low_byte(half));
        if half < IN_NIBBLE {
            return;
        }
        let more = length - IN_TOKEN - IN_NIBBLE;
        self.bytes.push(low_byte(more.min(IN_BYTE)));
        if more >= IN_BYTE {
            self.word(length);
        }
    }

    /// Begins an item of this kind, behind a new mask if the last one is full.
    fn item(&mut self, kind: u32) {
        if self.items == ITEMS {
            self.end_mask();
            self.mask_at = self.bytes.len();
            self.bytes.extend_from_slice(&[0; size_of::<u32>()]);
            (self.mask, self.items) = (0, 0);
        }
        self.mask |= kind << (ITEMS - 1 - self.items);
        self.items += 1;
    }

    fn word(&mut self, number: usize) {
        let [low, high, ..] = number.to_le_bytes();
        self.bytes.extend_from_slice(&[low, high]);
    }

    /// Two matches share a byte.
    fn nibble(&mut self, half: u8) {
        let Some(at) = self.nibble_at.take() else {
            self.nibble_at = Some(self.bytes.len());
            self.bytes.push(half);
            return;
        };
        if let Some(byte) = self.bytes.get_mut(at) {
            *byte |= half << 4;
        }
    }

    fn end_mask(&mut self) {
        let mask = self
            .bytes
            .get_mut(self.mask_at..self.mask_at + size_of::<u32>());
        if let Some(place) = mask {
            place.copy_from_slice(&self.mask.to_le_bytes());
        }
    }

    /// Sets the unused bits, of which there must be one.
    fn finish(mut self) -> Vec<u8> {
        if self.items == ITEMS {
            self.end_mask();
            self.bytes.extend_from_slice(&u32::MAX.to_le_bytes());
            return self.bytes;
        }
        self.mask |= u32::MAX >> self.items;
        self.end_mask();
        self.bytes
    }
}

fn low_byte(number: usize) -> u8 {
    let [low, ..] = number.to_le_bytes();
    low
}

/// Where the same three bytes stood before.
struct Finder {
    /// The latest place of each hash, plus one.
    heads: Vec<u32>,
    /// The place before each place, plus one.
    before: Vec<u32>,
}

impl Finder {
    const HASH_BITS: u32 = 12;
    /// Places that are tried for each byte.
    const TRIES: usize = 16;

    fn new() -> Self {
        Self {
            heads: vec![0; 1 << Self::HASH_BITS],
            before: Vec::new(),
        }
    }

    fn hash(input: &[u8], at: usize) -> Option<usize> {
        let [a, b, c] = *input.get(at..)?.first_chunk()?;
        let mixed = u32::from_le_bytes([a, b, c, 0]).wrapping_mul(0x9e37_79b1);
        usize::try_from(mixed >> (u32::BITS - Self::HASH_BITS)).ok()
    }

    /// Must be told every place in order.
    fn remember(&mut self, input: &[u8], at: usize) {
        let place = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let hash = Self::hash(input, at);
        let head = hash.and_then(|hash| self.heads.get_mut(hash));
        let earlier = head.map_or(0, |head| std::mem::replace(head, place));
        self.before.push(earlier);
    }

    /// Distance and length of the longest match among those tried.
    fn longest(&self, input: &[u8], at: usize) -> Option<(usize, usize)> {
        let mut place = *self.heads.get(Self::hash(input, at)?)?;
        let mut best: Option<(usize, usize)> = None;
        for _ in 0..Self::TRIES {
            let Some(start) = usize::try_from(place).ok()?.checked_sub(1) else {
                break;
            };
            let distance = at - start;
            if distance > DISTANCE_MAX {
                break;
            }
            let length = length_of_match(input, start, at);
            if length >= LENGTH_MIN && best.is_none_or(|(_, longest)| length > longest) {
                best = Some((distance, length));
            }
            place = self.before.get(start).copied().unwrap_or_default();
        }
        best
    }
}

fn length_of_match(input: &[u8], earlier: usize, at: usize) -> usize {
    let there = input.get(earlier..).unwrap_or_default();
    let here = input.get(at..).unwrap_or_default();
    here.iter().zip(there).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both_ways(plain: &[u8], packed: &[u8]) {
        assert_eq!(compress(plain), packed);
        assert_eq!(decompress(packed, plain.len()).as_deref(), Ok(plain));
    }

    /// [MS-XCA] 3.2.
    #[test]
    fn the_examples_of_the_specification_are_packed_and_unpacked() {
        let alphabet = b"abcdefghijklmnopqrstuvwxyz";
        both_ways(alphabet, &[&[0x3f, 0, 0, 0], alphabet.as_slice()].concat());
        both_ways(
            &b"abc".repeat(100),
            &[
                0xff, 0xff, 0xff, 0x1f, 0x61, 0x62, 0x63, 0x17, 0x00, 0x0f, 0xff, 0x26, 0x01,
            ],
        );
        let short = [
            0xff, 0xff, 0xff, 0x11, 0x41, 0x42, 0x43, 0x10, 0x00, 0x44, 0x45, 0x46,
        ];
        both_ways(b"ABCABCDEF", &short);
    }

    #[test]
    fn every_length_of_match_comes_back() {
        for length in (3..40).chain(270..300).chain([5000, 32_000]) {
            let plain = [b"xy".as_slice(), &vec![b'a'; length], b"-", &[b'a'; 20]].concat();
            let packed = compress(&plain);
            assert_eq!(decompress(&packed, plain.len()), Ok(plain), "{length}");
        }
    }

    #[test]
    fn a_full_mask_is_followed_by_another() {
        let plain: Vec<u8> = (0..32).collect();
        let packed = compress(&plain);
        assert_eq!(packed.len(), 4 + 32 + 4);
        assert!(packed.ends_with(&[0xff; 4]));
        assert_eq!(decompress(&packed, 32), Ok(plain));
    }

    #[test]
    fn what_lies_is_refused() {
        // A match where nothing stands yet; one that is longer than allowed; an end too soon.
        assert_eq!(
            decompress(&[0, 0, 0, 0x80, 0, 0], 5),
            Err(Malformed::Length)
        );
        let packed = compress(&[b'a'; 100]);
        assert_eq!(decompress(&packed, 50), Err(Malformed::Length));
        assert_eq!(decompress(&packed, 101), Err(Malformed::Truncated));
        assert_eq!(decompress(&[], 1), Err(Malformed::Truncated));
    }
}
