//! The letter that tells a sender that the recipient does not want what was sent.
//!
//! Standards: RFC 5429 §2.2.1 (reject by notification), RFC 8098 §3 (disposition notifications),
//! RFC 6522 (multipart/report).

use super::filtering::Occasion;
use formats::date::Date;
use formats::message::header;
use std::fmt::Write;

/// Bytes of the letter's header that are returned.
const HEADER_BYTES_MAX: usize = 32 * 1024;

/// Writes it, with the header of the letter that was refused.
pub(super) fn compose(occasion: &Occasion<'_>, reason: &str, original: &[u8]) -> Vec<u8> {
    let hostname = &occasion.engine.settings().hostname;
    let boundary = format!("{:032x}", u128::from_be_bytes(occasion.engine.random()));
    let address = &occasion.mailbox.address;
    let sender = harmless(&occasion.envelope.sender);
    let date = Date {
        seconds: occasion.now.seconds(),
        zone_minutes: 0,
    };
    let id = header::find(original, "Message-ID");
    let id = id.map(|field| String::from_utf8_lossy(&header::unfold(field.value)).into_owned());
    let id = harmless(&id.unwrap_or_default());
    // Writing to a string never fails.
    let mut letter = format!(
        "From: Mail Delivery System <postmaster@{hostname}>\r\n\
         To: <{sender}>\r\n\
         Subject: Your message was refused\r\n\
         Date: {date}\r\n\
         Message-ID: <{boundary}@{hostname}>\r\n\
         Auto-Submitted: auto-replied (rejected)\r\n\
         MIME-Version: 1.0\r\n"
    );
    if !id.is_empty() {
        _ = write!(letter, "In-Reply-To: {id}\r\nReferences: {id}\r\n");
    }
    _ = write!(
        letter,
        "Content-Type: multipart/report; report-type=disposition-notification;\r\n\
         \tboundary={boundary}\r\n\r\n\
         --{boundary}\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\n\
         Your message to <{address}> was refused by its recipient, who says:\r\n\r\n"
    );
    for line in reason.lines() {
        letter.push_str(line);
        letter.push_str("\r\n");
    }
    _ = write!(
        letter,
        "\r\n--{boundary}\r\n\
         Content-Type: message/disposition-notification\r\n\r\n\
         Reporting-UA: {hostname}; facteur\r\n\
         Final-Recipient: rfc822; {address}\r\n"
    );
    if !id.is_empty() {
        _ = write!(letter, "Original-Message-ID: {id}\r\n");
    }
    _ = write!(
        letter,
        "Disposition: automatic-action/MDN-sent-automatically; deleted\r\n\r\n\
         --{boundary}\r\n\
         Content-Type: text/rfc822-headers\r\n\r\n"
    );
    let mut letter = letter.into_bytes();
    letter.extend_from_slice(original.get(..HEADER_BYTES_MAX).unwrap_or(original));
    letter.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    letter
}

fn harmless(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
