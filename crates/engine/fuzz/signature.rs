//! What is fuzzed: each function takes any bytes, reads them in every way there is and checks what
//! must hold.
//!
//! The targets beside it hand over what libFuzzer finds; `tests/fuzz_signature_briefly.rs` hands over mutated
//! examples in every run of the tests.

use engine::examination::field::without_forged;
use engine::signature::canonical::{BodyHash, Form, relaxed_field};
use engine::signature::field::{Terms, Unsigned, fields, pieces};

const HOSTNAME: &str = "mx.example.test";

/// A header: cut into fields, cleared of forged ones, signed.
pub fn header(bytes: &[u8]) {
    let all: Vec<u8> = pieces(bytes).flatten().copied().collect();
    assert_eq!(all, bytes, "the pieces are the header");
    for (name, value) in fields(bytes) {
        let field = relaxed_field(name, value);
        assert!(field.ends_with(b"\r\n") && field.len() <= name.len() + value.len() + 3);
    }
    if let Some(kept) = without_forged(bytes, HOSTNAME) {
        assert!(kept.len() < bytes.len());
        assert_eq!(without_forged(&kept, HOSTNAME), None, "one pass is enough");
    }
    let terms = Terms {
        algorithm: "rsa-sha256",
        domain: "example.test",
        selector: "s",
        seconds: 0,
        body_hash: &[0; 32],
    };
    let field = Unsigned::new(&terms, bytes).signed(&[0; 256]);
    assert!(field.lines().all(|line| line.len() <= 78));
}

/// A body: its hash is the same however it comes.
pub fn body(bytes: &[u8]) {
    let size = bytes.first().map_or(1, |&first| usize::from(first) + 1);
    for form in [Form::Simple, Form::Relaxed] {
        let (mut whole, mut cut) = (BodyHash::new(form, u64::MAX), BodyHash::new(form, u64::MAX));
        whole.push(bytes);
        bytes.chunks(size).for_each(|piece| cut.push(piece));
        assert_eq!(whole.finish(), cut.finish());
    }
}
