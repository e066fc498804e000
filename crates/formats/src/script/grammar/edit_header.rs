//! `addheader` and `deleteheader`. Standards: RFC 5293.

use super::{Form, Slot, Tag, Verb, each, field_name};
use crate::script::extension::Extension;
use crate::script::program::Node;

pub(super) const FORMS: &[Form] = &[
    Form::command("addheader", Verb::AddHeader, &[Slot::Text, Slot::Text])
        .needs(Extension::EditHeader)
        .tags(&[Tag::flag(":last")])
        .rule(|node| each(node, 0, field_name)),
    Form::command(
        "deleteheader",
        Verb::DeleteHeader,
        &[Slot::Text, Slot::MaybeTexts],
    )
    .needs(Extension::EditHeader)
    .tags(&[Tag::with(":index", Slot::Number), Tag::flag(":last")])
    .rule(delete),
];

fn delete(node: &Node) -> Result<(), String> {
    each(node, 0, field_name)?;
    if node.has(":last") && !node.has(":index") {
        return Err("`:last` needs `:index`".to_owned());
    }
    Ok(())
}
