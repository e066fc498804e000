//! The public keys of an identity provider, and signatures by them.
//!
//! Which algorithm a signature may have follows from the kind of the key, so that no token can
//! choose a weaker one: none without a key, and no HMAC with what is public (RFC 8725 §3.1).
//!
//! Start at [`read`]. Standards: RFC 7517 (JWK), RFC 7518 §3, §6 (RSA and curves), RFC 8037 (Ed25519).

use aws_lc_rs::signature as aws;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Longest file of keys in bytes; a key has a few thousand, with its certificates.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Bytes of an RSA modulus: 2048 bits at least (RFC 7518 §3.3), and 8192 at most, which the
/// cryptography takes.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// Which file it is and in what state; another one tells that the keys may be others.
#[derive(Debug, PartialEq, Eq)]
pub struct Stamp {
    number: u64,
    changed: (i64, i64),
    bytes: u64,
}

/// What the file is like now; none if it is missing.
pub fn stamp(path: &Path) -> Option<Stamp> {
    let found = std::fs::metadata(path).ok()?;
    Some(Stamp {
        number: found.ino(),
        changed: (found.mtime(), found.mtime_nsec()),
        bytes: found.len(),
    })
}

/// A public key for signatures.
pub struct Key {
    /// Its name, `kid`.
    name: Option<String>,
    /// The one algorithm that it is for, if it says so.
    algorithm: Option<String>,
    public: Public,
}

enum Public {
    Rsa(aws::RsaPublicKeyComponents<Vec<u8>>),
    /// An uncompressed point (SEC 1 §2.3.3).
    P256(Vec<u8>),
    /// The same on the larger curve.
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// The file. Source: RFC 7517 §5.
#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

/// One key as it is written. Source: RFC 7517 §4, RFC 7518 §6.
#[derive(Deserialize)]
struct Written {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// All keys of a file that can verify signatures; others are left out, as RFC 7517 §5 wants it.
///
/// Errors: one line that names the file, if it cannot be read or has no usable key.
pub fn read(path: &Path) -> Result<Vec<Key>, String> {
    let about = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    if stamp(path).is_some_and(|stamp| stamp.bytes > FILE_BYTES_MAX) {
        return Err(about(&"more than 1 MiB of keys"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| about(&error))?;
    parse(&text).map_err(|why| about(&why))
}

/// The same of the file's text; the error does not name the file.
pub fn parse(text: &str) -> Result<Vec<Key>, String> {
    let set: Set =
        serde_json::from_str(text).map_err(|error| format!("not a set of keys: {error}"))?;
    let keys: Vec<_> = set.keys.into_iter().filter_map(Key::parse).collect();
    if keys.is_empty() {
        return Err("no key in it can verify tokens".into());
    }
    Ok(keys)
}

/// The keys that a token may mean: of this name, or else the only one there is.
pub fn named<'a>(keys: &'a [Key], name: Option<&'a str>) -> impl Iterator<Item = &'a Key> {
    keys.iter()
        .filter(move |key| match (name, key.name.as_deref()) {
            (Some(wanted), Some(known)) => wanted == known,
            _ => keys.len() == 1,
        })
}

impl Key {
    fn parse(value: Value) -> Option<Self> {
        let written: Written = serde_json::from_value(value).ok()?;
        if written.purpose.as_deref().is_some_and(|use_| use_ != "sig") {
            return None;
        }
        Some(Self {
            public: Public::parse(&written)?,
            name: written.kid,
            algorithm: written.alg,
        })
    }

    /// True if this is the key's signature over these bytes, by an algorithm that fits it.
    ///
    /// Source: RFC 7518 §3.3 to §3.5, RFC 8037 §3.1, RFC 9864 §2.2 (Ed25519 by its own name).
    pub fn verifies(&self, algorithm: &str, signed: &[u8], signature: &[u8]) -> bool {
        let is_another = |own: &String| own != algorithm;
        if self.algorithm.as_ref().is_some_and(is_another) {
            return false;
        }
        let by = |scheme: &'static dyn aws::VerificationAlgorithm, public: &[u8]| {
            let key = aws::UnparsedPublicKey::new(scheme, public);
            key.verify(signed, signature).is_ok()
        };
        match (algorithm, &self.public) {
            (_, Public::Rsa(key)) => {
                rsa(algorithm).is_some_and(|scheme| key.verify(scheme, signed, signature).is_ok())
            }
            ("ES256", Public::P256(point)) => by(&aws::ECDSA_P256_SHA256_FIXED, point),
            ("ES384", Public::P384(point)) => by(&aws::ECDSA_P384_SHA384_FIXED, point),
            ("EdDSA" | "Ed25519", Public::Ed25519(key)) => by(&aws::ED25519, key),
            _ => false,
        }
    }
}

fn rsa(algorithm: &str) -> Option<&'static aws::RsaParameters> {
    Some(match algorithm {
        "RS256" => &aws::RSA_PKCS1_2048_8192_SHA256,
        "RS384" => &aws::RSA_PKCS1_2048_8192_SHA384,
        "RS512" => &aws::RSA_PKCS1_2048_8192_SHA512,
        "PS256" => &aws::RSA_PSS_2048_8192_SHA256,
        "PS384" => &aws::RSA_PSS_2048_8192_SHA384,
        "PS512" => &aws::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

impl Public {
    fn parse(written: &Written) -> Option<Self> {
        match (written.kty.as_str(), written.crv.as_deref()) {
            ("RSA", _) => {
                let n = decoded(written.n.as_ref())?;
                let e = decoded(written.e.as_ref())?;
                let is_usable = MODULUS_BYTES.contains(&n.len());
                is_usable.then_some(Self::Rsa(aws::RsaPublicKeyComponents { n, e }))
            }
            ("EC", Some("P-256")) => point(written, 32).map(Self::P256),
            ("EC", Some("P-384")) => point(written, 48).map(Self::P384),
            ("OKP", Some("Ed25519")) => {
                let key = decoded(written.x.as_ref())?;
                (key.len() == aws::ED25519_PUBLIC_KEY_LEN).then_some(Self::Ed25519(key))
            }
            _ => None,
        }
    }
}

/// Both coordinates, each of this many bytes, as the cryptography takes them.
fn point(written: &Written, bytes: usize) -> Option<Vec<u8>> {
    let (x, y) = (decoded(written.x.as_ref())?, decoded(written.y.as_ref())?);
    let is_whole = x.len() == bytes && y.len() == bytes;
    is_whole.then(|| [&[4], x.as_slice(), &y].concat())
}

fn decoded(value: Option<&String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(value?).ok()
}
