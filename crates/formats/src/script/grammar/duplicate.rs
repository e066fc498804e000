//! `duplicate`: was this seen before? Standards: RFC 7352.

use super::{Form, Slot, Tag, Verb};
use crate::script::extension::Extension;

pub(super) const FORMS: &[Form] = &[Form::test("duplicate", Verb::Duplicate, &[])
    .needs(Extension::Duplicate)
    .tags(&[
        Tag::with(":handle", Slot::Text),
        Tag::with(":header", Slot::Text).group("unique id"),
        Tag::with(":uniqueid", Slot::Text).group("unique id"),
        Tag::with(":seconds", Slot::Number),
        Tag::flag(":last"),
    ])];
