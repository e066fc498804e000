//! Letters that wait to be sent to other servers: what they wait for, and what is done about it.

use super::{Failure, Reply};
use crate::house::House;
use crate::outbound::route::{self, Routes};
use engine::queue::{
    Attempt, EntryKey, NEVER, QueueState, QueuedRecipient, Reason, RecipientResult, Status, Tried,
    Verdict,
};
use engine::{AccountId, EngineError, Pending, Settlement, Timestamp};
use formats::moment::rfc3339;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// Whether an entry is to be kept back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Not tried until it is released.
    Hold,
    /// Tried again from now on.
    Release,
}

pub fn list(house: &House, which: &str) -> Result<Reply, Failure> {
    let entries = match which {
        "all" => house.engine.queue()?,
        which => chosen(house, which)?,
    };
    let rests = Rests::of(house)?;
    let line = |state| line(state, rests.until(state));
    let text: Vec<String> = entries.iter().map(line).collect();
    let data = |state| data(state, rests.until(state));
    let data = entries.iter().map(data).collect();
    Ok(Reply::new(text.join("\n"), Value::Array(data)))
}

pub fn show(house: &House, entry: &str) -> Result<Reply, Failure> {
    let state = find(house, entry)?;
    let letter = &state.letter;
    let until = Rests::of(house)?.until(&state);
    let mut text = vec![line(&state, until)];
    text.push(format!(
        "  came {}, is given up {}",
        rfc3339(state.created.seconds()),
        rfc3339(letter.expires.seconds())
    ));
    if let Some(via) = &letter.route {
        text.push(format!("  goes by {via}"));
    }
    for recipient in &letter.recipients {
        let answer = recipient.answer.as_deref().unwrap_or("not tried yet");
        text.push(format!("  to {}: {answer}", recipient.address));
    }
    text.extend(
        letter
            .history
            .iter()
            .map(|tried| format!("  {}", attempt_line(tried))),
    );
    Ok(Reply::new(text.join("\n"), data(&state, until)))
}

/// Which destinations are not tried for a while, because nobody was reached there.
pub struct Rests {
    routes: Routes,
    resting: HashMap<Arc<str>, Timestamp>,
}

impl Rests {
    /// Those of a running server.
    pub fn of(house: &House) -> Result<Self, Failure> {
        let routes = Routes::new(&house.configuration.delivery);
        let resting = house.scheduler.lock().resting(house.engine.now());
        Ok(Self {
            routes: routes.map_err(|why| Failure::of("configuration", why))?,
            resting: resting.into_iter().collect(),
        })
    }

    /// Until when all destinations of an entry rest.
    pub fn until(&self, state: &QueueState) -> Option<Timestamp> {
        let letter = &state.letter;
        let rest = |to: &QueuedRecipient| {
            let hop = self
                .routes
                .hop(&letter.sender, &to.address, letter.route.as_deref());
            self.resting.get(&hop.name).copied()
        };
        let all: Option<Vec<Timestamp>> = letter.recipients.iter().map(rest).collect();
        all?.into_iter().min().filter(|_| !letter.held)
    }
}

/// One attempt in plain words.
pub fn attempt_line(tried: &Tried) -> String {
    let counts = [
        (tried.delivered, "sent"),
        (tried.delayed, "delayed"),
        (tried.failed, "failed"),
    ];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let host = if tried.host.is_empty() {
        "nobody was reached".to_owned()
    } else {
        format!("{} ({})", tried.host, tried.tls)
    };
    let when = rfc3339(tried.at.seconds());
    format!("{when}  {host}: {}: {}", counts.join(", "), tried.answer)
}

pub fn hold(house: &House, which: &str, hold: Hold) -> Result<Reply, Failure> {
    let held = hold == Hold::Hold;
    if !held {
        house.scheduler.lock().wake();
    }
    let done = each(house, which, |key| {
        house.engine.queue_hold(key.account, key.id, held)
    })?;
    Ok(Reply::new(
        counted(&done),
        json!({ "entries": done, "held": held }),
    ))
}

pub fn retry(house: &House, which: &str) -> Result<Reply, Failure> {
    house.scheduler.lock().wake();
    let done = each(house, which, |key| house.engine.queue_retry(key))?;
    Ok(Reply::new(counted(&done), json!({ "entries": done })))
}

pub fn cancel(house: &House, which: &str, tell: bool) -> Result<Reply, Failure> {
    let done = each(house, which, |key| {
        if tell {
            give_back(house, key)
        } else {
            house.engine.queue_remove(key.account, key.id)
        }
    })?;
    Ok(Reply::new(
        counted(&done),
        json!({ "entries": done, "told": tell }),
    ))
}

/// Fails all recipients, which tells the sender.
fn give_back(house: &House, key: EntryKey) -> Result<Pending<()>, EngineError> {
    let state = house.engine.queue_entry(key.account, key.id)?;
    let results = state
        .letter
        .recipients
        .into_iter()
        .map(|one| RecipientResult {
            address: one.address,
            verdict: Verdict::Never(Reason::ours(Status::CANCELLED)),
        });
    let attempt = Attempt {
        host: String::new(),
        tls: String::new(),
        results: results.collect(),
        put_off_until: None,
    };
    Ok(house.engine.queue_settle(key, &attempt, 0)?.map(drop))
}

pub fn route(house: &House, which: &str, via: Option<&str>) -> Result<Reply, Failure> {
    if let Some(via) = via.filter(|via| !route::is_way(via)) {
        let why = "no way: mx, smtp:HOST[:PORT], lmtp:HOST:PORT, lmtp:/PATH or usual";
        return Err(Failure::of(via, why));
    }
    let done = each(house, which, |key| house.engine.queue_route(key, via))?;
    Ok(Reply::new(
        counted(&done),
        json!({ "entries": done, "via": via }),
    ))
}

/// How many it was done with.
fn counted(done: &[String]) -> String {
    match done.len() {
        1 => "1 letter".to_owned(),
        count => format!("{count} letters"),
    }
}

/// Does something with all entries that are meant, and waits until it is on disk.
fn each(
    house: &House,
    which: &str,
    change: impl Fn(EntryKey) -> Result<Pending<()>, EngineError>,
) -> Result<Vec<String>, Failure> {
    let mut done = Vec::new();
    let mut pending: Vec<Settlement> = Vec::new();
    let states = chosen(house, which)?;
    let is_single = parse(which).is_some();
    for state in &states {
        let key = EntryKey {
            account: state.account,
            id: state.id,
        };
        match change(key) {
            Ok(commit) => {
                pending.push(commit.split().1);
                done.push(name(state));
            }
            // Of many, one may just have been sent, or be held.
            Err(EngineError::NoSuchEntry | EngineError::Denied) if !is_single => {}
            Err(EngineError::Denied) => {
                return Err(Failure::of(which, "is held; release it first"));
            }
            Err(error) => return Err(Failure::of(name(state), error)),
        }
    }
    for commit in pending {
        commit.wait()?;
    }
    Ok(done)
}

/// The entries that are meant: one by its name, all, or those of a letter, an address or a domain.
fn chosen(house: &House, which: &str) -> Result<Vec<QueueState>, Failure> {
    if parse(which).is_some() {
        return Ok(vec![find(house, which)?]);
    }
    let mut entries = house.engine.queue()?;
    let is_meant = |state: &QueueState| concerns(state, which) || state.letter.letter == which;
    entries.retain(|state| which == "all" || is_meant(state));
    if entries.is_empty() && which != "all" {
        return Err(Failure::of(which, EngineError::NoSuchEntry));
    }
    Ok(entries)
}

/// True when an entry goes to or comes from an address, or from a domain written `@domain`.
pub fn concerns(state: &QueueState, address: &str) -> bool {
    let letter = &state.letter;
    let recipients = letter.recipients.iter().map(|one| one.address.as_str());
    recipients.chain([letter.sender.as_str()]).any(|known| {
        let known = if address.starts_with('@') {
            known
                .rfind('@')
                .and_then(|at| known.get(at..))
                .unwrap_or_default()
        } else {
            known
        };
        known.eq_ignore_ascii_case(address)
    })
}

fn find(house: &House, entry: &str) -> Result<QueueState, Failure> {
    let unknown = || Failure::of(entry, EngineError::NoSuchEntry);
    let Some((account, id)) = parse(entry) else {
        let of_letter = |state: &QueueState| state.letter.letter == entry;
        return house
            .engine
            .queue()?
            .into_iter()
            .find(of_letter)
            .ok_or_else(unknown);
    };
    house
        .engine
        .queue_entry(account, id)
        .map_err(|why| Failure::of(entry, why))
}

/// An entry's name: the account's number and the entry's, joined by a dot.
pub fn name(state: &QueueState) -> String {
    format!("{}.{}", state.account.0, state.id)
}

fn parse(entry: &str) -> Option<(AccountId, u64)> {
    let (account, id) = entry.split_once('.')?;
    Some((AccountId(account.parse().ok()?), id.parse().ok()?))
}

/// One entry in one line; its destinations may rest until a time.
pub fn line(state: &QueueState, rests_until: Option<Timestamp>) -> String {
    let letter = &state.letter;
    let recipients: Vec<&str> = letter
        .recipients
        .iter()
        .map(|recipient| recipient.address.as_str())
        .collect();
    let when = match rests_until {
        _ if letter.held => "held".to_owned(),
        Some(until) => format!(
            "due {}, its servers are not reached",
            rfc3339(until.max(state.due).seconds())
        ),
        None => format!("due {}", rfc3339(state.due.seconds())),
    };
    let from = if letter.sender.is_empty() {
        "<>"
    } else {
        &letter.sender
    };
    let line = format!(
        "{}  {}  {} bytes  {when}  from {from} to {}",
        name(state),
        letter.letter,
        state.size,
        recipients.join(" ")
    );
    match letter.history.last() {
        Some(last) => format!("{line}  tried {}, last: {}", letter.attempts, last.answer),
        None => line,
    }
}

/// The same for scripts.
pub fn data(state: &QueueState, rests_until: Option<Timestamp>) -> Value {
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
    let due = rests_until.map_or(state.due, |until| until.max(state.due));
    let due = (due < NEVER).then(|| rfc3339(due.seconds()));
    json!({
        "entry": name(state),
        "letter": letter.letter,
        "sender": letter.sender,
        "recipients": recipients,
        "bytes": state.size,
        "created": rfc3339(state.created.seconds()),
        "due": due,
        "expires": rfc3339(letter.expires.seconds()),
        "attempts": letter.attempts,
        "history": letter.history.iter().map(attempt_data).collect::<Vec<Value>>(),
        "priority": letter.priority,
        "held": letter.held,
        "route": letter.route,
        "unreached": rests_until.is_some(),
    })
}

fn attempt_data(tried: &Tried) -> Value {
    json!({
        "at": rfc3339(tried.at.seconds()),
        "host": tried.host,
        "tls": tried.tls,
        "sent": tried.delivered,
        "delayed": tried.delayed,
        "failed": tried.failed,
        "answer": tried.answer,
    })
}
