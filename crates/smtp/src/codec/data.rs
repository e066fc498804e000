//! A letter on its way in after DATA: takes the transparency off and finds the one true end.
//!
//! Only CRLF "." CRLF ends a letter. A bare CR, a bare LF or a NUL makes the whole letter
//! refusable, but it is still read to its true end, so that what follows is never taken for
//! commands (SMTP smuggling, VU#302671). Never keeps bytes: the pieces given out are slices of what
//! came in, or one of two constants.
//!
//! Source: RFC 5321 §4.5.2 (transparency), §2.3.8 (lines).

/// What is wrong with the bytes of a letter, whatever they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A CR that no LF follows.
    BareCr,
    /// An LF that no CR precedes.
    BareLf,
    /// A NUL octet.
    Nul,
}

/// Where the scanner stands between two calls; what is named was received but not yet given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the beginning of a line.
    LineStart,
    /// After a dot at the beginning of a line, which is not given out.
    Dot,
    /// After that dot and a CR.
    DotCr,
    /// In a line.
    Inside,
    /// After a CR in a line.
    Cr,
    /// After the end.
    Ended,
}

/// Takes the dots off and finds the end. One for each letter.
#[derive(Debug)]
pub struct Unstuffer {
    place: Place,
    fault: Option<Fault>,
}

impl Default for Unstuffer {
    fn default() -> Self {
        Self {
            place: Place::LineStart,
            fault: None,
        }
    }
}

impl Unstuffer {
    /// Takes bytes up to the end of the letter, gives the letter's own to `sink`, and says how many
    /// were taken.
    pub fn feed(&mut self, bytes: &[u8], mut sink: impl FnMut(&[u8])) -> usize {
        let mut rest = bytes;
        while self.place != Place::Ended {
            let Some((&first, after)) = rest.split_first() else {
                break;
            };
            rest = match (self.place, first) {
                (Place::LineStart, b'.') => self.goes_to(Place::Dot, after),
                (Place::Dot, b'\r') => self.goes_to(Place::DotCr, after),
                (Place::DotCr, b'\n') => self.goes_to(Place::Ended, after),
                (Place::Cr, b'\n') => {
                    sink(b"\r\n");
                    self.goes_to(Place::LineStart, after)
                }
                (Place::Cr | Place::DotCr, _) => {
                    self.fault.get_or_insert(Fault::BareCr);
                    sink(b"\r");
                    self.goes_to(Place::Inside, rest)
                }
                (Place::LineStart | Place::Dot | Place::Inside | Place::Ended, _) => {
                    self.lines(rest, &mut sink)
                }
            };
        }
        bytes.len() - rest.len()
    }

    /// True once the end was seen.
    pub fn has_ended(&self) -> bool {
        self.place == Place::Ended
    }

    /// The first thing found that no letter may hold.
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    fn goes_to<'a>(&mut self, place: Place, rest: &'a [u8]) -> &'a [u8] {
        self.place = place;
        rest
    }

    /// Takes as many lines as need no second look, in one piece; returns what is left.
    fn lines<'a>(&mut self, bytes: &'a [u8], sink: &mut impl FnMut(&[u8])) -> &'a [u8] {
        let mut crlf = 0; // Where the LF of the last good CRLF stands.
        for at in memchr::memchr3_iter(b'\r', b'\n', 0, bytes) {
            match (bytes.get(at), bytes.get(at + 1)) {
                (Some(0), _) => self.fault = self.fault.or(Some(Fault::Nul)),
                (Some(b'\n'), _) if at > 0 && crlf == at => {} // The LF of a CRLF.
                (Some(b'\n'), _) => self.fault = self.fault.or(Some(Fault::BareLf)),
                (_, Some(b'\n')) if bytes.get(at + 2) == Some(&b'.') || at + 2 == bytes.len() => {
                    return self.split(bytes, at + 2, Place::LineStart, sink);
                }
                (_, Some(b'\n')) => crlf = at + 1,
                (_, Some(_)) => self.fault = self.fault.or(Some(Fault::BareCr)),
                (_, None) => {
                    sink(bytes.get(..at).unwrap_or_default());
                    return self.goes_to(Place::Cr, &[]);
                }
            }
        }
        self.split(bytes, bytes.len(), Place::Inside, sink)
    }

    fn split<'a>(
        &mut self,
        bytes: &'a [u8],
        at: usize,
        place: Place,
        sink: &mut impl FnMut(&[u8]),
    ) -> &'a [u8] {
        let (letter, rest) = bytes.split_at_checked(at).unwrap_or((bytes, &[]));
        sink(letter);
        self.goes_to(place, rest)
    }
}

/// Looks for the same faults in a letter that comes in chunks, whose end needs no looking for.
///
/// Source: RFC 3030 §3: only `BODY=BINARYMIME` frees a chunked letter from being made of lines.
#[derive(Debug, Default)]
pub struct LineCheck {
    after_cr: bool,
    fault: Option<Fault>,
}

impl LineCheck {
    /// Looks at the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut expected = if std::mem::take(&mut self.after_cr) {
            if bytes.first().is_some_and(|&byte| byte != b'\n') {
                self.fault = self.fault.or(Some(Fault::BareCr));
            }
            Some(0)
        } else {
            None
        };
        for at in memchr::memchr3_iter(b'\r', b'\n', 0, bytes) {
            let fault = match (bytes.get(at), bytes.get(at + 1)) {
                (Some(0), _) => Some(Fault::Nul),
                (Some(b'\n'), _) => (expected != Some(at)).then_some(Fault::BareLf),
                (_, None) => {
                    self.after_cr = true;
                    None
                }
                (_, Some(b'\n')) => {
                    expected = Some(at + 1);
                    None
                }
                (_, Some(_)) => Some(Fault::BareCr),
            };
            self.fault = self.fault.or(fault);
        }
    }

    /// The first thing found that no letter may hold; asked when the letter is over.
    pub fn fault(&self) -> Option<Fault> {
        self.fault.or(self.after_cr.then_some(Fault::BareCr))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What one byte after another leads to: the specification, slow and plain.
    fn oracle(bytes: &[u8]) -> (Vec<u8>, Option<Fault>, Option<usize>) {
        let mut letter = Vec::new();
        let mut fault = None;
        let mut start = true; // The next byte begins a line.
        let mut at = 0;
        while at < bytes.len() {
            if start && bytes[at..].starts_with(b".\r\n") {
                return (letter, fault, Some(at + 3));
            }
            if start && bytes[at] == b'.' {
                at += 1;
                start = false;
                continue;
            }
            start = false;
            if bytes[at..].starts_with(b"\r\n") {
                letter.extend(b"\r\n");
                at += 2;
                start = true;
                continue;
            }
            fault = fault.or(match bytes[at] {
                b'\r' => Some(Fault::BareCr),
                b'\n' => Some(Fault::BareLf),
                0 => Some(Fault::Nul),
                _ => None,
            });
            letter.push(bytes[at]);
            at += 1;
        }
        (letter, fault, None)
    }

    fn run(bytes: &[u8], cut: usize) -> (Vec<u8>, Option<Fault>, Option<usize>) {
        let mut unstuffer = Unstuffer::default();
        let mut letter = Vec::new();
        let mut taken = 0;
        for piece in bytes.chunks(cut.max(1)) {
            taken += unstuffer.feed(piece, |part| letter.extend_from_slice(part));
            if unstuffer.has_ended() {
                return (letter, unstuffer.fault(), Some(taken));
            }
        }
        (letter, unstuffer.fault(), None)
    }

    #[test]
    fn dots_are_taken_off() {
        let (letter, fault, taken) = run(b"..a\r\n.b\r\n...\r\n.\r\nQUIT\r\n", 1000);
        assert_eq!(letter, b".a\r\nb\r\n..\r\n");
        assert_eq!((fault, taken), (None, Some(17)));
    }

    #[test]
    fn an_empty_letter_ends_at_once() {
        assert_eq!(run(b".\r\n", 1), (Vec::new(), None, Some(3)));
    }

    #[test]
    fn no_other_end_of_letter_is_believed() {
        let prefixes: [&[u8]; 8] = [
            b"\n", b"\r", b"\r\n", b"\r\r\n", b"\r\n\0", b"\n\0", b"\r\n ", b"\n\r",
        ];
        let middles: [&[u8]; 4] = [b".", b"..", b". ", b".\0"];
        let suffixes: [&[u8]; 8] = [
            b"\n", b"\r", b"\r\n", b"\r\r\n", b"\0\r\n", b"\n\r", b" \r\n", b"\x0b\n",
        ];
        for prefix in prefixes {
            for middle in middles {
                for suffix in suffixes {
                    let bytes =
                        [b"x", prefix, middle, suffix, b"MAIL FROM:<>\r\n\r\n.\r\n"].concat();
                    let real = (prefix.ends_with(b"\r\n"), middle, suffix);
                    let expected = oracle(&bytes);
                    let early = expected.2 != Some(bytes.len());
                    assert_eq!(early, real == (true, &b"."[..], &b"\r\n"[..]), "{bytes:?}");
                    for cut in 1..bytes.len() {
                        assert_eq!(run(&bytes, cut), expected, "{bytes:?} cut at {cut}");
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn chunks_are_checked_like_lines(
            bytes in proptest::collection::vec(
                prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'x'), Just(0u8)], 0..20),
            cut in 1usize..20,
        ) {
            let mut check = LineCheck::default();
            bytes.chunks(cut).for_each(|piece| check.feed(piece));
            prop_assert_eq!(check.fault(), oracle(&bytes).1);
        }

        #[test]
        fn any_cutting_gives_what_the_specification_gives(
            bytes in proptest::collection::vec(
                prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'.'), Just(b'x'), Just(0u8)], 0..40),
            cut in 1usize..40,
        ) {
            let whole = oracle(&bytes);
            let got = run(&bytes, cut);
            prop_assert_eq!(got.2, whole.2);
            if whole.2.is_some() {
                prop_assert_eq!(got, whole);
            } else if !bytes.ends_with(b"\r") && !bytes.ends_with(b"\r\n.") && bytes != b"." {
                prop_assert_eq!(got.0, whole.0);
                prop_assert_eq!(got.1, whole.1);
            }
        }

        #[test]
        fn what_was_stuffed_comes_out_as_it_was(
            lines in proptest::collection::vec("[.a ]{0,6}", 0..12), cut in 1usize..20,
        ) {
            let letter: String = lines.iter().flat_map(|line| [line, "\r\n"]).collect();
            let mut stuffed: String = lines.iter()
                .flat_map(|line| [if line.starts_with('.') { "." } else { "" }, line, "\r\n"])
                .collect();
            stuffed.push_str(".\r\n");
            let (got, fault, taken) = run(stuffed.as_bytes(), cut);
            prop_assert_eq!(got, letter.as_bytes());
            prop_assert_eq!((fault, taken), (None, Some(stuffed.len())));
        }
    }
}
