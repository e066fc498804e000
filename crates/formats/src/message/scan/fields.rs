//! Headers of letters and parts as values.

use super::BOUNDARY_BYTES_MAX;
use crate::address::list::{self, Entry};
use crate::message::header::{self, Field};
use crate::message::preview::Sample;
use crate::message::{Disposition, Envelope, Part, PartKind, decode, parameter};

/// Addresses kept of one kind; a letter to more people is sent through a list.
const ENTRIES_MAX: usize = 2000;
/// References kept, the latest; threads are found by a few.
pub(super) const REFERENCES_MAX: usize = 50;
/// Languages kept of one part.
const LANGUAGES_MAX: usize = 16;
/// Bytes of a type or subtype, each. Source: RFC 6838 §4.2.
const TYPE_BYTES_MAX: usize = 127;

/// Reads the Content fields of a part; of repeated ones the first counts.
pub(super) fn read_part(block: &[u8], part: &mut Part, in_digest: bool) {
    let mut content_type = None;
    for field in header::fields(block).filter(|field| begins_with_content(field.name)) {
        if field.is("Content-Type") {
            content_type = content_type.or(Some(field.value));
        } else if field.is("Content-Transfer-Encoding") {
            keep_first(&mut part.encoding, &field);
        } else if field.is("Content-Disposition") {
            part.disposition = part.disposition.take().or_else(|| disposition(field.value));
        } else if field.is("Content-ID") {
            keep_first(&mut part.id, &field);
        } else if field.is("Content-Description") {
            keep_first(&mut part.description, &field);
        } else if field.is("Content-MD5") {
            keep_first(&mut part.md5, &field);
        } else if field.is("Content-Location") {
            keep_first(&mut part.location, &field);
        } else if field.is("Content-Language") && part.language.is_empty() {
            part.language = languages(field.value);
        }
    }
    part.encoding = part.encoding.take().map(|name| parameter::parse(&name).0);
    read_type(content_type, part, in_digest);
}

fn begins_with_content(name: &[u8]) -> bool {
    name.get(..8)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"content-"))
}

fn keep_first(kept: &mut Option<Vec<u8>>, field: &Field<'_>) {
    if kept.is_none() {
        let value = header::unfold(field.value).into_owned();
        *kept = Some(value).filter(|value| !value.is_empty());
    }
}

/// Absent or broken types are text, inside of a digest letters. Source: RFC 2045 §5.2, RFC 2046
/// §5.1.5.
fn read_type(field: Option<&[u8]>, part: &mut Part, in_digest: bool) {
    let parsed = field.map(parameter::parse);
    let parsed = parsed.and_then(|(value, parameters)| {
        let (media_type, subtype) = split_type(&value)?;
        Some((media_type.to_vec(), subtype.to_vec(), parameters))
    });
    match parsed {
        Some(parsed) => (part.media_type, part.subtype, part.parameters) = parsed,
        None if in_digest => {
            (part.media_type, part.subtype) = (b"message".to_vec(), b"rfc822".to_vec());
        }
        None => make_plain_text(part),
    }
    part.kind = match (part.media_type.as_slice(), part.subtype.as_slice()) {
        (b"message", b"rfc822" | b"global") => PartKind::Message,
        (b"multipart", _) => PartKind::Multipart,
        _ => PartKind::Leaf,
    };
    if part.kind == PartKind::Multipart && boundary(part).is_none() {
        make_plain_text(part);
    }
}

fn split_type(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = value.iter().position(|&byte| byte == b'/')?;
    let (media_type, subtype) = (value.get(..slash)?, value.get(slash + 1..)?);
    let is_token = |name: &[u8]| {
        !name.is_empty()
            && name.len() <= TYPE_BYTES_MAX
            && name
                .iter()
                .all(|byte| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(byte))
    };
    (is_token(media_type) && is_token(subtype)).then_some((media_type, subtype))
}

/// What separates the children of a multipart.
pub(super) fn boundary(part: &Part) -> Option<Vec<u8>> {
    let named = part.parameters.iter().find(|(name, _)| name == b"boundary");
    let (_, value) = named.filter(|_| part.kind == PartKind::Multipart)?;
    let value = value.trim_ascii_end();
    (!value.is_empty() && value.len() <= BOUNDARY_BYTES_MAX).then(|| value.to_vec())
}

/// A part that will not be looked into, whatever it says.
pub(super) fn make_leaf(part: &mut Part) {
    if part.kind != PartKind::Leaf {
        make_plain_text(part);
    }
}

/// The type of what says none. Source: RFC 2045 §5.2.
pub(super) fn make_plain_text(part: &mut Part) {
    part.kind = PartKind::Leaf;
    part.media_type = b"text".to_vec();
    part.subtype = b"plain".to_vec();
    part.parameters = vec![(b"charset".to_vec(), b"us-ascii".to_vec())];
}

fn disposition(value: &[u8]) -> Option<Disposition> {
    let (value, parameters) = parameter::parse(value);
    (!value.is_empty()).then_some(Disposition { value, parameters })
}

fn languages(value: &[u8]) -> Vec<Vec<u8>> {
    let tags = value
        .split(|&byte| byte == b',')
        .map(|tag| header::unfold(tag).into_owned());
    tags.filter(|tag| !tag.is_empty())
        .take(LANGUAGES_MAX)
        .collect()
}

/// A sample to be filled, if this is a text that is meant to be read first.
pub(super) fn sample(part: &Part) -> Option<Sample> {
    let is_file = part
        .disposition
        .as_ref()
        .is_some_and(|shown| shown.value == b"attachment");
    let is_html = part.subtype == b"html";
    if is_file || part.media_type != b"text" || !(is_html || part.subtype == b"plain") {
        return None;
    }
    let charset = part.parameters.iter().find(|(name, _)| name == b"charset");
    Some(Sample {
        encoding: decode::Encoding::named(part.encoding.as_deref()),
        charset: charset.map(|(_, value)| value.clone()).unwrap_or_default(),
        is_html,
        bytes: Vec::new(),
    })
}

/// The fields of an ENVELOPE; of a repeated single field the first counts, repeated recipients add
/// up.
pub(super) fn envelope(block: &[u8]) -> Envelope {
    let mut envelope = Envelope::default();
    for field in header::fields(block) {
        match field.name.len() {
            2 if field.is("To") => add_entries(&mut envelope.to, &field),
            2 if field.is("Cc") => add_entries(&mut envelope.cc, &field),
            3 if field.is("Bcc") => add_entries(&mut envelope.bcc, &field),
            4 if field.is("From") => first_entries(&mut envelope.from, &field),
            4 if field.is("Date") => keep_first(&mut envelope.date, &field),
            6 if field.is("Sender") => first_entries(&mut envelope.sender, &field),
            7 if field.is("Subject") => keep_first(&mut envelope.subject, &field),
            8 if field.is("Reply-To") => first_entries(&mut envelope.reply_to, &field),
            10 if field.is("Message-ID") => keep_first(&mut envelope.message_id, &field),
            11 if field.is("In-Reply-To") => keep_first(&mut envelope.in_reply_to, &field),
            _ => {}
        }
    }
    envelope
}

fn first_entries(entries: &mut Vec<Entry>, field: &Field<'_>) {
    if entries.is_empty() {
        add_entries(entries, field);
    }
}

fn add_entries(entries: &mut Vec<Entry>, field: &Field<'_>) {
    let room = ENTRIES_MAX.saturating_sub(entries.len());
    entries.extend(list::parse(field.value, room).0);
}

/// Ids out of References, the latest last.
pub(super) fn references(block: &[u8]) -> Vec<Vec<u8>> {
    let Some(field) = header::find(block, "References") else {
        return Vec::new();
    };
    let value = header::unfold(field.value);
    let count = header::message_ids(&value).count();
    let dropped = count.saturating_sub(REFERENCES_MAX);
    header::message_ids(&value)
        .skip(dropped)
        .map(<[u8]>::to_vec)
        .collect()
}
