//! The text of `PowerPoint` shows: the atoms that hold text, in the order of the file.
//!
//! Source: [MS-PPT] §2.3.1 (record headers), §2.9.42 (`TextCharsAtom`), §2.9.43 (`TextBytesAtom`).

use super::{number16, place, wide};
use crate::document::Words;
use crate::message::charset;

/// What holds other records; they follow its header.
const CONTAINER: u16 = 0x0f;
const WIDE_TEXT: u16 = 0x0fa0;
const NARROW_TEXT: u16 = 0x0fa8;

/// Adds the text.
pub(super) fn text(show: &[u8], out: &mut Words) {
    let mut rest = show;
    while let Some((kind, content, after)) = record(rest) {
        rest = after;
        match kind {
            WIDE_TEXT => add(wide(content), out),
            NARROW_TEXT => add(charset::to_utf8(b"iso-8859-1", content).chars(), out),
            _ => {}
        }
        if out.is_full() {
            return;
        }
    }
}

/// The next record and what follows: behind a container's header, what is in it.
fn record(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let version = number16(bytes, 0)? & 0x0f;
    let (kind, len) = (number16(bytes, 2)?, place(bytes, 4)?);
    let behind = bytes.get(8..)?;
    if version == CONTAINER {
        return Some((kind, &[], behind));
    }
    let (content, after) = behind.split_at_checked(len)?;
    Some((kind, content, after))
}

fn add(letters: impl Iterator<Item = char>, out: &mut Words) {
    out.gap();
    for letter in letters {
        match letter {
            '\u{0}'..='\u{1f}' => out.gap(),
            shown => out.push(shown),
        }
    }
}
