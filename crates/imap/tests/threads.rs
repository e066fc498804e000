//! Messages are told to belong together (THREADID) as they come, for good and in all mailboxes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::wire::{Wire, open, stage};
use engine::Settings;

fn ask(wire: &mut Wire, command: &str) -> String {
    wire.send(format!("x {command}\r\n").as_bytes());
    let told = wire.take();
    assert!(told.contains("x OK"), "{command}\n{told}");
    told
}

fn append(wire: &mut Wire, mailbox: &str, header: &[&str]) {
    let text = format!("{}\r\n\r\nx\r\n", header.join("\r\n"));
    let command = format!("APPEND {mailbox} {{{}+}}\r\n{text}", text.len());
    ask(wire, &command);
}

/// The threads of the open mailbox's messages, in order.
fn threads(wire: &mut Wire) -> Vec<String> {
    let told = ask(wire, "FETCH 1:* (THREADID)");
    let lines = told
        .lines()
        .filter_map(|line| line.split_once("THREADID ("));
    lines
        .map(|(_, id)| id.trim_end_matches(')').to_owned())
        .collect()
}

#[test]
fn an_answer_is_in_the_thread_of_what_it_answers_unless_it_changes_the_subject() {
    let stage = stage(Settings::default());
    let mut wire = open(&stage, true);
    ask(&mut wire, "LOGIN alice@example.test alice");
    ask(&mut wire, "CREATE Other");
    let id = |n: u8| format!("Message-ID: <m{n}@x.example>");
    append(&mut wire, "INBOX", &[&id(1), "Subject: Lunch"]);
    append(
        &mut wire,
        "INBOX",
        &[&id(2), "Subject: Re: LUNCH", "In-Reply-To: <m1@x.example>"],
    );
    append(
        &mut wire,
        "INBOX",
        &[&id(3), "Subject: Dinner", "References: <m1@x.example>"],
    );
    append(
        &mut wire,
        "INBOX",
        &[
            &id(4),
            "Subject: Fwd: lunch",
            "References: <m0@x.example> <m2@x.example>",
        ],
    );
    append(&mut wire, "INBOX", &["Subject: Lunch"]);
    // An answer to a letter that is not here yet, which then comes.
    append(
        &mut wire,
        "INBOX",
        &[&id(6), "Subject: Re: Tea", "References: <m7@x.example>"],
    );
    append(&mut wire, "INBOX", &[&id(7), "Subject: Tea"]);
    append(
        &mut wire,
        "Other",
        &[&id(8), "Subject: Re: lunch", "References: <m4@x.example>"],
    );
    ask(&mut wire, "SELECT INBOX");
    let inbox = threads(&mut wire);
    assert_eq!(inbox.len(), 7);
    assert!(inbox[1] == inbox[0] && inbox[3] == inbox[0], "{inbox:?}");
    assert!(inbox[2] != inbox[0] && inbox[4] != inbox[0], "{inbox:?}");
    assert_eq!(inbox[5], inbox[6]);
    let found = ask(&mut wire, &format!("SEARCH THREADID {}", inbox[0]));
    assert!(found.starts_with("* SEARCH 1 2 4\r\n"), "{found}");
    assert!(ask(&mut wire, "SEARCH THREADID T99999").starts_with("* SEARCH\r\n"));
    assert!(ask(&mut wire, "SEARCH THREADID x").starts_with("* SEARCH\r\n"));

    // Copies and moved messages stay with the others.
    ask(&mut wire, "COPY 2,5 Other");
    ask(&mut wire, "MOVE 1 Other");
    assert_eq!(threads(&mut wire), inbox[1..]);
    ask(&mut wire, "SELECT Other");
    let other = threads(&mut wire);
    assert_eq!(
        other,
        [&inbox[0], &inbox[0], &inbox[4], &inbox[0]].map(String::as_str)
    );
    let found = ask(&mut wire, &format!("SEARCH THREADID {}", inbox[0]));
    assert!(found.starts_with("* SEARCH 1 2 4\r\n"), "{found}");
}
