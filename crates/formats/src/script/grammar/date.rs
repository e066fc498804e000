//! `date`, `currentdate`, and `:index`. Standards: RFC 5260.

use super::{Added, Form, Slot, Tag, Verb, each, field_name};
use crate::script::extension::Extension;
use crate::script::program::Node;

pub(super) const FORMS: &[Form] = &[
    Form::test("date", Verb::Date, &[Slot::Text, Slot::Text, Slot::Texts])
        .needs(Extension::Date)
        .tags(&[
            Tag::with(":zone", Slot::Text).group("zone"),
            Tag::flag(":originalzone").group("zone"),
        ])
        .rule(date),
    Form::test("currentdate", Verb::CurrentDate, &[Slot::Text, Slot::Texts])
        .needs(Extension::Date)
        .tags(&[Tag::with(":zone", Slot::Text)])
        .rule(|node| part_and_zone(node, 0)),
];

const INDEXED: &[Verb] = &[Verb::Header, Verb::Address, Verb::Date];

pub(super) const ADDED: &[Added] = &[
    Added {
        to: INDEXED,
        tag: Tag::with(":index", Slot::Number).needs(Extension::Index),
    },
    Added {
        to: INDEXED,
        tag: Tag::flag(":last").needs(Extension::Index),
    },
];

/// What a date can be asked for. Source: RFC 5260 §4.2.
const PARTS: [&str; 13] = [
    "year", "month", "day", "date", "julian", "hour", "minute", "second", "time", "iso8601",
    "std11", "zone", "weekday",
];

fn date(node: &Node) -> Result<(), String> {
    each(node, 0, field_name)?;
    part_and_zone(node, 1)
}

fn part_and_zone(node: &Node, position: usize) -> Result<(), String> {
    each(node, position, |part| {
        let known = PARTS.iter().any(|p| p.eq_ignore_ascii_case(part));
        if known {
            Ok(())
        } else {
            Err(format!("a date has no `{}`", part.escape_debug()))
        }
    })?;
    let zone = node
        .tagged_text(":zone")
        .and_then(|zone| zone.as_constant());
    match zone {
        Some(zone) if crate::script::compare::zone_minutes(zone).is_none() => {
            Err(format!("`{}` is no zone like `+0100`", zone.escape_debug()))
        }
        _ => Ok(()),
    }
}
