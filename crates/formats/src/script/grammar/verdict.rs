//! `spamtest` and `virustest`. Standards: RFC 5235.

use super::{Form, Slot, Tag, Verb};
use crate::script::extension::Extension;

pub(super) const FORMS: &[Form] = &[
    Form::test("spamtest", Verb::SpamTest, &[Slot::Text])
        .needs(Extension::SpamTest)
        .tags(&[Tag::flag(":percent").needs(Extension::SpamTestPlus)]),
    Form::test("virustest", Verb::VirusTest, &[Slot::Text]).needs(Extension::VirusTest),
];
