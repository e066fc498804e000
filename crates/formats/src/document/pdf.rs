//! The text of Portable Document Format: what its pages, notes and forms show, and its title.
//!
//! Text that is a picture is none, nor is there any in a file that only a password opens; one that
//! is encrypted without is read. Letters
//! come in the order in which the file shows them, which for Hebrew and Arabic may be that of the
//! page, from the left. A font that neither says what its codes mean nor has a known encoding
//! gives no text.
//!
//! No crate is used for this: those there are recurse, allocate what a file asks for, or panic.
//! Here each object, stream and operator that is read takes from one meter ([`Work`]), and nothing
//! recurses.
//!
//! Start at [`text`]. Source: ISO 32000-1.

mod cmap;
mod content;
mod file;
mod filters;
mod font;
mod glyphs;
mod key;
mod lexer;
mod matrix;
mod work;

use super::Words;
use content::Reader;
use file::File;
use lexer::{Dictionary, Value};
use work::Work;

/// Pages that are read.
const PAGES_MAX: usize = 10_000;
/// Steps up the tree of pages to what a page inherits.
const ABOVE_MAX: usize = 32;
/// Streams of one page.
const STREAMS_MAX: usize = 1024;
/// Notes and fields of one page.
const NOTES_MAX: usize = 1024;
/// Bytes of operators of one page.
const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Adds the text of a file, doing no more work than so many bytes stand for; what is left of it.
pub(super) fn text(document: &[u8], work: usize, out: &mut Words) -> usize {
    let work = Work::new(work);
    let file = File::read(document, &work);
    if !file.is_locked() {
        information(&file, out);
        pages(&file, &work, out);
    }
    work.left()
}

/// Source: ISO 32000-1 §14.3.3.
fn information(file: &File<'_>, out: &mut Words) {
    let Some(told) = file.information() else {
        return;
    };
    for name in ["Title", "Subject", "Author", "Keywords"] {
        text_of(&file.value(&told, name), out);
    }
}

fn pages(file: &File<'_>, work: &Work, out: &mut Words) {
    let mut left = PAGES_MAX;
    let mut reader = Reader::new(file, work, out);
    for number in file.numbers() {
        let value = file.resolve(&Value::Reference(number)).into_owned();
        let Value::Dictionary(page) = value else {
            continue;
        };
        if !page.is("Type", "Page") {
            continue;
        }
        left -= 1;
        let operators = operators(file, page.value("Contents"));
        reader.page(operators, inherited_resources(file, &page));
        reader.out.gap();
        notes(file, &page, reader.out);
        if left == 0 || reader.out.is_full() || work.is_done() {
            return;
        }
    }
}

/// The operators of a page, which may lie in several streams.
fn operators(file: &File<'_>, contents: &Value) -> Vec<u8> {
    if let Some((_, whole)) = file.stream(contents) {
        return whole;
    }
    let parts = file.resolve(contents);
    let mut whole = Vec::new();
    for part in parts.array().unwrap_or_default().iter().take(STREAMS_MAX) {
        let Some((_, part)) = file.stream(part) else {
            continue;
        };
        if whole.len() + part.len() > PAGE_BYTES_MAX {
            break;
        }
        whole.extend_from_slice(&part);
        whole.push(b'\n'); // Streams end where a token ends.
    }
    whole
}

/// A page's resources, or those of the node of the tree above it that has some.
fn inherited_resources(file: &File<'_>, page: &Dictionary) -> Dictionary {
    let mut node = page.clone();
    for _ in 0..ABOVE_MAX {
        if let Value::Dictionary(resources) = file.value(&node, "Resources") {
            return resources;
        }
        match file.value(&node, "Parent") {
            Value::Dictionary(above) => node = above,
            _ => break,
        }
    }
    Dictionary::default()
}

/// What was noted on a page or filled into it. Source: ISO 32000-1 §12.5.2, §12.7.3.
fn notes(file: &File<'_>, page: &Dictionary, out: &mut Words) {
    let notes = file.value(page, "Annots");
    for note in notes.array().unwrap_or_default().iter().take(NOTES_MAX) {
        if let Value::Dictionary(note) = file.resolve(note).as_ref() {
            text_of(&file.value(note, "Contents"), out);
            text_of(&file.value(note, "V"), out);
        }
    }
}

/// A string that is text by itself. Source: ISO 32000-1 §7.9.2.2, ISO 32000-2 §7.9.2.2 (UTF-8).
fn text_of(value: &Value, out: &mut Words) {
    let Value::Text(bytes) = value else { return };
    if let Some(units) = bytes.strip_prefix(b"\xfe\xff") {
        out.push_str(&cmap::utf16(units));
    } else {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        out.push_str(&crate::message::charset::to_utf8(b"", bytes));
    }
    out.gap();
}

#[cfg(test)]
mod tests;
