//! Names of mailboxes: UTF-8 inside, modified UTF-7 on the wire for clients that have not enabled
//! better.
//!
//! Knows only what a name looks like, not which names exist or are allowed.
//!
//! Standards: RFC 9051 §5.1 (names, INBOX), RFC 3501 §5.1.3 (modified UTF-7), RFC 6855 §3
//! (UTF8=ACCEPT), RFC 5198 §3 (one form of letters with accents).

use super::Fault;
use super::write;
use bytes::BytesMut;
use unicode_normalization::UnicodeNormalization;

/// Divides the levels of a name.
pub const SEPARATOR: char = '/';

/// Bytes of a name in UTF-8; the store keeps each level shorter still.
pub const NAME_BYTES_MAX: usize = 1024;

/// How names stand on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameForm {
    /// Modified UTF-7, for clients of `IMAP4rev1`.
    #[default]
    Utf7,
    /// UTF-8, once `IMAP4rev2` or UTF8=ACCEPT is enabled.
    Utf8,
}

/// A mailbox's name in UTF-8, with `INBOX` in its one spelling; may be empty (LIST's reference).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailboxName(String);

impl MailboxName {
    /// Reads a name as it came.
    ///
    /// In modified UTF-7 only the one shortest spelling is taken, so that two names never mean the
    /// same mailbox.
    pub fn decode(wire: &[u8], form: NameForm) -> Result<Self, Fault> {
        let name = match form {
            NameForm::Utf8 => std::str::from_utf8(wire).ok().map(str::to_owned),
            NameForm::Utf7 => decode_utf7(wire),
        };
        let name = name.ok_or(Fault::Name("Name of mailbox is not in the right encoding"))?;
        if name.len() > NAME_BYTES_MAX {
            return Err(Fault::Name("Name of mailbox is too long"));
        }
        if name
            .chars()
            .any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
        {
            return Err(Fault::Name("Name of mailbox holds control characters"));
        }
        // `é` in one character or in two looks the same, so it must be the same.
        let name: String = name.nfc().collect();
        Ok(Self::from_path(&name))
    }

    /// A name that the store told.
    pub fn from_path(path: &str) -> Self {
        match path.split_at_checked(5) {
            Some((head, rest))
                if head.eq_ignore_ascii_case("INBOX")
                    && (rest.is_empty() || rest.starts_with(SEPARATOR)) =>
            {
                Self(format!("INBOX{rest}"))
            }
            _ => Self(path.to_owned()),
        }
    }

    /// The name in UTF-8.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True for the one mailbox that always exists.
    pub fn is_inbox(&self) -> bool {
        self.0 == "INBOX"
    }

    /// Writes it as an astring.
    pub fn write(&self, out: &mut BytesMut, form: NameForm) {
        match form {
            _ if self.0.is_ascii() && (form == NameForm::Utf8 || !self.0.contains('&')) => {
                write::astring(out, self.0.as_bytes());
            }
            NameForm::Utf8 => write::utf8_string(out, &self.0),
            NameForm::Utf7 => write::string(out, encode_utf7(&self.0).as_bytes()),
        }
    }
}

/// Modified base64 of RFC 3501 §5.1.3: `,` for `/`, no padding.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// A name in modified UTF-7.
pub fn encode_utf7(name: &str) -> String {
    let mut wire = String::with_capacity(name.len() + 8);
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '&' => wire.push_str("&-"),
            ' '..='~' => wire.push(c),
            _ => {
                let mut units = Vec::new();
                let mut next = Some(c);
                while let Some(c) = next {
                    units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
                    next = chars.next_if(|c| !(' '..='~').contains(c));
                }
                wire.push('&');
                encode_units(&units, &mut wire);
                wire.push('-');
            }
        }
    }
    wire
}

fn encode_units(units: &[u16], wire: &mut String) {
    let (mut bits, mut held) = (0_u32, 0_u32);
    let mut digit = |value: u32| {
        let index = usize::try_from(value & 63).unwrap_or(0);
        wire.push(char::from(ALPHABET.get(index).copied().unwrap_or(b'A')));
    };
    for unit in units {
        held = (held & 63) << 16 | u32::from(*unit);
        bits += 16;
        while bits >= 6 {
            bits -= 6;
            digit(held >> bits);
        }
    }
    if bits > 0 {
        digit(held << (6 - bits));
    }
}

/// The name that modified UTF-7 stands for; `None` if it is not the one right spelling of it.
pub fn decode_utf7(wire: &[u8]) -> Option<String> {
    if !wire.is_ascii() {
        return None;
    }
    let mut name = String::with_capacity(wire.len());
    let mut rest = std::str::from_utf8(wire).ok()?;
    while let Some((plain, shifted)) = rest.split_once('&') {
        name.push_str(plain);
        let (coded, behind) = shifted.split_once('-')?;
        if coded.is_empty() {
            name.push('&');
        } else {
            decode_units(coded, &mut name)?;
        }
        rest = behind;
    }
    name.push_str(rest);
    // Superfluous shifts, coded ASCII and stray bits all come out differently.
    (encode_utf7(&name).as_bytes() == wire).then_some(name)
}

fn decode_units(coded: &str, name: &mut String) -> Option<()> {
    let (mut bits, mut held) = (0_u32, 0_u32);
    let mut units = Vec::with_capacity(coded.len());
    for byte in coded.bytes() {
        let digit = ALPHABET.iter().position(|b| *b == byte)?;
        held = (held & 0xffff) << 6 | u32::try_from(digit).ok()?;
        bits += 6;
        if bits >= 16 {
            bits -= 16;
            units.push(u16::try_from(held >> bits & 0xffff).ok()?);
        }
    }
    name.push_str(&String::from_utf16(&units).ok()?);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_rfc_3501() {
        let name = "~peter/mail/台北/日本語";
        assert_eq!(encode_utf7(name), "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
        assert_eq!(
            decode_utf7(b"~peter/mail/&U,BTFw-/&ZeVnLIqe-").unwrap(),
            name
        );
        assert_eq!(encode_utf7("a&b"), "a&-b");
    }

    #[test]
    fn only_the_shortest_spelling_is_taken() {
        for bad in [
            "&AGEAYg-",
            "&Jjo!",
            "&U,BTFw-&ZeVnLIqe-",
            "&",
            "a&b",
            "&-&AGE-",
            "&2D0-",
            "é",
        ] {
            assert_eq!(decode_utf7(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn inbox_has_one_spelling() {
        let name = |wire: &str| MailboxName::decode(wire.as_bytes(), NameForm::Utf7).unwrap();
        assert!(name("iNbOx").is_inbox());
        assert_eq!(name("inbox/Sub").as_str(), "INBOX/Sub");
        assert_eq!(name("inboxes").as_str(), "inboxes");
    }

    #[test]
    fn control_characters_are_no_part_of_a_name() {
        for bad in [&b"a\0b"[..], b"a\rb", b"a\x7fb"] {
            assert!(MailboxName::decode(bad, NameForm::Utf8).is_err());
        }
        assert!(MailboxName::decode(b"\xff", NameForm::Utf8).is_err());
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in "\\PC{0,40}") {
            prop_assert_eq!(decode_utf7(encode_utf7(&name).as_bytes()), Some(name));
        }
    }
}
