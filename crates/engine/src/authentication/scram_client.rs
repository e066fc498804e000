//! SCRAM-SHA-256 from the other side: proving our own password to a server that we send through.
//!
//! Pure: the nonce is an argument. Start at [`Proving::new`]; the server's own proof is checked, so
//! that nobody else can play it.
//!
//! Standards: RFC 5802, RFC 7677.

use super::scram::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Rounds that a server may make us compute: about a quarter of a second.
const ROUNDS_MAX: u32 = 600_000;
/// Longest message of a server.
const MESSAGE_BYTES_MAX: usize = 4_096;

/// An exchange that has begun.
#[derive(Debug, Clone)]
pub struct Proving {
    nonce: String,
    bare: String,
    /// What the server must say in the end.
    expected: Option<String>,
}

impl Proving {
    /// Begins; `nonce` is fresh, printable and without commas.
    pub fn new(user: &str, nonce: &str) -> Self {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        Self {
            nonce: nonce.to_owned(),
            bare: format!("n={user},r={nonce}"),
            expected: None,
        }
    }

    /// The first message.
    pub fn first(&self) -> String {
        format!("n,,{}", self.bare)
    }

    /// The answer to the server's first message; `None` if that is not one for us.
    ///
    /// Source: RFC 5802 §3.
    pub fn answer(&mut self, message: &[u8], password: &str) -> Option<String> {
        let first = std::str::from_utf8(message)
            .ok()
            .filter(|text| text.len() <= MESSAGE_BYTES_MAX)?;
        let mut fields = first.split(',');
        let nonce = fields.next()?.strip_prefix("r=")?;
        let salt = STANDARD.decode(fields.next()?.strip_prefix("s=")?).ok()?;
        let rounds: u32 = fields.next()?.strip_prefix("i=")?.parse().ok()?;
        let is_fresh = nonce.len() > self.nonce.len() && nonce.starts_with(&self.nonce);
        if !is_fresh || !(1..=ROUNDS_MAX).contains(&rounds) {
            return None;
        }
        let prepared = stringprep::saslprep(password).unwrap_or(password.into());
        let mut salted = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(prepared.as_bytes(), &salt, rounds, &mut salted);
        let client_key = hmac(&salted, b"Client Key");
        let stored_key = Sha256::digest(client_key);
        let without_proof = format!("c=biws,r={nonce}");
        let signed = format!("{},{first},{without_proof}", self.bare);
        let signature = hmac(&stored_key, signed.as_bytes());
        let proof: Vec<u8> = client_key
            .iter()
            .zip(signature)
            .map(|(k, s)| k ^ s)
            .collect();
        let server_key = hmac(&salted, b"Server Key");
        let theirs = STANDARD.encode(hmac(&server_key, signed.as_bytes()));
        self.expected = Some(format!("v={theirs}"));
        Some(format!("{without_proof},p={}", STANDARD.encode(proof)))
    }

    /// True when the server knows the password, too.
    pub fn is_proven(&self, message: &[u8]) -> bool {
        let message = message
            .split(|&byte| byte == b',')
            .next()
            .unwrap_or_default();
        self.expected
            .as_ref()
            .is_some_and(|expected| bool::from(expected.as_bytes().ct_eq(message)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER_FIRST: &[u8] = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                                  s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    #[test]
    fn the_example_of_rfc_7677_holds() {
        let mut proving = Proving::new("user", "rOprNGfwEbeRWgbNEkqO");
        assert_eq!(proving.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let answer = proving.answer(SERVER_FIRST, "pencil").unwrap();
        assert!(answer.ends_with(",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="));
        assert!(proving.is_proven(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        assert!(!proving.is_proven(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5="));
    }

    #[test]
    fn a_server_that_forgets_our_nonce_or_asks_for_endless_work_gets_no_proof() {
        let mut proving = Proving::new("user", "other");
        assert_eq!(proving.answer(SERVER_FIRST, "pencil"), None);
        assert_eq!(
            proving.answer(b"r=other1,s=AA==,i=4000000000", "pencil"),
            None
        );
        assert_eq!(proving.answer(b"r=other,s=AA==,i=4096", "pencil"), None);
        assert!(!proving.is_proven(b"v="));
    }
}
