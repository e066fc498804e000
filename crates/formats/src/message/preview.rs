//! The first words of a letter, for lists.
//!
//! Source: RFC 8970 §3.1 (at most 256 characters, decoded, without markup).

use super::{charset, decode, html};

/// Characters of a preview. Source: RFC 8970 §3.1.
pub(super) const PREVIEW_CHARS_MAX: usize = 256;
/// Bytes of a plain text that are kept for it: 256 characters of 4 bytes, each written as `=XX`,
/// and line ends.
pub(super) const PLAIN_BYTES_MAX: usize = 4 * 1024;
/// Bytes of an HTML text that are kept for it: style sheets stand before the first word.
pub(super) const HTML_BYTES_MAX: usize = 32 * 1024;
/// Bytes that are tried first: most letters have enough words there.
const FIRST_TRY_PLAIN_BYTES: usize = 400;
const FIRST_TRY_HTML_BYTES: usize = 2 * 1024;

/// The beginning of a text part, as it was sent.
pub(super) struct Sample {
    pub(super) encoding: decode::Encoding,
    pub(super) charset: Vec<u8>,
    pub(super) is_html: bool,
    pub(super) bytes: Vec<u8>,
}

impl Sample {
    /// How many bytes are kept.
    pub(super) fn bytes_max(&self) -> usize {
        if self.is_html {
            HTML_BYTES_MAX
        } else {
            PLAIN_BYTES_MAX
        }
    }

    /// The preview that these bytes give; empty if there are no words in them.
    pub(super) fn preview(&self) -> String {
        let mut tried = if self.is_html {
            FIRST_TRY_HTML_BYTES
        } else {
            FIRST_TRY_PLAIN_BYTES
        };
        loop {
            let bytes = self.bytes.get(..tried).unwrap_or(&self.bytes);
            let preview = self.preview_of(bytes);
            let is_full = preview.chars().nth(PREVIEW_CHARS_MAX - 1).is_some();
            if is_full || tried >= self.bytes.len() {
                return preview;
            }
            tried = tried.saturating_mul(4);
        }
    }

    fn preview_of(&self, bytes: &[u8]) -> String {
        let decoded = match self.encoding {
            decode::Encoding::Identity => std::borrow::Cow::Borrowed(bytes),
            encoding => decode::all(encoding, bytes).into(),
        };
        let text = charset::to_utf8(&self.charset, &decoded);
        // Twice as much, because what is invisible is taken out afterwards.
        let words = if self.is_html {
            html::text(&text, 2 * PREVIEW_CHARS_MAX)
        } else {
            text.into()
        };
        one_line(&words)
    }
}

/// Joins blanks and leaves out what cannot be seen, such as the padding behind the lead of
/// newsletters.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(PREVIEW_CHARS_MAX);
    let mut chars_left = PREVIEW_CHARS_MAX;
    let mut gap = false;
    for character in text.chars() {
        // Nearly all are graphic ASCII: the tables of Unicode are asked only for the rest.
        if !character.is_ascii_graphic() {
            if is_invisible(character) {
                continue;
            }
            if character.is_whitespace() || character.is_control() {
                gap = !line.is_empty();
                continue;
            }
        }
        let needed = 1 + usize::from(gap);
        let Some(left) = chars_left.checked_sub(needed) else {
            break;
        };
        chars_left = left;
        if std::mem::take(&mut gap) {
            line.push(' ');
        }
        line.push(character);
    }
    // A character that was cut at the end of the sample.
    line.truncate(line.trim_end_matches(char::REPLACEMENT_CHARACTER).len());
    line
}

/// Soft hyphens, joiners, marks of direction, byte order marks.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(bytes: &[u8], is_html: bool) -> Sample {
        let encoding = decode::Encoding::Identity;
        Sample {
            encoding,
            charset: b"utf-8".to_vec(),
            is_html,
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn a_preview_is_one_line_of_at_most_256_characters() {
        assert_eq!(
            sample(b"Hello,\r\n\r\n  world\t!\r\n", false).preview(),
            "Hello, world !"
        );
        let long = sample("ä ".repeat(1000).as_bytes(), false).preview();
        assert!(
            long.chars().count() <= 256 && long.chars().count() >= 255,
            "{long}"
        );
    }

    #[test]
    fn words_behind_a_long_style_sheet_are_found() {
        let html = format!(
            "<style>{}</style><p>First&zwnj;&shy; words</p>",
            "p{} ".repeat(3000)
        );
        assert_eq!(sample(html.as_bytes(), true).preview(), "First words");
    }
}
