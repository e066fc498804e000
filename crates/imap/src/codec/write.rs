//! Writes the tokens of RFC 9051 §9 into a buffer.

use super::cursor::is_astring;
use crate::quirk;
use bytes::{BufMut, BytesMut};

/// Strings up to this length are quoted where they can be; longer ones are literals.
const QUOTED_BYTES_MAX: usize = 1024;

/// A byte that a quoted string holds as it is.
const PLAIN: u8 = 0;
/// One that it holds behind a backslash.
const ESCAPED: u8 = 1;
/// One that makes a literal of it.
const UNQUOTABLE: u8 = 2;
/// Which of these each byte is. The bits of all bytes of a string say how it is written.
const KINDS: [u8; 256] = kinds();

const fn kinds() -> [u8; 256] {
    let mut kinds = [UNQUOTABLE; 256];
    let mut rest: &mut [u8] = &mut kinds;
    let mut byte = 0_u8;
    while let [kind, behind @ ..] = rest {
        *kind = match byte {
            b'"' | b'\\' => ESCAPED,
            b'\t' | b' '..0x7f => PLAIN,
            _ => UNQUOTABLE,
        };
        byte = byte.wrapping_add(1);
        rest = behind;
    }
    kinds
}

fn kind_of(byte: u8) -> u8 {
    KINDS.get(usize::from(byte)).copied().unwrap_or(UNQUOTABLE)
}

/// Writes a number in decimal.
pub fn number(out: &mut impl BufMut, value: u64) {
    let mut digits = [0_u8; 20];
    let mut rest = value;
    let mut length = 0;
    for place in digits.iter_mut().rev() {
        *place = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        length += 1;
        if rest == 0 {
            break;
        }
    }
    out.put_slice(digits.get(20 - length..).unwrap_or(&[]));
}

/// Writes a quoted string, or a literal if it can't be quoted: 8-bit, line ends, or long. A NUL is
/// told as [`quirk::NUL_SHOWN`].
pub fn string(out: &mut impl BufMut, text: &[u8]) {
    if text.len() > QUOTED_BYTES_MAX {
        return literal(out, text);
    }
    match text
        .iter()
        .fold(PLAIN, |kinds, byte| kinds | kind_of(*byte))
    {
        PLAIN => {
            out.put_u8(b'"');
            out.put_slice(text);
            out.put_u8(b'"');
        }
        ESCAPED => escaped(out, text),
        _ => literal(out, text),
    }
}

/// Writes UTF-8 as a quoted string, for clients that have enabled it.
pub fn utf8_string(out: &mut impl BufMut, text: &str) {
    if text.len() <= QUOTED_BYTES_MAX && !text.bytes().any(|b| matches!(b, 0 | b'\r' | b'\n')) {
        escaped(out, text.as_bytes());
    } else {
        literal(out, text.as_bytes());
    }
}

fn escaped(out: &mut impl BufMut, text: &[u8]) {
    out.put_u8(b'"');
    for byte in text {
        if kind_of(*byte) == ESCAPED {
            out.put_u8(b'\\');
        }
        out.put_u8(*byte);
    }
    out.put_u8(b'"');
}

/// Writes `{n}`, a line end and the bytes.
pub fn literal(out: &mut impl BufMut, bytes: &[u8]) {
    literal_head(out, u64::try_from(bytes.len()).unwrap_or(0));
    for (number, piece) in bytes.split(|byte| *byte == 0).enumerate() {
        if number > 0 {
            out.put_u8(quirk::NUL_SHOWN);
        }
        out.put_slice(piece);
    }
}

/// Writes bytes of a literal whose head was written.
pub fn literal_bytes(out: &mut BytesMut, bytes: &[u8]) {
    let start = out.len();
    out.put_slice(bytes);
    quirk::show_nul(out.get_mut(start..).unwrap_or_default());
}

/// Writes `{n}` and a line end; the caller sends as many bytes.
pub fn literal_head(out: &mut impl BufMut, size: u64) {
    out.put_u8(b'{');
    number(out, size);
    out.put_slice(b"}\r\n");
}

/// Writes text without quotes where its bytes allow.
pub fn astring(out: &mut impl BufMut, text: &[u8]) {
    let nil = text.eq_ignore_ascii_case(b"NIL");
    if !text.is_empty() && !nil && text.iter().all(|b| is_astring(*b)) {
        out.put_slice(text);
    } else {
        string(out, text);
    }
}

/// Writes `NIL` for what is absent.
pub fn nstring(out: &mut impl BufMut, text: Option<&[u8]>) {
    match text {
        Some(text) => string(out, text),
        None => out.put_slice(b"NIL"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::cursor::Cursor;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_written_in_decimal(value: u64) {
            let mut out = BytesMut::new();
            number(&mut out, value);
            prop_assert_eq!(out, value.to_string());
        }

        #[test]
        fn strings_come_back_but_for_nul(text: Vec<u8>) {
            let mut out = BytesMut::new();
            string(&mut out, &text);
            prop_assert!(!out.contains(&0));
            let mut text = text;
            quirk::show_nul(&mut text);
            prop_assert_eq!(Cursor::new(&out).string().unwrap().into_owned(), text.clone());
            out.clear();
            astring(&mut out, &text);
            prop_assert_eq!(Cursor::new(&out).astring().unwrap().into_owned(), text);
        }
    }

    #[test]
    fn an_atom_that_reads_like_nil_is_quoted() {
        let mut out = BytesMut::new();
        astring(&mut out, b"nil");
        assert_eq!(&out[..], b"\"nil\"");
    }
}
