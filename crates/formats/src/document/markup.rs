//! The character data of XML, without a tree: enough for documents whose words stand between tags.
//!
//! Source: XML 1.0 §2.4 to §2.7, §4.1.

use super::Words;
use memchr::{memchr, memmem};

/// Elements (without their prefix) that end a word: paragraphs, cells, tabs, breaks.
const GAPS: [&str; 14] = [
    "p",
    "br",
    "cr",
    "tab",
    "tc",
    "tr",
    "si",
    "c",
    "h",
    "s",
    "line-break",
    "table-cell",
    "list-item",
    "is",
];
/// Elements that hold what is not shown as text: fields, what was deleted, formulas.
const UNSHOWN: [&str; 3] = ["instrText", "delText", "f"];
/// A cell whose value is the number of a text that stands elsewhere.
const CELL: &str = "c";
const CELL_OF_NUMBER: &str = " t=\"s\"";
/// Longest name between `&` and `;` that is looked at.
const ENTITY_BYTES_MAX: usize = 10;

/// Adds the text of an XML document.
pub(super) fn text(xml: &str, out: &mut Words) {
    let mut rest = xml;
    let mut is_shown = true;
    while !rest.is_empty() && !out.is_full() {
        let start = memchr(b'<', rest.as_bytes()).unwrap_or(rest.len());
        let (words, markup) = rest.split_at_checked(start).unwrap_or((rest, ""));
        if is_shown {
            characters(words, out);
        }
        if let Some(data) = markup.strip_prefix("<![CDATA[") {
            let (words, after) = until(data, "]]>");
            out.push_str(words);
            rest = after;
        } else if let Some(comment) = markup.strip_prefix("<!--") {
            rest = until(comment, "-->").1;
        } else {
            let (tag, after) = tag(markup);
            rest = after;
            let (name, kind) = name(tag);
            let is_unshown =
                UNSHOWN.contains(&name) || name == CELL && tag.contains(CELL_OF_NUMBER);
            if kind == Tag::Start && is_unshown {
                is_shown = false;
            } else if kind == Tag::End && (is_unshown || name == CELL) {
                is_shown = true;
            }
            if GAPS.contains(&name) {
                out.gap();
            }
        }
    }
    out.gap();
}

/// What stands before an end, and what behind it; all and nothing if it is missing.
fn until<'a>(text: &'a str, end: &str) -> (&'a str, &'a str) {
    memmem::find(text.as_bytes(), end.as_bytes())
        .and_then(|at| Some((text.get(..at)?, text.get(at + end.len()..)?)))
        .unwrap_or((text, ""))
}

/// A tag with its brackets, and what follows. A `>` in quotes does not end it.
fn tag(markup: &str) -> (&str, &str) {
    let mut quote = None;
    for (at, byte) in markup.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return markup.split_at_checked(at + 1).unwrap_or((markup, "")),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    (markup, "")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tag {
    Start,
    End,
    Empty,
}

/// An element's name without its prefix.
fn name(tag: &str) -> (&str, Tag) {
    let inner = tag.trim_start_matches('<').trim_end_matches('>');
    let (inner, kind) = match (inner.strip_prefix('/'), inner.strip_suffix('/')) {
        (Some(name), _) => (name, Tag::End),
        (None, Some(empty)) => (empty, Tag::Empty),
        (None, None) => (inner, Tag::Start),
    };
    let end = inner
        .find(|c: char| c.is_ascii_whitespace())
        .unwrap_or(inner.len());
    let name = inner.get(..end).unwrap_or_default();
    let local = name.rsplit_once(':').map_or(name, |(_, local)| local);
    (local, kind)
}

fn characters(words: &str, out: &mut Words) {
    let mut rest = words;
    while let Some(at) = memchr(b'&', rest.as_bytes()) {
        let (before, entity) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        let name = entity.get(1..).unwrap_or_default();
        let end = name
            .bytes()
            .take(ENTITY_BYTES_MAX)
            .position(|byte| byte == b';');
        let found = end.and_then(|end| Some((letter(name.get(..end)?)?, name.get(end + 1..)?)));
        if let Some((letter, after)) = found {
            out.push(letter);
            rest = after;
        } else {
            out.push('&');
            rest = name;
        }
    }
    out.push_str(rest);
}

/// The character that an entity means.
fn letter(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}
