//! A message with all that it has, in memory: what a client writes before it saves.

use crate::codec::data::{PropertyName, Value};
use std::collections::BTreeMap;

/// A message; texts are always [`Value::Unicode`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Content {
    /// By identifier, without type.
    pub values: BTreeMap<u16, Value>,
    /// Those that have a name.
    pub named: Vec<(PropertyName, Value)>,
    /// In their order.
    pub recipients: Vec<Recipient>,
    /// In their order.
    pub attachments: Vec<Attachment>,
}

/// Someone it goes to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recipient {
    /// Stable number.
    pub row: u32,
    /// To (1), Cc (2), Bcc (3).
    pub kind: u8,
    /// Name (3001), type (3002), address (3003), Internet address (39FE) and more.
    pub values: BTreeMap<u16, Value>,
}

/// Something that goes with it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Attachment {
    /// Stable number.
    pub number: u32,
    /// Content (3701), method (3705) and more.
    pub values: BTreeMap<u16, Value>,
    /// The message that it is, if it is one.
    pub embedded: Option<Box<Content>>,
}
