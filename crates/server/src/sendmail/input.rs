//! A letter as it comes on standard input.

use super::{DATA, INPUT_OUTPUT, Trouble};
use std::io::{BufRead, Read};

/// Bytes of a letter, so that a program that never ends is not listened to for ever. The server's
/// own limit is lower.
const LETTER_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// What a line with only a dot means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dot {
    /// The end of the letter, as when it is typed in.
    Ends,
    /// Nothing but itself.
    IsText,
}

/// Reads a letter. All line ends become CRLF, as they are sent.
///
/// A lone CR, which programs write that show their progress, is a line end too, and NUL is left out:
/// no letter may hold them (RFC 5321 §2.3.8), and what a program says should arrive all the same.
pub fn read(input: &mut impl BufRead, dot: Dot) -> Result<Vec<u8>, Trouble> {
    let mut input = input.take(LETTER_BYTES_MAX);
    let (mut letter, mut line) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        let read = input.read_until(b'\n', &mut line);
        read.map_err(|error| Trouble(INPUT_OUTPUT, format!("standard input: {error}")))?;
        if line.is_empty() {
            break;
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text == b"." && dot == Dot::Ends {
            return Ok(letter);
        }
        for piece in text.split(|&byte| byte == b'\r') {
            letter.extend(piece.iter().filter(|&&byte| byte != 0));
            letter.extend(b"\r\n");
        }
    }
    if input.limit() == 0 {
        return Err(Trouble(DATA, "the letter is too large".into()));
    }
    Ok(letter)
}
