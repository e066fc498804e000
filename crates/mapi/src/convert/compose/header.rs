//! The header of a letter.
//!
//! Source: [MS-OXCMAIL] 2.1.3.2 (envelope), 2.1.3.3 (fields by property).

use super::super::{Values, class, set, spelling};
use super::people::{self, AUTHOR, SENDER};
use super::{Blind, Frame};
use crate::codec::data::{FileTime, NameKind, PropertyName, Value, language_tag};
use crate::content::{BCC, CC, Content, TO};
use formats::date::Date;
use formats::message::compose::transfer::base64;
use formats::message::compose::{Address, HeaderWriter};

/// 100 ns in a second.
const PER_SECOND: i64 = 10_000_000;
/// Bytes of a conversation index that are written: the header and 200 answers.
const CONVERSATION_BYTES_MAX: usize = 22 + 5 * 200;
/// Further fields that are written.
const MORE_FIELDS_MAX: usize = 500;
/// What may not be answered by a program. Source: [MS-OXOMSG] 2.2.1.77.
const SUPPRESSED: [(i32, &str); 6] = [
    (0x01, "DR"),
    (0x02, "NDR"),
    (0x04, "RN"),
    (0x08, "NRN"),
    (0x10, "OOF"),
    (0x20, "AutoReply"),
];
/// Fields that this module writes from properties of their own, or that only servers on the way
/// may write: a client that sets one of them by its name is not heard.
const OWN: [&str; 13] = [
    "bcc",
    "subject",
    "message-id",
    "in-reply-to",
    "thread-topic",
    "keywords",
    "x-message-flag",
    "x-message-completed",
    "x-auto-response-suppress",
    "mime-version",
    "received",
    "return-path",
    "resent-bcc",
];

/// All fields but those about the content.
pub fn of_letter(content: &Content, frame: &Frame<'_>, blind: Blind) -> HeaderWriter {
    let mut header = HeaderWriter::default();
    people(content, frame, blind, &mut header);
    let values = &content.values;
    header.text("Subject", &subject(content));
    let message_id = values.text(0x1035).unwrap_or(frame.message_id);
    header.structured("Message-ID", message_id);
    if let Some(text) = values.text(0x1042) {
        header.structured("In-Reply-To", text);
    }
    spelling::REFERENCES.put_or(content, &mut header, |header| {
        if let Some(text) = values.text(0x1039) {
            header.structured("References", text);
        }
    });
    conversation(content, &mut header);
    marks(content, &mut header);
    receipts(content, frame, &mut header);
    spelling::LANGUAGE.put_or(content, &mut header, |header| {
        if let Some(tag) = values.integer(0x3ff1).and_then(language_tag) {
            header.structured("Content-Language", tag);
        }
    });
    further(content, &mut header);
    header.structured("MIME-Version", "1.0");
    header
}

/// Date and people.
fn people(content: &Content, frame: &Frame<'_>, blind: Blind, header: &mut HeaderWriter) {
    let values = &content.values;
    let domain = domain(frame);
    let sent = values.time(0x0039).unwrap_or(frame.now);
    spelling::DATE.put_or(content, header, |header| {
        header.structured("Date", &date(sent));
    });
    let sender = people::one(values, SENDER, domain);
    let author = people::one(values, AUTHOR, domain).or(sender.clone());
    spelling::FROM.put_or(content, header, |header| {
        header.addresses("From", author.as_slice());
    });
    // A sender who is the author is not told twice, unless the letter did.
    let differs = |sender: &Address| {
        author
            .as_ref()
            .is_none_or(|author| !author.address.eq_ignore_ascii_case(&sender.address))
    };
    let sender = sender.filter(|sender| !sender.address.is_empty() && differs(sender));
    spelling::SENDER.put_or(content, header, |header| {
        header.addresses("Sender", sender.as_slice());
    });
    let answer_to = values.binary(0x004f).map(|list| people::entries(list));
    spelling::REPLY_TO.put_or(content, header, |header| {
        header.addresses("Reply-To", &answer_to.unwrap_or_default());
    });
    spelling::TO_LIST.put_or(content, header, |header| {
        header.addresses("To", &people::recipients(content, TO, domain));
    });
    spelling::CC_LIST.put_or(content, header, |header| {
        header.addresses("Cc", &people::recipients(content, CC, domain));
    });
    if blind == Blind::Kept {
        header.addresses("Bcc", &people::recipients(content, BCC, domain));
    }
}

/// What stands behind the `@` of the frame's message id.
fn domain<'a>(frame: &Frame<'a>) -> &'a str {
    let domain = frame.message_id.rsplit_once('@').map(|(_, domain)| domain);
    domain.map_or("localhost", |domain| domain.trim_end_matches('>'))
}

/// The subject, or its two parts. Source: [MS-OXCMSG] 2.2.1.46.
fn subject(content: &Content) -> String {
    let values = &content.values;
    match values.text(0x0037) {
        Some(subject) => subject.to_owned(),
        None => [0x003d, 0x0e1d]
            .into_iter()
            .filter_map(|id| values.text(id))
            .collect(),
    }
}

/// Source: [MS-OXCMAIL] 2.1.3.2.13 (Thread-Topic), 2.1.3.2.14 (Thread-Index).
fn conversation(content: &Content, header: &mut HeaderWriter) {
    if let Some(topic) = content.values.text(0x0070) {
        header.text("Thread-Topic", topic);
    }
    let index = content
        .values
        .binary(0x0071)
        .filter(|index| !index.is_empty());
    let index = index.filter(|index| index.len() <= CONVERSATION_BYTES_MAX);
    spelling::CONVERSATION.put_or(content, header, |header| {
        if let Some(index) = index {
            let mut text = Vec::new();
            base64(index, &mut text);
            header.structured("Thread-Index", &String::from_utf8_lossy(&text));
        }
    });
}

/// Importance, sensitivity, categories, times and flags.
fn marks(content: &Content, header: &mut HeaderWriter) {
    let values = &content.values;
    spelling::IMPORTANCE.put_or(content, header, |header| match values.integer(0x0017) {
        Some(0) => low_or_high(header, "low", "5"),
        Some(2) => low_or_high(header, "high", "1"),
        _ => {}
    });
    spelling::PRIORITY.put_or(content, header, |header| match values.integer(0x0026) {
        Some(-1) => header.structured("Priority", "non-urgent"),
        Some(1) => header.structured("Priority", "urgent"),
        _ => {}
    });
    spelling::SENSITIVITY.put_or(content, header, |header| match values.integer(0x0036) {
        Some(1) => header.structured("Sensitivity", "Personal"),
        Some(2) => header.structured("Sensitivity", "Private"),
        Some(3) => header.structured("Sensitivity", "Company-Confidential"),
        _ => {}
    });
    if let Some(Value::MultipleUnicode(keywords)) = named(content, &set::keywords())
        && !keywords.is_empty()
    {
        header.text("Keywords", &keywords.join(", "));
    }
    if let Some(Value::Unicode(request)) = named(content, &set::common(set::FLAG_REQUEST)) {
        header.text("X-Message-Flag", request);
    }
    if let Some(time) = values.time(0x1091) {
        header.structured("X-Message-Completed", &date(time));
    }
    for (spelled, field, id) in [
        (spelling::REPLY_BY, "Reply-By", 0x0030),
        (spelling::EXPIRY, "Expiry-Date", 0x0015),
    ] {
        spelled.put_or(content, header, |header| {
            if let Some(time) = values.time(id) {
                header.structured(field, &date(time));
            }
        });
    }
    let suppressed = values.integer(0x3fdf).unwrap_or_default();
    if suppressed != 0 {
        header.structured("X-Auto-Response-Suppress", &suppressions(suppressed));
    }
}

fn low_or_high(header: &mut HeaderWriter, importance: &str, priority: &str) {
    header.structured("Importance", importance);
    header.structured("X-Priority", priority);
}

fn suppressions(bits: i32) -> String {
    if bits == -1 {
        return "All".to_owned();
    }
    let set = SUPPRESSED.iter().filter(|(bit, _)| bits & bit != 0);
    set.map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
}

/// Who is told that the letter has come, or has been read.
///
/// Source: [MS-OXCMAIL] 2.1.3.2.11.
fn receipts(content: &Content, frame: &Frame<'_>, header: &mut HeaderWriter) {
    let values = &content.values;
    let domain = domain(frame);
    let told = || {
        let reader = values.binary(0x0046).and_then(|id| people::one_off(id));
        let author = || people::one(values, AUTHOR, domain).or(people::one(values, SENDER, domain));
        reader.or_else(author).into_iter().collect::<Vec<_>>()
    };
    spelling::READ_RECEIPT.put_or(content, header, |header| {
        if values.is_set(0x0029) {
            header.addresses("Disposition-Notification-To", &told());
        }
    });
    spelling::DELIVERY_RECEIPT.put_or(content, header, |header| {
        if values.is_set(0x0023) {
            header.addresses("Return-Receipt-To", &told());
        }
    });
}

/// Fields that have no property but by their name, and the class of messages of one's own.
fn further(content: &Content, header: &mut HeaderWriter) {
    for (field, id) in [
        ("List-Help", 0x1043),
        ("List-Subscribe", 0x1044),
        ("List-Unsubscribe", 0x1045),
    ] {
        if let Some(text) = content.values.text(id) {
            header.text(field, text);
        }
    }
    for (name, value) in content.named.iter().take(MORE_FIELDS_MAX) {
        let (NameKind::Text(field), Value::Unicode(text)) = (&name.kind, value) else {
            continue;
        };
        if name.set == set::INTERNET_HEADERS && is_free(field) {
            header.text(field, text);
        }
    }
    if let Some(class) = class::field(content) {
        header.text(class::FIELD, &class);
    }
}

/// A field that a client may set by its name.
fn is_free(field: &str) -> bool {
    let field = field.to_ascii_lowercase();
    let is_own =
        OWN.contains(&field.as_str()) || spelling::is_own(&field) || field.starts_with("content-");
    let is_list = matches!(
        field.as_str(),
        "list-help" | "list-subscribe" | "list-unsubscribe"
    );
    !is_own && !is_list
}

fn named<'a>(content: &'a Content, name: &PropertyName) -> Option<&'a Value> {
    let found = content.named.iter().find(|(of, _)| of == name);
    found.map(|(_, value)| value)
}

/// A point in time as fields have it, in UTC: a property does not know the sender's clock.
pub fn date(time: FileTime) -> String {
    let seconds = time.to_unix().div_euclid(PER_SECOND);
    Date {
        seconds,
        zone_minutes: 0,
    }
    .to_string()
}
