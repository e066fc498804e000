//! Making keys, and signing with them.
//!
//! Sources: RFC 6376 §3.3.1, §3.6.1; RFC 8301 §3.2 (2048 bits); RFC 8463 §3, §4.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as Rsa, KeySize};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256};
use engine::signature::key::Algorithm;

/// A private key, ready to sign.
pub enum Pair {
    /// RSA.
    Rsa(Box<Rsa>),
    /// Ed25519.
    Ed25519(Box<Ed25519KeyPair>),
}

/// A new key: the private one (PKCS #8) and the public one as it is published.
pub struct Made {
    /// PKCS #8.
    pub secret: Vec<u8>,
    /// What stands in `p=`, before base64.
    pub public: Vec<u8>,
}

/// Makes a key. RSA takes some tenths of a second.
///
/// Errors: the random generator of the cryptography failed.
pub fn make(algorithm: Algorithm) -> Result<Made, &'static str> {
    const FAILED: &str = "no key could be made";
    match algorithm {
        Algorithm::Rsa => {
            let pair = Rsa::generate(KeySize::Rsa2048).map_err(|_| FAILED)?;
            let secret = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(|_| FAILED)?;
            let public = pair.public_key();
            let public = AsDer::<PublicKeyX509Der<'_>>::as_der(public).map_err(|_| FAILED)?;
            Ok(Made {
                secret: secret.as_ref().to_vec(),
                public: public.as_ref().to_vec(),
            })
        }
        Algorithm::Ed25519 => {
            let secret = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
            let secret = secret.map_err(|_| FAILED)?;
            let pair = Ed25519KeyPair::from_pkcs8(secret.as_ref()).map_err(|_| FAILED)?;
            Ok(Made {
                secret: secret.as_ref().to_vec(),
                public: pair.public_key().as_ref().to_vec(),
            })
        }
    }
}

impl Pair {
    /// Reads a private key.
    pub fn read(algorithm: Algorithm, secret: &[u8]) -> Result<Self, &'static str> {
        const REFUSED: &str = "the key does not parse";
        match algorithm {
            Algorithm::Rsa => Rsa::from_pkcs8(secret)
                .map(|pair| Self::Rsa(Box::new(pair)))
                .map_err(|_| REFUSED),
            Algorithm::Ed25519 => Ed25519KeyPair::from_pkcs8(secret)
                .map(|pair| Self::Ed25519(Box::new(pair)))
                .map_err(|_| REFUSED),
        }
    }

    /// The signature over these bytes: over their hash with both algorithms (RFC 8463 §3).
    pub fn sign(&self, covered: &[u8]) -> Result<Vec<u8>, &'static str> {
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    covered,
                    &mut signature,
                )
                .map_err(|_| "signing failed")?;
                Ok(signature)
            }
            Self::Ed25519(pair) => {
                let hash = digest(&SHA256, covered);
                Ok(pair.sign(hash.as_ref()).as_ref().to_vec())
            }
        }
    }
}
