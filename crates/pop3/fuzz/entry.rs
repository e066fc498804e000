//! What is fuzzed: each function takes any bytes and checks what must hold.
//!
//! The targets beside it hand over what libFuzzer finds; `tests/fuzz_briefly.rs` hands over mutated
//! examples in every run of the tests.

#[path = "../tests/harness/mod.rs"]
mod harness;

use engine::rehearsal::mutation::{each_line, piece_bytes};
use pop3::codec::command::{self, COMMAND_BYTES_MAX};
use pop3::codec::letter::{Extent, Writer};

/// Command lines.
pub fn commands(bytes: &[u8]) {
    each_line(bytes, COMMAND_BYTES_MAX, |line| drop(command::parse(line)));
}

/// A letter on its way out: however it is cut, the same goes out, and its end is its only end.
pub fn letter(bytes: &[u8]) {
    let cut = piece_bytes(bytes);
    for extent in [
        Extent::Whole,
        Extent::Top(0),
        Extent::Top(3),
        Extent::Top(usize::MAX),
    ] {
        let run = |cut: usize| {
            let (mut writer, mut out) = (Writer::new(extent), Vec::new());
            bytes
                .chunks(cut)
                .for_each(|piece| writer.write(piece, &mut out));
            writer.finish(&mut out);
            out
        };
        let whole = run(usize::MAX);
        assert_eq!(whole, run(cut));
        let end = memchr::memmem::find(&whole, b"\r\n.\r\n").map_or(0, |at| at + 2);
        assert!(whole.ends_with(b".\r\n") && end + 3 == whole.len());
    }
}

/// Whole sessions, with bytes in pieces.
pub fn session(bytes: &[u8]) {
    let cut = piece_bytes(bytes);
    let mut stage = harness::signed_in();
    bytes.chunks(cut).for_each(|piece| stage.send(piece));
    stage.lines(); // Fails on half a line and on what is not UTF-8.
    stage = harness::connect(&stage.house, false);
    bytes.chunks(cut).for_each(|piece| stage.send(piece));
    if stage.asks_for_tls {
        stage.set_up_tls();
    }
    let first = stage.lines().into_iter().next();
    assert!(first.is_some_and(|line| line.starts_with("+OK ")));
}
