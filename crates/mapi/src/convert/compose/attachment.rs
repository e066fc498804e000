//! Attachments as parts of a letter.
//!
//! Source: [MS-OXCMAIL] 2.1.3.5 (attachments), [MS-OXCMSG] 2.2.2.9 (methods).

use super::super::Values;
use super::header::date;
use crate::content::Attachment;
use bytes::Bytes;
use formats::message::compose::{Body, Composer, HeaderWriter};
use formats::message::parameter;

/// Where an attachment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Shown by the HTML.
    Related,
    /// A file that comes along.
    Beside,
}

/// `afByWebReference`: the content stays where it is.
const BY_WEB_REFERENCE: i32 = 7;

/// Whether there is anything to send: content, a message or a place in the web. A path on the
/// sender's machine is nobody else's business.
pub fn is_written(attachment: &Attachment) -> bool {
    attachment.embedded.is_some()
        || attachment.values.binary(0x3701).is_some()
        || url(attachment).is_some()
}

fn url(attachment: &Attachment) -> Option<&str> {
    let is_reference = attachment.values.integer(0x3705) == Some(BY_WEB_REFERENCE);
    let place = attachment
        .values
        .text(0x370d)
        .or(attachment.values.text(0x3708));
    place.filter(|_| is_reference)
}

fn file_name(attachment: &Attachment) -> Option<&str> {
    attachment
        .values
        .text(0x3707)
        .or(attachment.values.text(0x3704))
}

/// The fields of the part, without its type where it is a message.
pub fn header(attachment: &Attachment, manner: Manner) -> HeaderWriter {
    let mut header = HeaderWriter::default();
    describe(attachment, manner, &mut header);
    header
}

/// Adds the fields of the part to those that are there.
pub fn describe(attachment: &Attachment, manner: Manner, header: &mut HeaderWriter) {
    if attachment.embedded.is_none() {
        content_type(attachment, header);
    }
    let values = &attachment.values;
    let name = values.text(0x3001);
    if let Some(description) = name.filter(|name| Some(*name) != file_name(attachment)) {
        header.text("Content-Description", description);
    }
    disposition(attachment, manner, header);
    if let Some(id) = values.text(0x3712) {
        let id = id.trim_matches(['<', '>']);
        header.structured("Content-ID", &format!("<{id}>"));
    }
    for (field, id) in [("Content-Location", 0x3713), ("Content-Base", 0x3711)] {
        if let Some(text) = values.text(id) {
            header.structured(field, text);
        }
    }
}

fn disposition(attachment: &Attachment, manner: Manner, header: &mut HeaderWriter) {
    let values = &attachment.values;
    let size = values.binary(0x3701).map(|bytes| bytes.len().to_string());
    let [created, changed] = [0x3007, 0x3008].map(|id| values.time(id).map(date));
    let parameters = [
        ("filename", file_name(attachment)),
        ("size", size.as_deref()),
        ("creation-date", created.as_deref()),
        ("modification-date", changed.as_deref()),
    ];
    let there = parameters.into_iter();
    let there: Vec<_> = there
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    let value = match manner {
        Manner::Related => "inline",
        Manner::Beside => "attachment",
    };
    header.value("Content-Disposition", value, &there);
}

/// The type that the client knows, if it is one that a part without parts may have.
fn content_type(attachment: &Attachment, header: &mut HeaderWriter) {
    if let Some(url) = url(attachment) {
        let parameters = [("access-type", "URL"), ("URL", url)];
        return header.value("Content-Type", "message/external-body", &parameters);
    }
    let told = attachment.values.text(0x370e).unwrap_or_default();
    let (kind, parameters) = parameter::parse(told.as_bytes());
    let kind = String::from_utf8_lossy(&kind).into_owned();
    let mut texts = Vec::new();
    for (name, _) in &parameters {
        let name = String::from_utf8_lossy(name);
        let name = name.trim_end_matches('*').to_owned();
        let pairs = parameters
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()));
        let value = parameter::text(pairs, &name).unwrap_or_default();
        texts.push((name, value));
    }
    if let Some(name) = file_name(attachment)
        && !texts.iter().any(|(of, _)| of == "name")
    {
        texts.push(("name".to_owned(), name.to_owned()));
    }
    if let Some(charset) = attachment.values.text(0x371b)
        && !texts.iter().any(|(of, _)| of == "charset")
    {
        texts.push(("charset".to_owned(), charset.to_owned()));
    }
    let texts: Vec<_> = texts
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let kind = if is_leaf(&kind) || report(attachment).is_some() {
        &kind
    } else {
        "application/octet-stream"
    };
    header.value("Content-Type", kind, &texts);
}

/// Whether it is a request of a calendar, or an answer to one, which programs look for among the
/// forms of the text; one with a name is a file.
pub fn is_of_calendar(attachment: &Attachment) -> bool {
    let told = attachment.values.text(0x370e).unwrap_or_default();
    let (kind, parameters) = parameter::parse(told.as_bytes());
    let has_method = parameters.iter().any(|(name, _)| name == b"method");
    kind == b"text/calendar" && has_method && file_name(attachment).is_none()
}

/// Writes it as a form of the text.
pub fn alternative(attachment: &Attachment, composer: &mut Composer<Bytes>) {
    let mut header = HeaderWriter::default();
    content_type(attachment, &mut header);
    leaf(attachment, header, composer);
}

/// The part of a report that is for programs, by what the report is about.
pub fn report(attachment: &Attachment) -> Option<&str> {
    let kind = attachment.values.text(0x370e)?.strip_prefix("message/")?;
    let is_report = matches!(kind, "delivery-status" | "disposition-notification");
    (is_report && attachment.embedded.is_none()).then_some(kind)
}

fn is_leaf(kind: &str) -> bool {
    let is_token = |text: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
        !text.is_empty() && text.bytes().all(allowed)
    };
    let parts = kind.split_once('/');
    parts.is_some_and(|(top, sub)| {
        is_token(top) && is_token(sub) && !matches!(top, "multipart" | "message")
    })
}

/// Writes an attachment that is no message behind `header`, which describes it.
pub fn leaf(attachment: &Attachment, header: HeaderWriter, composer: &mut Composer<Bytes>) {
    if url(attachment).is_some() {
        // The header of what lies there (RFC 2017 §3): nothing is known of it.
        let phantom = b"Content-Type: application/octet-stream\r\n\r\n".to_vec();
        return composer.leaf(header, Body::Text(phantom));
    }
    let content = attachment.values.binary(0x3701).cloned();
    let content = content.unwrap_or_default();
    // Mail programs read it as it is (RFC 3464 §2.1).
    let body = match report(attachment) {
        Some(_) => Body::Text(content.to_vec()),
        None => Body::Base64(content),
    };
    composer.leaf(header, body);
}
