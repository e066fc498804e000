//! EMAILID names the bytes of a message: a copy has it too, and SEARCH finds all of them.
//!
//! Standard: RFC 8474 §5.1.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // A test may fail.

use crate::wire::{Wire, open, stage};
use engine::Settings;

fn answer(wire: &mut Wire, command: &str) -> String {
    wire.send(format!("a {command}\r\n").as_bytes());
    wire.take()
}

/// The EMAILIDs that an answer tells, in its order.
fn told(answer: &str) -> Vec<&str> {
    let behind = answer.split("EMAILID (").skip(1);
    behind.map(|rest| rest.split_once(')').unwrap().0).collect()
}

#[test]
fn a_copy_has_the_emailid_of_its_source() {
    let mut wire = open(&stage(Settings::default()), true);
    wire.take();
    answer(&mut wire, "LOGIN alice@example.test alice");
    for subject in ["a", "b"] {
        answer(
            &mut wire,
            &format!("APPEND INBOX {{12+}}\r\nSubject: {subject}\r\n"),
        );
    }
    answer(&mut wire, "SELECT INBOX");
    answer(&mut wire, "COPY 1 INBOX");
    answer(&mut wire, "COPY 3 Trash");
    let inbox = answer(&mut wire, "FETCH 1:* EMAILID");
    let inbox = told(&inbox);
    assert_eq!(inbox.len(), 3);
    assert_eq!(inbox[0], inbox[2]);
    assert_ne!(inbox[0], inbox[1]);
    let found = answer(&mut wire, &format!("SEARCH EMAILID {}", inbox[0]));
    assert!(found.starts_with("* SEARCH 1 3\r\n"), "{found}");
    answer(&mut wire, "UID MOVE 1 Drafts");
    for folder in ["Trash", "Drafts"] {
        answer(&mut wire, &format!("SELECT {folder}"));
        let there = answer(&mut wire, "FETCH 1 EMAILID");
        assert_eq!(told(&there), inbox[..1], "{folder}");
    }
}
