//! A letter of a message's properties.
//!
//! The tree of parts is always the same: files beside (mixed) what the HTML shows (related) beside
//! the forms of the text (alternative), each level only where it is needed. Signed and encrypted
//! messages carry their bytes in one attachment, and these are sent as they are.
//!
//! Start at [`letter`]; `header` writes the fields, `body` the texts, `attachment` the rest.
//!
//! Source: [MS-OXCMAIL] 2.1.3 (from properties to MIME), [MS-OXOSMIME] 2.1.

mod attachment;
mod body;
mod header;
mod people;

pub(super) use header::date;
pub(crate) use people::one_off;

use super::Values;
use crate::codec::data::FileTime;
use crate::content::{Attachment, Content};
use attachment::Manner;
use body::Texts;
use bytes::Bytes;
use formats::message::compose::transfer::{BASE64_LINE_BYTES, Base64Lines};
use formats::message::compose::{Body, Composer, HeaderWriter, Piece};
use formats::message::{header as fields, parameter};

/// Messages within messages that are written; a letter forwarded as an attachment of another
/// twenty times is rare, and what lies deeper is left out.
pub const EMBEDDED_DEPTH_MAX: usize = 32;
/// Bytes of content that are encoded at a time, a whole number of lines.
const STEP_BYTES: usize = 1024 * BASE64_LINE_BYTES;

/// What becomes of the recipients that the others must not know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blind {
    /// They stand in the letter: a draft, or the sender's own copy.
    Kept,
    /// They don't: a letter on its way.
    LeftOut,
}

/// What a letter says that is not the message's own.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// For a message that has none, with its brackets: `<id@host.example>`. Its domain also stands
    /// in addresses that are none of the Internet's.
    pub message_id: &'a str,
    /// Letters and digits that stand in no content: what the boundaries are made of.
    pub boundary: &'a str,
    /// When the letter is written, for a message that does not say when it was sent.
    pub now: FileTime,
    /// What becomes of blind copies.
    pub blind: Blind,
}

/// Writes the letter, piece by piece.
pub fn letter<E>(
    content: &Content,
    frame: &Frame<'_>,
    out: &mut dyn FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    for piece in pieces(content, frame) {
        match piece {
            Piece::Bytes(bytes) => out(&bytes)?,
            Piece::Verbatim(bytes) => out(&bytes)?,
            Piece::Base64(content) => encode(&content, out)?,
        }
    }
    Ok(())
}

fn encode<E>(content: &Bytes, out: &mut dyn FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    let (mut lines, mut encoded) = (Base64Lines::default(), Vec::new());
    for step in content.chunks(STEP_BYTES) {
        lines.push(step, &mut encoded);
        out(&encoded)?;
        encoded.clear();
    }
    lines.finish(&mut encoded);
    out(&encoded)
}

/// What is still to be written.
enum Work<'a> {
    Letter(&'a Content),
    Attachment(&'a Attachment, Manner),
    End,
    EndLetter,
}

/// The letter as pieces, of which the long ones are not encoded yet.
pub fn pieces(content: &Content, frame: &Frame<'_>) -> Vec<Piece<Bytes>> {
    let mut composer = Composer::new(frame.boundary);
    let header = header::of_letter(content, frame, frame.blind);
    let mut work = parts(content, header, &mut composer);
    let mut depth = 0_usize;
    while let Some(next) = work.pop() {
        match next {
            Work::Letter(content) => {
                depth += 1;
                let header = header::of_letter(content, frame, Blind::Kept);
                work.extend(parts(content, header, &mut composer));
            }
            Work::Attachment(attachment, manner) => match &attachment.embedded {
                Some(_) if depth >= EMBEDDED_DEPTH_MAX => {}
                Some(content) => {
                    let header = attachment::header(attachment, manner);
                    composer.begin_message(header);
                    work.extend([Work::EndLetter, Work::Letter(content)]);
                }
                None => {
                    let header = attachment::header(attachment, manner);
                    attachment::leaf(attachment, header, &mut composer);
                }
            },
            Work::End => composer.end(),
            Work::EndLetter => {
                depth = depth.saturating_sub(1);
                composer.end();
            }
        }
    }
    composer.finish()
}

/// Writes header and texts; answers with what is to come behind them, the first thing last.
fn parts<'a>(
    content: &'a Content,
    header: HeaderWriter,
    composer: &mut Composer<Bytes>,
) -> Vec<Work<'a>> {
    let Some(header) = protected(content, header, composer) else {
        return Vec::new();
    };
    let texts = Texts::of(content);
    let written = content
        .attachments
        .iter()
        .filter(|a| attachment::is_written(a));
    let (related, mut beside): (Vec<_>, Vec<_>) =
        written.partition(|attachment| texts.shows(attachment));
    let calendar = beside.iter().position(|a| attachment::is_of_calendar(a));
    let calendar = calendar
        .filter(|_| !texts.is_empty())
        .map(|place| beside.remove(place));
    if let ([only], true) = (beside.as_slice(), texts.is_empty() && related.is_empty())
        && only.embedded.is_none()
    {
        let mut header = header;
        attachment::describe(only, Manner::Beside, &mut header);
        attachment::leaf(only, header, composer);
        return Vec::new();
    }
    let mut header = Some(header);
    let mut work = Vec::new();
    if !beside.is_empty() {
        composer.begin_multipart(
            header.take().unwrap_or_default(),
            &beside_kind(content, &beside),
        );
        work.push(Work::End);
        let later = beside.iter().rev();
        work.extend(later.map(|attachment| Work::Attachment(attachment, Manner::Beside)));
    }
    if !related.is_empty() {
        composer.begin_multipart(header.take().unwrap_or_default(), "related");
        work.push(Work::End);
        let later = related.iter().rev();
        work.extend(later.map(|attachment| Work::Attachment(attachment, Manner::Related)));
    }
    if !texts.is_empty() || beside.is_empty() {
        texts.write(calendar, header.take().unwrap_or_default(), composer);
    }
    work
}

/// How what stands beside the text is bound to it: a report says so. Source: [MS-OXCMAIL] 2.1.3.6.
fn beside_kind(content: &Content, beside: &[&Attachment]) -> String {
    let class = content.values.text(0x001a).unwrap_or_default();
    let is_report = class.to_ascii_lowercase().starts_with("report.");
    let report = beside.first().and_then(|first| attachment::report(first));
    match report.filter(|_| is_report) {
        Some(report) => format!("report; report-type={report}"),
        None => "mixed".to_owned(),
    }
}

/// Writes a message that is signed or encrypted; gives the header back for one that is not.
///
/// Its one attachment has the bytes: the whole entity where the signature stands beside what it
/// signs, the CMS object alone where it encloses it. Source: [MS-OXOSMIME] 2.1.1, 2.1.2.
fn protected(
    content: &Content,
    mut header: HeaderWriter,
    composer: &mut Composer<Bytes>,
) -> Option<HeaderWriter> {
    let class = content.values.text(0x001a).unwrap_or_default();
    let [only] = content.attachments.as_slice() else {
        return Some(header);
    };
    let bytes = only.values.binary(0x3701);
    let (Some(bytes), true) = (bytes, is_of_class(class, "SMIME", "MultipartSigned")) else {
        return Some(header);
    };
    if let Some((entity_header, body)) = signed_entity(bytes) {
        header.raw(&entity_header);
        composer.leaf(header, Body::Verbatim(body));
        return None;
    }
    if !is_of_class(class, "SMIME", "") {
        return Some(header);
    }
    attachment::describe(only, Manner::Beside, &mut header);
    composer.leaf(header, Body::Base64(bytes.clone()));
    None
}

/// Whether a class ends with `last`, or with `last` and `more`; `IPM.Note` may be any other.
fn is_of_class(class: &str, last: &str, more: &str) -> bool {
    let mut pieces = class.rsplit('.');
    let end = pieces.next().unwrap_or_default();
    let before = pieces.next().unwrap_or_default();
    end.eq_ignore_ascii_case(last)
        || end.eq_ignore_ascii_case(more) && before.eq_ignore_ascii_case(last)
}

/// The fields about the content and the body of an entity that says `multipart/signed`.
fn signed_entity(entity: &Bytes) -> Option<(Vec<u8>, Bytes)> {
    let end = fields::length(entity);
    let block = entity.get(..end)?;
    let (kind, _) = parameter::parse(fields::find(block, "Content-Type")?.value);
    if kind != b"multipart/signed" {
        return None;
    }
    // The language is told by a property of its own.
    let about_content = fields::fields(block).filter(|field| {
        let start = field.name.get(..8).unwrap_or_default();
        start.eq_ignore_ascii_case(b"Content-") && !field.is("Content-Language")
    });
    let mut kept = Vec::new();
    for field in about_content {
        kept.extend_from_slice(field.raw.trim_ascii_end());
        kept.extend_from_slice(b"\r\n");
    }
    Some((kept, entity.slice(end..)))
}

#[cfg(test)]
mod tests;
