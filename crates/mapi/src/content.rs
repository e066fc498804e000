//! A message with all that belongs to it, apart from any store: what letters are made of and what
//! they are read into.
//!
//! Properties are known by identifier, those with names by their names; texts are in Unicode.
//!
//! Source: [MS-OXCMSG] 2.2.1 to 2.2.3.

use crate::codec::data::{PropertyName, Value};
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
}

/// The text of a property.
pub fn text_of(values: &Values, id: u16) -> Option<&str> {
    match values.get(&id) {
        Some(Value::Unicode(text)) => Some(text),
        _ => None,
    }
}
