//! `:value` and `:count`. Standards: RFC 5231.

use super::{Added, MATCH_TYPE, MATCHING, Slot, Tag};
use crate::script::extension::Extension;

pub(super) const ADDED: &[Added] = &[
    Added {
        to: MATCHING,
        tag: Tag::with(":value", Slot::Text)
            .needs(Extension::Relational)
            .group(MATCH_TYPE),
    },
    Added {
        to: MATCHING,
        tag: Tag::with(":count", Slot::Text)
            .needs(Extension::Relational)
            .group(MATCH_TYPE),
    },
];
