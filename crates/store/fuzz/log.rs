//! What is fuzzed of the embedded backend: frames, their records, and stored bodies.
//!
//! Compiled into the crate for its tests and for the targets `frames` and `bodies`, because the
//! log's form is nobody else's business.

#![allow(clippy::missing_panics_doc)] // To panic is how they tell what they found.

use super::frame::{self, Header, Record, Records, find_later_frame, records};
use super::rows::{BodyRow, LogPlace};
use crate::backend::block::{Codec, Encoder, Layout, Secret};
use crate::backend::compression::Contexts;
use crate::id::{BodyHash, BodyNumber, Timestamp};
use bytes::Bytes;

/// Bytes of a body that is kept in three blocks.
const LARGE_BYTES: usize = 600_000;

/// Bytes as they may lie in a segment: as records, as a frame, as rows of the backend.
pub fn frames(bytes: &[u8]) {
    let secret = Secret::new(&[3; 32]);
    records_are_what_was_written(bytes);
    assert_eq!(
        Header::read(&secret, bytes),
        None,
        "a frame without the secret"
    );
    assert_eq!(find_later_frame(&secret, bytes, 0), None);
    a_sealed_frame_is_read_back_whole_or_not_at_all(&secret, bytes);
    if let Ok(row) = BodyRow::parse(BodyNumber(1), bytes) {
        assert_eq!(BodyRow::parse(BodyNumber(1), &row.value()), Ok(row));
    }
    if let Ok(place) = LogPlace::parse(bytes) {
        assert_eq!(Some(&*place.value()), bytes.get(..place.value().len()));
    }
}

/// Whatever is read as records, written again gives the same bytes.
fn records_are_what_was_written(bytes: &[u8]) {
    let mut written = Records::default();
    for record in records(bytes) {
        let done = match record {
            Ok(Record::Start) => {
                written.start();
                Ok(())
            }
            Ok(Record::Put(key, value)) => written.write(key, Some(value)),
            Ok(Record::Delete(key)) => written.write(key, None),
            Ok(Record::Body(body)) => {
                written.body(body.number, body.layout, body.stored);
                Ok(())
            }
            Ok(Record::Moved(body)) => {
                written.moved(body.number, body.layout, body.stored);
                Ok(())
            }
            Ok(Record::File(row)) => {
                written.file(row.number, row.layout);
                Ok(())
            }
            Err(_) => break,
        };
        assert!(done.is_ok());
    }
    assert!(bytes.starts_with(written.all()));
}

/// The first two bytes choose a bit of the frame that flips.
fn a_sealed_frame_is_read_back_whole_or_not_at_all(secret: &Secret, bytes: &[u8]) {
    let Some((choice, content)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let predecessor: frame::Checksum = [7; 16];
    let sealed = Header::seal(secret, (8, Timestamp(4)), true, predecessor, content);
    let Ok(header) = sealed else { return };
    let mut whole = header.bytes();
    whole.extend_from_slice(content);
    assert_eq!(Header::read(secret, &whole), Some((header, content)));
    assert_eq!(find_later_frame(secret, &whole, 7), Some(0));
    let at = usize::from(u16::from_be_bytes(*choice)) % whole.len();
    if let Some(byte) = whole.get_mut(at) {
        *byte ^= 1 << (at % 8);
    }
    assert_eq!(Header::read(secret, &whole), None);
}

/// A body comes back in any range, and stored bytes that are none of its are refused.
pub fn bodies(bytes: &[u8]) {
    let (secret, contexts) = (Secret::new(&[3; 32]), Contexts::default());
    let Some((choice, rest)) = bytes.split_first_chunk::<4>() else {
        return;
    };
    let [codec, size, from, until] = *choice;
    foreign_bytes_are_refused(&secret, &contexts, codec, rest);
    let content = if size % 8 == 0 && !rest.is_empty() {
        rest.iter().copied().cycle().take(LARGE_BYTES).collect()
    } else {
        rest.to_vec()
    };
    let mut stored = Vec::new();
    let mut encoder = Encoder::new(&secret);
    for piece in content.chunks(usize::from(size) * 300 + 1) {
        assert!(
            encoder
                .write(&secret, &contexts, piece, &mut stored)
                .is_ok()
        );
    }
    let Ok(encoded) = encoder.finish(&secret, &contexts, &mut stored) else {
        return;
    };
    let layout = Layout {
        hash: encoded.hash,
        len: encoded.len,
        stored_len: stored.len() as u64,
        codec: encoded.codec,
    };
    let end = content.len() * usize::from(until) / 255;
    let start = end * usize::from(from) / 255;
    let read = read(&layout, start..end, (&secret, &contexts), &stored);
    assert_eq!(read.as_deref(), content.get(start..end));
}

/// Whatever the row of a body claims.
fn foreign_bytes_are_refused(secret: &Secret, contexts: &Contexts, codec: u8, bytes: &[u8]) {
    let Some((len, stored)) = bytes.split_first_chunk::<4>() else {
        return;
    };
    let Ok(codec) = Codec::from_code(codec % 3) else {
        return;
    };
    let layout = Layout {
        hash: BodyHash([9; 32]),
        len: u64::from(u32::from_be_bytes(*len)),
        stored_len: stored.len() as u64,
        codec,
    };
    let whole = usize::try_from(layout.len).unwrap_or(usize::MAX);
    assert_eq!(read(&layout, 0..whole, (secret, contexts), stored), None);
}

fn read(
    layout: &Layout,
    range: std::ops::Range<usize>,
    (secret, contexts): (&Secret, &Contexts),
    stored: &[u8],
) -> Option<Bytes> {
    let source = |offset: u64, len: usize| {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let piece = start
            .checked_add(len)
            .and_then(|end| stored.get(start..end));
        let missing = || crate::error::StoreError::Corrupt("beyond the end".to_owned());
        piece.map(Bytes::copy_from_slice).ok_or_else(missing)
    };
    let range = range.start as u64..range.end as u64;
    layout.read(range, secret, contexts, &source).ok()
}

#[cfg(test)]
mod briefly {
    use super::*;
    use proptest::prelude::*;

    /// Records with keys, values and bodies, then changed in a few places.
    fn examples() -> impl Strategy<Value = Vec<u8>> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..40);
        let changes = prop::collection::vec((any::<u16>(), any::<u8>()), 0..3);
        (bytes(), bytes(), bytes(), changes).prop_map(|(key, value, stored, changes)| {
            let mut records = Records::default();
            let layout = Layout {
                hash: BodyHash([9; 32]),
                len: 77,
                stored_len: stored.len() as u64,
                codec: Codec::Zstd,
            };
            records.start();
            records.write(&key, Some(&value)).unwrap();
            records.body(BodyNumber(5), layout, &stored);
            records.write(&key, None).unwrap();
            records.moved(BodyNumber(6), layout, &stored);
            records.file(BodyNumber(7), layout);
            let mut bytes = records.all().to_vec();
            for (at, byte) in changes {
                let at = usize::from(at) % bytes.len();
                bytes[at] = byte;
            }
            bytes
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

        #[test]
        fn frames_are_refused_or_come_back(bytes in examples()) {
            frames(&bytes);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

        #[test]
        fn bodies_are_refused_or_come_back(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            bodies(&bytes);
        }
    }
}
