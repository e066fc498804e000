//! One command line out of received bytes. Only CRLF ends a line; what holds a bare CR or LF or a
//! NUL is one bad line.

/// Octets of a command line with its CRLF (RFC 2449 §4).
pub const COMMAND_BYTES_MAX: usize = 255;

/// Octets of a line that carries a SASL message or a password (RFC 5034 §4 asks for what the
/// mechanism needs).
pub const AUTH_BYTES_MAX: usize = 12_288;

/// What stands at the front of the received bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A whole line without its CRLF, and how many bytes it took.
    Whole(&'a [u8], usize),
    /// A line that must not be looked at; how many bytes it took.
    Damaged(usize),
    /// Longer than allowed and not ended yet; how many bytes to drop now.
    TooLong(usize),
    /// More bytes are needed.
    Partial,
}

/// Takes the first line of `bytes`.
pub fn take(bytes: &[u8], bytes_max: usize) -> Line<'_> {
    let Some(at) = memchr::memchr(b'\n', bytes) else {
        return if bytes.len() >= bytes_max {
            Line::TooLong(bytes.len())
        } else {
            Line::Partial
        };
    };
    let taken = at + 1;
    match bytes.get(..at).and_then(|line| line.strip_suffix(b"\r")) {
        Some(line) if taken <= bytes_max && memchr::memchr2(b'\r', 0, line).is_none() => {
            Line::Whole(line, taken)
        }
        _ => Line::Damaged(taken),
    }
}

/// Drops the rest of a line that was too long: how many bytes to drop, and whether its end was
/// among them.
pub fn skip(bytes: &[u8]) -> (usize, bool) {
    match memchr::memchr(b'\n', bytes) {
        Some(at) => (at + 1, true),
        None => (bytes.len(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_crlf_ends_a_line() {
        assert_eq!(take(b"STAT\r\nQUIT\r\n", 100), Line::Whole(b"STAT", 6));
        assert_eq!(take(b"STAT\nQUIT\r\n", 100), Line::Damaged(5));
        assert_eq!(take(b"ST\rAT\r\n", 100), Line::Damaged(7));
        assert_eq!(take(b"STAT\r", 100), Line::Partial);
        assert_eq!(take(b"STAT xxxxxxxx\r\n", 10), Line::Damaged(15));
        assert_eq!(take(&[b'x'; 100], 100), Line::TooLong(100));
        assert_eq!(skip(b"x\r\nSTAT"), (3, true));
    }
}
