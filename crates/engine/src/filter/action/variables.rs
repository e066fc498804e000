//! `set` and what it can do to a value.
//!
//! Standards: RFC 5229 §4, RFC 5435 §6 (`:encodeurl`), draft-ietf-sieve-regex (`:quoteregex`).

use crate::filter::machine::{Failure, Machine};
use formats::script::Node;
use std::fmt::Write;

pub(super) fn set(machine: &mut Machine<'_>, node: &Node) -> Result<(), Failure> {
    let name = machine.expand_first(node.texts(0))?;
    let value = machine.expand_first(node.texts(1))?;
    machine.set_variable(&name, modified(node, value))
}

/// A value after all modifiers, the highest precedence first.
pub(super) fn modified(node: &Node, mut value: String) -> String {
    if node.has(":lower") {
        value = value.to_lowercase();
    } else if node.has(":upper") {
        value = value.to_uppercase();
    }
    let mut characters = value.chars();
    if node.has(":lowerfirst") {
        let first = characters.next().map(char::to_lowercase);
        value = first.into_iter().flatten().chain(characters).collect();
    } else if node.has(":upperfirst") {
        let first = characters.next().map(char::to_uppercase);
        value = first.into_iter().flatten().chain(characters).collect();
    }
    if node.has(":quotewildcard") {
        value = escaped(&value, "*?\\");
    } else if node.has(":quoteregex") {
        value = escaped(&value, "\\^$.[|()?*+{}");
    }
    if node.has(":encodeurl") {
        value = percent_encoded(&value);
    }
    if node.has(":length") {
        value = value.chars().count().to_string();
    }
    value
}

fn escaped(value: &str, special: &str) -> String {
    let escape = |c: char| special.contains(c).then_some('\\').into_iter().chain([c]);
    value.chars().flat_map(escape).collect()
}

/// All but the unreserved characters (RFC 3986 §2.3).
fn percent_encoded(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            // Writing to a string never fails.
            _ => _ = write!(encoded, "%{byte:02X}"),
        }
    }
    encoded
}
