//! `environment`: where the script runs. Standards: RFC 5183.

use super::{Form, Slot, Verb};
use crate::script::extension::Extension;

pub(super) const FORMS: &[Form] =
    &[
        Form::test("environment", Verb::Environment, &[Slot::Text, Slot::Texts])
            .needs(Extension::Environment),
    ];
