//! How a field was written, where its properties leave that open: a date by the sender's clock, an
//! importance that is normal in so many words, the name of a group, an address that is none.
//!
//! Such a field is told under its name, as it stood, beside the properties that programs read. A
//! letter made of these has it again, as long as they say what it says; so what a client changed
//! is never overruled, and nobody can name another author than the properties do.
//!
//! Start at [`of`] and at [`Spelled::put_or`].
//!
//! Source: [MS-OXCMAIL] 2.1.3.3.12 (fields as properties by their names).

use super::read::{header, people, recipients};
use super::set;
use crate::codec::data::Value;
use crate::content::{CC, Content, Recipient, TO, Values, text_of};
use formats::message::compose::HeaderWriter;
use formats::message::header::{Field, unfold};

/// Bytes of a field that is told as it stood; a longer one lists many people, and the list is told
/// by itself.
const FIELD_BYTES_MAX: usize = 8 * 1024;

/// Fields that tell the same.
#[derive(Debug)]
pub struct Spelled {
    fields: &'static [&'static str],
    told: Told,
}

/// What fields tell.
#[derive(Debug)]
enum Told {
    /// These properties.
    Values(&'static [u16]),
    /// These of the one person in the field.
    Person(&'static [u16]),
    /// Who is on a list.
    Recipients(u8),
}

macro_rules! spelled {
    ($($name:ident: $fields:expr, $told:expr;)*) => {
        $(pub const $name: Spelled = Spelled { fields: &$fields, told: $told };)*
        const ALL: &[&Spelled] = &[$(&$name),*];
    };
}

spelled! {
    DATE: ["Date"], Told::Values(&[0x0039]);
    FROM: ["From"], Told::Person(&[0x0042, 0x0065]);
    SENDER: ["Sender"], Told::Person(&[0x0c1a, 0x0c1f]);
    REPLY_TO: ["Reply-To"], Told::Values(&[0x004f]);
    TO_LIST: ["To"], Told::Recipients(TO);
    CC_LIST: ["Cc"], Told::Recipients(CC);
    REFERENCES: ["References"], Told::Values(&[0x1039]);
    CONVERSATION: ["Thread-Index"], Told::Values(&[0x0071]);
    LANGUAGE: ["Content-Language"], Told::Values(&[0x3ff1]);
    IMPORTANCE: ["Importance", "X-Priority", "X-MSMail-Priority"], Told::Values(&[0x0017]);
    PRIORITY: ["Priority"], Told::Values(&[0x0026]);
    SENSITIVITY: ["Sensitivity"], Told::Values(&[0x0036]);
    REPLY_BY: ["Reply-By"], Told::Values(&[0x0030]);
    EXPIRY: ["Expiry-Date", "Expires"], Told::Values(&[0x0015]);
    READ_RECEIPT: ["Disposition-Notification-To"], Told::Values(&[0x0029, 0x0046]);
    DELIVERY_RECEIPT: ["Return-Receipt-To"], Told::Values(&[0x0023]);
}

/// The field as it stood, if that is to be told.
pub fn of(name: &str, field: &Field<'_>) -> Option<String> {
    if !is_own(name) {
        return None;
    }
    let text = String::from_utf8_lossy(&unfold(field.value))
        .trim()
        .to_owned();
    is_line(&text).then_some(text)
}

/// Whether a field of this name is written of its properties, whatever stands under its name.
pub fn is_own(name: &str) -> bool {
    ALL.iter().any(|spelled| spelled.has(name))
}

/// The fields that alone tell a property.
pub fn fields(id: u16) -> Option<&'static [&'static str]> {
    let tells =
        |spelled: &&&Spelled| matches!(spelled.told, Told::Values(ids) if ids.contains(&id));
    ALL.iter().find(tells).map(|spelled| spelled.fields)
}

impl Spelled {
    fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// Writes the fields as they stood; in the other way if that is not known or not true any more.
    pub fn put_or(
        &self,
        content: &Content,
        header: &mut HeaderWriter,
        other: impl FnOnce(&mut HeaderWriter),
    ) {
        let stood: Vec<_> = self.stood(content).collect();
        if stood.is_empty() || !self.is_true(&stood, content) {
            return other(header);
        }
        for (field, text) in stood {
            header.structured(field, text);
        }
    }

    fn stood<'a>(&self, content: &'a Content) -> impl Iterator<Item = (&'static str, &'a str)> {
        let known =
            |field: &&'static str| match set::find(&content.named, &set::internet_header(field))? {
                Value::Unicode(text) if is_line(text) => Some((*field, text.as_str())),
                _ => None,
            };
        self.fields.iter().filter_map(known)
    }

    /// Whether these fields say what the properties say.
    fn is_true(&self, stood: &[(&str, &str)], content: &Content) -> bool {
        let lines = stood
            .iter()
            .map(|(field, text)| format!("{field}: {text}\r\n"));
        let block = lines.collect::<String>() + "\r\n";
        let is_same = |ids: &[u16]| {
            let told = header(block.as_bytes()).values;
            ids.iter()
                .all(|id| or_usual(&told, *id) == or_usual(&content.values, *id))
        };
        match self.told {
            Told::Values(ids) => is_same(ids),
            Told::Person(ids) => {
                let count = |(_, text): &(&str, &str)| people(text.as_bytes()).len();
                stood.iter().all(|one| count(one) <= 1) && is_same(ids)
            }
            Told::Recipients(kind) => {
                let told = recipients(block.as_bytes());
                names(&told, kind).eq(names(&content.recipients, kind))
            }
        }
    }
}

/// A text that one field can hold.
fn is_line(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= FIELD_BYTES_MAX
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() || byte == b' ' || byte == b'\t')
}

/// Names and addresses of the recipients of a kind.
fn names(all: &[Recipient], kind: u8) -> impl Iterator<Item = (Option<&str>, Option<&str>)> {
    let of_kind = all.iter().filter(move |one| one.kind & 0x0f == kind);
    of_kind.map(|one| (text_of(&one.values, 0x3001), text_of(&one.values, 0x3003)))
}

/// What is said, or goes without saying.
fn or_usual(values: &Values, id: u16) -> Option<Value> {
    let usual = match id {
        0x0017 => Some(Value::Integer32(1)),
        0x0026 | 0x0036 => Some(Value::Integer32(0)),
        0x0023 | 0x0029 => Some(Value::Boolean(false)),
        _ => None,
    };
    values.get(&id).cloned().or(usual)
}
