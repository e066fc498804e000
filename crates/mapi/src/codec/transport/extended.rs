//! Extended buffers: payloads behind a header, one or several in a chain, perhaps compressed or
//! hidden.
//!
//! The memory for a payload is at most [`PAYLOAD_BYTES_MAX`], for a chain [`CHAIN_BYTES_MAX`],
//! whatever the headers say.
//!
//! Source: [MS-OXCRPC] 2.2.2.1, 3.1.4.11, 3.1.4.12.

use super::lz77;
use crate::codec::wire::{Form, Malformed, Reader, Wire, Writer, wire};

/// Bytes of one payload, uncompressed. Source: [MS-OXCRPC] 3.1.4.2.1.1.
pub const PAYLOAD_BYTES_MAX: usize = 0x8000;
/// Bytes of all payloads of a request: the most that a request may carry compressed, so nobody
/// needs more.
pub const CHAIN_BYTES_MAX: usize = 0x4_0000;
/// Below this compression is not worth the work.
const COMPRESSED_BYTES_MIN: usize = 1024;

const COMPRESSED: u16 = 1;
const XOR_MAGIC: u16 = 2;
const LAST: u16 = 4;
const KNOWN: u16 = COMPRESSED | XOR_MAGIC | LAST;
/// What each byte of a hidden payload is changed with.
const XOR_BYTE: u8 = 0xa5;

wire! {
    /// `RPC_HEADER_EXT`.
    struct Header {
        version: u16,
        flags: u16,
        size: u16,
        size_actual: u16,
    }
}

/// How a payload is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// As it is.
    Plain,
    /// Compressed, where that makes it shorter.
    Compressed,
}

/// Whether another payload follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// This is the last one.
    Last,
    /// There are more.
    Followed,
}

/// The payloads of a whole chain.
pub fn unpack(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
    let mut reader = Reader::new(bytes, Form::Rop);
    let mut payloads = Vec::new();
    let mut room = CHAIN_BYTES_MAX;
    loop {
        let header = Header::read(&mut reader)?;
        let payload = unpack_one(&header, &mut reader)?;
        room = room.checked_sub(payload.len()).ok_or(Malformed::Budget)?;
        payloads.push(payload);
        if header.flags & LAST != 0 {
            reader.finish()?;
            return Ok(payloads);
        }
    }
}

fn unpack_one(header: &Header, reader: &mut Reader<'_>) -> Result<Vec<u8>, Malformed> {
    if header.version != 0 {
        return Err(Malformed::Unknown(header.version.into()));
    }
    if header.flags & !KNOWN != 0 {
        return Err(Malformed::Unknown(header.flags.into()));
    }
    let size_actual = usize::from(header.size_actual);
    if size_actual > PAYLOAD_BYTES_MAX {
        return Err(Malformed::Budget);
    }
    let is_compressed = header.flags & COMPRESSED != 0;
    if !is_compressed && header.size != header.size_actual {
        return Err(Malformed::Length);
    }
    let mut stored = reader.take(header.size.into())?.to_vec();
    if header.flags & XOR_MAGIC != 0 {
        hide(&mut stored);
    }
    if is_compressed {
        return lz77::decompress(&stored, size_actual);
    }
    Ok(stored)
}

/// Hides, or shows again.
fn hide(bytes: &mut [u8]) {
    for byte in bytes {
        *byte ^= XOR_BYTE;
    }
}

/// A payload behind its header.
///
/// `None` if it is longer than [`PAYLOAD_BYTES_MAX`]. Never hidden: the line is encrypted.
pub fn pack(payload: &[u8], packing: Packing, position: Position) -> Option<Vec<u8>> {
    if payload.len() > PAYLOAD_BYTES_MAX {
        return None;
    }
    let is_worth_it = packing == Packing::Compressed && payload.len() >= COMPRESSED_BYTES_MIN;
    let compressed = is_worth_it
        .then(|| lz77::compress(payload))
        .filter(|compressed| compressed.len() < payload.len());
    let last = match position {
        Position::Last => LAST,
        Position::Followed => 0,
    };
    let kind = if compressed.is_some() { COMPRESSED } else { 0 };
    let stored = compressed.as_deref().unwrap_or(payload);
    let mut writer = Writer::new(Form::Rop);
    writer.value(&Header {
        version: 0,
        flags: last | kind,
        size: u16::try_from(stored.len()).ok()?,
        size_actual: u16::try_from(payload.len()).ok()?,
    });
    writer.put(stored);
    writer.finish().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_plain_payload_stands_behind_eight_bytes() {
        let packed = pack(b"hello", Packing::Compressed, Position::Last).unwrap();
        assert_eq!(packed, b"\0\0\x04\0\x05\0\x05\0hello");
        assert_eq!(unpack(&packed), Ok(vec![b"hello".to_vec()]));
    }

    #[test]
    fn a_hidden_payload_is_shown() {
        let mut packed = b"\0\0\x06\0\x05\0\x05\0hello".to_vec();
        hide(&mut packed[8..]);
        assert_eq!(unpack(&packed), Ok(vec![b"hello".to_vec()]));
    }

    #[test]
    fn compressed_and_hidden_is_shown_before_it_is_unpacked() {
        let mut stored = lz77::compress(&b"abc".repeat(100));
        hide(&mut stored);
        let packed = [b"\0\0\x07\0\x0d\0\x2c\x01".as_slice(), &stored].concat();
        assert_eq!(unpack(&packed), Ok(vec![b"abc".repeat(100)]));
    }

    #[test]
    fn lying_headers_are_refused() {
        let cases: [(&[u8], Malformed); 7] = [
            (b"\0\0\x04\0\x06\0\x06\0hello", Malformed::Truncated),
            (b"\0\0\x04\0\x05\0\x06\0hello", Malformed::Length),
            (b"\0\0\x04\0\x04\0\x04\0hello", Malformed::Length),
            (b"\0\0\0\0\x05\0\x05\0hello", Malformed::Truncated),
            (b"\x01\0\x04\0\x05\0\x05\0hello", Malformed::Unknown(1)),
            (b"\0\0\x05\0\x05\0\x01\x80hello", Malformed::Budget),
            (b"\0\0\x0c\0\x05\0\x05\0hello", Malformed::Unknown(12)),
        ];
        for (packed, expected) in cases {
            assert_eq!(unpack(packed), Err(expected), "{packed:?}");
        }
    }

    #[test]
    fn a_chain_has_a_bound_in_sum() {
        let payload = vec![0; PAYLOAD_BYTES_MAX];
        let followed = pack(&payload, Packing::Compressed, Position::Followed).unwrap();
        let last = pack(&payload, Packing::Compressed, Position::Last).unwrap();
        let whole = [followed.repeat(7), last.clone()].concat();
        assert!(whole.len() < 400);
        assert_eq!(unpack(&whole).unwrap().len(), 8);
        let too_long = [followed.repeat(8), last].concat();
        assert_eq!(unpack(&too_long), Err(Malformed::Budget));
        assert_eq!(
            pack(
                &vec![0; PAYLOAD_BYTES_MAX + 1],
                Packing::Plain,
                Position::Last
            ),
            None
        );
    }

    proptest! {
        #[test]
        fn what_was_packed_is_unpacked(
            payloads in prop::collection::vec(prop::collection::vec(0_u8..4, 0..5000), 1..5),
            is_compressed: bool,
        ) {
            let packing = if is_compressed { Packing::Compressed } else { Packing::Plain };
            let mut chain = Vec::new();
            for (index, payload) in payloads.iter().enumerate() {
                let is_last = index + 1 == payloads.len();
                let position = if is_last { Position::Last } else { Position::Followed };
                chain.extend(pack(payload, packing, position).unwrap());
            }
            prop_assert_eq!(unpack(&chain), Ok(payloads));
        }
    }
}
