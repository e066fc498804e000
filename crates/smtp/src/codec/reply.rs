//! Replies on the wire.
//!
//! Source: RFC 5321 §4.2 (codes and lines), RFC 2034 §4 and RFC 3463 (enhanced codes).

/// One reply of one line: code, enhanced code, text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// Three digits.
    pub code: u16,
    /// `2.1.0`; empty where RFC 2034 §4 forbids one (greetings, 3xx).
    pub enhanced: &'static str,
    /// For people; ASCII without line ends.
    pub text: &'static str,
}

impl Reply {
    /// A reply; a `const`, so that all wording stands in tables.
    pub const fn new(code: u16, enhanced: &'static str, text: &'static str) -> Self {
        Self {
            code,
            enhanced,
            text,
        }
    }

    /// Appends the line.
    pub fn write(&self, out: &mut Vec<u8>) {
        line(out, self.code, self.enhanced, &[self.text]);
    }

    /// True for 4xx and 5xx.
    pub fn is_refusal(&self) -> bool {
        self.code >= 400
    }
}

/// Appends one line whose text comes in parts.
pub fn line(out: &mut Vec<u8>, code: u16, enhanced: &str, text: &[&str]) {
    out.extend_from_slice(code.to_string().as_bytes());
    if !enhanced.is_empty() {
        out.push(b' ');
        out.extend_from_slice(enhanced.as_bytes());
    }
    out.push(b' ');
    for part in text {
        out.extend_from_slice(part.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends a refusal in someone's own words, which may have many lines; what would end a line early
/// is dropped, and the rest after [`PARAGRAPH_BYTES_MAX`].
pub fn paragraph(out: &mut Vec<u8>, code: u16, enhanced: &str, text: &str) {
    let end = text.floor_char_boundary(PARAGRAPH_BYTES_MAX);
    let lines = text
        .get(..end)
        .unwrap_or_default()
        .lines()
        .map(str::trim_end);
    let lines: Vec<String> = lines
        .filter(|line| !line.is_empty())
        .map(|line| line.chars().filter(|c| matches!(c, ' '..='~')).collect())
        .collect();
    let lines = if lines.is_empty() {
        vec!["Refused".to_owned()]
    } else {
        lines
    };
    for (at, text) in lines.iter().enumerate() {
        let separator = if at + 1 == lines.len() { ' ' } else { '-' };
        // A reply's line has 512 octets at most (RFC 5321 §4.5.3.1.5).
        let text = text.get(..text.len().min(480)).unwrap_or_default();
        out.extend_from_slice(format!("{code}{separator}{enhanced} {text}\r\n").as_bytes());
    }
}

/// Bytes of a refusal in someone's own words.
const PARAGRAPH_BYTES_MAX: usize = 2048;

/// Appends a reply of many lines without enhanced codes, as EHLO's.
pub fn lines(out: &mut Vec<u8>, code: u16, texts: &[String]) {
    for (at, text) in texts.iter().enumerate() {
        let separator = if at + 1 == texts.len() { ' ' } else { '-' };
        out.extend_from_slice(format!("{code}{separator}{text}\r\n").as_bytes());
    }
}
