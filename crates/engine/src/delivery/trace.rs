//! The lines that are put before a letter: where it came from, by which way, for whom.
//!
//! What the peer said of itself is quoted harmlessly: it may not end the line or the comment.
//!
//! Standards: RFC 5321 §4.4 (Received, Return-Path), RFC 3848 (names of ways), RFC 8314 §4.3 (TLS
//! facts), RFC 9228 (Delivered-To).

use crate::examination::Examined;
use formats::date::Date;
use std::fmt::Write;
use std::net::IpAddr;
use store::id::Timestamp;

/// Bytes of what a peer says of itself that are written down.
const NAME_BYTES_MAX: usize = 255;

/// How a letter came.
#[derive(Debug, Clone, Default)]
pub struct Arrival {
    /// What the peer calls itself; empty when it did not say.
    pub greeting: String,
    /// Its address.
    pub peer: Option<IpAddr>,
    /// The name of the way: `ESMTPSA` and the like (RFC 3848).
    pub way: &'static str,
    /// Version and cipher of the encrypted connection.
    pub tls: Option<(&'static str, &'static str)>,
    /// The name that it has already; a new one is found for it where there is none.
    pub letter: Option<String>,
    /// It was written here without anyone signing in: by this server itself, as a notice, or by a
    /// program of this machine.
    pub is_ours: bool,
    /// What the examiners said of it.
    pub examined: Examined,
}

/// `Received:` with its line end. `recipient` only when there is just one, so that none learns of
/// another.
pub fn received(
    arrival: &Arrival,
    hostname: &str,
    letter: &str,
    recipient: Option<&str>,
    now: Timestamp,
) -> String {
    let mut line = String::with_capacity(320);
    line.push_str("Received: from ");
    match harmless(&arrival.greeting) {
        name if name.is_empty() => line.push_str("unknown"),
        name => line.push_str(&name),
    }
    // Writing to a string never fails.
    match arrival.peer.map(|peer| peer.to_canonical()) {
        Some(IpAddr::V4(peer)) => _ = write!(line, " ([{peer}])"),
        Some(IpAddr::V6(peer)) => _ = write!(line, " ([IPv6:{peer}])"),
        None => {}
    }
    _ = write!(line, "\r\n\tby {hostname} with {} id {letter}", arrival.way);
    if let Some((version, cipher)) = arrival.tls {
        _ = write!(line, "\r\n\t({version} {cipher})");
    }
    if let Some(recipient) = recipient {
        _ = write!(line, "\r\n\tfor <{}>", harmless(recipient));
    }
    let date = Date {
        seconds: now.seconds(),
        zone_minutes: 0,
    };
    _ = write!(line, ";\r\n\t{date}\r\n");
    line
}

/// The line that names who is told of failures.
pub(super) fn return_path(sender: &str) -> String {
    format!("Return-Path: <{}>\r\n", harmless(sender))
}

/// The whole prefix of a letter that is delivered here.
pub(super) fn prefix(
    return_path: &str,
    delivered_to: &str,
    examined: &str,
    received: &str,
) -> String {
    [
        return_path,
        "Delivered-To: ",
        &harmless(delivered_to),
        "\r\n",
        examined,
        received,
    ]
    .concat()
}

/// What can stand in a line of a header without changing what the line says.
fn harmless(text: &str) -> String {
    text.chars()
        .filter(|c| {
            !c.is_control() && !c.is_whitespace() && !matches!(c, '(' | ')' | '<' | '>' | ';')
        })
        .scan(0, |len, c| {
            *len += c.len_utf8();
            (*len <= NAME_BYTES_MAX).then_some(c)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_received_line_says_from_where_by_which_way_and_for_whom() {
        let arrival = Arrival {
            greeting: "client.example".to_owned(),
            peer: Some("192.0.2.1".parse().unwrap()),
            way: "ESMTPS",
            tls: Some(("TLSv1.3", "TLS_AES_128_GCM_SHA256")),
            ..Arrival::default()
        };
        assert_eq!(
            received(
                &arrival,
                "mx.example.test",
                "abc",
                Some("a@example.test"),
                Timestamp(0)
            ),
            "Received: from client.example ([192.0.2.1])\r\n\
             \tby mx.example.test with ESMTPS id abc\r\n\
             \t(TLSv1.3 TLS_AES_128_GCM_SHA256)\r\n\
             \tfor <a@example.test>;\r\n\
             \tThu, 1 Jan 1970 00:00:00 +0000\r\n"
        );
    }

    #[test]
    fn a_greeting_cannot_add_lines_or_comments() {
        let arrival = Arrival {
            greeting: "x) \r\nBcc: <all>;(".to_owned(),
            peer: Some("::ffff:192.0.2.1".parse().unwrap()),
            way: "SMTP",
            ..Arrival::default()
        };
        let line = received(&arrival, "h", "i", None, Timestamp(0));
        assert!(
            line.starts_with("Received: from xBcc:all ([192.0.2.1])\r\n\tby h with SMTP id i;")
        );
    }
}
