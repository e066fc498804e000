//! What stands within a letter that came, and only a look into it tells: the fields of its header,
//! by their names too, and the message in its `winmail.dat`.
//!
//! Read when it is first asked for, and no further than needed: for a row of a table only the
//! beginning of a `winmail.dat` is.
//!
//! Source: [MS-OXCMAIL] 2.1.3.3.12 (fields by their names), 2.2.3.6 (`winmail.dat`).

use super::ItemProperties;
use crate::codec::data::{PropertyName, PropertyTag, Value};
use crate::content::{Attachment, Content};
use crate::convert::read::{self, Header};
use crate::convert::{class, set, spelling, tnef};
use crate::property::message::tags_of;
use crate::property::parts::{self, Data};
use crate::property::{integer, letter, names};
use crate::refusal::Refusal;
use formats::message::PartRef;
use std::cell::OnceCell;

/// Bytes of a `winmail.dat`, encoded as it came, that are read; a longer one is shown as a file.
const PACKED_BYTES_MAX: u64 = 24 * 1024 * 1024;
/// Those of them that a row of a table is told from. What is said of the whole message stands
/// there, before its attachments.
const ROW_BYTES_MAX: u64 = 256 * 1024;

/// `PidTagConversationTopic`: tables sort by it, so that a row says what nearly always is the same,
/// the subject without its prefix.
const TOPIC: u16 = 0x0070;

/// What a message is looked at for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Look {
    /// To show it among others.
    #[default]
    Row,
    /// To open it.
    Open,
}

/// What was read of a letter so far.
#[derive(Debug, Default)]
pub(super) struct Within {
    pub(super) look: Look,
    header: OnceCell<Header>,
    packed: OnceCell<Option<Packed>>,
}

/// The message in a letter's `winmail.dat`.
#[derive(Debug)]
pub(super) struct Packed {
    /// Which of the letter's attachments that is.
    at: usize,
    /// All of it was read.
    is_whole: bool,
    content: Content,
}

impl ItemProperties<'_> {
    /// What the fields of its header say.
    pub(super) fn fields(&self) -> Result<&Header, Refusal> {
        if let Some(fields) = self.within.header.get() {
            return Ok(fields);
        }
        let fields = read::header(&self.header()?);
        Ok(self.within.header.get_or_init(|| fields))
    }

    pub(super) fn packed(&self) -> Result<Option<&Packed>, Refusal> {
        if let Some(known) = self.within.packed.get() {
            return Ok(known.as_ref());
        }
        let packed = self.unpack()?;
        Ok(self.within.packed.get_or_init(|| packed).as_ref())
    }

    fn unpack(&self) -> Result<Option<Packed>, Refusal> {
        let Some(summary) = self.summary() else {
            return Ok(None);
        };
        if !summary.parts().any(|part| tnef::may_be(&part)) {
            return Ok(None);
        }
        let attached = parts::attached(&summary);
        let place = tnef::place(&parts::of_letter(&summary));
        let Some((at, part)) = place.and_then(|at| Some((at, attached.get(at)?))) else {
            return Ok(None);
        };
        if part.body_size() > PACKED_BYTES_MAX {
            return Ok(None);
        }
        let bytes_max = match self.within.look {
            Look::Row => ROW_BYTES_MAX,
            Look::Open => PACKED_BYTES_MAX,
        };
        let content = tnef::message_that_came(&self.decoded(part, bytes_max)?);
        let is_whole = part.body_size() <= bytes_max;
        Ok(content.map(|content| Packed {
            at,
            is_whole,
            content,
        }))
    }

    /// A property of the letter itself.
    pub(super) fn of_letter(&self, id: u16) -> Result<Option<Value>, Refusal> {
        let Some(summary) = self.summary() else {
            return Ok(None);
        };
        if id >= names::FIRST_NAMED {
            return self.by_name(id);
        }
        if id == 0x007d {
            let text = String::from_utf8_lossy(&self.header()?).into_owned();
            return Ok(Some(Value::Unicode(text)));
        }
        // The form that the author meant; the letter's own text is for other programs.
        if let Some(packed) = self.packed()?.filter(|_| tnef::is_form(id))
            && let Some(value) = packed.content.values.get(&id)
        {
            return Ok(Some(value.clone()));
        }
        let told = if id == TOPIC && self.within.look == Look::Row {
            None
        } else if letter::OF_HEADER.contains(&id) {
            self.of_header(id)?
        } else {
            let read = |part: &PartRef<'_>, bytes_max| self.decoded(part, bytes_max);
            letter::value(summary, id, &read)?
        };
        if id == letter::CLASS {
            let field = self.by_field(&class::name())?;
            return Ok(letter::class_by_field(summary, field.as_ref()).or(told));
        }
        if told.is_some() {
            return Ok(told);
        }
        let packed = self.packed()?;
        Ok(packed.and_then(|packed| packed.content.values.get(&id).cloned()))
    }

    /// What the letter says under the name that has this identifier.
    fn by_name(&self, id: u16) -> Result<Option<Value>, Refusal> {
        let Some(name) = self.names.name(self.account, id)? else {
            return Ok(None);
        };
        if set::is_of_header(&name)
            && let Some(value) = self.by_field(&name)?
        {
            return Ok(Some(value));
        }
        let packed = self.packed()?;
        let found = packed.and_then(|packed| set::find(&packed.content.named, &name));
        Ok(found.cloned())
    }

    /// What a field of the header says under a name. Tables are sorted by what few letters say, so
    /// that a header is read only where the summary does not tell that it has no such field, and
    /// taken apart only where it may say something.
    fn by_field(&self, name: &PropertyName) -> Result<Option<Value>, Refusal> {
        let Some(field) = set::field(name) else {
            return Ok(None);
        };
        if self.within.header.get().is_none() {
            if self.lacks(&[field]) {
                return Ok(None);
            }
            let header = self.header()?;
            if !set::may_have(&header, field) {
                return Ok(None);
            }
            self.within.header.get_or_init(|| read::header(&header));
        }
        Ok(set::find(&self.fields()?.named, name).cloned())
    }

    /// A property that only the header tells.
    fn of_header(&self, id: u16) -> Result<Option<Value>, Refusal> {
        let is_read = self.within.header.get().is_some();
        if !is_read && spelling::fields(id).is_some_and(|fields| self.lacks(fields)) {
            return Ok(None);
        }
        Ok(self.fields()?.values.get(&id).cloned())
    }

    /// Whether it is certain without a look at it that the header has none of these fields.
    fn lacks(&self, fields: &[&str]) -> bool {
        let Some(summary) = self.summary() else {
            return false;
        };
        let lines = summary.header_fields(fields);
        let prefix = &self.details.prefix;
        lines.is_some_and(|lines| lines.is_empty())
            && !fields.iter().any(|field| set::may_have(prefix, field))
    }

    /// All that the letter says under names.
    pub(super) fn named(&self) -> Result<Vec<(PropertyName, Value)>, Refusal> {
        if self.summary().is_none() {
            return Ok(Vec::new());
        }
        let header = &self.fields()?.named;
        let mut all = header.clone();
        if let Some(packed) = self.packed()? {
            let new = packed.content.named.iter();
            let new = new.filter(|(name, _)| set::find(header, name).is_none());
            all.extend(new.cloned());
        }
        Ok(all)
    }

    /// The tags of what only a look into the letter tells. A name has an identifier once a client
    /// asked for one, and never because a letter came, so that letters can't use them all up.
    pub(super) fn tags_within(&self) -> Result<Vec<PropertyTag>, Refusal> {
        let mut tags = Vec::new();
        if let Some(packed) = self.packed()? {
            tags.extend(tags_of(&packed.content.values));
        }
        let named = self.named()?;
        let view = self.account.read()?;
        for (name, value) in &named {
            let id = names::id_of_name(&view, name)?;
            tags.extend(id.map(|id| PropertyTag::new(id, value.property_type())));
        }
        Ok(tags)
    }

    /// All that its `winmail.dat` says without names.
    pub(super) fn packed_ids(&self) -> Result<Vec<u16>, Refusal> {
        let packed = self.packed()?;
        let ids = packed.map(|packed| packed.content.values.keys().copied().collect());
        Ok(ids.unwrap_or_default())
    }

    /// The attachments of the letter, with those of its `winmail.dat` in place of that.
    pub(super) fn attachments_within(&self, data: Data) -> Result<Vec<Attachment>, Refusal> {
        let Some(summary) = self.summary() else {
            return Ok(Vec::new());
        };
        let packed = self.packed()?;
        let mut all = parts::of_letter(&summary);
        for (number, attachment) in (0..).zip(&mut all) {
            let is_packed = packed.is_some_and(|packed| u32::try_from(packed.at) == Ok(number));
            if data.is_read(attachment.number) && !is_packed {
                self.read_part(attachment, Some(number))?;
            }
        }
        if let Some(packed) = packed {
            let inner = packed.content.attachments.iter();
            let inner = inner.map(|one| {
                if data == Data::Without {
                    described(one)
                } else {
                    one.clone()
                }
            });
            tnef::replace(&mut all, packed.at, inner.collect());
        }
        Ok(all)
    }

    /// Whether the letter has attachments that a reader is shown.
    pub(super) fn has_attachments_within(&self) -> Result<bool, Refusal> {
        match self.packed()? {
            // So long a message has files, or pictures.
            Some(packed) if !packed.is_whole => Ok(true),
            Some(_) => {
                let all = self.attachments_within(Data::Without)?;
                Ok(all.iter().any(crate::property::message::is_visible))
            }
            None => Ok(self
                .summary()
                .is_some_and(|summary| summary.has_attachment())),
        }
    }
}

/// An attachment without its data.
fn described(attachment: &Attachment) -> Attachment {
    let mut values = attachment.values.clone();
    let data = values.remove(&crate::property::attachment::DATA);
    if let Some(Value::Binary(data)) = data {
        values.insert(0x0e20, integer(data.len() as u64));
    }
    Attachment {
        number: attachment.number,
        values,
        embedded: None,
    }
}
