//! `vacation`: telling a sender, once in a while, that the owner is away.
//!
//! It answers people only, and only those who wrote to the owner: no lists, no programs, no
//! bounces.
//!
//! Standards: RFC 5230, RFC 6131 (`:seconds`), RFC 3834 (automatic replies), RFC 8580 (`:fcc`).

use crate::filter::compose;
use crate::filter::letter::Letter;
use crate::filter::machine::{Failure, Machine};
use crate::filter::outcome::{Action, Mark, Reply};
use bytes::Bytes;
use formats::address::list::{self, Entry};
use formats::script::Node;

/// Days between two replies to one sender, if the script does not say (RFC 5230 §4.1).
const DAYS: u64 = 7;
/// The least and the most that a script may say.
const SECONDS_MIN: u64 = 60;
const SECONDS_MAX: u64 = 90 * SECONDS_PER_DAY;
const SECONDS_PER_DAY: u64 = 24 * 3600;
/// Addresses of a letter's fields that are compared with the owner's.
const ADDRESSES_MAX: usize = 1000;
/// Ids that a reply names.
const REFERENCES_MAX: usize = 20;

pub(super) fn reply(machine: &mut Machine<'_>, node: &Node) -> Result<(), Failure> {
    let is_reply = |action: &Action| matches!(action, Action::Send(reply) if reply.once.is_some());
    if machine.actions.iter().any(is_reply) {
        return Err(Failure::new("`vacation` can be used only once"));
    }
    super::not_after_reject(machine)?;
    let mut own = machine.expand_all(node.tagged_texts(":addresses"))?;
    own.extend(machine.circumstances.own_addresses.iter().cloned());
    own.push(machine.circumstances.address.clone());
    let sender = machine.circumstances.sender.clone();
    if let Some(why) = why_not(machine.letter()?, &sender, &own) {
        machine.notes.push(format!("no vacation reply: {why}"));
        return Ok(());
    }
    let reason = machine.expand_first(node.texts(0))?;
    let mark = mark(machine, node, &sender, &reason)?;
    if machine.surroundings.has_seen(&mark) {
        machine
            .notes
            .push("no vacation reply: this sender got one already".to_owned());
        return Ok(());
    }
    let copy = match machine.tagged(node, ":fcc")? {
        Some(mailbox) => Some(super::filing(machine, node, mailbox)?),
        None => None,
    };
    let letter = compose_letter(machine, node, &sender, &reason)?;
    machine.act(Action::Send(Box::new(Reply {
        recipients: vec![sender],
        letter: Bytes::from(letter),
        copy,
        once: Some((mark, seconds(node))),
    })))
}

fn seconds(node: &Node) -> u64 {
    let days = node.tagged_number(":days").unwrap_or(DAYS).max(1);
    let seconds = node.tagged_number(":seconds");
    let seconds = seconds.unwrap_or_else(|| days.saturating_mul(SECONDS_PER_DAY));
    seconds.clamp(SECONDS_MIN, SECONDS_MAX)
}

/// Why this letter is not answered. Source: RFC 5230 §4.5, §4.6, RFC 3834 §2.
fn why_not(letter: &Letter<'_>, sender: &str, own: &[String]) -> Option<&'static str> {
    let local = sender
        .rsplit_once('@')
        .map_or(sender, |(local, _)| local)
        .to_ascii_lowercase();
    let is_program = [
        "mailer-daemon",
        "listserv",
        "majordomo",
        "noreply",
        "no-reply",
    ]
    .contains(&local.as_str())
        || local.starts_with("owner-")
        || ["-request", "-owner", "-bounces", "-noreply"]
            .iter()
            .any(|end| local.ends_with(end));
    let has = |name: &str| letter.has_field(name);
    let lists = [
        "List-Id",
        "List-Help",
        "List-Subscribe",
        "List-Unsubscribe",
        "List-Post",
    ];
    let lists_more = ["List-Owner", "List-Archive"];
    let automatic = letter.values("Auto-Submitted");
    let precedence = letter.values("Precedence");
    let is_bulk = |value: &String| {
        ["bulk", "list", "junk"]
            .iter()
            .any(|bulk| value.eq_ignore_ascii_case(bulk))
    };
    if sender.is_empty() {
        Some("the letter has no sender")
    } else if own.iter().any(|own| same(own, sender)) {
        Some("the letter is from the owner")
    } else if is_program {
        Some("the sender is a program")
    } else if automatic
        .iter()
        .any(|value| !value.to_ascii_lowercase().starts_with("no"))
    {
        Some("the letter was sent automatically")
    } else if lists.iter().chain(&lists_more).any(|name| has(name)) {
        Some("the letter came by a mailing list")
    } else if precedence.iter().any(is_bulk) {
        Some("the letter was sent to many")
    } else if !names_owner(letter, own) {
        Some("the letter is not addressed to the owner")
    } else {
        None
    }
}

/// Whether the owner is named as a recipient in the header.
fn names_owner(letter: &Letter<'_>, own: &[String]) -> bool {
    let fields = ["To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc"];
    fields
        .iter()
        .flat_map(|name| letter.raw_values(name))
        .any(|value| {
            let (entries, _) = list::parse(&value, ADDRESSES_MAX);
            entries.iter().any(|entry| match entry {
                Entry::Mailbox { local, domain, .. } => {
                    let (local, domain) = (
                        String::from_utf8_lossy(local),
                        String::from_utf8_lossy(domain),
                    );
                    own.iter()
                        .any(|own| same(own, &format!("{local}@{domain}")))
                }
                _ => false,
            })
        })
}

fn same(left: &str, right: &str) -> bool {
    left.trim().eq_ignore_ascii_case(right.trim())
}

/// What is remembered of a reply: to whom, and which. Source: RFC 5230 §4.2.
fn mark(
    machine: &mut Machine<'_>,
    node: &Node,
    sender: &str,
    reason: &str,
) -> Result<Mark, Failure> {
    let sender = sender.to_lowercase();
    if let Some(handle) = machine.tagged(node, ":handle")? {
        return Ok(Mark::of("vacation handle", &[&sender, &handle]));
    }
    let subject = machine.tagged(node, ":subject")?.unwrap_or_default();
    let from = machine.tagged(node, ":from")?.unwrap_or_default();
    let mime = if node.has(":mime") { "mime" } else { "" };
    Ok(Mark::of(
        "vacation",
        &[&sender, &subject, &from, mime, reason],
    ))
}

/// Source: RFC 5230 §5.
fn compose_letter(
    machine: &mut Machine<'_>,
    node: &Node,
    sender: &str,
    reason: &str,
) -> Result<Vec<u8>, Failure> {
    let around = machine.circumstances;
    let from = super::sender(machine, node)?.unwrap_or_else(|| match around.owner.as_str() {
        "" => around.address.clone(),
        owner => format!(
            "\"{}\" <{}>",
            owner.replace(['"', '\\'], ""),
            around.address
        ),
    });
    let subject = match machine.tagged(node, ":subject")? {
        Some(subject) => subject,
        None => match machine.letter()?.values("Subject").into_iter().next() {
            Some(subject) if !subject.is_empty() => format!("Auto: {subject}"),
            _ => "Automated reply".to_owned(),
        },
    };
    let id = machine
        .letter()?
        .values("Message-ID")
        .into_iter()
        .next()
        .unwrap_or_default();
    let references = machine.letter()?.values("References").into_iter().next();
    let mut letter = String::new();
    letter.push_str(&compose::address_field("From", &from));
    letter.push_str(&compose::address_field("To", sender));
    letter.push_str(&compose::field("Subject", &subject));
    letter.push_str(&compose::date(around.now));
    let time = around.now.0.to_string();
    letter.push_str(&compose::message_id(
        &["vacation", &id, sender, &time],
        &around.hostname,
    ));
    if id.starts_with('<') && id.is_ascii() {
        letter.push_str(&compose::field("In-Reply-To", &id));
        letter.push_str(&references_field(&references.unwrap_or_default(), &id));
    }
    letter.push_str("Auto-Submitted: auto-replied (vacation)\r\n");
    letter.push_str("Precedence: bulk\r\n");
    let mut letter = letter.into_bytes();
    if node.has(":mime") {
        letter.extend_from_slice(b"MIME-Version: 1.0\r\n");
        letter.extend_from_slice(reason.as_bytes());
    } else {
        letter.extend_from_slice(&compose::text_part(reason));
    }
    Ok(letter)
}

/// The last ids of the thread and that of the letter, each on its line.
fn references_field(references: &str, id: &str) -> String {
    let ids: Vec<&str> = references
        .split_whitespace()
        .filter(|id| id.is_ascii())
        .collect();
    let kept = ids.len().saturating_sub(REFERENCES_MAX);
    let ids: Vec<&str> = ids.into_iter().skip(kept).chain([id]).collect();
    format!("References: {}\r\n", ids.join("\r\n "))
}
