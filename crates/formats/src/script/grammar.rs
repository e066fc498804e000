//! The form of every command and test: which arguments it takes, and which extension it needs.
//!
//! One table for all: each file below lists the commands, tests and tags of one document. Checking
//! a script is looking things up here; there is no other place that knows a name.
//!
//! Start at [`form`] and [`tag`].

mod body;
mod copy;
mod core;
mod date;
mod duplicate;
mod edit_header;
mod environment;
mod external_lists;
mod fcc;
mod flags;
mod have;
mod include;
mod mailbox;
mod mime;
mod notify;
mod regex;
mod reject;
mod relational;
mod submission;
mod vacation;
mod variables;
mod verdict;

use super::extension::Extension;
use super::program::Node;

/// What a command or test does; the interpreter has a place for each.
#[allow(missing_docs, reason = "the names are those of the language")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    // Control.
    Require,
    If,
    ElsIf,
    Else,
    Stop,
    Set,
    Include,
    Return,
    Global,
    ForEveryPart,
    Break,
    Error,
    // Actions.
    Keep,
    Discard,
    FileInto,
    Redirect,
    Reject,
    EReject,
    Vacation,
    Notify,
    SetFlag,
    AddFlag,
    RemoveFlag,
    AddHeader,
    DeleteHeader,
    Replace,
    Enclose,
    ExtractText,
    // Tests.
    True,
    False,
    Not,
    AllOf,
    AnyOf,
    Address,
    Header,
    Envelope,
    Exists,
    Size,
    Body,
    Environment,
    String,
    HasFlag,
    Date,
    CurrentDate,
    SpamTest,
    VirusTest,
    IHave,
    MailboxExists,
    MailboxIdExists,
    Metadata,
    MetadataExists,
    ServerMetadata,
    ServerMetadataExists,
    SpecialUseExists,
    ValidNotifyMethod,
    NotifyMethodCapability,
    ValidExtList,
    Duplicate,
}

/// Whether something is done or asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Command,
    Test,
}

/// What kind of argument stands in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Number,
    Text,
    Texts,
    /// May be left out; at most one of these in a form.
    MaybeText,
    /// Likewise.
    MaybeTexts,
}

/// Which tests stand inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nested {
    None,
    One,
    Many,
}

/// What is wrong with a node's constants, beyond what its form says.
pub(super) type Rule = fn(&Node) -> Result<(), String>;

/// The form of a command or test.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub name: &'static str,
    pub verb: Verb,
    pub kind: Kind,
    pub needs: Option<Extension>,
    pub slots: &'static [Slot],
    pub nested: Nested,
    pub has_block: bool,
    pub tags: &'static [Tag],
    pub rule: Option<Rule>,
}

/// A tagged argument.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag {
    pub name: &'static str,
    /// What stands behind it.
    pub slot: Option<Slot>,
    pub needs: Option<Extension>,
    /// Of the tags of one group only one may be given.
    pub group: Option<&'static str>,
}

/// A tag that an extension adds to commands and tests of others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Added {
    pub to: &'static [Verb],
    pub tag: Tag,
}

impl Form {
    const fn command(name: &'static str, verb: Verb, slots: &'static [Slot]) -> Self {
        Self {
            name,
            verb,
            kind: Kind::Command,
            needs: None,
            slots,
            nested: Nested::None,
            has_block: false,
            tags: &[],
            rule: None,
        }
    }

    const fn test(name: &'static str, verb: Verb, slots: &'static [Slot]) -> Self {
        Self {
            kind: Kind::Test,
            ..Self::command(name, verb, slots)
        }
    }

    const fn needs(self, extension: Extension) -> Self {
        Self {
            needs: Some(extension),
            ..self
        }
    }

    const fn tags(self, tags: &'static [Tag]) -> Self {
        Self { tags, ..self }
    }

    const fn rule(self, rule: Rule) -> Self {
        Self {
            rule: Some(rule),
            ..self
        }
    }

    const fn nested(self, nested: Nested) -> Self {
        Self { nested, ..self }
    }

    const fn with_block(self) -> Self {
        Self {
            has_block: true,
            ..self
        }
    }
}

impl Tag {
    /// A tag without an argument.
    const fn flag(name: &'static str) -> Self {
        Self {
            name,
            slot: None,
            needs: None,
            group: None,
        }
    }

    const fn with(name: &'static str, slot: Slot) -> Self {
        Self {
            name,
            slot: Some(slot),
            needs: None,
            group: None,
        }
    }

    const fn needs(self, extension: Extension) -> Self {
        Self {
            needs: Some(extension),
            ..self
        }
    }

    const fn group(self, group: &'static str) -> Self {
        Self {
            group: Some(group),
            ..self
        }
    }
}

/// The tests that compare strings, and so take a match type and a comparator.
pub(super) const MATCHING: &[Verb] = &[
    Verb::Address,
    Verb::Header,
    Verb::Envelope,
    Verb::Body,
    Verb::Environment,
    Verb::String,
    Verb::HasFlag,
    Verb::Date,
    Verb::CurrentDate,
    Verb::SpamTest,
    Verb::VirusTest,
    Verb::Metadata,
    Verb::ServerMetadata,
    Verb::NotifyMethodCapability,
    Verb::DeleteHeader,
];

/// The group of tags that say how to compare.
pub(super) const MATCH_TYPE: &str = "match type";
/// The group of tags that choose a part of an address.
pub(super) const ADDRESS_PART: &str = "address part";

const FORMS: &[&[Form]] = &[
    core::FORMS,
    body::FORMS,
    date::FORMS,
    duplicate::FORMS,
    edit_header::FORMS,
    environment::FORMS,
    external_lists::FORMS,
    flags::FORMS,
    have::FORMS,
    include::FORMS,
    mailbox::FORMS,
    mime::FORMS,
    notify::FORMS,
    reject::FORMS,
    vacation::FORMS,
    variables::FORMS,
    verdict::FORMS,
];

const ADDED: &[&[Added]] = &[
    core::ADDED,
    copy::ADDED,
    date::ADDED,
    external_lists::ADDED,
    fcc::ADDED,
    flags::ADDED,
    mailbox::ADDED,
    mime::ADDED,
    regex::ADDED,
    relational::ADDED,
    submission::ADDED,
    vacation::ADDED,
    variables::ADDED,
];

/// The form of this name; case does not matter.
pub(super) fn form(kind: Kind, name: &str) -> Option<&'static Form> {
    FORMS
        .iter()
        .copied()
        .flatten()
        .find(|form| form.kind == kind && form.name.eq_ignore_ascii_case(name))
}

/// The tag of this name on a command or test; case does not matter.
pub(super) fn tag(form: &'static Form, name: &str) -> Option<&'static Tag> {
    let own = form.tags.iter();
    let added = ADDED.iter().copied().flatten();
    let added = added
        .filter(|added| added.to.contains(&form.verb))
        .map(|added| &added.tag);
    own.chain(added)
        .find(|tag| tag.name.eq_ignore_ascii_case(name))
}

/// Looks at the constants of a list of strings.
fn each(
    node: &Node,
    position: usize,
    check: impl Fn(&str) -> Result<(), String>,
) -> Result<(), String> {
    let texts = node.texts(position).iter();
    texts
        .filter_map(|text| text.as_constant())
        .try_for_each(check)
}

/// A field's name can be one. Source: RFC 5322 §2.2.
fn field_name(name: &str) -> Result<(), String> {
    let is_name = !name.is_empty() && name.bytes().all(|byte| matches!(byte, 33..=57 | 59..=126));
    if is_name {
        Ok(())
    } else {
        Err(format!("`{}` is no field's name", name.escape_debug()))
    }
}

/// The first list of a test holds names of fields.
fn field_names(node: &Node) -> Result<(), String> {
    each(node, 0, field_name)
}

/// An address can be written to.
fn address(address: &str) -> Result<(), String> {
    match crate::address::Mailbox::parse(address.trim().as_bytes()) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("`{}`: {error}", address.escape_debug())),
    }
}
