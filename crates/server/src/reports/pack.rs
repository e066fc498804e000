//! gzip, as reports are sent.
//!
//! Source: RFC 1952 §2.3 (the form), §8 (the checksum).

use miniz_oxide::deflate::compress_to_vec;

/// How hard it is tried to make it small; reports are short.
const LEVEL: u8 = 6;
/// Deflated, no further fields, no time, no flags, written on Unix.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];

/// The same, packed.
pub fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = HEADER.to_vec();
    packed.extend(compress_to_vec(text, LEVEL));
    packed.extend(checksum(text).to_le_bytes());
    // The length counts modulo 2^32.
    let length = u32::try_from(text.len() & 0xffff_ffff).unwrap_or(u32::MAX);
    packed.extend(length.to_le_bytes());
    packed
}

fn checksum(text: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let step = |sum: u32| {
        if sum & 1 == 1 {
            sum >> 1 ^ POLYNOMIAL
        } else {
            sum >> 1
        }
    };
    let add = |sum: u32, byte: &u8| (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum));
    !text.iter().fold(!0, add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::unpack::unpacked;

    #[test]
    fn the_checksum_is_the_one_of_the_standard() {
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn what_is_packed_is_read_back() {
        let text = b"<feedback/>".repeat(1000);
        let packed = gzip(&text);
        assert!(packed.len() < text.len() / 10);
        assert_eq!(unpacked(&packed).unwrap().as_ref(), text);
    }
}
