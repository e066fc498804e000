//! Tokens of a provider that we play ourselves.

// The file of keys is the provider's, not the store's.
#![allow(clippy::disallowed_methods)]

use super::fuzzed::{NOW, Standing};
use super::*;
use crate::configuration::Configuration;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as Rsa, KeySize};
use aws_lc_rs::signature::{self as aws, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::json;
use std::sync::LazyLock;

/// Made once: making one takes some tenths of a second.
static RSA: LazyLock<Rsa> = LazyLock::new(|| Rsa::generate(KeySize::Rsa2048).unwrap());

fn coded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The modulus out of the DER of a public key of 2048 bits (PKCS #1).
fn modulus() -> &'static [u8] {
    &RSA.public_key().as_ref()[9..265]
}

fn rsa_key(name: &str) -> Value {
    json!({"kty": "RSA", "kid": name, "use": "sig", "n": coded(modulus()), "e": "AQAB"})
}

fn rsa_signature(scheme: &'static dyn aws::RsaEncoding, signed: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; RSA.public_modulus_len()];
    RSA.sign(scheme, &SystemRandom::new(), signed, &mut signature)
        .unwrap();
    signature
}

/// A token with this header and these claims.
fn token(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let signed = format!(
        "{}.{}",
        coded(header.to_string()),
        coded(claims.to_string())
    );
    let signature = coded(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn by_rsa(header: &Value, claims: &Value) -> String {
    token(header, claims, |signed| {
        rsa_signature(&aws::RSA_PKCS1_SHA256, signed)
    })
}

fn header() -> Value {
    json!({"alg": "RS256", "typ": "at+jwt", "kid": "one"})
}

fn claims() -> Value {
    json!({
        "iss": "https://id.example.com", "aud": ["files", "facteur"], "exp": NOW + 300,
        "nbf": NOW - 5, "sub": "42", "email": "alice@example.test", "email_verified": true,
    })
}

/// The good claims with one of them as given, or without it.
fn with(claim: &str, value: Value) -> Value {
    let mut claims = claims();
    let all = claims.as_object_mut().unwrap();
    all.insert(claim.to_owned(), value);
    all.retain(|_, value| !value.is_null());
    claims
}

/// A file of keys that goes when it is dropped.
struct Provider(PathBuf);

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Provider {
    fn new(test: &str, keys: &[Value]) -> Self {
        let name = format!("facteur-tokens-{test}-{}", std::process::id());
        let made = Self(std::env::temp_dir().join(name));
        made.publish(&json!({ "keys": keys }).to_string());
        made
    }

    /// Replaces the file as a whole, as careful programs do.
    fn publish(&self, text: &str) {
        let new = self.0.with_extension("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, &self.0).unwrap();
    }

    fn settings(&self) -> Settings {
        Settings {
            issuer: "https://id.example.com".into(),
            audience: "facteur".into(),
            keys: self.0.clone(),
            user: usual_claim(),
        }
    }

    fn open(&self) -> Tokens {
        Tokens::open(&self.settings(), Arc::new(Standing)).unwrap()
    }
}

/// What becomes of a token where the provider has the one key of RSA.
fn judged(test: &str, token: &str) -> Result<String, Fault> {
    Provider::new(test, &[rsa_key("one")]).open().judge(token)
}

#[test]
fn a_good_token_tells_its_user() {
    let told = judged("good", &by_rsa(&header(), &claims()));
    assert_eq!(told.as_deref(), Ok("alice@example.test"));
    let one = by_rsa(&header(), &with("aud", json!("facteur")));
    assert!(judged("one", &one).is_ok(), "one audience may stand alone");
    let provider = Provider::new("sub", &[rsa_key("one")]);
    let settings = Settings {
        user: "sub".into(),
        ..provider.settings()
    };
    let tokens = Tokens::open(&settings, Arc::new(Standing)).unwrap();
    let told = tokens.judge(&by_rsa(&header(), &claims()));
    assert_eq!(told.as_deref(), Ok("42"), "another claim may name the user");
}

#[test]
fn every_signature_of_rsa_is_known() {
    let all: [(&str, &'static dyn aws::RsaEncoding); 6] = [
        ("RS256", &aws::RSA_PKCS1_SHA256),
        ("RS384", &aws::RSA_PKCS1_SHA384),
        ("RS512", &aws::RSA_PKCS1_SHA512),
        ("PS256", &aws::RSA_PSS_SHA256),
        ("PS384", &aws::RSA_PSS_SHA384),
        ("PS512", &aws::RSA_PSS_SHA512),
    ];
    let tokens = Provider::new("rsa", &[rsa_key("one")]).open();
    for (name, scheme) in all {
        let header = json!({"alg": name, "kid": "one"});
        let good = token(&header, &claims(), |signed| rsa_signature(scheme, signed));
        assert!(tokens.judge(&good).is_ok(), "{name}");
    }
}

#[test]
fn curves_sign_too() {
    let random = SystemRandom::new();
    for (name, curve, bytes, scheme) in [
        ("ES256", "P-256", 32, &aws::ECDSA_P256_SHA256_FIXED_SIGNING),
        ("ES384", "P-384", 48, &aws::ECDSA_P384_SHA384_FIXED_SIGNING),
    ] {
        let pair = EcdsaKeyPair::generate(scheme).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(bytes);
        let key = json!({"kty": "EC", "crv": curve, "kid": "c", "x": coded(x), "y": coded(y)});
        let tokens = Provider::new(name, &[rsa_key("one"), key]).open();
        let header = json!({"alg": name, "kid": "c"});
        let sign = |signed: &[u8]| pair.sign(&random, signed).unwrap().as_ref().to_vec();
        assert!(
            tokens.judge(&token(&header, &claims(), sign)).is_ok(),
            "{name}"
        );
    }
    let pair = Ed25519KeyPair::generate().unwrap();
    let key = json!({"kty": "OKP", "crv": "Ed25519", "x": coded(pair.public_key())});
    let tokens = Provider::new("edwards", &[key]).open();
    let sign = |signed: &[u8]| pair.sign(signed).as_ref().to_vec();
    let good = token(&json!({"alg": "EdDSA"}), &claims(), sign);
    assert!(tokens.judge(&good).is_ok());
}

#[test]
fn claims_that_do_not_fit_are_refused() {
    let cases = [
        ("iss", json!("https://id.example.org"), Fault::Issuer),
        ("iss", Value::Null, Fault::Issuer),
        ("aud", json!("files"), Fault::Audience),
        ("aud", json!(["files", "facteur2"]), Fault::Audience),
        ("aud", Value::Null, Fault::Audience),
        ("exp", json!(NOW - LEEWAY_SECONDS), Fault::Expired),
        ("exp", Value::Null, Fault::Expired),
        ("exp", json!("2040-01-01"), Fault::Expired),
        ("nbf", json!(NOW + LEEWAY_SECONDS + 1), Fault::NotYetValid),
        ("nbf", json!("soon"), Fault::NotYetValid),
        ("email", Value::Null, Fault::User),
        ("email", json!(""), Fault::User),
        ("email", json!(["alice@example.test"]), Fault::User),
        ("email_verified", json!(false), Fault::User),
    ];
    let tokens = Provider::new("claims", &[rsa_key("one")]).open();
    for (claim, value, why) in cases {
        let claims = with(claim, value);
        assert_eq!(
            tokens.judge(&by_rsa(&header(), &claims)),
            Err(why),
            "{claims}"
        );
    }
}

#[test]
fn clocks_may_differ_by_a_minute() {
    let tokens = Provider::new("leeway", &[rsa_key("one")]).open();
    for claims in [
        with("exp", json!(NOW - LEEWAY_SECONDS + 1)),
        with("exp", json!(1_790_000_000.5)),
        with("nbf", json!(NOW + LEEWAY_SECONDS)),
    ] {
        assert!(
            tokens.judge(&by_rsa(&header(), &claims)).is_ok(),
            "{claims}"
        );
    }
}

#[test]
fn a_changed_token_is_refused() {
    let good = by_rsa(&header(), &claims());
    let (_, signature) = good.rsplit_once('.').unwrap();
    let other = with("email", json!("admin@example.test"));
    let forged = format!(
        "{}.{}.{signature}",
        coded(header().to_string()),
        coded(other.to_string())
    );
    assert_eq!(judged("forged", &forged), Err(Fault::Signature));
}

#[test]
fn no_token_chooses_to_be_unsigned_or_signed_by_what_is_public() {
    let none = token(&json!({"alg": "none", "kid": "one"}), &claims(), |_| {
        Vec::new()
    });
    assert_eq!(judged("none", &none), Err(Fault::Signature));
    let header = json!({"alg": "HS256", "kid": "one"});
    for secret in [modulus(), RSA.public_key().as_ref()] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let sign = |signed: &[u8]| hmac::sign(&key, signed).as_ref().to_vec();
        let forged = token(&header, &claims(), sign);
        assert_eq!(judged("hmac", &forged), Err(Fault::Signature));
    }
    let critical = json!({"alg": "RS256", "kid": "one", "crit": ["b64"], "b64": false});
    let told = judged("critical", &by_rsa(&critical, &claims()));
    assert_eq!(told, Err(Fault::Extension));
}

#[test]
fn a_key_is_found_by_its_name_or_because_it_is_the_only_one() {
    let (unknown, unnamed) = (
        by_rsa(&json!({"alg": "RS256", "kid": "two"}), &claims()),
        by_rsa(&json!({"alg": "RS256"}), &claims()),
    );
    assert_eq!(judged("unknown", &unknown), Err(Fault::Signature));
    assert!(judged("unnamed", &unnamed).is_ok());
    let two = Provider::new("two", &[rsa_key("one"), rsa_key("other")]).open();
    assert_eq!(two.judge(&unnamed), Err(Fault::Signature));
    assert!(two.judge(&by_rsa(&header(), &claims())).is_ok());
    let mut bound = rsa_key("one");
    bound["alg"] = json!("PS256");
    let bound = Provider::new("bound", &[bound]).open();
    let told = bound.judge(&by_rsa(&header(), &claims()));
    assert_eq!(told, Err(Fault::Signature), "the key is for PS256 only");
}

#[test]
fn what_is_no_token_is_refused() {
    let long = "a".repeat(TOKEN_BYTES_MAX + 1);
    assert_eq!(judged("long", &long), Err(Fault::TooLong));
    for wrong in ["", ".", "..", "a.b", "e30.e30.", "e30.e30.e30.e30", "%.%.%"] {
        assert_eq!(judged("form", wrong), Err(Fault::Form), "{wrong}");
    }
}

#[test]
fn keys_are_read_again_when_their_file_changes() {
    let provider = Provider::new("replaced", &[rsa_key("one")]);
    let tokens = provider.open();
    let (first, second) = (
        by_rsa(&header(), &claims()),
        by_rsa(&json!({"alg": "RS256", "kid": "two"}), &claims()),
    );
    assert!(tokens.verify(&first).is_some());
    assert!(tokens.verify(&second).is_none());
    provider.publish(&json!({"keys": [rsa_key("two")]}).to_string());
    assert!(tokens.verify(&second).is_some());
    assert!(tokens.verify(&first).is_none(), "its key was taken away");
    provider.publish("{");
    assert!(
        tokens.verify(&second).is_some(),
        "a bad file changes nothing"
    );
}

#[test]
fn without_a_usable_key_there_is_no_start() {
    let small = json!({"kty": "RSA", "n": coded([1; 128]), "e": "AQAB"});
    let secret = json!({"kty": "oct", "k": "AAAA"});
    let mut other = rsa_key("one");
    other["use"] = json!("enc");
    let provider = Provider::new("unusable", &[small, secret, other]);
    let refusal = || Tokens::open(&provider.settings(), Arc::new(Standing)).err();
    assert!(
        refusal()
            .unwrap()
            .contains("no key in it can verify tokens")
    );
    provider.publish("[]");
    assert!(refusal().unwrap().contains("not a set of keys"));
    let mut missing = provider.settings();
    missing.keys.set_extension("missing");
    let refusal = Tokens::open(&missing, Arc::new(Standing)).err().unwrap();
    assert!(refusal.contains("No such file"), "{refusal}");
}

#[test]
fn the_configuration_names_issuer_audience_and_keys() {
    let parsed = |text: &str| {
        let text = format!("[auth.tokens]\n{text}");
        Configuration::parse(&text, "f").map(|found| found.auth.tokens.unwrap())
    };
    let found = parsed("issuer = \"i\"\naudience = \"a\"\nkeys = \"k\"").unwrap();
    assert_eq!((found.user.as_str(), found.keys), ("email", "k".into()));
    for (text, why) in [
        ("issuer = \"i\"\naudience = \"a\"", "missing field \"keys\""),
        (
            "issuer = \"\"\naudience = \"a\"\nkeys = \"k\"",
            "must not be empty",
        ),
        ("issuers = \"i\"", "unknown field \"issuers\""),
    ] {
        let told = parsed(text).unwrap_err().0;
        assert!(told.contains(why), "{told}");
    }
}
