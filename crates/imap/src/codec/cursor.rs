//! Reads the tokens of RFC 9051 §9 from one whole command.
//!
//! Literals stand in the command as they came (`{5}`, line end, five bytes); the framer has made
//! sure that all their bytes are there.

use super::Fault;
use std::borrow::Cow;

/// A place in a command.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    rest: &'a [u8],
}

/// Result of reading a token.
pub type Parsed<T> = Result<T, Fault>;

/// True for a byte that an atom may hold. Source: RFC 9051 §9, `ATOM-CHAR`.
pub fn is_atom(byte: u8) -> bool {
    !matches!(
        byte,
        b'(' | b')' | b'{' | b' ' | b'%' | b'*' | b'"' | b'\\' | b']'
    ) && (0x21..0x7f).contains(&byte)
}

/// True for a byte that an astring without quotes may hold; `]` is allowed there.
pub fn is_astring(byte: u8) -> bool {
    is_atom(byte) || byte == b']'
}

/// True for a byte of a tag: an astring without `+`.
pub fn is_tag(byte: u8) -> bool {
    is_astring(byte) && byte != b'+'
}

impl<'a> Cursor<'a> {
    /// At the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// True when nothing but spare spaces follows (see [`crate::quirk`]).
    pub fn at_end(&self) -> bool {
        self.rest.iter().all(|b| *b == b' ')
    }

    /// The next byte, which stays unread.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Reads one byte if it is `byte`.
    pub fn accept(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Reads `word` without regard to case, if it stands next.
    pub fn accept_word(&mut self, word: &str) -> bool {
        match self.rest.split_at_checked(word.len()) {
            Some((head, rest)) if head.eq_ignore_ascii_case(word.as_bytes()) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Reads `byte` or fails with `why`.
    pub fn expect(&mut self, byte: u8, why: &'static str) -> Parsed<()> {
        if self.accept(byte) {
            Ok(())
        } else {
            Err(Fault::Syntax(why))
        }
    }

    /// Reads the one space between arguments; more than one is tolerated (see [`crate::quirk`]).
    pub fn space(&mut self) -> Parsed<()> {
        self.expect(b' ', "Missing argument")?;
        while self.accept(b' ') {}
        Ok(())
    }

    /// Succeeds at the end of the command.
    pub fn end(&mut self) -> Parsed<()> {
        while self.accept(b' ') {}
        if self.at_end() {
            Ok(())
        } else {
            Err(Fault::Syntax("Unexpected text after the command"))
        }
    }

    /// Reads the longest run of bytes for which `keep` holds.
    pub fn take_while(&mut self, keep: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self
            .rest
            .iter()
            .position(|b| !keep(*b))
            .unwrap_or(self.rest.len());
        let (head, rest) = self
            .rest
            .split_at_checked(length)
            .unwrap_or((self.rest, b""));
        self.rest = rest;
        head
    }

    /// Reads `length` bytes, if there are so many.
    pub fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(head)
    }

    /// Reads a non-empty atom.
    pub fn atom(&mut self) -> Parsed<&'a [u8]> {
        match self.take_while(is_atom) {
            b"" => Err(Fault::Syntax("Expected an atom")),
            atom => Ok(atom),
        }
    }

    /// Reads an atom as text; atoms are ASCII.
    pub fn word(&mut self) -> Parsed<&'a str> {
        std::str::from_utf8(self.atom()?).map_err(|_| Fault::Syntax("Expected an atom"))
    }

    /// Reads a number of up to 32 bits. Source: RFC 9051 §9, `number`.
    pub fn number(&mut self) -> Parsed<u32> {
        u32::try_from(self.number64()?).map_err(|_| Fault::Syntax("Number is too large"))
    }

    /// Reads a number of up to 63 bits. Source: RFC 9051 §9, `number64`; RFC 7162 §7.
    pub fn number64(&mut self) -> Parsed<u64> {
        let digits = self.take_while(|b| b.is_ascii_digit());
        if digits.is_empty() {
            return Err(Fault::Syntax("Expected a number"));
        }
        let number = digits.iter().try_fold(0_u64, |value, digit| {
            value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        });
        match number {
            Some(number) if number < 1 << 63 => Ok(number),
            _ => Err(Fault::Syntax("Number is too large")),
        }
    }

    /// Reads a number above 0.
    pub fn nonzero(&mut self) -> Parsed<u32> {
        match self.number()? {
            0 => Err(Fault::Syntax("Number must not be 0")),
            number => Ok(number),
        }
    }

    /// Reads a quoted string or literal.
    pub fn string(&mut self) -> Parsed<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{' | b'~') => Ok(Cow::Borrowed(self.literal()?)),
            _ => Err(Fault::Syntax("Expected a string")),
        }
    }

    /// Reads an atom, quoted string or literal.
    pub fn astring(&mut self) -> Parsed<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(),
            _ => match self.take_while(is_astring) {
                b"" => Err(Fault::Syntax("Expected a string")),
                atom => Ok(Cow::Borrowed(atom)),
            },
        }
    }

    /// Reads an astring that must be UTF-8.
    pub fn text(&mut self) -> Parsed<String> {
        String::from_utf8(self.astring()?.into_owned())
            .map_err(|_| Fault::Syntax("Text is not UTF-8"))
    }

    /// True at a literal with which the bytes end, so that its own are still to come.
    pub fn awaits_literal(&self) -> bool {
        let literal = self.rest.strip_suffix(b"\n").unwrap_or(self.rest);
        !literal.contains(&b'\n') && matches!(self.peek(), Some(b'{' | b'~'))
    }

    /// Reads `NIL` or a string.
    pub fn nstring(&mut self) -> Parsed<Option<Cow<'a, [u8]>>> {
        if self.accept_word("NIL") {
            Ok(None)
        } else {
            self.string().map(Some)
        }
    }

    fn quoted(&mut self) -> Parsed<Cow<'a, [u8]>> {
        const UNCLOSED: Fault = Fault::Syntax("Quoted string is not closed");
        self.accept(b'"');
        let plain = self.take_while(|b| b != b'"' && b != b'\\');
        if self.accept(b'"') {
            return Ok(Cow::Borrowed(plain));
        }
        let mut value = plain.to_vec();
        loop {
            value.extend_from_slice(self.take_while(|b| b != b'"' && b != b'\\'));
            match self.take(1) {
                Some(b"\"") => return Ok(Cow::Owned(value)),
                Some(_) => match self.take(1) {
                    Some(escaped @ (b"\"" | b"\\")) => value.extend_from_slice(escaped),
                    _ => return Err(Fault::Syntax("Only \" and \\ may follow a backslash")),
                },
                None => return Err(UNCLOSED),
            }
        }
    }

    fn literal(&mut self) -> Parsed<&'a [u8]> {
        const DAMAGED: Fault = Fault::Syntax("Literal is damaged");
        self.accept(b'~');
        self.expect(b'{', "Expected a literal")?;
        let size = self.number()?;
        self.accept(b'+');
        self.expect(b'}', "Literal is damaged")?;
        self.accept(b'\r');
        self.expect(b'\n', "Literal is damaged")?;
        self.take(usize::try_from(size).map_err(|_| DAMAGED)?)
            .ok_or(DAMAGED)
    }

    /// Reads `(`, `read` for each of at least one member with a space between, and `)`.
    ///
    /// More than `count_max` members are refused.
    pub fn list<T>(
        &mut self,
        count_max: usize,
        mut read: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        self.expect(b'(', "Expected a list")?;
        let mut members = Vec::new();
        loop {
            members.push(read(self)?);
            if members.len() > count_max {
                return Err(Fault::Limit("Too many members in a list"));
            }
            if self.accept(b')') {
                return Ok(members);
            }
            self.expect(b' ', "Expected a space or )")?;
            while self.accept(b' ') {}
        }
    }

    /// Like [`Cursor::list`], but `()` is an empty list.
    pub fn list_or_empty<T>(
        &mut self,
        count_max: usize,
        read: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        if self.accept_word("()") {
            Ok(Vec::new())
        } else {
            self.list(count_max, read)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_string_ends_at_its_unescaped_quote() {
        let mut cursor = Cursor::new(br#""a\"b\\" tail"#);
        assert_eq!(cursor.string().unwrap().as_ref(), br#"a"b\"#);
        assert_eq!(cursor.rest(), b" tail");
    }

    #[test]
    fn a_literal_may_hold_anything() {
        let mut cursor = Cursor::new(b"{4}\r\n\"(\r\n x");
        assert_eq!(cursor.astring().unwrap().as_ref(), b"\"(\r\n");
        assert_eq!(cursor.rest(), b" x");
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        for bad in [
            "",
            "x",
            "4294967296",
            "18446744073709551616",
            "99999999999999999999999",
        ] {
            assert!(Cursor::new(bad.as_bytes()).number().is_err(), "{bad}");
        }
        assert_eq!(Cursor::new(b"4294967295").number(), Ok(u32::MAX));
        assert!(Cursor::new(b"9223372036854775808").number64().is_err());
    }

    #[test]
    fn a_literal_shorter_than_it_says_is_refused() {
        assert!(Cursor::new(b"{5}\r\nabcd").string().is_err());
        assert!(Cursor::new(b"{-1}\r\n").string().is_err());
        assert!(Cursor::new(b"\"abc").string().is_err());
    }
}
