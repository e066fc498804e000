//! Letters that scripts write: replies, notifications, parts in the place of others.
//!
//! What goes into a header is made harmless: it never ends its line.
//!
//! Standards: RFC 5322, RFC 2045 §6 (transfer encodings), RFC 2047 (encoded words).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use formats::date::Date;
use store::id::Timestamp;

/// Bytes in an encoded word, so that it stays below 75 characters (RFC 2047 §2).
const WORD_BYTES_MAX: usize = 42;
/// Characters of base64 in a line (RFC 2045 §6.8).
const LINE_CHARS: usize = 76;
/// Bytes of a line that any server takes as it is (RFC 5322 §2.1.1).
const PLAIN_LINE_BYTES_MAX: usize = 990;

/// One field with its line end; what is not ASCII becomes encoded words.
pub(super) fn field(name: &str, value: &str) -> String {
    let value: String = value
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let value = value.trim();
    if value.is_ascii() && value.len() < PLAIN_LINE_BYTES_MAX {
        return format!("{name}: {value}\r\n");
    }
    format!("{name}: {}\r\n", encoded_words(value).join("\r\n "))
}

/// A field that holds addresses: only names are encoded.
pub(super) fn address_field(name: &str, address: &str) -> String {
    match address.rsplit_once('<') {
        Some((person, rest)) if !person.is_ascii() => {
            let person = person.trim().trim_matches('"');
            let rest: String = rest.chars().filter(|c| !c.is_control()).collect();
            format!(
                "{name}: {}\r\n <{rest}\r\n",
                encoded_words(person).join("\r\n ")
            )
        }
        _ => {
            let address: String = address.chars().filter(|c| !c.is_control()).collect();
            format!("{name}: {address}\r\n")
        }
    }
}

fn encoded_words(text: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    for character in text.chars() {
        if word.len() + character.len_utf8() > WORD_BYTES_MAX {
            words.push(std::mem::take(&mut word));
        }
        word.push(character);
    }
    words.push(word);
    words
        .iter()
        .map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word)))
        .collect()
}

/// A text part with its header and empty line.
pub(super) fn text_part(text: &str) -> Vec<u8> {
    let text = crlf(text);
    let is_plain = text.is_ascii()
        && text
            .split("\r\n")
            .all(|line| line.len() < PLAIN_LINE_BYTES_MAX);
    let mut part = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n".to_vec();
    if is_plain {
        part.extend_from_slice(b"Content-Transfer-Encoding: 7bit\r\n\r\n");
        part.extend_from_slice(text.as_bytes());
        return part;
    }
    part.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n\r\n");
    for line in STANDARD.encode(&text).as_bytes().chunks(LINE_CHARS) {
        part.extend_from_slice(line);
        part.extend_from_slice(b"\r\n");
    }
    part
}

/// Every line ends in CRLF.
fn crlf(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    for line in text.lines() {
        out.push_str(line);
        out.push_str("\r\n");
    }
    out
}

/// `Date:` with its line end.
pub(super) fn date(now: Timestamp) -> String {
    let date = Date {
        seconds: now.seconds(),
        zone_minutes: 0,
    };
    format!("Date: {date}\r\n")
}

/// `Message-ID:` with its line end: the same for the same letter, so that a second try is known as
/// one.
pub(super) fn message_id(words: &[&str], hostname: &str) -> String {
    let super::Mark(mark) = super::Mark::of("message id", words);
    let number = mark
        .iter()
        .fold(0_u128, |number, &byte| number << 8 | u128::from(byte));
    format!("Message-ID: <{number:024x}@{hostname}>\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use formats::message::{Summary, encoded_word};

    #[test]
    fn a_field_cannot_begin_another() {
        assert_eq!(
            field("Subject", "a\r\nBcc: b@c.test"),
            "Subject: a  Bcc: b@c.test\r\n"
        );
        assert_eq!(
            address_field("From", "a@b.test\r\nBcc: x"),
            "From: a@b.testBcc: x\r\n"
        );
    }

    #[test]
    fn words_beyond_ascii_are_read_back() {
        let text = "Grüße aus der Übergangszeit, in der alles länger dauert als gewöhnlich";
        let line = field("Subject", text);
        assert!(line.is_ascii() && line.lines().all(|line| line.len() < 78));
        assert_eq!(
            encoded_word::decode(line.strip_prefix("Subject:").unwrap().as_bytes()).trim(),
            text
        );
    }

    #[test]
    fn a_text_is_read_back() {
        for text in ["plain\nlines\n", "Grüße\r\n"] {
            let part = text_part(text);
            let summary = Summary::of(&part);
            assert_eq!(
                summary.preview.split_whitespace().count(),
                text.split_whitespace().count()
            );
        }
    }
}
