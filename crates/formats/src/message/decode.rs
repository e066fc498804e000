//! The content transfer encodings, undone piece by piece.
//!
//! Never refuses: base64 passes over what is not in its alphabet, quoted-printable keeps what it
//! cannot read. Never keeps more than a few bytes between two pieces.
//!
//! Start at [`Decoder`]. Standards: RFC 2045 §6.

/// Blanks at the end of a quoted-printable line that are held back, because they are dropped if the
/// line ends there; lines are at most 76 long, so more than this is text.
const BLANKS_MAX: usize = 1024;

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// 7bit, 8bit, binary and everything unknown: as it is.
    Identity,
    /// RFC 2045 §6.8.
    Base64,
    /// RFC 2045 §6.7.
    QuotedPrintable,
}

impl Encoding {
    /// By the value of Content-Transfer-Encoding; `None` means the field is absent.
    pub fn named(name: Option<&[u8]>) -> Self {
        let name = name.unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case(b"base64") {
            Self::Base64
        } else if name.eq_ignore_ascii_case(b"quoted-printable") {
            Self::QuotedPrintable
        } else {
            Self::Identity
        }
    }

    /// Whether the name is one of RFC 2045 or absent; others are "unknown" (RFC 3516 §4.3).
    pub fn is_known(name: Option<&[u8]>) -> bool {
        let known: [&[u8]; 5] = [b"7bit", b"8bit", b"binary", b"base64", b"quoted-printable"];
        name.is_none_or(|name| {
            known
                .iter()
                .any(|known| name.trim_ascii().eq_ignore_ascii_case(known))
        })
    }
}

/// Decodes a body that comes in pieces.
#[derive(Clone, Debug)]
pub struct Decoder {
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Identity,
    /// Bits that do not make a byte yet, and how many characters they came from (0 to 3).
    Base64 {
        bits: u32,
        characters: u32,
    },
    QuotedPrintable {
        blanks: Vec<u8>,
        escape: Escape,
    },
}

/// What was read of an `=` sequence.
#[derive(Clone, Copy, Debug)]
enum Escape {
    None,
    /// `=`
    Opened,
    /// `=` and one hex digit, as it was written.
    Digit(u8),
    /// `=` and blanks or a CR: only a line end may follow.
    SoftBreak,
}

impl Decoder {
    /// Starts at the beginning of a body.
    pub fn new(encoding: Encoding) -> Self {
        let state = match encoding {
            Encoding::Identity => State::Identity,
            Encoding::Base64 => State::Base64 {
                bits: 0,
                characters: 0,
            },
            Encoding::QuotedPrintable => State::QuotedPrintable {
                blanks: Vec::new(),
                escape: Escape::None,
            },
        };
        Self { state }
    }

    /// Takes the next piece; what it decodes to is appended to `out`.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        match &mut self.state {
            State::Identity => out.extend_from_slice(piece),
            State::Base64 { bits, characters } => base64(piece, bits, characters, out),
            State::QuotedPrintable { blanks, escape } => {
                quoted_printable(piece, blanks, escape, out);
            }
        }
    }

    /// Ends the body; a last incomplete group is decoded as far as it goes.
    pub fn finish(self, out: &mut Vec<u8>) {
        match self.state {
            State::Identity => {}
            State::Base64 { bits, characters } => end_group(bits, characters, out),
            State::QuotedPrintable { blanks, escape } => {
                out.extend(blanks);
                match escape {
                    Escape::None | Escape::SoftBreak => {}
                    Escape::Opened => out.push(b'='),
                    Escape::Digit(digit) => out.extend([b'=', digit]),
                }
            }
        }
    }
}

/// Decodes a whole body.
pub fn all(encoding: Encoding, body: &[u8]) -> Vec<u8> {
    let mut decoder = Decoder::new(encoding);
    let mut out = Vec::with_capacity(body.len());
    decoder.push(body, &mut out);
    decoder.finish(&mut out);
    out
}

/// The six bits of each character of the alphabet; 255 for others.
const BASE64: [u8; 256] = base64_table();

#[allow(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which would refuse"
)]
#[allow(clippy::cast_possible_truncation, reason = "values are below 64")]
const fn base64_table() -> [u8; 256] {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [255; 256];
    let mut index = 0;
    while index < alphabet.len() {
        table[alphabet[index] as usize] = index as u8;
        index += 1;
    }
    table
}

/// The six bits that a character of base64 stands for.
pub(crate) fn base64_value(byte: u8) -> Option<u8> {
    BASE64
        .get(usize::from(byte))
        .copied()
        .filter(|&value| value < 64)
}

/// The value of a hexadecimal digit.
pub(crate) fn hex_value(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

fn base64(piece: &[u8], bits: &mut u32, characters: &mut u32, out: &mut Vec<u8>) {
    out.reserve(piece.len() / 4 * 3);
    for &byte in piece {
        match base64_value(byte) {
            Some(value) => {
                *bits = *bits << 6 | u32::from(value);
                *characters += 1;
                if *characters == 4 {
                    let [_, first, second, third] = bits.to_be_bytes();
                    out.extend_from_slice(&[first, second, third]);
                    (*bits, *characters) = (0, 0);
                }
            }
            // Padding ends a group; another text in base64 may follow it.
            None if byte == b'=' => {
                end_group(*bits, *characters, out);
                (*bits, *characters) = (0, 0);
            }
            None => {}
        }
    }
}

/// Two characters make one byte, three make two; one alone is lost.
fn end_group(bits: u32, characters: u32, out: &mut Vec<u8>) {
    match characters {
        2 => out.extend_from_slice((bits << 12).to_be_bytes().get(1..2).unwrap_or_default()),
        3 => out.extend_from_slice((bits << 6).to_be_bytes().get(1..3).unwrap_or_default()),
        _ => {}
    }
}

fn quoted_printable(piece: &[u8], blanks: &mut Vec<u8>, escape: &mut Escape, out: &mut Vec<u8>) {
    for &byte in piece {
        if !matches!(escape, Escape::None) && continue_escape(byte, escape, out) {
            continue;
        }
        match byte {
            b'=' => {
                out.append(blanks);
                *escape = Escape::Opened;
            }
            b' ' | b'\t' if blanks.len() < BLANKS_MAX => blanks.push(byte),
            b'\r' | b'\n' => {
                blanks.clear();
                out.push(byte);
            }
            _ => {
                out.append(blanks);
                out.push(byte);
            }
        }
    }
}

/// Takes one byte behind an `=`; whether it belonged to the sequence.
fn continue_escape(byte: u8, escape: &mut Escape, out: &mut Vec<u8>) -> bool {
    let state = std::mem::replace(escape, Escape::None);
    match (state, byte) {
        (Escape::Opened, _) if hex_value(byte).is_some() => *escape = Escape::Digit(byte),
        (Escape::Opened | Escape::SoftBreak, b'\n') => {}
        (Escape::Opened | Escape::SoftBreak, b' ' | b'\t' | b'\r') => *escape = Escape::SoftBreak,
        (Escape::Digit(digit), _) => {
            let Some((high, low)) = hex_value(digit).zip(hex_value(byte)) else {
                out.extend([b'=', digit]);
                return false;
            };
            out.push(high << 4 | low);
        }
        (Escape::Opened, _) => {
            out.push(b'=');
            return false;
        }
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn qp(body: &str) -> String {
        String::from_utf8(all(Encoding::QuotedPrintable, body.as_bytes())).unwrap()
    }

    fn b64(body: &str) -> String {
        String::from_utf8(all(Encoding::Base64, body.as_bytes())).unwrap()
    }

    #[test]
    fn quoted_printable_follows_rfc_2045() {
        let folded = "Now's the time =\r\nfor all folk to come=\r\n to the aid of their country.";
        assert_eq!(
            qp(folded),
            "Now's the time for all folk to come to the aid of their country."
        );
        assert_eq!(qp("gr=C3=bcn \t \r\nx  =\r\ny"), "grün\r\nx  y");
        assert_eq!(qp("soft=  \t\r\nbreak="), "softbreak=");
    }

    #[test]
    fn what_is_not_quoted_printable_is_kept() {
        assert_eq!(qp("a=b c=Zd =4"), "a=b c=Zd =4");
        assert_eq!(qp("a==3D"), "a==");
    }

    #[test]
    fn base64_passes_over_what_is_not_in_its_alphabet() {
        assert_eq!(b64("SGVs\r\nbG8=\r\n"), "Hello");
        assert_eq!(b64("SG!Vs bG8"), "Hello");
        assert_eq!(b64("SGk=SGk="), "HiHi");
        assert_eq!(b64("SGkhQ"), "Hi!");
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(body in "[a-zA-Z0-9+/= \t\r\n\u{e4}]{0,200}", cut in 0_usize..200) {
            for encoding in [Encoding::Identity, Encoding::Base64, Encoding::QuotedPrintable] {
                let (first, second) = body.as_bytes().split_at(cut.min(body.len()));
                let mut decoder = Decoder::new(encoding);
                let mut out = Vec::new();
                decoder.push(first, &mut out);
                decoder.push(second, &mut out);
                decoder.finish(&mut out);
                prop_assert_eq!(out, all(encoding, body.as_bytes()));
            }
        }

        #[test]
        fn base64_of_anything_is_read_back(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            use base64::Engine;
            let encoded = base64::engine::general_purpose::STANDARD.encode(&bytes);
            prop_assert_eq!(all(Encoding::Base64, encoded.as_bytes()), bytes);
        }
    }
}
