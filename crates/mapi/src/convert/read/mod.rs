//! A message's properties out of a letter.
//!
//! What a letter says is found in two steps, so that nobody reads more than is asked for: the
//! header gives most properties ([`header`], [`recipients`]); the summary tells which parts are
//! texts and which are attachments ([`Parts`], [`attachments`]), and their bytes stay where they
//! are. [`content`] does it all for a letter in memory.
//!
//! Source: [MS-OXCMAIL] 2.2 (from MIME to properties), [MS-OXOSMIME] 2.1.

mod attachment;
mod header;
mod parts;
mod people;
mod report;

pub use attachment::{AttachmentPart, attachments, data_of, range_of};
pub use header::{Header, header, subject_parts};
pub use parts::{Parts, Protection};
pub use people::{Person, people, recipient, recipients};
pub use report::{REPORT_BYTES_MAX, Report};

use crate::codec::data::{Value, code_page_of_charset};
use crate::content::{Attachment, Content};
use crate::convert::{class, set};
use bytes::Bytes;
use formats::message::decode::{self, Encoding};
use formats::message::{PartKind, PartRef, Summary, SummaryRef, charset, header as fields};
use std::ops::Range;

/// Letters within letters that are read as messages; deeper ones have no content.
const DEPTH_MAX: usize = 20;
/// UTF-8 by its number.
const UTF_8: i32 = 65001;

/// A whole letter as a message, with the letters within it.
pub fn content(letter: &[u8]) -> Content {
    // Each entry is a message under way and the attachments that are still to be filled.
    let mut open = vec![shallow(letter)];
    loop {
        let depth = open.len();
        let Some((_, waiting)) = open.last_mut() else {
            return Content::default();
        };
        if let Some((_, bytes)) = waiting.last() {
            let inner = if depth < DEPTH_MAX {
                shallow(bytes)
            } else {
                Default::default()
            };
            open.push(inner);
            continue;
        }
        let Some((done, _)) = open.pop() else {
            return Content::default();
        };
        let Some((outer, waiting)) = open.last_mut() else {
            return done;
        };
        let place = waiting
            .pop()
            .and_then(|(at, _)| outer.attachments.get_mut(at));
        if let Some(attachment) = place {
            attachment.embedded = Some(Box::new(done));
        }
    }
}

/// A letter without what the letters within it say; these are given as their bytes.
fn shallow(letter: &[u8]) -> (Content, Vec<(usize, Bytes)>) {
    let encoded = Summary::of(letter).encode();
    let Ok(summary) = SummaryRef::new(&encoded) else {
        return (Content::default(), Vec::new());
    };
    let block = letter.get(..fields::length(letter)).unwrap_or_default();
    let Header { mut values, named } = header(block);
    let parts = Parts::of(&summary);
    let said = match set::find(&named, &class::name()) {
        Some(Value::Unicode(field)) => parts.class_by_field(field),
        _ => None,
    };
    let class = said.unwrap_or_else(|| parts.class().to_owned());
    values.insert(0x001a, Value::Unicode(class));
    if let Some((report, Some(part))) = parts.report() {
        let bytes = slice(letter, &range_of(part));
        values.extend(report.values(&data_of(part, bytes.to_vec())));
    }
    for (id, value) in texts(&parts, letter) {
        values.insert(id, value);
    }
    let mut embedded = Vec::new();
    let mut all = Vec::new();
    for (at, found) in attachments(&summary).into_iter().enumerate() {
        let bytes = slice(letter, &range_of(&found.part));
        let mut values = found.values;
        let bytes = Bytes::from(data_of(&found.part, bytes.to_vec()));
        if found.part.kind == PartKind::Message {
            embedded.push((at, bytes));
        } else {
            values.insert(0x3701, Value::Binary(bytes));
        }
        all.push(Attachment {
            number: found.number,
            values,
            embedded: None,
        });
    }
    let content = Content {
        values,
        named,
        recipients: recipients(block),
        attachments: all,
    };
    (content, embedded)
}

fn slice<'a>(letter: &'a [u8], range: &Range<u64>) -> &'a [u8] {
    let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).unwrap_or(usize::MAX));
    letter.get(start..end.min(letter.len())).unwrap_or_default()
}

/// The texts, and the code page of the HTML.
fn texts(parts: &Parts<'_>, letter: &[u8]) -> Vec<(u16, Value)> {
    let mut found = Vec::new();
    let raw = |part: &PartRef<'_>| {
        let bytes = slice(letter, &(part.body_start..part.body_end));
        decode::all(Encoding::named(part.encoding), bytes)
    };
    if let Some(part) = parts.plain() {
        found.push((0x1000, Value::Unicode(plain_text(part, &raw(part)))));
    }
    if let Some(part) = parts.html() {
        found.push((0x1013, Value::Binary(html(part, raw(part)).into())));
    }
    let code_page = code_page(parts);
    found.extend(code_page.map(|code_page| (0x3fde, Value::Integer32(code_page))));
    found
}

/// The text of a part, whose transfer encoding is undone already.
pub fn plain_text(part: &PartRef<'_>, bytes: &[u8]) -> String {
    charset::to_utf8(label(part).as_bytes(), bytes).into_owned()
}

/// The HTML of a part, whose transfer encoding is undone already: as it came where its charset has
/// a number, else in UTF-8.
pub fn html(part: &PartRef<'_>, bytes: Vec<u8>) -> Vec<u8> {
    let label = label(part);
    if code_page_of_charset(&label).is_some() {
        return bytes;
    }
    let text = charset::to_utf8(label.as_bytes(), &bytes);
    text.into_owned().into_bytes()
}

/// The code page of the HTML, or of the plain text where there is no other; none where there is no
/// text at all. Source: [MS-OXCMAIL] 2.2.3.4.
pub fn code_page(parts: &Parts<'_>) -> Option<i32> {
    let part = parts.html().or(parts.plain())?;
    let code_page = code_page_of_charset(&label(part));
    Some(code_page.map_or(UTF_8, |page| i32::try_from(page).unwrap_or(UTF_8)))
}

fn label(part: &PartRef<'_>) -> String {
    part.parameters.text("charset").unwrap_or_default()
}

#[cfg(test)]
mod tests;
