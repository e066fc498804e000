//! Messages in `winmail.dat`: all that Outlook could not say in a letter.
//!
//! Never fails: what is damaged gives what could be read before the damage, and bytes that are no
//! such thing give nothing. Messages within messages are read one after the other, up to a depth.
//!
//! Start at [`message`] and [`unfold`].
//!
//! Source: [MS-OXTNEF] 2.1 (stream, attributes, properties), [MS-OXCMAIL] 2.2.3.6 (in letters).

use super::{Values, set};
use crate::codec::data::{
    FileTime, Guid, NameKind, PropertyName, PropertyTag, PropertyType, Value, from_code_page,
};
use crate::codec::wire::{Count, Form, Malformed, Reader, Wire};
use crate::content::{Attachment, Content, Recipient};
use bytes::Bytes;
use formats::date::Civil;
use formats::message::PartRef;
use std::collections::BTreeMap;

/// Messages within messages that are read; each may be nearly as long as the one around it.
const DEPTH_MAX: usize = 8;
/// Attachments and recipients of one message.
const ENTRIES_MAX: usize = 10_000;
const SIGNATURE: u32 = 0x223e_9f78;
const NAMED_FROM: u16 = 0x8000;
/// An object that is a message: `IID_IMessage`.
const MESSAGE_INTERFACE: [u8; 16] = [
    0x07, 0x03, 0x02, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46,
];
/// Levels of attributes.
const OF_MESSAGE: u8 = 1;
const OF_ATTACHMENT: u8 = 2;

/// Attributes that are read. Source: [MS-OXTNEF] 2.1.3.3, 2.1.3.4.
mod attribute {
    pub const SUBJECT: u32 = 0x0001_8004;
    pub const DATE_SENT: u32 = 0x0003_8005;
    pub const BODY: u32 = 0x0002_800c;
    pub const MESSAGE_CLASS: u32 = 0x0007_8008;
    pub const CODE_PAGE: u32 = 0x0006_9007;
    pub const PROPERTIES: u32 = 0x0006_9003;
    pub const RECIPIENTS: u32 = 0x0006_9004;
    pub const ATTACHMENT: u32 = 0x0006_9002;
    pub const ATTACHED_DATA: u32 = 0x0006_800f;
    pub const ATTACHED_NAME: u32 = 0x0001_8010;
    pub const ATTACHED_PROPERTIES: u32 = 0x0006_9005;
}

/// The message in `bytes`; none if they are not one.
pub fn message(bytes: &[u8]) -> Option<Content> {
    let mut open = vec![Level::read(bytes)?];
    loop {
        let depth = open.len();
        let waiting = &mut open.last_mut()?.waiting;
        if let Some((_, inner)) = waiting.last() {
            let inner = if depth < DEPTH_MAX {
                Level::read(inner)
            } else {
                None
            };
            open.push(inner.unwrap_or_default());
            continue;
        }
        let done = open.pop()?.content;
        let Some(outer) = open.last_mut() else {
            return Some(done);
        };
        let place = outer.waiting.pop();
        let place = place.and_then(|(at, _)| outer.content.attachments.get_mut(at));
        if let Some(attachment) = place {
            attachment.embedded = Some(Box::new(done));
        }
    }
}

/// The message in the `winmail.dat` of a letter that came: what is no sender's business to say is
/// left out.
pub fn message_that_came(bytes: &[u8]) -> Option<Content> {
    let mut content = message(bytes)?;
    content.values.retain(|id, _| may_come(*id));
    Some(content)
}

/// Whether a property may come from elsewhere: the numbers in between belong to the store that a
/// message is in, and what people did with it there is theirs to say.
///
/// Source: [MS-OXPROPS] 1.3.3 (ranges).
fn may_come(id: u16) -> bool {
    /// Flags, icon, and what was answered.
    const OF_THE_READER: [u16; 6] = [0x1080, 0x1081, 0x1082, 0x1090, 0x1091, 0x1095];
    let is_sent = matches!(id, 0x0001..=0x0dff | 0x0e1f | 0x1000..=0x3fff | 0x4100..=0x57ff
        | 0x6800..=0x7bff);
    is_sent && !OF_THE_READER.contains(&id)
}

/// Whether a property is the class or a form of the text: there a `winmail.dat` says what the
/// author meant, and the letter what other programs are to show.
pub fn is_form(id: u16) -> bool {
    [0x001a, 0x1000, 0x1009, 0x1013, 0x1016, 0x3fde].contains(&id)
}

/// Whether a part of a letter could be a `winmail.dat`.
pub fn may_be(part: &PartRef<'_>) -> bool {
    let kinds = ["ms-tnef", "vnd.ms-tnef", "octet-stream"];
    kinds.iter().any(|kind| part.is("application", kind))
}

/// Which of a letter's attachments is its `winmail.dat`, if there is one.
///
/// Source: [MS-OXCMAIL] 2.2.3.6.
pub fn place(attachments: &[Attachment]) -> Option<usize> {
    let is_packed = |attachment: &Attachment| {
        let name = attachment.values.text(0x3707).unwrap_or_default();
        match attachment.values.text(0x370e).unwrap_or_default() {
            "application/ms-tnef" | "application/vnd.ms-tnef" => true,
            // Some relays don't know its type.
            "application/octet-stream" => name.eq_ignore_ascii_case("winmail.dat"),
            _ => false,
        }
    };
    attachments.iter().position(is_packed)
}

/// Puts attachments in place of the one at `at`, and counts all anew.
pub fn replace(attachments: &mut Vec<Attachment>, at: usize, inner: Vec<Attachment>) {
    if at < attachments.len() {
        attachments.remove(at);
    }
    attachments.extend(inner);
    for (number, attachment) in (0..).zip(attachments) {
        attachment.number = number;
        let integer = i32::try_from(number).unwrap_or(i32::MAX);
        attachment.values.insert(0x0e21, Value::Integer32(integer));
    }
}

/// Puts what a `winmail.dat` among the attachments says in its place: its properties, where the
/// letter itself does not say them, its texts and its attachments.
pub fn unfold(content: &mut Content) {
    let Some(at) = place(&content.attachments) else {
        return;
    };
    let packed = content.attachments.get(at);
    let packed = packed.and_then(|one| one.values.binary(0x3701));
    let Some(inner) = packed.and_then(|bytes| message_that_came(bytes)) else {
        return;
    };
    replace(&mut content.attachments, at, inner.attachments);
    for (id, value) in inner.values {
        if is_form(id) {
            content.values.insert(id, value);
        } else {
            content.values.entry(id).or_insert(value);
        }
    }
    for (name, value) in inner.named {
        if set::find(&content.named, &name).is_none() {
            content.named.push((name, value));
        }
    }
}

/// A message under way, and the messages in its attachments that are still to be read.
#[derive(Default)]
struct Level {
    content: Content,
    waiting: Vec<(usize, Bytes)>,
    code_page: u32,
}

/// Properties of one thing.
#[derive(Default)]
struct Properties {
    values: BTreeMap<u16, Value>,
    named: Vec<(PropertyName, Value)>,
    /// The message that it is.
    message: Option<Bytes>,
}

impl Level {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes, Form::Rop);
        let signature = u32::read(&mut reader).ok()?;
        u16::read(&mut reader)
            .ok()
            .filter(|_| signature == SIGNATURE)?;
        let mut level = Self {
            code_page: 1252,
            ..Self::default()
        };
        while let Ok((kind, id, data)) = read_attribute(&mut reader) {
            // An attribute that is damaged in itself is left out, the others are read.
            let _ = match kind {
                OF_MESSAGE => level.take(id, data),
                OF_ATTACHMENT => level.take_attached(id, data),
                _ => break,
            };
        }
        Some(level)
    }

    fn text(&self, data: &[u8]) -> Value {
        let text = data.split(|&byte| byte == 0).next().unwrap_or_default();
        Value::Unicode(from_code_page(self.code_page, text))
    }

    /// Attributes are older than properties, which say the same better.
    fn put_old(&mut self, id: u16, value: Value) {
        self.content.values.entry(id).or_insert(value);
    }

    fn take(&mut self, id: u32, data: &[u8]) -> Result<(), Malformed> {
        match id {
            attribute::CODE_PAGE => self.code_page = u32::read(&mut Reader::new(data, Form::Rop))?,
            attribute::SUBJECT => self.put_old(0x0037, self.text(data)),
            attribute::BODY => self.put_old(0x1000, self.text(data)),
            attribute::MESSAGE_CLASS => self.put_old(0x001a, class(&self.text(data))),
            attribute::DATE_SENT => self.put_old(0x0039, date(data)?),
            attribute::PROPERTIES => {
                let properties = self.properties(&mut Reader::new(data, Form::Rop))?;
                self.content.values.extend(properties.values);
                self.content.named.extend(properties.named);
            }
            attribute::RECIPIENTS => self.recipients(data)?,
            _ => {}
        }
        Ok(())
    }

    fn take_attached(&mut self, id: u32, data: &[u8]) -> Result<(), Malformed> {
        if id == attribute::ATTACHMENT {
            return self.begin_attachment();
        }
        let at = self.content.attachments.len().saturating_sub(1);
        let text = self.text(data);
        let properties = match id {
            attribute::ATTACHED_PROPERTIES => self.properties(&mut Reader::new(data, Form::Rop))?,
            _ => Properties::default(),
        };
        let Some(attachment) = self.content.attachments.get_mut(at) else {
            return Err(Malformed::Length);
        };
        match id {
            attribute::ATTACHED_DATA => {
                let data = Value::Binary(Bytes::copy_from_slice(data));
                attachment.values.entry(0x3701).or_insert(data);
            }
            attribute::ATTACHED_NAME => {
                attachment.values.entry(0x3704).or_insert(text.clone());
                attachment.values.entry(0x3707).or_insert(text);
            }
            _ => attachment.values.extend(properties.values),
        }
        if let Some(message) = properties.message {
            attachment.values.insert(0x3705, Value::Integer32(5));
            attachment.values.remove(&0x3701);
            self.waiting.push((at, message));
        }
        Ok(())
    }

    fn begin_attachment(&mut self) -> Result<(), Malformed> {
        let number = self.content.attachments.len();
        if number >= ENTRIES_MAX {
            return Err(Malformed::Budget);
        }
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        self.content.attachments.push(Attachment {
            number,
            values: [(0x3705, Value::Integer32(1))].into(),
            embedded: None,
        });
        Ok(())
    }

    fn recipients(&mut self, data: &[u8]) -> Result<(), Malformed> {
        let mut reader = Reader::new(data, Form::Rop);
        let count = u32::read(&mut reader)?.to_size();
        for row in (0..).take(count.min(ENTRIES_MAX)) {
            let values = self.properties(&mut reader)?.values;
            let kind = values.integer(0x0c15).unwrap_or(1) & 0x0f;
            self.content.recipients.push(Recipient {
                row,
                kind: u8::try_from(kind).unwrap_or(1),
                values,
            });
        }
        Ok(())
    }

    /// A list of properties. Source: [MS-OXTNEF] 2.1.3.4.
    fn properties(&self, reader: &mut Reader<'_>) -> Result<Properties, Malformed> {
        let count = u32::read(reader)?;
        let mut properties = Properties::default();
        for _ in 0..count {
            let kind = PropertyType::read(reader)?;
            let tag = PropertyTag::new(u16::read(reader)?, kind);
            let name = (tag.id() >= NAMED_FROM)
                .then(|| read_name(reader))
                .transpose()?;
            if kind == PropertyType::OBJECT {
                properties.take_object(tag, &read_variable(reader)?);
                continue;
            }
            let value = self.value(kind, reader)?;
            match name {
                Some(name) => properties.named.push((name, value)),
                None => drop(properties.values.insert(tag.id(), value)),
            }
        }
        Ok(properties)
    }

    fn value(&self, kind: PropertyType, reader: &mut Reader<'_>) -> Result<Value, Malformed> {
        let text = |bytes: &[u8]| match self.text(bytes) {
            Value::Unicode(text) => text,
            _ => String::new(),
        };
        let first = |all: Vec<&[u8]>| all.into_iter().next().unwrap_or_default().to_vec();
        Ok(match kind.0 {
            0x001e => Value::Unicode(text(&first(read_variable(reader)?))),
            0x001f => Value::Unicode(wide(&first(read_variable(reader)?))),
            0x0102 => Value::Binary(first(read_variable(reader)?).into()),
            0x101e => {
                let all = read_variable(reader)?;
                Value::MultipleUnicode(all.into_iter().map(text).collect())
            }
            0x101f => {
                let all = read_variable(reader)?;
                Value::MultipleUnicode(all.into_iter().map(wide).collect())
            }
            0x1102 => {
                let all = read_variable(reader)?;
                Value::MultipleBinary(all.into_iter().map(Bytes::copy_from_slice).collect())
            }
            0x1002 => {
                let count = u32::read(reader)?.to_size();
                let padded: Vec<[i16; 2]> = pairs(reader, count)?;
                Value::MultipleInteger16(padded.into_iter().map(|[value, _]| value).collect())
            }
            0x0002 => Value::Integer16(padded(reader)?),
            0x000b => Value::Boolean(padded(reader)? != 0),
            0x0001 => padded(reader).map(|_| Value::Null)?,
            _ => Value::read(kind, reader)?,
        })
    }
}

impl Properties {
    /// An object is a message, or the content of an attachment.
    fn take_object(&mut self, tag: PropertyTag, objects: &[&[u8]]) {
        let Some((interface, data)) = objects.first().and_then(|one| one.split_first_chunk())
        else {
            return;
        };
        let data = Bytes::copy_from_slice(data);
        if *interface == MESSAGE_INTERFACE {
            self.message = Some(data);
        } else {
            self.values.insert(tag.id(), Value::Binary(data));
        }
    }
}

/// Level, number and data of the next attribute, whose checksum must fit.
///
/// Source: [MS-OXTNEF] 2.1.3.1.
fn read_attribute<'a>(reader: &mut Reader<'a>) -> Result<(u8, u32, &'a [u8]), Malformed> {
    let level = u8::read(reader)?;
    let id = u32::read(reader)?;
    let size = u32::read(reader)?.to_size();
    let data = reader.take(size)?;
    let checksum = u16::read(reader)?;
    let sum = data
        .iter()
        .fold(0_u16, |sum, &byte| sum.wrapping_add(byte.into()));
    if sum != checksum {
        return Err(Malformed::Length);
    }
    Ok((level, id, data))
}

fn read_name(reader: &mut Reader<'_>) -> Result<PropertyName, Malformed> {
    let set = Guid::read(reader)?;
    let kind = match u32::read(reader)? {
        0 => NameKind::Number(u32::read(reader)?),
        1 => NameKind::Text(wide(read_padded(reader)?)),
        unknown => return Err(Malformed::Unknown(unknown)),
    };
    Ok(PropertyName { set, kind })
}

/// Bytes behind their size, and the zeros that fill four.
fn read_padded<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    let size = u32::read(reader)?.to_size();
    let bytes = reader.take(size)?;
    let padding = size.next_multiple_of(4) - size;
    // Some writers leave out what stands at the very end.
    reader.take(padding.min(reader.rest().len()))?;
    Ok(bytes)
}

fn read_variable<'a>(reader: &mut Reader<'a>) -> Result<Vec<&'a [u8]>, Malformed> {
    let count = u32::read(reader)?;
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(read_padded(reader)?);
    }
    Ok(values)
}

/// A value of two bytes that takes four.
fn padded(reader: &mut Reader<'_>) -> Result<i16, Malformed> {
    let value = i16::read(reader)?;
    u16::read(reader)?;
    Ok(value)
}

fn pairs(reader: &mut Reader<'_>, count: usize) -> Result<Vec<[i16; 2]>, Malformed> {
    let mut pairs = Vec::new();
    for _ in 0..count {
        pairs.push([i16::read(reader)?, i16::read(reader)?]);
    }
    Ok(pairs)
}

/// UTF-16 up to its zero.
fn wide(bytes: &[u8]) -> String {
    let text = from_code_page(1200, bytes);
    text.split('\0').next().unwrap_or_default().to_owned()
}

/// Classes of the mail system before MAPI by their names of today.
///
/// Source: [MS-OXTNEF] 2.1.3.3.5.
fn class(old: &Value) -> Value {
    let Value::Unicode(old) = old else {
        return Value::Null;
    };
    Value::Unicode(match old.as_str() {
        "IPM.Microsoft Mail.Note" => "IPM.Note".to_owned(),
        "IPM.Microsoft Mail.Read Receipt" => "Report.IPM.Note.IPNRN".to_owned(),
        "IPM.Microsoft Mail.Non-Delivery" => "Report.IPM.Note.NDR".to_owned(),
        "IPM.Microsoft Schedule.MtgReq" => "IPM.Schedule.Meeting.Request".to_owned(),
        "IPM.Microsoft Schedule.MtgRespP" => "IPM.Schedule.Meeting.Resp.Pos".to_owned(),
        "IPM.Microsoft Schedule.MtgRespN" => "IPM.Schedule.Meeting.Resp.Neg".to_owned(),
        "IPM.Microsoft Schedule.MtgRespA" => "IPM.Schedule.Meeting.Resp.Tent".to_owned(),
        "IPM.Microsoft Schedule.MtgCncl" => "IPM.Schedule.Meeting.Canceled".to_owned(),
        other => other.to_owned(),
    })
}

/// Year, month, day, hour, minute and second, in UTC; the day of the week stands behind them.
///
/// Source: [MS-OXTNEF] 2.1.3.3.3.
fn date(data: &[u8]) -> Result<Value, Malformed> {
    let mut reader = Reader::new(data, Form::Rop);
    let year = u16::read(&mut reader)?;
    let mut small = || u8::try_from(u16::read(&mut reader)?).map_err(|_| Malformed::Length);
    let civil = Civil {
        year: year.into(),
        month: small()?,
        day: small()?,
        hour: small()?,
        minute: small()?,
        second: small()?,
    };
    let time = FileTime::from_unix(civil.to_seconds().saturating_mul(10_000_000));
    Ok(Value::Time(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(level: u8, id: u32, data: &[u8]) -> Vec<u8> {
        let sum = data
            .iter()
            .fold(0_u16, |sum, &byte| sum.wrapping_add(byte.into()));
        let size = u32::try_from(data.len()).unwrap();
        let id = id.to_le_bytes();
        [
            &[level],
            id.as_slice(),
            &size.to_le_bytes(),
            data,
            &sum.to_le_bytes(),
        ]
        .concat()
    }

    fn stream(attributes: &[Vec<u8>]) -> Vec<u8> {
        let head = [SIGNATURE.to_le_bytes().as_slice(), &[1, 0]].concat();
        [head, attributes.concat()].concat()
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn sized(bytes: &[u8]) -> Vec<u8> {
        let mut all = words(&[u32::try_from(bytes.len()).unwrap()]);
        all.extend(bytes);
        all.resize(all.len().next_multiple_of(4), 0);
        all
    }

    /// [MS-OXTNEF] 3.1: the first attributes, with the checksums that are printed there.
    #[test]
    fn the_attributes_of_the_specification_are_read() {
        let subject = attribute(OF_MESSAGE, attribute::SUBJECT, b"Simple subject\0");
        assert!(subject.ends_with(&0x057a_u16.to_le_bytes()));
        let code_page = attribute(OF_MESSAGE, attribute::CODE_PAGE, &words(&[1252, 0]));
        assert!(code_page.ends_with(&0x00e8_u16.to_le_bytes()));
        let class = attribute(
            OF_MESSAGE,
            attribute::MESSAGE_CLASS,
            b"IPM.Microsoft Mail.Note\0",
        );
        assert!(class.ends_with(&0x0831_u16.to_le_bytes()));
        let numbers = [2004_u16, 2, 17, 11, 25, 35, 2];
        let date: Vec<u8> = numbers
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect();
        let date = attribute(OF_MESSAGE, attribute::DATE_SENT, &date);
        assert!(date.ends_with(&0x0137_u16.to_le_bytes()));

        let message = message(&stream(&[code_page, class, subject, date])).unwrap();
        assert_eq!(message.values.text(0x0037), Some("Simple subject"));
        assert_eq!(message.values.text(0x001a), Some("IPM.Note"));
        let sent = message.values.time(0x0039).unwrap().to_unix();
        assert_eq!(sent, 1_077_017_135 * 10_000_000);
    }

    fn with_everything() -> Vec<u8> {
        let keyword = [
            words(&[0x8000_101f]),
            set::PUBLIC_STRINGS.0.to_vec(),
            words(&[1]),
            sized(b"K\0e\0y\0\0\0"),
            words(&[2]),
            sized(b"a\0\0\0"),
            sized(b"b\0c\0\0\0"),
        ];
        let properties = [
            words(&[4, 0x0017_0003, 2, 0x0029_000b, 1]),
            words(&[0x1009_0102, 1]),
            sized(b"12345"),
            keyword.concat(),
        ];
        let recipient = [
            words(&[1, 2, 0x0c15_0003, 2, 0x3001_001e, 1]),
            sized(b"J\xfcrgen\0"),
        ];
        let inner = stream(&[attribute(OF_MESSAGE, attribute::SUBJECT, b"inner\0")]);
        let object = [MESSAGE_INTERFACE.as_slice(), &inner].concat();
        let attached = [words(&[1, 0x3701_000d, 1]), sized(&object)];
        stream(&[
            attribute(OF_MESSAGE, attribute::PROPERTIES, &properties.concat()),
            attribute(OF_MESSAGE, attribute::RECIPIENTS, &recipient.concat()),
            attribute(OF_ATTACHMENT, attribute::ATTACHMENT, &[0; 14]),
            attribute(OF_ATTACHMENT, attribute::ATTACHED_NAME, b"a.txt\0"),
            attribute(OF_ATTACHMENT, attribute::ATTACHED_DATA, b"data"),
            attribute(OF_ATTACHMENT, attribute::ATTACHMENT, &[0; 14]),
            attribute(
                OF_ATTACHMENT,
                attribute::ATTACHED_PROPERTIES,
                &attached.concat(),
            ),
        ])
    }

    #[test]
    fn properties_recipients_and_attachments_are_read() {
        let message = message(&with_everything()).unwrap();
        assert_eq!(message.values.integer(0x0017), Some(2));
        assert!(message.values.is_set(0x0029));
        assert_eq!(message.values.binary(0x1009).unwrap().as_ref(), b"12345");
        let name = PropertyName {
            set: set::PUBLIC_STRINGS,
            kind: NameKind::Text("Key".to_owned()),
        };
        let texts = ["a", "bc"].map(str::to_owned).to_vec();
        assert_eq!(message.named, [(name, Value::MultipleUnicode(texts))]);
        assert_eq!(message.recipients[0].kind, 2);
        assert_eq!(message.recipients[0].values.text(0x3001), Some("Jürgen"));
        let [file, inner] = message.attachments.as_slice() else {
            panic!("two attachments")
        };
        assert_eq!(file.values.text(0x3707), Some("a.txt"));
        assert_eq!(file.values.binary(0x3701).unwrap().as_ref(), b"data");
        assert_eq!(inner.values.integer(0x3705), Some(5));
        let inner = inner.embedded.as_deref().unwrap();
        assert_eq!(inner.values.text(0x0037), Some("inner"));
    }

    #[test]
    fn what_is_damaged_gives_what_was_read_before() {
        let whole = with_everything();
        let cut = message(&whole[..whole.len() - 3]).unwrap();
        assert_eq!(cut.attachments.len(), 2);
        assert!(cut.attachments[1].embedded.is_none());
        assert_eq!(message(b"no message"), None);
        assert_eq!(message(&[]), None);
    }

    #[test]
    fn a_letter_has_what_its_winmail_dat_says() {
        let values = [
            (0x370e, Value::Unicode("application/ms-tnef".to_owned())),
            (0x3701, Value::Binary(with_everything().into())),
        ];
        let mut letter = Content {
            values: [(0x0017, Value::Integer32(0))].into(),
            attachments: vec![Attachment {
                values: values.into(),
                ..Attachment::default()
            }],
            ..Content::default()
        };
        unfold(&mut letter);
        assert_eq!(letter.attachments.len(), 2);
        assert_eq!(letter.attachments[1].number, 1);
        assert_eq!(letter.values.integer(0x0017), Some(0));
        assert!(letter.values.contains_key(&0x1009));
        assert_eq!(letter.named.len(), 1);
    }
}
