//! The Authentication-Results field.
//!
//! What comes from others is cut down to what cannot end the line or the value. Start at
//! [`field`].
//!
//! Standards: RFC 8601 (the field), RFC 6008 (`header.b`, left out), RFC 7489 §11 (DMARC), RFC 8617
//! §10 (ARC).

use engine::examination::Examination;
use engine::examination::authentication::{Authentication, Author, Outcome, Policy};
use std::fmt::Write;

/// Characters of a value that are kept.
const VALUE_MAX: usize = 255;
/// Signatures that are told of.
const SIGNATURES_MAX: usize = 6;

/// The field with its line end. `hostname` is who says so.
pub fn field(hostname: &str, letter: &Examination, found: &Authentication) -> String {
    let mut field = format!("Authentication-Results: {hostname}");
    let mut add = |method: &str, outcome: Outcome, facts: &[(&str, &str)]| {
        // Writing to a string never fails.
        _ = write!(field, ";\r\n\t{method}={}", outcome.word());
        for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
            _ = write!(field, " {name}={}", harmless(value));
        }
    };
    let (identity, value) = match letter.sender.as_str() {
        "" => ("smtp.helo", &letter.greeting),
        _ => ("smtp.mailfrom", &letter.sender),
    };
    add("spf", found.spf, &[(identity, value)]);
    for one in found.signatures.iter().take(SIGNATURES_MAX) {
        let facts = [("header.d", &*one.domain), ("header.s", &*one.selector)];
        add("dkim", one.outcome, &facts);
    }
    if found.signatures.is_empty() {
        add("dkim", Outcome::None, &[]);
    }
    let policy = match found.policy {
        Policy::None => "none",
        Policy::Quarantine => "quarantine",
        Policy::Reject => "reject",
    };
    match &found.author {
        Author::Domain(domain) => {
            let facts = [("header.from", &**domain), ("policy.dmarc", policy)];
            add("dmarc", found.dmarc, &facts);
        }
        Author::Unknown | Author::Unclear => add("dmarc", Outcome::PermanentError, &[]),
    }
    if found.arc != Outcome::None {
        add("arc", found.arc, &[]);
    }
    let peer = letter.peer.map(|peer| peer.to_string()).unwrap_or_default();
    add("iprev", found.reverse, &[("policy.iprev", &peer)]);
    field.push_str("\r\n");
    field
}

/// A value that stands in quotes if it must.
fn harmless(value: &str) -> String {
    let kept: String = value
        .chars()
        .filter(|c| !c.is_control() && !matches!(c, '"' | '\\'))
        .take(VALUE_MAX)
        .collect();
    let is_plain = |c: char| c.is_alphanumeric() || "@.-_+=/".contains(c);
    if kept.chars().all(is_plain) {
        kept
    } else {
        format!("\"{kept}\"")
    }
}
