//! Encoded words: text of any charset inside of header fields.
//!
//! Never refuses: what is no encoded word is text. Words that were cut inside of a character are
//! joined before their charset is read, as far as charset and encoding are the same.
//!
//! Start at [`decode`]. Standards: RFC 2047, RFC 2231 §5 (language).

use super::{charset, decode as transfer, header};
use crate::cursor::Cursor;
use memchr::{memchr_iter, memmem};

/// A run of adjacent words that share charset and encoding.
#[derive(Default)]
struct Run {
    label: Vec<u8>,
    encoding: u8,
    bytes: Vec<u8>,
}

struct Word<'a> {
    label: &'a [u8],
    encoding: u8,
    text: &'a [u8],
}

/// The value of a field as it is to be read: unfolded, encoded words decoded, raw 8-bit text as
/// UTF-8.
pub fn decode(value: &[u8]) -> String {
    let value = header::unfold(value);
    if !may_have_words(&value) {
        return charset::to_utf8(b"", &value).into_owned();
    }
    let mut cursor = Cursor::new(&value);
    let mut text = String::with_capacity(value.len());
    let mut run = Run::default();
    while !cursor.is_at_end() {
        let start = memmem::find(cursor.rest(), b"=?");
        let plain = cursor.take_up_to(start.unwrap_or(usize::MAX));
        // Blanks between two encoded words are not text (RFC 2047 §6.2).
        let mut ahead = cursor;
        let Some(word) = word(&mut ahead) else {
            run.flush(&mut text);
            push_plain(&mut text, plain);
            push_plain(&mut text, cursor.take_up_to(2));
            continue;
        };
        if run.label.is_empty() || !plain.iter().all(u8::is_ascii_whitespace) {
            run.flush(&mut text);
            push_plain(&mut text, plain);
        }
        cursor = ahead;
        run.add(&word, &mut text);
    }
    run.flush(&mut text);
    text
}

/// False for most values, which are read faster then.
fn may_have_words(value: &[u8]) -> bool {
    let mut starts = memchr_iter(b'=', value);
    starts.any(|at| value.get(at + 1) == Some(&b'?'))
}

impl Run {
    fn add(&mut self, word: &Word<'_>, text: &mut String) {
        let is_alike =
            self.label.eq_ignore_ascii_case(word.label) && self.encoding == word.encoding;
        if !is_alike || is_stateful(word.label) {
            self.flush(text);
        }
        self.label = word.label.to_vec();
        self.encoding = word.encoding;
        if word.encoding == b'q' {
            decode_q(word.text, &mut self.bytes);
        } else {
            let mut decoder = transfer::Decoder::new(transfer::Encoding::Base64);
            decoder.push(word.text, &mut self.bytes);
            decoder.finish(&mut self.bytes);
        }
    }

    fn flush(&mut self, text: &mut String) {
        let run = std::mem::take(self);
        let decoded = charset::to_utf8(&run.label, &run.bytes);
        // A line end smuggled in must not become one.
        text.extend(
            decoded
                .chars()
                .filter(|character| !matches!(character, '\r' | '\n' | '\0')),
        );
    }
}

/// A charset that switches between alphabets: each word begins and ends in the first one (RFC 2047
/// §3), and two switches side by side, as joining makes them, are read as an attack.
fn is_stateful(label: &[u8]) -> bool {
    let start = label.get(..9).unwrap_or_default();
    start.eq_ignore_ascii_case(b"iso-2022-")
}

fn push_plain(text: &mut String, bytes: &[u8]) {
    text.push_str(&charset::to_utf8(b"", bytes));
}

/// `=?charset*language?Q?text?=` at the cursor.
fn word<'a>(cursor: &mut Cursor<'a>) -> Option<Word<'a>> {
    cursor.take(2).filter(|start| start == b"=?")?;
    let label = cursor.take_while(|byte| byte != b'?' && byte.is_ascii_graphic());
    let label = label
        .split(|&byte| byte == b'*')
        .next()
        .filter(|label| !label.is_empty())?;
    cursor.accept(b'?').then_some(())?;
    let encoding = cursor.next()?.to_ascii_lowercase();
    (matches!(encoding, b'q' | b'b') && cursor.accept(b'?')).then_some(())?;
    // Blanks are not allowed in the text, but are found in Q words.
    let text = cursor.take_while(|byte| byte != b'?');
    let end = cursor.take(2)?;
    (end == b"?=").then_some(Word {
        label,
        encoding,
        text,
    })
}

/// The Q encoding. Source: RFC 2047 §4.2.
fn decode_q(text: &[u8], out: &mut Vec<u8>) {
    let mut cursor = Cursor::new(text);
    while let Some(byte) = cursor.next() {
        let digits = cursor.rest().get(..2).filter(|_| byte == b'=');
        let value = digits.and_then(|digits| match digits {
            [high, low] => Some(transfer::hex_value(*high)? << 4 | transfer::hex_value(*low)?),
            _ => None,
        });
        match value {
            Some(value) => {
                cursor.take(2);
                out.push(value);
            }
            None => out.push(if byte == b'_' { b' ' } else { byte }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_charset_that_switches_are_read_one_by_one() {
        let value = "=?ISO-2022-JP?B?GyRCJTkbKEI=?= =?ISO-2022-JP?B?GyRCJVElYBsoQg==?=";
        assert_eq!(decode(value.as_bytes()), "スパム");
    }

    #[test]
    fn the_examples_of_rfc_2047_are_decoded() {
        for (value, wanted) in [
            (
                "=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>",
                "Keith Moore <moore@cs.utk.edu>",
            ),
            (
                "=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=",
                "Keld Jørn Simonsen",
            ),
            (
                "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n \
                =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
                "If you can read this you understand the example.",
            ),
            ("(=?ISO-8859-1?Q?a?=)", "(a)"),
            ("(=?ISO-8859-1?Q?a?= b)", "(a b)"),
            ("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"),
            ("(=?ISO-8859-1?Q?a?=  \r\n    =?ISO-8859-1?Q?b?=)", "(ab)"),
            ("(=?ISO-8859-1?Q?a_b?=)", "(a b)"),
            ("(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"),
            ("=?us-ascii*en?Q?language?=", "language"),
        ] {
            assert_eq!(decode(value.as_bytes()), wanted, "{value}");
        }
    }

    #[test]
    fn characters_cut_between_words_are_joined() {
        assert_eq!(decode(b"=?utf-8?Q?gr=C3?= =?UTF-8?Q?=BCn?="), "grün");
        assert_eq!(decode(b"=?utf-8?B?w7w=?= =?utf-8?B?w7w=?="), "üü");
    }

    #[test]
    fn what_is_no_encoded_word_is_text() {
        for same in [
            "=?",
            "=?x",
            "=?utf-8?Q?open",
            "=?utf-8?X?a?=",
            "a =? b",
            "=??Q?a?=",
            "a=b?=",
        ] {
            assert_eq!(decode(same.as_bytes()), same);
        }
        assert_eq!(decode("grün".as_bytes()), "grün");
        assert_eq!(decode(b"gr\xfcn"), "grün");
    }

    #[test]
    fn line_ends_cannot_be_smuggled_in() {
        assert_eq!(decode(b"=?utf-8?Q?a=0D=0ABcc:_b?="), "aBcc: b");
    }
}
