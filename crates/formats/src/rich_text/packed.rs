//! The compression of Rich Text Format, `LZFu`.
//!
//! A ring of 4,096 bytes that begins with what most documents begin with; eight items behind each
//! control byte. The checksum is kept, and what it does not fit is refused.
//!
//! Start at [`unpack`] and [`pack`]. Standards: [MS-OXRTFCP].

use std::fmt;

/// What the ring holds before the first byte. Source: [MS-OXRTFCP] 2.1.2.1.
const BEGINNING: &[u8; 207] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}\
    {\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New \
    RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
const RING_BYTES: usize = 4096;
/// Shortest and longest run that a reference stands for.
const RUN_MIN: usize = 2;
const RUN_MAX: usize = 17;
const HEADER_BYTES: usize = 16;
/// `LZFu` and `MELA`, as numbers.
const COMPRESSED: u32 = 0x7546_5a4c;
const STORED: u32 = 0x414c_454d;
/// Places that are tried for each byte when packing; more make it slower, hardly smaller.
const TRIES_MAX: usize = 64;

/// Why something packed cannot be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damaged {
    /// It ends too soon.
    Truncated,
    /// It says that it is something else.
    Form,
    /// The checksum does not fit.
    Checksum,
    /// It unpacks to more than is allowed.
    TooLong,
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "packed text ends too soon",
            Self::Form => "not a packed text",
            Self::Checksum => "checksum of the packed text does not fit",
            Self::TooLong => "packed text is too long",
        })
    }
}

impl std::error::Error for Damaged {}

/// The document that was packed, at most `bytes_max` bytes.
///
/// Source: [MS-OXRTFCP] 3.1.3.
pub fn unpack(packed: &[u8], bytes_max: usize) -> Result<Vec<u8>, Damaged> {
    let (header, contents) = packed
        .split_first_chunk::<HEADER_BYTES>()
        .ok_or(Damaged::Truncated)?;
    let [size, raw_size, form, checksum] = numbers(header);
    // The size counts what follows it: the rest of the header and the contents.
    let size = size_of_count(size)
        .checked_sub(12)
        .ok_or(Damaged::Truncated)?;
    let contents = contents.get(..size).ok_or(Damaged::Truncated)?;
    let raw_size = size_of_count(raw_size);
    match form {
        STORED if raw_size > bytes_max => Err(Damaged::TooLong),
        STORED => contents
            .get(..raw_size)
            .map(<[u8]>::to_vec)
            .ok_or(Damaged::Truncated),
        COMPRESSED if crc(contents) != checksum => Err(Damaged::Checksum),
        COMPRESSED => unpack_contents(contents, bytes_max),
        _ => Err(Damaged::Form),
    }
}

fn numbers(header: &[u8; HEADER_BYTES]) -> [u32; 4] {
    let mut numbers = [0; 4];
    let fours = header.as_chunks::<4>().0;
    numbers
        .iter_mut()
        .zip(fours)
        .for_each(|(number, four)| *number = u32::from_le_bytes(*four));
    numbers
}

fn size_of_count(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn unpack_contents(contents: &[u8], bytes_max: usize) -> Result<Vec<u8>, Damaged> {
    // What was unpacked stands behind the beginning, so that a place in the ring is a place here.
    let mut output = BEGINNING.to_vec();
    let end = BEGINNING.len().saturating_add(bytes_max);
    let mut bytes = contents.iter().copied();
    while let Some(control) = bytes.next() {
        for item in 0..8 {
            if control >> item & 1 == 0 {
                // The end may come without the reference that says so.
                let Some(byte) = bytes.next() else {
                    return Ok(behind_beginning(output));
                };
                output.push(byte);
            } else {
                let (Some(high), Some(low)) = (bytes.next(), bytes.next()) else {
                    return Err(Damaged::Truncated);
                };
                let place = usize::from(u16::from_be_bytes([high, low]) >> 4);
                if place == output.len() % RING_BYTES {
                    return Ok(behind_beginning(output));
                }
                repeat(&mut output, place, usize::from(low & 0x0f) + RUN_MIN);
            }
            if output.len() > end {
                return Err(Damaged::TooLong);
            }
        }
    }
    Ok(behind_beginning(output))
}

/// Appends a run that stands at a place in the ring; it may overlap what it writes. What the ring
/// does not hold yet is zero.
fn repeat(output: &mut Vec<u8>, place: usize, length: usize) {
    let distance = (output.len() + RING_BYTES - place) % RING_BYTES;
    for _ in 0..length {
        let from = output.len().checked_sub(distance);
        let byte = from.and_then(|from| output.get(from)).copied();
        output.push(byte.unwrap_or(0));
    }
}

fn behind_beginning(mut output: Vec<u8>) -> Vec<u8> {
    output.split_off(BEGINNING.len())
}

/// Packs a document. Source: [MS-OXRTFCP] 3.1.4.
pub fn pack(document: &[u8]) -> Vec<u8> {
    let contents = pack_contents(document);
    let mut packed = Vec::with_capacity(HEADER_BYTES + contents.len());
    let count = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
    for number in [
        count(contents.len() + 12),
        count(document.len()),
        COMPRESSED,
        crc(&contents),
    ] {
        packed.extend_from_slice(&number.to_le_bytes());
    }
    packed.extend(contents);
    packed
}

fn pack_contents(document: &[u8]) -> Vec<u8> {
    let all = [BEGINNING.as_slice(), document].concat();
    let mut finder = Finder::default();
    (0..BEGINNING.len()).for_each(|place| finder.remember(&all, place));
    let mut items = Items::default();
    let mut at = BEGINNING.len();
    while let Some(&byte) = all.get(at) {
        let taken = if let Some((from, length)) = finder.longest(&all, at) {
            items.reference(from % RING_BYTES, length - RUN_MIN);
            length
        } else {
            items.literal(byte);
            1
        };
        (at..at + taken).for_each(|place| finder.remember(&all, place));
        at += taken;
    }
    items.reference(at % RING_BYTES, 0);
    items.bytes
}

/// The output of packing.
#[derive(Default)]
struct Items {
    bytes: Vec<u8>,
    control_at: usize,
    count: u32,
}

impl Items {
    fn literal(&mut self, byte: u8) {
        self.begin(0);
        self.bytes.push(byte);
    }

    /// `place` has 12 bits, `length` 4.
    fn reference(&mut self, place: usize, length: usize) {
        self.begin(1);
        let word = u16::try_from(place << 4 | length).unwrap_or_default();
        self.bytes.extend_from_slice(&word.to_be_bytes());
    }

    fn begin(&mut self, kind: u8) {
        let item = self.count % 8;
        if item == 0 {
            self.control_at = self.bytes.len();
            self.bytes.push(0);
        }
        if let Some(control) = self.bytes.get_mut(self.control_at) {
            *control |= kind << item;
        }
        self.count = self.count.wrapping_add(1);
    }
}

/// Where the same two bytes stood before.
struct Finder {
    /// The latest place of each pair, plus one.
    latest: Vec<u32>,
    /// The place before each place, plus one.
    before: Vec<u32>,
}

impl Default for Finder {
    fn default() -> Self {
        Self {
            latest: vec![0; 1 << 16],
            before: Vec::new(),
        }
    }
}

impl Finder {
    fn pair(all: &[u8], at: usize) -> Option<usize> {
        let pair = all.get(at..)?.first_chunk()?;
        Some(usize::from(u16::from_le_bytes(*pair)))
    }

    /// Must be told every place in order.
    fn remember(&mut self, all: &[u8], at: usize) {
        let place = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let latest = Self::pair(all, at).and_then(|pair| self.latest.get_mut(pair));
        self.before
            .push(latest.map_or(0, |latest| std::mem::replace(latest, place)));
    }

    /// Place and length of the longest run that stands in the ring; of equal ones the earliest.
    fn longest(&self, all: &[u8], at: usize) -> Option<(usize, usize)> {
        let here = all.get(at..)?;
        let mut place = *self.latest.get(Self::pair(all, at)?)?;
        let mut best: Option<(usize, usize)> = None;
        for _ in 0..TRIES_MAX {
            let Some(from) = size_of_count(place).checked_sub(1) else {
                break;
            };
            // The place that is written next means the end.
            if at - from >= RING_BYTES {
                break;
            }
            let there = all.get(from..).unwrap_or_default();
            let pairs = here.iter().zip(there).take(RUN_MAX);
            let length = pairs.take_while(|(a, b)| a == b).count();
            if length >= RUN_MIN && best.is_none_or(|(_, longest)| length >= longest) {
                best = Some((from, length));
            }
            place = self.before.get(from).copied().unwrap_or_default();
        }
        best
    }
}

/// The CRC of the contents: that of ZIP, but begun with 0 and not inverted at the end.
///
/// Source: [MS-OXRTFCP] 2.1.3.2.
fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |crc: u32, &byte| {
        let [low, ..] = crc.to_le_bytes();
        let entry = CRC.get(usize::from(low ^ byte)).copied();
        entry.unwrap_or_default() ^ crc >> 8
    })
}

const CRC: [u32; 256] = crc_table();

#[allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler, which would refuse; the index is below 256"
)]
const fn crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = value >> 1 ^ if value & 1 == 1 { 0xedb8_8320 } else { 0 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// [MS-OXRTFCP] 4.1.1 and 4.2: a simple document.
    const SIMPLE: (&[u8], &[u8]) = (
        b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n",
        &[
            0x2d, 0, 0, 0, 0x2b, 0, 0, 0, 0x4c, 0x5a, 0x46, 0x75, 0xf1, 0xc5, 0xc7, 0xa7, 0x03,
            0x00, 0x0a, 0x00, 0x72, 0x63, 0x70, 0x67, 0x31, 0x32, 0x35, 0x42, 0x32, 0x0a, 0xf3,
            0x20, 0x68, 0x65, 0x6c, 0x09, 0x00, 0x20, 0x62, 0x77, 0x05, 0xb0, 0x6c, 0x64, 0x7d,
            0x0a, 0x80, 0x0f, 0xa0,
        ],
    );
    /// [MS-OXRTFCP] 4.1.2: a run that overlaps what it writes.
    const OVERLAPPING: (&[u8], &[u8]) = (
        b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}",
        &[
            0x1a, 0, 0, 0, 0x1c, 0, 0, 0, 0x4c, 0x5a, 0x46, 0x75, 0xe2, 0xd4, 0x4b, 0x51, 0x41,
            0x00, 0x04, 0x20, 0x57, 0x58, 0x59, 0x5a, 0x0d, 0x6e, 0x7d, 0x01, 0x0e, 0xb0,
        ],
    );

    #[test]
    fn the_examples_of_the_specification_are_unpacked_and_packed() {
        for (document, packed) in [SIMPLE, OVERLAPPING] {
            assert_eq!(unpack(packed, 100).as_deref(), Ok(document));
            assert_eq!(pack(document), packed);
        }
    }

    /// Another program's choice of runs: three from what every document begins with come first.
    #[test]
    fn runs_may_be_chosen_otherwise() {
        let packed = [
            0x2c, 0x00, 0x00, 0x00, 0x30, 0x00, 0x00, 0x00, 0x4c, 0x5a, 0x46, 0x75, 0xa7, 0xaa,
            0x7c, 0x12, 0x07, 0x00, 0x0a, 0x01, 0x03, 0x0a, 0xe4, 0x20, 0x48, 0x69, 0x2c, 0x20,
            0x42, 0x68, 0x0e, 0x82, 0x69, 0x20, 0x74, 0x68, 0x04, 0x90, 0x65, 0x1a, 0x21, 0x0a,
            0xa2, 0x7d, 0x0a, 0x80, 0x0f, 0xf0,
        ];
        let document = b"{\\rtf1\\ansi\\deff0 \\pard Hi, hi, hi there!\\par}\r\n";
        assert_eq!(unpack(&packed, 100).as_deref(), Ok(document.as_slice()));
    }

    #[test]
    fn what_was_stored_comes_out_as_it_is() {
        let mut stored = Vec::new();
        for number in [15_u32, 3, STORED, 0] {
            stored.extend(number.to_le_bytes());
        }
        stored.extend(b"abc");
        assert_eq!(unpack(&stored, 3).as_deref(), Ok(&b"abc"[..]));
        assert_eq!(unpack(&stored, 2), Err(Damaged::TooLong));
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let packed = SIMPLE.1;
        assert_eq!(unpack(&packed[..40], 100), Err(Damaged::Truncated));
        assert_eq!(unpack(b"", 100), Err(Damaged::Truncated));
        assert_eq!(unpack(packed, 42), Err(Damaged::TooLong));
        let mut changed = packed.to_vec();
        changed[20] ^= 1;
        assert_eq!(unpack(&changed, 100), Err(Damaged::Checksum));
        changed[8] = b'X';
        assert_eq!(unpack(&changed, 100), Err(Damaged::Form));
    }

    proptest! {
        #[test]
        fn what_was_packed_is_unpacked_to_the_same(
            times in 1_usize..8,
            words in prop::collection::vec(prop::sample::select(vec![
                "\\par ", "{\\f0 ", "}", "abc", "WXYZ", "\\'e4", "\r\n", "x",
            ]), 0..300),
        ) {
            // Longer than the ring, now and then.
            let document = words.concat().repeat(times).into_bytes();
            let packed = pack(&document);
            prop_assert_eq!(unpack(&packed, document.len()), Ok(document));
        }
    }
}
