//! Faults of clients that are tolerated, each with who has it.
//!
//! Nothing here weakens where a line, a letter or an address ends.

/// A space between `FROM:` or `TO:` and the path, which RFC 5321 §3.3 forbids.
///
/// Sent by old Outlook Express, many devices that scan to mail, and scripts.
pub fn space_before_path(text: &str) -> &str {
    text.strip_prefix(' ').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::space_before_path;

    #[test]
    fn one_space_before_the_path_is_read_over() {
        assert_eq!(space_before_path(" <a@b.example>"), "<a@b.example>");
        assert_eq!(space_before_path("<a@b.example>"), "<a@b.example>");
    }
}
