//! Strings of a script: constants, or pieces between variables.
//!
//! Standards: RFC 5229 §3 (variables in strings), RFC 5228 §2.4.2.4 (encoded characters), RFC 6609
//! §3.4 (global variables).

use super::extension::{Extension, Extensions};
use crate::message::decode::hex_value;

/// The highest `${n}` there is. RFC 5229 §3.2 demands 9 at least.
pub const MATCH_VARIABLES_MAX: usize = 99;
/// Bytes of a variable's name. RFC 5229 §6 demands 32 at least.
const NAME_BYTES_MAX: usize = 128;

/// A string as it is to be put together when the script runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    pieces: Vec<Piece>,
}

/// A piece of a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// These characters.
    Constant(String),
    /// What a variable holds; its name in lower case, `global.` before it where it is one.
    Variable(String),
    /// What the wildcard of this number matched last; 0 is the whole.
    Match(usize),
}

impl Text {
    /// A string that is what it is.
    pub fn constant(text: impl Into<String>) -> Self {
        let text = text.into();
        let pieces = if text.is_empty() {
            Vec::new()
        } else {
            vec![Piece::Constant(text)]
        };
        Self { pieces }
    }

    /// The pieces in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The string, if it does not depend on variables.
    pub fn as_constant(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Constant(text)] => Some(text),
            _ => None,
        }
    }

    /// Reads a string as these extensions want it read.
    ///
    /// Errors: what is wrong with an encoded character.
    pub(super) fn parse(text: String, extensions: Extensions) -> Result<Self, String> {
        let text = if extensions.has(Extension::EncodedCharacter) && text.contains("${") {
            decode_characters(&text)?
        } else {
            text
        };
        if !extensions.has(Extension::Variables) || !text.contains("${") {
            return Ok(Self::constant(text));
        }
        Ok(with_variables(&text, extensions.has(Extension::Include)))
    }
}

fn with_variables(text: &str, has_globals: bool) -> Text {
    let (mut pieces, mut constant, mut rest) = (Vec::new(), String::new(), text);
    while let Some((before, behind)) = rest.split_once("${") {
        constant.push_str(before);
        let reference = braced(behind);
        let piece = reference.and_then(|(name, _)| variable(name, has_globals));
        let Some((piece, (_, after))) = piece.zip(reference) else {
            constant.push_str("${");
            rest = behind;
            continue;
        };
        if !constant.is_empty() {
            pieces.push(Piece::Constant(std::mem::take(&mut constant)));
        }
        pieces.push(piece);
        rest = after;
    }
    constant.push_str(rest);
    if !constant.is_empty() {
        pieces.push(Piece::Constant(constant));
    }
    Text { pieces }
}

/// What stands before the closing brace, and what behind it. A `$` begins something new, so that no
/// character is looked at twice.
fn braced(behind: &str) -> Option<(&str, &str)> {
    let (inside, rest) = behind.split_at_checked(behind.find(['}', '$'])?)?;
    Some((inside, rest.strip_prefix('}')?))
}

/// What stands between the braces, if it names a variable; else it is text.
fn variable(name: &str, has_globals: bool) -> Option<Piece> {
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = name.parse().unwrap_or(usize::MAX);
        return Some(Piece::Match(number));
    }
    let is_global = name
        .get(..7)
        .is_some_and(|space| space.eq_ignore_ascii_case("global."));
    if is_global && !has_globals {
        return None;
    }
    let bare = if is_global { name.get(7..)? } else { name };
    is_variable_name(bare).then(|| Piece::Variable(name.to_ascii_lowercase()))
}

/// Whether this can name a variable. Source: RFC 5229 §3.
pub(super) fn is_variable_name(name: &str) -> bool {
    name.len() <= NAME_BYTES_MAX
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Replaces `${hex: 40}` and `${unicode: 20ac}`; what does not follow their grammar is text.
fn decode_characters(text: &str) -> Result<String, String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some((before, behind)) = rest.split_once("${") {
        bytes.extend_from_slice(before.as_bytes());
        let inside = braced(behind);
        let decoded = inside.map(|(inside, _)| encoded(inside)).transpose()?;
        if let Some((decoded, (_, after))) = decoded.flatten().zip(inside) {
            bytes.extend(decoded);
            rest = after;
        } else {
            bytes.extend_from_slice(b"${");
            rest = behind;
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).map_err(|_| "the encoded bytes are no UTF-8".to_owned())
}

/// The bytes that stand for what is between the braces, if that is an encoded character.
fn encoded(inside: &str) -> Result<Option<Vec<u8>>, String> {
    let Some((kind, values)) = inside.split_once(':') else {
        return Ok(None);
    };
    let is_unicode = kind.eq_ignore_ascii_case("unicode");
    if !is_unicode && !kind.eq_ignore_ascii_case("hex") {
        return Ok(None);
    }
    let digits_max = if is_unicode { 8 } else { 2 };
    let mut bytes = Vec::new();
    for value in values.split_ascii_whitespace() {
        let digits: Option<Vec<u8>> = value.bytes().map(hex_value).collect();
        let Some(digits) = digits.filter(|digits| digits.len() <= digits_max) else {
            return Ok(None);
        };
        let number = digits
            .iter()
            .fold(0_u32, |number, &digit| number << 4 | u32::from(digit));
        if is_unicode {
            let character = char::from_u32(number)
                .ok_or_else(|| format!("there is no character U+{number:04X}"))?;
            bytes.extend(character.encode_utf8(&mut [0; 4]).bytes());
        } else {
            bytes.extend(u8::try_from(number).ok());
        }
    }
    Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, extensions: &[Extension]) -> Result<Text, String> {
        let mut set = Extensions::default();
        for &extension in extensions {
            set.add(extension);
        }
        Text::parse(text.to_owned(), set)
    }

    #[test]
    fn the_examples_of_rfc_5228_for_encoded_characters() {
        for (text, wanted) in [
            ("$${hex:40}", "$@"),
            ("${hex: 40 }", "@"),
            ("${HEX: 40}", "@"),
            ("${hex:40", "${hex:40"),
            ("${hex:400}", "${hex:400}"),
            ("${hex:4${hex:30}}", "${hex:40}"),
            ("${unicode:40}", "@"),
            ("${ unicode:40}", "${ unicode:40}"),
            ("${UNICODE:40}", "@"),
            ("${UnICoDE:0000040}", "@"),
            ("${Unicode:40}", "@"),
            ("${Unicode:Cool}", "${Unicode:Cool}"),
        ] {
            let read = parse(text, &[Extension::EncodedCharacter]).unwrap();
            assert_eq!(read.as_constant(), Some(wanted), "{text}");
        }
        assert!(parse("${unicode:200000}", &[Extension::EncodedCharacter]).is_err());
        assert!(parse("${unicode:DF01}", &[Extension::EncodedCharacter]).is_err());
    }

    #[test]
    fn the_examples_of_rfc_5229_for_variables() {
        let pieces = |text: &str| parse(text, &[Extension::Variables]).unwrap().pieces;
        let constant = |text: &str| Piece::Constant(text.to_owned());
        let variable = |text: &str| Piece::Variable(text.to_owned());
        assert_eq!(pieces("&%${}!"), [constant("&%${}!")]);
        assert_eq!(pieces("${doh!}"), [constant("${doh!}")]);
        assert_eq!(pieces("${Company}"), [variable("company")]);
        assert_eq!(
            pieces("${BAD${Company}"),
            [constant("${BAD"), variable("company")]
        );
        assert_eq!(pieces("${President, ${Company} Inc.}").len(), 3);
        assert_eq!(
            pieces("a${1}${07}"),
            [constant("a"), Piece::Match(1), Piece::Match(7)]
        );
        assert_eq!(parse("${a}", &[]).unwrap().as_constant(), Some("${a}"));
    }
}
