//! What is fuzzed: each function takes any bytes and checks what must hold.
//!
//! The targets beside it hand over what libFuzzer finds; `tests/fuzz_briefly.rs` hands over mutated
//! examples in every run of the tests.

#[path = "../tests/harness/mod.rs"]
mod harness;

use engine::rehearsal::mutation::piece_bytes;
use managesieve::codec::command;
use managesieve::codec::frame::{Frame, Framed};

/// Words of commands: however the bytes are cut, the same comes out.
pub fn commands(bytes: &[u8]) {
    let cut = piece_bytes(bytes);
    let whole = framed(bytes, usize::MAX);
    let in_pieces = framed(bytes, cut);
    assert_eq!(whole, in_pieces);
    for framed in whole {
        if let Framed::Whole(words) = framed {
            let _ = command::parse(words);
        }
    }
}

fn framed(bytes: &[u8], cut: usize) -> Vec<Framed> {
    let (mut frame, mut all, mut waiting) = (Frame::default(), Vec::new(), Vec::new());
    for piece in bytes.chunks(cut) {
        waiting.extend_from_slice(piece);
        loop {
            let (taken, framed) = frame.take(&waiting, 1000);
            assert!(taken <= waiting.len());
            waiting.drain(..taken);
            match framed {
                Framed::Partial if taken == 0 => break,
                Framed::Partial => {}
                Framed::Endless => return all,
                other => all.push(other),
            }
        }
    }
    all
}

/// Whole sessions, with bytes in pieces.
pub fn session(bytes: &[u8]) {
    let cut = piece_bytes(bytes);
    let house = harness::house();
    let mut stage = harness::signed_in(&house);
    bytes.chunks(cut).for_each(|piece| stage.send(piece));
    assert!(stage.said.is_empty() || stage.said.ends_with(b"\r\n"));
    stage = harness::connect(&house, false);
    bytes.chunks(cut).for_each(|piece| stage.send(piece));
    if stage.asks_for_tls {
        stage.set_up_tls();
    }
    assert!(stage.said.starts_with(b"\"IMPLEMENTATION\" "));
}
