//! What every message tells, whether it is kept, being written or attached to another: what follows
//! from its other properties, its recipients and its attachments.
//!
//! Start at [`told`].
//!
//! Source: [MS-OXCMSG] 2.2.1, 3.2.5.2 (defaults and computed properties).

use super::Properties;
use super::item::ItemProperties;
use super::parts::Data;
use crate::codec::data::{PropertyTag, Value};
use crate::content::{Attachment, BCC, CC, Content, Recipient, TO, Values, text_of};
use crate::convert::best;
use crate::draft::{Changes, NORMALIZED_SUBJECT, SUBJECT, SUBJECT_PREFIX};
use crate::refusal::Refusal;
use bytes::Bytes;

/// What a message is made of.
pub trait Facts {
    /// A property as it is kept or follows from the letter; none of those that [`told`] finds by
    /// itself.
    fn raw(&self, id: u16) -> Result<Option<Value>, Refusal>;
    /// Who it is to, by their rows.
    fn recipients(&self) -> Result<Vec<Recipient>, Refusal>;
    /// Whether it has attachments that a reader is shown.
    fn has_attachments(&self) -> Result<bool, Refusal>;
    /// The index of the conversation that the store found it to be part of; none of what is new.
    fn conversation(&self) -> Option<Bytes>;
}

/// Properties that a client can't set. Source: [MS-OXCMSG] 2.2.1.
pub const COMPUTED: [u16; 21] = [
    0x0e02, 0x0e03, 0x0e04, 0x0e08, 0x0e09, 0x0e12, 0x0e13, 0x0e1b, 0x0e69, 0x0ff4, 0x0ff6, 0x0ff9,
    0x0ffe, 0x0fff, 0x65e0, 0x65e1, 0x65e2, 0x65e3, 0x6748, 0x674a, 0x67a4,
];

/// Bits of `PidTagMessageFlags`. Source: [MS-OXCMSG] 2.2.1.6.
pub mod message_flags {
    /// It was read.
    pub const READ: i32 = 0x0001;
    /// It is as it came.
    pub const UNMODIFIED: i32 = 0x0002;
    /// It waits to be sent.
    pub const SUBMITTED: i32 = 0x0004;
    /// It is being written.
    pub const UNSENT: i32 = 0x0008;
    /// It has attachments.
    pub const HAS_ATTACHMENTS: i32 = 0x0010;
    /// It is a setting.
    pub const ASSOCIATED: i32 = 0x0040;
    /// It was read at least once.
    pub const EVER_READ: i32 = 0x0400;
}

const CONVERSATION_INDEX: u16 = 0x0071;
const CONVERSATION: u16 = 0x3013;
const CONVERSATION_TRACKED: u16 = 0x3016;

/// A property of a message.
pub fn told(facts: &dyn Facts, id: u16) -> Result<Option<Value>, Refusal> {
    let text = |text: String| Ok(Some(Value::Unicode(text)));
    match id {
        SUBJECT => text(subject(facts)?),
        SUBJECT_PREFIX => text(subject_parts(facts)?.0),
        NORMALIZED_SUBJECT => text(subject_parts(facts)?.1),
        0x0e02 => text(shown(facts, BCC)?),
        0x0e03 => text(shown(facts, CC)?),
        0x0e04 => text(shown(facts, TO)?),
        0x0e1b => Ok(Some(Value::Boolean(facts.has_attachments()?))),
        0x0e69 => {
            let flags = facts.raw(0x0e07)?;
            let is_read = |flags| flags & message_flags::READ != 0;
            let is_read = matches!(flags, Some(Value::Integer32(flags)) if is_read(flags));
            Ok(Some(Value::Boolean(is_read)))
        }
        // A message that may be changed and read.
        0x0ff4 => Ok(Some(Value::Integer32(0x03))),
        0x0ffe => Ok(Some(Value::Integer32(5))),
        0x0e1f | 0x1000 | 0x1009 | 0x1013 | 0x1016 => form_of_text(facts, id),
        CONVERSATION_INDEX | CONVERSATION | CONVERSATION_TRACKED => conversation(facts, id),
        0x0070 => match facts.raw(id)? {
            Some(topic) => Ok(Some(topic)),
            None => text(subject_parts(facts)?.1),
        },
        _ => Ok(facts.raw(id)?.or_else(|| default(id))),
    }
}

/// A form of the text: as it is there, or made of what is. HTML is made of rich text only, since
/// programs would show a plain text as HTML otherwise.
///
/// Source: [MS-OXBBODY] 2.1.3.
fn form_of_text(facts: &dyn Facts, id: u16) -> Result<Option<Value>, Refusal> {
    if let Some(value) = facts.raw(id)? {
        return Ok(Some(value));
    }
    let mut values = Values::new();
    for form in [0x1000, 0x1009, 0x1013, 0x3fde] {
        values.extend(facts.raw(form)?.map(|value| (form, value)));
    }
    Ok(match id {
        0x1000 => best::plain(&values).map(Value::Unicode),
        0x1009 => best::packed_rtf(&values).map(|packed| Value::Binary(packed.into())),
        0x1013 if values.contains_key(&0x1009) => best::html_as_asked(&values).map(Value::Binary),
        0x1016 => match best::native(&values) {
            best::Native::Undefined => None,
            native => Some(Value::Integer32(native as i32)),
        },
        // Rich text that is made of another form says no more than that.
        0x0e1f => Some(Value::Boolean(best::native(&values) == best::Native::Rtf)),
        _ => None,
    })
}

/// What is said of a message's conversation: as it is there, or as the store found. Its id is the
/// GUID in the index, so that answers that go on with the index belong to it.
///
/// Source: [MS-OXOMSG] 2.2.1.2, 2.2.1.3.
fn conversation(facts: &dyn Facts, id: u16) -> Result<Option<Value>, Refusal> {
    if let Some(value) = facts.raw(id)? {
        return Ok(Some(value));
    }
    let index = match facts.raw(CONVERSATION_INDEX)? {
        Some(Value::Binary(index)) => Some(index),
        _ => facts.conversation(),
    };
    let guid = |index: Bytes| index.get(6..22).map(Bytes::copy_from_slice);
    Ok(match id {
        CONVERSATION_INDEX => index.map(Value::Binary),
        CONVERSATION => index.and_then(guid).map(Value::Binary),
        _ => index.map(|_| Value::Boolean(true)),
    })
}

/// What is said where nobody said anything: normal importance, no sensitivity, no status, a note, in
/// UTF-8 and in the code page of its texts.
fn default(id: u16) -> Option<Value> {
    Some(match id {
        0x0017 => Value::Integer32(1),
        0x0036 | 0x0e17 => Value::Integer32(0),
        0x001a => Value::Unicode("IPM.Note".to_owned()),
        0x3fde | 0x3ffd => Value::Integer32(65001),
        _ => return None,
    })
}

fn raw_text(facts: &dyn Facts, id: u16) -> Result<Option<String>, Refusal> {
    Ok(match facts.raw(id)? {
        Some(Value::Unicode(text)) => Some(text),
        _ => None,
    })
}

fn subject(facts: &dyn Facts) -> Result<String, Refusal> {
    if let Some(subject) = raw_text(facts, SUBJECT)? {
        return Ok(subject);
    }
    let prefix = raw_text(facts, SUBJECT_PREFIX)?.unwrap_or_default();
    let rest = raw_text(facts, NORMALIZED_SUBJECT)?.unwrap_or_default();
    Ok(prefix + &rest)
}

/// `RE: ` and its like, and the rest: where nobody said which, the prefix has at most three letters
/// before the colon. Source: [MS-OXCMSG] 3.2.5.2 (the subject's two parts).
pub fn subject_parts(facts: &dyn Facts) -> Result<(String, String), Refusal> {
    let subject = subject(facts)?;
    let said = raw_text(facts, SUBJECT_PREFIX)?;
    if let Some(prefix) = said.filter(|prefix| !prefix.is_empty())
        && let Some(rest) = subject.strip_prefix(&prefix)
    {
        let rest = rest.to_owned();
        return Ok((prefix, rest));
    }
    let prefix = subject.split_once(": ").filter(|(before, _)| {
        (1..=3).contains(&before.chars().count()) && before.chars().all(char::is_alphabetic)
    });
    Ok(match prefix {
        Some((before, rest)) => (format!("{before}: "), rest.to_owned()),
        None => (String::new(), subject),
    })
}

fn shown(facts: &dyn Facts, kind: u8) -> Result<String, Refusal> {
    let recipients = facts.recipients()?;
    let names = recipients.iter().filter(|one| one.kind & 0x0f == kind);
    let names = names.filter_map(|one| text_of(&one.values, 0x3001));
    Ok(names.collect::<Vec<_>>().join("; "))
}

/// Whether a reader is shown an attachment.
pub fn is_visible(attachment: &Attachment) -> bool {
    attachment.values.get(&0x7ffe) != Some(&Value::Boolean(true))
}

/// A message as it is open: what was changed, over what it was.
#[derive(Debug)]
pub struct MessageProperties<'a> {
    /// What was changed.
    pub changes: &'a Changes,
    /// What it was.
    pub base: BaseProperties<'a>,
}

/// What an open message was.
#[derive(Debug)]
pub enum BaseProperties<'a> {
    /// Nothing yet; a setting, if it is one.
    New {
        /// It is a setting.
        is_associated: bool,
    },
    /// It is kept.
    Item(Box<ItemProperties<'a>>),
    /// It stands in an attachment.
    Content(&'a Content),
}

impl MessageProperties<'_> {
    /// All of it.
    pub fn content(&self) -> Result<Content, Refusal> {
        let base = match &self.base {
            BaseProperties::New { .. } => Content::default(),
            BaseProperties::Item(item) => item.content()?,
            BaseProperties::Content(content) => (*content).clone(),
        };
        Ok(self.changes.apply(base))
    }

    /// All attachments, with the data of those.
    pub fn attachments(&self, data: Data) -> Result<Vec<Attachment>, Refusal> {
        let base = match &self.base {
            BaseProperties::New { .. } => Vec::new(),
            BaseProperties::Item(item) => item.attachments(data)?,
            BaseProperties::Content(content) => content.attachments.clone(),
        };
        let base = Content {
            attachments: base,
            ..Content::default()
        };
        Ok(self.changes.apply(base).attachments)
    }
}

impl Facts for MessageProperties<'_> {
    fn raw(&self, id: u16) -> Result<Option<Value>, Refusal> {
        if let Some(changed) = self.changes.values.get(&id) {
            return Ok(changed.clone());
        }
        match &self.base {
            BaseProperties::New { is_associated } => Ok(of_new(*is_associated, id)),
            BaseProperties::Item(item) => item.raw(id),
            BaseProperties::Content(content) => Ok(content.values.get(&id).cloned()),
        }
    }

    fn recipients(&self) -> Result<Vec<Recipient>, Refusal> {
        if let Some(recipients) = &self.changes.recipients {
            return Ok(recipients.clone());
        }
        match &self.base {
            BaseProperties::New { .. } => Ok(Vec::new()),
            BaseProperties::Item(item) => item.recipients(),
            BaseProperties::Content(content) => Ok(content.recipients.clone()),
        }
    }

    fn has_attachments(&self) -> Result<bool, Refusal> {
        if self.changes.attachments.is_empty()
            && let BaseProperties::Item(item) = &self.base
        {
            return item.has_attachments();
        }
        Ok(self.attachments(Data::Without)?.iter().any(is_visible))
    }

    fn conversation(&self) -> Option<Bytes> {
        match &self.base {
            BaseProperties::Item(item) => item.conversation(),
            BaseProperties::New { .. } | BaseProperties::Content(_) => None,
        }
    }
}

/// What a message says of itself before anything was set. Source: [MS-OXCMSG] 3.2.5.2.
fn of_new(is_associated: bool, id: u16) -> Option<Value> {
    use message_flags::{ASSOCIATED, EVER_READ, READ, UNSENT};
    let kind = if is_associated { ASSOCIATED } else { 0 };
    (id == 0x0e07).then_some(Value::Integer32(READ | EVER_READ | UNSENT | kind))
}

/// What every message can be asked for, whatever was set. Types as [`told`] has them.
const ALWAYS: [u32; 14] = [
    0x0017_0003,
    0x001a_001f,
    0x0036_0003,
    0x0037_001f,
    0x003d_001f,
    0x0070_001f,
    0x0e02_001f,
    0x0e03_001f,
    0x0e04_001f,
    0x0e07_0003,
    0x0e1b_000b,
    0x0e1d_001f,
    0x0ff4_0003,
    0x0ffe_0003,
];

impl Properties for MessageProperties<'_> {
    fn tags(&self) -> Vec<PropertyTag> {
        let mut tags = match &self.base {
            BaseProperties::New { .. } => ALWAYS.map(PropertyTag).to_vec(),
            BaseProperties::Item(item) => item.tags(),
            BaseProperties::Content(content) => {
                let all = ALWAYS.map(PropertyTag).into_iter();
                all.chain(tags_of(&content.values)).collect()
            }
        };
        let is_gone = |tag: &PropertyTag| self.changes.values.get(&tag.id()) == Some(&None);
        tags.retain(|tag| !is_gone(tag) || ALWAYS.contains(&tag.0));
        let set = self.changes.values.iter();
        let set = set.filter_map(|(id, value)| value.as_ref().map(|value| (*id, value)));
        tags.extend(set.map(|(id, value)| PropertyTag::new(id, value.property_type())));
        tags.sort_by_key(|tag| tag.id());
        // Of two with one identifier the later is what was set.
        tags.reverse();
        tags.dedup_by_key(|tag| tag.id());
        tags.reverse();
        tags
    }

    fn value(&self, id: u16) -> Result<Option<Value>, Refusal> {
        told(self, id)
    }
}

/// The tags of these values.
pub fn tags_of(values: &Values) -> impl Iterator<Item = PropertyTag> {
    values
        .iter()
        .map(|(id, value)| PropertyTag::new(*id, value.property_type()))
}
