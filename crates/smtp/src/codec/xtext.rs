//! `xtext`: how DSN and AUTH parameters carry any octet in printable ASCII.
//!
//! Source: RFC 3461 §4.

use std::fmt::Write;

/// The octets behind an xtext, or nothing when it is malformed or holds what no parameter may.
///
/// Control characters are refused even when encoded: the value is later written into a header line.
pub fn decode(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => octets.push(hex(rest.next()?)? << 4 | hex(rest.next()?)?),
            b'!'..=b'~' if byte != b'=' => octets.push(byte),
            _ => return None,
        }
    }
    let value = String::from_utf8(octets).ok()?;
    (!value.chars().any(char::is_control)).then_some(value)
}

/// A text as a parameter carries it.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            // Writing to a string never fails.
            b'+' | b'=' | ..=b' ' | 0x7f.. => _ = write!(out, "+{byte:02X}"),
            _ => out.push(char::from(byte)),
        }
    }
    out
}

/// Only upper case, as the grammar says; so that one value has one form.
fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn plus_and_two_digits_stand_for_an_octet() {
        assert_eq!(decode("a+2Bb+3Dc").as_deref(), Some("a+b=c"));
        assert_eq!(decode("caf+C3+A9").as_deref(), Some("café"));
    }

    #[test]
    fn what_is_encoded_is_decoded_to_the_same() {
        for text in ["a+b=c", "café x", "~!"] {
            assert_eq!(decode(&encode(text)).as_deref(), Some(text));
            assert!(encode(text).bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }

    #[test]
    fn malformed_text_and_line_ends_are_refused() {
        for text in [
            "+", "+4", "+4g", "+4a", "a=b", "a b", "+0D+0A", "+00", "+FF",
        ] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
