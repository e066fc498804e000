//! Documents that enclose HTML or a plain text, for clients that ask for nothing else.
//!
//! What encloses HTML is the HTML itself, piece by piece, with enough beside it that a reader
//! without knowledge of it shows the words in their lines.
//!
//! Source: [MS-OXRTFEX] 2.1 (form), 3.2 (writing).

use crate::message::html::{Markup, Step, steps};
use std::fmt::Write as _;

const HTML_BEGINNING: &str = "{\\rtf1\\ansi\\ansicpg1252\\fromhtml1 \\deff0{\\fonttbl\r\n\
    {\\f0\\fswiss Arial;}\r\n{\\f1\\fmodern Courier New;}}\r\n\
    {\\colortbl\\red0\\green0\\blue0;\\red0\\green0\\blue255;}\r\n\
    \\uc1\\pard\\plain\\deftab360 \\f0\\fs24 \r\n";
const TEXT_BEGINNING: &str = "{\\rtf1\\ansi\\ansicpg1252\\fromtext \\deff0{\\fonttbl\r\n\
    {\\f0\\fswiss Arial;}}\r\n{\\colortbl\\red0\\green0\\blue0;}\r\n\
    \\uc1\\pard\\plain\\deftab360 \\f0\\fs20 ";
/// Kinds of markup by their numbers: [MS-OXRTFEX] 2.1.3.1.1 (where it stands and what it is).
const BLOCK: u32 = 64;
const INLINE: u32 = 148;
const HIDDEN: u32 = 241;
const SIGN: u32 = 84;
/// Elements whose beginning or end is the end of a line for readers without knowledge of HTML.
const LINES: [&str; 10] = [
    "p",
    "div",
    "br",
    "tr",
    "li",
    "h1",
    "h2",
    "h3",
    "hr",
    "blockquote",
];

/// A document that encloses `html`.
pub fn enclosing_html(html: &str) -> Vec<u8> {
    let mut document = String::with_capacity(HTML_BEGINNING.len() + html.len() * 2);
    document.push_str(HTML_BEGINNING);
    for step in steps(html) {
        match step {
            Step::Hidden(text) => tag(HIDDEN, text, &mut document),
            Step::Markup(markup) => element(&markup, &mut document),
            Step::Sign(character, written) => {
                tag(SIGN, written, &mut document);
                document.push_str("\\htmlrtf ");
                push(character, &mut document);
                document.push_str("\\htmlrtf0 ");
            }
            Step::Text(text) => words(text, &mut document),
        }
    }
    document.push_str("}\r\n");
    document.into_bytes()
}

fn element(markup: &Markup<'_>, document: &mut String) {
    let is_line = LINES
        .iter()
        .any(|line| markup.name.eq_ignore_ascii_case(line));
    tag(
        if is_line { BLOCK } else { INLINE },
        markup.written,
        document,
    );
    let word = match markup.name.to_ascii_lowercase().as_str() {
        "b" | "strong" => "b",
        "i" | "em" => "i",
        "u" => "ul",
        _ if is_line => "par",
        _ => return,
    };
    let begins_nothing = word == "par" && !markup.is_end && markup.name != "br";
    if begins_nothing {
        return;
    }
    let off = if markup.is_end && word != "par" {
        "0"
    } else {
        ""
    };
    let _ = write!(document, "\\htmlrtf \\{word}{off}\\htmlrtf0 ");
}

/// Markup, in a group that other readers pass over.
fn tag(kind: u32, text: &str, document: &mut String) {
    let _ = write!(document, "{{\\*\\htmltag{kind} ");
    escape(text, document);
    document.push('}');
}

/// Text between markup; its line ends mean a blank.
fn words(text: &str, document: &mut String) {
    let unix = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines = unix.split('\n');
    escape(lines.next().unwrap_or_default(), document);
    for line in lines {
        let _ = write!(
            document,
            "{{\\*\\htmltag{SIGN} \\par }}\\htmlrtf  \\htmlrtf0 "
        );
        escape(line, document);
    }
}

/// A document that encloses a plain text.
pub fn enclosing_text(text: &str) -> Vec<u8> {
    let mut document = String::with_capacity(TEXT_BEGINNING.len() + text.len() * 2);
    document.push_str(TEXT_BEGINNING);
    escape(text, &mut document);
    document.push_str("}\r\n");
    document.into_bytes()
}

/// Text with its line ends.
fn escape(text: &str, document: &mut String) {
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' | '\n' => {
                if character == '\r' {
                    characters.next_if_eq(&'\n');
                }
                document.push_str("\\par\r\n");
            }
            '\t' => document.push_str("\\tab "),
            other => push(other, document),
        }
    }
}

fn push(character: char, document: &mut String) {
    match character {
        '\\' | '{' | '}' => {
            document.push('\\');
            document.push(character);
        }
        ' '..='~' => document.push(character),
        // Only Unicode has no other meaning for them; the `?` is for readers that don't know it.
        other => {
            for unit in other.encode_utf16(&mut [0; 2]) {
                let _ = write!(document, "\\u{}?", unit.cast_signed());
            }
        }
    }
}
