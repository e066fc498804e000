//! The bytes of one letter on their way out: with the line ends of Unix where the import can undo
//! that.
//!
//! Start at [`Outgoing::open`].

use crate::administration::Failure;
use bytes::Bytes;
use engine::account::Message;
use engine::{Account, ItemRow};

/// Bytes that are read at once.
const PIECE_BYTES: u64 = 1024 * 1024;

/// How much of a letter was written.
pub struct Written {
    /// Its bytes in the mailbox.
    pub bytes: u64,
}

/// How a letter stands in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnds {
    /// Every CRLF is a LF; there is nothing in it that would not come back.
    Lf,
    /// Byte for byte.
    Kept,
}

/// A letter that is written.
pub struct Outgoing {
    message: Message,
    /// The first piece, which is all of most letters.
    first: Bytes,
    /// How it will stand in the file.
    pub line_ends: LineEnds,
    /// How many bytes that takes.
    pub file_size: u64,
}

impl Outgoing {
    /// Looks at a letter once, to decide how it is written.
    pub fn open(account: &Account, row: &ItemRow) -> Result<Self, Failure> {
        let message = account.message(row)?;
        let first = message.read(0..PIECE_BYTES)?;
        let mut scan = Scan::default();
        scan.push(&first);
        let mut start = PIECE_BYTES;
        while start < message.len() {
            scan.push(&message.read(start..start + PIECE_BYTES)?);
            start += PIECE_BYTES;
        }
        let size = message.len();
        let (line_ends, file_size) = if scan.is_reversible {
            (LineEnds::Lf, size - scan.lines)
        } else {
            (LineEnds::Kept, size)
        };
        Ok(Self {
            message,
            first,
            line_ends,
            file_size,
        })
    }

    /// Its size in the mailbox.
    pub fn size(&self) -> u64 {
        self.message.len()
    }

    /// Hands out its bytes as they stand in the file.
    pub fn write(
        &self,
        out: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<Written, Failure> {
        let mut held_cr = false;
        let mut start = 0;
        while start < self.size() {
            let piece = match start {
                0 => self.first.clone(),
                _ => self.message.read(start..start + PIECE_BYTES)?,
            };
            let piece = match self.line_ends {
                LineEnds::Kept => piece,
                LineEnds::Lf => Bytes::from(with_lf(&piece, &mut held_cr)),
            };
            out(&piece).map_err(|why| Failure(why.to_string()))?;
            start += PIECE_BYTES;
        }
        if held_cr {
            out(b"\r").map_err(|why| Failure(why.to_string()))?;
        }
        Ok(Written { bytes: self.size() })
    }
}

/// Every CRLF as LF; a CR at the end is held back until it is clear what follows.
fn with_lf(piece: &[u8], held_cr: &mut bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(piece.len() + 1);
    for &byte in piece {
        if std::mem::take(held_cr) && byte != b'\n' {
            out.push(b'\r');
        }
        if byte == b'\r' {
            *held_cr = true;
        } else {
            out.push(byte);
        }
    }
    out
}

/// Whether LF for CRLF can be undone.
struct Scan {
    /// The last two bytes.
    last: [u8; 2],
    is_reversible: bool,
    /// Lines that end in CRLF.
    lines: u64,
}

impl Default for Scan {
    fn default() -> Self {
        Self {
            last: [0; 2],
            is_reversible: true,
            lines: 0,
        }
    }
}

impl Scan {
    /// A LF without CR would get one, and of CR CR LF one would be lost.
    fn push(&mut self, piece: &[u8]) {
        for &byte in piece {
            if byte == b'\n' {
                self.lines += 1;
                self.is_reversible &= self.last[1] == b'\r' && self.last[0] != b'\r';
            }
            self.last = [self.last[1], byte];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the import makes of a file without a mark.
    fn undone(file: &[u8]) -> Vec<u8> {
        let mut wire = Vec::new();
        for &byte in file {
            if byte == b'\n' && wire.last() != Some(&b'\r') {
                wire.push(b'\r');
            }
            wire.push(byte);
        }
        wire
    }

    proptest! {
        #[test]
        fn what_is_said_to_be_reversible_is(letter in "[ab\r\n]{0,40}", cut in 0_usize..40) {
            let mut scan = Scan::default();
            let (one, other) = letter.as_bytes().split_at(cut.min(letter.len()));
            scan.push(one);
            scan.push(other);
            let mut held_cr = false;
            let mut file = with_lf(one, &mut held_cr);
            file.extend(with_lf(other, &mut held_cr));
            if held_cr {
                file.push(b'\r');
            }
            if scan.is_reversible {
                prop_assert_eq!(file.len() as u64, letter.len() as u64 - scan.lines);
                prop_assert_eq!(undone(&file), letter.into_bytes());
            } else {
                prop_assert!(undone(&file) != letter.as_bytes() || letter.contains("\r\r\n"));
            }
        }
    }
}
