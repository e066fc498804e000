//! The DKIM-Signature field, and the bytes that its signature covers.
//!
//! Fields that make a letter what it seems to be are named once more often than they are there, so
//! that nobody can add another one. Start at [`Unsigned`].
//!
//! Standards: RFC 6376 §3.5 (tags), §3.7 (what is hashed), §5.4, §8.15 (fields to sign).

use super::canonical::relaxed_field;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Fields that are signed, present or not.
const SIGNED: [&str; 15] = [
    "From",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Disposition",
    "Content-ID",
    "Content-Description",
];
/// Fields of one name that are signed; a letter with more is not one that a person wrote.
const SAME_NAME_MAX: usize = 10;
/// Characters of a line of the field.
const LINE_MAX: usize = 72;

/// The fields of a header: name and value as they stand there.
///
/// `header` ends before, with or behind the empty line. A line that is no field is left out.
pub fn fields(header: &[u8]) -> Vec<(&[u8], &[u8])> {
    pieces(header).filter_map(name_and_value).collect()
}

/// A field cut at its colon.
pub fn name_and_value(field: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', field)?;
    let (name, value) = field.split_at_checked(colon)?;
    Some((name, value.get(1..)?))
}

/// A header cut where its fields begin; all pieces together are the header.
pub fn pieces(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = header;
    std::iter::from_fn(move || {
        let (piece, later) = rest.split_at_checked(field_length(rest))?;
        rest = later;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Bytes of the first field with its continuation lines and line ends.
fn field_length(header: &[u8]) -> usize {
    let mut length = 0;
    loop {
        let rest = header.get(length..).unwrap_or_default();
        length += memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        if !matches!(header.get(length), Some(b' ' | b'\t')) {
            return length;
        }
    }
}

/// What a signature says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// `rsa-sha256` or `ed25519-sha256`.
    pub algorithm: &'a str,
    /// Who signs.
    pub domain: &'a str,
    /// Which key.
    pub selector: &'a str,
    /// When, in seconds since 1970.
    pub seconds: i64,
    /// The hash of the body in relaxed form.
    pub body_hash: &'a [u8; 32],
}

/// A field whose signature is still to be made.
pub struct Unsigned {
    field: String,
    /// The bytes to be signed.
    pub covered: Vec<u8>,
}

impl Unsigned {
    /// Makes the field for a letter with this header.
    pub fn new(terms: &Terms<'_>, header: &[u8]) -> Self {
        Self::with_head("DKIM-Signature: v=1;", terms, header)
    }

    /// The same with another beginning: seals have fields of the same form (RFC 8617 §4.1.2).
    pub(super) fn with_head(head: &str, terms: &Terms<'_>, header: &[u8]) -> Self {
        let (names, covered) = cover(header);
        let mut field = format!(
            "{head} a={}; c=relaxed/relaxed; d={};\r\n\ts={}; t={};\r\n\th=",
            terms.algorithm, terms.domain, terms.selector, terms.seconds
        );
        fold(&mut field, names.iter().map(String::as_str), ":");
        field.push_str(";\r\n\tbh=");
        field.push_str(&STANDARD.encode(terms.body_hash));
        field.push_str(";\r\n\tb=");
        Self::bare(field, covered)
    }

    /// A field that ends with `b=` and covers these bytes and itself.
    pub(super) fn bare(field: String, mut covered: Vec<u8>) -> Self {
        let (name, value) = field.split_once(':').unwrap_or_default();
        let mut own = relaxed_field(name.as_bytes(), value.as_bytes());
        own.truncate(own.len().saturating_sub(2)); // The field itself is covered without its end.
        covered.append(&mut own);
        Self { field, covered }
    }

    /// The whole field with its line end.
    pub fn signed(self, signature: &[u8]) -> String {
        let Self { mut field, .. } = self;
        let text = STANDARD.encode(signature);
        for (at, piece) in text.as_bytes().chunks(LINE_MAX).enumerate() {
            if at > 0 {
                field.push_str("\r\n\t");
            }
            field.push_str(std::str::from_utf8(piece).unwrap_or_default());
        }
        field.push_str("\r\n");
        field
    }
}

/// The names for `h=`, and the canonical fields that they stand for: the last of a name first (RFC
/// 6376 §5.4.2).
fn cover(header: &[u8]) -> (Vec<String>, Vec<u8>) {
    let fields = fields(header);
    let (mut names, mut covered) = (Vec::new(), Vec::new());
    for name in SIGNED {
        let present = fields
            .iter()
            .rev()
            .filter(|(found, _)| found.trim_ascii_end().eq_ignore_ascii_case(name.as_bytes()));
        for (_, value) in present.take(SAME_NAME_MAX) {
            covered.append(&mut relaxed_field(name.as_bytes(), value));
            names.push(name.to_ascii_lowercase());
        }
        names.push(name.to_ascii_lowercase());
    }
    (names, covered)
}

/// Puts words one behind the other, in lines of bounded length.
fn fold<'a>(field: &mut String, words: impl Iterator<Item = &'a str>, between: &str) {
    let mut length = 2;
    for (at, word) in words.enumerate() {
        if at > 0 {
            field.push_str(between);
            if length + word.len() > LINE_MAX {
                field.push_str("\r\n\t");
                length = 0;
            }
        }
        field.push_str(word);
        length += word.len() + between.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_apart_with_their_folded_lines() {
        let found = fields(b"From: a\r\nTo: b,\r\n c\r\nno field\r\nSubject:\r\n\r\n");
        let names: Vec<&[u8]> = found.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, [&b"From"[..], b"To", b"Subject"]);
        assert_eq!(found.get(1).unwrap().1, b" b,\r\n c\r\n");
    }

    #[test]
    fn every_field_of_a_name_is_covered_from_the_last_and_once_more_than_it_is_there() {
        let (names, covered) = cover(b"To: a\r\nFrom: x\r\nTO: b\r\n");
        let text = names.join(":");
        assert!(text.starts_with("from:from:to:to:to:cc:subject:"), "{text}");
        assert_eq!(covered, b"from:x\r\nto:b\r\nto:a\r\n");
    }

    #[test]
    fn no_line_of_the_field_is_long() {
        let header = [b"To: x\r\n".repeat(10), b"From: a\r\n".to_vec()].concat();
        let terms = Terms {
            algorithm: "rsa-sha256",
            domain: "example.test",
            selector: "20260301r",
            seconds: 1_772_000_000,
            body_hash: &[7; 32],
        };
        let field = Unsigned::new(&terms, &header).signed(&[9; 256]);
        assert!(field.lines().all(|line| line.len() <= 78), "{field}");
        assert!(field.ends_with("\r\n"));
    }
}
