//! Which characters the codes of a simple font mean: by a named encoding, and by the names of
//! glyphs that differ from it.
//!
//! Only those names are listed that cannot be put together from a letter and its accent.
//!
//! Sources: ISO 32000-1 §9.6.6 and annex D (encodings); Adobe Glyph List Specification §2.

use super::lexer::{Dictionary, Value};
use crate::message::charset;
use unicode_normalization::UnicodeNormalization;

/// Accents by the ends of glyph names, as marks that combine.
const ACCENTS: [(&str, char); 13] = [
    ("acute", '\u{301}'),
    ("grave", '\u{300}'),
    ("circumflex", '\u{302}'),
    ("dieresis", '\u{308}'),
    ("tilde", '\u{303}'),
    ("caron", '\u{30c}'),
    ("ring", '\u{30a}'),
    ("cedilla", '\u{327}'),
    ("ogonek", '\u{328}'),
    ("breve", '\u{306}'),
    ("macron", '\u{304}'),
    ("dotaccent", '\u{307}'),
    ("hungarumlaut", '\u{30b}'),
];

/// Glyphs with names of their own, each before its character; accents for themselves are no text.
const NAMES: &str = "exclam ! quotedbl \" numbersign # dollar $ percent % ampersand & \
    quotesingle ' parenleft ( parenright ) asterisk * plus + comma , hyphen - period . slash / \
    zero 0 one 1 two 2 three 3 four 4 five 5 six 6 seven 7 eight 8 nine 9 colon : semicolon ; \
    less < equal = greater > question ? at @ bracketleft [ backslash \\ bracketright ] \
    underscore _ braceleft { bar | braceright } asciitilde ~ quoteright ’ quoteleft ‘ \
    quotedblleft “ quotedblright ” quotesinglbase ‚ quotedblbase „ guillemotleft « \
    guillemotright » guilsinglleft ‹ guilsinglright › endash – emdash — bullet • ellipsis … \
    exclamdown ¡ questiondown ¿ cent ¢ sterling £ yen ¥ currency ¤ Euro € florin ƒ section § \
    paragraph ¶ copyright © registered ® trademark ™ degree ° mu µ plusminus ± multiply × \
    divide ÷ minus − logicalnot ¬ brokenbar ¦ onehalf ½ onequarter ¼ threequarters ¾ \
    onesuperior ¹ twosuperior ² threesuperior ³ ordfeminine ª ordmasculine º perthousand ‰ \
    dagger † daggerdbl ‡ periodcentered · fraction ⁄ sfthyphen - fi ﬁ fl ﬂ ff ﬀ \
    ffi ﬃ ffl ﬄ AE Æ ae æ OE Œ oe œ Oslash Ø oslash ø Lslash Ł lslash ł germandbls ß Eth Ð \
    eth ð Thorn Þ thorn þ dotlessi ı Dcroat Đ dcroat đ Hbar Ħ hbar ħ Eng Ŋ eng ŋ Scommaaccent Ș \
    scommaaccent ș Tcommaaccent Ț tcommaaccent ț Alpha Α Beta Β Gamma Γ Delta Δ Epsilon Ε \
    Zeta Ζ Eta Η Theta Θ Iota Ι Kappa Κ Lambda Λ Mu Μ Nu Ν Xi Ξ Omicron Ο Pi Π Rho Ρ Sigma Σ \
    Tau Τ Upsilon Υ Phi Φ Chi Χ Psi Ψ Omega Ω alpha α beta β gamma γ delta δ epsilon ε zeta ζ \
    eta η theta θ iota ι kappa κ lambda λ nu ν xi ξ omicron ο pi π rho ρ sigma σ sigma1 ς tau τ \
    upsilon υ phi φ chi χ psi ψ omega ω afii10023 Ё afii10071 ё";

/// The upper half of the standard encoding, code and character; its lower half is ASCII but for
/// the two single quotes. The accents are left out.
const STANDARD: [(u8, &str); 43] = [
    (0x27, "’"),
    (0x60, "‘"),
    (0xa1, "¡"),
    (0xa2, "¢"),
    (0xa3, "£"),
    (0xa4, "⁄"),
    (0xa5, "¥"),
    (0xa6, "ƒ"),
    (0xa7, "§"),
    (0xa8, "¤"),
    (0xa9, "'"),
    (0xaa, "“"),
    (0xab, "«"),
    (0xac, "‹"),
    (0xad, "›"),
    (0xae, "ﬁ"),
    (0xaf, "ﬂ"),
    (0xb1, "–"),
    (0xb2, "†"),
    (0xb3, "‡"),
    (0xb4, "·"),
    (0xb6, "¶"),
    (0xb7, "•"),
    (0xb8, "‚"),
    (0xb9, "„"),
    (0xba, "”"),
    (0xbb, "»"),
    (0xbc, "…"),
    (0xbd, "‰"),
    (0xbf, "¿"),
    (0xd0, "—"),
    (0xe1, "Æ"),
    (0xe3, "ª"),
    (0xe8, "Ł"),
    (0xe9, "Ø"),
    (0xea, "Œ"),
    (0xeb, "º"),
    (0xf1, "æ"),
    (0xf5, "ı"),
    (0xf8, "ł"),
    (0xf9, "ø"),
    (0xfa, "œ"),
    (0xfb, "ß"),
];

/// What each of the 256 codes means; nothing where that is not known.
pub(super) fn of_encoding(encoding: &Value, is_true_type: bool) -> Vec<String> {
    let base = match encoding {
        Value::Name(name) => Some(name.as_slice()),
        Value::Dictionary(dictionary) => dictionary.value("BaseEncoding").name(),
        _ => None,
    };
    let mut codes: Vec<String> = match base {
        Some(b"MacRomanEncoding") => by_charset("macintosh"),
        Some(b"WinAnsiEncoding") => by_charset("windows-1252"),
        _ if is_true_type => by_charset("windows-1252"),
        _ => standard(),
    };
    if let Value::Dictionary(dictionary) = encoding {
        differences(dictionary, &mut codes);
    }
    codes
}

fn by_charset(label: &str) -> Vec<String> {
    let letter = |code: u8| charset::to_utf8(label.as_bytes(), &[code]).into_owned();
    (0..=u8::MAX).map(letter).collect()
}

fn standard() -> Vec<String> {
    let ascii = |code: u8| match code {
        0x20..=0x7e => char::from(code).to_string(),
        _ => String::new(),
    };
    let mut codes: Vec<String> = (0..=u8::MAX).map(ascii).collect();
    for (code, letter) in STANDARD {
        if let Some(place) = codes.get_mut(usize::from(code)) {
            letter.clone_into(place);
        }
    }
    codes
}

/// Source: ISO 32000-1 §9.6.6.1 (`Differences`): a code, then the names from there on.
fn differences(encoding: &Dictionary, codes: &mut [String]) {
    let mut code = 0;
    for value in encoding.value("Differences").array().unwrap_or_default() {
        match value {
            Value::Name(name) => {
                if let Some(place) = codes.get_mut(code) {
                    *place = of_name(&String::from_utf8_lossy(name));
                }
                code += 1;
            }
            other => code = other.count().unwrap_or(code),
        }
    }
}

/// The characters of a glyph; empty for a name that is not known.
pub(super) fn of_name(name: &str) -> String {
    let name = name.split_once('.').map_or(name, |(name, _variant)| name);
    name.split('_').map(single).collect()
}

fn single(name: &str) -> String {
    let mut letters = name.chars();
    if let (Some(only), None) = (letters.next(), letters.next()) {
        return only.to_string();
    }
    listed(name)
        .or_else(|| accented(name))
        .or_else(|| by_number(name))
        .unwrap_or_default()
}

fn listed(name: &str) -> Option<String> {
    if matches!(name, "space" | "nbspace") {
        return Some(" ".to_owned());
    }
    let mut words = NAMES.split(' ');
    while let (Some(known), Some(letter)) = (words.next(), words.next()) {
        if known == name {
            return Some(letter.to_owned());
        }
    }
    None
}

/// `eacute` is an e and an acute accent.
fn accented(name: &str) -> Option<String> {
    ACCENTS.iter().find_map(|(end, mark)| {
        let letter = name.strip_suffix(end)?;
        let letter = if letter == "dotlessi" { "i" } else { letter };
        let mut letters = letter.chars();
        let (Some(base), None) = (letters.next(), letters.next()) else {
            return None;
        };
        Some([base, *mark].into_iter().nfc().collect())
    })
}

/// `uni20AC20AC`, `u1F600`, and Cyrillic letters by their old numbers.
fn by_number(name: &str) -> Option<String> {
    if let Some(digits) = name.strip_prefix("uni").filter(|digits| digits.len() >= 4) {
        let four = digits.as_bytes().chunks_exact(4);
        return four.map(hexadecimal).collect();
    }
    if let Some(number) = name.strip_prefix("afii") {
        let number: u32 = number.parse().ok()?;
        let code = match number {
            10017..=10022 => number - 10017 + 0x410,
            10024..=10049 => number - 10024 + 0x416,
            10065..=10070 => number - 10065 + 0x430,
            10072..=10097 => number - 10072 + 0x436,
            _ => return None,
        };
        return Some(char::from_u32(code)?.to_string());
    }
    let digits = name
        .strip_prefix('u')
        .filter(|d| (4..=6).contains(&d.len()))?;
    Some(hexadecimal(digits.as_bytes())?.to_string())
}

fn hexadecimal(digits: &[u8]) -> Option<char> {
    let code = u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    char::from_u32(code)
}
