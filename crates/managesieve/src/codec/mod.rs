//! Bytes ⇄ typed values: words of a command out of lines and literals, and strings of replies.
//!
//! Start at [`frame::Frame`] and [`command::parse`]. Source: RFC 5804 §4 (grammar).

pub mod command;
pub mod frame;

/// Appends a string: quoted where that can hold it, else as a literal. Source: RFC 5804 §4.
pub fn write_text(out: &mut Vec<u8>, text: &[u8]) {
    let fits = text.len() <= QUOTED_BYTES_MAX
        && std::str::from_utf8(text).is_ok()
        && !text.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
    if !fits {
        out.extend_from_slice(format!("{{{}}}\r\n", text.len()).as_bytes());
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// Octets of a quoted string (RFC 5804 §4).
const QUOTED_BYTES_MAX: usize = 1024;
