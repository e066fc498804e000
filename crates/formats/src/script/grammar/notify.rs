//! `notify` and what it can do. Standards: RFC 5435, RFC 5436 (mailto).

use super::{Form, Slot, Tag, Verb};
use crate::script::extension::Extension;
use crate::script::program::Node;

pub(super) const FORMS: &[Form] = &[
    Form::command("notify", Verb::Notify, &[Slot::Text])
        .needs(Extension::ENotify)
        .tags(&[
            Tag::with(":from", Slot::Text),
            Tag::with(":importance", Slot::Text),
            Tag::with(":options", Slot::Texts),
            Tag::with(":message", Slot::Text),
        ])
        .rule(notify),
    Form::test(
        "valid_notify_method",
        Verb::ValidNotifyMethod,
        &[Slot::Texts],
    )
    .needs(Extension::ENotify),
    Form::test(
        "notify_method_capability",
        Verb::NotifyMethodCapability,
        &[Slot::Text, Slot::Text, Slot::Texts],
    )
    .needs(Extension::ENotify),
];

fn notify(node: &Node) -> Result<(), String> {
    let importance = node
        .tagged_text(":importance")
        .and_then(|text| text.as_constant());
    if importance.is_some_and(|importance| !matches!(importance, "1" | "2" | "3")) {
        return Err("`:importance` is \"1\", \"2\" or \"3\"".to_owned());
    }
    let method = node
        .texts(0)
        .first()
        .and_then(|method| method.as_constant());
    match method {
        Some(method)
            if !method
                .get(..7)
                .is_some_and(|m| m.eq_ignore_ascii_case("mailto:")) =>
        {
            Err("only `mailto:` notifications are sent".to_owned())
        }
        _ => Ok(()),
    }
}
