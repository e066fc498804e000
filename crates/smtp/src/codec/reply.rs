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

/// Appends a reply of many lines without enhanced codes, as EHLO's.
pub fn lines(out: &mut Vec<u8>, code: u16, texts: &[String]) {
    for (at, text) in texts.iter().enumerate() {
        let separator = if at + 1 == texts.len() { ' ' } else { '-' };
        out.extend_from_slice(format!("{code}{separator}{text}\r\n").as_bytes());
    }
}
