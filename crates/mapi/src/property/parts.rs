//! The parts of a message that have properties of their own: recipients and attachments, as they
//! are kept beside the letter, and the attachments that a letter itself has.
//!
//! Source: [MS-OXCMSG] 2.2.2, 2.2.3; [MS-OXCMAIL] 2.2.3.4 (attachments from MIME).

use super::kept::Kept;
use crate::codec::data::Value;
use crate::content::{Attachment, Content, Recipient, Values};
use engine::PathStep;
use formats::message::decode::{self, Encoding};
use formats::message::{PartKind, PartRef, SummaryRef, encoded_word};

/// Objects of a message's tree, each with the way to it.
type Tree = [(Vec<PathStep>, Kept)];

/// `PidTagRecipientType`, in which a kept recipient's kind stands.
const KIND: u16 = 0x0c15;
/// Messages within messages that are told.
const DEPTH_MAX: usize = 7;

/// The recipients of the message at the top of a tree.
pub fn recipients(tree: &Tree) -> Vec<Recipient> {
    recipients_at(tree, &[])
}

fn recipients_at(tree: &Tree, at: &[PathStep]) -> Vec<Recipient> {
    let below = tree.iter().filter_map(|(path, kept)| {
        let [PathStep::Recipient(row)] = path.strip_prefix(at)? else {
            return None;
        };
        let mut values = kept.values.clone();
        let kind = match values.remove(&KIND) {
            Some(Value::Integer32(kind)) => u8::try_from(kind).unwrap_or_default(),
            _ => 0,
        };
        let row = *row;
        Some(Recipient { row, kind, values })
    });
    below.collect()
}

/// The attachments of the message at the top of a tree, each with the letter's part that has its
/// data.
pub fn attachments(tree: &Tree) -> Vec<(Attachment, Option<u32>)> {
    attachments_at(tree, &[])
}

fn attachments_at(tree: &Tree, at: &[PathStep]) -> Vec<(Attachment, Option<u32>)> {
    let below = tree.iter().filter_map(|(path, kept)| {
        let [PathStep::Attachment(number)] = path.strip_prefix(at)? else {
            return None;
        };
        let within = [path.as_slice(), &[PathStep::Embedded]].concat();
        let holds = tree.iter().any(|(path, _)| path.starts_with(&within));
        let embedded =
            (holds && at.len() < 2 * DEPTH_MAX).then(|| Box::new(content_at(tree, &within)));
        let attachment = Attachment {
            number: *number,
            values: kept.values.clone(),
            embedded,
        };
        Some((attachment, kept.part))
    });
    below.collect()
}

/// A message within a message. Depth is bounded by what a path may be long.
fn content_at(tree: &Tree, at: &[PathStep]) -> Content {
    let own = tree.iter().find(|(path, _)| path == at);
    let attachments = attachments_at(tree, at).into_iter();
    Content {
        values: own.map(|(_, kept)| kept.values.clone()).unwrap_or_default(),
        recipients: recipients_at(tree, at),
        attachments: attachments.map(|(attachment, _)| attachment).collect(),
        ..Content::default()
    }
}

/// All that is kept of a message's parts, each with the way to it; without the message's own
/// properties.
pub fn of_content(content: &Content) -> Vec<(Vec<PathStep>, Kept)> {
    let mut all = Vec::new();
    let mut left = vec![(Vec::new(), content)];
    while let Some((at, content)) = left.pop() {
        for recipient in &content.recipients {
            let mut values = recipient.values.clone();
            values.insert(KIND, Value::Integer32(recipient.kind.into()));
            let path = [at.as_slice(), &[PathStep::Recipient(recipient.row)]].concat();
            all.push((path, of_values(values)));
        }
        for attachment in &content.attachments {
            let path = [at.as_slice(), &[PathStep::Attachment(attachment.number)]].concat();
            all.push((path.clone(), of_values(attachment.values.clone())));
            if let Some(embedded) = &attachment.embedded {
                let within = [path.as_slice(), &[PathStep::Embedded]].concat();
                all.push((within.clone(), of_values(embedded.values.clone())));
                left.push((within, embedded));
            }
        }
    }
    all
}

fn of_values(values: Values) -> Kept {
    Kept {
        values,
        ..Kept::default()
    }
}

/// The parts of a letter that are attached to it, in their order: all that are neither a form of
/// its text nor hold others. A letter within it is one, whatever is in that.
pub fn attached<'a>(summary: &SummaryRef<'a>) -> Vec<PartRef<'a>> {
    let parts: Vec<_> = summary.parts().collect();
    let mut texts: [Option<usize>; 2] = [None, None];
    for (form, subtype) in ["plain", "html"].into_iter().enumerate() {
        let found = parts
            .iter()
            .find(|part| part.is("text", subtype) && is_shown(part));
        if let Some(text) = texts.get_mut(form) {
            *text = found.map(|part| part.index);
        }
    }
    let is_within_letter = |part: &PartRef<'_>| {
        let mut above = part.parent.and_then(|parent| parts.get(parent));
        while let Some(part) = above {
            if part.kind == PartKind::Message {
                return true;
            }
            above = part.parent.and_then(|parent| parts.get(parent));
        }
        false
    };
    let is_attached = |part: &&PartRef<'a>| {
        let is_text = texts.contains(&Some(part.index));
        part.kind != PartKind::Multipart && !is_text && !is_within_letter(part)
    };
    parts.iter().filter(is_attached).copied().collect()
}

/// Whether a text is part of what is read, not a file.
pub fn is_shown(part: &PartRef<'_>) -> bool {
    let disposition = part.disposition.as_ref();
    !disposition.is_some_and(|shown| shown.value.eq_ignore_ascii_case(b"attachment"))
}

/// The decoded bytes of what is attached to a letter that lies in memory.
pub fn attached_bytes(summary: &SummaryRef<'_>, letter: &[u8]) -> Vec<Vec<u8>> {
    let bytes = |part: &PartRef<'_>| {
        let range = [part.body_start, part.body_end].map(|at| usize::try_from(at).ok());
        let raw = match range {
            [Some(start), Some(end)] => letter.get(start..end).unwrap_or_default(),
            _ => &[],
        };
        decode::all(Encoding::named(part.encoding), raw)
    };
    attached(summary).iter().map(bytes).collect()
}

/// What the attachments of a letter say of themselves, in their order; without their data.
pub fn of_letter(summary: &SummaryRef<'_>) -> Vec<Attachment> {
    let attached = attached(summary);
    (0..)
        .zip(&attached)
        .map(|(number, part)| described(number, part))
        .collect()
}

/// Data that stands in the attachment itself, and a message that is attached.
/// Source: [MS-OXCMSG] 2.2.2.9.
const BY_VALUE: i32 = 1;
const EMBEDDED: i32 = 5;
/// The HTML shows it. Source: [MS-OXCMSG] 2.2.2.18.
const RENDERED_IN_BODY: i32 = 4;

fn described(number: u32, part: &PartRef<'_>) -> Attachment {
    let text = |text: String| Value::Unicode(text);
    let is_message = part.kind == PartKind::Message;
    let mut values = Values::from([
        (0x0e20, super::integer(part.body_size())),
        (0x370b, Value::Integer32(-1)),
        (
            0x3705,
            Value::Integer32(if is_message { EMBEDDED } else { BY_VALUE }),
        ),
        (0x370e, text(mime_type(part))),
    ]);
    let name = file_name(part).or_else(|| is_message.then(|| subject_within(part)));
    if let Some(name) = name {
        let extension = name.rfind('.').and_then(|dot| name.get(dot..));
        values.extend(extension.map(|extension| (0x3703, text(extension.to_owned()))));
        for id in [0x3001, 0x3704, 0x3707] {
            values.insert(id, text(name.clone()));
        }
    }
    let id = part.id.map(|id| String::from_utf8_lossy(id).into_owned());
    if let Some(id) = id {
        let bare = id.trim_matches(|edge| ['<', '>', ' '].contains(&edge));
        values.insert(0x3712, text(bare.to_owned()));
        if is_shown(part) {
            values.insert(0x3714, Value::Integer32(RENDERED_IN_BODY));
            values.insert(0x7ffe, Value::Boolean(true));
        }
    }
    if let Some(location) = part.location {
        values.insert(0x3713, text(String::from_utf8_lossy(location).into_owned()));
    }
    Attachment {
        number,
        values,
        ..Attachment::default()
    }
}

fn mime_type(part: &PartRef<'_>) -> String {
    let halves = [part.media_type, part.subtype].map(String::from_utf8_lossy);
    halves.join("/")
}

fn file_name(part: &PartRef<'_>) -> Option<String> {
    let disposition = part.disposition.as_ref();
    let named = disposition.and_then(|shown| shown.parameters.text("filename"));
    let name = named.or_else(|| part.parameters.text("name"))?;
    Some(encoded_word::decode(name.as_bytes())).filter(|name| !name.is_empty())
}

fn subject_within(part: &PartRef<'_>) -> String {
    let subject = part.envelope.as_ref().and_then(|envelope| envelope.subject);
    subject.map(encoded_word::decode).unwrap_or_default()
}

/// Gives an attachment the bytes of its part; a message is read into its properties, unless it
/// stands in too many others.
pub fn put_data(attachment: &mut Attachment, part: &PartRef<'_>, data: Vec<u8>, depth: u8) {
    attachment
        .values
        .insert(0x0e20, super::integer(data.len() as u64));
    let is_message = part.kind == PartKind::Message && depth < super::letter::DEPTH_MAX;
    if is_message && attachment.embedded.is_none() {
        attachment.embedded = Some(Box::new(super::letter::content(&data, depth + 1)));
    } else {
        attachment.values.insert(0x3701, Value::Binary(data.into()));
    }
}
