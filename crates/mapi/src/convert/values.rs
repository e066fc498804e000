//! Properties by identifier, as values of the type that they ought to have.

use crate::codec::data::{FileTime, Value};
use bytes::Bytes;
use std::collections::BTreeMap;

/// Looks a property up; one of another type than it ought to have is not there.
pub trait Values {
    /// A text that is not empty.
    fn text(&self, id: u16) -> Option<&str>;
    /// An integer of 32 bits.
    fn integer(&self, id: u16) -> Option<i32>;
    /// Whether it is there and says yes.
    fn is_set(&self, id: u16) -> bool;
    /// Bytes.
    fn binary(&self, id: u16) -> Option<&Bytes>;
    /// A point in time.
    fn time(&self, id: u16) -> Option<FileTime>;
    /// Puts a text, unless it is empty.
    fn put_text(&mut self, id: u16, text: impl Into<String>);
}

impl Values for BTreeMap<u16, Value> {
    fn text(&self, id: u16) -> Option<&str> {
        match self.get(&id)? {
            Value::Unicode(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    fn integer(&self, id: u16) -> Option<i32> {
        match self.get(&id)? {
            Value::Integer32(number) => Some(*number),
            _ => None,
        }
    }

    fn is_set(&self, id: u16) -> bool {
        matches!(self.get(&id), Some(Value::Boolean(true)))
    }

    fn binary(&self, id: u16) -> Option<&Bytes> {
        match self.get(&id)? {
            Value::Binary(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn time(&self, id: u16) -> Option<FileTime> {
        match self.get(&id)? {
            Value::Time(time) => Some(*time),
            _ => None,
        }
    }

    fn put_text(&mut self, id: u16, text: impl Into<String>) {
        let text = text.into();
        if !text.is_empty() {
            self.insert(id, Value::Unicode(text));
        }
    }
}
