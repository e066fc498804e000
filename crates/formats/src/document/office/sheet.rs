//! The text of Excel workbooks: names of sheets, and what cells say; not their numbers.
//!
//! Source: [MS-XLS] §2.4.265 (SST), §2.5.293 (strings), §2.4.58 (Continue), §2.4.148 (Label),
//! §2.4.268 (String), §2.4.28 (`BoundSheet8`), §2.4.117 (`FilePass`).

use super::{number16, place, wide};
use crate::document::Words;
use crate::message::charset;

const BEGINNING: u16 = 0x0809;
const VERSION_97: u16 = 0x0600;
const ENCRYPTED: u16 = 0x002f;
const SHEET: u16 = 0x0085;
const STRINGS: u16 = 0x00fc;
const CONTINUED: u16 = 0x003c;
const LABEL: u16 = 0x0204;
const RESULT: u16 = 0x0207;

const WIDE: u8 = 1;
const HAS_MORE: u8 = 4;
const HAS_STYLES: u8 = 8;

/// Adds the text.
pub(super) fn text(workbook: &[u8], out: &mut Words) {
    let mut records = Records { rest: workbook };
    while let Some((kind, record)) = records.next() {
        let string = match kind {
            BEGINNING if number16(record, 0) != Some(VERSION_97) => return,
            ENCRYPTED => return,
            STRINGS => {
                let mut pieces = vec![record];
                while let Some(more) = records.next_if(CONTINUED) {
                    pieces.push(more);
                }
                strings(&pieces, out);
                continue;
            }
            SHEET => record.get(6..).and_then(|name| {
                let (count, rest) = name.split_first()?;
                short_string(usize::from(*count), rest)
            }),
            LABEL => record.get(6..).and_then(string),
            RESULT => string(record),
            _ => continue,
        };
        out.gap();
        out.push_str(&string.unwrap_or_default());
        if out.is_full() {
            return;
        }
    }
}

/// Records one after the other: kind, length, content.
struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    fn next(&mut self) -> Option<(u16, &'a [u8])> {
        let kind = number16(self.rest, 0)?;
        let len = usize::from(number16(self.rest, 2)?);
        let (record, rest) = self.rest.get(4..)?.split_at_checked(len)?;
        self.rest = rest;
        Some((kind, record))
    }

    fn next_if(&mut self, wanted: u16) -> Option<&'a [u8]> {
        if number16(self.rest, 0) != Some(wanted) {
            return None;
        }
        self.next().map(|(_, record)| record)
    }
}

/// A string with its length before it, all in one record.
fn string(bytes: &[u8]) -> Option<String> {
    short_string(usize::from(number16(bytes, 0)?), bytes.get(2..)?)
}

fn short_string(letters: usize, bytes: &[u8]) -> Option<String> {
    let (flags, rest) = bytes.split_first()?;
    let width = 1 + usize::from(flags & WIDE);
    Some(letters_of(rest.get(..letters * width)?, *flags))
}

fn letters_of(bytes: &[u8], flags: u8) -> String {
    if flags & WIDE == 0 {
        // The low halves of letters of two bytes.
        charset::to_utf8(b"iso-8859-1", bytes).into_owned()
    } else {
        wide(bytes).collect()
    }
}

/// The table of all strings, which goes on from record to record.
fn strings(pieces: &[&[u8]], out: &mut Words) {
    let mut pieces = Pieces {
        later: pieces.iter(),
        now: &[],
    };
    // Two counts stand first.
    if pieces.advance().is_none() || pieces.skip(8).is_none() {
        return;
    }
    while !out.is_full() && pieces.string(out).is_some() {}
}

struct Pieces<'a, 'b> {
    later: std::slice::Iter<'b, &'a [u8]>,
    now: &'a [u8],
}

impl Pieces<'_, '_> {
    fn advance(&mut self) -> Option<()> {
        self.now = self.later.next()?;
        Some(())
    }

    fn take(&mut self) -> Option<u8> {
        while self.now.is_empty() {
            self.advance()?;
        }
        let (byte, rest) = self.now.split_first()?;
        self.now = rest;
        Some(*byte)
    }

    fn number16(&mut self) -> Option<usize> {
        Some(usize::from(u16::from_le_bytes([
            self.take()?,
            self.take()?,
        ])))
    }

    fn skip(&mut self, mut bytes: usize) -> Option<()> {
        while bytes > self.now.len() {
            bytes -= self.now.len();
            self.advance()?;
        }
        self.now = self.now.get(bytes..)?;
        Some(())
    }

    /// One string: its letters may go on in the next record, which says anew how wide they are.
    fn string(&mut self, out: &mut Words) -> Option<()> {
        let mut letters = self.number16()?;
        let mut flags = self.take()?;
        let styles = if flags & HAS_STYLES == 0 {
            0
        } else {
            self.number16()? * 4
        };
        let more = if flags & HAS_MORE == 0 {
            0
        } else {
            let bytes = [self.take()?, self.take()?, self.take()?, self.take()?];
            place(&bytes, 0)?
        };
        out.gap();
        loop {
            let width = 1 + usize::from(flags & WIDE);
            let here = (self.now.len() / width).min(letters);
            let (text, rest) = self.now.split_at_checked(here * width)?;
            out.push_str(&letters_of(text, flags));
            self.now = rest;
            letters -= here;
            if letters == 0 {
                break;
            }
            self.advance()?;
            flags = self.take()?;
        }
        self.skip(styles)?;
        self.skip(more)
    }
}
