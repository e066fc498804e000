//! Attachments out of the parts of a letter.
//!
//! Their bytes stay in the letter: an attachment knows where they are and how they are encoded.
//!
//! Source: [MS-OXCMAIL] 2.2.3.5, [MS-OXCMSG] 2.2.2 (properties).

use super::super::Values;
use super::parts::{Parts, Protection};
use crate::codec::data::{FileTime, Value};
use formats::date::Date;
use formats::message::decode::{self, Encoding};
use formats::message::header::{fields, length as header_length, unfold};
use formats::message::{Parameters, PartKind, PartRef, SummaryRef, encoded_word};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

/// Bytes of a file name that are kept; no system takes longer ones.
const NAME_BYTES_MAX: usize = 512;
/// By value, and an embedded message. Source: [MS-OXCMSG] 2.2.2.9.
const BY_VALUE: i32 = 1;
const EMBEDDED: i32 = 5;

/// Something that comes along with a letter.
#[derive(Debug, Clone)]
pub struct AttachmentPart<'a> {
    /// Counted from 0 in the order of the letter; the same as long as the letter is the same.
    pub number: u32,
    /// All but the content.
    pub values: BTreeMap<u16, Value>,
    /// The part that has the content: [`range_of`] and [`data_of`] lead to it.
    pub part: PartRef<'a>,
}

/// What comes along with a letter, in its order.
pub fn attachments<'a>(summary: &SummaryRef<'a>) -> Vec<AttachmentPart<'a>> {
    let parts = Parts::of(summary);
    let protection = parts.protection();
    if let (Some(top), Protection::Detached | Protection::Enclosed) = (parts.top(), protection) {
        return vec![AttachmentPart {
            number: 0,
            values: protected(top, protection),
            part: *top,
        }];
    }
    let attached = (0..).zip(parts.attached());
    let attached = attached.map(|(number, (part, is_related))| AttachmentPart {
        number,
        values: described(number, part, is_related),
        part: *part,
    });
    attached.collect()
}

/// Where the content of a part is in the letter; of a signed letter with its header.
pub fn range_of(part: &PartRef<'_>) -> Range<u64> {
    let start = match part.kind {
        PartKind::Multipart => part.header_start,
        PartKind::Leaf | PartKind::Message => part.body_start,
    };
    start..part.body_end
}

/// The content that these bytes of a letter are: decoded, or of a signed letter its whole entity
/// with the fields about the content.
pub fn data_of(part: &PartRef<'_>, bytes: Vec<u8>) -> Vec<u8> {
    match part.kind {
        PartKind::Message => bytes,
        PartKind::Leaf => decode::all(Encoding::named(part.encoding), &bytes),
        PartKind::Multipart => {
            let end = header_length(&bytes);
            let (header, body) = bytes.split_at_checked(end).unwrap_or((&bytes, &[]));
            [content_fields(header).as_slice(), body].concat()
        }
    }
}

fn described(number: u32, part: &PartRef<'_>, is_related: bool) -> BTreeMap<u16, Value> {
    let is_message = part.kind == PartKind::Message;
    let mut values = fixed(number, if is_message { EMBEDDED } else { BY_VALUE });
    // A request to meet is one by its method.
    let method: &[&str] = if part.is("text", "calendar") {
        &["method"]
    } else {
        &[]
    };
    values.put_text(0x370e, mime_tag(part, method));
    name(part, is_message, &mut values);
    let charset = part.parameters.text("charset");
    if let Some(charset) = charset.filter(|_| part.media_type == b"text") {
        values.put_text(0x371b, charset);
    }
    let id = part.id.map(String::from_utf8_lossy);
    if let Some(id) = &id {
        values.put_text(0x3712, id.trim().trim_matches(['<', '>']));
    }
    if let Some(location) = part.location {
        values.put_text(0x3713, String::from_utf8_lossy(&unfold(location)));
    }
    if let Some(disposition) = &part.disposition {
        times(disposition.parameters, &mut values);
    }
    // Shown by the HTML, and not in the list of attachments.
    let is_hidden = is_related && (id.is_some() || part.location.is_some());
    values.insert(0x3714, Value::Integer32(if is_hidden { 0x04 } else { 0 }));
    values.insert(0x7ffe, Value::Boolean(is_hidden));
    values.insert(0x0e20, Value::Integer32(size(part)));
    values
}

fn fixed(number: u32, method: i32) -> BTreeMap<u16, Value> {
    let integers = [
        (0x0e21, i32::try_from(number).unwrap_or(i32::MAX)),
        (0x3705, method),
        // Nowhere in the text.
        (0x370b, -1),
        (0x0ffe, 7),
    ];
    integers
        .map(|(id, number)| (id, Value::Integer32(number)))
        .into()
}

/// What one attachment holds of a letter that is signed or encrypted as a whole.
///
/// Source: [MS-OXOSMIME] 2.1.1.2, 2.1.2.2.
fn protected(top: &PartRef<'_>, protection: Protection) -> BTreeMap<u16, Value> {
    let mut values = fixed(0, BY_VALUE);
    put_name("smime.p7m", &mut values);
    // Only what is enclosed does not say itself what it is.
    let parameters: &[&str] = match protection {
        Protection::Enclosed => &["smime-type", "name"],
        _ => &[],
    };
    values.put_text(0x370e, mime_tag(top, parameters));
    values.insert(0x7ffe, Value::Boolean(false));
    values.insert(0x0e20, Value::Integer32(size(top)));
    values
}

/// The type of a part, with those of its parameters that tell what it is.
fn mime_tag(part: &PartRef<'_>, parameters: &[&str]) -> String {
    let kind = [part.media_type, b"/", part.subtype].concat();
    let mut tag = String::from_utf8_lossy(&kind).into_owned();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    for name in parameters {
        let value = part.parameters.text(name);
        if let Some(value) = value.filter(|value| value.bytes().all(is_plain)) {
            let _ = write!(tag, "; {name}={value}");
        }
    }
    tag
}

/// The fields about the content, and the empty line behind them.
fn content_fields(header: &[u8]) -> Vec<u8> {
    let about_content = fields(header).filter(|field| {
        let start = field.name.get(..8).unwrap_or_default();
        start.eq_ignore_ascii_case(b"Content-")
    });
    let mut kept: Vec<u8> = about_content.flat_map(|field| field.raw.to_vec()).collect();
    kept.extend_from_slice(b"\r\n");
    kept
}

/// The name of a file, or the subject of a letter.
fn name(part: &PartRef<'_>, is_message: bool, values: &mut BTreeMap<u16, Value>) {
    let disposition = part.disposition.as_ref();
    let told = disposition.and_then(|disposition| disposition.parameters.text("filename"));
    let told = told.or_else(|| part.parameters.text("name"));
    let told = told
        .map(|name| file_name(&name))
        .filter(|name| !name.is_empty());
    let subject = part.envelope.as_ref().and_then(|envelope| envelope.subject);
    let description = part.description.map(encoded_word::decode);
    if let Some(name) = &told {
        put_name(name, values);
    }
    let shown = match (is_message, subject) {
        (true, Some(subject)) => Some(encoded_word::decode(subject)),
        _ => description.filter(|text| !text.is_empty()),
    };
    if let Some(shown) = shown.or(told) {
        // Lists of attachments show the name of a file, which a letter seldom has.
        if is_message && values.text(0x3707).is_none() {
            values.put_text(0x3707, shown.as_str());
        }
        values.put_text(0x3001, shown);
    }
}

/// A name without the folders before it, which are nobody's business.
fn file_name(told: &str) -> String {
    let last = told.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control()).collect();
    let end = clean.floor_char_boundary(NAME_BYTES_MAX);
    clean.get(..end).unwrap_or_default().trim().to_owned()
}

fn put_name(name: &str, values: &mut BTreeMap<u16, Value>) {
    values.put_text(0x3707, name);
    values.put_text(0x3704, short_name(name));
    if let Some((_, extension)) = name.rsplit_once('.') {
        values.put_text(0x3703, format!(".{extension}"));
    }
    values.put_text(0x3001, name);
}

/// Eight letters, a dot and three more. Source: [MS-OXCMSG] 2.2.2.11.
fn short_name(name: &str) -> String {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let short = |text: &str, count: usize| -> String {
        let usable = text
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || "_-~".contains(*c));
        usable.take(count).collect()
    };
    let is_short = stem.len() <= 8 && short(stem, 8) == stem;
    let stem = match short(stem, if is_short { 8 } else { 6 }) {
        stem if is_short => stem,
        stem => format!("{stem}~1"),
    };
    match short(extension, 3) {
        extension if extension.is_empty() => stem,
        extension => format!("{stem}.{extension}"),
    }
}

fn times(parameters: Parameters<'_>, values: &mut BTreeMap<u16, Value>) {
    for (name, id) in [("creation-date", 0x3007), ("modification-date", 0x3008)] {
        let date = parameters
            .text(name)
            .and_then(|text| Date::parse(text.as_bytes()));
        if let Some(date) = date {
            let time = FileTime::from_unix(date.seconds.saturating_mul(10_000_000));
            values.insert(id, Value::Time(time));
        }
    }
}

/// Bytes of the content, as far as its place tells without decoding it.
fn size(part: &PartRef<'_>) -> i32 {
    let bytes = part.body_size();
    let is_base64 =
        part.kind == PartKind::Leaf && Encoding::named(part.encoding) == Encoding::Base64;
    let bytes = if is_base64 {
        bytes.saturating_sub(part.lines.saturating_mul(2)) / 4 * 3
    } else {
        bytes
    };
    i32::try_from(bytes).unwrap_or(i32::MAX)
}
