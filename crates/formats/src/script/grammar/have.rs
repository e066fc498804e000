//! `ihave` and `error`: what this server can do. Standards: RFC 5463.

use super::{Form, Slot, Verb};
use crate::script::extension::Extension;

pub(super) const FORMS: &[Form] = &[
    Form::test("ihave", Verb::IHave, &[Slot::Texts]).needs(Extension::IHave),
    Form::command("error", Verb::Error, &[Slot::Text]).needs(Extension::IHave),
];
