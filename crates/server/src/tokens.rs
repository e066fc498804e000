//! Bearer tokens that an identity provider gave out: who may sign in by one.
//!
//! A token is a JSON Web Token with a signature of the provider's own. It is checked here, by the
//! provider's public keys in a file; nobody is asked over the network, so a token that was taken
//! back is good until it expires. No token, and nothing out of one that is refused, goes to the log.
//!
//! Start at [`Tokens::verify`]. The keys are in [`keys`].
//!
//! Standards: RFC 7519 (JWT), RFC 7515 (the signature around it), RFC 7518 §3 (algorithms), RFC 9068
//! §4 (what a resource server checks), RFC 8725 §3 (what it must never take).

#[cfg(any(test, feature = "fuzzed"))]
pub mod fuzzed;
mod keys;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::TokenVerifier;
use keys::{Key, Stamp};
use parking_lot::RwLock;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::sync::Arc;
use store::world::Clock;

/// Longest token in bytes; those of large providers have some thousands.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Seconds by which the provider's clock may differ from ours. Source: RFC 7519 §4.1.4 ("usually no
/// more than a few minutes").
const LEEWAY_SECONDS: i64 = 60;

/// `[auth.tokens]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The provider: what a token's `iss` must be.
    pub issuer: String,
    /// This server, as the provider knows it: what a token's `aud` must hold.
    pub audience: String,
    /// The file with the provider's public keys (JWKS); read again when it changes.
    pub keys: PathBuf,
    /// The claim that holds the user's address.
    #[serde(default = "usual_claim")]
    pub user: String,
}

/// The claim that most providers can put an address into.
fn usual_claim() -> String {
    EMAIL.to_owned()
}

/// Source: `OpenID` Connect Core 1.0 §5.1.
const EMAIL: &str = "email";

impl Settings {
    /// What the types alone don't refuse.
    pub fn validate(&self) -> Result<(), String> {
        let texts = [&self.issuer, &self.audience, &self.user];
        if texts.iter().any(|text| text.is_empty()) {
            return Err("[auth.tokens] issuer, audience and user must not be empty".into());
        }
        Ok(())
    }
}

/// Checks tokens by the settings and the keys of now.
pub struct Tokens {
    settings: Settings,
    clock: Arc<dyn Clock>,
    kept: RwLock<Kept>,
}

/// What the file held when it was last read.
struct Kept {
    keys: Vec<Key>,
    stamp: Option<Stamp>,
}

/// Why a token is refused; the log names it, the client never hears it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Longer than [`TOKEN_BYTES_MAX`].
    TooLong,
    /// Not three parts of base64url with JSON in the first two.
    Form,
    /// It demands an extension, and none is known here.
    Extension,
    /// No key of this name verifies this signature by this algorithm.
    Signature,
    /// Of another issuer.
    Issuer,
    /// For another service.
    Audience,
    /// Expired, or it never does.
    Expired,
    /// Not to be used yet.
    NotYetValid,
    /// It names no user, or only by an address that nobody made sure of.
    User,
}

/// The first part of a token. Source: RFC 7515 §4.1.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

impl Tokens {
    /// Reads the keys.
    ///
    /// Errors: one line that names the file, if it cannot be read or has no usable key.
    pub fn open(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let stamp = keys::stamp(&settings.keys);
        let keys = keys::read(&settings.keys)?;
        Ok(Self {
            settings: settings.clone(),
            clock,
            kept: RwLock::new(Kept { keys, stamp }),
        })
    }

    /// Takes the keys anew if their file changed; a file that became bad changes nothing, and is
    /// told once.
    fn reload_if_changed(&self) {
        let stamp = keys::stamp(&self.settings.keys);
        if self.kept.read().stamp == stamp {
            return;
        }
        let read = keys::read(&self.settings.keys);
        let mut kept = self.kept.write();
        kept.stamp = stamp;
        match read {
            Ok(keys) => {
                tracing::info!(keys = keys.len(), "the keys of tokens were read again");
                kept.keys = keys;
            }
            Err(error) => tracing::error!(%error, "keys of tokens; the earlier ones stay in use"),
        }
    }

    /// Whose token it is, if it is good now.
    ///
    /// Source: RFC 7515 §5.2 (the steps), RFC 9068 §4.
    fn judge(&self, token: &str) -> Result<String, Fault> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Fault::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Fault::Form)?;
        let (header, claims) = signed.split_once('.').ok_or(Fault::Form)?;
        let header: Header = json(&decoded(header)?)?;
        let signature = decoded(signature)?;
        if header.crit.is_some() {
            return Err(Fault::Extension);
        }
        let is_signed = keys::named(&self.kept.read().keys, header.kid.as_deref())
            .any(|key| key.verifies(&header.alg, signed.as_bytes(), &signature));
        if !is_signed {
            return Err(Fault::Signature);
        }
        self.whose(&decoded(claims)?)
    }

    /// The user in the claims that the provider has signed, if they are for us and for now.
    fn whose(&self, claims: &[u8]) -> Result<String, Fault> {
        let claims: Map<String, Value> = json(claims)?;
        self.check_addressing(&claims)?;
        self.check_times(&claims)?;
        self.user(&claims).ok_or(Fault::User)
    }

    /// From whom and for whom. Source: RFC 7519 §4.1.1, §4.1.3.
    fn check_addressing(&self, claims: &Map<String, Value>) -> Result<(), Fault> {
        let Settings {
            issuer, audience, ..
        } = &self.settings;
        if claims.get("iss").and_then(Value::as_str) != Some(issuer) {
            return Err(Fault::Issuer);
        }
        let is_for_us = match claims.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(many)) => many.iter().any(|one| one.as_str() == Some(audience)),
            _ => false,
        };
        if is_for_us {
            Ok(())
        } else {
            Err(Fault::Audience)
        }
    }

    /// Source: RFC 7519 §4.1.4, §4.1.5; that it must expire at all is RFC 9068 §2.2.
    fn check_times(&self, claims: &Map<String, Value>) -> Result<(), Fault> {
        let now = self.clock.now().seconds();
        let expires = claims.get("exp").and_then(seconds).ok_or(Fault::Expired)?;
        if now >= expires.saturating_add(LEEWAY_SECONDS) {
            return Err(Fault::Expired);
        }
        match claims.get("nbf").map(seconds) {
            None => Ok(()),
            Some(Some(begins)) if begins <= now.saturating_add(LEEWAY_SECONDS) => Ok(()),
            Some(_) => Err(Fault::NotYetValid),
        }
    }

    /// With many providers users may write any `email` into their profile, and it says then that it
    /// was not verified. Source: `OpenID` Connect Core 1.0 §5.1.
    fn user(&self, claims: &Map<String, Value>) -> Option<String> {
        let claim = self.settings.user.as_str();
        let is_unsure = claim == EMAIL && claims.get("email_verified") == Some(&Value::Bool(false));
        let user = claims.get(claim)?.as_str()?;
        (!user.is_empty() && !is_unsure).then(|| user.to_owned())
    }
}

impl TokenVerifier for Tokens {
    fn verify(&self, token: &str) -> Option<String> {
        self.reload_if_changed();
        let judged = self.judge(token);
        if let Err(why) = judged {
            tracing::info!(?why, "token refused");
        }
        judged.ok()
    }
}

/// A time of a token in whole seconds since 1970; it may have a fraction. Source: RFC 7519 §2
/// (`NumericDate`).
fn seconds(value: &Value) -> Option<i64> {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "it ends at the last second"
    )]
    let whole = |seconds: f64| seconds.floor() as i64;
    value.as_i64().or_else(|| value.as_f64().map(whole))
}

fn decoded(part: &str) -> Result<Vec<u8>, Fault> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Fault::Form)
}

fn json<T: DeserializeOwned>(text: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(text).map_err(|_| Fault::Form)
}
