//! What a letter asks of the servers on its way, and what one that is sent on does. Standards: RFC
//! 6009.

use super::{Added, Slot, Tag, Verb};
use crate::script::extension::Extension;

const REDIRECT: &[Verb] = &[Verb::Redirect];

pub(super) const ADDED: &[Added] = &[
    // For `bytimeabsolute`.
    Added {
        to: &[Verb::Envelope],
        tag: Tag::with(":zone", Slot::Text).needs(Extension::EnvelopeDeliverBy),
    },
    Added {
        to: REDIRECT,
        tag: Tag::with(":notify", Slot::Text).needs(Extension::RedirectDsn),
    },
    Added {
        to: REDIRECT,
        tag: Tag::with(":ret", Slot::Text).needs(Extension::RedirectDsn),
    },
    Added {
        to: REDIRECT,
        tag: Tag::with(":bytimerelative", Slot::Number)
            .needs(Extension::RedirectDeliverBy)
            .group("time"),
    },
    Added {
        to: REDIRECT,
        tag: Tag::with(":bytimeabsolute", Slot::Text)
            .needs(Extension::RedirectDeliverBy)
            .group("time"),
    },
    Added {
        to: REDIRECT,
        tag: Tag::with(":bymode", Slot::Text).needs(Extension::RedirectDeliverBy),
    },
    Added {
        to: REDIRECT,
        tag: Tag::flag(":bytrace").needs(Extension::RedirectDeliverBy),
    },
];
