//! The words of Rich Text Format.
//!
//! Source: Rich Text Format 1.9.1, "Conventions of an RTF Reader" and "Unicode RTF".

use super::Words;
use crate::message::charset;

/// Groups within one another that are told apart; what lies deeper is not read.
const DEPTH_MAX: usize = 256;
/// Letters of a control word, at most.
const WORD_BYTES_MAX: usize = 32;
/// Groups that hold no text that is shown.
const UNSHOWN: [&[u8]; 14] = [
    b"fonttbl",
    b"colortbl",
    b"stylesheet",
    b"info",
    b"pict",
    b"objdata",
    b"themedata",
    b"colorschememapping",
    b"datastore",
    b"latentstyles",
    b"listtable",
    b"listoverridetable",
    b"rsidtbl",
    b"generator",
];

/// Adds the text of a document.
pub(super) fn text(document: &[u8], out: &mut Words) {
    if !document.starts_with(b"{\\rtf") {
        return;
    }
    let mut reader = Reader {
        rest: document,
        groups: Vec::new(),
        group: Group {
            is_shown: true,
            skipped_after_unicode: 1,
        },
        too_deep: 0,
        to_skip: 0,
        codepage: "windows-1252".to_owned(),
        bytes: Vec::new(),
    };
    while !out.is_full() && reader.step(out) {}
    reader.end_bytes(out);
}

#[derive(Clone, Copy)]
struct Group {
    is_shown: bool,
    /// Characters behind a Unicode character that say the same for old readers.
    skipped_after_unicode: usize,
}

struct Reader<'a> {
    rest: &'a [u8],
    groups: Vec<Group>,
    group: Group,
    /// Groups open beyond [`DEPTH_MAX`].
    too_deep: usize,
    to_skip: usize,
    codepage: String,
    /// Bytes of the code page that are not decoded yet.
    bytes: Vec<u8>,
}

impl Reader<'_> {
    /// Reads one thing; false at the end.
    fn step(&mut self, out: &mut Words) -> bool {
        let Some((&first, rest)) = self.rest.split_first() else {
            return false;
        };
        self.rest = rest;
        match first {
            b'{' => self.open(),
            b'}' => self.close(out),
            b'\\' => self.control(out),
            b'\r' | b'\n' => {}
            byte => self.byte(byte),
        }
        true
    }

    fn open(&mut self) {
        if self.groups.len() < DEPTH_MAX {
            self.groups.push(self.group);
        } else {
            self.too_deep += 1;
        }
    }

    fn close(&mut self, out: &mut Words) {
        self.end_bytes(out);
        self.to_skip = 0;
        if self.too_deep > 0 {
            self.too_deep -= 1;
        } else if let Some(outer) = self.groups.pop() {
            self.group = outer;
        }
    }

    fn is_shown(&self) -> bool {
        self.group.is_shown && self.too_deep == 0
    }

    /// A byte of text in the code page.
    fn byte(&mut self, byte: u8) {
        if self.to_skip > 0 {
            self.to_skip -= 1;
        } else if self.is_shown() {
            self.bytes.push(byte);
        }
    }

    fn end_bytes(&mut self, out: &mut Words) {
        if !self.bytes.is_empty() {
            let bytes = std::mem::take(&mut self.bytes);
            out.push_str(&charset::to_utf8(self.codepage.as_bytes(), &bytes));
        }
    }

    fn control(&mut self, out: &mut Words) {
        let Some((&first, rest)) = self.rest.split_first() else {
            return;
        };
        if first.is_ascii_alphabetic() {
            return self.word(out);
        }
        self.rest = rest;
        match first {
            b'\'' => {
                let digits = self.rest.get(..2).and_then(|two| str::from_utf8(two).ok());
                let code = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
                if let Some(code) = code {
                    self.rest = self.rest.get(2..).unwrap_or_default();
                    self.byte(code);
                }
            }
            b'*' => self.group.is_shown = false,
            b'\\' | b'{' | b'}' => self.byte(first),
            b'~' => self.byte(b' '),
            b'_' => self.byte(b'-'),
            _ => {}
        }
    }

    /// A control word with its number and the blank that ends it.
    fn word(&mut self, out: &mut Words) {
        let is_letter = |byte: &&u8| byte.is_ascii_alphabetic();
        let letters = self.rest.iter().take(WORD_BYTES_MAX).take_while(is_letter);
        let (word, rest) = self
            .rest
            .split_at_checked(letters.count())
            .unwrap_or_default();
        let sign = usize::from(rest.first() == Some(&b'-'));
        let digits = rest
            .iter()
            .skip(sign)
            .take(10)
            .take_while(|byte| byte.is_ascii_digit());
        let (number, rest) = rest
            .split_at_checked(sign + digits.count())
            .unwrap_or_default();
        let number = str::from_utf8(number)
            .ok()
            .and_then(|digits| digits.parse::<i64>().ok());
        self.rest = rest.strip_prefix(b" ").unwrap_or(rest);
        self.act(word, number, out);
    }

    fn act(&mut self, word: &[u8], number: Option<i64>, out: &mut Words) {
        match (word, number) {
            (b"par" | b"line" | b"tab" | b"cell" | b"row" | b"sect" | b"page", _) => {
                self.end_bytes(out);
                if self.is_shown() {
                    out.gap();
                }
            }
            (b"u", Some(code)) => self.unicode(code, out),
            (b"uc", Some(count)) => {
                self.group.skipped_after_unicode = usize::try_from(count).unwrap_or(1).min(16);
            }
            (b"ansicpg", Some(page)) => self.codepage = format!("windows-{page}"),
            (b"bin", Some(len)) => {
                let len = usize::try_from(len).unwrap_or(0);
                self.rest = self.rest.get(len..).unwrap_or_default();
            }
            (word, _) if UNSHOWN.contains(&word) => self.group.is_shown = false,
            _ => {}
        }
    }

    /// A character by its number, which is written as if it had 16 bits and a sign.
    fn unicode(&mut self, code: i64, out: &mut Words) {
        self.end_bytes(out);
        let code = if code < 0 { code + 0x1_0000 } else { code };
        let letter = u32::try_from(code).ok().and_then(char::from_u32);
        if self.is_shown()
            && let Some(letter) = letter
        {
            out.push(letter);
        }
        self.to_skip = self.group.skipped_after_unicode;
    }
}
