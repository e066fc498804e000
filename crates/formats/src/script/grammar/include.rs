//! `include`, `return` and `global`: scripts within scripts. Standards: RFC 6609.

use super::{Form, Slot, Tag, Verb, each};
use crate::script::extension::Extension;
use crate::script::text::is_variable_name;

pub(super) const FORMS: &[Form] = &[
    Form::command("include", Verb::Include, &[Slot::Text])
        .needs(Extension::Include)
        .tags(&[
            Tag::flag(":personal").group("location"),
            Tag::flag(":global").group("location"),
            Tag::flag(":once"),
            Tag::flag(":optional"),
        ]),
    Form::command("return", Verb::Return, &[]).needs(Extension::Include),
    Form::command("global", Verb::Global, &[Slot::Texts])
        .needs(Extension::Include)
        .rule(|node| {
            each(node, 0, |name| {
                if is_variable_name(name) {
                    Ok(())
                } else {
                    Err(format!("`{}` cannot name a variable", name.escape_debug()))
                }
            })
        }),
];
