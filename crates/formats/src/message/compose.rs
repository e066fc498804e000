//! Letters as they are written: header fields, transfer encodings, parts within parts.
//!
//! Never invents anything: message ids, dates and boundaries are the caller's, so that the same
//! letter is always written as the same bytes. Long contents are not copied: a letter is a list of
//! [`Piece`]s, some of which stand for content that is encoded only when the bytes are wanted.
//!
//! Start at [`Composer`] for the parts of a letter and at [`HeaderWriter`] for fields;
//! [`transfer`] encodes bodies.
//!
//! Standards: RFC 5322 §2.2.3 (folding), RFC 2045 §6 (transfer encodings), RFC 2046 §5.1
//! (multipart), RFC 2047 (encoded words), RFC 2231 (parameters).

mod field;
pub mod transfer;

pub use field::{Address, HeaderWriter};

/// A stretch of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<C> {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The content in base64, without a line end behind its last line.
    Base64(C),
    /// The content as it is.
    Verbatim(C),
}

/// What stands in a part that has no parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body<C> {
    /// A text with CRLF line ends, encoded as it needs it.
    Text(Vec<u8>),
    /// Anything, in base64.
    Base64(C),
    /// Something that must not be changed; the caller has said in the header how it is encoded.
    Verbatim(C),
}

/// What the next part lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Open {
    Multipart { boundary: String, is_empty: bool },
    Message,
}

/// Puts a letter together, part by part.
#[derive(Clone, Debug)]
pub struct Composer<C> {
    pieces: Vec<Piece<C>>,
    /// What all boundaries begin with.
    boundary: String,
    boundaries: u32,
    open: Vec<Open>,
}

impl<C> Composer<C> {
    /// Begins a letter. `boundary` must not stand in any content and is made of letters and digits;
    /// boundaries also hold `=_`, which no encoded text does.
    pub fn new(boundary: &str) -> Self {
        let usable = boundary.chars().filter(char::is_ascii_alphanumeric);
        Self {
            pieces: Vec::new(),
            boundary: usable.take(40).collect(),
            boundaries: 0,
            open: Vec::new(),
        }
    }

    /// Begins a part with parts in it, up to [`Composer::end`]. `subtype` may have parameters
    /// behind it: `report; report-type=delivery-status`.
    pub fn begin_multipart(&mut self, mut header: HeaderWriter, subtype: &str) {
        self.delimit();
        self.boundaries = self.boundaries.saturating_add(1);
        let boundary = format!("=_{}_{}", self.boundary, self.boundaries);
        header.value(
            "Content-Type",
            &format!("multipart/{subtype}"),
            &[("boundary", &boundary)],
        );
        self.put_header(header);
        self.open.push(Open::Multipart {
            boundary,
            is_empty: true,
        });
    }

    /// Begins an enclosed letter, up to [`Composer::end`]; the next part is its top.
    pub fn begin_message(&mut self, mut header: HeaderWriter) {
        self.delimit();
        header.value("Content-Type", "message/rfc822", &[]);
        self.put_header(header);
        self.open.push(Open::Message);
    }

    /// A part without parts. Content-Transfer-Encoding is added unless the body is verbatim.
    pub fn leaf(&mut self, mut header: HeaderWriter, body: Body<C>) {
        self.delimit();
        match body {
            Body::Text(text) => {
                let encoding = transfer::Encoding::for_text(&text);
                header.structured("Content-Transfer-Encoding", encoding.name());
                self.put_header(header);
                self.put(encoding.encode(text));
            }
            Body::Base64(content) => {
                header.structured("Content-Transfer-Encoding", "base64");
                self.put_header(header);
                self.pieces.push(Piece::Base64(content));
            }
            Body::Verbatim(content) => {
                self.put_header(header);
                self.pieces.push(Piece::Verbatim(content));
            }
        }
    }

    /// A part of which header, empty line and body stand in `content` already.
    pub fn entity(&mut self, header: HeaderWriter, content: C) {
        self.delimit();
        self.put(header.finish());
        self.pieces.push(Piece::Verbatim(content));
    }

    /// Ends what was begun last.
    pub fn end(&mut self) {
        if let Some(Open::Multipart { boundary, is_empty }) = self.open.pop() {
            // A multipart without parts is not allowed; an empty text stands there instead.
            let missing = if is_empty {
                format!("--{boundary}\r\n\r\n")
            } else {
                String::new()
            };
            self.put(format!("{missing}\r\n--{boundary}--\r\n").into_bytes());
        }
    }

    /// The whole letter; it ends with a line end.
    pub fn finish(mut self) -> Vec<Piece<C>> {
        while !self.open.is_empty() {
            self.end();
        }
        let is_ended = match self.pieces.last() {
            Some(Piece::Bytes(bytes)) => bytes.ends_with(b"\r\n"),
            Some(Piece::Base64(_)) => false,
            // Its bytes are not to be touched.
            Some(Piece::Verbatim(_)) | None => true,
        };
        if !is_ended {
            self.put(b"\r\n".to_vec());
        }
        self.pieces
    }

    /// Separates a part from the one before it.
    fn delimit(&mut self) {
        if let Some(Open::Multipart { boundary, is_empty }) = self.open.last_mut() {
            // The line end before a boundary belongs to it (RFC 2046 §5.1.1); before the first
            // stands the header's own.
            let line_end = if std::mem::take(is_empty) { "" } else { "\r\n" };
            let delimiter = format!("{line_end}--{boundary}\r\n");
            self.put(delimiter.into_bytes());
        }
    }

    fn put_header(&mut self, header: HeaderWriter) {
        self.put(header.finish());
        self.put(b"\r\n".to_vec());
    }

    /// Neighbouring bytes are one piece.
    fn put(&mut self, bytes: Vec<u8>) {
        if let Some(Piece::Bytes(last)) = self.pieces.last_mut() {
            last.extend_from_slice(&bytes);
        } else {
            self.pieces.push(Piece::Bytes(bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::PartKind::{Leaf, Message, Multipart};

    fn written(composer: Composer<&'static [u8]>) -> String {
        let mut bytes = Vec::new();
        for piece in composer.finish() {
            match piece {
                Piece::Bytes(more) => bytes.extend(more),
                Piece::Verbatim(more) => bytes.extend_from_slice(more),
                Piece::Base64(content) => {
                    let mut encoder = transfer::Base64Lines::default();
                    encoder.push(content, &mut bytes);
                    encoder.finish(&mut bytes);
                }
            }
        }
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn parts_stand_between_their_boundaries() {
        let mut composer = Composer::new("b");
        let mut header = HeaderWriter::default();
        header.text("Subject", "x");
        composer.begin_multipart(header, "mixed");
        let mut text = HeaderWriter::default();
        text.value("Content-Type", "text/plain", &[("charset", "us-ascii")]);
        composer.leaf(text, Body::Text(b"Hello\r\n".to_vec()));
        let mut file = HeaderWriter::default();
        file.value("Content-Type", "application/x", &[("name", "a b")]);
        composer.leaf(file, Body::Base64(b"\0\x01\x02\x03".as_slice()));
        composer.end();
        let wanted = "Subject: x\r\nContent-Type: multipart/mixed; boundary=\"=_b_1\"\r\n\r\n\
            --=_b_1\r\nContent-Type: text/plain; charset=us-ascii\r\n\
            Content-Transfer-Encoding: 7bit\r\n\r\nHello\r\n\r\n\
            --=_b_1\r\nContent-Type: application/x; name=\"a b\"\r\n\
            Content-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n--=_b_1--\r\n";
        assert_eq!(written(composer), wanted);
    }

    #[test]
    fn a_letter_may_stand_in_a_letter() {
        let mut composer = Composer::new("b");
        composer.begin_multipart(HeaderWriter::default(), "mixed");
        composer.begin_message(HeaderWriter::default());
        let mut inner = HeaderWriter::default();
        inner.text("Subject", "inner");
        composer.leaf(inner, Body::Text(b"x".to_vec()));
        composer.end();
        let letter = written(composer);
        let summary = crate::message::Summary::of(letter.as_bytes());
        let kinds: Vec<_> = summary.parts.iter().map(|part| part.kind).collect();
        assert_eq!(kinds, [Multipart, Message, Leaf]);
        assert!(letter.contains("\r\n\r\nSubject: inner\r\n"));
    }

    #[test]
    fn a_multipart_has_at_least_one_part() {
        let mut composer: Composer<&[u8]> = Composer::new("b");
        composer.begin_multipart(HeaderWriter::default(), "mixed");
        composer.end();
        let letter = written(composer);
        assert_eq!(
            crate::message::Summary::of(letter.as_bytes()).parts.len(),
            2
        );
    }
}
