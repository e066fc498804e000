//! How the bytes of a stream are packed.
//!
//! Pictures have filters of their own, which hold no text and are not known here.
//!
//! Source: ISO 32000-1 §7.4.

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

/// Codes of a table of LZW.
const LZW_CODES_MAX: usize = 4096;

/// Unpacks by the filter of this name, to so many bytes at most. What came before damage or the
/// limit is kept. `None` for what is not known.
pub(super) fn unpack(filter: &[u8], packed: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut unpacked = match filter {
        b"FlateDecode" | b"Fl" => {
            decompress_to_vec_zlib_with_limit(packed, most).unwrap_or_else(|failed| failed.output)
        }
        b"LZWDecode" | b"LZW" => lzw(packed, most),
        b"ASCII85Decode" | b"A85" => ascii85(packed),
        b"ASCIIHexDecode" | b"AHx" => {
            let end = memchr::memchr(b'>', packed).unwrap_or(packed.len());
            hexadecimal(packed.get(..end).unwrap_or_default())
        }
        _ => return None,
    };
    unpacked.truncate(most);
    Some(unpacked)
}

/// Pairs of digits, whatever stands between them; a last one without its pair counts as 16 times.
pub(super) fn hexadecimal(written: &[u8]) -> Vec<u8> {
    let digit = |&byte: &u8| char::from(byte).to_digit(16);
    let digits: Vec<u32> = written.iter().filter_map(digit).collect();
    let pair = |pair: &[u32]| match pair {
        [high, low] => u8::try_from(high * 16 + low).unwrap_or(0),
        [high] => u8::try_from(high * 16).unwrap_or(0),
        _ => 0,
    };
    digits.chunks(2).map(pair).collect()
}

/// Five characters for four bytes. Source: ISO 32000-1 §7.4.3.
fn ascii85(written: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(written.len() / 5 * 4);
    let (mut number, mut digits) = (0_u32, 0_usize);
    for &byte in written {
        match byte {
            b'~' => break,
            b'z' if digits == 0 => out.extend([0; 4]),
            b'!'..=b'u' => {
                number = number.wrapping_mul(85).wrapping_add(u32::from(byte - b'!'));
                digits += 1;
                if digits == 5 {
                    out.extend(number.to_be_bytes());
                    (number, digits) = (0, 0);
                }
            }
            _ => {}
        }
    }
    if digits > 1 {
        // The missing ones count as the highest.
        for _ in digits..5 {
            number = number.wrapping_mul(85).wrapping_add(84);
        }
        out.extend(number.to_be_bytes().into_iter().take(digits - 1));
    }
    out
}

/// Variable-length codes of strings seen before, the highest bit first, one code longer early.
///
/// Source: ISO 32000-1 §7.4.4.
fn lzw(packed: &[u8], most: usize) -> Vec<u8> {
    const CLEAR: usize = 256;
    const END: usize = 257;
    let mut out: Vec<u8> = Vec::new();
    // Of each code from 258 on, where its string stands in what was unpacked.
    let mut table: Vec<(usize, usize)> = Vec::new();
    let mut last: Option<(usize, usize)> = None;
    let mut bits = Bits::new(packed);
    while out.len() < most {
        let known = table.len() + END + 1;
        let width = (known + 1).max(511).ilog2() + 1;
        let Some(code) = bits.next(width.min(12)) else {
            break;
        };
        let start = out.len();
        match code {
            CLEAR => {
                table.clear();
                last = None;
                continue;
            }
            END => break,
            byte if byte < CLEAR => out.extend(u8::try_from(byte)),
            // The next code may be used before it is known: it is the last string and its first
            // byte.
            code => {
                let string = table.get(code - END - 1).copied();
                let Some((from, len)) = string.or_else(|| last.map(|(at, len)| (at, len + 1)))
                else {
                    break;
                };
                for at in from..from.saturating_add(len) {
                    let Some(&byte) = out.get(at) else { break };
                    out.push(byte);
                }
            }
        }
        if let Some((from, len)) = last
            && table.len() + END + 1 < LZW_CODES_MAX
        {
            table.push((from, len + 1));
        }
        last = Some((start, out.len() - start));
    }
    out
}

/// Reads numbers of some bits.
struct Bits<'a> {
    bytes: std::slice::Iter<'a, u8>,
    held: u32,
    count: u32,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes: bytes.iter(),
            held: 0,
            count: 0,
        }
    }

    fn next(&mut self, width: u32) -> Option<usize> {
        while self.count < width {
            self.held = self.held << 8 | u32::from(*self.bytes.next()?);
            self.count += 8;
        }
        self.count -= width;
        let number = self.held >> self.count & ((1 << width) - 1);
        self.held &= (1 << self.count) - 1;
        usize::try_from(number).ok()
    }
}
