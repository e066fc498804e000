//! Any bytes as a token, as the claims of one that the provider has signed, and as its keys.

#![allow(clippy::missing_panics_doc, reason = "to panic is how these tell")]

use super::keys::parse;
use super::{Kept, Settings, Tokens, usual_claim};
use parking_lot::RwLock;
use std::path::PathBuf;
use std::sync::Arc;
use store::id::Timestamp;
use store::world::Clock;

/// Where the clock of these and of the tests stands, in seconds.
pub const NOW: i64 = 1_790_000_000;

/// A clock that stands still.
pub struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(NOW)
    }
}

/// A key by which nothing here was signed.
const KEYS: &str = r#"{"keys": [{"kty": "OKP", "crv": "Ed25519",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// What nobody has signed is nobody's token; what was signed names a user or is refused.
pub fn token(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert!(parse(&text).map_or(true, |keys| !keys.is_empty()));
    let tokens = Tokens {
        settings: Settings {
            issuer: "https://id.example.com".into(),
            audience: "facteur".into(),
            keys: PathBuf::new(),
            user: usual_claim(),
        },
        clock: Arc::new(Standing),
        kept: RwLock::new(Kept {
            keys: parse(KEYS).unwrap_or_default(),
            stamp: None,
        }),
    };
    assert!(tokens.judge(&text).is_err());
    assert!(tokens.whose(bytes).map_or(true, |user| !user.is_empty()));
}
