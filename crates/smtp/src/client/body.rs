//! A letter's bytes on the wire: with a dot before dots, or counted.
//!
//! Sources: RFC 5321 §4.5.2 (transparency), RFC 3030 §2 (BDAT).

use bytes::{Bytes, BytesMut};

/// Puts a dot before each line that begins with one, across pieces.
#[derive(Debug)]
pub(super) struct Stuffer {
    at_line_start: bool,
}

impl Stuffer {
    pub(super) fn new() -> Self {
        Self {
            at_line_start: true,
        }
    }

    /// A piece as it is sent; unchanged pieces are not copied.
    ///
    /// Only letters whose lines end properly come here, so a line begins behind each LF.
    pub(super) fn stuff(&mut self, piece: &Bytes) -> Bytes {
        let mut out = BytesMut::new();
        let mut copied = 0;
        for at in memchr::memchr_iter(b'.', piece) {
            let begins_line = match at.checked_sub(1) {
                Some(before) => piece.get(before) == Some(&b'\n'),
                None => self.at_line_start,
            };
            if begins_line {
                out.extend_from_slice(piece.get(copied..at).unwrap_or_default());
                out.extend_from_slice(b".");
                copied = at;
            }
        }
        if let Some(last) = piece.last() {
            self.at_line_start = *last == b'\n';
        }
        if out.is_empty() {
            return piece.clone();
        }
        out.extend_from_slice(piece.get(copied..).unwrap_or_default());
        out.freeze()
    }

    /// What ends the letter.
    pub(super) fn end(&self) -> Bytes {
        Bytes::from_static(if self.at_line_start {
            b".\r\n"
        } else {
            b"\r\n.\r\n"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::data::Unstuffer;
    use proptest::prelude::*;

    fn stuffed(letter: &[u8], piece_bytes: usize) -> Vec<u8> {
        let mut stuffer = Stuffer::new();
        let mut out = Vec::new();
        for piece in letter.chunks(piece_bytes) {
            out.extend_from_slice(&stuffer.stuff(&Bytes::copy_from_slice(piece)));
        }
        out.extend_from_slice(&stuffer.end());
        out
    }

    #[test]
    fn a_dot_is_put_before_dots_that_begin_a_line_and_nowhere_else() {
        for pieces in [1, 2, 3, 100] {
            assert_eq!(
                stuffed(b".a\r\n..\r\nb.c", pieces),
                b"..a\r\n...\r\nb.c\r\n.\r\n"
            );
            assert_eq!(stuffed(b"", pieces), b".\r\n");
        }
    }

    proptest! {
        #[test]
        fn the_receiving_side_reads_back_what_was_sent(
            lines in prop::collection::vec("[.a\u{e9} ]{0,5}", 1..20),
            pieces in 1_usize..9,
        ) {
            let letter = lines.join("\r\n") + "\r\n";
            let wire = stuffed(letter.as_bytes(), pieces);
            let mut out = Vec::new();
            let mut unstuffer = Unstuffer::default();
            unstuffer.feed(&wire, |bytes| out.extend_from_slice(bytes));
            prop_assert!(unstuffer.has_ended());
            prop_assert_eq!(out, letter.into_bytes());
        }
    }
}
