//! The stream within a response: signs of life, then headers that came too late, then the body.
//!
//! Start at [`done`]; [`Framed::read`] is the client's side.
//!
//! Source: [MS-OXCMAPIHTTP] 2.2.2.2 and 2.2.7.

use super::header::{ResponseCode, name};
use crate::codec::wire::Malformed;

/// First of all, at once.
pub const PROCESSING: &[u8] = b"PROCESSING\r\n";
/// Once in each pending period, while the work goes on.
pub const PENDING: &[u8] = b"PENDING\r\n";
const DONE: &[u8] = b"DONE\r\n";

/// What stands before the body once the work is done.
///
/// `start` is a date as in HTTP headers; `code` is told again only where it
/// differs from that of the HTTP header.
pub fn done(elapsed_milliseconds: u64, start: &str, code: ResponseCode) -> Vec<u8> {
    let mut head = DONE.to_vec();
    let mut line = |name: &str, value: &str| {
        head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    };
    line(name::ELAPSED_TIME, &elapsed_milliseconds.to_string());
    line(name::START_TIME, start);
    if code != ResponseCode::Success {
        line(name::RESPONSE_CODE, &code.to_string());
        line("Content-Type", "text/html");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// A response taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Framed<'a> {
    /// Signs of life after the first.
    pub pending_count: usize,
    /// Headers behind `DONE`.
    pub headers: Vec<(&'a str, &'a str)>,
    /// The rest.
    pub body: &'a [u8],
}

/// Headers behind `DONE` that are read: the protocol has four.
const HEADERS_MAX: usize = 16;

impl<'a> Framed<'a> {
    /// Takes a whole response apart.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut rest = bytes.strip_prefix(PROCESSING).unwrap_or(bytes);
        let mut pending_count = 0;
        while let Some(next) = rest.strip_prefix(PENDING) {
            rest = next;
            pending_count += 1;
        }
        rest = rest.strip_prefix(DONE).ok_or(Malformed::Truncated)?;
        let mut headers = Vec::new();
        for _ in 0..=HEADERS_MAX {
            let (line, next) = line(rest)?;
            rest = next;
            if line.is_empty() {
                return Ok(Self {
                    pending_count,
                    headers,
                    body: rest,
                });
            }
            let (name, value) = line.split_once(':').ok_or(Malformed::Length)?;
            headers.push((name, value.trim()));
        }
        Err(Malformed::Budget)
    }
}

fn line(bytes: &[u8]) -> Result<(&str, &[u8]), Malformed> {
    let end = bytes.windows(2).position(|two| two == b"\r\n");
    let (line, rest) = bytes.split_at(end.ok_or(Malformed::Truncated)?);
    let line = str::from_utf8(line).map_err(|_| Malformed::Length)?;
    Ok((line, rest.get(2..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_taken_apart_as_it_was_put_together() {
        let date = "Wed, 18 Nov 2026 10:15:30 GMT";
        let head = done(12, date, ResponseCode::Success);
        assert_eq!(
            head,
            b"DONE\r\nX-ElapsedTime: 12\r\nX-StartTime: Wed, 18 Nov 2026 10:15:30 GMT\r\n\r\n"
        );
        // The length that the reference's worked exchange counts.
        assert_eq!(head.len(), 71);
        let all = [PROCESSING, PENDING, PENDING, &head, b"body\r\n"].concat();
        let framed = Framed::read(&all).unwrap();
        assert_eq!(framed.pending_count, 2);
        assert_eq!(
            framed.headers,
            [("X-ElapsedTime", "12"), ("X-StartTime", date)]
        );
        assert_eq!(framed.body, b"body\r\n");
    }

    #[test]
    fn a_late_failure_is_told_behind_done() {
        let all = done(1, "x", ResponseCode::UnknownFailure);
        let framed = Framed::read(&all).unwrap();
        assert!(framed.headers.contains(&("X-ResponseCode", "1")));
        assert!(framed.headers.contains(&("Content-Type", "text/html")));
    }

    #[test]
    fn a_response_without_an_end_is_refused() {
        assert_eq!(
            Framed::read(b"PROCESSING\r\nDONE\r\nX: 1\r\n"),
            Err(Malformed::Truncated)
        );
        assert_eq!(Framed::read(b"PROCESSING\r\n"), Err(Malformed::Truncated));
    }
}
