//! A run of results, counted from the first or from the last: what PARTIAL asks for.
//!
//! Standards: RFC 9394 §3.1 and §4, RFC 5267 §4.4.

use super::Fault;
use super::cursor::{Cursor, Parsed};
use super::write;
use bytes::BytesMut;
use std::ops::Range;

/// `1:100` or `-1:-100`. Both ends belong to it and may come in either order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    ends: (u32, u32),
    from: Origin,
}

/// Where counting begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    First,
    Last,
}

impl Window {
    /// Reads two numbers of the same sign.
    pub fn read(cursor: &mut Cursor<'_>) -> Parsed<Self> {
        let from = if cursor.accept(b'-') {
            Origin::Last
        } else {
            Origin::First
        };
        let first = cursor.nonzero()?;
        cursor.expect(b':', "Expected two numbers such as 1:100")?;
        if from == Origin::Last {
            cursor.expect(b'-', "Both numbers must have the same sign")?;
        }
        let last = cursor.nonzero()?;
        Ok(Self {
            ends: (first, last),
            from,
        })
    }

    /// Which of `count` results it means, by their indices.
    pub fn of(self, count: usize) -> Range<usize> {
        let number = |end: u32| usize::try_from(end).unwrap_or(usize::MAX);
        let (first, last) = (
            number(self.ends.0.min(self.ends.1)),
            number(self.ends.0.max(self.ends.1)),
        );
        let (skipped, end) = (first.saturating_sub(1).min(count), last.min(count));
        match self.from {
            Origin::First => skipped..end,
            Origin::Last => count - end..count - skipped,
        }
    }

    /// How many results it means at most.
    #[allow(clippy::len_without_is_empty)] // It is never empty.
    pub fn len(self) -> u64 {
        u64::from(self.ends.0.abs_diff(self.ends.1)) + 1
    }

    /// Writes it as it was asked.
    pub fn write(self, out: &mut BytesMut) {
        let sign: &[u8] = match self.from {
            Origin::First => b"",
            Origin::Last => b"-",
        };
        out.extend_from_slice(sign);
        write::number(out, u64::from(self.ends.0));
        out.extend_from_slice(b":");
        out.extend_from_slice(sign);
        write::number(out, u64::from(self.ends.1));
    }
}

/// Reads a window, which must not be named twice.
pub(super) fn read_once(cursor: &mut Cursor<'_>, window: &mut Option<Window>) -> Parsed<()> {
    cursor.space()?;
    match window.replace(Window::read(cursor)?) {
        None => Ok(()),
        Some(_) => Err(Fault::Syntax("Only one PARTIAL is allowed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Parsed<Window> {
        let mut cursor = Cursor::new(text.as_bytes());
        let window = Window::read(&mut cursor)?;
        cursor.end().map(|()| window)
    }

    #[test]
    fn a_window_is_cut_to_what_there_is() {
        for (window, count, wanted) in [
            ("1:3", 10, 0..3),
            ("3:1", 10, 0..3),
            ("9:20", 10, 8..10),
            ("11:20", 10, 10..10),
            ("-1:-3", 10, 7..10),
            ("-3:-2", 10, 7..9),
            ("-9:-20", 10, 0..2),
            ("-11:-20", 10, 0..0),
            ("1:1", 0, 0..0),
        ] {
            assert_eq!(read(window).unwrap().of(count), wanted, "{window}");
        }
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for bad in ["", "1", "0:1", "1:0", "1:*", "-1:1", "1:-1", "1:2:3", "a:b"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_window_is_told_as_it_was_asked(first in 1_u32.., last in 1_u32.., minus: bool) {
            let sign = if minus { "-" } else { "" };
            let text = format!("{sign}{first}:{sign}{last}");
            let mut out = BytesMut::new();
            read(&text).unwrap().write(&mut out);
            prop_assert_eq!(out, text);
        }
    }
}
