//! What is fuzzed: each function takes any bytes and checks what must hold.
//!
//! The targets beside it hand over what libFuzzer finds; `tests/fuzz_briefly.rs` hands over mutated
//! examples in every run of the tests.

#[path = "../tests/harness/mod.rs"]
mod harness;

use engine::queue::{Notify, Return};
use engine::rehearsal::mutation::{each_line, piece_bytes};
use smtp::Role;
use smtp::client::{Client, Dialect, Form, Input, Manner, Message, Output, Recipient, Tls};
use smtp::codec::command::{self, COMMAND_BYTES_MAX};
use smtp::codec::data::{LineCheck, Unstuffer};

/// Command lines.
pub fn commands(bytes: &[u8]) {
    each_line(bytes, COMMAND_BYTES_MAX, |line| drop(command::parse(line)));
}

/// A letter behind DATA: however it is cut, the same comes out and the same end is found.
pub fn letter(bytes: &[u8]) {
    let run = |cut: usize| {
        let (mut unstuffer, mut letter, mut taken) = (Unstuffer::default(), Vec::new(), 0);
        for piece in bytes.chunks(cut) {
            taken += unstuffer.feed(piece, |part| letter.extend_from_slice(part));
            if unstuffer.has_ended() {
                break;
            }
        }
        (unstuffer.has_ended(), unstuffer.fault(), taken, letter)
    };
    let cut = piece_bytes(bytes);
    let (whole, pieces) = (run(usize::MAX), run(cut));
    assert_eq!(whole, pieces);
    let (has_ended, fault, taken, letter) = whole;
    if has_ended {
        assert!(bytes[..taken].ends_with(b".\r\n"));
        let mut check = LineCheck::default();
        check.feed(&letter);
        assert_eq!(check.fault(), fault);
        assert!(letter.is_empty() || letter.ends_with(b"\r\n"));
    }
}

/// Whole sessions, with bytes in pieces.
pub fn session(bytes: &[u8]) {
    let cut = piece_bytes(bytes);
    for role in [Role::Relay, Role::Submissions, Role::Lmtp] {
        let mut stage = harness::stage(role, role == Role::Submissions);
        bytes.chunks(cut).for_each(|piece| stage.send(piece));
        if stage.asks_for_tls {
            stage.set_up_tls();
        }
        for line in stage.lines() {
            let (code, rest) = line.split_at(3);
            assert!(
                code.parse::<u16>()
                    .is_ok_and(|code| (200..600).contains(&code)),
                "{line}"
            );
            assert!(rest.starts_with([' ', '-']), "{line}");
        }
    }
}

/// Another server that says anything: everyone gets a verdict at most once, and nothing is sent but
/// whole lines before the letter.
pub fn client(bytes: &[u8]) {
    let recipient = |address: &str| Recipient {
        address: address.to_owned(),
        notify: Notify::USUAL,
        original: None,
    };
    let message = Message {
        sender: "a@us.test".to_owned(),
        recipients: vec![recipient("x@far.test"), recipient("y@far.test")],
        size_bytes: 8,
        form: Form::default(),
        envelope_id: None,
        returning: Return::Unspecified,
        needs_utf8: false,
        needs_tls: false,
        deliver_by: None,
        priority: 0,
    };
    let first = bytes.first().copied().unwrap_or_default();
    let manner = Manner {
        hello: "us.test".to_owned(),
        dialect: if first & 1 == 0 {
            Dialect::Smtp
        } else {
            Dialect::Lmtp
        },
        tls: Tls::IfOffered,
        credentials: None,
    };
    let mut client = Client::new(manner, false);
    let mut said = Vec::new();
    client.advance(Input::Opened, &mut said);
    let mut queue = Queue::default();
    for piece in bytes.chunks(piece_bytes(bytes)) {
        client.advance(Input::Bytes(piece), &mut said);
        answer(&mut client, &message, &mut said, &mut queue);
    }
    client.advance(Input::Closed, &mut said);
    answer(&mut client, &message, &mut said, &mut queue);
    assert!(!queue.is_sending, "a letter without verdicts is left");
}

/// Letters that a client is given at most: one whose server takes none of that size would ask for
/// ever.
const LETTERS_MAX: u32 = 64;

#[derive(Default)]
struct Queue {
    given: u32,
    /// A letter has no verdict yet.
    is_sending: bool,
}

/// Plays the driver until there is nothing to do.
fn answer(client: &mut Client, message: &Message, said: &mut Vec<Output>, queue: &mut Queue) {
    while !said.is_empty() {
        match said.remove(0) {
            Output::StartTls => client.advance(Input::Encrypted, said),
            Output::Pull => {
                let piece = bytes::Bytes::from_static(b"A: b\r\n\r\n");
                client.advance(Input::Piece(piece, true), said);
            }
            Output::Ready
                if client.is_ready() && !queue.is_sending && queue.given < LETTERS_MAX =>
            {
                queue.given += 1;
                queue.is_sending = true;
                client.advance(Input::Send(Box::new(message.clone())), said);
            }
            Output::Ready | Output::Send(_) | Output::Close => {}
            Output::Finished(verdicts) => {
                assert_eq!(verdicts.len(), message.recipients.len());
                let was_sending = std::mem::take(&mut queue.is_sending);
                assert!(was_sending, "verdicts without a letter");
            }
            Output::Failed(_) => assert!(!queue.is_sending, "a letter was forgotten"),
        }
    }
}
