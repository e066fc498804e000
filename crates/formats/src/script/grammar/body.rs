//! `body`: what a letter says. Standards: RFC 5173.

use super::{Form, Slot, Tag, Verb};
use crate::script::extension::Extension;

pub(super) const FORMS: &[Form] = &[Form::test("body", Verb::Body, &[Slot::Texts])
    .needs(Extension::Body)
    .tags(&[
        Tag::flag(":raw").group("body transform"),
        Tag::flag(":text").group("body transform"),
        Tag::with(":content", Slot::Texts).group("body transform"),
    ])];
