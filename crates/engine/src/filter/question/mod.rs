//! The tests: what a script asks about a letter, its envelope and its surroundings.
//!
//! Standards: RFC 5228 §5, and those that each file names.

mod account;
mod date;
mod fields;
mod parts;

use super::machine::{Failure, Machine};
use super::outcome::{Action, Mark};
use super::{Cause, Happening};
use formats::script::{Extension, Node, Verb};

/// Days for which a duplicate is remembered, if the script does not say (RFC 7352 §3.4).
const DUPLICATE_SECONDS: u64 = 7 * 24 * 3600;
/// The most that it may say.
const DUPLICATE_SECONDS_MAX: u64 = 90 * 24 * 3600;

/// Answers a test.
pub(super) fn ask(machine: &mut Machine<'_>, node: &Node) -> Result<bool, Failure> {
    match node.verb {
        Verb::Address => fields::address(machine, node),
        Verb::Header => fields::header(machine, node),
        Verb::Exists => fields::exists(machine, node),
        // Who gets it and from whom is known on delivery only (RFC 6785 §4.6).
        Verb::Envelope if machine.circumstances.happening.is_some() => Err(Failure::new(
            "`envelope` is for letters that are just delivered",
        )),
        Verb::Envelope => fields::envelope(machine, node),
        Verb::Size => size(machine, node),
        Verb::Body => parts::body(machine, node),
        Verb::Date => date::date(machine, node),
        Verb::CurrentDate => date::current(machine, node),
        Verb::Environment => environment(machine, node),
        Verb::String => string(machine, node),
        Verb::HasFlag => has_flag(machine, node),
        Verb::SpamTest => spam(machine, node),
        Verb::VirusTest => virus(machine, node),
        Verb::IHave => i_have(machine, node),
        Verb::Duplicate => duplicate(machine, node),
        Verb::MailboxExists
        | Verb::MailboxIdExists
        | Verb::Metadata
        | Verb::MetadataExists
        | Verb::ServerMetadata
        | Verb::ServerMetadataExists
        | Verb::SpecialUseExists
        | Verb::ValidExtList
        | Verb::ValidNotifyMethod
        | Verb::NotifyMethodCapability => account::ask(machine, node),
        // The others are commands, or became jumps when the script was read.
        _ => Err(Failure::new("this is no test")),
    }
}

/// Source: RFC 5228 §5.9.
fn size(machine: &mut Machine<'_>, node: &Node) -> Result<bool, Failure> {
    let size = machine.letter()?.size();
    let over = node
        .tagged_number(":over")
        .is_some_and(|limit| size > limit);
    Ok(over
        || node
            .tagged_number(":under")
            .is_some_and(|limit| size < limit))
}

/// Source: RFC 5183 §4, RFC 6785 §4.
fn environment(machine: &mut Machine<'_>, node: &Node) -> Result<bool, Failure> {
    let name = machine.expand_first(node.texts(0))?;
    let around = machine.circumstances;
    let value = match name.to_ascii_lowercase().as_str() {
        "domain" => around
            .hostname
            .split_once('.')
            .map(|(_, domain)| domain.to_owned()),
        "host" => Some(around.hostname.clone()),
        "location" if around.happening.is_some() => Some("MS".to_owned()),
        "location" => Some("MDA".to_owned()),
        "name" => Some("facteur".to_owned()),
        "phase" if around.happening.is_some() => Some("post".to_owned()),
        "phase" => Some("during".to_owned()),
        "remote-host" => Some(around.arrival.greeting.clone()).filter(|name| !name.is_empty()),
        "remote-ip" => around
            .arrival
            .peer
            .map(|peer| peer.to_canonical().to_string()),
        "version" => Some(env!("CARGO_PKG_VERSION").to_owned()),
        item if machine.has(Extension::MailboxEvents) => {
            of_happening(item, around.happening.as_ref())
        }
        _ => None,
    };
    value.map_or(Ok(false), |value| {
        machine.matches(node, &[value], node.texts(1))
    })
}

/// What a script may know of what happened; nothing is an empty string. Source: RFC 6785 §4.
fn of_happening(item: &str, happening: Option<&Happening>) -> Option<String> {
    let cause = happening.map(|happening| &happening.cause);
    let value = match item {
        "imap.user" | "imap.email" => happening.map(|happening| happening.user.clone()),
        "imap.mailbox" => happening.map(|happening| happening.mailbox.clone()),
        "imap.cause" => cause.map(|cause| {
            let name = match cause {
                Cause::Put => "APPEND",
                Cause::Copied => "COPY",
                Cause::Flagged(_) => "FLAG",
            };
            name.to_owned()
        }),
        "imap.changedflags" => match cause {
            Some(Cause::Flagged(names)) => Some(names.join(" ")),
            _ => None,
        },
        _ => return None,
    };
    Some(value.unwrap_or_default())
}

/// Source: RFC 5229 §5. Empty strings do not count.
fn string(machine: &mut Machine<'_>, node: &Node) -> Result<bool, Failure> {
    let mut values = machine.expand_all(node.texts(0))?;
    if matches!(
        node.matching.kind,
        formats::script::compare::MatchKind::Count(_)
    ) {
        values.retain(|value| !value.is_empty());
    }
    machine.matches(node, &values, node.texts(1))
}

/// Source: RFC 5232 §4.
fn has_flag(machine: &mut Machine<'_>, node: &Node) -> Result<bool, Failure> {
    let flags = if node.texts(0).is_empty() {
        machine.flags.clone().unwrap_or_default()
    } else {
        let mut flags = Vec::new();
        for name in machine.expand_all(node.texts(0))? {
            let value = machine.variable(&name.to_ascii_lowercase()).to_owned();
            flags.extend(value.split_whitespace().map(str::to_owned));
        }
        flags
    };
    machine.matches(node, &flags, node.texts(1))
}

/// 0 when nobody looked, else 1 to 10, or 0 to 100 with `:percent`. Source: RFC 5235 §3.
fn spam(machine: &mut Machine<'_>, node: &Node) -> Result<bool, Failure> {
    let percent = machine.circumstances.spam_percent;
    let value = match percent {
        Some(percent) if node.has(":percent") => percent.min(100).to_string(),
        Some(percent) => (1 + u32::from(percent.min(100)) * 9 / 100).to_string(),
        None => "0".to_owned(),
    };
    machine.matches(node, &[value], node.texts(0))
}

/// Source: RFC 5235 §4.
fn virus(machine: &mut Machine<'_>, node: &Node) -> Result<bool, Failure> {
    let value = machine
        .circumstances
        .virus_level
        .unwrap_or(0)
        .min(5)
        .to_string();
    machine.matches(node, &[value], node.texts(0))
}

/// Source: RFC 5463 §4.
fn i_have(machine: &mut Machine<'_>, node: &Node) -> Result<bool, Failure> {
    let names = machine.expand_all(node.texts(0))?;
    Ok(names.iter().all(|name| Extension::named(name).is_some()))
}

/// Whether this was seen before; either way it is remembered once the script has come to its end.
/// Source: RFC 7352 §3.
fn duplicate(machine: &mut Machine<'_>, node: &Node) -> Result<bool, Failure> {
    let handle = machine.tagged(node, ":handle")?.unwrap_or_default();
    let given = machine.tagged(node, ":uniqueid")?;
    let field = machine.tagged(node, ":header")?;
    let field = field.unwrap_or_else(|| "Message-ID".to_owned());
    let in_field = machine.letter()?.values(&field).into_iter().next();
    let Some(id) = given.or(in_field).filter(|id| !id.is_empty()) else {
        return Ok(false); // What cannot be told apart is no duplicate.
    };
    let mark = Mark::of("duplicate", &[&handle, &id]);
    let pending =
        |action: &Action| matches!(action, Action::Remember { mark: m, .. } if *m == mark);
    let seen = machine.actions.iter().any(pending) || machine.surroundings.has_seen(&mark);
    let seconds = node.tagged_number(":seconds").unwrap_or(DUPLICATE_SECONDS);
    if !seen || node.has(":last") {
        machine.act(Action::Remember {
            mark,
            seconds: seconds.min(DUPLICATE_SECONDS_MAX),
        })?;
    }
    Ok(seen)
}
