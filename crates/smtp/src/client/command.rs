//! Commands as they are sent.
//!
//! Sources: RFC 5321 §4.1.1, RFC 1870 §5, RFC 6152 §3, RFC 3030 §3, RFC 6531 §3.4, RFC 3461 §4, RFC
//! 8689 §2, RFC 2852 §4, RFC 6710 §4.

use super::capability::Capabilities;
use super::{Message, Recipient};
use crate::codec::xtext;
use engine::queue::{Late, Notify, Return};
use std::fmt::Write;

/// Seconds that DELIVERBY can name: nine digits (RFC 2852 §4).
const BY_SECONDS_MAX: i64 = 999_999_999;

/// True when an address can stand in a command without saying more than an address.
pub(super) fn is_path(address: &str) -> bool {
    !address
        .chars()
        .any(|c| c.is_control() || matches!(c, '<' | '>'))
}

/// `MAIL FROM`, with what the other server offers.
pub(super) fn mail(message: &Message, offered: &Capabilities) -> String {
    let mut line = format!("MAIL FROM:<{}>", message.sender);
    if offered.size_bytes_max.is_some() {
        _ = write!(line, " SIZE={}", message.size_bytes);
    }
    if message.form.binary {
        line.push_str(" BODY=BINARYMIME");
    } else if message.form.eight_bit {
        line.push_str(" BODY=8BITMIME");
    }
    if message.needs_utf8 {
        line.push_str(" SMTPUTF8");
    }
    if offered.dsn {
        match message.returning {
            Return::Unspecified => {}
            Return::Full => line.push_str(" RET=FULL"),
            Return::Headers => line.push_str(" RET=HDRS"),
        }
        if let Some(id) = &message.envelope_id {
            _ = write!(line, " ENVID={}", xtext::encode(id));
        }
    }
    if message.needs_tls {
        line.push_str(" REQUIRETLS");
    }
    if let (Some((by, seconds)), true) = (message.deliver_by, offered.deliver_by.is_some()) {
        let seconds = seconds.clamp(-BY_SECONDS_MAX, BY_SECONDS_MAX);
        let mode = if by.late == Late::Return { 'R' } else { 'N' };
        let trace = if by.trace { "T" } else { "" };
        _ = write!(line, " BY={seconds};{mode}{trace}");
    }
    if offered.priority && message.priority != 0 {
        _ = write!(line, " MT-PRIORITY={}", message.priority);
    }
    line.push_str("\r\n");
    line
}

/// `RCPT TO`.
pub(super) fn recipient(
    recipient: &Recipient,
    offered: &Capabilities,
    message: &Message,
) -> String {
    let mut line = format!("RCPT TO:<{}>", recipient.address);
    if offered.dsn {
        // Who does not know of a time is to tell of delays (RFC 2852 §4.1.4.2).
        let is_timed = message.deliver_by.is_some_and(|(_, seconds)| seconds > 0);
        if is_timed && offered.deliver_by.is_none() && !recipient.notify.never {
            let delay = true;
            words_of(
                &mut line,
                Notify {
                    delay,
                    ..recipient.notify
                },
            );
        } else if recipient.notify != Notify::USUAL {
            words_of(&mut line, recipient.notify);
        }
        if let Some(original) = &recipient.original {
            let (kind, address) = original.split_once(';').unwrap_or(("rfc822", original));
            let raw = message.needs_utf8 && kind == "utf-8";
            let is_plain = address.bytes().all(|byte| byte.is_ascii_graphic());
            let address = if raw && !is_plain && !address.contains(['+', '=', ' ']) {
                address.to_owned()
            } else {
                xtext::encode(address)
            };
            _ = write!(line, " ORCPT={kind};{address}");
        }
    }
    line.push_str("\r\n");
    line
}

/// What the sender wants to be told; the usual needs no words.
fn words_of(line: &mut String, notify: Notify) {
    let asked = [
        (notify.success, "SUCCESS"),
        (notify.failure, "FAILURE"),
        (notify.delay, "DELAY"),
    ];
    let words: Vec<&str> = asked
        .iter()
        .filter_map(|(asked, word)| asked.then_some(*word))
        .collect();
    line.push_str(" NOTIFY=");
    if notify.never || words.is_empty() {
        line.push_str("NEVER");
    } else {
        line.push_str(&words.join(","));
    }
}
