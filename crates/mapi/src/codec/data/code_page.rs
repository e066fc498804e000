//! Text of a Windows code page as Unicode, and back.
//!
//! Never fails: what a code page can't say becomes `?`, and a code page that is not known is taken
//! for 1252, which is what Outlook assumes too.
//!
//! Source: [MS-OXCMSG] 2.2.1.16 and [MS-OXCDATA] 2.11.1.2 (texts by code page).

use crate::codec::wire::text_of_units;
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use std::borrow::Cow;

/// The text that `bytes` are in `code_page`.
pub fn from_code_page(code_page: u32, bytes: &[u8]) -> String {
    if code_page == UTF_16 {
        return text_of_units(bytes.as_chunks::<2>().0);
    }
    let text = encoding(code_page).decode_without_bom_handling(bytes).0;
    text.into_owned()
}

/// The bytes that `text` is in `code_page`.
pub fn to_code_page(code_page: u32, text: &str) -> Vec<u8> {
    if code_page == UTF_16 {
        return text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    }
    let encoding = encoding(code_page);
    let (bytes, _, has_unmappable) = encoding.encode(text);
    if !has_unmappable {
        return bytes.into_owned();
    }
    // The encoder writes `&#8364;` for what it can't say, as browsers do; here it is `?`.
    let mut characters = [0; 4];
    let say = |character: char| match encoding.encode(character.encode_utf8(&mut characters)) {
        (_, _, true) => Cow::Borrowed(b"?".as_slice()),
        (bytes, _, false) => Cow::Owned(bytes.into_owned()),
    };
    text.chars().map(say).collect::<Vec<_>>().concat()
}

/// What letters call the charset of `code_page`.
pub fn charset_name(code_page: u32) -> &'static str {
    encoding(code_page).name()
}

/// The number of a charset that letters name, if it has one here.
pub fn code_page_of_charset(name: &str) -> Option<u32> {
    let wanted = Encoding::for_label_no_replacement(name.trim().as_bytes())?;
    if wanted == UTF_8 {
        return Some(65001);
    }
    let known = [
        1252, 1250, 1251, 1253, 1254, 1255, 1256, 1257, 1258, 874, 866, 932, 936, 949, 950, 10000,
        20866, 21866, 51932, 38598, 50220, 54936,
    ];
    let known = known.into_iter().chain(28591..=28606);
    known.into_iter().find(|&page| encoding(page) == wanted)
}

/// The number by which UTF-16 is told.
const UTF_16: u32 = 1200;

fn encoding(code_page: u32) -> &'static Encoding {
    let label = match code_page {
        65001 => return UTF_8,
        874 | 1250..=1258 => format!("windows-{code_page}"),
        866 => "ibm866".to_owned(),
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 | 51949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        10000 => "macintosh".to_owned(),
        20866 => "koi8-r".to_owned(),
        21866 => "koi8-u".to_owned(),
        20932 | 51932 => "euc-jp".to_owned(),
        28591..=28606 => format!("iso-8859-{}", code_page - 28590),
        38598 => "iso-8859-8-i".to_owned(),
        50220..=50222 => "iso-2022-jp".to_owned(),
        54936 => "gb18030".to_owned(),
        _ => return WINDOWS_1252,
    };
    Encoding::for_label_no_replacement(label.as_bytes()).unwrap_or(WINDOWS_1252)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_back_from_every_code_page_that_can_say_it() {
        for (code_page, text) in [
            (1252, "Grüße €"),
            (1251, "Привет"),
            (932, "こんにちは"),
            (936, "你好"),
            (28592, "Žluťoučký"),
            (20866, "Привет"),
            (65001, "Grüße 😀"),
            (1200, "Grüße 😀"),
            (50220, "こん"),
        ] {
            let bytes = to_code_page(code_page, text);
            assert_eq!(from_code_page(code_page, &bytes), text, "{code_page}");
        }
    }

    #[test]
    fn charsets_of_letters_have_numbers() {
        for (name, wanted) in [
            ("utf-8", Some(65001)),
            ("ISO-8859-1", Some(1252)),
            ("iso-8859-2", Some(28592)),
            ("gb2312", Some(936)),
            ("x-unknown", None),
            ("utf-16", None),
        ] {
            assert_eq!(code_page_of_charset(name), wanted, "{name}");
        }
    }

    #[test]
    fn what_a_code_page_cannot_say_becomes_a_question_mark() {
        assert_eq!(to_code_page(1252, "a😀ü"), b"a?\xfc");
        assert_eq!(to_code_page(99, "ü"), b"\xfc");
    }
}
