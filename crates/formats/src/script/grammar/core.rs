//! The language itself. Standards: RFC 5228.

use super::{ADDRESS_PART, Added, Form, Kind, MATCH_TYPE, MATCHING, Nested, Slot, Tag, Verb};
use super::{address, each, field_names};
use crate::script::extension::Extension;
use crate::script::program::Node;

const TESTS: Form = Form::test("true", Verb::True, &[]);

pub(super) const FORMS: &[Form] = &[
    Form::command("require", Verb::Require, &[Slot::Texts]),
    Form::command("if", Verb::If, &[])
        .nested(Nested::One)
        .with_block(),
    Form::command("elsif", Verb::ElsIf, &[])
        .nested(Nested::One)
        .with_block(),
    Form::command("else", Verb::Else, &[]).with_block(),
    Form::command("stop", Verb::Stop, &[]),
    Form::command("keep", Verb::Keep, &[]),
    Form::command("discard", Verb::Discard, &[]),
    Form::command("fileinto", Verb::FileInto, &[Slot::Text])
        .needs(Extension::FileInto)
        .rule(mailbox_name),
    Form::command("redirect", Verb::Redirect, &[Slot::Text]).rule(redirect),
    TESTS,
    Form {
        name: "false",
        verb: Verb::False,
        ..TESTS
    },
    Form::test("not", Verb::Not, &[]).nested(Nested::One),
    Form::test("allof", Verb::AllOf, &[]).nested(Nested::Many),
    Form::test("anyof", Verb::AnyOf, &[]).nested(Nested::Many),
    Form::test("address", Verb::Address, &[Slot::Texts, Slot::Texts]).rule(field_names),
    Form::test("header", Verb::Header, &[Slot::Texts, Slot::Texts]).rule(field_names),
    Form::test("envelope", Verb::Envelope, &[Slot::Texts, Slot::Texts])
        .needs(Extension::Envelope)
        .rule(envelope_parts),
    Form::test("exists", Verb::Exists, &[Slot::Texts]).rule(field_names),
    Form {
        name: "size",
        verb: Verb::Size,
        kind: Kind::Test,
        slots: &[],
        tags: &[
            Tag::with(":over", Slot::Number).group("size"),
            Tag::with(":under", Slot::Number).group("size"),
        ],
        rule: Some(size),
        ..TESTS
    },
];

const PARTS: &[Verb] = &[Verb::Address, Verb::Envelope];

pub(super) const ADDED: &[Added] = &[
    Added {
        to: MATCHING,
        tag: Tag::flag(":is").group(MATCH_TYPE),
    },
    Added {
        to: MATCHING,
        tag: Tag::flag(":contains").group(MATCH_TYPE),
    },
    Added {
        to: MATCHING,
        tag: Tag::flag(":matches").group(MATCH_TYPE),
    },
    Added {
        to: MATCHING,
        tag: Tag::with(":comparator", Slot::Text),
    },
    Added {
        to: PARTS,
        tag: Tag::flag(":all").group(ADDRESS_PART),
    },
    Added {
        to: PARTS,
        tag: Tag::flag(":localpart").group(ADDRESS_PART),
    },
    Added {
        to: PARTS,
        tag: Tag::flag(":domain").group(ADDRESS_PART),
    },
    // RFC 5233 §4.
    Added {
        to: PARTS,
        tag: Tag::flag(":user")
            .needs(Extension::SubAddress)
            .group(ADDRESS_PART),
    },
    Added {
        to: PARTS,
        tag: Tag::flag(":detail")
            .needs(Extension::SubAddress)
            .group(ADDRESS_PART),
    },
];

fn size(node: &Node) -> Result<(), String> {
    if node.has(":over") || node.has(":under") {
        Ok(())
    } else {
        Err("`size` needs `:over` or `:under` and a number".to_owned())
    }
}

/// Those of RFC 6009 §3 and §4 know an answer only where the sender asked for something.
const ENVELOPE_PARTS: [&str; 10] = [
    "from",
    "to",
    "notify",
    "orcpt",
    "ret",
    "envid",
    "bytimeabsolute",
    "bytimerelative",
    "bymode",
    "bytrace",
];

/// Source: RFC 5228 §5.4.
fn envelope_parts(node: &Node) -> Result<(), String> {
    each(node, 0, |part| {
        let mut known = ENVELOPE_PARTS.iter();
        if known.any(|known| known.eq_ignore_ascii_case(part)) {
            Ok(())
        } else {
            Err(format!("an envelope has no `{}`", part.escape_debug()))
        }
    })
}

fn mailbox_name(node: &Node) -> Result<(), String> {
    each(node, 0, |name| {
        if name.is_empty() {
            Err("a mailbox has a name".to_owned())
        } else {
            Ok(())
        }
    })
}

/// With `:list` the argument names a list (RFC 6134 §2.4).
fn redirect(node: &Node) -> Result<(), String> {
    if node.has(":list") {
        Ok(())
    } else {
        each(node, 0, address)
    }
}
