//! EXPUNGE and CLOSE remove what is marked when they are asked, also in folders so large that the
//! sets of flags are asked and not the rows.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::wire::Wire;
use engine::Settings;

/// More than are looked at one by one.
const LETTERS: usize = 300;

/// Sends a command; what was answered to it, without the tag.
fn told(wire: &mut Wire, command: &str) -> Vec<String> {
    wire.send(format!("t {command}\r\n").as_bytes());
    wire.lines()
}

fn expunged(wire: &mut Wire, command: &str) -> Vec<String> {
    let mut lines = told(wire, command);
    assert!(lines.pop().unwrap().starts_with("t OK"), "{lines:?}");
    lines.retain(|line| line.ends_with(" EXPUNGE"));
    lines
}

fn filled() -> (engine::rehearsal::Rehearsal, Wire) {
    let house = crate::wire::stage(Settings::default());
    let mut alice = crate::wire::open(&house, true);
    told(&mut alice, "LOGIN alice@example.test alice");
    for _ in 0..LETTERS {
        told(&mut alice, "APPEND INBOX {14+}\r\nSubject: x\r\n\r\n");
    }
    told(&mut alice, "SELECT INBOX");
    (house, alice)
}

#[test]
fn what_is_marked_when_it_is_asked_goes_and_nothing_else() {
    let (house, mut alice) = filled();
    assert!(expunged(&mut alice, "EXPUNGE").is_empty());
    told(&mut alice, "STORE 5,299 +FLAGS.SILENT (\\Deleted)");
    assert_eq!(
        expunged(&mut alice, "EXPUNGE"),
        ["* 299 EXPUNGE", "* 5 EXPUNGE"]
    );
    // The sets are there now; they follow what this and other sessions change.
    told(&mut alice, "STORE 7,8 +FLAGS.SILENT (\\Deleted)");
    told(&mut alice, "STORE 7 -FLAGS.SILENT (\\Deleted)");
    let mut other = crate::wire::open(&house, true);
    told(&mut other, "LOGIN alice@example.test alice");
    told(&mut other, "SELECT INBOX");
    told(&mut other, "STORE 20 +FLAGS.SILENT (\\Deleted)");
    assert_eq!(
        expunged(&mut alice, "EXPUNGE"),
        ["* 20 EXPUNGE", "* 8 EXPUNGE"]
    );
    // A set of UIDs keeps the others, in few letters and in many.
    told(&mut alice, "STORE 1,100,290 +FLAGS.SILENT (\\Deleted)");
    assert_eq!(expunged(&mut alice, "UID EXPUNGE 1:3"), ["* 1 EXPUNGE"]);
    assert_eq!(expunged(&mut alice, "UID EXPUNGE 1:290"), ["* 99 EXPUNGE"]);
    told(&mut alice, "CLOSE");
    let status = told(&mut alice, "STATUS INBOX (MESSAGES)");
    assert!(status[0].ends_with("(MESSAGES 293)"), "{status:?}");
}
