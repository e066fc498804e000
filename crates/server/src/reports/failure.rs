//! Failure reports: one letter that named a domain as its author's and was not proven.
//!
//! They are only read. This server sends none: what they tell of a letter's recipients and contents
//! is those people's own, a stranger's record decides where it goes, forged letters could call them
//! up in any number, and the daily sums say which senders to look after. RFC 6591 §6.3 itself
//! proposes to send them by agreement only.
//!
//! Sources: RFC 5965 §3 (the form), RFC 6591 §3 (the fields), RFC 7489 §7.3 (DMARC).

use super::{Unreadable, shown};
use formats::message::header;
use serde::{Deserialize, Serialize};

/// Fields of one report that are looked at; there are some twenty.
const FIELDS_MAX: usize = 100;
/// The field that every report of this form has.
const MARK: &[u8] = b"feedback-type:";

/// One report; what it does not say is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FailureReport {
    /// The program that wrote it.
    pub reporter: String,
    /// The domain whose name was used.
    pub domain: String,
    /// What failed: dkim, spf, dmarc, adsp, bodyhash, revoked, signature.
    pub failed: String,
    /// Where the letter came from.
    pub source: String,
    /// The envelope's sender.
    pub mail_from: String,
    /// When it came, as the report says.
    pub arrival: String,
    /// What became of it: delivered, spam, policy, reject, other.
    pub delivery: String,
    /// What was found, as the report says.
    pub results: String,
    /// How many letters like it there were.
    pub incidents: u64,
}

impl FailureReport {
    /// What tells it from others: it has no name of its own.
    pub fn name(&self) -> String {
        let facts = [
            &self.domain,
            &self.failed,
            &self.source,
            &self.mail_from,
            &self.arrival,
        ];
        facts.map(String::as_str).join("\n")
    }
}

/// Reads a report: the part of its own type, or a letter with that part in it.
pub fn parse(bytes: &[u8]) -> Result<FailureReport, Unreadable> {
    let mut report = FailureReport {
        incidents: 1,
        ..FailureReport::default()
    };
    let mut kind = Vec::new();
    for field in header::fields(block(bytes).ok_or(Unreadable::Form)?).take(FIELDS_MAX) {
        let value = header::unfold(field.value);
        let text = shown(&String::from_utf8_lossy(&value));
        match field.name.to_ascii_lowercase().as_slice() {
            b"feedback-type" => kind = value.trim_ascii().to_ascii_lowercase(),
            b"user-agent" => report.reporter = text,
            b"reported-domain" => report.domain = text,
            b"auth-failure" => report.failed = text,
            b"source-ip" => report.source = text,
            b"original-mail-from" => report.mail_from = text,
            b"arrival-date" | b"received-date" => report.arrival = text,
            b"delivery-result" => report.delivery = text,
            b"authentication-results" => report.results = text,
            b"incidents" => report.incidents = text.parse().unwrap_or(1),
            _ => {}
        }
    }
    let is_whole = kind == b"auth-failure" && !report.domain.is_empty();
    is_whole.then_some(report).ok_or(Unreadable::Form)
}

/// The lines around the field that marks a report, up to the next empty one.
fn block(bytes: &[u8]) -> Option<&[u8]> {
    let (mut start, mut end) = (0, 0);
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        end += line.len();
        let name = line.get(..MARK.len()).unwrap_or_default();
        if name.eq_ignore_ascii_case(MARK) {
            let rest = bytes.get(start..)?;
            return Some(rest.get(..header::length(rest)).unwrap_or(rest));
        }
        if line.trim_ascii().is_empty() {
            start = end;
        }
    }
    None
}

/// The report for people.
pub fn lines(report: &FailureReport) -> Vec<String> {
    let mut lines = vec![format!(
        "{} about {}: {} failed, {} letters",
        report.reporter, report.domain, report.failed, report.incidents
    )];
    let facts = [
        ("came from", &report.source),
        ("at", &report.arrival),
        ("sender", &report.mail_from),
        ("what became of it", &report.delivery),
        ("results", &report.results),
    ];
    let told = facts.into_iter().filter(|(_, fact)| !fact.is_empty());
    lines.extend(told.map(|(name, fact)| format!("  {name}: {fact}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The part of its own type in the example of RFC 6591 appendix B.1, with a shorter body.
    const EXAMPLE: &str = "Feedback-Type: auth-failure\r\nUser-Agent: Someisp!Mail-Feedback/1.0\r\n\
         Version: 1\r\nOriginal-Mail-From: anexample.reply@a.sender.example\r\n\
         Original-Envelope-Id: o3F52gxO029144\r\n\
         Authentication-Results: mta1011.mail.tp2.receiver.example;\r\n \
         dkim=fail (bodyhash) header.d=sender.example\r\nAuth-Failure: bodyhash\r\n\
         DKIM-Canonicalized-Body: VGhpcyBpcyBhIG1lc3NhZ2UgYm9keSB0\r\n\
         DKIM-Domain: sender.example\r\nDKIM-Identity: @sender.example\r\n\
         DKIM-Selector: testkey\r\nArrival-Date: 8 Oct 2011 20:15:58 +0000 (GMT)\r\n\
         Source-IP: 192.0.2.1\r\nReported-Domain: a.sender.example\r\n\
         Reported-URI: http://www.sender.example/\r\n";

    #[test]
    fn the_example_of_the_standard_is_read() {
        let report = parse(EXAMPLE.as_bytes()).unwrap();
        assert_eq!(
            (&*report.domain, &*report.failed, &*report.source),
            ("a.sender.example", "bodyhash", "192.0.2.1")
        );
        assert_eq!(report.mail_from, "anexample.reply@a.sender.example");
        assert!(report.results.contains("dkim=fail"), "{report:?}");
        assert_eq!(report.incidents, 1);
    }

    #[test]
    fn it_is_found_in_the_letter_that_brought_it() {
        let letter = format!(
            "From: feedback@isp.example\r\nSubject: FW: letter\r\nContent-Type: multipart/report;\r\n \
             report-type=feedback-report; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n\
             This is a report.\r\n\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\n{EXAMPLE}\r\n\
             --b\r\nContent-Type: text/rfc822-headers\r\n\r\nReported-Domain: other.test\r\n\r\n--b--\r\n"
        );
        let report = parse(letter.as_bytes()).unwrap();
        assert_eq!(report, parse(EXAMPLE.as_bytes()).unwrap());
    }

    #[test]
    fn what_is_said_of_other_things_is_no_such_report() {
        for text in [
            "",
            "Feedback-Type: abuse\r\nReported-Domain: a.test\r\n",
            "Feedback-Type: auth-failure\r\nVersion: 1\r\n",
            "Reported-Domain: a.test\r\n",
        ] {
            assert_eq!(parse(text.as_bytes()), Err(Unreadable::Form), "{text:?}");
        }
    }

    #[test]
    fn nothing_that_is_shown_has_control_characters() {
        let text = "Feedback-Type: auth-failure\r\nReported-Domain: a\x1b[31m.test\r\n";
        let shown = lines(&parse(text.as_bytes()).unwrap()).join("");
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
    }
}
