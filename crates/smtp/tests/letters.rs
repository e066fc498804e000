//! Letters through whole sessions: what arrives, what is refused, and what is told when the disk
//! fails.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test fails by panicking.

mod harness;

use engine::StoreError;
use engine::dialogue::{Answer, Dialogue, Effort, Input, Level, Output, Question};
use engine::directory::administration::AccountChange;
use harness::{Stage, house, inbox, session, stage, stage_with};
use proptest::prelude::*;
use smtp::{Limits, Role};

const BEGIN: &[u8] = b"HELO client.example\r\nMAIL FROM:<a@elsewhere.test>\r\n\
    RCPT TO:<alice@example.test>\r\n";

fn addressed(role: Role) -> Stage {
    let mut stage = stage(role, false);
    stage.send(BEGIN);
    assert_eq!(stage.lines().len(), 4);
    stage
}

/// What stands behind the lines that delivery puts before a letter.
fn behind_trace(stored: &[u8]) -> &[u8] {
    let mut rest = stored;
    for name in ["Return-Path:", "Delivered-To:", "Received:"] {
        assert!(rest.starts_with(name.as_bytes()), "{name} is missing");
        loop {
            let end = rest.iter().position(|&byte| byte == b'\n').unwrap() + 1;
            rest = &rest[end..];
            if !rest.starts_with(b"\t") {
                break;
            }
        }
    }
    rest
}

fn stuffed(letter: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in letter.split_inclusive(|&byte| byte == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    out.extend_from_slice(b".\r\n");
    out
}

fn send_in_pieces(stage: &mut Stage, bytes: &[u8], size: usize) {
    bytes
        .chunks(size.max(1))
        .for_each(|piece| stage.send(piece));
}

#[test]
fn a_letter_of_many_pieces_arrives_byte_for_byte() {
    let mut letter = b"Subject: large\r\n\r\n".to_vec();
    for line in 0..9_000 {
        letter.extend_from_slice(format!(".{line} and some more of this\r\n").as_bytes());
    }
    assert!(letter.len() > 3 * 64 * 1024);
    for piece in [1_000, 70_000, 128 * 1024] {
        let mut stage = addressed(Role::Relay);
        stage.send(b"DATA\r\n");
        send_in_pieces(&mut stage, &stuffed(&letter), piece);
        assert!(stage.lines().last().unwrap().starts_with("250 2.0.0 Ok: "));
        assert_eq!(
            behind_trace(&inbox(&stage.house, "alice@example.test")[0]),
            letter
        );
    }
}

#[test]
fn large_chunks_arrive_byte_for_byte() {
    let letter = [b"A: b\r\n\r\n".to_vec(), [0, 10, 13, 255].repeat(60_000)].concat();
    let mut stage = stage(Role::Relay, false);
    stage.send(
        b"HELO x\r\nMAIL FROM:<> BODY=BINARYMIME\r\n\
          RCPT TO:<alice@example.test>\r\nBDAT 200000\r\n",
    );
    send_in_pieces(&mut stage, &letter[..200_000], 100_000);
    stage.send(format!("BDAT {} LAST\r\n", letter.len() - 200_000).as_bytes());
    stage.send(&letter[200_000..]);
    let lines = stage.lines();
    assert_eq!(lines[4], "250 2.0.0 200000 octets so far");
    assert!(lines[5].starts_with("250 2.0.0 Ok: "), "{lines:?}");
    assert_eq!(
        behind_trace(&inbox(&stage.house, "alice@example.test")[0]),
        letter
    );
}

#[test]
fn a_letter_over_the_limit_is_read_to_its_end_and_refused() {
    let mut stage = addressed(Role::Relay);
    stage.send(b"DATA\r\n");
    stage.send(b"\r\n");
    send_in_pieces(
        &mut stage,
        &b"x: 0123456789012345678901234567890123456789\r\n".repeat(25_000),
        9_999,
    );
    stage.send(b".\r\nNOOP\r\n");
    let lines = stage.lines();
    assert_eq!(
        lines[1..],
        ["552 5.3.4 Letter is too large", "250 2.0.0 Ok"]
    );
    assert!(inbox(&stage.house, "alice@example.test").is_empty());
}

#[test]
fn a_header_of_too_many_fields_is_refused() {
    let mut stage = addressed(Role::Relay);
    stage.send(b"DATA\r\n");
    stage.send(&b"a: b\r\n".repeat(2_001));
    stage.send(b"\r\n.\r\n");
    assert_eq!(stage.lines()[1], "552 5.3.4 Header is too large");
}

#[test]
fn received_tells_how_the_letter_came_and_for_whom() {
    let mut stage = addressed(Role::Relay);
    stage.send(b"DATA\r\n");
    stage.send(b"Subject: x\r\n\r\n.\r\n");
    let stored = String::from_utf8(inbox(&stage.house, "alice@example.test").remove(0)).unwrap();
    let told = stage.lines().pop().unwrap();
    let letter = told.strip_prefix("250 2.0.0 Ok: ").unwrap();
    assert!(
        stored.starts_with("Return-Path: <a@elsewhere.test>\r\nDelivered-To: alice@"),
        "{stored}"
    );
    for part in [
        "from client.example ([127.0.0.1])",
        "with SMTP id",
        letter,
        "for <alice@example.test>",
    ] {
        assert!(stored.contains(part), "{part} is missing in {stored}");
    }
}

const ALICE: &[u8] = b"RCPT TO:<alice@example.test>\r\n";

/// What the session says to one line, in the thread that reads the socket.
fn at_once(stage: &mut Stage, line: &[u8]) -> Vec<Output> {
    let (mut outputs, now) = (Vec::new(), stage.house.engine.now());
    stage.session.advance(Input::Bytes(line), now, &mut outputs);
    outputs
}

fn asks_for_disk(outputs: &[Output]) -> bool {
    matches!(outputs, [Output::Ask(Question::Work(Effort::Disk(_)))])
}

#[test]
fn only_a_recipient_that_is_known_is_answered_without_the_disk() {
    let mut stage = stage(Role::Relay, false);
    stage.send(b"HELO x\r\nMAIL FROM:<>\r\n");
    stage.lines();
    assert!(asks_for_disk(&at_once(&mut stage, ALICE)));
    stage.give(Input::Answer(Answer::Busy));
    assert_eq!(stage.lines(), ["451 4.3.2 Too busy, try again later"]);
    stage.send(ALICE);
    assert_eq!(stage.lines(), ["250 2.1.5 Ok"]);
    assert!(matches!(at_once(&mut stage, ALICE)[..], [Output::Send(_)]));
    stage.house.pass(61);
    assert!(
        asks_for_disk(&at_once(&mut stage, ALICE)),
        "a quota may have been given meanwhile"
    );
    stage.give(Input::Answer(Answer::Work));
    assert_eq!(stage.lines(), ["250 2.1.5 Ok"]);
}

#[test]
fn a_quota_that_was_just_given_is_looked_at() {
    let mut stage = stage(Role::Relay, false);
    stage.send(b"HELO x\r\nMAIL FROM:<> SIZE=1000\r\n");
    stage.send(ALICE);
    assert_eq!(stage.lines().last().unwrap(), "250 2.1.5 Ok");
    let change = AccountChange {
        quota_bytes: Some(Some(900)),
        ..AccountChange::default()
    };
    let alice = stage.house.number("alice@example.test").unwrap();
    let pending = stage.house.engine.change_account(alice, &change).unwrap();
    pending.wait().unwrap();
    stage.send(ALICE);
    assert_eq!(stage.lines(), ["452 4.2.2 Mailbox is full"]);
}

/// Submits a letter to Bob and answers with what he has.
fn submitted(letter: &[u8], piece: usize) -> Vec<u8> {
    let mut stage = stage(Role::Submissions, true);
    stage.send(
        b"HELO x\r\nAUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABhbGljZQ==\r\n\
          MAIL FROM:<alice@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n",
    );
    send_in_pieces(&mut stage, &stuffed(letter), piece);
    let told = stage.lines();
    let stored = inbox(&stage.house, "bob@example.test").pop();
    behind_trace(&stored.unwrap_or_else(|| panic!("{told:?}"))).to_vec()
}

/// Source: RFC 6409 §8.2, §8.3.
#[test]
fn a_submitted_letter_without_date_and_message_id_gets_them() {
    let bare = b"From: alice@example.test\r\n\r\nhello\r\n";
    let stored = String::from_utf8(submitted(bare, 7)).unwrap();
    let (date, rest) = stored.split_once("\r\n").unwrap();
    let (id, rest) = rest.split_once("\r\n").unwrap();
    assert_eq!(date, "Date: Fri, 1 May 2026 00:00:00 +0000");
    let name = id.strip_prefix("Message-ID: <").unwrap();
    assert_eq!(name.strip_suffix("@mx.example.test>").unwrap().len(), 20);
    assert_eq!(rest.as_bytes(), bare);
}

#[test]
fn a_submitted_letter_keeps_the_date_and_message_id_that_it_has() {
    let whole = b"message-id: <a@b.test>\r\nFrom: alice@example.test\r\n\
        DATE: Thu, 30 Apr 2026 12:00:00 +0200\r\n\r\nhello\r\n";
    assert_eq!(submitted(whole, 1_000), whole);
    // Though they stand far behind what is passed on at once.
    let long = [b"X: ", &[b'x'; 900][..], b"\r\n"].concat().repeat(100);
    let far = [&long[..], whole].concat();
    assert!(submitted(&far, 128 * 1024) == far);
}

#[test]
fn what_is_relayed_is_not_completed() {
    let mut stage = addressed(Role::Relay);
    stage.send(b"DATA\r\n");
    stage.send(b"Subject: x\r\n\r\n.\r\n");
    let stored = inbox(&stage.house, "alice@example.test").remove(0);
    assert_eq!(behind_trace(&stored), b"Subject: x\r\n\r\n");
}

/// Source: RFC 5321 §2.4.
#[test]
fn an_address_elsewhere_is_never_respelled() {
    let mut stage = stage(Role::Relay, false);
    stage
        .send(b"HELO x\r\nMAIL FROM:<Some.One@Elsewhere.TEST>\r\nRCPT TO:<ALICE@example.test>\r\n");
    stage.send(b"BDAT 2 LAST\r\n\r\n");
    let stored = inbox(&stage.house, "alice@example.test").remove(0);
    let trace = b"Return-Path: <Some.One@elsewhere.test>\r\nDelivered-To: alice@example.test\r\n";
    assert!(stored.starts_with(trace));
    let mut stage = stage_with(&stage.house, Role::Submissions, true, Limits::default());
    stage.send(
        b"HELO x\r\nAUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABhbGljZQ==\r\n\
          MAIL FROM:<alice@example.test>\r\nRCPT TO:<Any.Body+X@Elsewhere.TEST>\r\n",
    );
    stage.send(b"BDAT 28 LAST\r\nFrom: alice@example.test\r\n\r\n");
    let queue = stage.house.engine.queue().unwrap();
    let addresses = queue.iter().flat_map(|entry| &entry.letter.recipients);
    let addresses: Vec<&str> = addresses.map(|to| to.address.as_str()).collect();
    assert_eq!(
        addresses,
        ["Any.Body+X@elsewhere.test"],
        "{:?}",
        stage.lines()
    );
}

#[test]
fn each_letter_has_one_line_in_the_log_and_each_refused_recipient_too() {
    let mut stage = addressed(Role::Relay);
    stage.send(b"RCPT TO:<nobody@example.test>\r\nDATA\r\n");
    stage.send(b"Subject: x\r\n\r\n.\r\n");
    let told = stage.lines().pop().unwrap();
    let events: Vec<&str> = stage.log.iter().map(|record| record.event).collect();
    assert_eq!(events, ["recipient refused", "letter delivered"]);
    let facts = &stage.log[1].facts;
    let fact = |name| {
        facts
            .iter()
            .find(|(key, _)| *key == name)
            .unwrap()
            .1
            .as_str()
    };
    assert!(told.ends_with(fact("letter")));
    assert_eq!(
        (fact("from"), fact("to")),
        ("a@elsewhere.test", "alice@example.test")
    );
    assert_eq!((fact("size"), fact("result")), ("14", "delivered 1"));
}

#[test]
fn nothing_is_acknowledged_that_did_not_reach_the_disk() {
    for (fail, expected) in [
        (StoreError::Full, "452 4.3.1 Disk is full"),
        (
            StoreError::ReadOnly("test".into()),
            "451 4.3.0 Try again later",
        ),
    ] {
        let mut stage = addressed(Role::Relay);
        stage.house.fail_next_commit(fail);
        stage.send(b"DATA\r\n");
        stage.send(b"Subject: x\r\n\r\n.\r\n");
        assert_eq!(stage.lines()[1], expected);
        assert!(inbox(&stage.house, "alice@example.test").is_empty());
        assert!(stage.log.iter().any(|record| record.level == Level::Error));
    }
    let mut stage = addressed(Role::Relay);
    stage.house.fail_next_settling();
    stage.send(b"DATA\r\n");
    stage.send(b"Subject: x\r\n\r\n.\r\n");
    assert!(
        stage.lines()[1].starts_with("45"),
        "a failed sync was acknowledged"
    );
}

#[test]
fn lmtp_tells_each_recipient_of_a_full_disk() {
    let mut stage = stage(Role::Lmtp, false);
    stage.send(
        b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\nRCPT TO:<bob@example.test>\r\n",
    );
    stage.lines();
    stage.house.fail_next_commit(StoreError::Full);
    stage.send(b"BDAT 2 LAST\r\n\r\n");
    assert_eq!(stage.lines(), ["452 4.3.1 Disk is full"; 2]);
}

#[test]
fn an_endless_command_line_is_dropped_and_refused_once() {
    let mut stage = stage(Role::Relay, false);
    stage.lines();
    send_in_pieces(&mut stage, &vec![b'x'; 50_000], 1_000);
    assert!(stage.lines().is_empty());
    stage.send(b"\r\nNOOP\r\n");
    assert_eq!(
        stage.lines(),
        ["500 5.5.2 Lines are short and end in CRLF", "250 2.0.0 Ok"]
    );
}

/// A connection from another machine, with the limits that are usual.
fn from_elsewhere(role: Role) -> Stage {
    let house = house();
    let mut peer = house.peer(role == Role::Submissions);
    peer.remote.set_ip([192, 0, 2, 1].into());
    Stage::open(&house, session(&house, role, Limits::default()), peer)
}

#[test]
fn who_speaks_before_the_greeting_is_refused() {
    for role in [Role::Relay, Role::Submission] {
        let mut early = from_elsewhere(role);
        assert!(early.lines().is_empty(), "a pause comes first");
        early.send(b"EHLO x\r\nNOOP\r\n");
        assert_eq!(
            early.lines(),
            ["554 5.5.1 Wait for the reply before speaking"]
        );
        assert!(early.is_closed);
    }
}

#[test]
fn who_waits_for_the_greeting_is_greeted_and_heard() {
    let mut patient = from_elsewhere(Role::Relay);
    patient.give(Input::Timeout);
    assert_eq!(patient.lines(), ["220 mx.example.test ESMTP facteur"]);
    patient.send(b"NOOP\r\n");
    assert_eq!(patient.lines(), ["250 2.0.0 Ok"]);
}

#[test]
fn in_tls_and_on_this_machine_nobody_waits_for_the_greeting() {
    assert_eq!(from_elsewhere(Role::Submissions).lines().len(), 1);
    assert_eq!(stage(Role::Relay, false).lines().len(), 1);
}

#[test]
fn an_idle_peer_is_let_go_and_a_stopping_server_says_so() {
    let mut stage = addressed(Role::Relay);
    stage.house.pass(299);
    stage.give(Input::Timeout);
    assert!(!stage.is_closed);
    stage.house.pass(2);
    stage.give(Input::Timeout);
    assert_eq!(stage.lines(), ["421 4.4.2 Time is up"]);
    assert!(stage.is_closed);
    let mut stage = addressed(Role::Relay);
    stage.stop();
    assert_eq!(stage.lines(), ["421 4.3.2 Server is stopping"]);
}

/// The 256 forms of a false end of data, by DATA whole and byte by byte, and by BDAT.
#[test]
fn no_false_end_of_data_ends_a_letter() {
    let prefixes: [&[u8]; 8] = [
        b"\n", b"\r", b"\r\n", b"\r\r\n", b"\r\n\0", b"\n\0", b"\r\n ", b"\n\r",
    ];
    let middles: [&[u8]; 4] = [b".", b"..", b". ", b".\0"];
    let suffixes: [&[u8]; 8] = [
        b"\n", b"\r", b"\r\n", b"\r\r\n", b"\0\r\n", b"\n\r", b" \r\n", b"\x0b\n",
    ];
    let smuggled = b"MAIL FROM:<forged@elsewhere.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n\
        Subject: smuggled\r\n\r\nevil";
    for prefix in prefixes {
        let mut stage = stage(Role::Relay, false);
        for (middle, suffix) in middles.iter().flat_map(|m| suffixes.map(|s| (*m, s))) {
            let first = b"Subject: first\r\n\r\nhello";
            let letter = [&first[..], prefix, middle, suffix, smuggled].concat();
            let by_data = [b"DATA\r\n", &letter[..], b"\r\n.\r\n"].concat();
            let by_chunk = [
                format!("BDAT {} LAST\r\n", letter.len()).as_bytes(),
                &letter,
            ]
            .concat();
            let is_true_end = prefix.ends_with(b"\r\n") && middle == b"." && suffix == b"\r\n";
            for (bytes, piece) in [(&by_data, 1), (&by_data, 4096), (&by_chunk, 4096)] {
                let before = inbox(&stage.house, "bob@example.test").len();
                stage = stage_with(&stage.house, Role::Relay, false, Limits::default());
                stage.send(BEGIN);
                let (command, rest) =
                    bytes.split_at(bytes.iter().position(|&b| b == b'\n').unwrap() + 1);
                stage.send(command);
                send_in_pieces(&mut stage, rest, piece);
                let forged = inbox(&stage.house, "bob@example.test").len() - before;
                let may_be = usize::from(is_true_end && bytes == &by_data);
                assert!(forged <= may_be, "{prefix:?} {middle:?} {suffix:?}");
            }
        }
        check_clean(&stage);
    }
}

/// No stored letter holds what another server could take for an end of data.
fn check_clean(stage: &Stage) {
    for letter in inbox(&stage.house, "alice@example.test") {
        let rest: Vec<u8> = String::from_utf8(letter)
            .unwrap()
            .replace("\r\n", "")
            .into_bytes();
        assert!(!rest.iter().any(|byte| b"\r\n\0".contains(byte)));
    }
}

/// Commands with the number of replies each has when it comes alone in its place.
const COMMANDS: &[&str] = &[
    "HELO x",
    "EHLO",
    "MAIL FROM:<a@elsewhere.test>",
    "MAIL FROM:<>",
    "RCPT TO:<alice@example.test>",
    "RCPT TO:<nobody@example.test>",
    "RCPT TO:<v@elsewhere.test>",
    "RSET",
    "NOOP",
    "HELP",
    "VRFY a",
    "EXPN a",
    "AUTH PLAIN",
    "BDAT 0",
    "BDAT 0 LAST",
    "MAIL",
    "FOO",
    "LHLO x",
    "\u{e9}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn however_commands_are_cut_there_is_one_reply_to_each(
        picks in proptest::collection::vec(0..COMMANDS.len(), 1..30), cut in 1usize..40,
    ) {
        let limits = Limits { errors_max: 1_000, ..Limits::default() };
        let text: String = picks.iter().flat_map(|&pick| [COMMANDS[pick], "\r\n"]).collect();
        let mut whole = stage_with(&house(), Role::Relay, false, limits);
        whole.lines();
        whole.send(text.as_bytes());
        let mut cut_up = stage_with(&house(), Role::Relay, false, limits);
        cut_up.lines();
        send_in_pieces(&mut cut_up, text.as_bytes(), cut);
        let replies = |stage: &mut Stage| -> Vec<String> {
            stage.lines().into_iter().map(|line| line.chars().take(9).collect()).collect()
        };
        let told = replies(&mut whole);
        prop_assert_eq!(told.len(), picks.len());
        prop_assert_eq!(told, replies(&mut cut_up));
    }

    #[test]
    fn a_letter_comes_out_as_it_went_in(
        lines in proptest::collection::vec("[.a \u{e9}]{0,9}", 0..30), cut in 1usize..60,
    ) {
        let body: String = lines.iter().flat_map(|line| [line, "\r\n"]).collect();
        let letter = format!("Subject: x\r\n\r\n{body}").into_bytes();
        let mut stage = addressed(Role::Relay);
        stage.send(b"DATA\r\n");
        send_in_pieces(&mut stage, &stuffed(&letter), cut);
        let stored = inbox(&stage.house, "alice@example.test");
        prop_assert_eq!(behind_trace(&stored[0]), &letter[..]);
    }

    #[test]
    fn whatever_comes_the_session_stands(
        bytes in proptest::collection::vec(
            prop_oneof![
                proptest::sample::select(COMMANDS)
                    .prop_map(|command| format!("{command}\r\n").into_bytes()),
                Just(b"DATA\r\n".to_vec()), Just(b".\r\n".to_vec()), Just(b"STARTTLS\r\n".to_vec()),
                Just(b"BDAT 5\r\n".to_vec()), proptest::collection::vec(any::<u8>(), 0..20),
            ], 0..40),
        cut in 1usize..50,
    ) {
        for role in [Role::Relay, Role::Submission, Role::Lmtp] {
            let mut stage = stage(role, false);
            send_in_pieces(&mut stage, &bytes.concat(), cut);
            if stage.asks_for_tls {
                stage.set_up_tls();
            }
            stage.lines(); // Fails on half a line and on what is not UTF-8.
        }
    }
}
