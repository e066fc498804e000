//! The sending side, as dialogues with a server whose part is written down in `client_dialogues`.
//!
//! What stands before the first `== rule` of a file begins each of its dialogues. Behind `@` stand
//! the client's manner (`lmtp`, `always-tls`, `signs-in`) and the recipients of the letter, behind
//! `S:` what the other server says, `C:` what we say, `=` what the driver is told, `!` what it does.
//! Several lines of the server in a row come in one piece.

// The lints know tests by their attribute; what helps them stands outside of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use bytes::Bytes;
use engine::queue::{DeliverBy, Late, NextHop, Notify, Return, Verdict};
use smtp::client::{
    Client, Credentials, Dialect, Form, Input, Manner, Message, Output, Recipient, Tls,
};

engine::dialogues! { "client_dialogues", play_file; letters answers encryption sign_in }

fn play_file(text: &str) {
    let (start, dialogues) = text.split_once("\n== ").unwrap();
    for dialogue in dialogues.split("\n== ") {
        let (rule, steps) = dialogue.split_once("\n@").unwrap();
        let (words, steps) = steps.split_once('\n').unwrap();
        let (manner, recipients) = words.split_once(" to ").unwrap_or((words, ""));
        let message = message(&recipients.split_whitespace().collect::<Vec<_>>());
        play(
            rule,
            manner_of(manner),
            &message,
            &[start, steps].join("\n"),
        );
    }
}

fn manner_of(words: &str) -> Manner {
    let mut manner = Manner {
        hello: "us.test".to_owned(),
        dialect: Dialect::Smtp,
        tls: Tls::IfOffered,
        credentials: None,
    };
    for word in words.split_whitespace() {
        match word {
            "lmtp" => manner.dialect = Dialect::Lmtp,
            "always-tls" => manner.tls = Tls::Always,
            "signs-in" => {
                manner.credentials = Some(Credentials {
                    user: "user".to_owned(),
                    password: "pencil".to_owned(),
                    nonce: "rOprNGfwEbeRWgbNEkqO".to_owned(),
                });
            }
            other => panic!("what is {other}?"),
        }
    }
    manner
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

fn play(rule: &str, manner: Manner, message: &Message, dialogue: &str) {
    let mut client = Client::new(manner, false);
    let mut told = Vec::new();
    let mut steps = dialogue
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .peekable();
    while let Some(step) = steps.next() {
        if step.starts_with("C:") || step.starts_with('=') {
            assert!(!told.is_empty(), "{rule}: nothing, not {step}");
            assert_eq!(told.remove(0), step, "{rule}");
            continue;
        }
        assert!(told.is_empty(), "{rule}: before {step} also {told:?}");
        let mut out = Vec::new();
        if let Some(said) = step.strip_prefix("S: ") {
            let mut bytes = format!("{said}\r\n");
            while let Some(more) = steps.next_if(|next| next.starts_with("S: ")) {
                bytes = [&bytes, more.trim_start_matches("S: "), "\r\n"].concat();
            }
            client.advance(Input::Bytes(bytes.as_bytes()), &mut out);
        } else {
            client.advance(input(step, message), &mut out);
        }
        told = out.into_iter().flat_map(lines).collect();
    }
    assert!(told.is_empty(), "{rule}: also {told:?}");
}

fn input(step: &str, message: &Message) -> Input<'static> {
    match step {
        "! opened" => Input::Opened,
        "! encrypted" => Input::Encrypted,
        "! send" => Input::Send(Box::new(message.clone())),
        "! quit" => Input::Quit,
        "! timeout" => Input::Timeout,
        "! closed" => Input::Closed,
        "! piece" => Input::Piece(Bytes::from_static(b"A: b\r\n\r\n.c"), false),
        "! last" => Input::Piece(Bytes::from_static(b"d\r\n"), true),
        other => panic!("what is {other}?"),
    }
}

/// What came out, as it is written down.
fn lines(output: Output) -> Vec<String> {
    let line = match output {
        Output::Send(bytes) => {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            let said = text.split_terminator("\r\n");
            return said
                .map(|line| format!("C: {line}").trim_end().to_owned())
                .collect();
        }
        Output::Finished(all) => return all.iter().map(verdict).collect(),
        Output::StartTls => "= encrypt".to_owned(),
        Output::Pull => "= pull".to_owned(),
        Output::Ready => "= ready".to_owned(),
        Output::Failed(reason) => format!("= failed: {reason}"),
        Output::Close => "= close".to_owned(),
    };
    vec![line]
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Accepted(NextHop::Informs, answer) => format!("= accepted, informs: {answer}"),
        Verdict::Accepted(NextHop::Untimed, answer) => format!("= accepted, untimed: {answer}"),
        Verdict::Accepted(NextHop::Silent, answer) => format!("= accepted: {answer}"),
        Verdict::Accepted(NextHop::Mailbox, answer) => format!("= in the mailbox: {answer}"),
        Verdict::Later(reason) => format!("= later: {reason}"),
        Verdict::Never(reason) => format!("= never: {reason}"),
    }
}

#[test]
fn what_the_other_server_cannot_carry_is_told_before_anything_is_sent() {
    let refused = |status: &str, change: &dyn Fn(&mut Message)| {
        let mut letter = message(&["x@far.test"]);
        change(&mut letter);
        let dialogue = format!("{OFFERS_LITTLE}= never: {status}\n= ready");
        play(status, manner_of(""), &letter, &dialogue);
    };
    refused("5.3.4", &|letter| letter.size_bytes = 1001);
    refused("5.6.3", &|letter| letter.form.eight_bit = true);
    refused("5.6.3", &|letter| letter.form.binary = true);
    refused("5.6.7", &|letter| letter.needs_utf8 = true);
    refused("5.7.30", &|letter| letter.needs_tls = true);
    refused("5.3.3", &|letter| {
        letter.deliver_by = Some((by(Late::Return), 60));
    });
}

/// The dialogues of RFC 2852 §6, as far as the client's part goes.
#[test]
fn a_letter_that_must_be_in_time_goes_to_who_promises_that_only() {
    let timed = |seconds, rest: &str| {
        let letter = Message {
            deliver_by: Some((by(Late::Return), seconds)),
            ..message(&["topbanana@other.test"])
        };
        let hello = "! opened
            S: 220 mail.other.test ESMTP server at your service
            C: EHLO us.test
            S: 250-mail.other.test\n";
        play("in time", manner_of(""), &letter, &[hello, rest].concat());
    };
    timed(
        120,
        "S: 250 DELIVERBY 240
         = ready
         ! send
         = never: 5.3.3
         = ready
         ! quit
         C: QUIT",
    );
    timed(
        98,
        "S: 250 DELIVERBY 30
         = ready
         ! send
         C: MAIL FROM:<a@us.test> BY=98;R
         S: 250 Sender okay
         C: RCPT TO:<topbanana@other.test>",
    );
}

#[test]
fn who_knows_of_no_time_is_asked_to_tell_of_delays() {
    let asked = |seconds, notify, words: &str| {
        let mut letter = message(&["x@far.test"]);
        letter.deliver_by = Some((by(Late::Notify), seconds));
        letter.recipients[0].notify = notify;
        let dialogue = format!(
            "! opened
             S: 220 hi
             C: EHLO us.test
             S: 250-far.test
             S: 250 DSN
             = ready
             ! send
             C: MAIL FROM:<a@us.test>
             S: 250 ok
             C: RCPT TO:<x@far.test>{words}"
        );
        play(words, manner_of(""), &letter, &dialogue);
    };
    let success = Notify {
        success: true,
        ..Notify::default()
    };
    let never = Notify {
        never: true,
        ..Notify::default()
    };
    asked(60, Notify::USUAL, " NOTIFY=FAILURE,DELAY");
    asked(60, success, " NOTIFY=SUCCESS,DELAY");
    asked(60, never, " NOTIFY=NEVER");
    asked(-60, Notify::USUAL, "");
}

/// A server that offers nothing but a small size.
const OFFERS_LITTLE: &str = "! opened
    S: 220 hi
    C: EHLO us.test
    S: 250-far.test
    S: 250 SIZE 1000
    = ready
    ! send\n";

fn by(late: Late) -> DeliverBy {
    DeliverBy {
        at: engine::Timestamp(0),
        late,
        trace: late == Late::Notify,
    }
}

#[test]
fn all_that_was_asked_is_passed_on_to_who_understands_it() {
    let all = Message {
        form: Form {
            eight_bit: true,
            ..Form::default()
        },
        envelope_id: Some("a+b".to_owned()),
        returning: Return::Headers,
        needs_utf8: true,
        needs_tls: true,
        deliver_by: Some((by(Late::Notify), 120)),
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
    play(
        "all",
        manner_of(""),
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
    play(
        "an address",
        manner_of(""),
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
