//! The sending side, as dialogues: `S:` is what the other server says, `C:` what we say, `=` what
//! the driver is told, `!` what it does.

// The lints know tests by their attribute; what helps them stands outside of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use bytes::Bytes;
use engine::queue::{DeliverBy, Late, NextHop, Notify, Return, Verdict};
use smtp::client::{
    Client, Credentials, Dialect, Form, Input, Manner, Message, Output, Recipient, Tls,
};
use std::collections::VecDeque;

fn manner() -> Manner {
    Manner {
        hello: "us.test".to_owned(),
        dialect: Dialect::Smtp,
        tls: Tls::IfOffered,
        credentials: None,
    }
}

fn lmtp() -> Manner {
    Manner {
        dialect: Dialect::Lmtp,
        ..manner()
    }
}

fn signing_in() -> Manner {
    Manner {
        credentials: Some(Credentials {
            user: "user".to_owned(),
            password: "pencil".to_owned(),
            nonce: "rOprNGfwEbeRWgbNEkqO".to_owned(),
        }),
        ..manner()
    }
}

fn message(recipients: &[&str]) -> Message {
    Message {
        sender: "a@us.test".to_owned(),
        recipients: recipients
            .iter()
            .map(|address| Recipient {
                address: (*address).to_owned(),
                notify: Notify::USUAL,
                original: None,
            })
            .collect(),
        size_bytes: 10,
        form: Form::default(),
        envelope_id: None,
        returning: Return::Unspecified,
        needs_utf8: false,
        needs_tls: false,
        deliver_by: None,
        priority: 0,
    }
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Accepted(NextHop::Informs, answer) => format!("accepted, informs: {answer}"),
        Verdict::Accepted(NextHop::Silent, answer) => format!("accepted: {answer}"),
        Verdict::Accepted(NextHop::Mailbox, answer) => format!("in the mailbox: {answer}"),
        Verdict::Later(reason) => format!("later: {reason}"),
        Verdict::Never(reason) => format!("never: {reason}"),
    }
}

/// What came out, line by line.
fn told(out: Vec<Output>) -> VecDeque<String> {
    let mut lines = VecDeque::new();
    for output in out {
        match output {
            Output::Send(bytes) => {
                let text = String::from_utf8(bytes.to_vec()).unwrap();
                let said = text.split_terminator("\r\n");
                lines.extend(said.map(|line| format!("C: {line}").trim_end().to_owned()));
            }
            Output::StartTls => lines.push_back("= encrypt".to_owned()),
            Output::Pull => lines.push_back("= pull".to_owned()),
            Output::Ready => lines.push_back("= ready".to_owned()),
            Output::Finished(all) => {
                lines.extend(all.iter().map(|one| format!("= {}", verdict(one))));
            }
            Output::Failed(reason) => lines.push_back(format!("= failed: {reason}")),
            Output::Close => lines.push_back("= close".to_owned()),
        }
    }
    lines
}

/// Runs a dialogue. Several `S:` lines in a row come in one piece.
fn check(manner: Manner, message: &Message, dialogue: &str) {
    let mut client = Client::new(manner, false);
    let mut expected_next: VecDeque<String> = VecDeque::new();
    let mut lines = dialogue
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .peekable();
    while let Some(line) = lines.next() {
        let mut out = Vec::new();
        let (kind, text) = line.split_once(' ').unwrap_or((line, ""));
        match kind {
            "S:" => {
                let mut bytes = format!("{text}\r\n");
                while let Some(more) = lines.next_if(|next| next.starts_with("S: ")) {
                    bytes.push_str(&more[3..]);
                    bytes.push_str("\r\n");
                }
                client.advance(Input::Bytes(bytes.as_bytes()), &mut out);
            }
            "!" => {
                let input = match text {
                    "opened" => Input::Opened,
                    "encrypted" => Input::Encrypted,
                    "send" => Input::Send(Box::new(message.clone())),
                    "quit" => Input::Quit,
                    "timeout" => Input::Timeout,
                    "closed" => Input::Closed,
                    "piece" => Input::Piece(Bytes::from_static(b"A: b\r\n\r\n.c"), false),
                    "last" => Input::Piece(Bytes::from_static(b"d\r\n"), true),
                    other => panic!("{other}"),
                };
                client.advance(input, &mut out);
            }
            _ => {
                assert_eq!(
                    expected_next.pop_front().as_deref(),
                    Some(line),
                    "{dialogue}"
                );
                continue;
            }
        }
        assert!(
            expected_next.is_empty(),
            "not expected: {expected_next:?}\nbefore {line}"
        );
        expected_next = told(out);
    }
    assert!(expected_next.is_empty(), "not expected: {expected_next:?}");
}

#[test]
fn commands_that_need_not_wait_go_together() {
    check(
        manner(),
        &message(&["x@far.test", "y@far.test"]),
        "! opened
         S: 220-far.test
         S: 220 ESMTP
         C: EHLO us.test
         S: 250-far.test
         S: 250-PIPELINING
         S: 250 SIZE 1000
         = ready
         ! send
         C: MAIL FROM:<a@us.test> SIZE=10
         C: RCPT TO:<x@far.test>
         C: RCPT TO:<y@far.test>
         C: DATA
         S: 250 2.1.0 ok
         S: 250 2.1.5 ok
         S: 550 5.1.1 no y
         S: 354 go on
         = pull
         ! piece
         C: A: b
         C:
         C: ..c
         = pull
         ! last
         C: d
         C: .
         S: 250 2.0.0 kept
         = accepted: 250 2.0.0 kept
         = never: 5.1.1 550 5.1.1 no y
         = ready
         ! quit
         C: QUIT
         S: 221 bye
         = close",
    );
}

#[test]
fn without_pipelining_each_command_waits_for_its_reply() {
    check(
        manner(),
        &message(&["x@far.test", "y@far.test"]),
        "! opened
         S: 220 hi
         C: EHLO us.test
         S: 500 what?
         C: HELO us.test
         S: 250 hi
         = ready
         ! send
         C: MAIL FROM:<a@us.test>
         S: 250 ok
         C: RCPT TO:<x@far.test>
         S: 450 busy
         C: RCPT TO:<y@far.test>
         S: 250 ok
         C: DATA
         S: 354 go on
         = pull
         ! last
         C: d
         C: .
         S: 250 ok
         = later: 4.1.0 450 busy
         = accepted: 250 ok
         = ready",
    );
}

const GREETED: &str = "! opened
     S: 220 hi
     C: EHLO us.test
     S: 250-far.test
     S: 250-PIPELINING
     S: 250 DSN
     = ready
     ! send
     C: MAIL FROM:<a@us.test>
     C: RCPT TO:<x@far.test>
     C: DATA\n";

#[test]
fn a_refused_sender_is_the_answer_for_everyone() {
    let rest = "S: 451 4.7.1 later
         S: 503 5.5.1 order
         S: 503 5.5.1 order
         = later: 4.7.1 451 4.7.1 later
         = ready";
    check(
        manner(),
        &message(&["x@far.test"]),
        &format!("{GREETED}{rest}"),
    );
}

#[test]
fn a_letter_that_was_begun_in_vain_is_reset_before_the_next() {
    let rest = "S: 250 ok
         S: 550 5.1.1 no
         S: 554 5.5.1 nobody
         = never: 5.1.1 550 5.1.1 no
         = ready
         ! send
         C: RSET
         C: MAIL FROM:<a@us.test>
         C: RCPT TO:<x@far.test>
         C: DATA
         S: 250 ok
         S: 250 ok
         S: 250 ok
         S: 354 go on
         = pull";
    check(
        manner(),
        &message(&["x@far.test"]),
        &format!("{GREETED}{rest}"),
    );
}

#[test]
fn data_allowed_without_recipients_is_ended_by_an_empty_letter() {
    let rest = "S: 250 ok
         S: 550 5.1.1 no
         S: 354 go on
         C: .
         S: 554 5.5.1 nobody
         = never: 5.1.1 550 5.1.1 no
         = ready";
    check(
        manner(),
        &message(&["x@far.test"]),
        &format!("{GREETED}{rest}"),
    );
}

#[test]
fn who_breaks_off_gets_the_letter_later_at_whatever_stage() {
    for (stage, told) in [
        ("! closed", "later: 4.4.2"),
        ("S: 250 ok\n! timeout", "later: 4.4.1"),
        (
            "S: 250 ok\nS: 250 ok\nS: 354 go on\n= pull\n! closed",
            "later: 4.4.2",
        ),
        (
            "S: 250 ok\nS: 250 ok\nS: 354 go on\n= pull\n! last\nC: d\nC: .\n! timeout",
            "later: 4.4.1 it was sent, but no answer came",
        ),
        (
            "S: 421 4.3.2 going down",
            "later: 4.3.2 421 4.3.2 going down",
        ),
        ("S: nonsense", "later: 4.5.0"),
    ] {
        let rest = format!("{stage}\n= {told}\n= close");
        check(
            manner(),
            &message(&["x@far.test"]),
            &format!("{GREETED}{rest}"),
        );
    }
}

#[test]
fn a_refusal_in_the_middle_of_a_letter_counts_and_ends_the_connection() {
    let rest = "S: 250 ok
         S: 250 ok
         S: 354 go on
         = pull
         S: 552 5.3.4 too large
         = never: 5.3.4 552 5.3.4 too large
         = close";
    check(
        manner(),
        &message(&["x@far.test"]),
        &format!("{GREETED}{rest}"),
    );
}

#[test]
fn a_counted_transfer_is_taken_where_it_is_offered() {
    check(
        manner(),
        &message(&["x@far.test"]),
        "! opened
         S: 220 hi
         C: EHLO us.test
         S: 250-far.test
         S: 250-PIPELINING
         S: 250 CHUNKING
         = ready
         ! send
         C: MAIL FROM:<a@us.test>
         C: RCPT TO:<x@far.test>
         S: 250 ok
         S: 250 ok
         C: BDAT 10 LAST
         = pull
         ! piece
         C: A: b
         C:
         C: .c
         = pull
         ! last
         C: d
         S: 250 ok
         = accepted: 250 ok
         = ready",
    );
}

#[test]
fn lmtp_answers_for_each_recipient_that_it_took() {
    check(
        lmtp(),
        &message(&["x@far.test", "y@far.test", "z@far.test"]),
        "! opened
         S: 220 hi
         C: LHLO us.test
         S: 250-far.test
         S: 250 PIPELINING
         = ready
         ! send
         C: MAIL FROM:<a@us.test>
         C: RCPT TO:<x@far.test>
         C: RCPT TO:<y@far.test>
         C: RCPT TO:<z@far.test>
         C: DATA
         S: 250 ok
         S: 250 ok
         S: 550 5.1.1 no y
         S: 250 ok
         S: 354 go on
         = pull
         ! last
         C: d
         C: .
         S: 250 2.0.0 kept x
         S: 452 4.2.2 full z
         = in the mailbox: 250 2.0.0 kept x
         = never: 5.1.1 550 5.1.1 no y
         = later: 4.2.2 452 4.2.2 full z
         = ready",
    );
}

#[test]
fn encryption_is_set_up_before_anything_else_is_said() {
    check(
        manner(),
        &message(&["x@far.test"]),
        "! opened
         S: 220 hi
         C: EHLO us.test
         S: 250-far.test
         S: 250 STARTTLS
         C: STARTTLS
         S: 220 go on
         = encrypt
         ! encrypted
         C: EHLO us.test
         S: 250 far.test
         = ready",
    );
}

#[test]
fn what_comes_in_clear_behind_the_leave_to_encrypt_is_an_attack() {
    check(
        manner(),
        &message(&["x@far.test"]),
        "! opened
         S: 220 hi
         C: EHLO us.test
         S: 250-far.test
         S: 250 STARTTLS
         C: STARTTLS
         S: 220 go on
         S: 250-far.test
         S: 250 AUTH PLAIN
         = failed: 4.5.0
         = close",
    );
}

#[test]
fn where_encryption_is_a_must_nothing_is_sent_without() {
    let manner = Manner {
        tls: Tls::Always,
        ..manner()
    };
    check(
        manner.clone(),
        &message(&["x@far.test"]),
        "! opened
         S: 220 hi
         C: EHLO us.test
         S: 250 far.test
         = failed: 4.7.10
         = close",
    );
    check(
        manner,
        &message(&["x@far.test"]),
        "! opened
         S: 220 hi
         C: EHLO us.test
         S: 250-far.test
         S: 250 STARTTLS
         C: STARTTLS
         S: 454 4.7.0 no certificate
         = failed: 4.7.0 454 4.7.0 no certificate
         = close",
    );
}

#[test]
fn the_strongest_way_to_sign_in_is_taken_and_the_server_proves_itself() {
    check(
        signing_in(),
        &message(&["x@far.test"]),
        "! opened
         S: 220 hi
         C: EHLO us.test
         S: 250-far.test
         S: 250 AUTH PLAIN SCRAM-SHA-256
         C: AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=
         S: 334 cj1yT3ByTkdmd0ViZVJXZ2JORWtxTyVodllEcFdVYTJSYVRDQWZ1eEZJbGopaE5sRiRrMCxzPVcyMlphSjBTTlk3c29Fc1VFamI2Z1E9PSxpPTQwOTY=
         C: Yz1iaXdzLHI9ck9wck5HZndFYmVSV2diTkVrcU8laHZZRHBXVWEyUmFUQ0FmdXhGSWxqKWhObEYkazAscD1kSHpiWmFwV0lrNGpVaE4rVXRlOXl0YWc5empmTUhnc3FtbWl6N0FuZFZRPQ==
         S: 334 dj02cnJpVFJCaTIzV3BSUi93dHVwK21NaFVaVW4vZEI1bkxUSlJzamw5NUc0PQ==
         C:
         S: 235 2.7.0 in
         = ready",
    );
}

#[test]
fn a_server_that_does_not_prove_itself_is_not_believed() {
    check(
        signing_in(),
        &message(&["x@far.test"]),
        "! opened
         S: 220 hi
         C: EHLO us.test
         S: 250-far.test
         S: 250 AUTH SCRAM-SHA-256
         C: AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=
         S: 235 2.7.0 come in
         = failed: 2.7.0 235 2.7.0 come in
         = close",
    );
}

#[test]
fn a_password_is_never_sent_in_clear() {
    check(
        signing_in(),
        &message(&["x@far.test"]),
        "! opened
         S: 220 hi
         C: EHLO us.test
         S: 250-far.test
         S: 250 AUTH PLAIN LOGIN
         = failed: 4.7.8
         = close",
    );
}

#[test]
fn over_tls_the_old_ways_to_sign_in_will_do() {
    check(
        signing_in(),
        &message(&["x@far.test"]),
        "! opened
         S: 220 hi
         C: EHLO us.test
         S: 250-far.test
         S: 250 STARTTLS
         C: STARTTLS
         S: 220 go on
         = encrypt
         ! encrypted
         C: EHLO us.test
         S: 250-far.test
         S: 250 AUTH LOGIN
         C: AUTH LOGIN
         S: 334 VXNlcm5hbWU6
         C: dXNlcg==
         S: 334 UGFzc3dvcmQ6
         C: cGVuY2ls
         S: 535 5.7.8 wrong
         = failed: 5.7.8 535 5.7.8 wrong
         = close",
    );
}

/// A server that offers nothing but a small size hears nothing of this letter.
fn refused_with(message: &Message, status: &str) {
    let dialogue = format!(
        "! opened
         S: 220 hi
         C: EHLO us.test
         S: 250-far.test
         S: 250 SIZE 1000
         = ready
         ! send
         = never: {status}
         = ready"
    );
    check(manner(), message, &dialogue);
}

#[test]
fn what_the_other_server_cannot_carry_is_told_before_anything_is_sent() {
    let plain = || message(&["x@far.test"]);
    let size_bytes = 1001;
    refused_with(
        &Message {
            size_bytes,
            ..plain()
        },
        "5.3.4",
    );
    for (eight_bit, binary) in [(true, false), (false, true)] {
        let form = Form {
            eight_bit,
            binary,
            ..Form::default()
        };
        refused_with(&Message { form, ..plain() }, "5.6.3");
    }
    let needs_utf8 = true;
    refused_with(
        &Message {
            needs_utf8,
            ..plain()
        },
        "5.6.7",
    );
    let needs_tls = true;
    refused_with(
        &Message {
            needs_tls,
            ..plain()
        },
        "5.7.30",
    );
    let by = DeliverBy {
        at: engine::Timestamp(0),
        late: Late::Return,
        trace: false,
    };
    let deliver_by = Some((by, 60));
    refused_with(
        &Message {
            deliver_by,
            ..plain()
        },
        "5.3.3",
    );
}

#[test]
fn all_that_was_asked_is_passed_on_to_who_understands_it() {
    let by = DeliverBy {
        at: engine::Timestamp(0),
        late: Late::Notify,
        trace: true,
    };
    let all = Message {
        form: Form {
            eight_bit: true,
            ..Form::default()
        },
        envelope_id: Some("a+b".to_owned()),
        returning: Return::Headers,
        needs_utf8: true,
        needs_tls: true,
        deliver_by: Some((by, 120)),
        priority: -2,
        recipients: vec![Recipient {
            address: "x@far.test".to_owned(),
            notify: Notify {
                success: true,
                ..Notify::default()
            },
            original: Some("rfc822;X+Y@far.test".to_owned()),
        }],
        ..message(&[])
    };
    check(
        manner(),
        &all,
        "! opened
         S: 220 hi
         C: EHLO us.test
         S: 250-far.test
         S: 250-8BITMIME
         S: 250-SMTPUTF8
         S: 250-DSN
         S: 250-REQUIRETLS
         S: 250-DELIVERBY
         S: 250 MT-PRIORITY
         = ready
         ! send
         C: MAIL FROM:<a@us.test> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb REQUIRETLS BY=120;NT MT-PRIORITY=-2
         S: 250 ok
         C: RCPT TO:<x@far.test> NOTIFY=SUCCESS ORCPT=rfc822;X+2BY@far.test",
    );
}

#[test]
fn an_address_cannot_say_more_than_an_address() {
    check(
        manner(),
        &message(&["x@far.test>\r\nRCPT TO:<y@far.test"]),
        "! opened
         S: 220 hi
         C: EHLO us.test
         S: 250 far.test
         = ready
         ! send
         C: MAIL FROM:<a@us.test>
         S: 250 ok
         = never: 5.1.3
         = ready",
    );
}

#[test]
fn an_unfriendly_greeting_is_no_verdict_on_a_letter() {
    for (reply, told) in [
        ("554 5.3.2 not today", "5.3.2 554 5.3.2 not today"),
        ("421 4.3.2 busy", "4.3.2 421 4.3.2 busy"),
    ] {
        let dialogue = format!("! opened\nS: {reply}\n= failed: {told}\n= close");
        check(manner(), &message(&["x@far.test"]), &dialogue);
    }
}
