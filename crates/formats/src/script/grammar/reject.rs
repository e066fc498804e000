//! `reject` and `ereject`. Standards: RFC 5429.

use super::{Form, Slot, Verb};
use crate::script::extension::Extension;

pub(super) const FORMS: &[Form] = &[
    Form::command("reject", Verb::Reject, &[Slot::Text]).needs(Extension::Reject),
    Form::command("ereject", Verb::EReject, &[Slot::Text]).needs(Extension::EReject),
];
