//! The words of Office documents from before 2007: Word, Excel and `PowerPoint` of 97 to 2003.
//!
//! Each is a compound file with one stream that holds the text. Enough of each is read to know its
//! words; what is encrypted, or of an older version, gives none. Never recurses: every chain of
//! sectors and every list is followed for as many steps as the file can have at most.
//!
//! No crate is used for this: those there are need a seekable file, or allocate what it asks for.
//!
//! Start at [`text`]. Sources: [MS-CFB] §2 (compound files); [MS-DOC] §2.4.1; [MS-XLS] §2.4;
//! [MS-PPT] §2.9.

mod compound;
mod sheet;
mod slides;
mod word;

use super::{Words, rich_text};
use compound::Compound;

/// Adds the text of a document, reading so many bytes at most; what is left of them.
pub(super) fn text(document: &[u8], work: usize, out: &mut Words) -> usize {
    let document = document.get(..work).unwrap_or(document);
    // Many programs name files so that hold something else.
    out.push_str(&rich_text::words_of(document, out.most));
    let Some(file) = Compound::open(document) else {
        return work.saturating_sub(document.len());
    };
    if let Some(main) = file.stream("WordDocument") {
        word::text(&file, &main, out);
    }
    for name in ["Workbook", "Book"] {
        if let Some(workbook) = file.stream(name) {
            sheet::text(&workbook, out);
        }
    }
    if let Some(show) = file.stream("PowerPoint Document") {
        slides::text(&show, out);
    }
    // The file, its tables and the copy of a stream.
    work.saturating_sub(document.len().saturating_mul(3))
}

/// A number of two bytes.
fn number16(bytes: &[u8], at: usize) -> Option<u16> {
    let (number, _) = bytes.get(at..)?.split_first_chunk()?;
    Some(u16::from_le_bytes(*number))
}

/// A number of four bytes.
fn number32(bytes: &[u8], at: usize) -> Option<u32> {
    let (number, _) = bytes.get(at..)?.split_first_chunk()?;
    Some(u32::from_le_bytes(*number))
}

/// The same, as a place or a length.
fn place(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(number32(bytes, at)?).ok()
}

/// Letters of two bytes each.
fn wide(bytes: &[u8]) -> impl Iterator<Item = char> {
    let (units, _) = bytes.as_chunks::<2>();
    let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
    char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER))
}

#[cfg(test)]
mod tests;
