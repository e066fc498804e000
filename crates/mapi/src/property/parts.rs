//! The parts of a message that have properties of their own: recipients and attachments, as they
//! are kept beside the letter, and the attachments that a letter itself has.
//!
//! Source: [MS-OXCMSG] 2.2.2, 2.2.3; [MS-OXCMAIL] 2.2.3.4 (attachments from MIME).

use super::kept::Kept;
use crate::codec::data::Value;
use crate::content::{Attachment, Content, Recipient, Values};
use crate::convert::read;
use engine::PathStep;
use formats::message::{PartKind, PartRef, SummaryRef};

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

/// Which attachments are read with their data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data {
    /// None.
    Without,
    /// The one of this number.
    Of(u32),
    /// All.
    Whole,
}

impl Data {
    /// Whether that of this number is.
    pub fn is_read(self, number: u32) -> bool {
        match self {
            Self::Without => false,
            Self::Of(wanted) => wanted == number,
            Self::Whole => true,
        }
    }
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

/// The parts of a letter that are attached to it, in their order. A letter within it is one,
/// whatever is in that; a letter that is signed or encrypted is one as a whole.
pub fn attached<'a>(summary: &SummaryRef<'a>) -> Vec<PartRef<'a>> {
    let all = read::attachments(summary).into_iter();
    all.map(|attachment| attachment.part).collect()
}

/// The decoded bytes of what is attached to a letter that lies in memory.
pub fn attached_bytes(summary: &SummaryRef<'_>, letter: &[u8]) -> Vec<Vec<u8>> {
    let bytes = |part: &PartRef<'_>| {
        let range = read::range_of(part);
        let raw = match [range.start, range.end].map(|at| usize::try_from(at).ok()) {
            [Some(start), Some(end)] => letter.get(start..end).unwrap_or_default(),
            _ => &[],
        };
        read::data_of(part, raw.to_vec())
    };
    attached(summary).iter().map(bytes).collect()
}

/// What the attachments of a letter say of themselves, in their order; without their data.
pub fn of_letter(summary: &SummaryRef<'_>) -> Vec<Attachment> {
    let all = read::attachments(summary).into_iter();
    let all = all.map(|attachment| Attachment {
        number: attachment.number,
        values: attachment.values,
        ..Attachment::default()
    });
    all.collect()
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
