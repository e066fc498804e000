//! Values with parameters: Content-Type and Content-Disposition.
//!
//! Never refuses. Continuations are joined, so that `title*0*=`, `title*1=` come out as one
//! `title*` whose value is still in the form of an extended value; decoding happens in [`text`]
//! when someone wants to read it.
//!
//! Start at [`parse`]. Standards: RFC 2045 §5.1 (parameters), RFC 2231 (continuations, charsets).

use super::{charset, encoded_word};
use crate::cursor::Cursor;

/// Parameters kept of one field; mail in the wild has fewer than ten.
pub const PARAMETERS_MAX: usize = 64;

/// A name in lower case and its value without quotes.
pub type Parameter = (Vec<u8>, Vec<u8>);

/// Reads `value; name=value; …`.
///
/// The first answer is what stands before the first `;`, without comments and in lower case.
pub fn parse(field: &[u8]) -> (Vec<u8>, Vec<Parameter>) {
    let mut cursor = Cursor::new(field);
    let mut value = Vec::new();
    skip_comments(&mut cursor);
    while let Some(byte) = cursor.peek().filter(|&byte| byte != b';') {
        if byte == b'(' {
            skip_comments(&mut cursor);
            continue;
        }
        cursor.next();
        // A type that is complete: some programs forget the `;` before its parameters.
        if byte.is_ascii_whitespace() && value.contains(&b'/') && !value.ends_with(b"/") {
            break;
        }
        if byte.is_ascii_graphic() || byte >= 0x80 {
            value.push(byte.to_ascii_lowercase());
        }
    }
    (value, join(read_all(&mut cursor)))
}

fn read_all(cursor: &mut Cursor<'_>) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    while !cursor.is_at_end() && parameters.len() < PARAMETERS_MAX {
        cursor.take_while(|byte| byte == b';');
        skip_comments(cursor);
        let name = cursor.take_while(|byte| byte != b'=' && byte != b';');
        if cursor.accept(b'=') {
            let value = value(cursor);
            let name = name.trim_ascii().to_ascii_lowercase();
            if !name.is_empty() && name.iter().all(u8::is_ascii_graphic) {
                parameters.push((name, value));
            }
        }
        cursor.take_while(|byte| byte != b';');
    }
    parameters
}

/// A quoted string, or everything up to the next `;` or comment: unquoted blanks are frequent in
/// file names.
fn value(cursor: &mut Cursor<'_>) -> Vec<u8> {
    skip_comments(cursor);
    if !cursor.accept(b'"') {
        let bare = cursor.take_while(|byte| !matches!(byte, b';' | b'(' | b'\r' | b'\n'));
        return bare.trim_ascii().to_vec();
    }
    let mut value = Vec::new();
    while let Some(byte) = cursor.next() {
        match byte {
            b'"' => break,
            b'\\' => value.extend(cursor.next()),
            b'\r' | b'\n' | 0 => {}
            _ => value.push(byte),
        }
    }
    value
}

/// Skips blanks and nested comments; an unclosed comment reaches to the end.
fn skip_comments(cursor: &mut Cursor<'_>) {
    let mut depth = 0_usize;
    while let Some(byte) = cursor.peek() {
        match byte {
            b'(' => depth += 1,
            b')' if depth > 0 => depth -= 1,
            _ if depth > 0 || byte.is_ascii_whitespace() => {}
            _ => return,
        }
        cursor.next();
    }
}

/// A piece of a value that was cut in several. Source: RFC 2231 §3.
struct Section {
    base: Vec<u8>,
    number: i64,
    extended: bool,
    value: Vec<u8>,
}

impl Section {
    /// `name*number` or `name*number*`; gives other parameters back.
    fn from_parameter((name, value): Parameter) -> Result<Self, Parameter> {
        let extended = name.ends_with(b"*");
        let stem = name.strip_suffix(b"*").unwrap_or(&name);
        let Some(star) = stem.iter().rposition(|&byte| byte == b'*') else {
            return Err((name, value));
        };
        let mut digits = Cursor::new(stem.get(star + 1..).unwrap_or_default());
        match digits.number(1, 4) {
            Some(number) if digits.is_at_end() => {
                let base = stem.get(..star).unwrap_or_default().to_vec();
                Ok(Self {
                    base,
                    number,
                    extended,
                    value,
                })
            }
            _ => Err((name, value)),
        }
    }
}

/// Joins what was cut in sections; each joined parameter stands where its first section did.
fn join(parameters: Vec<Parameter>) -> Vec<Parameter> {
    if !parameters.iter().any(|(name, _)| name.contains(&b'*')) {
        return parameters;
    }
    let mut joined = Vec::new();
    let mut sections: Vec<Section> = Vec::new();
    for parameter in parameters {
        match Section::from_parameter(parameter) {
            Err(whole) => joined.push(whole),
            Ok(section) => sections.push(section),
        }
    }
    while let Some(first) = sections.first() {
        let base = first.base.clone();
        let (mut own, others) = sections.into_iter().partition(|s: &Section| s.base == base);
        sections = others;
        joined.push(join_sections(base, &mut own));
    }
    joined
}

fn join_sections(mut base: Vec<u8>, sections: &mut [Section]) -> Parameter {
    sections.sort_by_key(|section| section.number);
    let extended = sections.iter().any(|section| section.extended);
    let mut value = Vec::new();
    // Only the first section can say the charset; where it does not, there is none.
    if extended && !sections.first().is_some_and(|first| first.extended) {
        value.extend_from_slice(b"''");
    }
    for section in &*sections {
        if extended && !section.extended {
            value.extend(section.value.iter().flat_map(|&byte| percent_encoded(byte)));
        } else {
            value.extend_from_slice(&section.value);
        }
    }
    if extended {
        base.push(b'*');
    }
    (base, value)
}

fn percent_encoded(byte: u8) -> Vec<u8> {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        vec![byte]
    } else {
        format!("%{byte:02X}").into_bytes()
    }
}

/// The readable value of the parameter `name`: an extended value, or a plain one with encoded
/// words.
///
/// Source: RFC 2231 §4. Encoded words are not allowed in parameters, but very common.
pub fn text<'a>(
    parameters: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    name: &str,
) -> Option<String> {
    let mut plain = None;
    for (found, value) in parameters {
        match found.strip_suffix(b"*") {
            Some(stem) if stem.eq_ignore_ascii_case(name.as_bytes()) => {
                return Some(extended(value));
            }
            None if found.eq_ignore_ascii_case(name.as_bytes()) => plain = plain.or(Some(value)),
            _ => {}
        }
    }
    plain.map(encoded_word::decode)
}

/// `charset'language'percent-encoded`.
fn extended(value: &[u8]) -> String {
    let mut pieces = value.splitn(3, |&byte| byte == b'\'');
    let (label, language, encoded) = (pieces.next(), pieces.next(), pieces.next());
    let (Some(label), Some(_), Some(encoded)) = (label, language, encoded) else {
        return charset::to_utf8(b"utf-8", &percent_decoded(value)).into_owned();
    };
    charset::to_utf8(label, &percent_decoded(encoded)).into_owned()
}

fn percent_decoded(value: &[u8]) -> Vec<u8> {
    let mut cursor = Cursor::new(value);
    let mut decoded = Vec::with_capacity(value.len());
    while let Some(byte) = cursor.next() {
        let digits = cursor.rest().get(..2).filter(|_| byte == b'%');
        match digits.and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()) {
            Some(value) => {
                cursor.take(2);
                decoded.push(value);
            }
            None => decoded.push(byte),
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(field: &str) -> String {
        let (value, parameters) = parse(field.as_bytes());
        let mut line = String::from_utf8_lossy(&value).into_owned();
        for (name, value) in parameters {
            let piece = [b"; ", name.as_slice(), b"=", &value].concat();
            line.push_str(&String::from_utf8_lossy(&piece));
        }
        line
    }

    fn title(field: &str) -> Option<String> {
        let (_, parameters) = parse(field.as_bytes());
        text(
            parameters
                .iter()
                .map(|(name, value)| (name.as_slice(), value.as_slice())),
            "title",
        )
    }

    #[test]
    fn the_examples_of_rfc_2045_are_read() {
        let wanted = "text/plain; charset=us-ascii";
        assert_eq!(read("text/plain; charset=us-ascii (Plain text)"), wanted);
        assert_eq!(read(" Text/Plain; charset=\"us-ascii\""), wanted);
        assert_eq!(
            read("text / plain (a (nested) one) ;\r\n\tCHARSET=us-ascii;"),
            wanted
        );
    }

    #[test]
    fn the_examples_of_rfc_2231_are_joined_and_decoded() {
        assert_eq!(
            read(
                "message/external-body; access-type=URL;\r\n URL*0=\"ftp://\";\r\n \
                URL*1=\"cs.utk.edu/\""
            ),
            "message/external-body; access-type=URL; url=ftp://cs.utk.edu/"
        );
        let extended =
            "application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A";
        assert_eq!(title(extended).as_deref(), Some("This is ***fun***"));
        let mixed = "application/x-stuff\r\n ;title*0*=us-ascii'en'This%20is%20even%20more%20\
             ;title*1*=%2A%2A%2Afun%2A%2A%2A%20;title*2=\"isn't it!\"";
        assert_eq!(
            title(mixed).as_deref(),
            Some("This is even more ***fun*** isn't it!")
        );
        assert_eq!(
            read("a/b; t*1=c; t*0*=utf-8''x; u=1"),
            "a/b; u=1; t*=utf-8''xc"
        );
    }

    #[test]
    fn broken_parameters_are_read_as_far_as_they_go() {
        assert_eq!(
            read("image/png; name=my picture.png; x"),
            "image/png; name=my picture.png"
        );
        assert_eq!(read("image/png; name=\"open"), "image/png; name=open");
        assert_eq!(read(";;=;a=b"), "; a=b");
        assert_eq!(
            title("a/b; title=\"=?utf-8?Q?gr=C3=BCn?=\"").as_deref(),
            Some("grün")
        );
        assert_eq!(title("a/b; title*=%FF%"), Some("\u{fffd}%".to_owned()));
    }

    #[test]
    fn a_forgotten_semicolon_loses_no_parameter() {
        let wanted = "multipart/mixed; boundary=b";
        assert_eq!(read("multipart/mixed\r\n\tboundary=\"b\""), wanted);
        assert_eq!(read("multipart / mixed boundary=b"), wanted);
        assert_eq!(read("multipart/mixed ; boundary=b"), wanted);
    }

    #[test]
    fn no_more_parameters_than_allowed_are_kept() {
        let field = format!("a/b{}", "; x=y".repeat(1000));
        assert_eq!(parse(field.as_bytes()).1.len(), PARAMETERS_MAX);
    }
}
