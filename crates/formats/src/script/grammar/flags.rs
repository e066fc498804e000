//! Flags and keywords of what is kept. Standards: RFC 5232.

use super::{Added, Form, Slot, Tag, Verb};
use crate::script::extension::Extension;
use crate::script::program::Node;
use crate::script::text::is_variable_name;

const VARIABLE_AND_FLAGS: &[Slot] = &[Slot::MaybeText, Slot::Texts];

pub(super) const FORMS: &[Form] = &[
    Form::command("setflag", Verb::SetFlag, VARIABLE_AND_FLAGS)
        .needs(Extension::Imap4Flags)
        .rule(variable),
    Form::command("addflag", Verb::AddFlag, VARIABLE_AND_FLAGS)
        .needs(Extension::Imap4Flags)
        .rule(variable),
    Form::command("removeflag", Verb::RemoveFlag, VARIABLE_AND_FLAGS)
        .needs(Extension::Imap4Flags)
        .rule(variable),
    Form::test("hasflag", Verb::HasFlag, &[Slot::MaybeTexts, Slot::Texts])
        .needs(Extension::Imap4Flags),
];

pub(super) const ADDED: &[Added] = &[Added {
    // The last two with `:fcc` (RFC 8580 §3.4).
    to: &[Verb::Keep, Verb::FileInto, Verb::Vacation, Verb::Notify],
    tag: Tag::with(":flags", Slot::Texts).needs(Extension::Imap4Flags),
}];

fn variable(node: &Node) -> Result<(), String> {
    let name = node.texts(0).first().and_then(|name| name.as_constant());
    match name {
        Some(name) if !is_variable_name(name) => {
            Err(format!("`{}` cannot name a variable", name.escape_debug()))
        }
        _ => Ok(()),
    }
}
