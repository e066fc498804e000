//! Bytes as specifications write them, and the check that a structure is those bytes.

// Each test file uses a part of it.
#![allow(dead_code)]

use mapi::codec::wire::{Form, Wire, decode, encode};
use std::fmt::Debug;

/// `01 00 | "text" 00`: hexadecimal pairs, and text as 8-bit characters; the rest is layout.
/// `u"text"` is UTF-16 with its zero behind.
pub fn bytes(notation: &str) -> Vec<u8> {
    let mut all = Vec::new();
    for (index, piece) in notation.split('"').enumerate() {
        let is_text = index % 2 == 1;
        let before = notation.split('"').nth(index.wrapping_sub(1));
        let is_wide = is_text && before.is_some_and(|before| before.ends_with('u'));
        if is_wide {
            all.extend(piece.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
        } else if is_text {
            all.extend(piece.bytes());
        } else {
            let digits: Vec<u8> = piece.bytes().filter(u8::is_ascii_hexdigit).collect();
            assert!(digits.len().is_multiple_of(2), "{piece}");
            all.extend(
                digits
                    .chunks(2)
                    .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()),
            );
        }
    }
    all
}

/// Checks both directions.
#[track_caller]
pub fn is<T: Wire + PartialEq + Debug>(form: Form, value: &T, notation: &str) {
    let expected = bytes(notation);
    let written = encode(value, form).unwrap();
    assert_eq!(
        written, expected,
        "\nwritten {written:02X?}\nexpected {expected:02X?}"
    );
    assert_eq!(decode::<T>(&expected, form).as_ref(), Ok(value));
    for size in 0..expected.len() {
        assert!(
            decode::<T>(&expected[..size], form).is_err(),
            "cut at {size}"
        );
    }
}
