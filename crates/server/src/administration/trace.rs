//! What happened to a letter: what was noted of it, and what it waits for.

use super::queue::{Rests, attempt_line, concerns, data as entry_data, line as entry_line};
use super::{Failure, Reply};
use crate::house::House;
use crate::trace::found;
use engine::queue::QueueState;
use serde_json::{Value, json};

/// Everything of a letter by its name, or of the latest letters of an address.
///
/// Errors: nothing is known of it.
pub fn show(house: &House, what: &str) -> Result<Reply, Failure> {
    let events = found::of(&house.data, what);
    let mut waiting = house.engine.queue()?;
    waiting.retain(|state| state.letter.letter == what || concerns(state, what));
    if events.is_empty() && waiting.is_empty() {
        return Err(Failure::of(what, "nothing is known of such a letter"));
    }
    let mut letters: Vec<&str> = events.iter().map(|event| event.fact("letter")).collect();
    letters.extend(waiting.iter().map(|state| state.letter.letter.as_str()));
    letters.sort_unstable(); // Names ascend with time.
    letters.dedup();
    let rests = Rests::of(house)?;
    let (mut text, mut data) = (Vec::new(), Vec::new());
    for letter in letters {
        let own = events.iter().filter(|event| event.fact("letter") == letter);
        let own: Vec<&found::Event> = own.collect();
        let waits = waiting.iter().find(|state| state.letter.letter == letter);
        text.push(told(letter, &own, waits, &rests));
        data.push(json!({
            "letter": letter,
            "events": own.iter().map(|event| Value::Object(event.0.clone())).collect::<Vec<Value>>(),
            "waits": waits.map(|state| entry_data(state, rests.until(state))),
        }));
    }
    Ok(Reply::new(text.join("\n\n"), Value::Array(data)))
}

fn told(
    letter: &str,
    events: &[&found::Event],
    waits: Option<&QueueState>,
    rests: &Rests,
) -> String {
    let name = if letter.is_empty() {
        "refused before there was a letter"
    } else {
        letter
    };
    let mut lines = vec![name.to_owned()];
    lines.extend(events.iter().map(|event| format!("  {}", event.words())));
    if let Some(state) = waits {
        lines.push(format!(
            "  waits: {}",
            entry_line(state, rests.until(state))
        ));
        let history = state.letter.history.iter();
        lines.extend(history.map(|tried| format!("    {}", attempt_line(tried))));
    }
    lines.join("\n")
}
