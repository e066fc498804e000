//! The objects of a file and the operators of a page, one after the other.
//!
//! Source: ISO 32000-1 §7.2 (white space, comments), §7.3 (objects), §7.8.2 (operators).

use super::work::Work;
use crate::cursor::Cursor;

/// Arrays and dictionaries within one another.
const DEPTH_MAX: usize = 32;
/// Values in one object: more than the widths of a font that has a letter for every number.
const VALUES_MAX: usize = 128 * 1024;

/// A value as a file spells it. What no text depends on (truth values) is null.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Value {
    #[default]
    Null,
    Number(f64),
    Name(Vec<u8>),
    Text(Vec<u8>),
    Array(Vec<Value>),
    Dictionary(Dictionary),
    /// The number of an object; its generation says nothing where the newest counts.
    Reference(u32),
}

impl Value {
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// A number without a sign or fraction.
    pub(super) fn count(&self) -> Option<usize> {
        let number = self.number()?;
        // Larger numbers than these are no counts of anything in a file.
        let is_count = (0.0..=f64::from(u32::MAX)).contains(&number);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "in range"
        )]
        is_count.then_some(number as usize)
    }

    pub(super) fn name(&self) -> Option<&[u8]> {
        match self {
            Self::Name(name) => Some(name),
            _ => None,
        }
    }

    pub(super) fn array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(values) => Some(values),
            _ => None,
        }
    }

    pub(super) fn dictionary(&self) -> Option<&Dictionary> {
        match self {
            Self::Dictionary(dictionary) => Some(dictionary),
            _ => None,
        }
    }
}

/// Values by their names, in the order of the file.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Dictionary(Vec<(Vec<u8>, Value)>);

impl Dictionary {
    /// The value of this name; null if there is none.
    pub(super) fn value(&self, name: &str) -> &Value {
        const NULL: &Value = &Value::Null;
        self.find(name.as_bytes()).unwrap_or(NULL)
    }

    pub(super) fn find(&self, name: &[u8]) -> Option<&Value> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value)
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    pub(super) fn set(&mut self, name: &str, value: Value) {
        let known = self
            .0
            .iter_mut()
            .find(|(known, _)| known == name.as_bytes());
        match known {
            Some((_, place)) => *place = value,
            None => self.0.push((name.as_bytes().to_vec(), value)),
        }
    }

    pub(super) fn is(&self, name: &str, expected: &str) -> bool {
        self.value(name).name() == Some(expected.as_bytes())
    }
}

/// One thing on the way through a file or a page.
#[derive(Debug, PartialEq)]
pub(super) enum Token {
    Value(Value),
    /// An operator, or a word between objects.
    Word(Vec<u8>),
}

enum Lexeme {
    Value(Value),
    Word(Vec<u8>),
    Open(Open),
    Close,
}

/// What is not closed yet.
enum Open {
    Array(Vec<Value>),
    Dictionary(Vec<Value>),
}

impl Open {
    fn values(&mut self) -> &mut Vec<Value> {
        match self {
            Self::Array(values) | Self::Dictionary(values) => values,
        }
    }

    fn close(self) -> Value {
        let values = match self {
            Self::Array(values) => return Value::Array(values),
            Self::Dictionary(values) => values,
        };
        let (mut entries, mut values) = (Vec::new(), values.into_iter());
        while let Some(name) = values.next() {
            if let (Value::Name(name), Some(value)) = (name, values.next()) {
                entries.push((name, value));
            }
        }
        Value::Dictionary(Dictionary(entries))
    }
}

/// Reads token after token.
pub(super) struct Lexer<'a> {
    input: Cursor<'a>,
    len: usize,
    work: &'a Work,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize, work: &'a Work) -> Self {
        Self {
            input: Cursor::new(bytes.get(at..).unwrap_or_default()),
            len: bytes.len(),
            work,
        }
    }

    /// Where the next token is read.
    pub(super) fn at(&self) -> usize {
        self.len.saturating_sub(self.input.rest().len())
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.input.rest()
    }

    /// Goes on behind so many bytes.
    pub(super) fn skip(&mut self, count: usize) {
        self.work.take(count);
        self.input.take_up_to(count);
    }

    /// The next token; `None` at the end, at damage, and when all work is done.
    pub(super) fn next(&mut self) -> Option<Token> {
        let mut open: Vec<Open> = Vec::new();
        let mut values = 0;
        loop {
            let value = match self.lexeme()? {
                Lexeme::Value(value) => value,
                Lexeme::Open(fresh) => {
                    open.push(fresh);
                    if open.len() > DEPTH_MAX {
                        return None;
                    }
                    continue;
                }
                Lexeme::Close => match open.pop() {
                    Some(whole) => whole.close(),
                    None => continue,
                },
                Lexeme::Word(word) => match (open.last_mut(), word.as_slice()) {
                    (None, _) => return Some(Token::Word(word)),
                    (Some(inner), b"R") => reference(inner.values()),
                    (Some(_), b"true" | b"false" | b"null") => Value::Null,
                    (Some(_), _) => return None, // What was open never ended.
                },
            };
            values += 1;
            match open.last_mut() {
                Some(_) if values > VALUES_MAX => return None,
                Some(inner) => inner.values().push(value),
                None => return Some(Token::Value(value)),
            }
        }
    }

    /// The next token, if it is a value.
    pub(super) fn value(&mut self) -> Option<Value> {
        match self.next()? {
            Token::Value(value) => Some(value),
            Token::Word(_) => None,
        }
    }

    fn lexeme(&mut self) -> Option<Lexeme> {
        let before = self.input.rest().len();
        let lexeme = self.read_lexeme();
        let read = before.saturating_sub(self.input.rest().len());
        lexeme.filter(|_| self.work.take(read))
    }

    fn read_lexeme(&mut self) -> Option<Lexeme> {
        loop {
            self.space();
            let first = self.input.peek()?;
            if is_regular(first) {
                return Some(number_or_word(self.input.take_while(is_regular)));
            }
            self.input.next();
            return Some(match first {
                b'/' => Lexeme::Value(Value::Name(name(self.input.take_while(is_regular)))),
                b'(' => Lexeme::Value(Value::Text(self.text())),
                b'<' if self.input.accept(b'<') => Lexeme::Open(Open::Dictionary(Vec::new())),
                b'<' => Lexeme::Value(Value::Text(self.hexadecimal())),
                b'[' => Lexeme::Open(Open::Array(Vec::new())),
                b']' => Lexeme::Close,
                b'>' if self.input.accept(b'>') => Lexeme::Close,
                _ => continue, // An end without a beginning.
            });
        }
    }

    /// White space and comments.
    fn space(&mut self) {
        loop {
            self.input.take_while(is_space);
            if !self.input.accept(b'%') {
                return;
            }
            self.input.take_while(|byte| byte != b'\r' && byte != b'\n');
        }
    }

    /// A string in parentheses, behind the first. Source: ISO 32000-1 §7.3.4.2.
    fn text(&mut self) -> Vec<u8> {
        let (mut out, mut depth) = (Vec::new(), 1_usize);
        while let Some(byte) = self.input.next() {
            match byte {
                b'(' => depth += 1,
                b')' => depth -= 1,
                b'\\' => {
                    out.extend(self.escaped());
                    continue;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
            out.push(byte);
        }
        out
    }

    /// What stands behind a backslash; nothing for the end of a line.
    fn escaped(&mut self) -> Option<u8> {
        let first = self.input.next()?;
        Some(match first {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 8,
            b'f' => 12,
            b'0'..=b'7' => {
                let mut code = first & 7;
                for _ in 0..2 {
                    let Some(digit @ b'0'..=b'7') = self.input.peek() else {
                        break;
                    };
                    self.input.next();
                    code = code << 3 | (digit & 7);
                }
                code
            }
            b'\r' => {
                self.input.accept(b'\n');
                return None;
            }
            b'\n' => return None,
            other => other,
        })
    }

    /// A string in angle brackets, behind the first. Source: ISO 32000-1 §7.3.4.3.
    fn hexadecimal(&mut self) -> Vec<u8> {
        let written = self.input.take_while(|byte| byte != b'>');
        self.input.accept(b'>');
        super::filters::hexadecimal(written)
    }
}

/// Two numbers before an `R` are a reference.
fn reference(values: &mut Vec<Value>) -> Value {
    let _generation = values.pop();
    let number = values.pop().and_then(|number| number.count());
    number
        .and_then(|number| u32::try_from(number).ok())
        .map_or(Value::Null, Value::Reference)
}

fn number_or_word(word: &[u8]) -> Lexeme {
    let is_number = |&byte: &u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.');
    if !word.iter().all(is_number) {
        return Lexeme::Word(word.to_vec());
    }
    let number = str::from_utf8(word).ok().and_then(|word| word.parse().ok());
    Lexeme::Value(Value::Number(number.unwrap_or_default()))
}

/// A name without its slash, in which `#` stands before two digits of a byte.
fn name(written: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(written.len());
    let mut rest = written;
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| first == b'#');
        let code = digits
            .and_then(|two| str::from_utf8(two).ok())
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        out.push(code.unwrap_or(first));
        rest = match code {
            Some(_) => after.get(2..).unwrap_or_default(),
            None => after,
        };
    }
    out
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 12 | b'\r' | b' ')
}

fn is_regular(byte: u8) -> bool {
    !is_space(byte) && !b"()<>[]{}/%".contains(&byte)
}
