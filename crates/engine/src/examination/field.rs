//! Fields of a header that only this server may write: others are taken out, since people and
//! programs would believe them.
//!
//! Source: RFC 8601 §5 (removing existing fields).

use crate::signature::field::{name_and_value, pieces};

/// The name of the field with the results.
const RESULTS: &str = "Authentication-Results";

/// The header without the fields that claim to be results of this server; `None` when there are
/// none, which is nearly always so.
///
/// `header` ends with the empty line, or without one where there is no body.
pub fn without_forged(header: &[u8], hostname: &str) -> Option<Vec<u8>> {
    let is_own = |piece: &&[u8]| !is_forged(piece, hostname);
    if pieces(header).all(|piece| is_own(&piece)) {
        return None;
    }
    let kept: Vec<&[u8]> = pieces(header).filter(is_own).collect();
    Some(kept.concat())
}

fn is_forged(piece: &[u8], hostname: &str) -> bool {
    name_and_value(piece).is_some_and(|(name, value)| {
        let name = name.trim_ascii_end();
        name.eq_ignore_ascii_case(RESULTS.as_bytes()) && claims(value, hostname)
    })
}

/// True when the first word behind blanks and comments is this server's name.
fn claims(value: &[u8], hostname: &str) -> bool {
    let mut depth = 0_u32;
    let mut word = Vec::new();
    for &byte in value {
        match byte {
            b'(' => depth = depth.saturating_add(1),
            b')' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            b' ' | b'\t' | b'\r' | b'\n' | b'"' if word.is_empty() => {}
            b' ' | b'\t' | b'\r' | b'\n' | b'"' | b';' => break,
            _ => word.push(byte),
        }
    }
    let word = word.strip_suffix(b".").unwrap_or(&word);
    word.eq_ignore_ascii_case(hostname.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(header: &str) -> Option<String> {
        let kept = without_forged(header.as_bytes(), "mx.example.test");
        kept.map(|kept| String::from_utf8(kept).unwrap())
    }

    #[test]
    fn results_of_others_stay() {
        let header = "Authentication-Results: mx.elsewhere.test; spf=pass\r\nFrom: a\r\n\r\n";
        assert_eq!(kept(header), None);
        assert_eq!(kept("From: a\r\n\r\n"), None);
    }

    #[test]
    fn results_in_the_name_of_this_server_are_taken_out_however_they_are_written() {
        let header = "A: 1\r\nAuthentication-Results: mx.example.test; spf=pass\r\n\tmore\r\n\
                      B: 2\r\nauthentication-results:\r\n (c) \"MX.example.test\" 1; dkim=pass\r\n\
                      C: 3\r\n\r\n";
        assert_eq!(kept(header).unwrap(), "A: 1\r\nB: 2\r\nC: 3\r\n\r\n");
    }
}
