//! Cuts received bytes into commands, which may span lines where literals are in them.
//!
//! Never looks into a literal: what was announced as data is never read as a command, whether it is
//! taken or refused. Holds only the beginning of a command that has literals; one without is used
//! where it lies.
//!
//! Start at [`Framer::next`]. Standards: RFC 9051 §4.3, RFC 7888 (non-synchronizing literals), RFC
//! 3516 §4.4 (literal8).

/// Bytes of one line without its literals; a long sequence set needs more than the 8 KiB of RFC
/// 7162 §4.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// Bytes of one command with its literals (messages excepted, which are streamed) of a signed-in
/// client.
pub const COMMAND_BYTES_MAX: usize = 1024 * 1024;

/// The same before sign-in, where only names and passwords are to be sent.
pub const COMMAND_BYTES_MAX_BEFORE_LOGIN: usize = 8 * 1024;

/// Literals in one command; a search with more is no person's.
pub const LITERALS_MAX: usize = 256;

/// Refused literal data that is read and thrown away, so that the dialogue goes on; for more it is
/// closed.
pub const SKIPPED_BYTES_MAX: u64 = 1024 * 1024;

/// A literal that a line announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Literal {
    /// Bytes to follow.
    pub size: u64,
    /// True if the client waits for `+` before it sends them.
    pub waits: bool,
    /// `~{`: the bytes may hold NUL.
    pub binary: bool,
    /// Bytes have come behind the announcement (see [`crate::quirk::did_not_wait`]).
    pub is_here: bool,
}

/// What was found at the front of the received bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// More bytes are needed.
    Partial,
    /// A whole command without its line end.
    Command(&'a [u8]),
    /// The command so far, with the announcement at its end. The caller says by
    /// [`Framer::collect`], [`Framer::stream`] or [`Framer::refuse`] what becomes of the data.
    Literal(&'a [u8], Literal),
    /// A line that is too long, or a literal's size that is no number: nothing behind it can be
    /// trusted.
    Lost(&'static str),
    /// All of a refused command has passed.
    Refused,
}

/// Where the cut stands.
#[derive(Debug, Default)]
pub struct Framer {
    held: Vec<u8>,
    literals: usize,
    mode: Mode,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// At the start of a command or behind one of its literals.
    #[default]
    Line,
    /// The caller has to say what becomes of a literal.
    Asked(Literal),
    /// So many bytes of a literal are missing.
    Collect(u64),
    /// So many bytes of a refused literal are missing; then follows the rest of its command.
    Skip(u64),
    /// `held` was given out as a command and goes at the next call.
    Done,
}

impl Framer {
    /// Looks at the front of `bytes` and says how many of them it has taken.
    ///
    /// When called again it must be given what was not taken, and more.
    pub fn next<'a>(&'a mut self, bytes: &'a [u8]) -> (usize, Frame<'a>) {
        if self.mode == Mode::Done {
            self.reset();
        }
        match self.mode {
            Mode::Collect(missing) => self.collecting(bytes, missing),
            Mode::Skip(missing) => self.skipping(bytes, missing),
            Mode::Asked(_) => (0, Frame::Partial),
            Mode::Line | Mode::Done => self.line(bytes, 0),
        }
    }

    /// Reads one line that is no command: `DONE`, or a response to a SASL challenge.
    pub fn next_line<'a>(&mut self, bytes: &'a [u8]) -> (usize, Frame<'a>) {
        match split_line(bytes) {
            Some((line, taken)) => (taken, Frame::Command(line)),
            None if bytes.len() > LINE_BYTES_MAX => (0, Frame::Lost("Line is too long")),
            None => (0, Frame::Partial),
        }
    }

    /// Adds the announced literal to the command. False if it would grow beyond `bytes_max`: then
    /// the caller must refuse.
    #[must_use]
    pub fn collect(&mut self, bytes_max: usize) -> bool {
        let Mode::Asked(literal) = self.mode else {
            return false;
        };
        let room = bytes_max.saturating_sub(self.held.len());
        if self.literals > LITERALS_MAX || literal.size > u64::try_from(room).unwrap_or(0) {
            return false;
        }
        self.mode = Mode::Collect(literal.size);
        true
    }

    /// The caller reads the announced literal itself; the next call is for what stands behind it.
    pub fn stream(&mut self) {
        self.reset();
    }

    /// The data of the announced literal is on its way although it was not asked for.
    pub fn expect_data(&mut self) {
        if let Mode::Asked(literal) = &mut self.mode {
            literal.waits = false;
        }
    }

    /// Throws the command away. Data that is on its way without being asked for is passed over.
    ///
    /// False if it is too much: then the connection must be closed.
    #[must_use]
    pub fn refuse(&mut self) -> bool {
        let Mode::Asked(literal) = self.mode else {
            return true;
        };
        self.reset();
        if literal.waits {
            return true;
        }
        self.mode = Mode::Skip(literal.size);
        literal.size <= SKIPPED_BYTES_MAX
    }

    /// Passes over `missing` bytes of data and the rest of their command, which was refused
    /// meanwhile.
    pub fn skip(&mut self, missing: u64) {
        self.reset();
        self.mode = Mode::Skip(missing);
    }

    fn reset(&mut self) {
        self.held = Vec::new();
        self.literals = 0;
        self.mode = Mode::Line;
    }

    fn collecting<'a>(&'a mut self, bytes: &'a [u8], missing: u64) -> (usize, Frame<'a>) {
        let (head, rest) = split_up_to(bytes, missing);
        self.held.extend_from_slice(head);
        let missing = missing - count(head);
        if missing > 0 {
            self.mode = Mode::Collect(missing);
            return (head.len(), Frame::Partial);
        }
        self.mode = Mode::Line;
        self.line(rest, head.len())
    }

    fn skipping<'a>(&'a mut self, bytes: &'a [u8], missing: u64) -> (usize, Frame<'a>) {
        let (head, rest) = split_up_to(bytes, missing);
        let missing = missing - count(head);
        self.mode = Mode::Skip(missing);
        if missing > 0 {
            return (head.len(), Frame::Partial);
        }
        let Some((line, taken)) = split_line(rest) else {
            let lost = rest.len() > LINE_BYTES_MAX;
            let frame = if lost {
                Frame::Lost("Line is too long")
            } else {
                Frame::Partial
            };
            return (head.len(), frame);
        };
        match announced(line) {
            Ok(Some(literal)) if !literal.waits && literal.size <= SKIPPED_BYTES_MAX => {
                self.mode = Mode::Skip(literal.size);
                (head.len() + taken, Frame::Partial)
            }
            // Data that would be too much to pass over, or whose length nobody knows.
            Ok(Some(Literal { waits: false, .. })) | Err(()) => {
                (0, Frame::Lost("Command was refused"))
            }
            // A literal that waits was answered already by the refusal, so it never comes.
            Ok(_) => {
                self.reset();
                (head.len() + taken, Frame::Refused)
            }
        }
    }

    /// Reads a line; `before` bytes in front of it were taken already.
    fn line<'a>(&'a mut self, bytes: &'a [u8], before: usize) -> (usize, Frame<'a>) {
        let Some((line, taken)) = split_line(bytes) else {
            let lost = bytes.len() > LINE_BYTES_MAX;
            let frame = if lost {
                Frame::Lost("Line is too long")
            } else {
                Frame::Partial
            };
            return (before, frame);
        };
        if line.len() > LINE_BYTES_MAX {
            return (before, Frame::Lost("Line is too long"));
        }
        let taken_all = before + taken;
        let Ok(announced) = announced(line) else {
            return (taken_all, Frame::Lost("Size of literal is not valid"));
        };
        if let Some(literal) = announced {
            self.held
                .extend_from_slice(bytes.get(..taken).unwrap_or(line));
            self.literals += 1;
            self.mode = Mode::Asked(literal);
            return (taken_all, Frame::Literal(&self.held, literal));
        }
        if self.held.is_empty() {
            return (taken_all, Frame::Command(line));
        }
        self.held.extend_from_slice(line);
        self.mode = Mode::Done;
        (taken_all, Frame::Command(&self.held))
    }
}

fn count(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn split_up_to(bytes: &[u8], most: u64) -> (&[u8], &[u8]) {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    bytes.split_at_checked(most).unwrap_or((bytes, b""))
}

/// The first line without its end, and its length with it. A bare LF ends a line too (see
/// [`crate::quirk`]).
fn split_line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = bytes.iter().position(|b| *b == b'\n')?;
    let line = bytes.get(..end)?;
    Some((line.strip_suffix(b"\r").unwrap_or(line), end + 1))
}

/// The literal that a line ends with. `Err` if it looks like one whose size is no number.
fn announced(line: &[u8]) -> Result<Option<Literal>, ()> {
    let Some(inner) = line.strip_suffix(b"}") else {
        return Ok(None);
    };
    let Some(open) = inner.iter().rposition(|b| *b == b'{') else {
        return Ok(None);
    };
    let (before, digits) = inner.split_at_checked(open).unwrap_or((inner, b""));
    let digits = digits.strip_prefix(b"{").unwrap_or(digits);
    let (digits, waits) = match digits.strip_suffix(b"+") {
        Some(digits) => (digits, false),
        None => (digits, true),
    };
    let binary = before.last() == Some(&b'~');
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        // `{-1}` and `{1x}` can be meant as nothing else; `foo{bar}` is text.
        let numeric = digits
            .iter()
            .all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+'));
        return if numeric && !digits.is_empty() {
            Err(())
        } else {
            Ok(None)
        };
    }
    let size = std::str::from_utf8(digits)
        .ok()
        .and_then(|d| d.parse().ok())
        .ok_or(())?;
    Ok(Some(Literal {
        size,
        waits,
        binary,
        is_here: false,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `bytes` in pieces and collects every literal; the commands that come out.
    fn commands(bytes: &[u8], piece: usize) -> Vec<Vec<u8>> {
        let (mut framer, mut buffer, mut found) = (Framer::default(), Vec::new(), Vec::new());
        for chunk in bytes.chunks(piece) {
            buffer.extend_from_slice(chunk);
            loop {
                let (taken, frame) = framer.next(&buffer);
                let more = match frame {
                    Frame::Partial => taken > 0,
                    Frame::Command(command) => {
                        found.push(command.to_vec());
                        true
                    }
                    Frame::Literal(..) => {
                        assert!(framer.collect(COMMAND_BYTES_MAX));
                        true
                    }
                    Frame::Lost(why) => panic!("{why}"),
                    Frame::Refused => panic!("nothing was refused"),
                };
                buffer.drain(..taken);
                if !more {
                    break;
                }
            }
        }
        found
    }

    #[test]
    fn commands_are_cut_alike_however_they_arrive() {
        let wire = b"a NOOP\r\nb LOGIN {5}\r\nal\r\ne {3+}\r\npw1\r\nc NOOP\n";
        let whole = commands(wire, wire.len());
        assert_eq!(whole.len(), 3);
        assert_eq!(whole[1], b"b LOGIN {5}\r\nal\r\ne {3+}\r\npw1");
        for piece in 1..wire.len() {
            assert_eq!(commands(wire, piece), whole, "in pieces of {piece}");
        }
    }

    #[test]
    fn refused_data_is_never_read_as_a_command() {
        let mut framer = Framer::default();
        let wire = b"a X {9+}\r\nb LOGOUT\n {2+}\r\nzz tail\r\nc NOOP\r\n";
        let (mut at, frame) = framer.next(wire);
        assert!(matches!(
            frame,
            Frame::Literal(
                _,
                Literal {
                    size: 9,
                    waits: false,
                    ..
                }
            )
        ));
        assert!(framer.refuse());
        let mut seen = Vec::new();
        while at < wire.len() {
            let (taken, frame) = framer.next(&wire[at..]);
            at += taken;
            match frame {
                Frame::Refused => seen.push(b"refused".to_vec()),
                Frame::Command(command) => seen.push(command.to_vec()),
                Frame::Partial => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(seen, [b"refused".to_vec(), b"c NOOP".to_vec()]);
    }

    #[test]
    fn a_size_that_is_no_number_loses_the_dialogue() {
        for wire in [
            "a X {-1}\r\n",
            "a X {18446744073709551616}\r\n",
            "a X {1++}\r\n",
        ] {
            let mut framer = Framer::default();
            assert!(
                matches!(framer.next(wire.as_bytes()).1, Frame::Lost(_)),
                "{wire}"
            );
        }
        let mut framer = Framer::default();
        assert!(matches!(
            framer.next(b"a X foo{bar}\r\n").1,
            Frame::Command(_)
        ));
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let mut framer = Framer::default();
        assert_eq!(framer.next(&vec![b'x'; LINE_BYTES_MAX]).1, Frame::Partial);
        assert!(matches!(
            framer.next(&vec![b'x'; LINE_BYTES_MAX + 1]).1,
            Frame::Lost(_)
        ));
    }

    #[test]
    fn literals_beyond_the_budget_are_not_collected() {
        let mut framer = Framer::default();
        assert!(matches!(
            framer.next(b"a LOGIN {9000+}\r\n").1,
            Frame::Literal(..)
        ));
        assert!(!framer.collect(COMMAND_BYTES_MAX_BEFORE_LOGIN));
        assert!(framer.refuse());
        let mut framer = Framer::default();
        assert!(matches!(
            framer.next(b"a LOGIN {4294967295+}\r\n").1,
            Frame::Literal(..)
        ));
        assert!(
            !framer.refuse(),
            "four gigabytes are not read only to be thrown away"
        );
    }
}
