//! What a milter says, whatever it is.

#![allow(clippy::missing_panics_doc, reason = "to panic is how these tell")]

use super::edit::Edit;
use super::packet::{Change, Response};
use formats::message::header;

const HEADER: &[u8] = b"From: a@b.test\r\nSubject: old\r\nX-A: 1\r\nX-A: 2\r\n\r\n";

/// Packets, each behind its length of one byte, as changes of a letter: the header stays one.
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
