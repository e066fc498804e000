//! The dialogues of `tests/dialogues`, one test for each file.

mod harness;

engine::dialogues! {
    "dialogues", harness::run;
    greeting order mail recipient data chunks smuggling authentication encryption lmtp local
    limits
}
