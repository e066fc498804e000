//! What outlasts a dialogue: unique ids, other sessions, policies, failures.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // A test fails by panicking.

mod harness;

use engine::directory::FetchPolicy;
use engine::directory::administration::AccountChange;
use engine::{Reading, Role, StoreError, Transfer};
use harness::{
    ALICE, LETTERS, Stage, append, connect, connect_with, deliver, inbox, sign_in, signed_in, stage,
};
use pop3::Limits;
use proptest::prelude::*;

fn unique_ids(stage: &mut Stage) -> Vec<String> {
    stage.send(b"UIDL\r\n");
    let lines = stage.lines();
    lines[1..lines.len() - 1]
        .iter()
        .map(|line| line.split_once(' ').unwrap().1.to_owned())
        .collect()
}

fn set_policy(stage: &Stage, policy: FetchPolicy) {
    let change = AccountChange {
        fetch_policy: Some(policy),
        ..AccountChange::default()
    };
    let number = stage.house.number(ALICE).unwrap();
    stage
        .house
        .engine
        .change_account(number, &change)
        .unwrap()
        .wait()
        .unwrap();
}

#[test]
fn unique_ids_differ_and_stay_the_same_in_every_session() {
    let mut stage = signed_in();
    let first = unique_ids(&mut stage);
    assert!(first.iter().all(|id| (1..=70).contains(&id.len())));
    assert_ne!(first[0], first[1]);
    stage.send(b"DELE 2\r\nQUIT\r\n");
    append(&stage.house, LETTERS[1]);
    stage = connect(&stage.house, true);
    stage.lines();
    sign_in(&mut stage);
    let second = unique_ids(&mut stage);
    assert_eq!(second[..2], [first[0].clone(), first[2].clone()]);
    assert!(
        !first.contains(&second[2]),
        "the same bytes as another letter's are another letter"
    );
}

#[test]
fn an_imported_letter_keeps_the_unique_id_it_had() {
    let mut stage = stage(true);
    let account = stage
        .house
        .engine
        .account_as_server(stage.house.number(ALICE).unwrap());
    let (folder, _) = account
        .read()
        .unwrap()
        .folder_with_role(Role::Inbox)
        .unwrap()
        .unwrap();
    let second = engine::Location::mail(folder, inbox(&stage.house)[1].0);
    let kept = account.write(|txn| txn.set_retrieval_name(second, "0000000a5f3c"));
    kept.unwrap().wait().unwrap();
    stage.lines();
    sign_in(&mut stage);
    let names = unique_ids(&mut stage);
    assert_eq!(names[1], "0000000a5f3c");
    assert_eq!(names.len(), 3);
    stage.send(b"UIDL 2\r\n");
    assert_eq!(stage.lines(), ["+OK 2 0000000a5f3c"]);
}

#[test]
fn mail_that_comes_during_a_session_is_seen_by_the_next() {
    let mut stage = signed_in();
    append(&stage.house, b"Subject: four\r\n\r\n");
    stage.send(b"STAT\r\nRETR 4\r\n");
    assert_eq!(stage.lines(), ["+OK 3 81", "-ERR No such letter"]);
    stage = connect(&stage.house, true);
    stage.lines();
    sign_in(&mut stage);
    stage.send(b"STAT\r\n");
    assert_eq!(stage.lines(), ["+OK 4 98"]);
}

#[test]
fn a_letter_removed_by_another_is_still_read_and_its_deletion_is_no_error() {
    let mut stage = signed_in();
    let account = stage
        .house
        .engine
        .account_as_server(stage.house.number(ALICE).unwrap());
    let (folder, _) = account
        .read()
        .unwrap()
        .folder_with_role(Role::Inbox)
        .unwrap()
        .unwrap();
    let all = account
        .read()
        .unwrap()
        .uids(folder, engine::Shelf::Mail)
        .unwrap();
    account
        .write(|txn| txn.expunge_all(folder, &all))
        .unwrap()
        .wait()
        .unwrap();
    stage.send(b"RETR 2\r\nDELE 2\r\nQUIT\r\n");
    let lines = stage.lines();
    assert_eq!(lines[..2], ["+OK 24 octets", "Subject: two"]);
    assert_eq!(lines[lines.len() - 2..], ["+OK Marked", "+OK Bye"]);
}

#[test]
fn a_letter_moved_away_and_back_is_still_deleted_at_quit() {
    let mut stage = signed_in();
    let account = stage
        .house
        .engine
        .account_as_server(stage.house.number(ALICE).unwrap());
    let folder = |role| {
        let view = account.read().unwrap();
        view.folder_with_role(role).unwrap().unwrap().0
    };
    let (inbox_folder, trash) = (folder(Role::Inbox), folder(Role::Trash));
    let second = engine::Location::mail(inbox_folder, inbox(&stage.house)[1].0);
    let move_to = |at, to| {
        let moved = account.write(|txn| txn.transfer(Transfer::Move, at, to));
        moved.unwrap().wait().unwrap().at
    };
    let back = move_to(move_to(second, trash), inbox_folder).uid;
    stage.send(b"DELE 2\r\nQUIT\r\n");
    let left = inbox(&stage.house);
    assert!(left.len() == 2 && left.iter().all(|(uid, _)| *uid != back));
}

#[test]
fn a_delivered_letter_comes_with_its_trace_lines_and_its_full_size() {
    let mut stage = stage(true);
    deliver(&stage.house, LETTERS[0]);
    stage.lines();
    sign_in(&mut stage);
    stage.send(b"RETR 4\r\n");
    let said = String::from_utf8(std::mem::take(&mut stage.said)).unwrap();
    let (head, letter) = said.split_once("\r\n").unwrap();
    assert!(letter.starts_with("Return-Path: <>\r\nDelivered-To: alice@example.test\r\nReceived:"));
    assert!(letter.ends_with("Subject: one\r\n\r\nfirst\r\n..dot\r\n...\r\n.\r\n"));
    // Two dots were doubled, and the last line is not the letter's.
    assert_eq!(head, format!("+OK {} octets", letter.len() - 2 - 3));
}

#[test]
fn letters_fetched_and_kept_become_seen_at_quit() {
    let mut stage = signed_in();
    stage.send(b"RETR 1\r\nTOP 2 5\r\n");
    assert!(inbox(&stage.house).iter().all(|(_, seen)| !seen));
    stage.send(b"QUIT\r\n");
    let seen: Vec<bool> = inbox(&stage.house)
        .into_iter()
        .map(|(_, seen)| seen)
        .collect();
    assert_eq!(seen, [true, false, false]);
}

#[test]
fn the_administrator_may_have_letters_kept() {
    let mut stage = stage(true);
    set_policy(&stage, FetchPolicy::Keep);
    stage.lines();
    sign_in(&mut stage);
    stage.send(b"DELE 1\r\nSTAT\r\nQUIT\r\n");
    assert_eq!(stage.lines(), ["+OK Marked", "+OK 2 48", "+OK Bye"]);
    assert_eq!(inbox(&stage.house).len(), 3);
}

#[test]
fn the_administrator_may_have_fetched_letters_kept_for_some_days() {
    let mut stage = stage(true);
    set_policy(&stage, FetchPolicy::KeepDays(7));
    for (days, left) in [(6, 3), (2, 1)] {
        stage.house.pass(days * 24 * 3600);
        stage = connect(&stage.house, true);
        stage.lines();
        sign_in(&mut stage);
        stage.send(b"CAPA\r\n");
        assert!(stage.lines().contains(&"EXPIRE 7".to_owned()));
        stage.send(b"DELE 1\r\nRETR 2\r\nQUIT\r\n");
        stage.lines();
        assert_eq!(inbox(&stage.house).len(), left, "after {days} more days");
    }
}

#[test]
fn nothing_is_told_deleted_that_is_not() {
    for how in ["commit", "settling"] {
        let mut stage = signed_in();
        stage.send(b"DELE 1\r\n");
        stage.lines();
        match how {
            "commit" => stage.house.fail_next_commit(StoreError::Full),
            _ => stage.house.fail_next_settling(),
        }
        stage.send(b"QUIT\r\n");
        assert_eq!(
            stage.lines(),
            ["-ERR [SYS/TEMP] Nothing was deleted, try again later"],
            "{how}"
        );
        assert!(stage.is_closed);
    }
}

#[test]
fn a_large_letter_goes_out_in_pieces_byte_for_byte() {
    let mut letter = b"Subject: large\r\n\r\n".to_vec();
    for line in 0..60_000 {
        letter.extend_from_slice(format!(".{line} and more\r\n").as_bytes());
    }
    let mut stage = stage(true);
    append(&stage.house, &letter);
    stage.lines();
    sign_in(&mut stage);
    stage.send(b"RETR 4\r\nNOOP\r\n");
    let said = std::mem::take(&mut stage.said);
    let text = String::from_utf8(said).unwrap();
    let (head, rest) = text.split_once("\r\n").unwrap();
    assert_eq!(head, format!("+OK {} octets", letter.len()));
    let body = rest.strip_suffix(".\r\n+OK Here\r\n").unwrap();
    assert_eq!(body.replace("\r\n..", "\r\n.").as_bytes(), letter);
}

#[test]
fn a_long_list_goes_out_in_pieces() {
    let mut stage = stage(true);
    for _ in 0..9_000 {
        append(&stage.house, b"a: b\r\n\r\n");
    }
    stage.lines();
    sign_in(&mut stage);
    stage.send(b"UIDL\r\nLIST\r\nNOOP\r\n");
    let lines = stage.lines();
    assert_eq!(lines.len(), 2 * (9_003 + 2) + 1);
    assert!(lines[9_003].starts_with("9003 "));
    assert_eq!(lines[9_004], ".");
}

#[test]
fn an_idle_session_ends_and_deletes_nothing() {
    let mut stage = signed_in();
    stage.send(b"DELE 1\r\n");
    stage.lines();
    stage.house.pass(599);
    stage.give(engine::dialogue::Input::Timeout);
    assert!(!stage.is_closed);
    stage.house.pass(2);
    stage.give(engine::dialogue::Input::Timeout);
    assert_eq!(stage.lines(), ["-ERR Time is up"]);
    assert_eq!(inbox(&stage.house).len(), 3);
}

#[test]
fn who_does_not_sign_in_soon_is_let_go() {
    let mut stage = stage(true);
    stage.lines();
    stage.house.pass(61);
    stage.give(engine::dialogue::Input::Timeout);
    assert!(stage.is_closed);
}

const COMMANDS: &[&str] = &[
    "STAT", "LIST 1", "UIDL 2", "DELE 1", "DELE 2", "DELE 7", "RSET", "NOOP", "LIST 9", "RETR 9",
    "FOO", "USER a", "STLS x", "LANG en", "UTF8", "TOP 1", "\u{e9}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn however_commands_are_cut_there_is_one_reply_to_each(
        picks in proptest::collection::vec(0..COMMANDS.len(), 1..30), cut in 1usize..40,
    ) {
        let limits = Limits { errors_max: 1_000, ..Limits::default() };
        let text: String = picks.iter().flat_map(|&pick| [COMMANDS[pick], "\r\n"]).collect();
        let house = harness::house();
        let mut told = Vec::new();
        for cut in [usize::MAX, cut] {
            let mut stage = connect_with(&house, true, limits);
            sign_in(&mut stage);
            text.as_bytes().chunks(cut.min(text.len())).for_each(|piece| stage.send(piece));
            told.push(stage.lines());
        }
        prop_assert_eq!(told[0].len(), picks.len());
        prop_assert_eq!(&told[0], &told[1]);
    }

    #[test]
    fn whatever_comes_the_session_stands(
        bytes in proptest::collection::vec(
            prop_oneof![
                proptest::sample::select(COMMANDS)
                    .prop_map(|line| format!("{line}\r\n").into_bytes()),
                Just(b"RETR 1\r\n".to_vec()),
                Just(b"LIST\r\n".to_vec()),
                Just(b"QUIT\r\n".to_vec()),
                Just(b"AUTH PLAIN\r\n".to_vec()), proptest::collection::vec(any::<u8>(), 0..20),
            ], 0..40),
        cut in 1usize..50,
    ) {
        let mut stage = signed_in();
        bytes.concat().chunks(cut).for_each(|piece| stage.send(piece));
        stage.lines(); // Fails on half a line and on what is not UTF-8.
    }
}
