//! Properties of attachments.
//!
//! Source: [MS-OXCMSG] 2.2.2.

use super::message::tags_of;
use super::{Properties, integer};
use crate::codec::data::{PropertyTag, Value};
use crate::content::Attachment;
use crate::refusal::Refusal;

/// An attachment.
#[derive(Debug)]
pub struct AttachmentProperties<'a>(pub &'a Attachment);

/// What every attachment can be asked for.
const ALWAYS: [u32; 4] = [0x0e20_0003, 0x0e21_0003, 0x0ff4_0003, 0x0ffe_0003];
/// `PidTagAttachDataBinary` and `PidTagAttachDataObject`.
pub const DATA: u16 = 0x3701;
/// `PidTagAttachMethod`
pub const METHOD: u16 = 0x3705;

impl Properties for AttachmentProperties<'_> {
    fn tags(&self) -> Vec<PropertyTag> {
        let mut tags = ALWAYS.map(PropertyTag).to_vec();
        tags.extend(tags_of(&self.0.values));
        tags.sort_unstable();
        tags.dedup_by_key(|tag| tag.id());
        tags
    }

    fn value(&self, id: u16) -> Result<Option<Value>, Refusal> {
        Ok(match id {
            0x0e20 => Some(self.size()),
            0x0e21 => Some(Value::Integer32(self.0.number.cast_signed())),
            0x0ff4 => Some(Value::Integer32(0x03)),
            0x0ffe => Some(Value::Integer32(7)),
            // Nothing stands in the text where nobody said so.
            0x370b => self
                .0
                .values
                .get(&id)
                .cloned()
                .or(Some(Value::Integer32(-1))),
            _ => self.0.values.get(&id).cloned(),
        })
    }
}

impl AttachmentProperties<'_> {
    /// Of its data, where that is here; else as it was when it was read.
    fn size(&self) -> Value {
        match (self.0.values.get(&DATA), self.0.values.get(&0x0e20)) {
            (Some(Value::Binary(data)), _) => integer(data.len() as u64),
            (_, Some(said)) => said.clone(),
            _ => Value::Integer32(0),
        }
    }
}
