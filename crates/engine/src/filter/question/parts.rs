//! The test of what a letter says.
//!
//! Standards: RFC 5173.

use crate::filter::machine::{Failure, Machine};
use formats::message::{Part, PartKind};
use formats::script::Node;

/// Parts of one letter that a test reads.
const PARTS_MAX: usize = 100;

pub(super) fn body(machine: &mut Machine<'_>, node: &Node) -> Result<bool, Failure> {
    if node.has(":raw") {
        let bytes = machine.letter()?.raw_body()?;
        machine.spend_bytes(bytes.len())?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        return machine.matches(node, &[text], node.texts(0));
    }
    let types = if node.has(":content") {
        machine.expand_all(node.tagged_texts(":content"))?
    } else {
        vec!["text".to_owned()]
    };
    let summary = machine.letter()?.summary()?;
    machine.spend(summary.parts.len() as u64)?;
    let meant = summary
        .parts
        .iter()
        .enumerate()
        .filter(|(_, part)| is_meant(part, &types));
    for (index, part) in meant.take(PARTS_MAX) {
        let text = match part.kind {
            PartKind::Leaf => machine.letter()?.part_text(part, !node.has(":content"))?,
            // Of a letter inside, its header counts (RFC 5173 §5.2).
            PartKind::Message => {
                let header = machine.letter()?.part_header(index + 1)?;
                String::from_utf8_lossy(&header).into_owned()
            }
            PartKind::Multipart => continue,
        };
        machine.spend_bytes(text.len())?;
        if machine.matches(node, &[text], node.texts(0))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a part is of one of these types: all, `text`, `text/plain`. Source: RFC 5173 §5.2.
fn is_meant(part: &Part, types: &[String]) -> bool {
    let media_type = String::from_utf8_lossy(&part.media_type);
    let subtype = String::from_utf8_lossy(&part.subtype);
    types.iter().any(|wanted| match wanted.split_once('/') {
        _ if wanted.is_empty() => true,
        Some((wanted, sub)) if !wanted.is_empty() && !sub.is_empty() => {
            wanted.eq_ignore_ascii_case(&media_type) && sub.eq_ignore_ascii_case(&subtype)
        }
        Some(_) => false,
        None => wanted.eq_ignore_ascii_case(&media_type),
    })
}
