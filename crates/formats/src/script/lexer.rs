//! Words, numbers and strings of a script.
//!
//! Standards: RFC 5228 §2.2 to §2.5, §8.1 (lexical tokens).

use super::fault::Complaint;

/// One lexical token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A command's or test's name.
    Word(&'a str),
    /// What follows a colon.
    Tag(&'a str),
    /// A number with its K, M or G worked in.
    Number(u64),
    /// A string, quoted or multi-line.
    Text(String),
    /// One of `{}()[],;`.
    Mark(u8),
    /// Nothing follows.
    End,
}

/// Where a token begins.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct At {
    pub offset: usize,
    pub line: u32,
}

/// Reads tokens.
pub(super) struct Lexer<'a> {
    source: &'a str,
    at: At,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        // Some editors put a byte order mark there.
        let offset = if source.starts_with('\u{feff}') { 3 } else { 0 };
        let at = At { offset, line: 1 };
        Self { source, at }
    }

    /// The next token and where it begins.
    pub(super) fn next(&mut self) -> Result<(Token<'a>, At), Complaint> {
        self.skip_blanks()?;
        let at = self.at;
        let Some(&first) = self.rest().as_bytes().first() else {
            return Ok((Token::End, at));
        };
        let token = match first {
            b'{' | b'}' | b'(' | b')' | b'[' | b']' | b',' | b';' => {
                self.advance(1);
                Token::Mark(first)
            }
            b'"' => self.quoted()?,
            b':' => {
                self.advance(1);
                match self.word() {
                    "" => return Err(Complaint::new(at.offset, "a tag's name must follow `:`")),
                    word => Token::Tag(word),
                }
            }
            b'0'..=b'9' => self.number()?,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => match self.word() {
                word if word.eq_ignore_ascii_case("text") && self.rest().starts_with(':') => {
                    self.multi_line(at)?
                }
                word => Token::Word(word),
            },
            _ => {
                let found = self.rest().chars().next().unwrap_or_default();
                let text = format!("`{}` cannot stand here", found.escape_debug());
                return Err(Complaint::new(at.offset, text));
            }
        };
        Ok((token, at))
    }

    fn rest(&self) -> &'a str {
        self.source.get(self.at.offset..).unwrap_or_default()
    }

    /// Passes bytes, counting their lines; `count` ends at a character's end.
    fn advance(&mut self, count: usize) {
        let passed = self.rest().get(..count).unwrap_or_default();
        let lines = memchr::memchr_iter(b'\n', passed.as_bytes()).count();
        self.at.line = self
            .at
            .line
            .saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        self.at.offset += passed.len();
    }

    /// White space and comments. Source: RFC 5228 §2.3.
    fn skip_blanks(&mut self) -> Result<(), Complaint> {
        loop {
            let rest = self.rest();
            let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            if blanks > 0 {
                self.advance(blanks);
            } else if rest.starts_with('#') {
                self.advance(rest.find('\n').unwrap_or(rest.len()));
            } else if rest.starts_with("/*") {
                let Some(end) = rest.find("*/") else {
                    return Err(Complaint::new(
                        self.at.offset,
                        "this comment is never closed",
                    ));
                };
                self.advance(end + 2);
            } else {
                return Ok(());
            }
        }
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let word = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        self.advance(word.len());
        word
    }

    /// Source: RFC 5228 §2.4.1; numbers over 2^63 - 1 are refused.
    fn number(&mut self) -> Result<Token<'a>, Complaint> {
        let at = self.at.offset;
        let word = self.word();
        let too_large = || Complaint::new(at, "this number is too large");
        let digits = word.trim_end_matches(|c: char| !c.is_ascii_digit());
        let factor = match word.get(digits.len()..).unwrap_or_default() {
            "" => 1,
            "k" | "K" => 1 << 10,
            "m" | "M" => 1 << 20,
            "g" | "G" => 1 << 30,
            _ => return Err(Complaint::new(at, format!("`{word}` is no number"))),
        };
        if digits.bytes().any(|digit| !digit.is_ascii_digit()) {
            return Err(Complaint::new(at, format!("`{word}` is no number")));
        }
        let number: i64 = digits.parse().map_err(|_| too_large())?;
        let number = number.checked_mul(factor).ok_or_else(too_large)?;
        Ok(Token::Number(number.cast_unsigned()))
    }

    /// Source: RFC 5228 §2.4.2; a backslash before any other character is dropped.
    fn quoted(&mut self) -> Result<Token<'a>, Complaint> {
        let (mut text, mut escaped) = (String::new(), false);
        for (index, character) in self.rest().char_indices().skip(1) {
            match character {
                '\\' if !escaped => {
                    escaped = true;
                    continue;
                }
                '"' if !escaped => {
                    self.advance(index + 1);
                    return Ok(Token::Text(text));
                }
                '\0' => break,
                _ => text.push(character),
            }
            escaped = false;
        }
        Err(Complaint::new(
            self.at.offset,
            "this string is never closed",
        ))
    }

    /// `text:` and lines up to one that is a single dot. Source: RFC 5228 §2.4.2.
    fn multi_line(&mut self, at: At) -> Result<Token<'a>, Complaint> {
        self.advance(1);
        let rest = self.rest();
        let first_end = rest.find('\n').unwrap_or(rest.len());
        let first = rest.get(..first_end).unwrap_or_default().trim();
        if !first.is_empty() && !first.starts_with('#') {
            let text = "the string begins on the line after `text:`";
            return Err(Complaint::new(self.at.offset, text));
        }
        let mut text = String::new();
        let mut passed = first_end + 1;
        for line in rest.get(passed..).unwrap_or_default().split_inclusive('\n') {
            passed += line.len();
            let ended = line.strip_suffix('\n');
            let bare = ended.map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
            if bare == "." {
                self.advance(passed);
                return Ok(Token::Text(text));
            }
            if ended.is_none() || bare.contains('\0') {
                break;
            }
            text.push_str(
                bare.strip_prefix('.')
                    .filter(|_| bare.starts_with(".."))
                    .unwrap_or(bare),
            );
            text.push_str("\r\n");
        }
        let text = "this text is never closed by a line with a single dot";
        Err(Complaint::new(at.offset, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(source: &str) -> Result<Vec<Token<'_>>, String> {
        let mut lexer = Lexer::new(source);
        let mut tokens = Vec::new();
        loop {
            match lexer.next().map_err(|complaint| complaint.text)? {
                (Token::End, _) => return Ok(tokens),
                (token, _) => tokens.push(token),
            }
        }
    }

    #[test]
    fn tokens_are_told_apart() {
        assert_eq!(
            tokens("If :OVER 2K /* x\n*/ {# y\n\"a\\\"\\\\\\b\"").unwrap(),
            [
                Token::Word("If"),
                Token::Tag("OVER"),
                Token::Number(2048),
                Token::Mark(b'{'),
                Token::Text("a\"\\b".to_owned()),
            ]
        );
    }

    #[test]
    fn a_text_ends_at_a_dot_and_doubled_dots_are_one() {
        let source = "text: # c\r\n..x\r\n\r\n.y\r\n.\r\n;";
        assert_eq!(
            tokens(source).unwrap(),
            [
                Token::Text(".x\r\n\r\n.y\r\n".to_owned()),
                Token::Mark(b';')
            ]
        );
        assert!(tokens("text:\n.").is_ok());
    }

    #[test]
    fn what_never_ends_is_refused() {
        for source in [
            "\"a",
            "/* a",
            "text:\na\n",
            "text: a\n.\n",
            "10Q",
            "99999999999G",
            "%",
        ] {
            assert!(tokens(source).is_err(), "{source}");
        }
    }
}
