//! BINARY: parts without their transfer encoding, however large.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::wire::{Wire, open, stage};
use engine::Settings;

/// Larger than what is decoded at once and what is sent at once.
const CONTENT_BYTES: u32 = 1_300_000;

fn content() -> Vec<u8> {
    (0..CONTENT_BYTES)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

/// A letter whose only part is this content in quoted-printable.
fn letter(content: &[u8]) -> Vec<u8> {
    let mut letter = b"Subject: x\r\nContent-Type: application/octet-stream\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        .to_vec();
    for line in content.chunks(25) {
        for byte in line {
            letter.extend(format!("={byte:02X}").as_bytes());
        }
        letter.extend(b"=\r\n");
    }
    letter
}

fn ask(wire: &mut Wire, line: &str) -> Vec<u8> {
    wire.send(format!("{line}\r\n").as_bytes());
    std::mem::take(&mut wire.said)
}

/// The answer to a FETCH of one literal8.
fn told(head: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!("* 1 FETCH ({head} ~{{{}}}\r\n", bytes.len());
    [head.as_bytes(), bytes, b")\r\nd OK FETCH completed\r\n"].concat()
}

#[test]
fn a_large_part_is_told_decoded_whole_and_in_cuts() {
    let content = content();
    let mut wire = open(&stage(Settings::default()), true);
    let letter = letter(&content);
    ask(&mut wire, "a LOGIN alice@example.test alice");
    wire.send(format!("b APPEND INBOX {{{}+}}\r\n", letter.len()).as_bytes());
    wire.send(&letter);
    ask(&mut wire, "\r\nc SELECT INBOX");
    let size = ask(&mut wire, "d FETCH 1 BINARY.SIZE[1]");
    assert!(size.starts_with(b"* 1 FETCH (BINARY.SIZE[1] 1300000)\r\n"));
    let whole = ask(&mut wire, "d FETCH 1 BINARY.PEEK[1]");
    assert!(
        whole == told("BINARY[1]", &content),
        "{} bytes",
        whole.len()
    );
    for (offset, length) in [
        (0, 1),
        (87_380, 30),
        (300_000, 600_000),
        (1_299_999, 7),
        (9_999_999, 1),
    ] {
        let asked = format!("d FETCH 1 BINARY.PEEK[1]<{offset}.{length}>");
        let answer = ask(&mut wire, &asked);
        let start = content.len().min(offset);
        let cut = &content[start..content.len().min(start + length)];
        assert!(
            answer == told(&format!("BINARY[1]<{offset}>"), cut),
            "{asked}"
        );
    }
}

#[test]
fn a_nul_comes_by_a_literal8_only_and_goes_by_one_only() {
    let mut wire = open(&stage(Settings::default()), true);
    ask(&mut wire, "a LOGIN alice@example.test alice");
    let refused = ask(&mut wire, "b APPEND INBOX {18+}\r\nSubject: x\r\n\r\na\0bc");
    assert_eq!(refused, b"b BAD NUL may stand only in a literal8\r\n");
    ask(
        &mut wire,
        "b APPEND INBOX ~{18+}\r\nSubject: x\r\n\r\na\0bc",
    );
    ask(&mut wire, "c SELECT INBOX");
    let binary = ask(&mut wire, "d FETCH 1 BINARY.PEEK[1]");
    assert_eq!(binary, told("BINARY[1]", b"a\0bc"));
    let plain = ask(&mut wire, "d FETCH 1 BODY.PEEK[TEXT]");
    let expected: &[u8] = b"* 1 FETCH (BODY[TEXT] {4}\r\na\x80bc)\r\n";
    assert!(plain.starts_with(expected), "{plain:?}");
}
