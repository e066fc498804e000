//! `:copy`: an action that does not cancel the implicit keep. Standards: RFC 3894.

use super::{Added, Tag, Verb};
use crate::script::extension::Extension;

pub(super) const ADDED: &[Added] = &[Added {
    to: &[Verb::FileInto, Verb::Redirect],
    tag: Tag::flag(":copy").needs(Extension::Copy),
}];
