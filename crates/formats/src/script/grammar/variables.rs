//! Variables. Standards: RFC 5229; `:encodeurl` RFC 5435 §6; `:quoteregex` draft-ietf-sieve-regex.

use super::{Added, Form, Slot, Tag, Verb};
use crate::script::extension::Extension;
use crate::script::program::Node;
use crate::script::text::is_variable_name;

pub(super) const FORMS: &[Form] = &[
    Form::command("set", Verb::Set, &[Slot::Text, Slot::Text])
        .needs(Extension::Variables)
        .rule(first_names_variable),
    Form::test("string", Verb::String, &[Slot::Texts, Slot::Texts]).needs(Extension::Variables),
];

const CHANGING: &[Verb] = &[Verb::Set, Verb::ExtractText];

/// Of each precedence only one may be used (RFC 5229 §4.1).
pub(super) const ADDED: &[Added] = &[
    Added {
        to: CHANGING,
        tag: Tag::flag(":lower").group("modifier of precedence 40"),
    },
    Added {
        to: CHANGING,
        tag: Tag::flag(":upper").group("modifier of precedence 40"),
    },
    Added {
        to: CHANGING,
        tag: Tag::flag(":lowerfirst").group("modifier of precedence 30"),
    },
    Added {
        to: CHANGING,
        tag: Tag::flag(":upperfirst").group("modifier of precedence 30"),
    },
    Added {
        to: CHANGING,
        tag: Tag::flag(":quotewildcard").group("modifier of precedence 20"),
    },
    Added {
        to: CHANGING,
        tag: Tag::flag(":quoteregex")
            .needs(Extension::Regex)
            .group("modifier of precedence 20"),
    },
    Added {
        to: CHANGING,
        tag: Tag::flag(":encodeurl")
            .needs(Extension::ENotify)
            .group("modifier of precedence 15"),
    },
    Added {
        to: CHANGING,
        tag: Tag::flag(":length").group("modifier of precedence 10"),
    },
];

/// A variable is named by a constant. Source: RFC 5229 §4.
pub(super) fn first_names_variable(node: &Node) -> Result<(), String> {
    let name = node.texts(0).first().and_then(|name| name.as_constant());
    let Some(name) = name else {
        return Err("a variable's name cannot hold variables".to_owned());
    };
    let bare = name
        .get(..7)
        .filter(|space| space.eq_ignore_ascii_case("global."));
    let bare = bare.map_or(name, |_| name.get(7..).unwrap_or_default());
    if is_variable_name(bare) {
        Ok(())
    } else {
        Err(format!("`{}` cannot name a variable", name.escape_debug()))
    }
}
