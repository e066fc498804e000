//! The commands: what a script wants done with a letter.
//!
//! Standards: RFC 5228 §4, and those that each file names.

mod edit;
mod flags;
pub(super) mod mailto;
mod notify;
mod send;
mod vacation;
mod variables;

use super::Library;
use super::machine::{Failure, Flow, Machine};
use super::outcome::{Action, Filing};
use formats::address::list::{self, Entry};
use formats::script::{Node, Verb};

/// Carries a command out, as far as the script itself is concerned.
pub(super) fn take(machine: &mut Machine<'_>, node: &Node) -> Result<Flow, Failure> {
    match node.verb {
        Verb::Stop => return Ok(Flow::Stop),
        Verb::Return => return Ok(Flow::Return),
        Verb::Error => {
            let text = machine.expand_first(node.texts(0))?;
            return Err(Failure::new(text));
        }
        Verb::Keep => keep(machine, node)?,
        Verb::FileInto => file_into(machine, node)?,
        Verb::Discard => machine.implicit_keep = false,
        Verb::Redirect => send::redirect(machine, node)?,
        Verb::Reject | Verb::EReject => send::reject(machine, node)?,
        Verb::Vacation => vacation::reply(machine, node)?,
        Verb::Notify => notify::notify(machine, node)?,
        Verb::SetFlag | Verb::AddFlag | Verb::RemoveFlag => flags::change(machine, node)?,
        Verb::Set => variables::set(machine, node)?,
        Verb::Global => {
            let names = machine.expand_all(node.texts(0))?;
            machine.share_variables(names);
        }
        Verb::Include => include(machine, node)?,
        Verb::AddHeader => edit::add(machine, node)?,
        Verb::DeleteHeader => edit::delete(machine, node)?,
        Verb::Replace => edit::replace(machine, node)?,
        Verb::Enclose => edit::enclose(machine, node)?,
        Verb::ExtractText => edit::extract_text(machine, node)?,
        // The others are tests, or became jumps when the script was read.
        _ => return Err(Failure::new("this is no command")),
    }
    Ok(Flow::Next)
}

/// Source: RFC 5228 §4.3, RFC 5232 §5 (`:flags`).
fn keep(machine: &mut Machine<'_>, node: &Node) -> Result<(), Failure> {
    not_after_reject(machine)?;
    let flags = flags::wanted(machine, node)?;
    let version = machine.letter()?.version()?;
    machine.implicit_keep = false;
    machine.act(Action::Keep { flags, version })
}

/// Source: RFC 5228 §4.1, RFC 3894 (`:copy`).
fn file_into(machine: &mut Machine<'_>, node: &Node) -> Result<(), Failure> {
    not_after_reject(machine)?;
    let mailbox = machine.expand_first(node.texts(0))?;
    let filing = filing(machine, node, mailbox)?;
    let version = machine.letter()?.version()?;
    if !node.has(":copy") {
        machine.implicit_keep = false;
    }
    machine.act(Action::FileInto { filing, version })
}

/// A mailbox with the tags that say more of it.
fn filing(machine: &mut Machine<'_>, node: &Node, mailbox: String) -> Result<Filing, Failure> {
    Ok(Filing {
        mailbox,
        id: machine.tagged(node, ":mailboxid")?,
        special_use: machine.tagged(node, ":specialuse")?,
        create: node.has(":create"),
        flags: flags::wanted(machine, node)?,
    })
}

/// From whom a letter is that the script writes: an address that is the owner's, or else the usual
/// one (RFC 5230 §4.4).
fn sender(machine: &mut Machine<'_>, node: &Node) -> Result<Option<String>, Failure> {
    let Some(from) = machine.tagged(node, ":from")? else {
        return Ok(None);
    };
    let (entries, _) = list::parse(from.as_bytes(), 2);
    let [Entry::Mailbox { local, domain, .. }] = entries.as_slice() else {
        return Ok(None);
    };
    let (local, domain) = (
        String::from_utf8_lossy(local),
        String::from_utf8_lossy(domain),
    );
    let is_own = machine.surroundings.owns(&format!("{local}@{domain}"));
    if !is_own {
        machine
            .notes
            .push(format!("`{from}` is not the owner's to write as"));
    }
    Ok(Some(from).filter(|_| is_own))
}

/// What was sent back cannot also be kept. Source: RFC 5429 §2.
fn not_after_reject(machine: &Machine<'_>) -> Result<(), Failure> {
    let rejected = machine
        .actions
        .iter()
        .any(|action| matches!(action, Action::Reject { .. }));
    if rejected {
        return Err(Failure::new(
            "the letter is rejected and cannot be delivered as well",
        ));
    }
    Ok(())
}

/// Source: RFC 6609 §3.2.
fn include(machine: &mut Machine<'_>, node: &Node) -> Result<(), Failure> {
    let name = machine.expand_first(node.texts(0))?;
    let library = if node.has(":global") {
        Library::Global
    } else {
        Library::Personal
    };
    machine.include(library, &name, node.has(":once"), node.has(":optional"))
}
