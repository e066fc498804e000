//! A reader over bytes that never runs past their end: the one place where positions are counted.

/// What is still to be read of some bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Starts at the beginning of `bytes`.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// All that was not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next byte, which stays unread.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Reads one byte.
    pub(crate) fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// Reads `byte` if it is the next one.
    pub(crate) fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.next();
        }
        found
    }

    /// Reads as long as `wanted` holds.
    pub(crate) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let count = self.rest.iter().position(|&byte| !wanted(byte));
        self.take_up_to(count.unwrap_or(self.rest.len()))
    }

    /// Reads `count` bytes, or what there is.
    pub(crate) fn take_up_to(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }

    /// Reads exactly `count` bytes, or nothing.
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// Reads a decimal number of `digits_min` to `digits_max` digits; reads nothing if there are
    /// fewer.
    pub(crate) fn number(&mut self, digits_min: usize, digits_max: usize) -> Option<i64> {
        let digits = self
            .rest
            .iter()
            .take(digits_max)
            .take_while(|b| b.is_ascii_digit())
            .count();
        if digits < digits_min {
            return None;
        }
        let taken = self.take(digits)?;
        Some(taken.iter().fold(0, |value: i64, byte| {
            value
                .saturating_mul(10)
                .saturating_add(i64::from(byte.saturating_sub(b'0')))
        }))
    }
}
