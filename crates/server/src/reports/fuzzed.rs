//! Reports of others, whatever they are: reading comes to an end within its bounds.

use super::told::Report;
use super::{Unreadable, aggregate, failure, tls, unpack};

/// A report of each kind, packed or not.
pub fn report(bytes: &[u8]) {
    if let Ok(text) = unpack::unpacked(bytes) {
        show(aggregate::parse(&text).map(|report| aggregate::lines(&report)));
        show(tls::parse(&text).map(|report| tls::lines(&report)));
        show(failure::parse(&text).map(|report| failure::lines(&report)));
    }
    show(Report::parse(bytes).map(|report| report.lines()));
}

/// What is shown of a report is lines, each without anything that a terminal would obey.
fn show(lines: Result<Vec<String>, Unreadable>) {
    let lines = lines.unwrap_or_default();
    let has_control = |line: &String| line.chars().any(char::is_control);
    assert!(!lines.iter().any(has_control), "{lines:?}");
}
