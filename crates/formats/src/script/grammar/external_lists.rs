//! `:list` and `valid_ext_list`: lists that are kept elsewhere. Standards: RFC 6134.

use super::{Added, Form, MATCH_TYPE, Slot, Tag, Verb};
use crate::script::extension::Extension;

pub(super) const FORMS: &[Form] =
    &[Form::test("valid_ext_list", Verb::ValidExtList, &[Slot::Texts]).needs(Extension::ExtLists)];

/// Not `:count`able things: RFC 6134 §2.1 names these tests.
const LISTED: &[Verb] = &[
    Verb::Address,
    Verb::Header,
    Verb::Envelope,
    Verb::Environment,
    Verb::String,
    Verb::HasFlag,
    Verb::Date,
    Verb::CurrentDate,
    Verb::Body,
];

pub(super) const ADDED: &[Added] = &[
    Added {
        to: LISTED,
        tag: Tag::flag(":list")
            .needs(Extension::ExtLists)
            .group(MATCH_TYPE),
    },
    Added {
        to: &[Verb::Redirect],
        tag: Tag::flag(":list").needs(Extension::ExtLists),
    },
];
