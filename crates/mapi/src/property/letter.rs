//! What an Internet letter says, as properties.
//!
//! Source: [MS-OXCMAIL] 2.2.3 (from Internet headers), [MS-OXOMSG] 2.2.1.

use super::person::people;
use super::{integer, moment, parts};
use crate::codec::data::Value;
use crate::content::{BCC, CC, Content, Recipient, TO};
use crate::convert::read::{self, Parts, REPORT_BYTES_MAX, plain_text};
use crate::convert::{self, class, set};
use crate::refusal::Refusal;
use engine::Timestamp;
use formats::message::{EnvelopeRef, PartRef, Summary, SummaryRef, encoded_word, header};

/// Bytes of one text that are read; what is longer is cut.
const TEXT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// `PidTagMessageClass`
pub const CLASS: u16 = 0x001a;
/// Letters within letters that are read.
pub const DEPTH_MAX: u8 = 7;

/// Reads so many bytes of a part, decoded.
pub type ReadPart<'a> = dyn Fn(&PartRef<'_>, u64) -> Result<Vec<u8>, Refusal> + 'a;

/// A property that the letter itself tells.
pub fn value(
    summary: SummaryRef<'_>,
    id: u16,
    bytes_of: &ReadPart<'_>,
) -> Result<Option<Value>, Refusal> {
    Ok(match id {
        CLASS => Some(class_of(summary, bytes_of)?),
        0x1046 | 0x6820 => report(summary, id, bytes_of)?,
        // Of a report, when it was made.
        0x0032 => Parts::of(&summary)
            .report()
            .and_then(|_| of_envelope(summary, 0x0039)),
        0x1000 | 0x1013 | 0x3fde => text(&Parts::of(&summary), id, bytes_of)?,
        _ => of_people(summary.envelope(), id).or_else(|| of_envelope(summary, id)),
    })
}

/// What a letter is; only of reports more than its structure is looked at.
fn class_of(summary: SummaryRef<'_>, bytes_of: &ReadPart<'_>) -> Result<Value, Refusal> {
    let usual = || Value::Unicode(Parts::of(&summary).class().to_owned());
    Ok(report(summary, CLASS, bytes_of)?.unwrap_or_else(usual))
}

/// The class that the field for it names, if that counts.
pub fn class_by_field(summary: SummaryRef<'_>, field: Option<&Value>) -> Option<Value> {
    match field {
        Some(Value::Unicode(field)) => Parts::of(&summary)
            .class_by_field(field)
            .map(Value::Unicode),
        _ => None,
    }
}

/// What the part of a report says that is for programs.
fn report(
    summary: SummaryRef<'_>,
    id: u16,
    bytes_of: &ReadPart<'_>,
) -> Result<Option<Value>, Refusal> {
    let parts = Parts::of(&summary);
    let Some((report, Some(part))) = parts.report() else {
        return Ok(None);
    };
    let bytes = bytes_of(part, REPORT_BYTES_MAX)?;
    Ok(report.values(&bytes).remove(&id))
}

/// One of the texts, or the code page of the HTML.
fn text(parts: &Parts<'_>, id: u16, bytes_of: &ReadPart<'_>) -> Result<Option<Value>, Refusal> {
    let part = match id {
        0x1000 => parts.plain(),
        0x1013 => parts.html(),
        _ => return Ok(read::code_page(parts).map(Value::Integer32)),
    };
    let Some(part) = part else {
        return Ok(None);
    };
    let bytes = bytes_of(part, TEXT_BYTES_MAX)?;
    Ok(Some(match id {
        0x1000 => Value::Unicode(plain_text(part, &bytes)),
        _ => Value::Binary(read::html(part, bytes).into()),
    }))
}

/// Properties that only the header tells, not the summary: they take a look into the letter.
/// Of the ids of a thread the summary knows the latest only.
pub const OF_HEADER: [u16; 25] = [
    0x0015, 0x0017, 0x0023, 0x0026, 0x0029, 0x0030, 0x0036, 0x0046, 0x004f, 0x0050, 0x0053, 0x0070,
    0x0071, 0x1039, 0x1043, 0x1044, 0x1045, 0x3013, 0x3016, 0x3fdf, 0x3ff1, 0x4029, 0x402a, 0x402b,
    0x5d05,
];

/// Those of the sender, and of whom the sender stands for.
fn of_people(envelope: EnvelopeRef<'_>, id: u16) -> Option<Value> {
    let text = |text: String| Value::Unicode(text);
    let author = || people(envelope.from()).next();
    let sender = || people(envelope.sender()).next();
    let person = match id {
        0x0c19 | 0x0c1a | 0x0c1d | 0x0c1e | 0x0c1f | 0x5d01 => sender().or_else(author)?,
        0x003b | 0x0041 | 0x0042 | 0x0064 | 0x0065 | 0x5d02 => author()?,
        _ => return None,
    };
    Some(match id {
        0x0c1a | 0x0042 => text(person.name),
        0x0c1e | 0x0064 => text("SMTP".to_owned()),
        0x0c1f | 0x0065 | 0x5d01 | 0x5d02 => text(person.address),
        0x0c19 | 0x0041 => person.entry_id(),
        _ => person.search_key(),
    })
}

/// Those of the letter's own header, by its envelope.
fn of_envelope(summary: SummaryRef<'_>, id: u16) -> Option<Value> {
    let envelope = summary.envelope();
    let raw = |bytes: &[u8]| Value::Unicode(String::from_utf8_lossy(bytes).into_owned());
    Some(match id {
        0x0037 => Value::Unicode(encoded_word::decode(envelope.subject?)),
        0x0039 => moment(Timestamp::from_seconds(summary.sent()?.seconds))?,
        0x1035 => raw(envelope.message_id?),
        0x1042 => raw(envelope.in_reply_to?),
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
    let of_field = |(kind, field)| people(field).map(move |person| (kind, person));
    let all = fields.into_iter().flat_map(of_field);
    let rows = (0..).zip(all);
    rows.map(|(row, (kind, person))| read::recipient(row, kind, &person))
        .collect()
}

/// What a letter tells.
pub const TOLD: [u16; 24] = [
    0x001a, 0x0032, 0x0037, 0x0039, 0x003b, 0x0041, 0x0042, 0x0064, 0x0065, 0x0c19, 0x0c1a, 0x0c1d,
    0x0c1e, 0x0c1f, 0x1000, 0x1013, 0x1035, 0x1042, 0x1046, 0x3fd9, 0x3fde, 0x5d01, 0x5d02, 0x6820,
];

/// All that a letter in memory says. `depth` is in how many others it stands.
pub fn content(letter: &[u8], depth: u8) -> Content {
    let encoded = Summary::of(letter).encode();
    let Ok(summary) = SummaryRef::new(&encoded) else {
        return Content::default();
    };
    let decoded = |part: &PartRef<'_>| {
        let range = read::range_of(part);
        let bytes = match [range.start, range.end].map(|at| usize::try_from(at).ok()) {
            [Some(start), Some(end)] => letter.get(start..end).unwrap_or_default(),
            _ => &[],
        };
        read::data_of(part, bytes.to_vec())
    };
    let in_memory = |part: &PartRef<'_>, _| Ok(decoded(part));
    let block = letter.get(..header::length(letter)).unwrap_or_default();
    let read::Header { mut values, named } = read::header(block);
    values.retain(|id, _| OF_HEADER.contains(id));
    for id in TOLD {
        // Reading what lies in memory can't fail.
        let told = value(summary, id, &in_memory).ok().flatten();
        values.extend(told.map(|value| (id, value)));
    }
    let class = set::find(&named, &class::name());
    values.extend(class_by_field(summary, class).map(|class| (CLASS, class)));
    values.insert(0x0e08, integer(letter.len() as u64));
    let mut attachments = parts::of_letter(&summary);
    for (attachment, part) in attachments.iter_mut().zip(parts::attached(&summary)) {
        parts::put_data(attachment, &part, decoded(&part), depth);
    }
    let mut content = Content {
        values,
        recipients: recipients(summary),
        attachments,
        named,
    };
    convert::tnef::unfold(&mut content);
    content
}
