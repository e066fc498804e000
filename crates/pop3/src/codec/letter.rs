//! A letter on its way out: dots at the beginning of lines doubled, whole or only its top, and the
//! end put behind.
//!
//! A letter whose last line has no end gets one, since the final dot needs a line of its own.
//! Source: RFC 1939 §3 (multi-line responses), §7 (TOP).

use bytes::BufMut;

/// How much of a letter is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All.
    Whole,
    /// The header, the empty line, and so many lines of the body.
    Top(usize),
}

/// Writes a letter that comes in pieces.
#[derive(Debug)]
pub struct Writer {
    extent: Extent,
    place: Place,
    /// In the header, when only the top is wanted.
    in_header: bool,
    is_done: bool,
}

/// What was written last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A whole line.
    LineStart,
    /// Part of a line.
    Inside,
    /// Part of a line and a CR, which may belong to its end; `only` when the CR is all of it.
    AfterCr { only: bool },
}

impl Writer {
    /// For a letter that is still to come.
    pub fn new(extent: Extent) -> Self {
        Self {
            extent,
            place: Place::LineStart,
            in_header: true,
            is_done: false,
        }
    }

    /// True when nothing more is wanted.
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// Writes the next piece.
    pub fn write(&mut self, piece: &[u8], out: &mut impl BufMut) {
        match self.extent {
            Extent::Whole => self.stuff(piece, out),
            Extent::Top(_) => self.write_lines(piece, out),
        }
    }

    /// Writes the end.
    pub fn finish(&self, out: &mut impl BufMut) {
        if self.place != Place::LineStart {
            out.put_slice(b"\r\n");
        }
        out.put_slice(b".\r\n");
    }

    fn stuff(&mut self, piece: &[u8], out: &mut impl BufMut) {
        let rest = match (self.place, piece) {
            (Place::AfterCr { .. }, [b'\n', rest @ ..]) => {
                out.put_u8(b'\n');
                self.place = Place::LineStart;
                rest
            }
            _ => piece,
        };
        if self.place == Place::LineStart && rest.first() == Some(&b'.') {
            out.put_u8(b'.');
        }
        let mut written = 0;
        for at in memchr::memmem::find_iter(rest, b"\r\n.") {
            out.put_slice(rest.get(written..at + 2).unwrap_or_default());
            out.put_u8(b'.');
            written = at + 2;
        }
        out.put_slice(rest.get(written..).unwrap_or_default());
        self.place = match rest {
            [] => self.place,
            [.., b'\r', b'\n'] => Place::LineStart,
            [b'\r'] => Place::AfterCr {
                only: self.place == Place::LineStart,
            },
            [line @ .., b'\r'] => Place::AfterCr {
                only: line.ends_with(b"\r\n"),
            },
            _ => Place::Inside,
        };
    }

    /// Line by line, because lines are counted.
    fn write_lines(&mut self, piece: &[u8], out: &mut impl BufMut) {
        for part in piece.split_inclusive(|&byte| byte == b'\n') {
            if self.is_done {
                return;
            }
            let is_empty_line = match self.place {
                Place::LineStart => part == b"\r\n",
                Place::AfterCr { only } => only && part == b"\n",
                Place::Inside => false,
            };
            self.stuff(part, out);
            if self.place == Place::LineStart {
                self.count(is_empty_line);
            }
        }
    }

    /// A line has ended.
    fn count(&mut self, is_empty: bool) {
        let Extent::Top(lines) = &mut self.extent else {
            return;
        };
        if self.in_header {
            self.in_header = !is_empty;
        } else {
            *lines = lines.saturating_sub(1);
        }
        self.is_done = !self.in_header && *lines == 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(letter: &[u8], extent: Extent, cut: usize) -> Vec<u8> {
        let mut writer = Writer::new(extent);
        let mut out = Vec::new();
        for piece in letter.chunks(cut) {
            writer.write(piece, &mut out);
        }
        writer.finish(&mut out);
        out
    }

    /// What a client makes of it.
    fn read(sent: &[u8]) -> Vec<u8> {
        let mut letter = Vec::new();
        let mut rest = sent;
        loop {
            assert!(!rest.is_empty(), "no end");
            if let Some(after) = rest.strip_prefix(b".\r\n") {
                assert!(after.is_empty(), "an early end");
                return letter;
            }
            rest = rest.strip_prefix(b".").unwrap_or(rest);
            let end = memchr::memmem::find(rest, b"\r\n").map_or(rest.len(), |at| at + 2);
            letter.extend_from_slice(&rest[..end]);
            rest = &rest[end..];
        }
    }

    #[test]
    fn dots_at_the_beginning_of_lines_are_doubled() {
        let out = written(b".a\r\nb.\r\n.\r\n..", Extent::Whole, 100);
        assert_eq!(out, b"..a\r\nb.\r\n..\r\n...\r\n.\r\n");
    }

    #[test]
    fn the_top_is_the_header_the_empty_line_and_so_many_lines() {
        let letter = b"A: b\r\n\r\n1\r\n\r\n3\r\n";
        for (lines, expected) in [
            (0, &b"A: b\r\n\r\n.\r\n"[..]),
            (1, b"A: b\r\n\r\n1\r\n.\r\n"),
            (2, b"A: b\r\n\r\n1\r\n\r\n.\r\n"),
            (9, b"A: b\r\n\r\n1\r\n\r\n3\r\n.\r\n"),
        ] {
            for cut in 1..letter.len() {
                let out = written(letter, Extent::Top(lines), cut);
                assert_eq!(out, expected, "{lines} lines, cut at {cut}");
            }
        }
    }

    #[test]
    fn an_empty_letter_is_only_its_end() {
        assert_eq!(written(b"", Extent::Whole, 1), b".\r\n");
    }

    proptest! {
        #[test]
        fn what_goes_out_is_read_as_it_was(
            letter in proptest::collection::vec(
                prop_oneof![Just(b'.'), Just(b'\r'), Just(b'\n'), Just(b'x')], 0..40),
            cut in 1usize..20,
        ) {
            let mut expected = letter.clone();
            if !expected.is_empty() && !expected.ends_with(b"\r\n") {
                expected.extend(b"\r\n");
            }
            prop_assert_eq!(read(&written(&letter, Extent::Whole, cut)), expected);
            let all = written(&letter, Extent::Top(usize::MAX), cut);
            prop_assert_eq!(all, written(&letter, Extent::Whole, cut));
        }
    }
}
