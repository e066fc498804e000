//! A message with all that belongs to it, apart from any store: what letters are made of and what
//! they are read into.
//!
//! Properties are known by identifier, those with names by their names; texts are in Unicode.
//!
//! Source: [MS-OXCMSG] 2.2.1 to 2.2.3.

use crate::codec::data::{PropertyName, Value};
use crate::codec::wire::{Form, Writer};
use std::collections::BTreeMap;

/// `PidTagRecipientType`: a recipient's kind is told beside its properties.
pub const TO: u8 = 1;
/// A copy.
pub const CC: u8 = 2;
/// A copy that the others don't know of.
pub const BCC: u8 = 3;

/// Properties by their identifiers below 0x8000.
pub type Values = BTreeMap<u16, Value>;

/// A message.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Content {
    /// Properties without names.
    pub values: Values,
    /// Properties with names.
    pub named: Vec<(PropertyName, Value)>,
    /// Who it is to.
    pub recipients: Vec<Recipient>,
    /// What is attached.
    pub attachments: Vec<Attachment>,
}

/// A recipient.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recipient {
    /// Its number, by which it is changed.
    pub row: u32,
    /// [`TO`], [`CC`] or [`BCC`] in the low four bits; whether it was sent before above them.
    pub kind: u8,
    /// Name (3001), type (3002), address (3003), SMTP address (39FE) and whatever else is told.
    pub values: Values,
}

/// An attachment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Attachment {
    /// Its number, which never changes.
    pub number: u32,
    /// Its properties; the data (3701) too, where it has some.
    pub values: Values,
    /// The message that is attached, if it is one.
    pub embedded: Option<Box<Content>>,
}

impl Content {
    /// The text of a property.
    pub fn text(&self, id: u16) -> Option<&str> {
        text_of(&self.values, id)
    }

    /// About how many bytes it holds, with the messages in it.
    pub fn held_bytes(&self) -> usize {
        held_by_all(vec![self])
    }
}

impl Recipient {
    /// About how many bytes it holds.
    pub fn held_bytes(&self) -> usize {
        self.values.values().map(held_by).sum::<usize>() + VALUE_BYTES
    }
}

impl Attachment {
    /// About how many bytes it holds, with the messages in it.
    pub fn held_bytes(&self) -> usize {
        let own: usize = self.values.values().map(held_by).sum();
        let embedded = self.embedded.as_deref().into_iter();
        own + VALUE_BYTES + held_by_all(embedded.collect())
    }
}

/// Bytes of a value beside its content.
const VALUE_BYTES: usize = 48;

/// About how many bytes a value holds.
pub fn held_by(value: &Value) -> usize {
    let content = match value {
        Value::Binary(bytes) | Value::ServerId(bytes) => bytes.len(),
        Value::Unicode(text) => text.len(),
        Value::String8(text) => text.0.len(),
        several if several.property_type().is_multiple() => {
            let mut writer = Writer::new(Form::Rop);
            several.write(&mut writer);
            writer.size()
        }
        _ => 0,
    };
    content + VALUE_BYTES
}

fn held_by_all(contents: Vec<&Content>) -> usize {
    let (mut bytes, mut left) = (0, contents);
    while let Some(content) = left.pop() {
        let named = content.named.iter().map(|(_, value)| value);
        let values = content.values.values().chain(named);
        bytes += values.map(held_by).sum::<usize>();
        bytes += content
            .recipients
            .iter()
            .map(Recipient::held_bytes)
            .sum::<usize>();
        for attachment in &content.attachments {
            bytes += attachment.values.values().map(held_by).sum::<usize>() + VALUE_BYTES;
            left.extend(attachment.embedded.as_deref());
        }
    }
    bytes
}

/// The text of a property.
pub fn text_of(values: &Values, id: u16) -> Option<&str> {
    match values.get(&id) {
        Some(Value::Unicode(text)) => Some(text),
        _ => None,
    }
}
