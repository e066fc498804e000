//! `vacation`. Standards: RFC 5230, RFC 6131 (`:seconds`).

use super::{Added, Form, Slot, Tag, Verb, address};
use crate::script::extension::Extension;
use crate::script::program::Node;

pub(super) const FORMS: &[Form] = &[Form::command("vacation", Verb::Vacation, &[Slot::Text])
    .needs(Extension::Vacation)
    .tags(&[
        Tag::with(":days", Slot::Number).group("period"),
        Tag::with(":subject", Slot::Text),
        Tag::with(":from", Slot::Text),
        Tag::with(":addresses", Slot::Texts),
        Tag::flag(":mime"),
        Tag::with(":handle", Slot::Text),
    ])
    .rule(vacation)];

pub(super) const ADDED: &[Added] = &[Added {
    to: &[Verb::Vacation],
    tag: Tag::with(":seconds", Slot::Number)
        .needs(Extension::VacationSeconds)
        .group("period"),
}];

fn vacation(node: &Node) -> Result<(), String> {
    let addresses = node.tagged_texts(":addresses").iter();
    addresses
        .filter_map(|text| text.as_constant())
        .try_for_each(address)
}
