//! What is fuzzed: each function takes any bytes and checks what must hold.
//!
//! The targets beside it hand over what libFuzzer finds; `tests/fuzz_briefly.rs` hands over mutated
//! examples in every run of the tests.

use bytes::Bytes;
use engine::filter::{Action, Budget, Circumstances, Library, Mark, Surroundings, Version, run};
use formats::message::Summary;
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
