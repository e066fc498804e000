//! A font, as far as text depends on it: which characters its codes mean and how wide they are.
//!
//! Source: ISO 32000-1 §9.6 (simple fonts), §9.7 (composite fonts), §9.10 (extraction of text).

use super::cmap::{self, Map};
use super::file::File;
use super::glyphs;
use super::lexer::{Dictionary, Value};
use super::work::Work;
use crate::message::charset;

/// What any font costs: a table of all codes may be made for it.
const FONT_COST: usize = 4096;
/// Widths are in thousandths of the size, except where a font says otherwise.
const THOUSANDTH: f64 = 0.001;

/// Names of published tables of codes by what they contain, with the charset that they stand for.
const CHARSETS: [(&str, &str); 10] = [
    ("UCS2", "utf-16be"),
    ("UTF16", "utf-16be"),
    ("RKSJ", "shift_jis"),
    ("GBK", "gb18030"),
    ("GB-EUC", "gb18030"),
    ("GBpc", "gb18030"),
    ("B5", "big5"),
    ("HKscs", "big5"),
    ("KSC", "euc-kr"),
    ("EUC", "euc-jp"),
];

/// A font made ready.
pub(super) struct Font {
    codes: Codes,
    map: Map,
    widths: Widths,
    is_vertical: bool,
}

/// How the bytes of a string become codes.
enum Codes {
    /// One byte each; what they mean, unless the font's own table says.
    Single(Vec<String>),
    /// Two bytes each.
    Double,
    /// As this table says.
    Spaces(Map),
    /// The string is text in a charset.
    Charset(&'static str),
}

enum Widths {
    Unknown,
    /// From this code on.
    Listed(u32, Vec<f64>),
    /// First and last code, with the width of each; then that of all others.
    Ranges(Vec<(u32, u32, f64)>, f64),
}

/// A piece of a string.
pub(super) struct Glyph<'t> {
    pub(super) text: &'t str,
    /// How far the pen moves, in text units for a size of 1; absent where the font does not say.
    pub(super) width: Option<f64>,
    /// True for the one code that word spacing is added to.
    pub(super) is_blank: bool,
}

impl Font {
    /// Reads a font's dictionary.
    pub(super) fn read(file: &File<'_>, font: &Dictionary, work: &Work) -> Self {
        work.take(FONT_COST);
        let table = file.stream(font.value("ToUnicode"));
        let map = table.map(|(_, table)| Map::read(&table, work));
        let (codes, widths, is_vertical) = if font.is("Subtype", "Type0") {
            composite(file, font, work)
        } else {
            let mut encoding = file.value(font, "Encoding");
            resolve_differences(file, &mut encoding);
            let codes = glyphs::of_encoding(&encoding, font.is("Subtype", "TrueType"));
            (Codes::Single(codes), simple_widths(file, font), false)
        };
        let font = Self {
            codes,
            map: map.unwrap_or_default(),
            widths,
            is_vertical,
        };
        work.take(font.entries());
        font
    }

    /// How many entries its tables have: what it takes to keep it.
    pub(super) fn entries(&self) -> usize {
        let codes = match &self.codes {
            Codes::Single(codes) => codes.len(),
            Codes::Spaces(map) => map.len(),
            Codes::Double | Codes::Charset(_) => 0,
        };
        let widths = match &self.widths {
            Widths::Unknown => 0,
            Widths::Listed(_, widths) => widths.len(),
            Widths::Ranges(ranges, _) => ranges.len(),
        };
        codes + widths + self.map.len()
    }

    pub(super) fn is_vertical(&self) -> bool {
        self.is_vertical
    }

    /// Hands over a string piece by piece.
    pub(super) fn each(&self, text: &[u8], visit: &mut dyn FnMut(Glyph<'_>)) {
        if let Codes::Charset(label) = self.codes {
            return in_charset(label, text, visit);
        }
        let mut rest = text;
        let mut letters = String::new();
        while !rest.is_empty() {
            let len = self.code_bytes(rest);
            let (bytes, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            rest = after;
            let code = cmap::code(bytes);
            letters.clear();
            if !self.map.meaning(code, &mut letters)
                && let Codes::Single(codes) = &self.codes
                && let Some(known) = codes.get(usize::try_from(code).unwrap_or(usize::MAX))
            {
                letters.push_str(known);
            }
            visit(Glyph {
                text: &letters,
                width: self.width(code),
                is_blank: bytes == b" ",
            });
        }
    }

    fn code_bytes(&self, rest: &[u8]) -> usize {
        match &self.codes {
            Codes::Single(_) | Codes::Charset(_) => 1,
            Codes::Double => 2,
            Codes::Spaces(spaces) => spaces.code_bytes(rest).unwrap_or(2),
        }
    }

    fn width(&self, code: u32) -> Option<f64> {
        match &self.widths {
            Widths::Unknown => None,
            Widths::Listed(first, widths) => {
                let at = usize::try_from(code.checked_sub(*first)?).ok()?;
                widths.get(at).copied()
            }
            Widths::Ranges(ranges, default) => {
                let behind = ranges.partition_point(|(first, ..)| *first <= code);
                let range = behind.checked_sub(1).and_then(|at| ranges.get(at));
                let found = range.filter(|(_, last, _)| code <= *last);
                Some(found.map_or(*default, |(_, _, width)| *width))
            }
        }
    }
}

/// Letters of a charset; those outside ASCII are as wide as they are high.
fn in_charset(label: &str, text: &[u8], visit: &mut dyn FnMut(Glyph<'_>)) {
    let decoded = charset::to_utf8(label.as_bytes(), text);
    let mut buffer = [0; 4];
    for letter in decoded.chars() {
        visit(Glyph {
            text: letter.encode_utf8(&mut buffer),
            width: Some(if letter.is_ascii() { 0.5 } else { 1.0 }),
            is_blank: false,
        });
    }
}

/// Where the names of an encoding are an object of their own, brings them in.
fn resolve_differences(file: &File<'_>, encoding: &mut Value) {
    if let Value::Dictionary(dictionary) = encoding {
        let differences = file.value(dictionary, "Differences");
        dictionary.set("Differences", differences);
    }
}

fn simple_widths(file: &File<'_>, font: &Dictionary) -> Widths {
    let Value::Array(widths) = file.value(font, "Widths") else {
        return Widths::Unknown;
    };
    let matrix = file.value(font, "FontMatrix");
    let scale = matrix.array().and_then(|matrix| matrix.first()?.number());
    let scale = scale.unwrap_or(THOUSANDTH);
    let first = file.value(font, "FirstChar").count().unwrap_or(0);
    let widths = widths
        .iter()
        .map(|width| file.resolve(width).number().unwrap_or(0.0) * scale);
    Widths::Listed(u32::try_from(first).unwrap_or(0), widths.collect())
}

/// Source: ISO 32000-1 §9.7.4 (descendant fonts), §9.7.5 (their encodings).
fn composite(file: &File<'_>, font: &Dictionary, work: &Work) -> (Codes, Widths, bool) {
    let encoding = font.value("Encoding");
    let resolved = file.resolve(encoding);
    let (codes, is_vertical) = match resolved.as_ref() {
        Value::Name(name) => {
            let name = String::from_utf8_lossy(name);
            let charset = CHARSETS.iter().find(|(part, _)| name.contains(part));
            let codes = charset.map_or(Codes::Double, |(_, charset)| Codes::Charset(charset));
            (codes, name.ends_with("-V"))
        }
        Value::Dictionary(dictionary) => {
            let table = file.stream(encoding);
            let table = table.map(|(_, table)| Map::read(&table, work));
            let codes = table.map_or(Codes::Double, Codes::Spaces);
            (codes, dictionary.value("WMode").count() == Some(1))
        }
        _ => (Codes::Double, false),
    };
    let descendants = file.value(font, "DescendantFonts");
    let descendant = descendants.array().and_then(|fonts| fonts.first());
    let descendant = descendant.map(|font| file.resolve(font).into_owned());
    let widths = match descendant {
        Some(Value::Dictionary(descendant)) if !is_vertical => wide(file, &descendant),
        _ => Widths::Ranges(Vec::new(), 1.0),
    };
    (codes, widths, is_vertical)
}

/// Source: ISO 32000-1 §9.7.4.3: `c [w …]` or `first last w`.
fn wide(file: &File<'_>, font: &Dictionary) -> Widths {
    let default = file.value(font, "DW").number().unwrap_or(1000.0) * THOUSANDTH;
    let mut ranges = Vec::new();
    let listed = file.value(font, "W");
    let mut values = listed.array().unwrap_or_default().iter();
    let code = |value: &Value| u32::try_from(value.count()?).ok();
    while let (Some(first), Some(second)) = (values.next().and_then(code), values.next()) {
        let second = file.resolve(second);
        if let Some(widths) = second.array() {
            for (code, width) in (first..=u32::MAX).zip(widths) {
                ranges.push((code, code, width.number().unwrap_or(0.0) * THOUSANDTH));
            }
        } else if let (Some(last), Some(width)) = (code(&second), values.next()) {
            ranges.push((first, last, width.number().unwrap_or(0.0) * THOUSANDTH));
        }
    }
    ranges.sort_by_key(|(first, ..)| *first);
    Widths::Ranges(ranges, default)
}
