//! `notify`: telling someone of a letter.
//!
//! Standards: RFC 5435 (notify), RFC 5436 (by mail; §2.7 what the notification says of itself).

use super::mailto::Mailto;
use crate::filter::compose;
use crate::filter::machine::{Failure, Machine};
use crate::filter::outcome::{Action, Reply};
use bytes::Bytes;
use formats::script::Node;

/// Notifications that one letter may cause.
const NOTIFICATIONS_MAX: usize = 5;

pub(super) fn notify(machine: &mut Machine<'_>, node: &Node) -> Result<(), Failure> {
    let method = machine.expand_first(node.texts(0))?;
    let mailto = Mailto::parse(&method)
        .ok_or_else(|| Failure::new(format!("`{method}` is no way to notify someone")))?;
    // A notification of a notification could go round for ever (RFC 5436 §2.7.1).
    if is_automatic(machine)? {
        machine
            .notes
            .push("no notification: the letter was sent automatically".to_owned());
        return Ok(());
    }
    let sent = machine
        .actions
        .iter()
        .filter(|action| matches!(action, Action::Send(_)))
        .count();
    if sent >= NOTIFICATIONS_MAX {
        return Err(Failure::new("the script sends too many notifications"));
    }
    let letter = compose_letter(machine, node, &mailto)?;
    let copy = match machine.tagged(node, ":fcc")? {
        Some(mailbox) => Some(super::filing(machine, node, mailbox)?),
        None => None,
    };
    machine.act(Action::Send(Box::new(Reply {
        recipients: mailto.recipients,
        letter: Bytes::from(letter),
        copy,
        once: None,
    })))
}

fn is_automatic(machine: &mut Machine<'_>) -> Result<bool, Failure> {
    let values = machine.letter()?.values("Auto-Submitted");
    Ok(values
        .iter()
        .any(|value| !value.to_ascii_lowercase().starts_with("no")))
}

fn compose_letter(
    machine: &mut Machine<'_>,
    node: &Node,
    mailto: &Mailto,
) -> Result<Vec<u8>, Failure> {
    let around = machine.circumstances;
    let message = machine.tagged(node, ":message")?;
    let from = super::sender(machine, node)?.unwrap_or_else(|| around.address.clone());
    let importance = machine.tagged(node, ":importance")?;
    let subject_of_letter = machine.letter()?.values("Subject").into_iter().next();
    let from_of_letter = machine
        .letter()?
        .values("From")
        .into_iter()
        .next()
        .unwrap_or_default();
    let subject_of_letter = subject_of_letter.unwrap_or_default();
    let subject = message.clone().or_else(|| mailto.subject.clone());
    let id = machine
        .letter()?
        .values("Message-ID")
        .into_iter()
        .next()
        .unwrap_or_default();
    let body = mailto
        .body
        .clone()
        .unwrap_or_else(|| format!("From: {from_of_letter}\r\nSubject: {subject_of_letter}\r\n"));
    let mut letter = String::new();
    letter.push_str(&compose::address_field("From", &from));
    letter.push_str(&compose::address_field("To", &mailto.recipients.join(", ")));
    letter.push_str(&compose::field(
        "Subject",
        &subject.unwrap_or(subject_of_letter),
    ));
    letter.push_str(&compose::date(around.now));
    let time = around.now.0.to_string();
    let words = ["notify", &id, &time, &mailto.recipients.join(",")];
    letter.push_str(&compose::message_id(&words, &around.hostname));
    let owner = &around.address;
    let automatic = format!("auto-notified; owner-email=\"{owner}\"");
    letter.push_str(&compose::field("Auto-Submitted", &automatic));
    match importance.as_deref() {
        Some("1") => letter.push_str("Importance: High\r\n"),
        Some("3") => letter.push_str("Importance: Low\r\n"),
        _ => {}
    }
    let mut letter = letter.into_bytes();
    letter.extend_from_slice(&compose::text_part(&body));
    Ok(letter)
}
