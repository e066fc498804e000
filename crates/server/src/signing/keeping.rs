//! Keeps the keys of the domains: makes those that are missing, and rotates old ones.
//!
//! A new key waits until the names of the world have it, is then used, and the one before stays
//! published for two weeks. Start at [`tend`].

use super::key;
use crate::outbound::names::Names;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::signature::key::{Algorithm, DomainKey, Stage, Step, plan, take_into_use};
use engine::{Engine, EngineError, Timestamp};

/// Selectors of one day; the second key of a day gets another name.
const SELECTORS_MAX: u8 = 26;

/// The record that publishes a key (RFC 6376 §3.6.1).
pub fn record(key: &DomainKey) -> String {
    let public = STANDARD.encode(&key.public);
    format!("v=DKIM1; k={}; p={public}", key.algorithm.kind())
}

/// Makes what is missing, without asking anyone. Reads and writes the disk.
pub fn complete(engine: &Engine, domain: &str) -> Result<(), EngineError> {
    let keys = keys_of(engine, domain)?;
    for step in plan(&keys, 0, engine.now()) {
        if let Step::Make(algorithm, stage) = step {
            add(engine, domain, algorithm, stage)?;
        }
    }
    Ok(())
}

/// Takes all steps that are due in all domains. The names of the world are asked on `runtime`.
pub fn tend(
    engine: &Engine,
    days: u32,
    names: &dyn Names,
    runtime: &tokio::runtime::Handle,
) -> Result<(), EngineError> {
    for domain in engine.domains()? {
        for step in plan(&domain.keys, days, engine.now()) {
            let name = &domain.name;
            match step {
                Step::Make(algorithm, stage) => add(engine, name, algorithm, stage)?,
                Step::Use(selector) => {
                    let key = domain.keys.iter().find(|key| key.selector == selector);
                    let Some(key) = key else { continue };
                    if runtime.block_on(is_published(names, name, key)) {
                        take(engine, name, &selector)?;
                    } else {
                        tracing::warn!(
                            domain = name,
                            selector,
                            "a new key waits to be published; see `facteur dns`"
                        );
                    }
                }
                Step::Drop(selector) => {
                    let drop = |keys: &mut Vec<DomainKey>| {
                        keys.retain(|key| key.selector != selector);
                    };
                    engine.change_domain_keys(name, drop)?.wait()?;
                    tracing::info!(domain = name, selector, "key forgotten");
                }
            }
        }
    }
    Ok(())
}

fn keys_of(engine: &Engine, domain: &str) -> Result<Vec<DomainKey>, EngineError> {
    let domains = engine.domains()?;
    let found = domains
        .into_iter()
        .find(|known| known.name.eq_ignore_ascii_case(domain));
    Ok(found.map(|known| known.keys).unwrap_or_default())
}

fn add(
    engine: &Engine,
    domain: &str,
    algorithm: Algorithm,
    stage: Stage,
) -> Result<(), EngineError> {
    let made = match key::make(algorithm) {
        Ok(made) => made,
        Err(why) => {
            tracing::error!(domain, why, "no key");
            return Ok(());
        }
    };
    let now = engine.now();
    let change = |keys: &mut Vec<DomainKey>| {
        let is_known = keys
            .iter()
            .any(|key| key.algorithm == algorithm && key.stage == stage);
        if !is_known {
            keys.push(DomainKey {
                selector: selector(keys, algorithm, now),
                algorithm,
                secret: made.secret.clone(),
                public: made.public.clone(),
                made: now,
                stage,
            });
        }
    };
    engine.change_domain_keys(domain, change)?.wait()?;
    tracing::info!(domain, algorithm = algorithm.name(), "new key");
    Ok(())
}

fn take(engine: &Engine, domain: &str, selector: &str) -> Result<(), EngineError> {
    let now = engine.now();
    let change = |keys: &mut Vec<DomainKey>| take_into_use(keys, selector, now);
    engine.change_domain_keys(domain, change)?.wait()?;
    tracing::info!(domain, selector, "new key in use");
    Ok(())
}

/// The day and the kind: `20260301r`; with a letter behind it if there is one already.
fn selector(keys: &[DomainKey], algorithm: Algorithm, now: Timestamp) -> String {
    let kind = match algorithm {
        Algorithm::Rsa => 'r',
        Algorithm::Ed25519 => 'e',
    };
    let base = format!("{}{kind}", day(now));
    let later = (0..SELECTORS_MAX).map(|at| format!("{base}{}", char::from(b'a' + at)));
    std::iter::once(base.clone())
        .chain(later)
        .find(|name| keys.iter().all(|key| key.selector != *name))
        .unwrap_or(base)
}

/// `20260301`
fn day(now: Timestamp) -> String {
    formats::moment::rfc3339(now.seconds())
        .chars()
        .take(10)
        .filter(char::is_ascii_digit)
        .collect()
}

/// True when the world sees this key.
async fn is_published(names: &dyn Names, domain: &str, key: &DomainKey) -> bool {
    let name = format!("{}._domainkey.{domain}", key.selector);
    let public = STANDARD.encode(&key.public);
    let found = names.texts(&name).await.unwrap_or_default();
    found.iter().any(|text| {
        let mut tags = text.split(';').filter_map(|tag| tag.split_once('='));
        let published = tags.find(|(name, _)| name.trim() == "p");
        published.is_some_and(|(_, value)| {
            let value: String = value.split_ascii_whitespace().collect();
            value == public
        })
    })
}
