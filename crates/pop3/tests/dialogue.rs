//! The dialogues of `tests/dialogues`, one test for each file.

mod harness;

engine::dialogues! { "dialogues", harness::run; sign_in reading deleting capabilities order }
