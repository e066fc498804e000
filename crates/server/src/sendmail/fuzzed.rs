//! What programs of this machine write, whatever it is.

#![allow(clippy::missing_panics_doc, reason = "to panic is how these tell")]

use super::header::Header;
use super::input::{self, Dot};
use formats::message::header;

/// A letter on standard input: what is made of its header is one header, of the same fields with an
/// author, and names nobody who gets a copy unseen.
pub fn local_letter(mut bytes: &[u8]) {
    let Ok(letter) = input::read(&mut bytes, Dot::IsText) else {
        return;
    };
    let (mut found, _) = Header::split(&letter);
    let given = header::fields(&found.bytes()).count();
    let everyone = found.recipients("example.test");
    assert!(everyone.iter().all(|address| address.contains('@')));
    found.complete("bob@example.test", Some("B. \"ob\""), "example.test");
    let whole = found.bytes();
    let length = header::length(&whole);
    assert_eq!(length, whole.len(), "{}", letter.escape_ascii());
    let mut fields = header::fields(&whole);
    assert!(
        fields.clone().count() <= given + 1,
        "{}",
        letter.escape_ascii()
    );
    assert!(!fields.any(|field| field.is("Bcc") || field.is("Return-Path")));
}
