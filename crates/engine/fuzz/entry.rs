//! What is fuzzed: each function takes any bytes and checks what must hold.
//!
//! The targets beside it hand over what libFuzzer finds; `tests/fuzz_briefly.rs` hands over mutated
//! examples in every run of the tests.

use bytes::Bytes;
use engine::filter::{Action, Budget, Circumstances, Library, Mark, Surroundings, Version, run};
use engine::search::thread::{conversation_names, id_hash, message_id, references};
use engine::search::{Comparator, Needle};
use formats::message::{Summary, SummaryRef};
use formats::script::{Limits, Script};
use std::sync::Arc;

/// An account that answers yes to everything, so that every way of a script is gone.
struct Willing(Option<Arc<Script>>);

impl Surroundings for Willing {
    fn has_mailbox(&self, _: &str) -> bool {
        true
    }
    fn has_mailbox_id(&self, _: &str) -> bool {
        true
    }
    fn has_special_use(&self, _: Option<&str>, _: &str) -> bool {
        true
    }
    fn annotation(&self, _: Option<&str>, name: &str) -> Option<String> {
        Some(name.to_owned())
    }
    fn owns(&self, _: &str) -> bool {
        true
    }
    fn has_seen(&self, _: &Mark) -> bool {
        false
    }
    fn has_list(&self, _: &str) -> bool {
        true
    }
    fn is_listed(&self, _: &str, _: &str) -> bool {
        true
    }
    fn listed(&self, _: &str) -> Vec<String> {
        vec!["a@list.test".to_owned()]
    }
    fn script(&self, _: Library, _: &str) -> Option<Arc<Script>> {
        self.0.clone()
    }
}

/// A script and a letter, divided by a NUL: whatever they are, the letter has a fate, and the budget
/// is kept.
pub fn filter(bytes: &[u8]) {
    let divide = bytes
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(bytes.len());
    let (source, rest) = bytes.split_at_checked(divide).unwrap_or((bytes, &[]));
    let letter = Bytes::copy_from_slice(rest.get(1..).unwrap_or_default());
    let Ok(script) = Script::parse(source, &Limits::default()) else {
        return;
    };
    let script = Arc::new(script);
    let circumstances = Circumstances {
        sender: "bob@elsewhere.test".to_owned(),
        recipient: "alice+tag@example.test".to_owned(),
        address: "alice@example.test".to_owned(),
        hostname: "mx.example.test".to_owned(),
        tag_separator: Some('+'),
        ..Circumstances::default()
    };
    let budget = Budget {
        steps: 20_000,
        ..Budget::default()
    };
    let around = Willing(Some(Arc::clone(&script)));
    let outcome = run(&script, &letter, &circumstances, &around, budget);
    assert!(outcome.steps <= budget.steps && outcome.actions.len() <= budget.actions);
    if outcome.failure.is_some() {
        assert!(matches!(outcome.actions.as_slice(), [Action::Keep { .. }]));
    }
    for action in outcome.actions {
        match action {
            Action::Keep {
                version: Version::Header(bytes) | Version::Whole(bytes),
                ..
            }
            | Action::FileInto {
                version: Version::Header(bytes) | Version::Whole(bytes),
                ..
            } => {
                drop(Summary::of(&bytes));
            }
            Action::Send(reply) => {
                let header = formats::message::header::length(&reply.letter);
                assert!(header < reply.letter.len() && !reply.recipients.is_empty());
            }
            _ => {}
        }
    }
}

/// A text and what is looked for in it, divided by a NUL; the text is also a letter's header. What
/// is found exactly is found roughly too, however it is written, and keys and names of
/// conversations are made of anything.
pub fn search(bytes: &[u8]) {
    let divide = bytes.iter().position(|&byte| byte == 0);
    let (text, rest) = bytes.split_at(divide.unwrap_or(bytes.len()));
    let wanted = String::from_utf8_lossy(rest.get(1..).unwrap_or_default());
    let whole = String::from_utf8_lossy(text);
    let comparator = Comparator::Unicode;
    let is_in = |needle: Needle| needle.is_in(&whole);
    let exact = is_in(Needle::new(&wanted, comparator));
    let phrase = is_in(Needle::loose_phrase(&wanted, comparator));
    let words = is_in(Needle::loose(&wanted, comparator));
    assert!(!exact || phrase);
    assert!(!phrase || words);
    assert!(!words || is_in(Needle::misspelt(&wanted, comparator)));
    for comparator in [Comparator::Ascii, Comparator::Octet] {
        assert!(!whole.contains(&*wanted) || is_in(Needle::new(&wanted, comparator)));
    }
    let summary = Summary::of(text).encode();
    // Its own id, the first it refers to and the nearest dozen.
    assert!(conversation_names(&summary).len() <= 14);
    if let Ok(summary) = SummaryRef::new(&summary) {
        for id in references(&summary).chain(message_id(&summary)) {
            let _ = id_hash(id);
        }
    }
}
