//! Replies of the other server, line by line, within bounds.
//!
//! Start at [`Reader::take`].
//!
//! Sources: RFC 5321 §4.2 (form, several lines), RFC 2034 §4 (enhanced codes).

use engine::queue::{Reason, Status};

/// Bytes of one line. The standard says 512; some write longer ones.
const LINE_BYTES_MAX: usize = 4 * 1024;
/// Lines of one reply. Answers to EHLO have about 20.
const LINES_MAX: usize = 200;
/// Bytes of a reply that are shown to people.
const SHOWN_BYTES_MAX: usize = 1_000;

/// One reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Three digits, 200 … 599.
    pub code: u16,
    /// The texts behind the code, without line ends.
    pub lines: Vec<String>,
}

/// The other server does not speak as it must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// Collects bytes until a reply is whole.
#[derive(Debug, Default)]
pub struct Reader {
    line: Vec<u8>,
    begun: Option<Reply>,
}

impl Reader {
    /// Takes bytes up to the end of the next reply: how many, and the reply if it is whole.
    ///
    /// A line may end in a bare LF: replies are not letters, and some servers are careless.
    /// Errors: [`Malformed`]; then nothing that follows can be trusted.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(usize, Option<Reply>), Malformed> {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            let Some(at) = memchr::memchr(b'\n', rest) else {
                self.keep(rest)?;
                return Ok((bytes.len(), None));
            };
            self.keep(rest.get(..at).unwrap_or_default())?;
            taken += at + 1;
            if let Some(reply) = self.line()? {
                return Ok((taken, Some(reply)));
            }
        }
        Ok((taken, None))
    }

    /// Forgets what has come of a reply.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        if self.line.len() + bytes.len() > LINE_BYTES_MAX {
            return Err(Malformed);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// A line is whole; the answer is the reply if that was its last.
    fn line(&mut self) -> Result<Option<Reply>, Malformed> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        let (digits, rest) = line.split_at_checked(3).ok_or(Malformed)?;
        let code = code(digits).ok_or(Malformed)?;
        let (is_last, text) = match rest.split_first() {
            None => (true, rest),
            Some((b' ', text)) => (true, text),
            Some((b'-', text)) => (false, text),
            Some(_) => return Err(Malformed),
        };
        let mut reply = self.begun.take().unwrap_or(Reply {
            code,
            lines: Vec::new(),
        });
        if reply.code != code || reply.lines.len() >= LINES_MAX {
            return Err(Malformed);
        }
        reply.lines.push(String::from_utf8_lossy(text).into_owned());
        if is_last {
            return Ok(Some(reply));
        }
        self.begun = Some(reply);
        Ok(None)
    }
}

fn code(digits: &[u8]) -> Option<u16> {
    let [
        first @ b'2'..=b'5',
        second @ b'0'..=b'9',
        third @ b'0'..=b'9',
    ] = digits
    else {
        return None;
    };
    let digit = |byte: &u8| u16::from(byte - b'0');
    Some(digit(first) * 100 + digit(second) * 10 + digit(third))
}

impl Reply {
    /// True for 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// True for 5xx: trying again leads to the same.
    pub fn is_permanent(&self) -> bool {
        self.code >= 500
    }

    /// The status: as the reply says, if it fits its code, otherwise as the code says.
    pub fn status(&self) -> Status {
        let class = match self.code {
            200..=399 => 2,
            400..=499 => 4,
            _ => 5,
        };
        let said = self.lines.last().and_then(|line| Status::take(line));
        match said {
            Some((status, _)) if status.class == class => status,
            _ => Status::new(class, 0, 0).with_subject_of(self.code),
        }
    }

    /// The whole reply in one line, code first, an enhanced code once.
    pub fn text(&self) -> String {
        let mut text = self.code.to_string();
        let mut known = None;
        for line in &self.lines {
            let (status, rest) = match Status::take(line) {
                Some((status, rest)) => (Some(status), rest),
                None => (None, line.as_str()),
            };
            let shown = if status.is_some() && status == known {
                rest
            } else {
                line
            };
            known = status.or(known);
            if !shown.is_empty() {
                text.push(' ');
                text.extend(shown.chars().map(|c| if c.is_control() { ' ' } else { c }));
            }
            if text.len() > SHOWN_BYTES_MAX {
                break;
            }
        }
        text
    }

    /// The same as a reason.
    pub fn reason(&self) -> Reason {
        Reason {
            status: self.status(),
            reply: Some(self.text()),
        }
    }
}

/// What an old code says in the terms of the new ones.
trait Subject {
    fn with_subject_of(self, code: u16) -> Self;
}

impl Subject for Status {
    fn with_subject_of(self, code: u16) -> Self {
        let (subject, detail) = match code % 100 {
            21 => (3, 2),                // Closing.
            50 | 51 | 53 => (1, 0),      // About the mailbox.
            52 => (2, 2),                // Room.
            30 | 34 | 35 | 38 => (7, 0), // Sign-in and policy.
            0..=4 => (5, 0),             // Syntax and order.
            _ => (0, 0),
        };
        Self::new(self.class, subject, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<Reply>, Malformed> {
        let (mut reader, mut replies, mut rest) = (Reader::default(), Vec::new(), bytes);
        while !rest.is_empty() {
            let (taken, reply) = reader.take(rest)?;
            replies.extend(reply);
            rest = &rest[taken..];
        }
        Ok(replies)
    }

    #[test]
    fn a_reply_of_several_lines_is_one() {
        let replies = all(b"250-mx greets\r\n250-SIZE 10\r\n250 DSN\r\n550 5.1.1 no\r\n").unwrap();
        assert_eq!(replies[0].lines, ["mx greets", "SIZE 10", "DSN"]);
        assert_eq!(replies[1].status(), Status::new(5, 1, 1));
        assert_eq!(replies[1].text(), "550 5.1.1 no");
    }

    #[test]
    fn a_reply_may_come_byte_by_byte() {
        let mut reader = Reader::default();
        let mut last = None;
        for byte in b"220 ready\r\n" {
            last = reader.take(&[*byte]).unwrap().1;
        }
        assert_eq!(last.unwrap().code, 220);
    }

    #[test]
    fn what_is_no_reply_is_told() {
        for bytes in [
            &b"hello\r\n"[..],
            b"2x0 a\r\n",
            b"199 a\r\n",
            b"250_a\r\n",
            b"250-a\r\n251 b\r\n",
            b"25\r\n",
        ] {
            assert_eq!(all(bytes), Err(Malformed), "{bytes:?}");
        }
        assert_eq!(all(&[b'2'; 5_000]), Err(Malformed));
        assert_eq!(all(&b"250-x\r\n".repeat(300)), Err(Malformed));
    }

    #[test]
    fn a_status_that_contradicts_its_code_is_not_believed() {
        let replies = all(b"550 2.0.0 no\r\n452 full\r\n").unwrap();
        assert_eq!(replies[0].status(), Status::new(5, 1, 0));
        assert_eq!(replies[1].status(), Status::new(4, 2, 2));
    }

    #[test]
    fn a_long_refusal_is_one_line_with_its_status_once() {
        let replies = all(b"550-5.7.1 not\r\n550-5.7.1 for\x07you\r\n550 5.7.1\r\n").unwrap();
        assert_eq!(replies[0].text(), "550 5.7.1 not for you");
    }
}
