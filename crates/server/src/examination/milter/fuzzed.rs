//! What a milter says, with faults put into it.

use super::edit::Edit;
use super::packet::{Change, Response};
use formats::message::header;

const HEADER: &[u8] = b"From: a@b.test\r\nSubject: old\r\nX-A: 1\r\nX-A: 2\r\n\r\n";

/// Packets, each behind its length.
pub const EXAMPLES: &[&[u8]] = &[
    b"\x0dO\0\0\0\x06\0\0\0\x01\0\0\0\x02\x0ahX-A\0value\0",
    b"\x11m\0\0\0\x01Subject\0new\0\x0ei\0\0\0\0X-B\0a\nb\0",
    b"\x0dm\0\0\0\x02X-A\0\0\x06bbody.\x05qwhy\0\x0ay550 5.7.1",
];

/// Takes all of it as a milter's changes of a letter: the header stays one.
pub fn packets(bytes: &[u8]) {
    let (mut edit, mut rest) = (Edit::default(), bytes);
    while let Some((&length, behind)) = rest.split_first() {
        let (packet, more) = behind
            .split_at_checked(usize::from(length))
            .unwrap_or((behind, &[]));
        rest = more;
        if let Some(Response::Change(change)) = Response::parse(packet) {
            take(&mut edit, change);
        }
    }
    let new = edit.header(HEADER);
    assert_eq!(header::length(&new), new.len(), "no empty line within");
    assert!(new.ends_with(b"\r\n\r\n") || new == b"\r\n");
    let lines = [edit.lines.as_bytes(), b"\r\n"].concat();
    assert_eq!(header::length(&lines), lines.len());
}

fn take(edit: &mut Edit, change: Change) {
    assert!(edit.take(change).is_ok(), "so few are never too many");
}
