//! Mailboxes: whether they exist, making them, what is known of them.
//!
//! Standards: RFC 5490 (mailbox, metadata), RFC 8579 (special use), RFC 9042 (mailbox ids).

use super::{Added, Form, Slot, Tag, Verb};
use crate::script::extension::Extension;

pub(super) const FORMS: &[Form] = &[
    Form::test("mailboxexists", Verb::MailboxExists, &[Slot::Texts]).needs(Extension::Mailbox),
    Form::test(
        "metadata",
        Verb::Metadata,
        &[Slot::Text, Slot::Text, Slot::Texts],
    )
    .needs(Extension::MailboxMetadata),
    Form::test(
        "metadataexists",
        Verb::MetadataExists,
        &[Slot::Text, Slot::Texts],
    )
    .needs(Extension::MailboxMetadata),
    Form::test(
        "servermetadata",
        Verb::ServerMetadata,
        &[Slot::Text, Slot::Texts],
    )
    .needs(Extension::ServerMetadata),
    Form::test(
        "servermetadataexists",
        Verb::ServerMetadataExists,
        &[Slot::Texts],
    )
    .needs(Extension::ServerMetadata),
    Form::test(
        "specialuse_exists",
        Verb::SpecialUseExists,
        &[Slot::MaybeText, Slot::Texts],
    )
    .needs(Extension::SpecialUse),
    Form::test("mailboxidexists", Verb::MailboxIdExists, &[Slot::Texts])
        .needs(Extension::MailboxId),
];

/// The last two together with `:fcc` (RFC 8580 §3).
const FILING: &[Verb] = &[Verb::FileInto, Verb::Vacation, Verb::Notify];

pub(super) const ADDED: &[Added] = &[
    Added {
        to: FILING,
        tag: Tag::flag(":create").needs(Extension::Mailbox),
    },
    Added {
        to: FILING,
        tag: Tag::with(":specialuse", Slot::Text).needs(Extension::SpecialUse),
    },
    Added {
        to: FILING,
        tag: Tag::with(":mailboxid", Slot::Text).needs(Extension::MailboxId),
    },
];
