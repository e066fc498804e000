//! What the bytes of a letter need of the way they are sent.
//!
//! Start at [`Scan`].
//!
//! Sources: RFC 5321 §2.3.8 (lines), RFC 6152 §3, RFC 3030 §3.

/// What a letter needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Form {
    /// Octets above 127.
    pub eight_bit: bool,
    /// Octets above 127 in the header: the letter is an international one (RFC 6532).
    pub header_eight_bit: bool,
    /// CR or LF that do not stand together, or NUL: only a counted transfer can carry it.
    pub binary: bool,
}

/// Looks at a letter as its pieces pass.
#[derive(Debug)]
pub struct Scan {
    form: Form,
    line_is_empty: bool,
    after_cr: bool,
    in_body: bool,
}

impl Default for Scan {
    fn default() -> Self {
        Self {
            form: Form::default(),
            line_is_empty: true,
            after_cr: false,
            in_body: false,
        }
    }
}

impl Scan {
    /// Looks at the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while !rest.is_empty() {
            if self.after_cr {
                rest = self.behind_cr(rest);
                continue;
            }
            let at = memchr::memchr3(b'\r', b'\n', 0, rest);
            let (text, more) = rest
                .split_at_checked(at.unwrap_or(rest.len()))
                .unwrap_or((rest, &[]));
            self.text(text);
            rest = match more.split_first() {
                None => &[],
                Some((b'\r', after)) => {
                    self.after_cr = true;
                    after
                }
                Some((_, after)) => {
                    self.form.binary = true; // LF without CR, or NUL.
                    after
                }
            };
        }
    }

    fn text(&mut self, text: &[u8]) {
        self.line_is_empty &= text.is_empty();
        if !text.is_ascii() {
            self.form.eight_bit = true;
            self.form.header_eight_bit |= !self.in_body;
        }
    }

    fn behind_cr<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        self.after_cr = false;
        let Some(after) = rest.strip_prefix(b"\n") else {
            self.form.binary = true;
            return rest;
        };
        self.in_body |= self.line_is_empty;
        self.line_is_empty = true;
        after
    }

    /// What was found.
    pub fn finish(mut self) -> Form {
        self.form.binary |= self.after_cr;
        self.form
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(letter: &[u8]) -> Form {
        let mut whole = Scan::default();
        whole.push(letter);
        let mut pieces = Scan::default();
        letter.chunks(1).for_each(|piece| pieces.push(piece));
        let whole = whole.finish();
        assert_eq!(whole, pieces.finish(), "the same in pieces");
        whole
    }

    #[test]
    fn a_plain_letter_needs_nothing() {
        assert_eq!(form(b"A: b\r\n\r\nc\r\n.\r\n"), Form::default());
        assert_eq!(form(b"A: b\r\n\r\nno end"), Form::default());
    }

    #[test]
    fn bare_line_ends_and_nul_need_a_counted_transfer() {
        for letter in [&b"a\n.\r\nb"[..], b"a\r.\r\n", b"a\0b\r\n", b"a\r", b"\n"] {
            assert!(form(letter).binary, "{letter:?}");
        }
    }

    #[test]
    fn octets_above_127_are_told_apart_by_header_and_body() {
        let body = form("A: b\r\n\r\né\r\n".as_bytes());
        assert!(body.eight_bit && !body.header_eight_bit);
        let header = form("A: é\r\n\r\nb\r\n".as_bytes());
        assert!(header.eight_bit && header.header_eight_bit);
    }
}
