//! Transfer encodings, the way out; [`decode`](crate::message::decode) is the way back.
//!
//! Standards: RFC 2045 §6.7 (quoted-printable), §6.8 (base64).

/// Characters of an encoded line. Source: RFC 2045 §6.7 rule 5, §6.8.
const LINE_CHARS_MAX: usize = 76;
/// Bytes that fill one line of base64.
pub const BASE64_LINE_BYTES: usize = LINE_CHARS_MAX / 4 * 3;
/// Bytes of a line that is sent as it is, without its line end. Source: RFC 5322 §2.1.1.
const PLAIN_LINE_BYTES_MAX: usize = 998;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// How a text is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    SevenBit,
    /// Readable where most of it is ASCII.
    QuotedPrintable,
    /// Shorter where most of it is not.
    Base64,
}

impl Encoding {
    /// The plainest one in which `text` comes through unharmed.
    pub fn for_text(text: &[u8]) -> Self {
        let is_plain = |byte: &u8| matches!(byte, b'\t' | b'\r' | b'\n' | b' '..=b'~');
        let strange = text.iter().filter(|byte| !is_plain(byte)).count();
        // One strange byte takes three characters, four take at least as many as in base64.
        if strange > text.len() / 6 {
            return Self::Base64;
        }
        if strange == 0 && text.split(|&byte| byte == b'\n').all(is_safe_line) {
            return Self::SevenBit;
        }
        Self::QuotedPrintable
    }

    /// What Content-Transfer-Encoding says.
    pub fn name(self) -> &'static str {
        match self {
            Self::SevenBit => "7bit",
            Self::QuotedPrintable => "quoted-printable",
            Self::Base64 => "base64",
        }
    }

    /// The encoded text.
    pub fn encode(self, text: Vec<u8>) -> Vec<u8> {
        match self {
            Self::SevenBit => text,
            Self::QuotedPrintable => quoted_printable(&text),
            Self::Base64 => {
                let mut out = Vec::with_capacity(text.len() / 3 * 4);
                let mut lines = Base64Lines::default();
                lines.push(&text, &mut out);
                lines.finish(&mut out);
                out
            }
        }
    }
}

/// A line up to its LF that no server on the way changes: it may be shortened at blanks before its
/// end, be quoted where it looks like the beginning of a letter in a file, or lose a bare CR.
fn is_safe_line(line: &[u8]) -> bool {
    let text = line.strip_suffix(b"\r").unwrap_or(line);
    text.len() <= PLAIN_LINE_BYTES_MAX
        && !text.contains(&b'\r')
        && !text.starts_with(b"From ")
        && !text.ends_with(b" ")
        && !text.ends_with(b"\t")
}

/// Encodes a text with CRLF line ends; a CR or LF alone is encoded, so that it comes back.
pub fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 8);
    let mut rest = text;
    while !rest.is_empty() {
        let end = memchr::memmem::find(rest, b"\r\n");
        let (line, behind) = rest
            .split_at_checked(end.unwrap_or(rest.len()))
            .unwrap_or((rest, &[]));
        quoted_line(line, &mut out);
        if end.is_some() {
            out.extend_from_slice(b"\r\n");
        }
        rest = behind.strip_prefix(b"\r\n").unwrap_or(behind);
    }
    out
}

fn quoted_line(line: &[u8], out: &mut Vec<u8>) {
    let is_mailbox_line = line.starts_with(b"From ");
    let mut column = 0;
    for (index, &byte) in line.iter().enumerate() {
        let is_last = index + 1 == line.len();
        let is_literal = match byte {
            b'=' => false,
            b' ' | b'\t' => !is_last,
            b'F' => index > 0 || !is_mailbox_line,
            // A lone dot would end the letter on the way.
            b'.' => column > 0,
            b'!'..=b'~' => true,
            _ => false,
        };
        let width = if is_literal { 1 } else { 3 };
        // The last place of a line is for the `=` that says it goes on.
        let room = LINE_CHARS_MAX - usize::from(!is_last);
        if column + width > room {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
        if is_literal {
            out.push(byte);
        } else {
            out.extend_from_slice(&[b'=', digit(byte >> 4), digit(byte)]);
        }
        column += width;
    }
}

/// The digit of the low four bits.
pub(super) fn digit(four_bits: u8) -> u8 {
    let index = usize::from(four_bits & 0x0f);
    HEX.get(index).copied().unwrap_or(b'0')
}

/// Base64 of content that comes in pieces, in lines of 76 characters.
#[derive(Clone, Debug, Default)]
pub struct Base64Lines {
    /// Bytes that do not fill a line yet.
    waiting: Vec<u8>,
    has_lines: bool,
}

impl Base64Lines {
    /// Takes the next piece.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut rest = piece;
        if !self.waiting.is_empty() {
            let room = BASE64_LINE_BYTES.saturating_sub(self.waiting.len());
            let (head, behind) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            self.waiting.extend_from_slice(head);
            rest = behind;
            if self.waiting.len() < BASE64_LINE_BYTES {
                return;
            }
            let line = std::mem::take(&mut self.waiting);
            self.line(&line, out);
        }
        let mut lines = rest.chunks_exact(BASE64_LINE_BYTES);
        for line in lines.by_ref() {
            self.line(line, out);
        }
        self.waiting.extend_from_slice(lines.remainder());
    }

    /// Ends the content; no line end stands behind the last line.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        let line = std::mem::take(&mut self.waiting);
        if !line.is_empty() {
            self.line(&line, out);
        }
    }

    fn line(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.has_lines, true) {
            out.extend_from_slice(b"\r\n");
        }
        base64(bytes, out);
    }

    /// Bytes that content of `size` takes.
    pub fn encoded_size(size: u64) -> u64 {
        let characters = size.div_ceil(3).saturating_mul(4);
        let lines = characters.div_ceil(76);
        characters.saturating_add(lines.saturating_sub(1).saturating_mul(2))
    }
}

/// Base64 in one line.
pub fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    let character = |bits: u32| {
        let index = usize::try_from(bits & 63).unwrap_or_default();
        ALPHABET.get(index).copied().unwrap_or(b'A')
    };
    for group in bytes.chunks(3) {
        let mut three = [0; 3];
        three
            .iter_mut()
            .zip(group)
            .for_each(|(to, from)| *to = *from);
        let [a, b, c] = three;
        let bits = u32::from_be_bytes([0, a, b, c]);
        out.push(character(bits >> 18));
        out.push(character(bits >> 12));
        out.push(if group.len() > 1 {
            character(bits >> 6)
        } else {
            b'='
        });
        out.push(if group.len() > 2 {
            character(bits)
        } else {
            b'='
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::decode;
    use proptest::prelude::*;

    #[test]
    fn a_text_is_sent_as_plainly_as_it_can_be() {
        assert_eq!(Encoding::for_text(b"Hello\r\n"), Encoding::SevenBit);
        assert_eq!(
            Encoding::for_text("Ein Gruß von hier".as_bytes()),
            Encoding::QuotedPrintable
        );
        assert_eq!(Encoding::for_text("Привет".as_bytes()), Encoding::Base64);
        for changed_on_the_way in ["end \r\n", "From here", "a\rb", &"x".repeat(999)] {
            let encoding = Encoding::for_text(changed_on_the_way.as_bytes());
            assert_eq!(encoding, Encoding::QuotedPrintable, "{changed_on_the_way}");
        }
    }

    #[test]
    fn lines_of_quoted_printable_have_at_most_76_characters() {
        let text = quoted_printable("=".repeat(100).as_bytes());
        let text = String::from_utf8(text).unwrap();
        assert!(text.split("\r\n").all(|line| line.len() <= 76), "{text}");
        assert_eq!(
            quoted_printable(b"a \r\n.\r\nFrom x"),
            b"a=20\r\n=2E\r\n=46rom x"
        );
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded_to_the_same(
            text in "[a-z=. \tF\r\n\u{e4}\u{20ac}]{0,300}",
            cut in 0_usize..300,
        ) {
            let quoted = quoted_printable(text.as_bytes());
            prop_assert!(quoted.is_ascii());
            let read = decode::all(decode::Encoding::QuotedPrintable, &quoted);
            prop_assert_eq!(String::from_utf8(read).unwrap(), text.as_str());

            let (mut lines, mut out) = (Base64Lines::default(), Vec::new());
            let (first, second) = text.as_bytes().split_at(cut.min(text.len()));
            lines.push(first, &mut out);
            lines.push(second, &mut out);
            lines.finish(&mut out);
            prop_assert_eq!(out.len() as u64, Base64Lines::encoded_size(text.len() as u64));
            prop_assert!(out.split(|&b| b == b'\n').all(|line| line.len() <= 77));
            let read = decode::all(decode::Encoding::Base64, &out);
            prop_assert_eq!(read, text.as_bytes());
        }
    }
}
