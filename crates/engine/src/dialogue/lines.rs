//! Lines out of received bytes.
//!
//! A line ends in CRLF and in nothing else; a line with a bare CR or LF or a NUL in it is *one* bad
//! line, so that two servers in a row never disagree about how many commands were sent. Never keeps
//! a byte: what is not taken is offered again, and the rest of a line that is too long is dropped
//! as it comes.
//!
//! Start at [`Lines::take`].

/// Octets of a line that carries a message of a sign-in, with its CRLF (RFC 4954 §4).
pub const SIGN_IN_BYTES_MAX: usize = 12_288;

/// Octets that the command at the front of `bytes` may have: `bytes_max`, or more if it begins with
/// one of these words, which carry a message of a sign-in.
pub fn command_bytes_max(bytes: &[u8], bytes_max: usize, long: &[&[u8]]) -> usize {
    let begins_with = |word: &&[u8]| {
        let start = bytes.get(..word.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    if long.iter().any(begins_with) {
        SIGN_IN_BYTES_MAX
    } else {
        bytes_max
    }
}

/// What stands at the front of the received bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// A whole line without its CRLF.
    Whole(&'a [u8]),
    /// A line that must not be looked at: it was too long, or holds a bare CR or LF or a NUL.
    Damaged,
    /// More bytes are needed.
    Partial,
}

/// Cuts lines.
#[derive(Debug, Default)]
pub struct Lines {
    /// The start of the line was too long already; its end is still to come.
    is_dropping: bool,
}

impl Lines {
    /// Looks for a line of at most `bytes_max` octets, its CRLF included, at the front of `bytes`;
    /// also says how many of them are done with.
    pub fn take<'a>(&mut self, bytes: &'a [u8], bytes_max: usize) -> (usize, Line<'a>) {
        let Some(at) = memchr::memchr(b'\n', bytes) else {
            self.is_dropping |= bytes.len() >= bytes_max;
            let taken = if self.is_dropping { bytes.len() } else { 0 };
            return (taken, Line::Partial);
        };
        let taken = at + 1;
        let was_dropping = std::mem::take(&mut self.is_dropping);
        if was_dropping || taken > bytes_max {
            return (taken, Line::Damaged);
        }
        match bytes.get(..at).and_then(|line| line.strip_suffix(b"\r")) {
            Some(line) if memchr::memchr2(b'\r', 0, line).is_none() => (taken, Line::Whole(line)),
            _ => (taken, Line::Damaged),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn first(bytes: &[u8], bytes_max: usize) -> (usize, Line<'_>) {
        Lines::default().take(bytes, bytes_max)
    }

    #[test]
    fn only_crlf_ends_a_line() {
        assert_eq!(first(b"NOOP\r\nQUIT\r\n", 100), (6, Line::Whole(b"NOOP")));
        assert_eq!(first(b"NOOP\nQUIT\r\n", 100), (5, Line::Damaged));
        assert_eq!(first(b"NOOP\r", 100), (0, Line::Partial));
        assert_eq!(first(b"NO\rOP\r\n", 100), (7, Line::Damaged));
        assert_eq!(first(b"NO\0OP\r\n", 100), (7, Line::Damaged));
    }

    #[test]
    fn a_line_without_an_end_is_dropped_from_the_limit_on() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(&[b'x'; 99], 100), (0, Line::Partial));
        assert_eq!(lines.take(&[b'x'; 100], 100), (100, Line::Partial));
        assert_eq!(lines.take(b"xxx", 100), (3, Line::Partial));
        assert_eq!(lines.take(b"xxx\r\nNOOP\r\n", 100), (5, Line::Damaged));
        assert_eq!(lines.take(b"NOOP\r\n", 100), (6, Line::Whole(b"NOOP")));
    }

    #[test]
    fn an_ended_line_over_the_limit_is_refused_whole() {
        assert_eq!(first(b"NOOP xxxxxxxxxxx\r\n", 10), (18, Line::Damaged));
    }

    proptest! {
        #[test]
        fn however_bytes_are_cut_there_are_as_many_lines(
            text in "[ab\r\n\0]{0,60}", size in 1_usize..20,
        ) {
            let run = |size: usize| {
                let (mut lines, mut held, mut found) = (Lines::default(), Vec::new(), Vec::new());
                for piece in text.as_bytes().chunks(size) {
                    held.extend_from_slice(piece);
                    while !held.is_empty() {
                        let (taken, line) = lines.take(&held, 10);
                        match line {
                            Line::Whole(line) => found.push(Some(line.to_vec())),
                            Line::Damaged => found.push(None),
                            Line::Partial => {}
                        }
                        held.drain(..taken);
                        if taken == 0 {
                            break;
                        }
                    }
                }
                found
            };
            prop_assert_eq!(run(size), run(usize::MAX));
        }
    }
}
