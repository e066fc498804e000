//! Changing the letter itself: its fields, its parts, the whole.
//!
//! Standards: RFC 5293 (fields), RFC 5703 §5 (replace), §6 (enclose), §7 (extracttext).

use super::variables::modified;
use crate::filter::compose;
use crate::filter::letter::Replacement;
use crate::filter::machine::{Failure, Machine};
use formats::script::Node;

/// Bytes of one field that is added.
const FIELD_BYTES_MAX: usize = 8 * 1024;
/// Fields that a script cannot delete or that it could be fooled with: what says where a letter
/// has been and that it was sent by a program (RFC 5293 §6).
const PROTECTED: [&str; 2] = ["Received", "Auto-Submitted"];

/// Source: RFC 5293 §4.
pub(super) fn add(machine: &mut Machine<'_>, node: &Node) -> Result<(), Failure> {
    let name = machine.expand_first(node.texts(0))?;
    let value = machine.expand_first(node.texts(1))?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| matches!(byte, 33..=57 | 59..=126));
    if !is_name || value.len() > FIELD_BYTES_MAX {
        return Err(Failure::new(
            "a field's name is wrong or its value too long",
        ));
    }
    if PROTECTED
        .iter()
        .any(|protected| protected.eq_ignore_ascii_case(&name))
    {
        return Err(Failure::new(format!(
            "the field `{name}` cannot be added by a script"
        )));
    }
    machine
        .letter()?
        .add_field(compose::field(&name, &value), node.has(":last"));
    Ok(())
}

/// Source: RFC 5293 §5.
pub(super) fn delete(machine: &mut Machine<'_>, node: &Node) -> Result<(), Failure> {
    let name = machine.expand_first(node.texts(0))?;
    if PROTECTED
        .iter()
        .any(|protected| protected.eq_ignore_ascii_case(&name))
    {
        return Ok(()); // It looks as if it had been done, and changes nothing.
    }
    let values = machine.letter()?.values(&name);
    let has_patterns = !node.texts(1).is_empty();
    let mut chosen = Vec::with_capacity(values.len());
    for value in values {
        let value = [value];
        chosen.push(!has_patterns || machine.matches(node, &value, node.texts(1))?);
    }
    let index = node
        .tagged_number(":index")
        .and_then(|index| usize::try_from(index).ok());
    let from_end = node.has(":last");
    machine.letter()?.delete_fields(&name, |number, total, _| {
        let position = if from_end { total + 1 - number } else { number };
        let is_indexed = index.is_none_or(|index| index == position);
        is_indexed && chosen.get(number - 1).copied().unwrap_or(false)
    });
    Ok(())
}

/// Source: RFC 5703 §5.
pub(super) fn replace(machine: &mut Machine<'_>, node: &Node) -> Result<(), Failure> {
    let text = machine.expand_first(node.texts(0))?;
    let (subject, from) = (
        machine.tagged(node, ":subject")?,
        machine.tagged(node, ":from")?,
    );
    machine.spend_bytes(text.len())?;
    let part = machine.current_part().unwrap_or(0);
    let replacement = if node.has(":mime") {
        Replacement::Mime(text)
    } else {
        Replacement::Text(text)
    };
    let letter = machine.letter()?;
    if part == 0 {
        // Of the whole letter, the fields that the script names anew are replaced too.
        for (name, value) in [("Subject", subject), ("From", from)] {
            let Some(value) = value else { continue };
            let old = letter.values(name).into_iter().next();
            letter.delete_fields(name, |_, _, _| true);
            let line = if name == "From" {
                compose::address_field(name, &value)
            } else {
                compose::field(name, &value)
            };
            letter.add_field(line, false);
            if let Some(old) = old {
                letter.add_field(compose::field(&format!("Original-{name}"), &old), false);
            }
        }
    }
    letter.replace(part, replacement);
    Ok(())
}

/// The letter becomes an attachment of a new one. Source: RFC 5703 §6.
pub(super) fn enclose(machine: &mut Machine<'_>, node: &Node) -> Result<(), Failure> {
    let text = machine.expand_first(node.texts(0))?;
    let subject = machine.tagged(node, ":subject")?;
    let extra = machine.expand_all(node.tagged_texts(":headers"))?;
    let around = machine.circumstances;
    let inner = machine.letter()?.whole()?;
    machine.spend_bytes(inner.len() + text.len())?;
    let letter = machine.letter()?;
    let subject = subject.or_else(|| letter.values("Subject").into_iter().next());
    let mut header = String::new();
    for name in ["From", "To", "Cc"] {
        for value in letter.values(name) {
            header.push_str(&compose::address_field(name, &value));
        }
    }
    header.push_str(&compose::field("Subject", &subject.unwrap_or_default()));
    header.push_str(&compose::date(around.now));
    for line in extra {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        header.push_str(&compose::field(name.trim(), value));
    }
    let id = letter
        .values("Message-ID")
        .into_iter()
        .next()
        .unwrap_or_default();
    let time = around.now.0.to_string();
    header.push_str(&compose::message_id(
        &["enclose", &id, &time],
        &around.hostname,
    ));
    // The hash of the letter cannot stand in the letter.
    let boundary = blake3::hash(&inner).to_hex();
    let boundary = boundary.get(..32).unwrap_or_default();
    header.push_str("MIME-Version: 1.0\r\n");
    header.push_str(&compose::field(
        "Content-Type",
        &format!("multipart/mixed; boundary={boundary}"),
    ));
    header.push_str("\r\n");
    let mut whole = header.into_bytes();
    whole.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
    whole.extend_from_slice(&compose::text_part(&text));
    whole.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
    whole.extend_from_slice(b"Content-Type: message/rfc822\r\n\r\n");
    whole.extend_from_slice(&inner);
    whole.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    machine.letter()?.enclose(whole);
    Ok(())
}

/// Source: RFC 5703 §7.
pub(super) fn extract_text(machine: &mut Machine<'_>, node: &Node) -> Result<(), Failure> {
    let name = machine.expand_first(node.texts(0))?;
    let part = machine
        .current_part()
        .ok_or_else(|| Failure::new("`extracttext` works within `foreverypart` only"))?;
    let summary = machine.letter()?.summary()?;
    let text = match summary.parts.get(part) {
        Some(part) if part.media_type == b"text" => machine.letter()?.part_text(part, true)?,
        _ => String::new(),
    };
    machine.spend_bytes(text.len())?;
    let characters = node
        .tagged_number(":first")
        .and_then(|first| usize::try_from(first).ok());
    let text: String = text
        .chars()
        .take(characters.unwrap_or(usize::MAX))
        .collect();
    machine.set_variable(&name, modified(node, text))
}
