//! Parts of letters: looking at each, taking their text, replacing them. Standards: RFC 5703.

use super::{Added, Form, Slot, Tag, Verb, variables};
use crate::script::extension::Extension;

pub(super) const FORMS: &[Form] = &[
    Form::command("foreverypart", Verb::ForEveryPart, &[])
        .needs(Extension::ForEveryPart)
        .tags(&[Tag::with(":name", Slot::Text)])
        .with_block(),
    Form::command("break", Verb::Break, &[])
        .needs(Extension::ForEveryPart)
        .tags(&[Tag::with(":name", Slot::Text)]),
    Form::command("replace", Verb::Replace, &[Slot::Text])
        .needs(Extension::Replace)
        .tags(&[
            Tag::flag(":mime"),
            Tag::with(":subject", Slot::Text),
            Tag::with(":from", Slot::Text),
        ]),
    Form::command("enclose", Verb::Enclose, &[Slot::Text])
        .needs(Extension::Enclose)
        .tags(&[
            Tag::with(":subject", Slot::Text),
            Tag::with(":headers", Slot::Texts),
        ]),
    Form::command("extracttext", Verb::ExtractText, &[Slot::Text])
        .needs(Extension::ExtractText)
        .tags(&[Tag::with(":first", Slot::Number)])
        .rule(variables::first_names_variable),
];

const LOOKING: &[Verb] = &[Verb::Header, Verb::Address, Verb::Exists];
const HEADER: &[Verb] = &[Verb::Header];

pub(super) const ADDED: &[Added] = &[
    Added {
        to: LOOKING,
        tag: Tag::flag(":mime").needs(Extension::Mime),
    },
    Added {
        to: LOOKING,
        tag: Tag::flag(":anychild").needs(Extension::Mime),
    },
    Added {
        to: HEADER,
        tag: Tag::flag(":type")
            .needs(Extension::Mime)
            .group("mime option"),
    },
    Added {
        to: HEADER,
        tag: Tag::flag(":subtype")
            .needs(Extension::Mime)
            .group("mime option"),
    },
    Added {
        to: HEADER,
        tag: Tag::flag(":contenttype")
            .needs(Extension::Mime)
            .group("mime option"),
    },
    Added {
        to: HEADER,
        tag: Tag::with(":param", Slot::Texts)
            .needs(Extension::Mime)
            .group("mime option"),
    },
];
