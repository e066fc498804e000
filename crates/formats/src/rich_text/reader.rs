//! What a document says, whatever form it has inside.
//!
//! Source: [MS-OXRTFEX] 2.1.3 and 3.1 (HTML and text inside), Rich Text Format 1.9.1 (the rest).

use super::lexer::{Lexer, Token};
use super::sink::{Form, Look, Sink};
use crate::message::charset;
use std::collections::BTreeMap;

/// Groups within one another that are told apart; what lies deeper is not read.
const DEPTH_MAX: usize = 256;
/// Fonts whose code pages are kept.
const FONTS_MAX: usize = 1000;
/// Signs at the beginning that may say what is inside. Source: [MS-OXRTFEX] 3.1.4.
const SIGNS_MAX: usize = 10;
/// Groups that hold no text.
const WITHOUT_TEXT: [&[u8]; 11] = [
    b"colortbl",
    b"stylesheet",
    b"info",
    b"pict",
    b"objdata",
    b"listtable",
    b"listoverridetable",
    b"rsidtbl",
    b"generator",
    b"themedata",
    b"fldinst",
];

/// Groups whose text does not belong where they stand.
const BESIDE: [&[u8]; 3] = [b"header", b"footer", b"footnote"];

/// What a document holds besides its own form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enclosed {
    /// It was made of HTML, which stands in it.
    Html,
    /// It was made of a plain text.
    Text,
    /// Nothing: it was written as it is.
    Nothing,
}

impl Enclosed {
    /// Looks at the first signs. Source: [MS-OXRTFEX] 3.1.4.
    pub fn of(document: &[u8]) -> Self {
        let mut signs = Lexer::new(document).take(SIGNS_MAX);
        let found = signs.find_map(|sign| match sign {
            Token::Word(b"fromhtml", Some(1)) => Some(Self::Html),
            Token::Word(b"fromtext", _) => Some(Self::Text),
            _ => None,
        });
        found.unwrap_or(Self::Nothing)
    }
}

/// The plain text of a document, at most `bytes_max` bytes. Of one that encloses HTML, what old
/// readers would have shown.
pub fn text_of(document: &[u8], bytes_max: usize) -> String {
    read(document, Sink::new(Form::Text, bytes_max))
}

/// All words of a document, at most `bytes_max` bytes: those of headers, footers and notes too.
pub fn words_of(document: &[u8], bytes_max: usize) -> String {
    read(document, Sink::new(Form::Words, bytes_max))
}

/// The HTML that a document encloses, or else one that looks like it in the plainest way.
pub fn html_of(document: &[u8], bytes_max: usize) -> String {
    if Enclosed::of(document) == Enclosed::Html {
        return read(document, Sink::new(Form::EnclosedHtml, bytes_max));
    }
    let body = read(document, Sink::new(Form::Html, bytes_max));
    format!("<html><body>\r\n{body}\r\n</body></html>\r\n")
}

fn read(document: &[u8], sink: Sink) -> String {
    if !document.starts_with(b"{\\rtf") {
        return String::new();
    }
    let mut reader = Reader {
        sink,
        encloses_html: Enclosed::of(document) == Enclosed::Html,
        groups: Vec::new(),
        group: Group::default(),
        too_deep: 0,
        to_skip: 0,
        is_marked: false,
        code_page: 1252,
        default_font: None,
        fonts: BTreeMap::new(),
        bytes: Vec::new(),
        half: None,
    };
    for token in Lexer::new(document) {
        reader.take(token);
        if reader.sink.is_full() {
            break;
        }
    }
    reader.end_bytes();
    reader.sink.finish()
}

/// What the text of a group is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Purpose {
    #[default]
    Text,
    /// Markup of the enclosed HTML.
    Tag,
    /// The names of fonts.
    Fonts,
    Nothing,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    purpose: Purpose,
    /// Only for readers that don't know the enclosed HTML.
    is_for_old_readers: bool,
    /// Signs behind a Unicode character that say the same for old readers.
    skipped_after_unicode: usize,
    font: Option<i32>,
    look: Look,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            purpose: Purpose::Text,
            is_for_old_readers: false,
            skipped_after_unicode: 1,
            font: None,
            look: Look::default(),
        }
    }
}

struct Reader {
    sink: Sink,
    encloses_html: bool,
    groups: Vec<Group>,
    group: Group,
    /// Groups open beyond [`DEPTH_MAX`].
    too_deep: usize,
    to_skip: usize,
    /// Behind `\*`: who does not know the next word leaves the group out.
    is_marked: bool,
    code_page: i32,
    default_font: Option<i32>,
    /// Code pages of the fonts that have one of their own.
    fonts: BTreeMap<i32, i32>,
    /// Bytes of a code page that are not decoded yet.
    bytes: Vec<u8>,
    /// The first half of a character of two units.
    half: Option<u16>,
}

impl Reader {
    fn take(&mut self, token: Token<'_>) {
        match token {
            Token::Open => self.open(),
            Token::Close => self.close(),
            Token::Word(word, number) => self.word(word, number),
            Token::Symbol(symbol) => self.symbol(symbol),
            Token::Byte(byte) => self.byte(byte),
            Token::Text(text) => text.iter().for_each(|&byte| self.byte(byte)),
        }
    }

    fn open(&mut self) {
        self.end_bytes();
        self.to_skip = 0;
        if self.groups.len() < DEPTH_MAX {
            self.groups.push(self.group);
        } else {
            self.too_deep += 1;
        }
    }

    fn close(&mut self) {
        self.end_bytes();
        self.to_skip = 0;
        self.is_marked = false;
        if self.too_deep > 0 {
            self.too_deep -= 1;
        } else if let Some(outer) = self.groups.pop() {
            self.group = outer;
        }
    }

    /// Whether text that stands here is wanted.
    fn is_shown(&self) -> bool {
        let is_of_form = match (self.sink.form(), self.group.purpose) {
            (_, Purpose::Nothing | Purpose::Fonts) => false,
            (Form::EnclosedHtml, _) => !self.group.is_for_old_readers,
            (_, purpose) => purpose == Purpose::Text,
        };
        is_of_form && self.too_deep == 0
    }

    fn byte(&mut self, byte: u8) {
        if self.to_skip > 0 {
            self.to_skip -= 1;
        } else if self.is_shown() {
            self.bytes.push(byte);
        }
    }

    /// Decodes the bytes in hand: by the font where it has a code page, else by the document's.
    fn end_bytes(&mut self) {
        self.half = None;
        if self.bytes.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.bytes);
        let font = self.group.font.or(self.default_font);
        let own = font.and_then(|font| self.fonts.get(&font).copied());
        let label = label_of(own.unwrap_or(self.code_page));
        let text = charset::to_utf8(label.as_bytes(), &bytes);
        self.sink.text(&text, self.group.look);
    }

    fn symbol(&mut self, symbol: u8) {
        if self.to_skip > 0 {
            self.to_skip -= 1;
            return;
        }
        match symbol {
            b'*' => self.is_marked = true,
            b'\\' | b'{' | b'}' => self.byte(symbol),
            b'~' => self.named('\u{a0}', "&nbsp;"),
            b'_' => self.named('\u{ad}', "&shy;"),
            _ => {}
        }
    }

    fn named(&mut self, character: char, entity: &str) {
        self.end_bytes();
        if self.is_shown() {
            self.sink.named(character, entity, self.group.look);
        }
    }

    fn word(&mut self, word: &[u8], number: Option<i32>) {
        if std::mem::take(&mut self.is_marked) {
            self.end_bytes();
            self.group.purpose = match word {
                b"htmltag" if self.encloses_html => Purpose::Tag,
                _ => Purpose::Nothing,
            };
            return;
        }
        match word {
            b"u" => self.unicode(number.unwrap_or_default()),
            b"uc" => {
                let count = usize::try_from(number.unwrap_or(1)).unwrap_or(1);
                self.group.skipped_after_unicode = count.min(16);
            }
            b"htmlrtf" if self.encloses_html => {
                self.end_bytes();
                self.group.is_for_old_readers = number != Some(0);
            }
            b"par" | b"line" | b"sect" | b"page" | b"row" => self.line_end(),
            b"tab" | b"cell" => {
                self.end_bytes();
                if self.is_shown() {
                    self.sink.tab();
                }
            }
            b"lquote" => self.named('‘', "&lsquo;"),
            b"rquote" => self.named('’', "&rsquo;"),
            b"ldblquote" => self.named('“', "&ldquo;"),
            b"rdblquote" => self.named('”', "&rdquo;"),
            b"bullet" => self.named('•', "&bull;"),
            b"endash" => self.named('–', "&ndash;"),
            b"emdash" => self.named('—', "&mdash;"),
            b"emspace" => self.named('\u{2003}', "&emsp;"),
            b"enspace" => self.named('\u{2002}', "&ensp;"),
            b"zwj" => self.named('\u{200d}', "&zwj;"),
            b"zwnj" => self.named('\u{200c}', "&zwnj;"),
            _ => self.setting(word, number),
        }
    }

    fn line_end(&mut self) {
        self.end_bytes();
        if self.is_shown() {
            self.sink.line_end();
        }
    }

    /// Words that say how what follows is to be read or looks.
    fn setting(&mut self, word: &[u8], number: Option<i32>) {
        self.end_bytes();
        let is_on = number != Some(0);
        let look = &mut self.group.look;
        match word {
            b"ansicpg" => self.code_page = number.unwrap_or(1252),
            b"deff" => self.default_font = number,
            b"fonttbl" => self.group.purpose = Purpose::Fonts,
            b"f" => self.group.font = number,
            b"fcharset" => self.font_has(number.and_then(code_page_of_charset)),
            b"cpg" => self.font_has(number),
            b"b" => *look = look.with(Look::BOLD, is_on),
            b"i" => *look = look.with(Look::ITALIC, is_on),
            b"ul" => *look = look.with(Look::UNDERLINED, is_on),
            b"ulnone" => *look = look.with(Look::UNDERLINED, false),
            b"strike" => *look = look.with(Look::STRUCK, is_on),
            b"plain" => {
                *look = Look::default();
                self.group.font = None;
            }
            _ if WITHOUT_TEXT.contains(&word) => self.group.purpose = Purpose::Nothing,
            _ if BESIDE.contains(&word) && self.sink.form() != Form::Words => {
                self.group.purpose = Purpose::Nothing;
            }
            // The text around a note goes on without it.
            b"footnote" => self.line_end(),
            _ => {}
        }
    }

    /// The code page of the font whose entry is being read.
    fn font_has(&mut self, code_page: Option<i32>) {
        let (Purpose::Fonts, Some(font), Some(code_page)) =
            (self.group.purpose, self.group.font, code_page)
        else {
            return;
        };
        if self.fonts.len() < FONTS_MAX {
            self.fonts.insert(font, code_page);
        }
    }

    /// A unit of UTF-16, which is written as a number with a sign.
    fn unicode(&mut self, number: i32) {
        let unit = number.rem_euclid(0x1_0000);
        let unit = u16::try_from(unit).unwrap_or_default();
        let half = self.half.take();
        if !self.bytes.is_empty() {
            self.end_bytes();
        }
        self.to_skip = self.group.skipped_after_unicode;
        if !self.is_shown() {
            return;
        }
        let character = match (half, unit) {
            (None, 0xd800..=0xdbff) => {
                self.half = Some(unit);
                return;
            }
            (Some(high), low) => char::decode_utf16([high, low]).next(),
            (None, unit) => char::decode_utf16([unit]).next(),
        };
        let character = character.and_then(Result::ok).unwrap_or('\u{fffd}');
        self.sink
            .text(character.encode_utf8(&mut [0; 4]), self.group.look);
    }
}

/// The code page of a font's character set. Source: Rich Text Format 1.9.1, "Font Table".
fn code_page_of_charset(charset: i32) -> Option<i32> {
    Some(match charset {
        0 => 1252,
        77 => 10000,
        128 => 932,
        129 => 949,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        _ => return None,
    })
}

/// What letters call the charset of a code page.
fn label_of(code_page: i32) -> String {
    match code_page {
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        10000 => "macintosh".to_owned(),
        65001 => "utf-8".to_owned(),
        number => format!("windows-{number}"),
    }
}
