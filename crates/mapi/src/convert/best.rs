//! The forms of a message's text: which is its own, and the others made of it.
//!
//! Source: [MS-OXBBODY] 2.1.3.1 (the best body), 2.1.3.2 (conversions).

use super::Values;
use crate::codec::data::{Value, from_code_page, to_code_page};
use bytes::Bytes;
use formats::message::html;
use formats::rich_text::{self, Enclosed, packed};
use std::collections::BTreeMap;

/// Bytes of a text that is made of another; longer than any letter that people read.
pub const TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// UTF-8 by its number.
const UTF_8: u32 = 65001;

/// The form that a text was written in; as a number, `PidTagNativeBody`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Native {
    /// None: there is no text.
    Undefined = 0,
    /// Plain.
    Plain = 1,
    /// Rich text.
    Rtf = 2,
    /// HTML.
    Html = 3,
}

/// The form that a message's text was written in.
///
/// What says so itself is believed as far as the form is there. Else HTML is better than rich text
/// and that is better than plain text, as the first two are only ever written by someone who meant
/// them; but rich text that encloses another form is that form.
///
/// Source: [MS-OXBBODY] 2.1.3.1.
pub fn native(values: &BTreeMap<u16, Value>) -> Native {
    let has_html = html_value(values).is_some();
    let has_plain = values.text(0x1000).is_some();
    let has_rtf = values
        .binary(0x1009)
        .is_some_and(|packed| !packed.is_empty());
    match values.integer(0x1016) {
        Some(1) if has_plain => return Native::Plain,
        Some(2) if has_rtf => return Native::Rtf,
        Some(3) if has_html => return Native::Html,
        _ => {}
    }
    if has_html {
        return Native::Html;
    }
    match rtf(values).as_deref().map(Enclosed::of) {
        Some(Enclosed::Html) => Native::Html,
        Some(Enclosed::Text) => Native::Plain,
        Some(Enclosed::Nothing) => Native::Rtf,
        None if has_plain => Native::Plain,
        None => Native::Undefined,
    }
}

/// The HTML that is there, and its code page.
pub(super) fn html_value(values: &BTreeMap<u16, Value>) -> Option<(&[u8], u32)> {
    let code_page = values
        .integer(0x3fde)
        .and_then(|page| u32::try_from(page).ok());
    match values.get(&0x1013)? {
        Value::Unicode(text) if !text.is_empty() => Some((text.as_bytes(), UTF_8)),
        Value::Binary(bytes) if !bytes.is_empty() => Some((bytes, code_page.unwrap_or(UTF_8))),
        _ => None,
    }
}

/// The rich text that is there, unpacked.
fn rtf(values: &BTreeMap<u16, Value>) -> Option<Vec<u8>> {
    let packed = values.binary(0x1009)?;
    packed::unpack(packed, TEXT_BYTES_MAX).ok()
}

/// The text without any form: as it is there, or made of what is.
pub fn plain(values: &BTreeMap<u16, Value>) -> Option<String> {
    if let Some(text) = values.text(0x1000) {
        return Some(text.to_owned());
    }
    if let Some((bytes, code_page)) = html_value(values) {
        return Some(plain_of_html(&from_code_page(code_page, bytes)));
    }
    let rtf = rtf(values)?;
    Some(match Enclosed::of(&rtf) {
        Enclosed::Html => plain_of_html(&rich_text::html_of(&rtf, TEXT_BYTES_MAX)),
        Enclosed::Text | Enclosed::Nothing => rich_text::text_of(&rtf, TEXT_BYTES_MAX),
    })
}

/// What HTML reads like, in lines that end with CRLF.
pub fn plain_of_html(page: &str) -> String {
    html::text(page, TEXT_BYTES_MAX).replace('\n', "\r\n")
}

/// The HTML: as it is there with its code page, or made of what is, in UTF-8.
pub fn html(values: &BTreeMap<u16, Value>) -> Option<(Vec<u8>, u32)> {
    if let Some((bytes, code_page)) = html_value(values) {
        return Some((bytes.to_vec(), code_page));
    }
    let rtf = rtf(values);
    let page = match (&rtf, values.text(0x1000)) {
        (Some(rtf), _) if Enclosed::of(rtf) != Enclosed::Text => {
            rich_text::html_of(rtf, TEXT_BYTES_MAX)
        }
        (_, Some(text)) => html::of_text(text),
        (Some(rtf), None) => html::of_text(&rich_text::text_of(rtf, TEXT_BYTES_MAX)),
        (None, None) => return None,
    };
    Some((page.into_bytes(), UTF_8))
}

/// The HTML in the code page that the message says its HTML is in.
pub fn html_as_asked(values: &BTreeMap<u16, Value>) -> Option<Bytes> {
    let (bytes, code_page) = html(values)?;
    let asked = values
        .integer(0x3fde)
        .and_then(|page| u32::try_from(page).ok());
    Some(match asked.filter(|asked| *asked != code_page) {
        Some(asked) => to_code_page(asked, &from_code_page(code_page, &bytes)).into(),
        None => bytes.into(),
    })
}

/// The packed rich text: as it is there, or one that encloses what is.
pub fn packed_rtf(values: &BTreeMap<u16, Value>) -> Option<Vec<u8>> {
    if let Some(packed) = values.binary(0x1009).filter(|packed| !packed.is_empty()) {
        return Some(packed.to_vec());
    }
    let document = match (html_value(values), values.text(0x1000)) {
        (Some((bytes, code_page)), _) => {
            rich_text::enclosing_html(&from_code_page(code_page, bytes))
        }
        (None, Some(text)) => rich_text::enclosing_text(text),
        (None, None) => return None,
    };
    Some(packed::pack(&document))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(document: &[u8]) -> Value {
        Value::Binary(packed::pack(document).into())
    }

    fn values<const N: usize>(values: [(u16, Value); N]) -> BTreeMap<u16, Value> {
        values.into()
    }

    #[test]
    fn the_best_form_is_the_one_that_was_meant() {
        let plain = (0x1000, Value::Unicode("x".to_owned()));
        let page = (0x1013, Value::Binary(b"<p>x".as_slice().into()));
        let rich = (0x1009, packed(b"{\\rtf1 x}"));
        let says = |number| (0x1016, Value::Integer32(number));
        let all = [plain.clone(), page.clone(), rich.clone()];
        for (values, wanted) in [
            (values([]), Native::Undefined),
            (values([plain.clone()]), Native::Plain),
            (values([plain.clone(), rich.clone()]), Native::Rtf),
            (values(all.clone()), Native::Html),
            (
                values([plain.clone(), rich.clone(), says(1)]),
                Native::Plain,
            ),
            (values([plain.clone(), says(3)]), Native::Plain),
            (values([page, rich, says(2)]), Native::Rtf),
        ] {
            assert_eq!(native(&values), wanted);
        }
        let enclosing = |document: Vec<u8>| values([plain.clone(), (0x1009, packed(&document))]);
        let page = rich_text::enclosing_html("<p>x");
        assert_eq!(native(&enclosing(page)), Native::Html);
        let text = rich_text::enclosing_text("x");
        assert_eq!(native(&enclosing(text)), Native::Plain);
    }

    #[test]
    fn each_form_is_made_of_any_other() {
        let page = values([
            (
                0x1013,
                Value::Binary(b"<p>Gr\xfc\xdfe</p><p>x".as_slice().into()),
            ),
            (0x3fde, Value::Integer32(1252)),
        ]);
        assert_eq!(plain(&page).as_deref(), Some("Grüße\r\nx"));
        let rich = packed_rtf(&page).unwrap();
        let rich = values([(0x1009, Value::Binary(rich.into()))]);
        let (html_again, code_page) = html(&rich).unwrap();
        assert_eq!(
            (html_again.as_slice(), code_page),
            ("<p>Grüße</p><p>x".as_bytes(), 65001)
        );
        assert_eq!(plain(&rich).as_deref(), Some("Grüße\r\nx"));

        let text = values([(0x1000, Value::Unicode("a < b\r\nc".to_owned()))]);
        let (page, _) = html(&text).unwrap();
        assert!(String::from_utf8(page).unwrap().contains("a &lt; b<br>c"));
        let rich = values([(0x1009, Value::Binary(packed_rtf(&text).unwrap().into()))]);
        assert_eq!(plain(&rich).as_deref(), Some("a < b\r\nc"));
        assert_eq!(html(&values([])), None);
    }
}
