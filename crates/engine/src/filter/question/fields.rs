//! Tests of fields and envelope.
//!
//! Standards: RFC 5228 §5.1 (address), §5.4 (envelope), §5.5 (exists), §5.7 (header), RFC 5233
//! (sub-addresses), RFC 5260 §6 (index), RFC 5703 §4 (parts), RFC 6009 (notifications asked for,
//! delivery by a certain time).

use super::date::in_zone;
use crate::filter::letter::readable;
use crate::filter::machine::{Failure, Machine};
use crate::queue::{DeliverBy, Late, Notify, Return};
use formats::address::Mailbox;
use formats::address::list::{self, Entry};
use formats::date::Date;
use formats::message::{header as raw, parameter};
use formats::script::Node;
use formats::script::compare::date_part;
use store::id::Timestamp;

/// Addresses of one field that are looked at.
const ADDRESSES_MAX: usize = 1000;

pub(super) fn header(machine: &mut Machine<'_>, node: &Node) -> Result<bool, Failure> {
    let names = machine.expand_all(node.texts(0))?;
    let mut values = Vec::new();
    for name in &names {
        let found = field_values(machine, node, name)?;
        for value in found {
            add_readable(machine, node, &value, &mut values)?;
        }
    }
    machine.matches(node, &values, node.texts(1))
}

/// What of a field's value is compared. Source: RFC 5703 §4.2.
fn add_readable(
    machine: &mut Machine<'_>,
    node: &Node,
    value: &[u8],
    values: &mut Vec<String>,
) -> Result<(), Failure> {
    machine.spend_bytes(value.len())?;
    let options = [":type", ":subtype", ":contenttype", ":param"];
    if !options.iter().any(|option| node.has(option)) {
        values.push(readable(value));
        return Ok(());
    }
    let (first, parameters) = parameter::parse(value);
    let first = String::from_utf8_lossy(&first).trim().to_owned();
    if node.has(":param") {
        for name in machine.expand_all(node.tagged_texts(":param"))? {
            let pairs = parameters
                .iter()
                .map(|(name, value)| (name.as_slice(), value.as_slice()));
            values.extend(parameter::text(pairs, &name.to_ascii_lowercase()));
        }
        return Ok(());
    }
    let (media_type, subtype) = first.split_once('/').unwrap_or((&first, ""));
    values.push(if node.has(":type") {
        media_type.to_owned()
    } else if node.has(":subtype") {
        subtype.to_owned()
    } else {
        first
    });
    Ok(())
}

/// The raw values of a field in the letter, or in the parts that the test is about.
fn field_values(
    machine: &mut Machine<'_>,
    node: &Node,
    name: &str,
) -> Result<Vec<Vec<u8>>, Failure> {
    let mut values = if node.has(":mime") || node.has(":anychild") {
        let mut values = Vec::new();
        for part in parts_meant(machine, node)? {
            let header = machine.letter()?.part_header(part)?;
            machine.spend_bytes(header.len())?;
            let named = raw::fields(&header).filter(|field| field.is(name));
            values.extend(named.map(|field| field.value.to_vec()));
        }
        values
    } else {
        machine.spend(20)?;
        machine.letter()?.raw_values(name)
    };
    keep_indexed(node, &mut values);
    Ok(values)
}

/// The part in hand, or the letter itself; with `:anychild` also what lies inside.
fn parts_meant(machine: &mut Machine<'_>, node: &Node) -> Result<Vec<usize>, Failure> {
    let current = machine.current_part().unwrap_or(0);
    if !node.has(":anychild") {
        return Ok(vec![current]);
    }
    let summary = machine.letter()?.summary()?;
    machine.spend(summary.parts.len() as u64)?;
    let end = summary.parts.get(current).map_or(0, |part| part.body_end);
    let inside = summary.parts.iter().enumerate().skip(current);
    Ok(inside
        .take_while(|(_, part)| part.body_end <= end)
        .map(|(index, _)| index)
        .collect())
}

/// Only the one that `:index` names, counted from the end with `:last`. Source: RFC 5260 §6.
pub(super) fn keep_indexed<T>(node: &Node, values: &mut Vec<T>) {
    let Some(index) = node.tagged_number(":index") else {
        return;
    };
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    let position = if node.has(":last") {
        values.len().checked_sub(index)
    } else {
        index.checked_sub(1)
    };
    let kept = position.filter(|&position| index > 0 && position < values.len());
    let kept = kept.map(|position| values.swap_remove(position));
    values.clear();
    values.extend(kept);
}

pub(super) fn exists(machine: &mut Machine<'_>, node: &Node) -> Result<bool, Failure> {
    for name in machine.expand_all(node.texts(0))? {
        let found = if node.has(":mime") || node.has(":anychild") {
            !field_values(machine, node, &name)?.is_empty()
        } else {
            machine.spend(10)?;
            machine.letter()?.has_field(&name)
        };
        if !found {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn address(machine: &mut Machine<'_>, node: &Node) -> Result<bool, Failure> {
    let names = machine.expand_all(node.texts(0))?;
    let separator = machine.circumstances.tag_separator;
    let mut values = Vec::new();
    for name in &names {
        for value in field_values(machine, node, name)? {
            machine.spend_bytes(value.len())?;
            let (entries, _) = list::parse(&raw::unfold(&value), ADDRESSES_MAX);
            for entry in entries {
                if let Entry::Mailbox { local, domain, .. } = entry {
                    let local = String::from_utf8_lossy(&local);
                    let domain = String::from_utf8_lossy(&domain);
                    values.extend(part_of(node, &local, &domain, separator));
                }
            }
        }
    }
    machine.matches(node, &values, node.texts(1))
}

/// The part of an address that is compared; `None` when it has none. Source: RFC 5228 §2.7.4, RFC
/// 5233 §4.
fn part_of(node: &Node, local: &str, domain: &str, separator: Option<char>) -> Option<String> {
    let split = separator.and_then(|separator| local.split_once(separator));
    if node.has(":localpart") {
        Some(local.to_owned())
    } else if node.has(":domain") {
        Some(domain.to_owned())
    } else if node.has(":user") {
        Some(split.map_or(local, |(user, _)| user).to_owned())
    } else if node.has(":detail") {
        split.map(|(_, detail)| detail.to_owned())
    } else if domain.is_empty() {
        Some(local.to_owned())
    } else {
        Some(format!("{local}@{domain}"))
    }
}

pub(super) fn envelope(machine: &mut Machine<'_>, node: &Node) -> Result<bool, Failure> {
    let around = machine.circumstances;
    let mut values = Vec::new();
    for part in machine.expand_all(node.texts(0))? {
        let address = match part.to_ascii_lowercase().as_str() {
            "from" => Some(around.sender.as_str()),
            "to" => Some(around.recipient.as_str()),
            other => {
                values.extend(asked_for(machine, other));
                if let Some(by) = around.deliver_by {
                    values.extend(timed(machine, node, by, other)?);
                }
                None
            }
        };
        // The null sender is an empty string, whatever part of it is asked for (RFC 5228 §5.4).
        values.extend(
            address.and_then(|address| match Mailbox::parse(address.as_bytes()) {
                Ok(mailbox) => part_of(
                    node,
                    mailbox.local(),
                    mailbox.domain(),
                    around.tag_separator,
                ),
                Err(_) => Some(address.to_owned()),
            }),
        );
    }
    machine.matches(node, &values, node.texts(1))
}

/// How the letter is to be delivered by a certain time: when it comes to the script, what is left of
/// the time may be less than nothing. Source: RFC 6009 §4.
fn timed(
    machine: &mut Machine<'_>,
    node: &Node,
    by: DeliverBy,
    part: &str,
) -> Result<Option<String>, Failure> {
    let now = machine.circumstances.now;
    Ok(match part {
        "bytimerelative" => {
            let left = by.at.0.saturating_sub(now.0);
            Some(left.div_euclid(Timestamp::PER_SECOND).to_string())
        }
        "bytimeabsolute" => {
            let date = Date {
                seconds: by.at.seconds(),
                zone_minutes: 0,
            };
            date_part(in_zone(machine, node, date)?, "iso8601")
        }
        "bymode" => Some(match by.late {
            Late::Return => "return".to_owned(),
            Late::Notify => "notify".to_owned(),
        }),
        "bytrace" => Some(by.trace.to_string()),
        _ => None,
    })
}

/// What the sender wants to be told (RFC 6009 §3).
fn asked_for(machine: &Machine<'_>, part: &str) -> Vec<String> {
    let around = machine.circumstances;
    let one = |value: Option<String>| value.into_iter().collect();
    match part {
        "notify" => around.notify.map(notify_words).unwrap_or_default(),
        "orcpt" => one(around.original.clone()),
        "ret" => one(match around.returning {
            Return::Unspecified => None,
            Return::Full => Some("FULL".to_owned()),
            Return::Headers => Some("HDRS".to_owned()),
        }),
        "envid" => one(around.envelope_id.clone()),
        _ => Vec::new(),
    }
}

fn notify_words(notify: Notify) -> Vec<String> {
    [
        (notify.never, "NEVER"),
        (notify.success, "SUCCESS"),
        (notify.failure, "FAILURE"),
        (notify.delay, "DELAY"),
    ]
    .iter()
    .filter(|(set, _)| *set)
    .map(|(_, word)| (*word).to_owned())
    .collect()
}
