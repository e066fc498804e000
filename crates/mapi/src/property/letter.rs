//! What an Internet letter says, as properties.
//!
//! Source: [MS-OXCMAIL] 2.2.3 (from Internet headers), [MS-OXOMSG] 2.2.1.

use super::person::{Correspondent, correspondents};
use super::{integer, parts};
use crate::codec::data::{FileTime, Value};
use crate::content::{BCC, CC, Content, Recipient, TO, Values};
use crate::refusal::Refusal;
use engine::Timestamp;
use formats::message::decode::{self, Encoding};
use formats::message::{EnvelopeRef, PartRef, Summary, SummaryRef, charset, encoded_word};

/// Bytes of one text that are read; what is longer is cut.
const TEXT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Letters within letters that are read.
pub const DEPTH_MAX: u8 = 7;

/// Reads so many bytes of a part, decoded.
pub type ReadPart<'a> = dyn Fn(&PartRef<'_>, u64) -> Result<Vec<u8>, Refusal> + 'a;

/// A property that the letter itself tells.
pub fn value(
    summary: SummaryRef<'_>,
    id: u16,
    read: &ReadPart<'_>,
) -> Result<Option<Value>, Refusal> {
    Ok(match id {
        0x1000 => text(summary, "plain", read)?.map(Value::Unicode),
        0x1013 => text(summary, "html", read)?.map(|html| Value::Binary(html.into_bytes().into())),
        _ => of_people(summary.envelope(), id).or_else(|| of_envelope(summary, id)),
    })
}

/// The first text of a type that is not an attachment.
fn text(
    summary: SummaryRef<'_>,
    subtype: &str,
    read: &ReadPart<'_>,
) -> Result<Option<String>, Refusal> {
    let mut parts = summary.parts();
    let Some(part) = parts.find(|part| part.is("text", subtype) && parts::is_shown(part)) else {
        return Ok(None);
    };
    let bytes = read(&part, TEXT_BYTES_MAX)?;
    let label = part.parameters.text("charset").unwrap_or_default();
    let text = charset::to_utf8(label.as_bytes(), &bytes);
    Ok(Some(text.into_owned()))
}

/// Those of the sender, and of whom the sender stands for.
fn of_people(envelope: EnvelopeRef<'_>, id: u16) -> Option<Value> {
    let text = |text: String| Value::Unicode(text);
    let author = || correspondents(envelope.from()).next();
    let sender = || correspondents(envelope.sender()).next();
    let person = match id {
        0x0c19 | 0x0c1a | 0x0c1d | 0x0c1e | 0x0c1f | 0x5d01 => sender().or_else(author)?,
        0x003b | 0x0041 | 0x0042 | 0x0064 | 0x0065 | 0x5d02 => author()?,
        _ => return None,
    };
    Some(match id {
        0x0c1a | 0x0042 => text(person.name),
        0x0c1e | 0x0064 => text("SMTP".to_owned()),
        0x0c1f | 0x0065 | 0x5d01 | 0x5d02 => text(person.address),
        0x0c19 | 0x0041 => Value::Binary(person.entry_id().into()),
        _ => Value::Binary(person.search_key().into()),
    })
}

/// Those of the letter's own header, by its envelope.
fn of_envelope(summary: SummaryRef<'_>, id: u16) -> Option<Value> {
    let envelope = summary.envelope();
    let raw = |bytes: &[u8]| Value::Unicode(String::from_utf8_lossy(bytes).into_owned());
    Some(match id {
        0x0037 => Value::Unicode(encoded_word::decode(envelope.subject?)),
        0x0039 => {
            let sent = Timestamp::from_seconds(summary.sent()?.seconds);
            Value::Time(FileTime::from_unix(sent.0))
        }
        0x1035 => raw(envelope.message_id?),
        0x1042 => raw(envelope.in_reply_to?),
        0x1039 => {
            let references: Vec<_> = summary.references().collect();
            (!references.is_empty()).then(|| raw(&references.join(b" ".as_slice())))?
        }
        0x3fd9 => Value::Unicode(summary.preview().to_owned()),
        _ => return None,
    })
}

/// Who a letter is to: To, Cc and Bcc, in their order.
pub fn recipients(summary: SummaryRef<'_>) -> Vec<Recipient> {
    let envelope = summary.envelope();
    let fields = [
        (TO, envelope.to()),
        (CC, envelope.cc()),
        (BCC, envelope.bcc()),
    ];
    let of_field = |(kind, field)| correspondents(field).map(move |person| (kind, person));
    let all = fields.into_iter().flat_map(of_field);
    let rows = (0..).zip(all);
    rows.map(|(row, (kind, person))| recipient(row, kind, &person))
        .collect()
}

fn recipient(row: u32, kind: u8, person: &Correspondent) -> Recipient {
    let text = |text: &str| Value::Unicode(text.to_owned());
    let values = Values::from([
        (0x3001, text(&person.name)),
        (0x3002, text("SMTP")),
        (0x3003, text(&person.address)),
        (0x39fe, text(&person.address)),
    ]);
    Recipient { row, kind, values }
}

/// What a letter tells.
pub const TOLD: [u16; 20] = [
    0x0037, 0x0039, 0x003b, 0x0041, 0x0042, 0x0064, 0x0065, 0x0c19, 0x0c1a, 0x0c1d, 0x0c1e, 0x0c1f,
    0x1000, 0x1013, 0x1035, 0x1039, 0x1042, 0x3fd9, 0x5d01, 0x5d02,
];

/// All that a letter in memory says. `depth` is in how many others it stands.
pub fn content(letter: &[u8], depth: u8) -> Content {
    let encoded = Summary::of(letter).encode();
    let Ok(summary) = SummaryRef::new(&encoded) else {
        return Content::default();
    };
    let decoded = |part: &PartRef<'_>| {
        let range = [part.body_start, part.body_end].map(|at| usize::try_from(at).ok());
        let bytes = match range {
            [Some(start), Some(end)] => letter.get(start..end).unwrap_or_default(),
            _ => &[],
        };
        decode::all(Encoding::named(part.encoding), bytes)
    };
    let read = |part: &PartRef<'_>, _| Ok(decoded(part));
    let mut values = Values::from([(0x001a, Value::Unicode("IPM.Note".to_owned()))]);
    for id in TOLD {
        // Reading what lies in memory can't fail.
        let told = value(summary, id, &read).ok().flatten();
        values.extend(told.map(|value| (id, value)));
    }
    values.insert(0x0e08, integer(letter.len() as u64));
    let mut attachments = parts::of_letter(&summary);
    for (attachment, part) in attachments.iter_mut().zip(parts::attached(&summary)) {
        parts::put_data(attachment, &part, decoded(&part), depth);
    }
    Content {
        values,
        recipients: recipients(summary),
        attachments,
        ..Content::default()
    }
}
