//! What is wrong with a script, in words that its writer understands.

use std::fmt;

/// One fault of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: u32,
    /// The character in that line, from 1.
    pub column: u32,
    /// What is wrong, without a full stop.
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}, column {}: {}",
            self.line, self.column, self.text
        )
    }
}

impl std::error::Error for Fault {}

/// A fault whose place is still an offset, because counting columns is dear and seldom needed.
#[derive(Clone, Debug)]
pub(super) struct Complaint {
    pub at: usize,
    pub text: String,
}

impl Complaint {
    pub(super) fn new(at: usize, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { at, text }
    }

    /// Says where that is in the source.
    pub(super) fn located(self, source: &str) -> Fault {
        let before = source.get(..self.at).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Fault {
            line: count(before.matches('\n').count() + 1),
            column: count(before.get(line_start..).unwrap_or_default().chars().count() + 1),
            text: self.text,
        }
    }
}
