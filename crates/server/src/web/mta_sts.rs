//! The policy by which other servers know that mail for our domains is always encrypted:
//! `https://mta-sts.DOMAIN/.well-known/mta-sts.txt`.
//!
//! Served only for domains of this server. Start at [`text`].
//!
//! Standard: RFC 8461 §3.

use super::exchange::{Request, plain, reply};
use super::site::{Answering, Page};
use crate::house::House;
use crate::zone::hexadecimal;
use engine::Engine;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Where the policy is (RFC 8461 §3.2).
pub const PATH: &str = "/.well-known/mta-sts.txt";

/// Seconds for which others remember the policy: "weeks or greater" (RFC 8461 §3.2).
const SECONDS: u32 = 14 * 24 * 3600;
/// Likewise while it is tried out.
const TESTING_SECONDS: u32 = 24 * 3600;
/// Bytes of the digest that names a policy; the name has at most 32 characters.
const NAME_BYTES: usize = 10;

/// What is asked of other servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// That they report what fails, and deliver.
    #[default]
    Testing,
    /// That they deliver only where the certificate is proven.
    Enforce,
    /// Nothing any more: how a policy is taken back (RFC 8461 §8.3).
    None,
    /// Nothing; there is no policy.
    Off,
}

/// The policy's text; nothing where there is none.
pub fn text(mode: Mode, hostname: &str) -> Option<String> {
    let (mode, seconds) = match mode {
        Mode::Testing => ("testing", TESTING_SECONDS),
        Mode::Enforce => ("enforce", SECONDS),
        Mode::None => ("none", TESTING_SECONDS),
        Mode::Off => return None,
    };
    Some(format!(
        "version: STSv1\r\nmode: {mode}\r\nmx: {hostname}\r\nmax_age: {seconds}\r\n"
    ))
}

/// The record that tells of the policy: its name changes exactly when the policy does.
///
/// Source: RFC 8461 §3.1.
pub fn record(text: &str) -> String {
    let digest = Sha256::digest(text);
    let name = hexadecimal(digest.get(..NAME_BYTES).unwrap_or_default());
    format!("v=STSv1; id={name}")
}

/// The page.
pub struct Policy {
    engine: Engine,
    text: Option<String>,
}

impl Policy {
    /// As the configuration says.
    pub fn new(house: &House) -> Self {
        let configuration = &house.configuration;
        Self {
            engine: house.engine.clone(),
            text: text(configuration.web.mta_sts, &configuration.host_name()),
        }
    }
}

impl Page for Policy {
    fn answer(&self, request: Request) -> Answering<'_> {
        Box::pin(async move {
            let missing = || plain(StatusCode::NOT_FOUND, "not found\n");
            let host = request.host();
            let Some(domain) = host.strip_prefix("mta-sts.").map(str::to_owned) else {
                return missing();
            };
            let Some(text) = &self.text else {
                return missing();
            };
            if !matches!(*request.method(), Method::GET | Method::HEAD) {
                return plain(StatusCode::METHOD_NOT_ALLOWED, "GET only\n");
            }
            let engine = self.engine.clone();
            let known = move || engine.directory().has_domain(&domain).unwrap_or_default();
            match tokio::task::spawn_blocking(known).await {
                Ok(true) => reply(StatusCode::OK, "text/plain", text.clone()),
                _ => missing(),
            }
        })
    }
}
