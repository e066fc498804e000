//! The letter that tells a sender what became of theirs.
//!
//! Three parts: what happened in plain words, the same for programs, and the letter or its header.
//! It has no sender of its own, so nothing is ever sent back for it. Text of other servers is quoted
//! in one line each, without control characters.
//!
//! Start at [`compose`].
//!
//! Standards: RFC 3461 §6 (form and envelope), RFC 3464 (delivery-status), RFC 6522 (report), RFC
//! 6533 (with UTF-8), RFC 3834 §5 (Auto-Submitted), RFC 5321 §4.5.5 (null sender), RFC 8689 §5
//! (TLS-Required).

use super::{ANSWER_BYTES_MAX, Notify, Outgoing, Return, Status, Wishes, shortened};
use crate::delivery::{Arrival, Envelope, Failing, Recipient};
use crate::directory::Resolution;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::upload::Staged;
use formats::date::Date;
use formats::message::header;
use formats::moment;
use std::fmt::Write;
use store::id::Timestamp;

/// Bytes of a returned letter when its sender asked for all of it; of a larger one the header.
const FULL_BYTES_MAX: u64 = 1024 * 1024;
/// Likewise when the sender did not say.
const UNASKED_BYTES_MAX: u64 = 50 * 1024;
/// Bytes of a returned header.
const HEADER_BYTES_MAX: u64 = 64 * 1024;

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// It was given up.
    Failed,
    /// It takes longer; it is tried until then.
    Delayed(Timestamp),
    /// It went to a server that tells nothing more.
    Relayed,
    /// It is in the mailbox.
    Delivered,
}

/// One notification.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) action: Action,
    pub(super) recipients: Vec<Reported>,
}

/// One recipient in it.
#[derive(Debug)]
pub(super) struct Reported {
    pub(super) address: String,
    pub(super) original: Option<String>,
    pub(super) status: Status,
    pub(super) reply: Option<String>,
}

impl Action {
    /// RFC 3464 §2.3.3.
    fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed(_) => "delayed",
            Self::Relayed => "relayed",
            Self::Delivered => "delivered",
        }
    }

    fn subject(self) -> &'static str {
        match self {
            Self::Failed => "Your letter could not be delivered",
            Self::Delayed(_) => "Your letter is delayed",
            Self::Relayed => "Your letter was passed on",
            Self::Delivered => "Your letter was delivered",
        }
    }

    fn explanation(self) -> &'static str {
        match self {
            Self::Failed => {
                "Your letter could not be delivered to the following recipients.\r\n\
                 Nothing more will be tried."
            }
            Self::Delayed(_) => {
                "Your letter has not yet reached the following recipients. You need\r\n\
                 not do anything: it will be tried further."
            }
            Self::Relayed => {
                "Your letter was passed on to the servers of the following recipients,\r\n\
                 which do not tell whether it arrives."
            }
            Self::Delivered => "Your letter was delivered to the following recipients.",
        }
    }
}

/// What the sender of a letter is told of those in whose mailboxes it is (RFC 3461 §5.2.6): only who
/// asked hears of success.
pub(crate) fn of_delivery(
    engine: &Engine,
    envelope: &Envelope,
    letter: &Staged,
    recipients: &[&Recipient],
) -> Result<Option<(Envelope, Staged)>, EngineError> {
    let asked = recipients.iter().filter(|one| one.notify.success);
    let reported: Vec<Reported> = asked
        .map(|recipient| Reported {
            address: recipient.address.clone(),
            original: recipient.original.clone(),
            status: Status::DONE,
            reply: None,
        })
        .collect();
    if reported.is_empty() || envelope.sender.is_empty() {
        return Ok(None);
    }
    let report = Report {
        action: Action::Delivered,
        recipients: reported,
    };
    compose(
        engine,
        &Outgoing::staged(engine, envelope, letter),
        "",
        &report,
    )
}

/// Writes the notification and stages it; `None` when its recipient does not exist.
pub(super) fn compose(
    engine: &Engine,
    outgoing: &Outgoing,
    host: &str,
    report: &Report,
) -> Result<Option<(Envelope, Staged)>, EngineError> {
    let sender = &outgoing.letter.sender;
    let resolution = engine.resolve(&unquoted(sender))?;
    if *resolution == Resolution::Unknown {
        return Ok(None);
    }
    let returned = Returned::of(outgoing, report.action)?;
    let mut upload = engine.upload()?;
    upload.write(&text(engine, outgoing, host, report, &returned))?;
    let envelope = Envelope {
        sender: String::new(),
        recipients: vec![Recipient {
            address: sender.clone(),
            resolution,
            notify: Notify {
                never: true, // RFC 3461 §6.1.
                ..Notify::default()
            },
            original: None,
        }],
        envelope_id: None,
        returning: Return::default(),
        needs_utf8: is_international(outgoing),
        // What it tells of is as secret as the letter (RFC 8689 §5).
        wishes: Wishes {
            needs_tls: outgoing.letter.needs_tls,
            ..Wishes::default()
        },
        submitter: None,
        arrival: Arrival {
            greeting: engine.settings().hostname.clone(),
            way: "local",
            is_ours: true,
            ..Arrival::default()
        },
        failing: Failing::Single,
    };
    Ok(Some((envelope, upload.finish()?)))
}

/// An address as the directory wants it: without quotes.
fn unquoted(address: &str) -> String {
    match formats::address::Mailbox::parse(address.as_bytes()) {
        Ok(mailbox) => [mailbox.local(), "@", mailbox.domain()].concat(),
        Err(_) => address.to_owned(),
    }
}

/// True when addresses need the international form of a notification (RFC 6533 §3).
fn is_international(outgoing: &Outgoing) -> bool {
    let letter = &outgoing.letter;
    let of_recipients = letter.recipients.iter().any(|one| !one.address.is_ascii());
    letter.needs_utf8 && (!letter.sender.is_ascii() || of_recipients)
}

/// What is sent back of the letter.
struct Returned {
    bytes: Vec<u8>,
    is_whole: bool,
}

impl Returned {
    /// Only who hears of a failure may get the whole letter (RFC 3461 §4.3).
    fn of(outgoing: &Outgoing, action: Action) -> Result<Self, EngineError> {
        let bytes_max = match (action, outgoing.letter.returning) {
            _ if outgoing.letter.needs_tls => 0, // RFC 8689 §5.
            (Action::Failed, Return::Full) => FULL_BYTES_MAX,
            (Action::Failed, Return::Unspecified) => UNASKED_BYTES_MAX,
            _ => 0,
        };
        if outgoing.size() <= bytes_max {
            let bytes = outgoing.read(0..bytes_max)?;
            if is_in_lines(&bytes) {
                let (bytes, is_whole) = (bytes.to_vec(), true);
                return Ok(Self { bytes, is_whole });
            }
        }
        let head = outgoing.read(0..HEADER_BYTES_MAX)?;
        let length = header::length(&head);
        let head = head.get(..length).unwrap_or(&head);
        Ok(Self {
            bytes: in_lines(head),
            is_whole: false,
        })
    }

    fn is_ascii(&self) -> bool {
        self.bytes.is_ascii()
    }

    /// True when the letter would rather arrive than be encrypted as its recipient's domain demands:
    /// the notification then would, too (RFC 8689 §5).
    fn waives_tls(&self) -> bool {
        let header = self.bytes.get(..header::length(&self.bytes));
        let fields = header::fields(header.unwrap_or_default());
        let mut fields = fields.filter(|field| field.is("TLS-Required"));
        let (only, more) = (fields.next(), fields.next());
        let is_no = |value: &[u8]| value.trim_ascii().eq_ignore_ascii_case(b"no");
        only.is_some_and(|field| is_no(field.value)) && more.is_none()
    }
}

/// True when CR and LF stand together only.
fn is_in_lines(bytes: &[u8]) -> bool {
    let is_bad = |pair: &[u8]| {
        matches!(pair, [b'\r', last] if *last != b'\n')
            || matches!(pair, [first, b'\n'] if *first != b'\r')
    };
    !bytes.windows(2).any(is_bad) && bytes.first() != Some(&b'\n') && bytes.last() != Some(&b'\r')
}

/// The same lines with proper ends.
fn in_lines(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for line in bytes.split(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        out.extend(line.iter().map(|&b| if b == b'\r' { b' ' } else { b }));
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn text(
    engine: &Engine,
    outgoing: &Outgoing,
    host: &str,
    report: &Report,
    returned: &Returned,
) -> Vec<u8> {
    let name = engine.new_letter_name();
    let boundary = boundary(&name);
    let hostname = &engine.settings().hostname;
    let international = is_international(outgoing);
    let mut out = opening(
        &name,
        hostname,
        &outgoing.letter.sender,
        report,
        engine.now(),
    );
    if returned.waives_tls() {
        out.insert_str(0, "TLS-Required: No\r\n");
    }
    for_people(&mut out, hostname, host, report);
    let kind = if international {
        "message/global-delivery-status"
    } else {
        "message/delivery-status"
    };
    _ = write!(
        out,
        "\r\n--{boundary}\r\nContent-Type: {kind}\r\n{}\r\n",
        if international {
            "Content-Transfer-Encoding: 8bit\r\n"
        } else {
            ""
        }
    );
    for_programs(&mut out, engine, outgoing, host, report);
    let kind = match (international, returned.is_whole) {
        (false, true) => "message/rfc822",
        (false, false) => "text/rfc822-headers",
        (true, true) => "message/global",
        (true, false) => "message/global-headers",
    };
    let encoding = if returned.is_ascii() { "7bit" } else { "8bit" };
    _ = write!(
        out,
        "\r\n--{boundary}\r\nContent-Type: {kind}\r\n\
         Content-Transfer-Encoding: {encoding}\r\n\r\n"
    );
    let mut bytes = out.into_bytes();
    bytes.extend_from_slice(&returned.bytes);
    bytes.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    bytes
}

/// What stands between the parts; no letter can hold it, since it is made afterwards by chance.
fn boundary(name: &str) -> String {
    format!("=_{name}")
}

/// The notification's own header, and the beginning of its first part.
fn opening(name: &str, hostname: &str, sender: &str, report: &Report, now: Timestamp) -> String {
    let (boundary, date) = (boundary(name), date(now));
    let subject = report.action.subject();
    format!(
        "From: Mail delivery <MAILER-DAEMON@{hostname}>\r\n\
         To: <{sender}>\r\n\
         Subject: {subject}\r\n\
         Date: {date}\r\n\
         Message-ID: <{name}@{hostname}>\r\n\
         Auto-Submitted: auto-replied\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status;\r\n\
         \tboundary=\"{boundary}\"\r\n\
         \r\n\
         --{boundary}\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\
         \r\n"
    )
}

fn for_people(out: &mut String, hostname: &str, host: &str, report: &Report) {
    let explanation = report.action.explanation();
    _ = write!(
        out,
        "This is the mail server {hostname}.\r\n\r\n{explanation}\r\n"
    );
    if let Action::Delayed(until) = report.action {
        _ = write!(out, "The last attempt is made on {}.\r\n", date(until));
    }
    for recipient in &report.recipients {
        let Reported {
            address, status, ..
        } = recipient;
        _ = write!(out, "\r\n  <{address}>\r\n");
        if status.class != 2 {
            _ = write!(out, "    {} ({status})\r\n", status.words());
        }
        if let Some(reply) = &recipient.reply {
            let words = shortened(reply, ANSWER_BYTES_MAX);
            if is_reply(reply) {
                let host = if host.is_empty() { "its server" } else { host };
                _ = write!(out, "    {host} said: {words}\r\n");
            } else {
                _ = write!(out, "    {words}\r\n");
            }
        }
    }
}

/// Source: RFC 3464 §2.2, §2.3.
fn for_programs(out: &mut String, engine: &Engine, from: &Outgoing, host: &str, report: &Report) {
    let letter = &from.letter;
    _ = write!(
        out,
        "Reporting-MTA: dns; {}\r\n",
        engine.settings().hostname
    );
    if let Some(id) = &letter.envelope_id {
        _ = write!(out, "Original-Envelope-Id: {}\r\n", plain(id));
    }
    _ = write!(out, "Arrival-Date: {}\r\n", date(from.created));
    if let Some(until) = letter.hold_until {
        // RFC 4865 §5.1.2: as the sender said it.
        let asked = match letter.hold_seconds {
            Some(seconds) => format!("for;{seconds}"),
            None => format!("until;{}", moment::rfc3339(until.seconds())),
        };
        _ = write!(out, "Future-Release-Request: {asked}\r\n");
    }
    if let Some(by) = letter.deliver_by {
        // RFC 2852 §5.
        _ = write!(out, "Deliver-By-Date: {}\r\n", date(by.at));
    }
    for recipient in &report.recipients {
        out.push_str("\r\n");
        if let Some(original) = &recipient.original {
            let (kind, address) = original.split_once(';').unwrap_or(("rfc822", original));
            _ = write!(out, "Original-Recipient: {kind}; {}\r\n", plain(address));
        }
        let kind = if recipient.address.is_ascii() {
            "rfc822"
        } else {
            "utf-8"
        };
        let (address, status) = (plain(&recipient.address), recipient.status);
        let action = report.action.name();
        _ = write!(out, "Final-Recipient: {kind}; {address}\r\n");
        _ = write!(out, "Action: {action}\r\nStatus: {status}\r\n");
        if let Some(name) = host.split_whitespace().next() {
            _ = write!(out, "Remote-MTA: dns; {}\r\n", plain(name));
        }
        if let Some(reply) = recipient.reply.as_ref().filter(|reply| is_reply(reply)) {
            let reply = shortened(reply, ANSWER_BYTES_MAX);
            let reply: String = reply
                .chars()
                .map(|c| if c.is_ascii() { c } else { '?' })
                .collect();
            _ = write!(out, "Diagnostic-Code: smtp; {reply}\r\n");
        }
        _ = write!(out, "Last-Attempt-Date: {}\r\n", date(engine.now()));
        if let Action::Delayed(until) = report.action {
            _ = write!(out, "Will-Retry-Until: {}\r\n", date(until));
        }
    }
}

/// True for what another server said; our own words have no code in front.
fn is_reply(text: &str) -> bool {
    text.get(..3)
        .is_some_and(|code| code.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A value for one line.
fn plain(text: &str) -> String {
    shortened(text, ANSWER_BYTES_MAX)
}

fn date(at: Timestamp) -> Date {
    Date {
        seconds: at.seconds(),
        zone_minutes: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_field_with_no_in_it_is_carried_over() {
        for (header, carried) in [
            ("TLS-Required: No\r\n\r\nbody", true),
            ("A: b\r\ntls-required: no\r\n", true),
            ("TLS-Required: Yes\r\n\r\n", false),
            ("TLS-Required: No\r\nTLS-Required: No\r\n\r\n", false),
            ("A: b\r\n\r\nTLS-Required: No\r\n", false),
        ] {
            let returned = Returned {
                bytes: header.as_bytes().to_vec(),
                is_whole: true,
            };
            assert_eq!(returned.waives_tls(), carried, "{header}");
        }
    }

    #[test]
    fn lines_are_mended_for_a_returned_header_and_known_to_be_sound() {
        assert!(is_in_lines(b"a\r\nb\r\n"));
        for bad in [&b"a\nb"[..], b"a\rb", b"\na", b"a\r"] {
            assert!(!is_in_lines(bad), "{bad:?}");
        }
        assert_eq!(in_lines(b"a: 1\nb: \r2\r\n\r\nbody"), b"a: 1\r\nb:  2\r\n");
    }
}
