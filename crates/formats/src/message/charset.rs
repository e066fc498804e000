//! Text of any charset as UTF-8.
//!
//! Never fails: what a charset does not allow becomes U+FFFD; an unknown charset is read as its
//! byte order mark says, as UTF-8 if it is that, else as Windows-1252.
//!
//! Start at [`to_utf8`]. Standards: RFC 2152 (UTF-7); the others are those of the WHATWG, by
//! `encoding_rs`.

use crate::cursor::Cursor;
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use std::borrow::Cow;

/// Converts `bytes`, which are said to be in the charset `label`.
pub fn to_utf8<'a>(label: &[u8], bytes: &'a [u8]) -> Cow<'a, str> {
    let label = label.trim_ascii();
    if label.eq_ignore_ascii_case(b"utf-7") || label.eq_ignore_ascii_case(b"unicode-1-1-utf-7") {
        return Cow::Owned(from_utf7(bytes));
    }
    // Programs that say ASCII often send UTF-8.
    let says_ascii = label.is_empty() || label.eq_ignore_ascii_case(b"us-ascii");
    let encoding = Encoding::for_label_no_replacement(label).filter(|_| !says_ascii);
    let Some(encoding) = encoding else {
        if let Some((marked, _)) = Encoding::for_bom(bytes) {
            return marked.decode(bytes).0;
        }
        return match str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) if says_ascii => WINDOWS_1252.decode_without_bom_handling(bytes).0,
            Err(_) => guess(label, bytes),
        };
    };
    encoding.decode(bytes).0
}

/// A label that is not known; `cp1252` and its like are.
fn guess<'a>(label: &[u8], bytes: &'a [u8]) -> Cow<'a, str> {
    let number = label
        .get(2..)
        .filter(|_| label.to_ascii_lowercase().starts_with(b"cp"));
    let by_number = number.and_then(|number| {
        Encoding::for_label_no_replacement(&[b"windows-".as_slice(), number].concat())
    });
    let is_utf8 = label.to_ascii_lowercase().starts_with(b"utf");
    let encoding = by_number.unwrap_or(if is_utf8 { UTF_8 } else { WINDOWS_1252 });
    encoding.decode_without_bom_handling(bytes).0
}

/// Source: RFC 2152. Also reads the `&` form's body when its caller has replaced `&` and `,`.
fn from_utf7(bytes: &[u8]) -> String {
    let mut cursor = Cursor::new(bytes);
    let mut text = String::with_capacity(bytes.len());
    while let Some(byte) = cursor.next() {
        if byte != b'+' {
            text.push(if byte.is_ascii() {
                char::from(byte)
            } else {
                char::REPLACEMENT_CHARACTER
            });
            continue;
        }
        let run = cursor.take_while(|byte| super::decode::base64_value(byte).is_some());
        if run.is_empty() {
            text.push('+');
        } else {
            text.extend(
                char::decode_utf16(utf16_units(run)).map(|unit| unit.unwrap_or('\u{fffd}')),
            );
        }
        cursor.accept(b'-');
    }
    text
}

/// The 16-bit units of a base64 run; left-over bits are padding.
fn utf16_units(run: &[u8]) -> Vec<u16> {
    let mut units = Vec::with_capacity(run.len() / 2);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for value in run
        .iter()
        .filter_map(|&byte| super::decode::base64_value(byte))
    {
        bits = (bits << 6 | u32::from(value)) & 0x00ff_ffff;
        count += 6;
        if count >= 16 {
            count -= 16;
            units.extend(u16::try_from(bits >> count & 0xffff));
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_charsets_are_converted() {
        assert_eq!(to_utf8(b"iso-8859-1", b"gr\xfcn"), "grün");
        assert_eq!(to_utf8(b"ISO-2022-JP", b"\x1b$B$3$s\x1b(B"), "こん");
        assert_eq!(to_utf8(b"koi8-r", b"\xf0\xd2"), "Пр");
        assert_eq!(to_utf8(b"cp1251", b"\xcf\xf0"), "Пр");
        assert_eq!(to_utf8(b"gb2312", b"\xc4\xe3"), "你");
    }

    #[test]
    fn the_examples_of_rfc_2152_are_read() {
        assert_eq!(to_utf8(b"utf-7", b"A+ImIDkQ."), "A\u{2262}\u{391}.");
        assert_eq!(to_utf8(b"UTF-7", b"Hi Mom -+Jjo--!"), "Hi Mom -\u{263a}-!");
        assert_eq!(to_utf8(b"utf-7", b"1 +- 1+"), "1 + 1+");
    }

    #[test]
    fn wrong_or_missing_labels_do_not_lose_text() {
        assert_eq!(to_utf8(b"us-ascii", "grün".as_bytes()), "grün");
        assert_eq!(to_utf8(b"", b"gr\xfcn"), "grün");
        assert_eq!(to_utf8(b"x-unknown", b"gr\xfcn"), "grün");
        assert_eq!(to_utf8(b"utf-8", b"gr\xfcn"), "gr\u{fffd}n");
        assert_eq!(to_utf8(b"replacement", b"a"), "a");
    }
}
