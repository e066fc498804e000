//! What kind of message a letter is, as its Content-Class says.
//!
//! Forms that people make themselves have a class below `IPM.Note`. Those below `IPM.Note.Custom`
//! are written as the standard has it; of others the whole class stands in the same place, which
//! this server reads again and others take for one more form of their own.
//!
//! Start at [`field`] and, the other way, at [`of_field`].
//!
//! Source: [MS-OXCMAIL] 2.1.3.2.2, 2.2.3.2.15.

use super::set;
use crate::codec::data::{PropertyName, Value};
use crate::content::{Content, text_of};

/// The field, by which it is also told as it stands.
pub const FIELD: &str = "Content-Class";
/// Characters of a class. Source: [MS-OXCMSG] 2.2.1.3.
const CLASS_CHARS_MAX: usize = 255;

/// Field, class, and what such a letter must have along.
const NAMED: [(&str, &str, Option<&str>); 6] = [
    ("fax", "IPM.Note.Microsoft.Fax", Some("image")),
    ("fax-ca", "IPM.Note.Microsoft.Fax.CA", Some("image")),
    ("missedcall", "IPM.Note.Microsoft.Missed.Voice", None),
    (
        "voice-uc",
        "IPM.Note.Microsoft.Conversation.Voice",
        Some("audio"),
    ),
    (
        "voice-ca",
        "IPM.Note.Microsoft.Voicemail.UM.CA",
        Some("audio"),
    ),
    ("voice", "IPM.Note.Microsoft.Voicemail.UM", Some("audio")),
];
const CUSTOM_FIELD: &str = "urn:content-class:custom.";
const CUSTOM_CLASS: &str = "IPM.Note.Custom.";
const NOTE: &str = "IPM.Note.";

/// The name under which the field is told.
pub fn name() -> PropertyName {
    set::internet_header(FIELD)
}

/// What the field of a letter says that is made of this message.
pub fn field(content: &Content) -> Option<String> {
    let class = text_of(&content.values, 0x001a).unwrap_or_default();
    let named = NAMED
        .iter()
        .find(|(_, known, _)| known.eq_ignore_ascii_case(class));
    if let Some((field, ..)) = named {
        return Some((*field).to_owned());
    }
    if let Some(rest) = behind(class, CUSTOM_CLASS) {
        return Some(format!("{CUSTOM_FIELD}{rest}"));
    }
    match set::find(&content.named, &name()) {
        Some(Value::Unicode(own)) if !own.is_empty() => Some(own.clone()),
        _ => is_own(class).then(|| format!("{CUSTOM_FIELD}{class}")),
    }
}

/// The class of a letter with such a field that has these media types along, if the field says
/// one. It counts only for a letter that is nothing else.
pub fn of_field(field: &str, has: impl Fn(&str) -> bool) -> Option<String> {
    let field = field.trim();
    let named = NAMED
        .iter()
        .find(|(known, ..)| known.eq_ignore_ascii_case(field));
    if let Some((_, class, needed)) = named {
        let is_so = needed.is_none_or(has);
        return is_so.then(|| (*class).to_owned());
    }
    let rest = behind(field, CUSTOM_FIELD)?;
    let class = if is_own(rest) {
        rest.to_owned()
    } else {
        format!("{CUSTOM_CLASS}{rest}")
    };
    let is_class = class.len() <= CLASS_CHARS_MAX && class.bytes().all(|b| b.is_ascii_graphic());
    is_class.then_some(class)
}

/// What stands behind these letters, in either case; none if that is nothing.
fn behind<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let (before, rest) = text.split_at_checked(start.len())?;
    (before.eq_ignore_ascii_case(start) && !rest.is_empty()).then_some(rest)
}

/// A class of letters that only a form of the sender's organisation knows.
fn is_own(class: &str) -> bool {
    let rest = behind(class, NOTE).unwrap_or_default().to_ascii_lowercase();
    !rest.is_empty()
        && !rest.ends_with("smime")
        && !rest.ends_with("smime.multipartsigned")
        && !rest.starts_with("rules.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(class: &str, own: Option<&str>) -> Option<String> {
        let mut content = Content::default();
        let text = |text: &str| Value::Unicode(text.to_owned());
        content.values.insert(0x001a, text(class));
        content
            .named
            .extend(own.map(|own| (set::internet_header("content-class"), text(own))));
        field(&content)
    }

    #[test]
    fn each_class_is_written_as_a_field_and_read_again() {
        for (class, field) in [
            ("IPM.Note.Custom.Order", "urn:content-class:custom.Order"),
            ("IPM.Note.Order", "urn:content-class:custom.IPM.Note.Order"),
            ("IPM.Note.Microsoft.Fax", "fax"),
            ("IPM.Note.Microsoft.Voicemail.UM.CA", "voice-ca"),
            ("IPM.Note.Microsoft.Missed.Voice", "missedcall"),
        ] {
            assert_eq!(written(class, None).as_deref(), Some(field));
            assert_eq!(of_field(field, |_| true).as_deref(), Some(class));
        }
        assert_eq!(of_field("voice", |kind| kind == "image"), None);
    }

    #[test]
    fn a_field_that_says_no_class_stays_as_it_is() {
        let message = "urn:content-classes:message";
        assert_eq!(written("IPM.Note", Some(message)).as_deref(), Some(message));
        assert_eq!(of_field(message, |_| true), None);
        assert_eq!(written("IPM.Note", None), None);
        assert_eq!(written("IPM.Note.SMIME", None), None);
        // What is none is not told as one.
        for field in ["urn:content-class:custom.", "urn:content-class:custom.a b"] {
            assert_eq!(of_field(field, |_| true), None);
        }
    }
}
