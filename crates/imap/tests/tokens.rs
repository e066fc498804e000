//! Signing in with a token that somebody else gave out, in both forms.
//!
//! Standards: RFC 7628 §3, §4. XOAUTH2 has none; it is what Gmail's own programs send.

#![allow(clippy::unwrap_used)] // A test may fail.

use crate::wire::{Wire, open, stage};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::{Settings, TokenVerifier};
use std::sync::Arc;

/// Knows a single token, which is Alice's.
pub struct OnlyOne;

impl TokenVerifier for OnlyOne {
    fn verify(&self, token: &str) -> Option<String> {
        (token == "vF9dft4qmT").then(|| "alice@example.test".to_owned())
    }
}

/// A connection to a server that takes this token.
fn connected() -> Wire {
    let house = stage(Settings::default());
    house.engine.use_tokens(Arc::new(OnlyOne));
    let mut wire = open(&house, true);
    wire.take();
    wire
}

fn said(wire: &mut Wire, line: &str) -> String {
    wire.send(format!("{line}\r\n").as_bytes());
    wire.take()
}

fn show(wire: &mut Wire, mechanism: &str, message: &str) -> String {
    let message = STANDARD.encode(message);
    said(wire, &format!("t1 AUTHENTICATE {mechanism} {message}"))
}

const OAUTH: &str = "n,a=alice@example.test,\x01host=server.example.com\x01port=143\x01\
                     auth=Bearer vF9dft4qmT\x01\x01";
const GOOGLE: &str = "user=alice@example.test\x01auth=Bearer vF9dft4qmT\x01\x01";

#[test]
fn a_good_token_signs_in() {
    for (mechanism, message) in [("OAUTHBEARER", OAUTH), ("XOAUTH2", GOOGLE)] {
        let mut wire = connected();
        let told = show(&mut wire, mechanism, message);
        assert!(told.starts_with("t1 OK [CAPABILITY "), "{told}");
        assert!(said(&mut wire, "t2 SELECT INBOX").contains("t2 OK [READ-WRITE]"));
    }
}

#[test]
fn a_bad_token_is_told_by_a_challenge_and_whatever_answers_it_is_refused() {
    let mut wire = connected();
    for (mechanism, message) in [("OAUTHBEARER", OAUTH), ("XOAUTH2", GOOGLE)] {
        for answer in ["AQ==", ""] {
            let told = show(&mut wire, mechanism, &message.replace("vF9", "vF8"));
            let challenge = told.strip_prefix("+ ").unwrap().trim_end();
            let json = String::from_utf8(STANDARD.decode(challenge).unwrap()).unwrap();
            assert!(json.contains("\"status\":\"invalid_token\""), "{json}");
            let told = said(&mut wire, answer);
            assert!(told.starts_with("t1 NO [AUTHENTICATIONFAILED] "), "{told}");
        }
    }
}
