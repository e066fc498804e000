//! SCRAM-SHA-256: proving a password without telling it.
//!
//! Pure: the nonce and the salt are arguments. [`Verifier`] is what the directory keeps; [`ServerFirst`] and
//! [`ServerFirst::check`] are the two steps of the server.
//!
//! Standards: RFC 5802 (SCRAM), RFC 7677 (SHA-256), RFC 4013 (`SASLprep`), RFC 9266 (tls-exporter).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Rounds of PBKDF2 in verifiers that we make; RFC 7677 §4 asks for at least 4,096.
///
/// One where a fuzzer drives: it would spend its time here for each person of each input.
pub const ROUNDS: u32 = if cfg!(fuzzing) { 1 } else { 10_000 };
/// Bytes of salt.
pub const SALT_BYTES: usize = 16;
/// Longest client message we look at.
const MESSAGE_BYTES_MAX: usize = 4096;

type Key = [u8; 32];

/// What is kept to check a proof; it does not reveal the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    /// Random, given to whoever asks.
    pub salt: [u8; SALT_BYTES],
    /// Rounds of PBKDF2.
    pub rounds: u32,
    /// H(ClientKey).
    pub stored_key: Key,
    /// The key of the server's own proof.
    pub server_key: Key,
}

impl Verifier {
    /// Made whenever the password is seen.
    pub fn new(password: &str, salt: [u8; SALT_BYTES], rounds: u32) -> Self {
        let prepared = stringprep::saslprep(password).unwrap_or(password.into());
        let mut salted = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(prepared.as_bytes(), &salt, rounds, &mut salted);
        let stored_key = Sha256::digest(hmac(&salted, b"Client Key")).into();
        Self {
            salt,
            rounds,
            stored_key,
            server_key: hmac(&salted, b"Server Key"),
        }
    }

    /// For a user who does not exist: the same salt each time one asks, and no password fits.
    ///
    /// `secret` is the server's own, so that nobody can tell a false salt from a true one.
    pub fn of_nobody(secret: &[u8], user: &str) -> Self {
        let derived = hmac(secret, user.as_bytes());
        let mut salt = [0; SALT_BYTES];
        salt.iter_mut()
            .zip(derived)
            .for_each(|(to, from)| *to = from);
        let unknown = hmac(secret, &derived);
        Self {
            salt,
            rounds: ROUNDS,
            stored_key: unknown,
            server_key: unknown,
        }
    }
}

/// How the client binds the exchange to the TLS connection (the gs2 header).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// `n`: the client can't.
    Unsupported,
    /// `y`: the client could and thinks that the server can't.
    ThoughtMissing,
    /// `p=name`: bound by the channel binding of this name.
    Named(String),
}

/// The client's first message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFirst {
    /// The gs2 header as it came, needed again at the end.
    header: String,
    /// The message without it.
    bare: String,
    /// How it is bound.
    pub binding: Binding,
    /// Whom to act as; empty for oneself.
    pub authorize_as: String,
    /// Who signs in.
    pub user: String,
    nonce: String,
}

impl ClientFirst {
    /// Parses `n,a=someone,n=user,r=nonce`.
    ///
    /// Source: RFC 5802 §7. `None` for anything else, mandatory extensions (`m=`) among it.
    pub fn parse(message: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(message)
            .ok()
            .filter(|m| m.len() <= MESSAGE_BYTES_MAX)?;
        let (flag, rest) = text.split_once(',')?;
        let (authorize_as, bare) = rest.split_once(',')?;
        let binding = match flag {
            "n" => Binding::Unsupported,
            "y" => Binding::ThoughtMissing,
            _ => Binding::Named(flag.strip_prefix("p=")?.to_owned()),
        };
        let header = text.strip_suffix(bare)?.to_owned();
        let authorize_as = match authorize_as {
            "" => String::new(),
            name => unescape(name.strip_prefix("a=")?)?,
        };
        let mut fields = bare.split(',');
        let user = unescape(fields.next()?.strip_prefix("n=")?)?;
        let nonce = fields.next()?.strip_prefix("r=")?.to_owned();
        let usable = !user.is_empty() && !nonce.is_empty();
        usable.then(|| Self {
            header,
            bare: bare.to_owned(),
            binding,
            authorize_as,
            user,
            nonce,
        })
    }
}

/// What the server holds between its first message and the client's proof.
#[derive(Debug, Clone)]
pub struct ServerFirst {
    client: ClientFirst,
    verifier: Verifier,
    nonce: String,
    message: String,
}

impl ServerFirst {
    /// Answers the client's first message; `random` is fresh for each exchange.
    pub fn new(client: ClientFirst, verifier: Verifier, random: [u8; 18]) -> Self {
        let nonce = format!("{}{}", client.nonce, STANDARD.encode(random));
        let salt = STANDARD.encode(verifier.salt);
        let message = format!("r={nonce},s={salt},i={}", verifier.rounds);
        Self {
            client,
            verifier,
            nonce,
            message,
        }
    }

    /// The bytes to send.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Checks the client's final message; the server's own proof (`v=…`) if it is right.
    ///
    /// `channel` is the data of the binding that the client named; empty without one.
    /// Source: RFC 5802 §3, §5.1.
    pub fn check(&self, message: &[u8], channel: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(message)
            .ok()
            .filter(|m| m.len() <= MESSAGE_BYTES_MAX)?;
        let (without_proof, proof) = text.rsplit_once(",p=")?;
        let mut fields = without_proof.split(',');
        let bound = STANDARD.decode(fields.next()?.strip_prefix("c=")?).ok()?;
        let expected = [self.client.header.as_bytes(), channel].concat();
        let nonce = fields.next()?.strip_prefix("r=")?;
        if bound != expected || nonce != self.nonce {
            return None;
        }
        let signed = format!("{},{},{without_proof}", self.client.bare, self.message);
        self.is_proof(&signed, &STANDARD.decode(proof).ok()?)
            .then(|| STANDARD.encode(hmac(&self.verifier.server_key, signed.as_bytes())))
            .map(|signature| format!("v={signature}"))
    }

    fn is_proof(&self, signed: &str, proof: &[u8]) -> bool {
        let signature = hmac(&self.verifier.stored_key, signed.as_bytes());
        let client_key: Vec<u8> = proof.iter().zip(signature).map(|(p, s)| p ^ s).collect();
        let stored: Key = Sha256::digest(&client_key).into();
        proof.len() == signature.len() && bool::from(stored.ct_eq(&self.verifier.stored_key))
    }
}

pub(super) fn hmac(key: &[u8], message: &[u8]) -> Key {
    // HMAC takes keys of every length (RFC 2104 §2); the error exists for other constructions.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32];
    };
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// `=2C` is a comma and `=3D` an equals sign; any other `=` is an error.
fn unescape(name: &str) -> Option<String> {
    let mut parts = name.split('=');
    let mut out = parts.next()?.to_owned();
    for part in parts {
        let (character, rest) = match part.split_at_checked(2)? {
            ("2C", rest) => (',', rest),
            ("3D", rest) => ('=', rest),
            _ => return None,
        };
        out.push(character);
        out.push_str(rest);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT_FIRST: &[u8] = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";

    /// The exchange of RFC 7677 §3, its server nonce put in by hand.
    fn example() -> ServerFirst {
        let mut salt = [0; SALT_BYTES];
        salt.copy_from_slice(&STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap());
        let verifier = Verifier::new("pencil", salt, 4096);
        let mut first =
            ServerFirst::new(ClientFirst::parse(CLIENT_FIRST).unwrap(), verifier, [0; 18]);
        first.nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".to_owned();
        first.message = format!("r={},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", first.nonce);
        first
    }

    #[test]
    fn the_example_of_rfc_7677_holds() {
        let proof = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                     p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        let answer = example().check(proof.as_bytes(), b"");
        assert_eq!(
            answer.unwrap(),
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
        );
    }

    #[test]
    fn a_changed_proof_nonce_or_binding_is_refused() {
        let good = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                    p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        for bad in [
            good.replace("dHz", "dHy"),
            good.replace("NlF", "NlG"),
            good.replace("biws", "eSws"),
        ] {
            assert_eq!(example().check(bad.as_bytes(), b""), None, "{bad}");
        }
        assert_eq!(
            example().check(good.as_bytes(), b"another connection"),
            None
        );
    }

    #[test]
    fn names_are_unescaped_and_strange_headers_refused() {
        let parsed = ClientFirst::parse(b"p=tls-exporter,a=a=2Cb,n=x=3Dy,r=q").unwrap();
        assert_eq!(parsed.binding, Binding::Named("tls-exporter".to_owned()));
        assert_eq!(
            (parsed.authorize_as.as_str(), parsed.user.as_str()),
            ("a,b", "x=y")
        );
        for bad in [
            "",
            "n,,",
            "n,,n=,r=q",
            "n,,m=ext,n=u,r=q",
            "x,,n=u,r=q",
            "n,,n=a=2,r=q",
        ] {
            assert_eq!(ClientFirst::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn an_unknown_user_gets_the_same_salt_each_time() {
        let one = Verifier::of_nobody(b"secret", "ghost@example.test");
        assert_eq!(one, Verifier::of_nobody(b"secret", "ghost@example.test"));
        assert_ne!(
            one.salt,
            Verifier::of_nobody(b"secret", "other@example.test").salt
        );
    }
}
