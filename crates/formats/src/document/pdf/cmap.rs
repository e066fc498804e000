//! Which characters a font's codes mean, as the font's own table says.
//!
//! Source: ISO 32000-1 §9.10.3 (`ToUnicode`), §9.7.5 (code spaces); Adobe Technical Notes 5014 and
//! 5411.

use super::lexer::{Lexer, Token, Value};
use super::work::Work;

/// Entries of one table: one for each code of two bytes.
const ENTRIES_MAX: usize = 64 * 1024;
/// Characters that one code may mean: the longest ligatures have five or so.
const MEANING_BYTES_MAX: usize = 64;
/// Values between two words of a table: the most that a section may have is 100 entries of three.
const VALUES_MAX: usize = 1024;
/// Code spaces; the largest of the published tables have a dozen.
const SPACES_MAX: usize = 32;

/// Codes from one to another, and the meaning of the first; the last character of it counts up.
#[derive(Debug)]
struct Range {
    first: u32,
    last: u32,
    meaning: Box<str>,
}

/// A table of meanings.
#[derive(Debug, Default)]
pub(super) struct Map {
    ranges: Vec<Range>,
    /// How many bytes a code has, with the first and last code of so many.
    spaces: Vec<(usize, u32, u32)>,
}

impl Map {
    /// Reads a table, as far as it goes.
    pub(super) fn read(table: &[u8], work: &Work) -> Self {
        let mut map = Self::default();
        let mut lexer = Lexer::new(table, 0, work);
        let mut values = Vec::new();
        while let Some(token) = lexer.next() {
            match token {
                Token::Value(value) if values.len() < VALUES_MAX => values.push(value),
                Token::Value(_) => {}
                Token::Word(word) => {
                    map.section(&word, &values);
                    values.clear();
                }
            }
            if map.ranges.len() >= ENTRIES_MAX {
                break;
            }
        }
        map.ranges.sort_by_key(|range| range.first);
        map
    }

    fn section(&mut self, end: &[u8], values: &[Value]) {
        match end {
            b"endcodespacerange" => {
                for pair in values.chunks_exact(2) {
                    if let [Value::Text(first), Value::Text(last)] = pair
                        && self.spaces.len() < SPACES_MAX
                    {
                        self.spaces.push((first.len(), code(first), code(last)));
                    }
                }
            }
            b"endbfchar" => {
                for pair in values.chunks_exact(2) {
                    if let [Value::Text(code_bytes), Value::Text(meaning)] = pair {
                        let code = code(code_bytes);
                        self.add(code, code, meaning);
                    }
                }
            }
            b"endbfrange" => {
                for three in values.chunks_exact(3) {
                    self.range(three);
                }
            }
            _ => {}
        }
    }

    fn range(&mut self, three: &[Value]) {
        match three {
            [Value::Text(first), Value::Text(last), Value::Text(meaning)] => {
                self.add(code(first), code(last), meaning);
            }
            [Value::Text(first), Value::Text(_), Value::Array(meanings)] => {
                for (code, meaning) in (code(first)..=u32::MAX).zip(meanings) {
                    if let Value::Text(meaning) = meaning {
                        self.add(code, code, meaning);
                    }
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, first: u32, last: u32, meaning: &[u8]) {
        if meaning.len() > MEANING_BYTES_MAX || self.ranges.len() >= ENTRIES_MAX {
            return;
        }
        let meaning = utf16(meaning).into_boxed_str();
        self.ranges.push(Range {
            first,
            last,
            meaning,
        });
    }

    /// Adds what a code means; false if the table does not say.
    pub(super) fn meaning(&self, code: u32, out: &mut String) -> bool {
        let behind = self.ranges.partition_point(|range| range.first <= code);
        let range = behind.checked_sub(1).and_then(|at| self.ranges.get(at));
        let Some(range) = range.filter(|range| code <= range.last) else {
            return false;
        };
        let mut letters = range.meaning.chars();
        let Some(last) = letters.next_back() else {
            return false;
        };
        out.push_str(letters.as_str());
        let last = u32::from(last).saturating_add(code - range.first);
        out.extend(char::from_u32(last));
        true
    }

    /// How many entries are kept.
    pub(super) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// How many bytes the next code has, by the table's code spaces; `None` if it has none.
    pub(super) fn code_bytes(&self, text: &[u8]) -> Option<usize> {
        let fits = |&&(len, first, last): &&(usize, u32, u32)| {
            let bytes = text.get(..len);
            len > 0 && bytes.is_some_and(|bytes| (first..=last).contains(&code(bytes)))
        };
        let shortest = self.spaces.iter().map(|(len, ..)| *len).min()?;
        let found = self.spaces.iter().find(fits);
        Some(found.map_or(shortest, |(len, ..)| *len).clamp(1, 4))
    }
}

/// A code of one to four bytes as a number.
pub(super) fn code(bytes: &[u8]) -> u32 {
    let bytes = bytes.iter().take(4);
    bytes.fold(0, |code, &byte| code << 8 | u32::from(byte))
}

/// Text of two bytes for each unit, the higher first.
pub(super) fn utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|pair| match pair {
        [high, low] => u16::from_be_bytes([*high, *low]),
        _ => 0,
    });
    let letters = char::decode_utf16(units);
    letters.map(|letter| letter.unwrap_or('\u{fffd}')).collect()
}
