//! `:fcc`: a copy of what the script sends. Standards: RFC 8580.

use super::{Added, Slot, Tag, Verb};
use crate::script::extension::Extension;

pub(super) const ADDED: &[Added] = &[Added {
    to: &[Verb::Vacation, Verb::Notify],
    tag: Tag::with(":fcc", Slot::Text).needs(Extension::Fcc),
}];
