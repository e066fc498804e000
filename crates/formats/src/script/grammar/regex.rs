//! `:regex`. Source: draft-ietf-sieve-regex.

use super::{Added, MATCH_TYPE, MATCHING, Tag};
use crate::script::extension::Extension;

pub(super) const ADDED: &[Added] = &[Added {
    to: MATCHING,
    tag: Tag::flag(":regex")
        .needs(Extension::Regex)
        .group(MATCH_TYPE),
}];
