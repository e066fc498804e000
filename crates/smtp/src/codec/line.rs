//! One command line out of received bytes.
//!
//! A line ends in CRLF and in nothing else; a line with a bare CR or LF or a NUL in it is *one* bad
//! line, so that two servers in a row never disagree about how many commands were sent.

/// Octets of a command line with its CRLF.
///
/// RFC 5321 §4.5.3.1.4 asks for 512, and the extensions add up: MAIL with SIZE, BODY, RET, ENVID,
/// AUTH and SMTPUTF8 reaches about 1,700.
pub const COMMAND_BYTES_MAX: usize = 2048;

/// Octets of a line of the AUTH exchange with its CRLF (RFC 4954 §4).
pub const AUTH_BYTES_MAX: usize = 12_288;

/// What stands at the front of the received bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A whole line without its CRLF, and how many bytes it took.
    Whole(&'a [u8], usize),
    /// A line that must not be looked at: it holds a bare CR or LF or a NUL. How many bytes it
    /// took.
    Damaged(usize),
    /// Longer than allowed, and not even ended yet; the bytes so far are to be dropped until
    /// [`skip`] finds its end.
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
    if taken > bytes_max {
        return Line::Damaged(taken);
    }
    match bytes.get(..at).and_then(|line| line.strip_suffix(b"\r")) {
        Some(line) if memchr::memchr2(b'\r', 0, line).is_none() => Line::Whole(line, taken),
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
        assert_eq!(take(b"NOOP\r\nQUIT\r\n", 100), Line::Whole(b"NOOP", 6));
        assert_eq!(take(b"NOOP\nQUIT\r\n", 100), Line::Damaged(5));
        assert_eq!(take(b"NOOP\r", 100), Line::Partial);
        assert_eq!(take(b"NO\rOP\r\n", 100), Line::Damaged(7));
        assert_eq!(take(b"NO\0OP\r\n", 100), Line::Damaged(7));
    }

    #[test]
    fn a_line_without_an_end_is_given_up_at_the_limit() {
        assert_eq!(take(&[b'x'; 99], 100), Line::Partial);
        assert_eq!(take(&[b'x'; 100], 100), Line::TooLong(100));
        assert_eq!(skip(b"xxx\r\nNOOP\r\n"), (5, true));
        assert_eq!(skip(b"xxx"), (3, false));
    }

    #[test]
    fn an_ended_line_over_the_limit_is_refused_whole() {
        assert_eq!(take(b"NOOP xxxxxxxxxxx\r\n", 10), Line::Damaged(18));
    }
}
