//! Words of one command, which may go over several lines with literals between them.
//!
//! Keeps what was received of a command until it is whole, within the bound that the caller sets;
//! of a literal that is too long nothing is kept.
//!
//! Start at [`Frame::take`]. Source: RFC 5804 §4.

use engine::dialogue::lines::{Line, Lines, SIGN_IN_BYTES_MAX};

/// Words of one command; none takes more than three.
const WORDS_MAX: usize = 8;
/// A literal that is longer than this is not even passed over: the connection ends.
pub const SKIPPED_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// A name without quotes.
    Atom(String),
    /// A number.
    Number(u64),
    /// A string, quoted or literal.
    Text(Vec<u8>),
}

/// What came of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Framed {
    /// More are needed.
    Partial,
    /// A command.
    Whole(Vec<Word>),
    /// Something that is none; what belonged to it is passed over.
    Damaged,
    /// A command with a literal that is too long.
    TooLarge,
    /// One that is so long that the connection must end.
    Endless,
}

/// A command in the making.
#[derive(Debug, Default)]
pub struct Frame {
    lines: Lines,
    words: Vec<Word>,
    /// Octets of a literal that are still to come.
    expected: u64,
    literal: Vec<u8>,
    /// The literal is passed over.
    is_skipping: bool,
    /// Something of this command was wrong.
    is_damaged: bool,
    in_literal: bool,
}

impl Frame {
    /// Takes what is at the front of `bytes`; literals may have `literal_max` octets. Also says how
    /// many bytes are done with.
    pub fn take(&mut self, bytes: &[u8], literal_max: u64) -> (usize, Framed) {
        if self.in_literal {
            return (self.take_literal(bytes), Framed::Partial);
        }
        let (taken, line) = self.lines.take(bytes, SIGN_IN_BYTES_MAX);
        let framed = match line {
            Line::Partial => Framed::Partial,
            Line::Damaged => {
                *self = Self::default();
                Framed::Damaged
            }
            Line::Whole(line) => self.take_line(line, literal_max),
        };
        (taken, framed)
    }

    fn take_literal(&mut self, bytes: &[u8]) -> usize {
        let expected = usize::try_from(self.expected).unwrap_or(usize::MAX);
        let part = bytes.get(..expected).unwrap_or(bytes);
        if !self.is_skipping {
            self.literal.extend_from_slice(part);
        }
        self.expected -= part.len() as u64;
        if self.expected == 0 {
            self.end_literal();
        }
        part.len()
    }

    fn end_literal(&mut self) {
        self.in_literal = false;
        let literal = std::mem::take(&mut self.literal);
        self.push(Word::Text(literal));
    }

    fn push(&mut self, word: Word) {
        if self.words.len() < WORDS_MAX {
            self.words.push(word);
        } else {
            self.is_damaged = true;
        }
    }

    fn take_line(&mut self, line: &[u8], literal_max: u64) -> Framed {
        let mut rest = line;
        loop {
            rest = rest.trim_ascii_start();
            match Part::read(rest) {
                None if rest.is_empty() => return self.finish(),
                None => {
                    self.is_damaged = true;
                    return self.finish();
                }
                Some(Part::Word(word, behind)) => {
                    self.push(word);
                    rest = behind;
                }
                Some(Part::Literal(size)) => return self.begin_literal(size, literal_max),
            }
        }
    }

    fn begin_literal(&mut self, size: u64, literal_max: u64) -> Framed {
        if size > SKIPPED_BYTES_MAX {
            return Framed::Endless;
        }
        self.is_skipping |= size > literal_max;
        self.expected = size;
        self.in_literal = true;
        if size == 0 {
            self.end_literal();
        }
        Framed::Partial
    }

    fn finish(&mut self) -> Framed {
        let done = std::mem::take(self);
        match done {
            Self {
                is_damaged: true, ..
            } => Framed::Damaged,
            Self {
                is_skipping: true, ..
            } => Framed::TooLarge,
            Self { words, .. } => Framed::Whole(words),
        }
    }
}

/// What stands at the front of a line.
enum Part<'a> {
    Word(Word, &'a [u8]),
    /// The rest of the line announces a literal.
    Literal(u64),
}

impl<'a> Part<'a> {
    fn read(rest: &'a [u8]) -> Option<Self> {
        match rest.first()? {
            b'"' => {
                let (text, behind) = quoted(rest.get(1..)?)?;
                Some(Self::Word(Word::Text(text), behind))
            }
            b'{' => {
                let inside = rest.strip_prefix(b"{")?.strip_suffix(b"}")?;
                // Without the plus a server's literal; some clients write them (RFC 5804 §4).
                let digits = inside.strip_suffix(b"+").unwrap_or(inside);
                Some(Self::Literal(number(digits)?))
            }
            _ => {
                let end = rest
                    .iter()
                    .position(|byte| matches!(byte, b' ' | b'"' | b'{'));
                let (word, behind) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
                if let Some(number) = number(word) {
                    return Some(Self::Word(Word::Number(number), behind));
                }
                let is_atom = word.iter().all(u8::is_ascii_graphic);
                let atom = std::str::from_utf8(word).ok().filter(|_| is_atom)?;
                Some(Self::Word(Word::Atom(atom.to_owned()), behind))
            }
        }
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(digits).ok()?;
    let all_digits = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    all_digits.then(|| digits.parse().ok())?
}

/// The text up to the closing quote, and what is behind it.
fn quoted(rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (mut text, mut escaped) = (Vec::new(), false);
    for (at, &byte) in rest.iter().enumerate() {
        match byte {
            b'\\' if !escaped => {
                escaped = true;
                continue;
            }
            b'"' if !escaped => return Some((text, rest.get(at + 1..)?)),
            _ => text.push(byte),
        }
        escaped = false;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(bytes: &[u8], cut: usize) -> Vec<Framed> {
        let (mut frame, mut all, mut waiting) = (Frame::default(), Vec::new(), Vec::new());
        for piece in bytes.chunks(cut) {
            waiting.extend_from_slice(piece);
            loop {
                let (taken, framed) = frame.take(&waiting, 10);
                waiting.drain(..taken);
                if framed != Framed::Partial {
                    all.push(framed);
                } else if taken == 0 {
                    break;
                }
            }
        }
        all
    }

    #[test]
    fn a_command_may_go_over_lines_with_literals() {
        let bytes = b"PUTSCRIPT \"a\\\"b\" {5+}\r\nke\r\np\r\nNOOP\r\nHAVESPACE {1+}\r\nx 12\r\n";
        let text = |text: &[u8]| Word::Text(text.to_vec());
        let atom = |text: &str| Word::Atom(text.to_owned());
        for cut in [1, 7, 1000] {
            assert_eq!(
                framed(bytes, cut),
                [
                    Framed::Whole(vec![atom("PUTSCRIPT"), text(b"a\"b"), text(b"ke\r\np")]),
                    Framed::Whole(vec![atom("NOOP")]),
                    Framed::Whole(vec![atom("HAVESPACE"), text(b"x"), Word::Number(12)]),
                ]
            );
        }
    }

    #[test]
    fn what_is_wrong_is_passed_over_whole() {
        let bytes = b"X \"a\r\nY {11+}\r\n01234567890 \"z\"\r\nZ {3+\r\nA\nOK\r\n";
        for cut in [1, 1000] {
            let ok = Framed::Whole(vec![Word::Atom("OK".to_owned())]);
            let wanted = [
                Framed::Damaged,
                Framed::TooLarge,
                Framed::Damaged,
                Framed::Damaged,
                ok,
            ];
            assert_eq!(framed(bytes, cut), wanted);
        }
        assert_eq!(framed(b"X {99999999999}\r\n", 100), [Framed::Endless]);
    }
}
