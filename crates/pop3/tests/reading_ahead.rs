//! Letters that are read before they are asked for: who is served so, and that it shows in nothing
//! but time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // A test fails by panicking.

mod harness;

use engine::dialogue::Input;
use engine::rehearsal::Rehearsal;
use engine::{Reading, Role, Shelf};
use harness::{ALICE, Stage, append, connect, connect_with, house, inbox, sign_in};
use pop3::Limits;
use proptest::prelude::*;
use std::fmt::Write;

/// Alice's Inbox with so many letters; those behind the first three have a line that is doubled and
/// so many bytes more.
fn house_of(letters: usize, bytes: usize) -> Rehearsal {
    let house = house();
    let rest = "x".repeat(bytes);
    for number in inbox(&house).len()..letters {
        append(
            &house,
            format!("Subject: {number}\r\n\r\n.\r\n{rest}").as_bytes(),
        );
    }
    house
}

fn signed_in_to(house: &Rehearsal, limits: Limits) -> Stage {
    let mut stage = connect_with(house, true, limits);
    sign_in(&mut stage);
    stage.pause_seconds = 1;
    stage
}

/// What commands lead to, and how many steps at the disk they took.
fn served(stage: &mut Stage, commands: &str) -> (String, i64) {
    let begun = stage.house.engine.now().seconds();
    stage.send(commands.as_bytes());
    (stage.take(), stage.house.engine.now().seconds() - begun)
}

fn fetched(stage: &mut Stage, number: usize) -> (String, i64) {
    served(stage, &format!("RETR {number}\r\n"))
}

/// Fetches letters one after the other; how many steps that took in all.
fn fetch_each(stage: &mut Stage, numbers: impl Iterator<Item = usize>) -> i64 {
    numbers.map(|number| fetched(stage, number).1).sum()
}

#[test]
fn letters_fetched_in_order_are_read_before_they_are_asked_for_ever_more_at_once() {
    let house = house_of(60, 100);
    let mut stage = signed_in_to(&house, Limits::default());
    let steps: Vec<_> = (1..=60)
        .map(|number| fetched(&mut stage, number).1)
        .collect();
    // The second is followed by the step for the next two, these by that for four, and so on.
    let mut expected = vec![0; 60];
    for (number, steps) in [(1, 1), (2, 2), (4, 1), (8, 1), (16, 1), (32, 1), (48, 1)] {
        expected[number - 1] = steps;
    }
    assert_eq!(steps, expected);
}

#[test]
fn what_was_read_ahead_is_what_would_be_read_now() {
    let house = house_of(40, 3000);
    let mut backwards = signed_in_to(&house, Limits::default());
    let mut expected: Vec<_> = (1..=40)
        .rev()
        .map(|number| fetched(&mut backwards, number))
        .collect();
    expected.reverse();
    assert!(
        expected.iter().all(|(_, steps)| *steps == 1),
        "nothing is read ahead backwards"
    );
    let mut stage = signed_in_to(&house, Limits::default());
    for (number, (letter, _)) in (1..).zip(&expected) {
        assert_eq!(fetched(&mut stage, number).0, *letter, "{number}");
        served(&mut stage, &format!("DELE {number}\r\n"));
    }
    served(&mut stage, "QUIT\r\n");
    assert_eq!(inbox(&house), []);
}

#[test]
fn replies_stand_in_the_order_of_their_commands() {
    let house = house_of(9, 10);
    let mut stage = signed_in_to(&house, Limits::default());
    fetch_each(&mut stage, 1..=4);
    let (said, steps) = served(&mut stage, "NOOP\r\nRETR 5\r\nDELE 5\r\nRETR 6\r\nSTAT\r\n");
    let letter =
        |number| format!("+OK 27 octets\r\nSubject: {number}\r\n\r\n..\r\nxxxxxxxxxx\r\n.\r\n");
    let (fifth, sixth) = (letter(4), letter(5));
    assert_eq!(
        said,
        format!("+OK Here\r\n{fifth}+OK Marked\r\n{sixth}+OK 8 216\r\n")
    );
    assert_eq!(steps, 0);
}

#[test]
fn a_deleted_letter_is_refused_though_it_was_read_ahead() {
    let house = house_of(9, 10);
    let mut stage = signed_in_to(&house, Limits::default());
    fetch_each(&mut stage, 1..=4);
    let (said, _) = served(&mut stage, "DELE 5\r\nRETR 5\r\nRSET\r\n");
    assert_eq!(
        said,
        "+OK Marked\r\n-ERR No such letter\r\n+OK Marks taken off\r\n"
    );
    let (said, steps) = fetched(&mut stage, 5);
    assert!(said.contains("Subject: 4"));
    assert_eq!(steps, 0);
}

#[test]
fn a_letter_deleted_unread_is_passed_over() {
    let house = house_of(20, 10);
    let mut stage = signed_in_to(&house, Limits::default());
    served(&mut stage, "DELE 4\r\n");
    fetch_each(&mut stage, 1..=3);
    assert_eq!(
        fetch_each(&mut stage, 5..=6),
        1,
        "read ahead were 3 and 5, then 6 to 9"
    );
    assert_eq!(fetch_each(&mut stage, 7..=8), 0);
}

#[test]
fn only_letters_that_were_sent_become_seen() {
    let house = house_of(9, 10);
    let mut stage = signed_in_to(&house, Limits::default());
    fetch_each(&mut stage, 1..=5);
    served(&mut stage, "QUIT\r\n");
    let seen = inbox(&house).into_iter().filter(|(_, seen)| *seen);
    assert_eq!(seen.count(), 5);
    let signed_out = stage
        .log
        .iter()
        .find(|record| record.event == "signed out")
        .unwrap();
    assert!(signed_out.facts.contains(&("fetched", "5".to_owned())));
}

#[test]
fn a_letter_that_is_gone_for_good_is_told_so_though_it_was_read_ahead() {
    let house = house_of(9, 10);
    let mut stage = signed_in_to(&house, Limits::default());
    fetch_each(&mut stage, 1..=4);
    let number = house.number(ALICE).unwrap();
    let account = house.engine.account_as_server(number);
    let view = account.read().unwrap();
    let (folder, _) = view.folder_with_role(Role::Inbox).unwrap().unwrap();
    let all = view.uids(folder, Shelf::Mail).unwrap();
    drop(view);
    let removed = account.write(|txn| txn.expunge_all(folder, &all));
    removed.unwrap().wait().unwrap();
    house.pass(100 * 24 * 3600);
    house
        .engine
        .purge_recoverable(number)
        .unwrap()
        .wait()
        .unwrap();
    stage.look_up();
    assert_eq!(
        fetched(&mut stage, 5).0,
        "-ERR [SYS/PERM] The letter has been removed\r\n"
    );
}

#[test]
fn whatever_changes_in_the_account_has_letters_read_anew() {
    let house = house_of(20, 10);
    let mut stage = signed_in_to(&house, Limits::default());
    fetch_each(&mut stage, 1..=5);
    append(&house, b"Subject: new\r\n\r\n");
    stage.look_up();
    assert_eq!(fetched(&mut stage, 6).1, 1);
    assert_eq!(fetched(&mut stage, 7).1, 2, "and then ahead again");
    assert_eq!(fetched(&mut stage, 8).1, 0);
}

#[test]
fn what_is_of_no_use_for_a_while_is_given_back() {
    let house = house_of(20, 10);
    let mut stage = signed_in_to(&house, Limits::default());
    fetch_each(&mut stage, 1..=5);
    stage.give(Input::Timeout);
    assert_eq!(fetched(&mut stage, 6).1, 1);
}

#[test]
fn who_chooses_letters_has_none_read_ahead() {
    let house = house_of(40, 10);
    let mut stage = signed_in_to(&house, Limits::default());
    let every_other = (1..40).step_by(2);
    assert_eq!(fetch_each(&mut stage, every_other), 20);
    let mut stage = signed_in_to(&house, Limits::default());
    fetch_each(&mut stage, 1..=4);
    assert_eq!(
        fetched(&mut stage, 7).1,
        1,
        "what was read for 5 is of no use"
    );
    assert_eq!(fetched(&mut stage, 5).1, 1);
}

#[test]
fn what_is_read_ahead_is_bounded_in_bytes() {
    let house = house_of(24, 100_000);
    let mut stage = signed_in_to(&house, Limits::default());
    fetch_each(&mut stage, 1..=4);
    let steps: Vec<_> = (5..=10)
        .map(|number| fetched(&mut stage, number).1)
        .collect();
    assert_eq!(steps, [0, 1, 0, 1, 0, 1], "256 KiB are two such letters");
    let house = house_of(12, 300_000);
    let mut stage = signed_in_to(&house, Limits::default());
    let steps: Vec<_> = (1..=8)
        .map(|number| fetched(&mut stage, number).1)
        .collect();
    assert_eq!(
        steps,
        [1, 2, 0, 2, 2, 2, 2, 2],
        "larger ones only come in pieces"
    );
}

#[test]
fn so_many_sessions_read_ahead_at_a_time() {
    let house = house_of(20, 10);
    let limits = Limits {
        readers_max: 0,
        ..Limits::default()
    };
    let mut stage = signed_in_to(&house, limits);
    assert_eq!(fetch_each(&mut stage, 1..=20), 20);
}

#[test]
fn pipelined_letters_come_as_ever() {
    let house = house_of(30, 1000);
    let pipelined = (1..=30).fold(String::new(), |mut all, number| {
        write!(all, "RETR {number}\r\nDELE {number}\r\n").unwrap();
        all
    });
    let mut stage = connect(&house, true);
    sign_in(&mut stage);
    stage.send(pipelined.as_bytes());
    let said = stage.take();
    assert_eq!(said.matches("\r\n.\r\n+OK Marked\r\n").count(), 30);
}

const COMMANDS: &[&str] = &[
    "RETR", "RETR", "RETR", "RETR", "DELE", "TOP", "NOOP", "RSET", "STAT",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn reading_ahead_shows_in_no_reply(
        picks in proptest::collection::vec((0..COMMANDS.len(), 0..30_usize), 1..80),
        cut in 1usize..60,
    ) {
        let house = house_of(12, 700);
        let mut number = 1;
        let text = picks.iter().fold(String::new(), |mut text, &(pick, step)| {
            number = if step < 12 { step + 1 } else { number % 12 + 1 };
            match COMMANDS[pick] {
                "TOP" => write!(text, "TOP {number} 1\r\n").unwrap(),
                command @ ("RETR" | "DELE") => write!(text, "{command} {number}\r\n").unwrap(),
                command => write!(text, "{command}\r\n").unwrap(),
            }
            text
        });
        let mut told = Vec::new();
        for readers_max in [0, 1] {
            let limits = Limits { readers_max, errors_max: 1_000, ..Limits::default() };
            let mut stage = signed_in_to(&house, limits);
            text.as_bytes().chunks(cut).for_each(|piece| stage.send(piece));
            told.push(stage.take());
        }
        prop_assert_eq!(&told[0], &told[1]);
    }
}
