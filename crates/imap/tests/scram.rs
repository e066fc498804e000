//! Signing in with SCRAM, as in the sample connection of RFC 9051 §8: the password is never told,
//! and the server proves that it knows it, too.
//!
//! Standards: RFC 5802, RFC 7677.

#![allow(clippy::unwrap_used)] // A test may fail.

use crate::wire::{Wire, open, stage};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::Settings;
use engine::authentication::scram_client::Proving;

fn said(wire: &mut Wire, line: &str) -> String {
    wire.send(format!("{line}\r\n").as_bytes());
    wire.take()
}

/// What a continuation holds.
fn challenge(told: &str) -> Option<Vec<u8>> {
    let coded = told.strip_prefix("+ ")?.strip_suffix("\r\n")?;
    STANDARD.decode(coded).ok()
}

/// The server's last word, and whether it has proven itself.
fn sign_in(wire: &mut Wire, password: &str) -> (String, bool) {
    let mut proving = Proving::new("alice@example.test", "rOprNGfwEbeRWgbNEkqO");
    let first = STANDARD.encode(proving.first());
    let told = said(wire, &format!("A001 AUTHENTICATE SCRAM-SHA-256 {first}"));
    let proof = proving
        .answer(&challenge(&told).unwrap(), password)
        .unwrap();
    let told = said(wire, &STANDARD.encode(proof));
    match challenge(&told) {
        None => (told, false),
        Some(theirs) => (said(wire, ""), proving.is_proven(&theirs)),
    }
}

#[test]
fn who_knows_the_password_signs_in_and_the_server_proves_that_it_does_too() {
    let house = stage(Settings::default());
    let mut wire = open(&house, true);
    wire.take();
    let (told, is_proven) = sign_in(&mut wire, "wrong");
    assert!(
        told.starts_with("A001 NO [AUTHENTICATIONFAILED] ") && !is_proven,
        "{told}"
    );
    let (told, is_proven) = sign_in(&mut wire, "alice");
    assert!(
        told.starts_with("A001 OK [CAPABILITY ") && is_proven,
        "{told}"
    );
    assert!(said(&mut wire, "a002 select inbox").contains("a002 OK [READ-WRITE]"));
}
