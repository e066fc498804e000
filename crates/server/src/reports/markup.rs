//! As much of XML as reports are written in: elements with text. No entities of its own, no
//! document types, so nothing in it can grow.
//!
//! Start at [`walk`].

use super::Unreadable;

/// Elements inside one another; reports have six.
const DEPTH_MAX: usize = 16;
/// Elements in all.
const ELEMENTS_MAX: usize = 2_000_000;
/// Bytes of one element's text that are kept.
const TEXT_BYTES_MAX: usize = 1_000;

/// Calls `ended` for each element when it ends: with the names from the outermost to it, without
/// their prefixes, and its own text.
pub fn walk(document: &str, mut ended: impl FnMut(&[&str], &str)) -> Result<(), Unreadable> {
    let mut path: Vec<&str> = Vec::new();
    let (mut text, mut elements, mut rest) = (String::new(), 0, document);
    while let Some((before, from)) = rest.split_once('<') {
        keep(&mut text, &unescaped(before));
        if let Some(hidden) = from.strip_prefix("!--") {
            rest = hidden.split_once("-->").ok_or(Unreadable::Form)?.1;
            continue;
        }
        if let Some(data) = from.strip_prefix("![CDATA[") {
            let (data, behind) = data.split_once("]]>").ok_or(Unreadable::Form)?;
            keep(&mut text, data);
            rest = behind;
            continue;
        }
        let (tag, behind) = from.split_once('>').ok_or(Unreadable::Form)?;
        rest = behind;
        if tag.starts_with('?') {
            continue;
        }
        if tag.starts_with('!') {
            return Err(Unreadable::Form);
        }
        if let Some(name) = tag.strip_prefix('/') {
            if path.last() != Some(&local(name)) {
                return Err(Unreadable::Form);
            }
            ended(&path, text.trim());
            path.pop();
            text.clear();
            continue;
        }
        elements += 1;
        text.clear();
        path.push(local(tag));
        if path.len() > DEPTH_MAX || elements > ELEMENTS_MAX {
            return Err(Unreadable::TooLarge);
        }
        if tag.ends_with('/') {
            ended(&path, "");
            path.pop();
        }
    }
    if path.is_empty() && elements > 0 {
        Ok(())
    } else {
        Err(Unreadable::Form)
    }
}

/// The name at the beginning of a tag, without prefix.
fn local(tag: &str) -> &str {
    let end = tag.find(|c: char| c.is_whitespace() || c == '/');
    let name = tag.get(..end.unwrap_or(tag.len())).unwrap_or_default();
    name.rsplit_once(':').map_or(name, |(_, name)| name)
}

fn keep(text: &mut String, more: &str) {
    let room = TEXT_BYTES_MAX.saturating_sub(text.len());
    text.extend(more.chars().take(room));
}

/// The text with the five entities that every document has; others stay as they are.
fn unescaped(text: &str) -> String {
    let known = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    let start = text
        .get(..text.floor_char_boundary(TEXT_BYTES_MAX))
        .unwrap_or_default();
    known.iter().fold(start.to_owned(), |text, (name, sign)| {
        text.replace(name, sign)
    })
}
