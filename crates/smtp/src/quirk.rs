//! Faults of clients that are tolerated, each with who has it.
//!
//! Nothing here weakens where a line, a letter or an address ends.

/// A space between `FROM:` or `TO:` and the path, which RFC 5321 §3.3 forbids.
///
/// Sent by old Outlook Express, many devices that scan to mail, and scripts.
pub fn space_before_path(text: &str) -> &str {
    text.strip_prefix(' ').unwrap_or(text)
}

/// True for the first line of an HTTP request.
///
/// Browsers and web servers can be made to send letters inside a request; the connection must end
/// before its body.
pub fn is_web_request(line: &[u8]) -> bool {
    const METHODS: [&[u8]; 9] = [
        b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"CONNECT", b"DELETE", b"PATCH", b"TRACE",
    ];
    let verb = line.split(|&byte| byte == b' ').next().unwrap_or_default();
    METHODS.contains(&verb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_of_a_browser_is_known_by_its_verb() {
        assert!(is_web_request(b"POST /mail HTTP/1.1"));
        assert!(!is_web_request(b"NOOP POST"));
    }

    #[test]
    fn one_space_before_the_path_is_read_over() {
        assert_eq!(space_before_path(" <a@b.example>"), "<a@b.example>");
        assert_eq!(space_before_path("<a@b.example>"), "<a@b.example>");
    }
}
