//! The signs of a document.
//!
//! Source: Rich Text Format 1.9.1, "RTF Syntax".

use crate::cursor::Cursor;
use crate::message::decode::hex_value;

/// Letters of a control word that are read as one, at most.
const WORD_BYTES_MAX: usize = 32;

/// One sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// `{`
    Open,
    /// `}`
    Close,
    /// `\word12`
    Word(&'a [u8], Option<i32>),
    /// `\` and a sign that is no letter.
    Symbol(u8),
    /// `\'e4`
    Byte(u8),
    /// Text without line ends, which mean nothing here.
    Text(&'a [u8]),
}

/// Reads a document sign by sign.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(document: &'a [u8]) -> Self {
        Self {
            cursor: Cursor::new(document),
        }
    }

    fn control(&mut self) -> Option<Token<'a>> {
        let first = self.cursor.peek()?;
        if first.is_ascii_alphabetic() {
            return Some(self.word());
        }
        self.cursor.next();
        if first != b'\'' {
            return Some(Token::Symbol(first));
        }
        let digits = self.cursor.rest().first_chunk::<2>();
        let value = digits.and_then(|[high, low]| Some(hex_value(*high)? << 4 | hex_value(*low)?));
        if value.is_some() {
            self.cursor.take(2);
        }
        Some(value.map_or(Token::Symbol(first), Token::Byte))
    }

    /// A control word with its number and the blank that ends it. The bytes behind `\bin` are
    /// passed over with it.
    fn word(&mut self) -> Token<'a> {
        let letters = self.cursor.rest().iter().take(WORD_BYTES_MAX);
        let count = letters
            .take_while(|byte| byte.is_ascii_alphabetic())
            .count();
        let word = self.cursor.take_up_to(count);
        let mut ahead = self.cursor;
        let is_negative = ahead.accept(b'-');
        let number = ahead.number(1, 10);
        if number.is_some() {
            self.cursor = ahead;
        }
        let number = number.map(|number| if is_negative { -number } else { number });
        let number = number.and_then(|number| i32::try_from(number).ok());
        self.cursor.accept(b' ');
        if word == b"bin" {
            let size = number.and_then(|number| usize::try_from(number).ok());
            self.cursor.take_up_to(size.unwrap_or_default());
        }
        Token::Word(word, number)
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.cursor
            .take_while(|byte| matches!(byte, b'\r' | b'\n' | 0));
        match self.cursor.peek()? {
            b'{' => {
                self.cursor.next();
                Some(Token::Open)
            }
            b'}' => {
                self.cursor.next();
                Some(Token::Close)
            }
            b'\\' => {
                self.cursor.next();
                self.control()
            }
            _ => {
                let is_text = |byte| !matches!(byte, b'\\' | b'{' | b'}' | b'\r' | b'\n' | 0);
                Some(Token::Text(self.cursor.take_while(is_text)))
            }
        }
    }
}
