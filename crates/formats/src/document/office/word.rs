//! The text of Word documents: pieces of the main stream, in the order that a table gives them.
//!
//! Source: [MS-DOC] §2.5.1 (Fib), §2.9.38 (Clx), §2.9.177 (Pcd), §2.9.73 (`FcCompressed`), §2.8.25
//! (fields).

use super::compound::Compound;
use super::{number16, number32, place, wide};
use crate::document::Words;
use crate::message::charset;

const SIGNATURE: u16 = 0xa5ec;
const ENCRYPTED: u16 = 0x0100;
/// Which of two streams has the table.
const SECOND_TABLE: u16 = 0x0200;
/// The first version whose header is as it is read here: Word 97.
const VERSION_MIN: u16 = 0x00c1;
/// Where the header says where the table of pieces lies.
const TABLE_AT: usize = 0x01a2;
/// Letters are one byte each.
const NARROW: u32 = 1 << 30;
/// The list of pieces behind others.
const PIECES: u8 = 2;
const CHANGES: u8 = 1;

/// Adds the text.
pub(super) fn text(file: &Compound<'_>, main: &[u8], out: &mut Words) {
    // What could be read before something was damaged stays.
    let _ = pieces(file, main, out);
}

fn pieces(file: &Compound<'_>, main: &[u8], out: &mut Words) -> Option<()> {
    let flags = number16(main, 0x0a)?;
    let is_known = number16(main, 0)? == SIGNATURE && number16(main, 2)? >= VERSION_MIN;
    if !is_known || flags & ENCRYPTED != 0 {
        return None;
    }
    let name = if flags & SECOND_TABLE == 0 {
        "0Table"
    } else {
        "1Table"
    };
    let table = file.stream(name)?;
    let (start, len) = (place(main, TABLE_AT)?, place(main, TABLE_AT + 4)?);
    let list = list_of_pieces(table.get(start..start.checked_add(len)?)?)?;
    // Ends of pieces, one more than there are pieces, then eight bytes for each.
    let count = list.len().checked_sub(4)? / 12;
    let (ends, each) = list.split_at_checked((count + 1) * 4)?;
    let mut field = Field::default();
    for piece in 0..count {
        let letters = place(ends, piece * 4 + 4)?.checked_sub(place(ends, piece * 4)?)?;
        let at = number32(each, piece * 8 + 2)?;
        let start = usize::try_from(at & !NARROW).ok()?;
        if at & NARROW == 0 {
            let bytes = main.get(start..start.checked_add(letters.checked_mul(2)?)?)?;
            wide(bytes).for_each(|letter| field.push(letter, out));
        } else {
            let bytes = main.get(start / 2..(start / 2).checked_add(letters)?)?;
            let text = charset::to_utf8(b"windows-1252", bytes);
            text.chars().for_each(|letter| field.push(letter, out));
        }
        if out.is_full() {
            break;
        }
    }
    Some(())
}

/// What stands behind changes of style, if anything does.
fn list_of_pieces(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        match rest.split_first()? {
            (&CHANGES, after) => {
                let len = usize::from(number16(after, 0)?);
                rest = after.get(len + 2..)?;
            }
            (&PIECES, after) => {
                let len = place(after, 0)?;
                return after.get(4..)?.get(..len);
            }
            _ => return None,
        }
    }
}

/// Fields have instructions, which are not shown, and a result.
#[derive(Default)]
struct Field {
    /// How many fields one is in, and in how many of them still among the instructions.
    depth: usize,
    unshown: usize,
}

impl Field {
    fn push(&mut self, letter: char, out: &mut Words) {
        match letter {
            '\u{13}' => {
                self.depth += 1;
                self.unshown += 1;
            }
            '\u{14}' => self.unshown = self.unshown.saturating_sub(1),
            '\u{15}' => {
                self.depth = self.depth.saturating_sub(1);
                self.unshown = self.unshown.min(self.depth);
            }
            _ if self.unshown > 0 => {}
            // Ends of paragraphs, lines, pages and cells.
            '\u{7}' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' => out.gap(),
            '\u{1e}' => out.push('-'),
            // Places of pictures and notes, hyphens that are not shown.
            '\0'..='\u{1f}' => {}
            shown => out.push(shown),
        }
    }
}
