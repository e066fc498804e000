//! Letters that wait to be sent to other servers.

use super::{Failure, Reply};
use crate::house::House;
use crate::moment::rfc3339;
use engine::queue::QueueState;
use engine::{AccountId, EngineError};
use serde_json::{Value, json};

/// Whether an entry is to be kept back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Not tried until it is released.
    Hold,
    /// Tried again from now on.
    Release,
}

pub fn list(house: &House) -> Result<Reply, Failure> {
    let entries = house.engine.queue()?;
    let text: Vec<String> = entries.iter().map(line).collect();
    Ok(Reply::new(
        text.join("\n"),
        Value::Array(entries.iter().map(data).collect()),
    ))
}

pub fn show(house: &House, entry: &str) -> Result<Reply, Failure> {
    let state = find(house, entry)?;
    let mut text = vec![line(&state)];
    for recipient in &state.letter.recipients {
        let progress = recipient.answer.as_deref().unwrap_or("waiting");
        text.push(format!("  {}  {progress}", recipient.address));
    }
    Ok(Reply::new(text.join("\n"), data(&state)))
}

pub fn hold(house: &House, entry: &str, hold: Hold) -> Result<Reply, Failure> {
    let (account, id) = parse(entry)?;
    let changed = house.engine.queue_hold(account, id, hold == Hold::Hold);
    changed.map_err(|why| Failure::of(entry, why))?.wait()?;
    Ok(Reply::new(
        "",
        json!({ "entry": entry, "held": hold == Hold::Hold }),
    ))
}

pub fn remove(house: &House, entry: &str) -> Result<Reply, Failure> {
    find(house, entry)?;
    let (account, id) = parse(entry)?;
    let removed = house.engine.queue_remove(account, id);
    removed.map_err(|why| Failure::of(entry, why))?.wait()?;
    Ok(Reply::new("", json!({ "entry": entry, "removed": true })))
}

fn find(house: &House, entry: &str) -> Result<QueueState, Failure> {
    let (account, id) = parse(entry)?;
    house
        .engine
        .queue_entry(account, id)
        .map_err(|why| Failure::of(entry, why))
}

/// An entry's name: the account's number and the entry's, joined by a dot.
fn name(state: &QueueState) -> String {
    format!("{}.{}", state.account.0, state.id)
}

fn parse(entry: &str) -> Result<(AccountId, u64), Failure> {
    let parsed = entry
        .split_once('.')
        .and_then(|(account, id)| Some((AccountId(account.parse().ok()?), id.parse().ok()?)));
    parsed.ok_or_else(|| Failure::of(entry, EngineError::NoSuchEntry))
}

fn line(state: &QueueState) -> String {
    let letter = &state.letter;
    let recipients: Vec<&str> = letter
        .recipients
        .iter()
        .map(|recipient| recipient.address.as_str())
        .collect();
    let when = if letter.held {
        "held".to_owned()
    } else {
        format!("due {}", rfc3339(state.due.seconds()))
    };
    let from = if letter.sender.is_empty() {
        "<>"
    } else {
        &letter.sender
    };
    format!(
        "{}  {}  {} bytes  {when}  from {from} to {}",
        name(state),
        letter.letter,
        state.size,
        recipients.join(" ")
    )
}

fn data(state: &QueueState) -> Value {
    let letter = &state.letter;
    let recipients: Vec<Value> = letter
        .recipients
        .iter()
        .map(|recipient| {
            json!({
                "address": recipient.address,
                "answer": recipient.answer,
            })
        })
        .collect();
    json!({
        "entry": name(state),
        "letter": letter.letter,
        "sender": letter.sender,
        "recipients": recipients,
        "bytes": state.size,
        "created": rfc3339(state.created.seconds()),
        "due": rfc3339(state.due.seconds()),
        "attempts": letter.attempts,
        "held": letter.held,
    })
}
