//! What is fuzzed: each function takes any bytes and checks what must hold.
//!
//! The targets beside it hand over what libFuzzer finds; `tests/fuzz_briefly.rs` hands over mutated
//! examples in every run of the tests.

#[path = "../tests/harness/mod.rs"]
mod harness;

use engine::dialogue::lines::{Line, Lines};
use smtp::Role;
use smtp::codec::command::{self, COMMAND_BYTES_MAX};
use smtp::codec::data::{LineCheck, Unstuffer};

/// Command lines.
pub fn commands(bytes: &[u8]) {
    let (mut rest, mut lines) = (bytes, Lines::default());
    while let (taken, Line::Whole(text)) = lines.take(rest, COMMAND_BYTES_MAX) {
        assert!(taken == text.len() + 2 && !text.contains(&b'\n'));
        let _ = command::parse(text);
        rest = &rest[taken..];
    }
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
    let cut = bytes.first().map_or(1, |&first| usize::from(first) + 1);
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
    let cut = bytes.first().map_or(1, |&first| usize::from(first) + 1);
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
