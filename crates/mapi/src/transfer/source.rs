//! Messages and folders as a stream.
//!
//! A stream is made as it is asked for: [`Source`] holds what is still to be told as a list of
//! steps, and one message at most as bytes.
//!
//! Start at [`message_content`].
//!
//! Source: [MS-OXCFXICS] 2.2.4.3 (structures), 3.2.5.8.1 (options).

use super::{ATTACHMENT_NUMBER, RECIPIENT_KIND, ROW, held, meta};
use crate::codec::data::{PropertyName, PropertyTag, PropertyType, Value, to_code_page};
use crate::codec::fasttransfer::{Key, LONG_BYTES_MIN, Marker, Producer, Property};
use crate::codec::wire::String8;
use crate::content::{Attachment, Content, Recipient, Values};
use crate::property::attachment::{DATA, METHOD};
use crate::property::names::FIRST_NAMED;
use engine::{FolderId, Location, Shelf};

/// Options of who asks. Source: [MS-OXCFXICS] 2.2.3.1.1.1.2.
mod option {
    pub const UNICODE: u8 = 0x01;
    pub const IN_TYPE: u8 = 0x02;
    pub const FORCE_UNICODE: u8 = 0x08;
    /// All there are, with those that are to be passed over.
    pub const ALL: u8 = 0x7f;
}

/// UTF-16 as a code page.
const UTF_16: u16 = 1200;
/// A type that is a code page.
const CODE_PAGE: u16 = 0x8000;

/// How texts are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    /// In UTF-16.
    Unicode,
    /// In this code page, which is known otherwise.
    Narrow(u32),
    /// In this code page, which the type says.
    InType(u16),
}

impl Texts {
    /// As the options of a request say; none of options that there are not.
    pub fn of_options(options: u8, code_page: u32) -> Option<Self> {
        let has = |flag| options & flag != 0;
        if options & !option::ALL != 0 {
            return None;
        }
        let in_type = || {
            u16::try_from(code_page)
                .ok()
                .filter(|page| *page < CODE_PAGE)
        };
        Some(match (has(option::IN_TYPE), has(option::UNICODE)) {
            _ if has(option::FORCE_UNICODE) => Self::Unicode,
            (true, true) => Self::InType(UTF_16),
            // What no type can say is told in UTF-16.
            (true, false) => Self::InType(in_type().unwrap_or(UTF_16)),
            (false, true) => Self::Unicode,
            (false, false) => Self::Narrow(code_page),
        })
    }
}

/// What is still to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A marker.
    Marker(Marker),
    /// What the other side has of this collection is to go.
    Delete(u16),
    /// A message.
    Message(Location),
    /// The messages of a shelf, from this UID on.
    Shelf(FolderId, Shelf, u32),
    /// A folder's properties and what is in it.
    Folder(FolderId, InFolder),
}

/// Whether the other side is told to delete what it has of each collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacing {
    /// It is.
    All,
    /// It has nothing.
    Nothing,
}

/// What of a folder is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InFolder {
    /// In place of what is there.
    pub replacing: Replacing,
    /// Its messages.
    pub messages: bool,
    /// Its settings.
    pub associated: bool,
    /// The folders below.
    pub folders: bool,
}

/// A stream on its way out.
#[derive(Debug)]
pub struct Source {
    /// What was made and not yet taken.
    pub producer: Producer,
    /// What is still to be told, the last first.
    pub steps: Vec<Step>,
    /// How texts are told.
    pub texts: Texts,
    /// Only the text as it was written is told, not its other forms.
    pub is_best_body: bool,
    /// Messages that were told, and all there were.
    pub progress: (u32, u32),
}

impl Source {
    /// A stream of nothing.
    pub fn new(texts: Texts, is_best_body: bool) -> Self {
        Self {
            producer: Producer::default(),
            steps: Vec::new(),
            texts,
            is_best_body,
            progress: (0, 0),
        }
    }

    /// Whether all was taken.
    pub fn is_done(&self) -> bool {
        self.steps.is_empty() && self.producer.size() == 0
    }

    /// How far it is, in steps of which there are at most as many as two bytes count.
    pub fn scaled_progress(&self) -> (u16, u16) {
        let (done, all) = self.progress;
        let most = u32::from(u16::MAX);
        let scaled = |number: u32| {
            let number = if all > most {
                u64::from(number) * u64::from(most) / u64::from(all)
            } else {
                number.into()
            };
            u16::try_from(number).unwrap_or(u16::MAX)
        };
        (scaled(done), scaled(all))
    }

    /// Puts steps before all others, in their order.
    pub fn before(&mut self, steps: Vec<Step>) {
        self.steps.extend(steps.into_iter().rev());
    }

    /// Says that what the other side has of a collection is to go.
    pub fn delete(&mut self, collection: u16) {
        let kind = PropertyType::OBJECT;
        let tag = PropertyTag::new(collection, kind).0.cast_signed();
        let deletion = Property::fixed(meta::DELETE, Value::Integer32(tag));
        // A number always fits.
        let _ = self.producer.property(&deletion);
    }
}

/// The names of properties in one mailbox.
pub trait Names {
    /// The name of an identifier from 0x8000 on.
    fn name(&self, id: u16) -> Option<PropertyName>;
    /// The identifier of a name, if it has one.
    fn id(&self, name: &PropertyName) -> Option<u16>;
}

/// Which of an object's own properties and collections are told.
pub type Wanted<'a> = dyn Fn(u16) -> bool + 'a;

/// A part of a message that is still to be told.
enum Part<'a> {
    Content(&'a Content),
    Attachment(&'a Attachment),
    Marker(Marker),
}

/// Tells a message, with all that stands in it. Only its own properties are chosen among.
pub fn message_content(
    source: &mut Source,
    names: &dyn Names,
    content: &Content,
    is_wanted: &Wanted<'_>,
) {
    let mut left = Vec::new();
    one_content(source, names, content, is_wanted, &mut left);
    tell(source, names, left);
}

/// Tells an attachment, without markers around it.
pub fn attachment_content(
    source: &mut Source,
    names: &dyn Names,
    attachment: &Attachment,
    is_wanted: &Wanted<'_>,
) {
    let mut left = Vec::new();
    one_attachment(source, names, attachment, is_wanted, &mut left);
    tell(source, names, left);
}

fn tell(source: &mut Source, names: &dyn Names, mut left: Vec<Part<'_>>) {
    let all = |_| true;
    while let Some(part) = left.pop() {
        match part {
            Part::Marker(marker) => source.producer.marker(marker),
            Part::Content(content) => one_content(source, names, content, &all, &mut left),
            Part::Attachment(attachment) => {
                source.producer.marker(Marker::NewAttachment);
                let number = Value::Integer32(attachment.number.cast_signed());
                one(source, names, ATTACHMENT_NUMBER, &number);
                left.push(Part::Marker(Marker::EndAttachment));
                one_attachment(source, names, attachment, &all, &mut left);
            }
        }
    }
}

fn one_content<'a>(
    source: &mut Source,
    names: &dyn Names,
    content: &'a Content,
    is_wanted: &Wanted<'_>,
    left: &mut Vec<Part<'a>>,
) {
    let is_told = |id: u16| is_wanted(id) && !(source.is_best_body && is_other_body(content, id));
    let told: Vec<_> = content
        .values
        .iter()
        .filter(|(id, _)| is_told(**id))
        .collect();
    for (id, value) in told {
        one(source, names, *id, value);
    }
    for (name, value) in &content.named {
        let id = names.id(name).unwrap_or(FIRST_NAMED);
        if is_wanted(id) {
            property(source, id, Some(name.clone()), value);
        }
    }
    if is_wanted(held::RECIPIENTS) {
        source.delete(held::RECIPIENTS);
        for recipient in &content.recipients {
            one_recipient(source, names, recipient);
        }
    }
    if is_wanted(held::ATTACHMENTS) {
        source.delete(held::ATTACHMENTS);
        left.extend(content.attachments.iter().rev().map(Part::Attachment));
    }
}

/// Whether that is a form of the text that was made of another: HTML is what people write, then
/// rich text. Source: [MS-OXCFXICS] 3.2.5.8.1.1 (best body).
fn is_other_body(content: &Content, id: u16) -> bool {
    const BODIES: [u16; 3] = [0x1013, 0x1009, 0x1000];
    let best = BODIES.iter().find(|form| content.values.contains_key(form));
    BODIES.contains(&id) && best != Some(&id)
}

fn one_recipient(source: &mut Source, names: &dyn Names, recipient: &Recipient) {
    source.producer.marker(Marker::StartRecipient);
    let row = Value::Integer32(recipient.row.cast_signed());
    one(source, names, ROW, &row);
    one(
        source,
        names,
        RECIPIENT_KIND,
        &Value::Integer32(recipient.kind.into()),
    );
    values(source, names, &recipient.values, &|id| {
        ![ROW, RECIPIENT_KIND].contains(&id)
    });
    source.producer.marker(Marker::EndRecipient);
}

fn one_attachment<'a>(
    source: &mut Source,
    names: &dyn Names,
    attachment: &'a Attachment,
    is_wanted: &Wanted<'_>,
    left: &mut Vec<Part<'a>>,
) {
    /// The data is an object of another program, which stands in a stream as one.
    const OLE: Value = Value::Integer32(6);
    let is_object = attachment.values.get(&METHOD) == Some(&OLE);
    values(source, names, &attachment.values, &|id| {
        is_wanted(id) && id != ATTACHMENT_NUMBER && !(is_object && id == DATA)
    });
    if !is_wanted(DATA) {
        return;
    }
    if let Some(Value::Binary(data)) = attachment.values.get(&DATA).filter(|_| is_object) {
        let tag = PropertyTag::new(DATA, PropertyType::OBJECT);
        bytes(source, &Key { tag, name: None }, data);
    }
    if let Some(embedded) = &attachment.embedded {
        source.producer.marker(Marker::StartEmbedded);
        left.push(Part::Marker(Marker::EndEmbedded));
        left.push(Part::Content(embedded));
    }
}

/// Tells those of these properties that are wanted.
pub fn values(source: &mut Source, names: &dyn Names, all: &Values, is_wanted: &Wanted<'_>) {
    for (id, value) in all.iter().filter(|(id, _)| is_wanted(**id)) {
        one(source, names, *id, value);
    }
}

/// Tells a property; nothing of one from 0x8000 on that has no name.
fn one(source: &mut Source, names: &dyn Names, id: u16, value: &Value) {
    if id < FIRST_NAMED {
        property(source, id, None, value);
    } else if let Some(name) = names.name(id) {
        property(source, id, Some(name), value);
    }
}

fn property(source: &mut Source, id: u16, name: Option<PropertyName>, value: &Value) {
    let (kind, value) = in_stream(source.texts, id, value);
    let key = Key {
        tag: PropertyTag::new(id, kind),
        name,
    };
    match &value {
        Value::Binary(data) => bytes(source, &key, data),
        _ => {
            // What no stream can hold, conditions and actions, is left out.
            let _ = source.producer.property(&Property { key, value });
        }
    }
}

/// Tells bytes: long ones are not copied.
fn bytes(source: &mut Source, key: &Key, data: &bytes::Bytes) {
    if data.len() < LONG_BYTES_MIN {
        let (key, value) = (key.clone(), Value::Binary(data.clone()));
        let _ = source.producer.property(&Property { key, value });
        return;
    }
    let Ok(size) = u32::try_from(data.len()) else {
        return;
    };
    if source.producer.begin_long(key, size).is_ok() {
        source.producer.piece(data.clone());
    }
}

/// A value in the type in which it is told.
fn in_stream(texts: Texts, id: u16, value: &Value) -> (PropertyType, Value) {
    /// Clients take a class in this type only.
    const CLASS: u16 = 0x001a;
    let narrow = |text: &str, page| String8(to_code_page(page, text).into());
    match (value, texts) {
        (Value::Unicode(class), _) if id == CLASS => {
            let class = Value::String8(String8(class.clone().into_bytes().into()));
            (PropertyType::STRING8, class)
        }
        (Value::Unicode(text), Texts::Narrow(page)) => {
            (PropertyType::STRING8, Value::String8(narrow(text, page)))
        }
        (Value::MultipleUnicode(all), Texts::Narrow(page)) => {
            let all = all.iter().map(|text| narrow(text, page)).collect();
            (PropertyType::MULTIPLE_STRING8, Value::MultipleString8(all))
        }
        (Value::Unicode(_), Texts::InType(page)) => (PropertyType(CODE_PAGE | page), value.clone()),
        // Clients' readers know no such type in a stream.
        (Value::ServerId(id), _) => (PropertyType::BINARY, Value::Binary(id.clone())),
        _ => (value.property_type(), value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_say_how_texts_are_told() {
        let texts = |options| Texts::of_options(options, 1252);
        assert_eq!(texts(0x00), Some(Texts::Narrow(1252)));
        assert_eq!(texts(0x01), Some(Texts::Unicode));
        assert_eq!(texts(0x02), Some(Texts::InType(1252)));
        assert_eq!(texts(0x03), Some(Texts::InType(1200)));
        assert_eq!(texts(0x0b), Some(Texts::Unicode));
        assert_eq!(Texts::of_options(0x02, 65001), Some(Texts::InType(1200)));
        assert_eq!(texts(0x80), None);
    }

    #[test]
    fn progress_fits_its_two_bytes() {
        let mut source = Source::new(Texts::Unicode, false);
        source.progress = (3, 7);
        assert_eq!(source.scaled_progress(), (3, 7));
        source.progress = (1 << 20, 1 << 21);
        assert_eq!(source.scaled_progress(), (0x7fff, 0xffff));
    }
}
